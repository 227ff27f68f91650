//! Exit codes, help, and the small commands.

use std::process::Stdio;

use crate::{code, err, fed, kollect, out, run};

#[test]
fn nothing_usable_ends_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    for arguments in [
        &["collect", "--from", path][..],
        &["collect", "--from", "/nonexistent/dump"],
        &["collect", "--config", path, "--sample"],
        &["collect", "nonsense", "--sample"],
        &["collect", "--sample", "--from", path],
        &["collect", "--sample", "--cluster-name", "a/b"],
        &["collect", "--sample", "--format", "xml", "--output", path],
        &["collect"],
    ] {
        let output = run(arguments);
        assert_eq!(code(&output), 2, "{arguments:?}: {}", err(&output));
        assert!(!err(&output).is_empty(), "{arguments:?}");
    }
}

#[test]
fn tenant_mode_needs_its_namespaces() {
    for command in ["run", "verify"] {
        let output = run(&[command, "--tenant-mode"]);
        assert_eq!(code(&output), 2, "{}", err(&output));
        assert!(err(&output).contains("--watch-namespaces"), "{}", err(&output));
    }
}

#[test]
fn presets_are_listed_and_an_unknown_one_leads_to_a_near_one() {
    let output = run(&["collect", "--list-presets"]);
    let listed = out(&output);
    assert_eq!(code(&output), 0);
    assert!(listed.lines().any(|line| line.starts_with("ingresses ") && line.ends_with('.')), "{listed}");
    let output = run(&["collect", "ingreses", "--sample"]);
    assert_eq!(
        err(&output),
        "error: there is no preset \"ingreses\"; did you mean \"ingresses\"? --list-presets shows all\n"
    );
}

#[test]
fn quiet_leaves_the_table_and_what_went_wrong() {
    let output = run(&["collect", "--sample", "--quiet"]);
    assert_eq!((code(&output), err(&output)), (0, String::new()));
    assert!(out(&output).starts_with("NAMESPACE"));
    let output = fed(
        &["collect", "--from", "-", "--quiet"],
        "apiVersion: v1\nkind: [\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\n",
    );
    assert!(err(&output).starts_with("  failed   stdin:"), "{}", err(&output));
}

#[test]
fn a_reader_that_has_seen_enough_ends_the_output_quietly() {
    let mut child = kollect(&["collect", "images", "--sample", "--quiet"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((code(&output), err(&output)), (0, String::new()));
}

#[test]
fn version_crds_and_completion_print() {
    let version = out(&run(&["version"]));
    assert!(version.starts_with(concat!("kollect ", env!("CARGO_PKG_VERSION"), "\n")), "{version}");
    assert!(version.contains("\nformats "), "{version}");
    let crds = out(&run(&["crds"]));
    assert_eq!(crds.matches("\n---\n").count(), 10);
    assert!(crds.contains("name: kollectprofiles.kollect.dev"), "{}", &crds[..500]);
    for shell in ["bash", "zsh", "fish", "powershell"] {
        assert!(out(&run(&["completion", shell])).contains("kollect"), "{shell}");
    }
}

#[test]
fn help_is_grouped_and_has_examples() {
    let help = out(&run(&["collect", "--help"]));
    for expected in ["What:", "From where:", "Into what:", "Examples:", "[env: KOLLECT_FROM=]"] {
        assert!(help.contains(expected), "{expected:?} is missing in:\n{help}");
    }
}
