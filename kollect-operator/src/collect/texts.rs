//! A source of texts: a folder, a file, standard input, or the built-in sample. It does not know formats.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Deserialize;

use super::document::{self, Next, Problem, Receiver, Syntax};
use super::error::Error;
use super::finding::Weight;
use super::folder;
use super::pass::{Listing, Pass, Wanted};
use super::printable::counted;
use crate::engine::{Kind, NamespaceFacts, RawObject};

/// The built-in sample cluster.
const SAMPLE: &str = include_str!("../../sample/cluster.yaml");

/// Asks a running pass to end.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn next(&self) -> Next {
        if self.0.load(Ordering::Relaxed) { Next::Stop } else { Next::Continue }
    }
}

/// Texts that hold objects.
#[derive(Debug)]
pub struct Texts {
    texts: Vec<Text>,
    others: u64,
    unreadable: Vec<(PathBuf, String)>,
    coverage: Coverage,
}

/// Whether texts hold all objects of their cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coverage {
    Whole,
    /// All objects of each kind of which they hold any, if all of them can be read; else what they lack is
    /// unknown.
    Kinds,
    /// What they lack may exist: it is unknown.
    Part,
}

#[derive(Debug)]
enum Text {
    File(PathBuf),
    Held { name: &'static str, text: String },
}

impl Texts {
    /// The built-in sample cluster.
    pub fn sample() -> Self {
        Self::held("sample", SAMPLE.to_owned(), Coverage::Whole)
    }

    /// Reads standard input to its end.
    ///
    /// # Errors
    /// It cannot be read, or is not UTF-8.
    pub fn stdin() -> Result<Self, Error> {
        let failed = |source| Error::Read { path: PathBuf::from("standard input"), source };
        let mut text = String::new();
        std::io::stdin().lock().read_to_string(&mut text).map_err(failed)?;
        Ok(Self::held("stdin", text, Coverage::Part))
    }

    /// The files of a folder, or one file.
    ///
    /// # Errors
    /// The path cannot be read.
    pub fn below(path: &Path) -> Result<Self, Error> {
        let folder::Found { files, others, unreadable } = folder::find(path)?;
        let texts = files.into_iter().map(Text::File).collect();
        Ok(Self { texts, others, unreadable, coverage: Coverage::Part })
    }

    /// Takes each kind of which the texts hold an object as whole, as `kubectl get --all-namespaces` writes it.
    #[must_use]
    pub fn with_whole_kinds(self) -> Self {
        Self { coverage: Coverage::Kinds, ..self }
    }

    fn held(name: &'static str, text: String, coverage: Coverage) -> Self {
        Self { texts: vec![Text::Held { name, text }], others: 0, unreadable: Vec::new(), coverage }
    }

    /// Hands all objects to the pass. Blocks; ends early when asked to stop.
    pub fn read(&self, pass: &Pass, stop: &Stop) {
        // Which objects are selected depends on their namespaces, which may stand in any of the files.
        self.each(|_, text| match text {
            Ok(text) if names_namespaces(text) => {
                document::read(text, Syntax::of(text), &mut NamespaceReader { pass, stop })
            }
            _ => stop.next(),
        });
        let wanted = pass.wanted();
        let mut reader = ObjectReader::new(pass, stop, &wanted);
        self.each(|name, text| {
            reader.file = name;
            match text {
                Ok(text) => {
                    pass.progress.set_message(reader.file.clone());
                    document::read(text, Syntax::of(text), &mut reader)
                }
                Err(why) => {
                    pass.findings.add(Weight::Failed, &reader.file, why);
                    reader.broken = true;
                    stop.next()
                }
            }
        });
        let whole = !reader.broken && self.unreadable.is_empty();
        reader.finish(if whole { self.coverage } else { Coverage::Part });
        for (path, why) in &self.unreadable {
            pass.findings.add(Weight::Failed, path.display().to_string(), why);
        }
        if self.others > 0 {
            let what = counted(self.others, "other file");
            pass.findings.add(Weight::Note, what, "only .yaml, .yml and .json files are read");
        }
    }

    fn each(&self, mut act: impl FnMut(String, Result<&str, String>) -> Next) {
        for text in &self.texts {
            let next = match text {
                Text::Held { name, text } => act((*name).to_owned(), Ok(text)),
                Text::File(path) => {
                    let read = folder::read_text(path);
                    act(path.display().to_string(), read.as_deref().map_err(Clone::clone))
                }
            };
            if next == Next::Stop {
                return;
            }
        }
    }
}

/// Whether a text may hold namespaces. Says yes too often rather than too seldom.
fn names_namespaces(text: &str) -> bool {
    text.match_indices("Namespace").any(|(at, word)| {
        let after = text.get(at + word.len()..).unwrap_or_default();
        after.starts_with("List") || !after.starts_with(|c: char| c.is_alphanumeric())
    })
}

struct NamespaceReader<'a> {
    pass: &'a Pass,
    stop: &'a Stop,
}

impl Receiver for NamespaceReader<'_> {
    fn wants(&mut self, kind: &Kind) -> bool {
        kind.group.is_empty() && &*kind.kind == "Namespace"
    }

    fn object(&mut self, _: &Kind, object: RawObject) -> Next {
        #[derive(Deserialize)]
        struct Namespace {
            metadata: Metadata,
        }
        #[derive(Deserialize)]
        struct Metadata {
            #[serde(default)]
            labels: Option<BTreeMap<String, String>>,
            #[serde(default)]
            annotations: Option<BTreeMap<String, String>>,
        }
        if let Ok(Namespace { metadata }) = serde_json::from_str(object.json()) {
            let annotations = metadata.annotations.unwrap_or_default();
            let facts = NamespaceFacts::new(metadata.labels.unwrap_or_default(), &annotations);
            self.pass.engine.namespaces.set(object.name(), facts);
        }
        self.stop.next()
    }

    fn foreign(&mut self) {}

    // The second reading tells.
    fn problem(&mut self, _: Problem) {}
}

struct ObjectReader<'a> {
    pass: &'a Pass,
    stop: &'a Stop,
    listings: HashMap<Kind, Listing>,
    found: HashSet<Kind>,
    broken: bool,
    file: String,
    foreign: u64,
    other_versions: BTreeMap<Kind, u64>,
}

impl<'a> ObjectReader<'a> {
    fn new(pass: &'a Pass, stop: &'a Stop, wanted: &[Wanted]) -> Self {
        let listings = wanted.iter().map(|wanted| (wanted.kind.clone(), pass.begin(wanted))).collect();
        Self {
            pass,
            stop,
            listings,
            found: HashSet::new(),
            broken: false,
            file: String::new(),
            foreign: 0,
            other_versions: BTreeMap::new(),
        }
    }

    fn finish(self, coverage: Coverage) {
        for (kind, objects) in self.other_versions {
            let what = format!("{objects} of {kind}");
            let why = "profiles are about another version, and files cannot be converted: dump that version";
            self.pass.findings.add(Weight::Skipped, what, why);
        }
        if self.foreign > 0 {
            let what = counted(self.foreign, "document");
            self.pass.findings.add(Weight::Note, what, "no Kubernetes objects: kind or name is missing");
        }
        for (kind, listing) in self.listings {
            match coverage {
                Coverage::Whole => self.pass.end(listing),
                Coverage::Kinds if self.found.contains(&kind) => self.pass.end(listing),
                Coverage::Kinds => self.pass.fail(listing),
                Coverage::Part => self.pass.leave_open(listing),
            }
        }
    }
}

impl Receiver for ObjectReader<'_> {
    fn wants(&mut self, kind: &Kind) -> bool {
        self.pass.count(1);
        if self.listings.contains_key(kind) {
            return true;
        }
        if self.listings.keys().any(|wanted| wanted.group == kind.group && wanted.kind == kind.kind) {
            *self.other_versions.entry(kind.clone()).or_default() += 1;
        }
        false
    }

    fn object(&mut self, kind: &Kind, object: RawObject) -> Next {
        if let Some(listing) = self.listings.get(kind) {
            self.pass.observe(listing, kind, &object);
            if !self.found.contains(kind) {
                self.found.insert(kind.clone());
            }
        }
        self.stop.next()
    }

    fn foreign(&mut self) {
        self.foreign += 1;
    }

    fn problem(&mut self, problem: Problem) {
        self.broken = true;
        let Problem { line, document, message } = problem;
        let what = format!("{}:{line}", self.file);
        self.pass.findings.add(Weight::Failed, what, format!("document {document}: {message}"));
    }
}
