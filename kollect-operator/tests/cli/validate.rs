//! `kollect validate`: places, hints, references, scopes, notations and exit codes.

use serde_json::{Value, json};

use crate::{code, err, fed, out, run, write};

const CONFIG: &str = "\
# What the platform collects.
apiVersion: kollect.dev/v1alpha1
kind: KollectProfile
metadata: {name: apps, namespace: team-a}
spec:
  targetGVK: {group: apps, version: v1, kind: Deployment}
  attributes:
  - name: replicas
    path: '{.spec.replicas}'
---
apiVersion: kollect.dev/v1alpha1
kind: KollectTarget
metadata: {name: apps, namespace: team-a}
spec: {profileRef: apps}
---
apiVersion: kollect.dev/v1alpha1
kind: KollectSnapshotSink
metadata: {name: archive, namespace: team-a}
spec: {type: local, endpoint: archive}
---
apiVersion: kollect.dev/v1alpha1
kind: KollectInventory
metadata: {name: apps, namespace: team-a}
spec: {snapshotSinkRefs: [archive]}
";

#[test]
fn what_is_right_is_said_to_be_so() {
    let output = fed(&["validate", "-"], CONFIG);
    assert_eq!((code(&output), out(&output).as_str()), (0, ""), "{}", out(&output));
    assert_eq!(err(&output), "nothing is wrong with 4 objects of 1 file\n");
}

#[test]
fn a_finding_names_file_line_column_field_and_hint() {
    let wrong = CONFIG.replace("    path: '{.spec.replicas}'", "    path: '{.spec.replicas}'\n    tpye: int");
    let wrong = wrong.replace("endpoint: archive", "endpoint: ../archive");
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("deep/all.yaml"), &wrong);
    write(&folder.path().join("deep/broken.yaml"), "kind: [\n");
    write(&folder.path().join("deep/values.yaml"), "replicas: 3\n");
    let output = run(&["validate", folder.path().to_str().unwrap()]);
    assert_eq!(code(&output), 1);
    let text = out(&output).replace(folder.path().to_str().unwrap(), "");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[0],
        "/deep/all.yaml:10:5: error: KollectProfile team-a/apps: spec.attributes[0].tpye: unknown field"
    );
    assert_eq!(lines[1], "    hint: did you mean type?");
    assert!(
        lines[2].starts_with(
            "/deep/all.yaml:20:21: error: KollectSnapshotSink team-a/archive: spec.endpoint: must be a relative path"
        ),
        "{text}"
    );
    assert!(lines[3].starts_with("/deep/broken.yaml:"), "{text}");
    assert_eq!(err(&output), "3 errors in 4 objects of 3 files\n");
}

#[test]
fn json_is_read_too() {
    let text = "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [\n  {\"apiVersion\": \"kollect.dev/v1alpha1\", \
        \"kind\": \"KollectTarget\", \"metadata\": {\"name\": \"a\"},\n   \"spec\": {\"profileRef\": 7}}]}";
    let output = fed(&["validate", "--quiet", "-"], text);
    assert_eq!(
        out(&output),
        "stdin:3:13: error: KollectTarget default/a: spec.profileRef: must be of type string: \"integer\"\n    hint: put it into quotes\n"
    );
}

#[test]
fn who_an_object_is_must_be_right_first() {
    for (text, expected) in [
        (
            "apiVersion: kollect.dev/v1\nkind: KollectTarget\nmetadata: {name: a}\n",
            "1:1: error: KollectTarget default/a: apiVersion: \"kollect.dev/v1\" must be kollect.dev/v1alpha1",
        ),
        (
            "apiVersion: kollect.dev/v1alpha1\nkind: KollectTargets\nmetadata: {name: a}\n",
            "2:1: error: KollectTargets default/a: kind: \"KollectTargets\" is none of KollectProfile, KollectTarget, ",
        ),
        (
            "apiVersion: kollect.dev/v1alpha1\nkind: KollectScope\nmetadata: {}\nspec: {}\n",
            "3:1: error: KollectScope default/: metadata.name: Required value",
        ),
        (
            "apiVersion: kollect.dev/v1alpha1\nkind: KollectScope\nmetadata: {name: A_b}\nspec: {}\n",
            "3:12: error: KollectScope default/A_b: metadata.name: must be a DNS-1123 subdomain",
        ),
    ] {
        let output = fed(&["validate", "--quiet", "-"], text);
        assert!(out(&output).starts_with(&format!("stdin:{expected}")), "{}", out(&output));
        assert_eq!(code(&output), 1);
    }
}

#[test]
fn what_is_named_and_missing_is_a_warning_and_counts_when_strict() {
    let text =
        CONFIG.replace("[archive]", "[archive, absent]").replace("profileRef: apps", "profileRef: gone");
    let output = fed(&["validate", "-"], &text);
    assert_eq!(code(&output), 0, "{}", out(&output));
    assert_eq!(
        out(&output),
        "stdin:14:8: warning: KollectTarget team-a/apps: spec.profileRef: KollectProfile team-a/gone is not among these manifests\n\
         stdin:24:36: warning: KollectInventory team-a/apps: spec.snapshotSinkRefs[1]: KollectSnapshotSink team-a/absent is not among these manifests\n"
    );
    assert_eq!(err(&output), "2 warnings in 4 objects of 1 file\n");
    assert_eq!(code(&fed(&["validate", "--strict", "-"], &text)), 1);
}

#[test]
fn an_object_that_stands_twice_is_an_error() {
    let output = fed(&["validate", "--quiet", "-"], &format!("{CONFIG}---\n{CONFIG}"));
    assert_eq!(out(&output).lines().count(), 4, "{}", out(&output));
    assert!(
        out(&output).contains("metadata.name: stands twice: stdin:4 names it too; remove one of the two")
    );
}

#[test]
fn scopes_deny_kinds_namespaces_and_sinks() {
    let scope = "---\napiVersion: kollect.dev/v1alpha1\nkind: KollectScope\nmetadata: {name: NAME, namespace: team-a}\nspec: SPEC\n";
    let scoped = |spec: &str| format!("{CONFIG}{}", scope.replace("NAME", "a").replace("SPEC", spec));
    let said = |text: &str| out(&fed(&["validate", "--quiet", "-"], text));
    assert_eq!(
        said(&scoped("{allowedGVKs: [{group: apps, version: v1, kind: '*'}], snapshotSinkRefs: [archive]}")),
        ""
    );
    assert!(
        said(&scoped("{allowedGVKs: [{version: v1, kind: Pod}]}"))
            .contains("spec.profileRef: KollectScope team-a/a does not allow Deployment (apps/v1)")
    );
    assert!(
        said(&scoped("{snapshotSinkRefs: [other]}"))
            .contains("spec.snapshotSinkRefs[0]: KollectScope team-a/a does not allow the sink \"archive\"")
    );
    let included =
        CONFIG.replace("{profileRef: apps}", "{profileRef: apps, includedNamespaces: [shop, prod]}");
    let denied = scope.replace("NAME", "a").replace("SPEC", "{deniedNamespaces: [prod]}");
    assert!(
        said(&format!("{included}{denied}"))
            .contains("spec.includedNamespaces: KollectScope team-a/a does not allow to collect from prod")
    );
    let second = scope.replace("NAME", "b").replace("SPEC", "{snapshotSinkRefs: [other]}");
    let shadowed = said(&format!("{}{second}", scoped("{}")));
    assert_eq!(shadowed.lines().count(), 1, "{shadowed}");
    assert!(shadowed.contains(
        "warning: KollectScope team-a/b: metadata.name: has no effect: KollectScope team-a/a rules"
    ));
}

#[test]
fn a_profile_that_does_not_fit_the_kind_of_a_rule_is_told_at_the_target() {
    let text = CONFIG.replace("path: '{.spec.replicas}'", "path: '{.data.password}'").replace(
        "{profileRef: apps}",
        "{profileRef: apps, resourceRules: [{gvk: {version: v1, kind: Secret}}]}",
    );
    let output = fed(&["validate", "--quiet", "-"], &text);
    assert_eq!(code(&output), 1, "{}", out(&output));
    assert!(
        out(&output)
            .contains("KollectTarget team-a/apps: spec.resourceRules: KollectProfile apps does not fit")
    );
}

#[test]
fn notations_for_programs() {
    let text = CONFIG.replace("type: local", "type: ftp");
    let output = fed(&["validate", "--output=github", "-"], &text);
    assert!(
        out(&output).starts_with(
            "::error file=stdin,line=19,col=8,title=KollectSnapshotSink team-a/archive::spec.type: Unsupported value: \"ftp\""
        ),
        "{}",
        out(&output)
    );
    let output = fed(&["validate", "--output=json", "-"], &text);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["errors"], json!(1), "{report:#}");
    assert_eq!(report["findings"][0]["line"], json!(19));
    assert_eq!(report["findings"][0]["object"], json!("KollectSnapshotSink team-a/archive"));
}

#[test]
fn nothing_to_validate_ends_with_2() {
    let output = fed(&["validate", "-"], "a: b\n");
    assert_eq!(code(&output), 2);
    assert!(err(&output).contains("there is no object of kollect.dev in 1 file"), "{}", err(&output));
    assert_eq!(code(&run(&["validate", "/nonexistent/x"])), 2);
    assert_eq!(code(&run(&["validate"])), 2);
}

#[test]
fn every_sample_is_right() {
    let samples = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/samples");
    let output = run(&["validate", "--namespace=kollect-system", samples]);
    assert_eq!(code(&output), 0, "{}", out(&output));
}
