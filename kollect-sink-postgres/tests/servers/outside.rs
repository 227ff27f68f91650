//! A program outside of this workspace, made of the README's example.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::fixture::Database;

const CARGO: &str = r#"[package]
name = "outside"
version = "0.0.0"
edition = "2024"
publish = false

[workspace]

[dependencies]
futures = { version = "0.3", default-features = false, features = ["std"] }
jiff = { version = "0.2", default-features = false, features = ["std"] }
kollect-sink-core = { path = "CORE" }
kollect-sink-postgres = { path = "POSTGRES" }
tokio = { version = "1", default-features = false, features = ["macros", "rt-multi-thread"] }
"#;

const MAIN: &str = r##"
#[tokio::main]
async fn main() {
    let dsn = std::env::var("DSN").unwrap();
    let at = "2026-11-21T10:00:00Z".parse().unwrap();
    let first = [("alpha", r#"{"os":"linux"}"#), ("beta", r#"{"os":"bsd"}"#)];
    println!("{}", keep_equal(&dsn, &first, at).await.unwrap());
    let second = [("beta", r#"{"os":"bsd"}"#), ("gamma", r#"{"os":"linux"}"#)];
    println!("{}", keep_equal(&dsn, &second, at).await.unwrap());
}
"##;

#[test]
fn an_outside_program_keeps_a_table_equal_to_its_rows() {
    let database = Database::create();
    let folder = tempfile::tempdir().unwrap();
    write_program(folder.path());
    let tree = cargo(folder.path(), &["tree", "--edges", "normal"]);
    let tree = String::from_utf8(tree.stdout).unwrap();
    assert!(tree.contains("sqlx-postgres"), "{tree}");
    for stranger in ["kube", "k8s-openapi", "kollect-api", "kollect-snapshot"] {
        assert!(!tree.contains(stranger), "{stranger} in {tree}");
    }
    let build = cargo(folder.path(), &["build", "--message-format", "json-render-diagnostics"]);
    let program = program(&String::from_utf8(build.stdout).unwrap());
    // The example knows no certificates: the server's is not checked.
    let dsn = database.dsn().replace("verify-full", "require");
    let output = Command::new(program).env("DSN", dsn).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "2\n1\n");
    assert_eq!(database.names(), ["|fleet|beta", "|fleet|gamma"]);
    let systems = "SELECT string_agg(payload->'attributes'->>'os', ',' ORDER BY source_uid) FROM inventory";
    assert_eq!(database.psql(systems), "bsd,linux");
}

fn write_program(folder: &Path) {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = ours.parent().unwrap();
    let manifest = CARGO
        .replace("CORE", root.join("kollect-sink-core").to_str().unwrap())
        .replace("POSTGRES", ours.to_str().unwrap());
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    // The versions that are tested here, and nothing to be fetched.
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    let readme = fs::read_to_string(ours.join("README.md")).unwrap();
    let (_, example) = readme.split_once("```rust,no_run\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    fs::create_dir(folder.join("src")).unwrap();
    fs::write(folder.join("src/main.rs"), format!("{example}{MAIN}")).unwrap();
}

fn cargo(folder: &Path, arguments: &[&str]) -> Output {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo).args(arguments).arg("--offline").current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// The path of the program in cargo's report.
fn program(report: &str) -> PathBuf {
    let found = report.lines().rev().find_map(|line| {
        let (_, rest) = line.split_once(r#""executable":""#)?;
        rest.split('"').next().map(PathBuf::from)
    });
    found.expect("cargo names the program")
}
