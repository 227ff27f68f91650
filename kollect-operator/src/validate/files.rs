//! Kollect manifests of files, each object with the places of its fields. It judges nothing.

use std::path::Path;

use kollect_api::GROUP;
use serde_json::Value;

use super::finding::{Finding, Severity};
use crate::collect::document::located::{self, Located};
use crate::collect::error::Error;
use crate::collect::folder;

/// An object of a file.
#[derive(Debug)]
pub struct Manifest {
    /// The file, as it was named.
    pub file: String,
    /// Kind; may be one that does not exist.
    pub kind: String,
    /// Namespace: the stated one, else the one that is meant; empty for cluster kinds.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// What it says, and where.
    pub located: Located,
}

impl Manifest {
    /// A finding about the field at `path`.
    pub fn finding(&self, severity: Severity, path: &str, message: impl Into<String>) -> Finding {
        let place = self.located.place(path);
        Finding {
            severity,
            file: self.file.clone(),
            line: place.line,
            column: place.column,
            object: self.to_string(),
            path: path.to_owned(),
            message: message.into(),
            hint: None,
        }
    }
}

impl std::fmt::Display for Manifest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let slash = if self.namespace.is_empty() { "" } else { "/" };
        write!(f, "{} {}{slash}{}", self.kind, self.namespace, self.name)
    }
}

/// What files hold.
#[derive(Debug, Default)]
pub struct Files {
    /// How many files were read.
    pub count: usize,
    /// Objects of our group, and of kinds that look as if they were meant to be.
    pub manifests: Vec<Manifest>,
    /// Names of the Secrets beside them.
    pub secrets: Vec<(String, String)>,
    /// What cannot be read.
    pub unreadable: Vec<Finding>,
}

impl Files {
    /// Reads a file, or the files of a folder. Objects without a namespace are taken to be in `namespace`.
    ///
    /// # Errors
    /// The path cannot be read.
    pub fn read(&mut self, path: &Path, namespace: &str) -> Result<(), Error> {
        let found = folder::find(path)?;
        for file in &found.files {
            let name = file.display().to_string();
            match folder::read_text(file) {
                Ok(text) => self.text(&name, &text, namespace),
                Err(why) => self.unreadable(&name, 1, why),
            }
        }
        for (folder, why) in &found.unreadable {
            self.unreadable(&folder.display().to_string(), 1, why.clone());
        }
        Ok(())
    }

    /// Reads a text that is called `file` in messages.
    pub fn text(&mut self, file: &str, text: &str, namespace: &str) {
        self.count += 1;
        for document in located::read(text) {
            match document {
                Ok(located) => self.take(file, located, namespace),
                Err(problem) => {
                    let message = format!("document {}: {}", problem.document, problem.message);
                    self.unreadable(file, problem.line, message);
                }
            }
        }
    }

    fn unreadable(&mut self, file: &str, line: u64, message: String) {
        self.unreadable.push(Finding {
            severity: Severity::Error,
            file: file.to_owned(),
            line,
            column: 1,
            object: String::new(),
            path: String::new(),
            message,
            hint: None,
        });
    }

    fn take(&mut self, file: &str, located: Located, namespace: &str) {
        let text = |path: &str| located.value.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let (api_version, kind) = (text("/apiVersion"), text("/kind"));
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        let cluster = kind.starts_with("KollectCluster");
        let stated = text("/metadata/namespace");
        let namespace = match (cluster, stated.is_empty()) {
            (true, _) => "",
            (false, true) => namespace,
            (false, false) => stated,
        };
        let (namespace, name) = (namespace.to_owned(), text("/metadata/name").to_owned());
        if (api_version, kind) == ("v1", "Secret") {
            self.secrets.push((namespace, name));
        } else if group == GROUP || kind.starts_with("Kollect") {
            let (file, kind) = (file.to_owned(), kind.to_owned());
            self.manifests.push(Manifest { file, kind, namespace, name, located });
        }
    }
}
