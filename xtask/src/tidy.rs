//! The rules that a compiler does not hold: who may depend on whom, sizes of files, words that do not belong.
//! Reports findings; changes nothing. Types are clippy's work, not repeated here.

pub mod edges;
pub mod files;
pub mod source;
pub mod words;

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::workspace;

/// Something that breaks a rule, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file, relative to the root.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub todo: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.file, self.line, self.what, self.todo)
    }
}

/// Checks the work tree.
///
/// # Errors
/// If git or cargo cannot be asked, or a file cannot be read; a finding is no error.
pub fn check() -> Result<Vec<Finding>> {
    let root = workspace::root();
    let mut findings = edges::check(&root)?;
    for file in tracked(&root)? {
        let bytes = fs::read(root.join(&file)).with_context(|| format!("cannot read {file}"))?;
        let Ok(text) = String::from_utf8(bytes) else {
            continue;
        };
        findings.extend(files::check(&file, &text));
        if file.ends_with(".rs") {
            findings.extend(words::check(&file, &text));
        }
    }
    findings.sort();
    Ok(findings)
}

/// The files that git tracks or would track: a new file is judged before it is committed.
fn tracked(root: &Path) -> Result<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .context("cannot start git")?;
    ensure!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr).trim());
    let list = String::from_utf8(output.stdout)?;
    Ok(list.split('\0').filter(|f| !f.is_empty() && root.join(f).is_file()).map(String::from).collect())
}
