//! `kollect verify` without a cluster and without servers: dumps against folders.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::{code, deployment, err, kollect, list, out, run, write};

const CONFIG: &str = "\
apiVersion: kollect.dev/v1alpha1
kind: KollectProfile
metadata: {name: apps, namespace: team-a}
spec: {targetGVK: {group: apps, version: v1, kind: Deployment}, attributes: [{name: replicas, path: '{.spec.replicas}'}]}
---
apiVersion: kollect.dev/v1alpha1
kind: KollectTarget
metadata: {name: apps, namespace: team-a}
spec: {profileRef: apps}
---
apiVersion: kollect.dev/v1alpha1
kind: KollectSnapshotSink
metadata: {name: archive, namespace: team-a}
spec: {type: local}
---
apiVersion: kollect.dev/v1alpha1
kind: KollectInventory
metadata: {name: apps, namespace: team-a}
spec: {snapshotSinkRefs: [archive]}
";

const PODS: &str = "
---
apiVersion: kollect.dev/v1alpha1
kind: KollectProfile
metadata: {name: pods, namespace: team-a}
spec: {targetGVK: {version: v1, kind: Pod}, attributes: [{name: node, path: '{.spec.nodeName}'}]}
---
apiVersion: kollect.dev/v1alpha1
kind: KollectTarget
metadata: {name: pods, namespace: team-a}
spec: {profileRef: pods}
";

/// A folder with a config, a dump and the root of local sinks.
fn place(config: &str, dump: &Value) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("config/all.yaml"), config);
    write(&folder.path().join("dump.json"), dump.to_string());
    std::fs::create_dir(folder.path().join("root")).unwrap();
    folder
}

fn verify(folder: &Path, args: &[&str]) -> Output {
    command(folder, "dump.json", args).output().unwrap()
}

fn command(folder: &Path, from: &str, args: &[&str]) -> Command {
    let mut command = kollect(&["verify", "--config", "config", "--local-root", "root", "--from", from]);
    command.current_dir(folder).args(args);
    command
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_folder_that_holds_nothing_lacks_every_row() {
    let dump = list(vec![deployment("shop", "cart", "a"), deployment("shop", "web", "b")]);
    let folder = place(CONFIG, &dump);
    let output = verify(folder.path(), &["--settle", "0", "--limit", "1"]);
    let text = out(&output);
    assert_eq!(code(&output), 1, "{}", err(&output));
    assert!(text.contains("  missing in the sink  Deployment shop/cart of target team-a/apps\n"), "{text}");
    assert!(text.contains("and 1 row more (--limit)"), "{text}");
    assert!(text.contains("hint: the sink never held this inventory under the cluster name \"\""), "{text}");
    // Nothing was made there.
    assert_eq!(std::fs::read_dir(folder.path().join("root")).unwrap().count(), 0);
}

#[test]
fn a_kind_that_the_dump_lacks_or_a_part_that_cannot_be_read_is_unknown() {
    let folder = place(&format!("{CONFIG}{PODS}"), &list(vec![deployment("shop", "cart", "a")]));
    let found = report(&verify(folder.path(), &["--settle=0", "--output=json"]));
    let unknown = &found["exports"][0]["unknown"];
    assert_eq!(unknown.as_array().unwrap().len(), 1, "{found:#}");
    assert_eq!(unknown[0]["target"]["name"], "pods");

    write(&folder.path().join("dump/a.json"), deployment("shop", "cart", "a").to_string());
    write(&folder.path().join("dump/b.yaml"), "kind: [");
    let output = command(folder.path(), "dump", &["--settle=0", "--output=json"]).output().unwrap();
    assert_eq!(report(&output)["exports"][0]["unknown"].as_array().unwrap().len(), 2, "{}", out(&output));
    assert!(err(&output).starts_with("failed   dump/b.yaml:1: "), "{}", err(&output));
}

#[test]
fn an_inventory_that_is_not_compared_is_told() {
    let suspended =
        CONFIG.replace("snapshotSinkRefs: [archive]", "snapshotSinkRefs: [archive], suspend: true");
    let folder = place(&suspended, &list(vec![deployment("shop", "cart", "a")]));
    let output = verify(folder.path(), &[]);
    assert_eq!(code(&output), 2);
    assert!(err(&output).contains("nothing to verify"), "{}", err(&output));

    let absent = CONFIG.replace("[archive]", "[archive, absent]");
    let folder = place(&absent, &list(vec![deployment("shop", "cart", "a")]));
    let output = verify(folder.path(), &["--sink=absent", "--output=json"]);
    assert_eq!(code(&output), 2, "{}", out(&output));
    let error = report(&output)["exports"][0]["error"].clone();
    assert_eq!(error, json!("KollectSnapshotSink team-a/absent does not exist"));
}

#[test]
fn a_wrong_command_line_ends_with_2_and_says_why() {
    let folder = place(CONFIG, &list(vec![deployment("shop", "cart", "a")]));
    for (arguments, why) in [
        (&["--inventory=nonsense"][..], "there is no inventory \"nonsense\"; there are: team-a/apps"),
        (&["--sink=nonsense"], "there is no sink \"nonsense\"; there are: team-a/archive"),
        (&["-n", "team-b"], "nothing to verify"),
        (&["--cluster-name=_"], "stands for an empty name"),
        (&["--context=x"], "cannot be used with"),
    ] {
        let output = verify(folder.path(), arguments);
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert!(err(&output).contains(why), "{arguments:?}: {}", err(&output));
    }
    let output = run(&["verify", "--from", "x"]);
    assert!(code(&output) == 2 && err(&output).contains("--config"), "{}", err(&output));
}

#[test]
fn an_interrupted_verification_ends_with_130_and_says_so() {
    let folder = place(CONFIG, &list(Vec::new()));
    let mut child = command(folder.path(), "-", &[])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // More than a pipe holds: once it is taken, the dump is being read.
    let mut dump = child.stdin.take().unwrap();
    dump.write_all(&vec![b'\n'; 1 << 18]).unwrap();
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!((code(&output), out(&output)), (130, String::new()));
    assert_eq!(err(&output), "interrupted: nothing was compared to its end\n");
    drop(dump);
}
