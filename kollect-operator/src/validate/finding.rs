//! What is wrong with a manifest, and where, in three notations. It does not print.

use std::fmt::Write as _;

use serde::Serialize;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// An API server or the operator refuses it.
    Error,
    /// It is taken, and does not do what it says: something that it names is missing.
    Warning,
}

impl Severity {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it weighs.
    pub severity: Severity,
    /// The file as it was named.
    pub file: String,
    /// Line in it, from 1.
    pub line: u64,
    /// Column in the line, from 1.
    pub column: u64,
    /// Kind, namespace and name; empty where the document cannot be read.
    pub object: String,
    /// The field, such as `spec.attributes[2].type`; empty where the document cannot be read.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What to write instead, where the message does not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Finding {
    fn about(&self) -> String {
        let parts = [self.object.as_str(), self.path.as_str(), self.message.as_str()];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
    }
}

/// One line each, as compilers write it, and a line for a hint.
pub fn text(findings: &[Finding]) -> String {
    let mut out = String::new();
    for finding in findings {
        let Finding { severity, file, line, column, hint, .. } = finding;
        let about = finding.about();
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{file}:{line}:{column}: {}: {about}", severity.as_str());
        if let Some(hint) = hint {
            let _ = writeln!(out, "    hint: {hint}");
        }
    }
    out
}

/// Workflow commands of GitHub Actions: each finding stands beside its line in a pull request.
pub fn github(findings: &[Finding]) -> String {
    let mut out = String::new();
    for finding in findings {
        let Finding { severity, file, line, column, object, path, message, hint } = finding;
        let body = match (path.is_empty(), hint) {
            (true, _) => message.clone(),
            (false, None) => format!("{path}: {message}"),
            (false, Some(hint)) => format!("{path}: {message}\nhint: {hint}"),
        };
        let title = if object.is_empty() { "kollect" } else { object };
        let _ = writeln!(
            out,
            "::{} file={},line={line},col={column},title={}::{}",
            severity.as_str(),
            property(file),
            property(title),
            data(&body)
        );
    }
    out
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn github_reads_no_command_out_of_a_text() {
        let finding = Finding {
            severity: Severity::Error,
            file: "a,b:c.yaml".to_owned(),
            line: 3,
            column: 5,
            object: "KollectProfile a/b".to_owned(),
            path: "spec.x".to_owned(),
            message: "100% wrong\n::error::forged".to_owned(),
            hint: Some("write y".to_owned()),
        };
        assert_eq!(
            github(std::slice::from_ref(&finding)),
            "::error file=a%2Cb%3Ac.yaml,line=3,col=5,title=KollectProfile a/b::\
             spec.x: 100%25 wrong%0A::error::forged%0Ahint: write y\n"
        );
        assert!(
            text(&[finding]).starts_with("a,b:c.yaml:3:5: error: KollectProfile a/b: spec.x: 100% wrong")
        );
    }
}
