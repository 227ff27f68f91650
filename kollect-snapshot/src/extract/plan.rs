//! A profile's plan: what it reads of an object, and the row's attributes that it makes of it. It selects no
//! objects.

use kollect_sink_core::{Column, ColumnType, Schema};

use super::cel::Fault;
use super::coerce::coerce;
use super::helm::{self, Broken, Field, Releases};
use super::jsonpath::Work;
use super::page::Page;
use super::resource::Resource;
use super::rule::{Compiler, Rule};
use super::scrub::{self, Scrubber};
use super::secrets::{self, SecretGuard};
use super::spec::{
    AttributeSpec, CompileError, Extraction, Failure, FailureKind, Failures, ObjectContext, PlanSpec,
    ResourceSpec, Subject,
};
use super::tree::Tree;
use super::trie::{Found, Trie};
use crate::canonical;

/// Attributes of one plan at most.
const ATTRIBUTES: usize = 256;

/// Bytes of one path at most.
const PATH: usize = 8192;

/// A compiled profile. Nothing is compiled, and no environment built, per object.
#[derive(Debug)]
pub struct Plan {
    trie: Trie,
    /// Sorted by name, which is the order of the attributes in a row.
    attributes: Vec<Attribute>,
    releases: Option<Releases>,
    resource: Option<Embedded>,
    schema: Schema,
    scrubber: Scrubber,
    guard: SecretGuard,
}

#[derive(Debug)]
struct Attribute {
    name: String,
    /// The name as JSON, and a colon.
    key: String,
    path: String,
    column_type: Option<ColumnType>,
    optional: bool,
    hidden: bool,
    source: Source,
}

/// Where an attribute comes from.
#[derive(Debug)]
enum Source {
    Object(Rule),
    Release(Field),
}

/// The object itself as an attribute.
#[derive(Debug)]
struct Embedded {
    name: String,
    key: String,
    resource: Resource,
}

/// What the attributes of one object are made of.
struct Findings<'a, 'p> {
    object: Result<Found<'a>, String>,
    release: Result<Option<Found<'a>>, Broken>,
    work: Work<'p>,
}

impl Plan {
    /// Compiles a profile.
    ///
    /// # Errors
    /// Everything that does not compile.
    pub fn compile(spec: &PlanSpec) -> Result<Self, Vec<CompileError>> {
        let scrubber = Scrubber::new(&spec.scrub_keys);
        let guard = if spec.allow_secret_data { SecretGuard::Open } else { SecretGuard::Closed };
        let mut trie = Trie::default();
        let mut releases = None;
        let mut sources = Sources {
            spec,
            compiler: Compiler {
                trie: &mut trie,
                scrubber: &scrubber,
                guard: if secrets::is_secret(&spec.group, &spec.kind) { guard } else { SecretGuard::Open },
            },
            releases: &mut releases,
        };
        let mut attributes: Vec<Attribute> = Vec::new();
        let mut errors = Vec::new();
        for attribute in &spec.attributes {
            let known = attributes.iter().any(|known| known.name == attribute.name);
            match sources.of(attribute, known) {
                Ok(source) => attributes.push(Attribute::new(attribute, &scrubber, source)),
                Err(message) => {
                    let subject = Subject::Attribute(attribute.name.clone());
                    errors.push(CompileError { subject, message });
                }
            }
        }
        if spec.attributes.len() > ATTRIBUTES {
            let message = format!("a profile has at most {ATTRIBUTES} attributes");
            errors.push(CompileError { subject: Subject::Attributes, message });
        }
        let resource = match &spec.resource {
            Some(resource) => {
                Embedded::compile(spec, resource, &scrubber).map_err(|more| errors.extend(more)).ok()
            }
            None => None,
        };
        if !errors.is_empty() {
            return Err(errors);
        }
        attributes.sort_by(|left, right| left.name.cmp(&right.name));
        let columns = attributes.iter().filter_map(Attribute::column);
        let (schema, _) = Schema::union(columns.chain(resource.iter().map(Embedded::column)));
        Ok(Self { trie, attributes, releases, resource, schema, scrubber, guard })
    }

    /// The attributes that have a stated type, and the object if rows hold it. Of attributes that are always redacted the
    /// type is [`ColumnType::Json`], which is what stands in their place.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Extracts the attributes of one object: one canonical JSON object, and what failed. Never fails as a
    /// whole; an attribute that fails is null and counted.
    ///
    /// Of a key that stands twice in an object the last value counts. Work and memory are bounded whatever the
    /// text is: about 32 MiB of text looked at by paths, a million steps by each expression, 128 levels of
    /// nesting in what is extracted, 16 MiB of an unpacked release.
    pub fn extract(&self, object: &str, context: ObjectContext<'_>) -> Extraction {
        let mut row = Extraction {
            attributes: String::with_capacity(64 * (self.attributes.len() + 1)),
            failures: Failures::default(),
        };
        row.attributes.push('{');
        if self.attributes.is_empty() {
            self.resource
                .iter()
                .for_each(|resource| resource.extract(object, context, &self.scrubber, &mut row));
        } else {
            self.attributes(object, context, &mut row);
        }
        row.attributes.push('}');
        row
    }

    fn attributes(&self, object: &str, context: ObjectContext<'_>, row: &mut Extraction) {
        let page = Page::open(&self.trie, object, context, self.guard);
        let release = self.releases.as_ref().map_or(Ok(None), |releases| releases.unpack(object));
        let mut findings = Findings {
            object: page.as_ref().map_err(Clone::clone).and_then(|page| page.find(&self.trie)),
            release: match (&self.releases, &release) {
                (Some(releases), Ok(Some(release))) => releases.find(release).map(Some),
                (_, Err(broken)) => Err(*broken),
                _ => Ok(None),
            },
            work: Work::new(&self.scrubber),
        };
        let mut resource = self.resource.as_ref();
        for attribute in &self.attributes {
            if let Some(before) = resource.take_if(|resource| resource.name < attribute.name) {
                before.extract(object, context, &self.scrubber, row);
            }
            attribute.extract(&mut findings, &self.scrubber, row);
        }
        if let Some(last) = resource {
            last.extract(object, context, &self.scrubber, row);
        }
    }
}

/// Compiles where attributes come from.
struct Sources<'c> {
    spec: &'c PlanSpec,
    compiler: Compiler<'c>,
    releases: &'c mut Option<Releases>,
}

impl Sources<'_> {
    fn of(&mut self, attribute: &AttributeSpec, known: bool) -> Result<Source, String> {
        if attribute.name.is_empty() {
            return Err("an attribute needs a name".to_owned());
        }
        if known {
            return Err("another attribute has the same name".to_owned());
        }
        if attribute.path.len() > PATH {
            return Err(format!("a path has at most {PATH} bytes"));
        }
        let Some(path) = attribute.path.strip_prefix(helm::PREFIX) else {
            return self.compiler.rule(&attribute.path).map(Source::Object);
        };
        let releases = match self.releases {
            Some(releases) => releases,
            None => self.releases.insert(Releases::of(&self.spec.group, &self.spec.kind)?),
        };
        releases.field(path, self.compiler.guard).map(Source::Release)
    }
}

impl Embedded {
    fn compile(plan: &PlanSpec, spec: &ResourceSpec, scrubber: &Scrubber) -> Result<Self, Vec<CompileError>> {
        let resource = Resource::compile(plan, spec, scrubber)?;
        if spec.name.is_empty() || plan.attributes.iter().any(|attribute| attribute.name == spec.name) {
            let message = "the resource needs a name that no attribute has".to_owned();
            return Err(vec![CompileError { subject: Subject::ResourceName, message }]);
        }
        Ok(Self { name: spec.name.clone(), key: key(&spec.name), resource })
    }

    fn column(&self) -> Column {
        Column { name: self.name.as_str().into(), column_type: ColumnType::Map }
    }

    fn extract(&self, object: &str, context: ObjectContext<'_>, scrubber: &Scrubber, row: &mut Extraction) {
        row.key(&self.key);
        let start = row.attributes.len();
        if let Err((rule, reason)) = self.resource.write(object, context, scrubber, &mut row.attributes) {
            row.attributes.truncate(start);
            row.attributes.push_str("null");
            match rule.as_str() {
                "" => row.failed(FailureKind::Object, &self.name, "the object", reason),
                rule => row.failed(FailureKind::Prune, &self.name, rule, reason),
            }
        }
    }
}

impl Extraction {
    fn key(&mut self, key: &str) {
        if self.attributes.len() > 1 {
            self.attributes.push(',');
        }
        self.attributes.push_str(key);
    }

    fn failed(&mut self, kind: FailureKind, attribute: &str, path: &str, reason: String) {
        self.failures.count += 1;
        *self.failures.kinds.entry(kind).or_default() += 1;
        let (attribute, path) = (attribute.to_owned(), path.to_owned());
        self.failures.last = Some(Failure { kind, attribute, path, reason });
    }
}

fn key(name: &str) -> String {
    let mut key = String::new();
    canonical::write_string(name, &mut key);
    key.push(':');
    key
}

impl Attribute {
    fn new(spec: &AttributeSpec, scrubber: &Scrubber, source: Source) -> Self {
        Self {
            name: spec.name.clone(),
            key: key(&spec.name),
            path: spec.path.clone(),
            column_type: spec.column_type,
            optional: spec.optional,
            hidden: spec.redact || scrubber.names_secret(&spec.name),
            source,
        }
    }

    fn column(&self) -> Option<Column> {
        let stated = self.column_type?;
        let column_type = if self.hidden { ColumnType::Json } else { stated };
        Some(Column { name: self.name.as_str().into(), column_type })
    }

    fn extract(&self, findings: &mut Findings<'_, '_>, scrubber: &Scrubber, row: &mut Extraction) {
        let value = match self.value(findings, scrubber) {
            Ok(None | Some(Tree::Null)) | Err((FailureKind::Missing, _)) if self.optional => return,
            Ok(value) => value.unwrap_or(Tree::Null),
            Err((kind, reason)) => {
                row.failed(kind, &self.name, &self.path, reason);
                Tree::Null
            }
        };
        row.key(&self.key);
        value.write(&mut row.attributes);
    }

    fn value<'a>(
        &self,
        findings: &mut Findings<'a, '_>,
        scrubber: &Scrubber,
    ) -> Result<Option<Tree<'a>>, (FailureKind, String)> {
        let value = match (&self.source, &findings.object, &findings.release) {
            (Source::Object(_), Err(reason), _) => return Err((FailureKind::Object, reason.clone())),
            (Source::Object(rule), Ok(found), _) => {
                let listed = self.column_type == Some(ColumnType::List) && rule.is_plural();
                rule.evaluate(found, &mut findings.work, scrubber, listed).map_err(|fault| {
                    match (fault, rule) {
                        (Fault::Missing(reason), _) => (FailureKind::Missing, reason),
                        (Fault::Failed(reason), Rule::Cel(..)) => (FailureKind::Expression, reason),
                        (Fault::Failed(reason), _) => (FailureKind::Path, reason),
                    }
                })?
            }
            (Source::Release(field), _, release) => {
                let broken = |broken: Broken| (FailureKind::Release, broken.to_string());
                match release.as_ref().map_err(|error| broken(*error))? {
                    Some(found) => field.value(found, scrubber).map_err(broken)?,
                    None => None,
                }
            }
        };
        let Some(mut value) = value else { return Ok(None) };
        if self.hidden {
            if value != Tree::Null {
                value = Scrubber::redacted();
            }
            return Ok(Some(value));
        }
        match self.column_type {
            Some(wanted) if !scrub::is_redacted(&value) => {
                coerce(value, wanted).map(Some).map_err(|reason| (FailureKind::Type, reason))
            }
            _ => Ok(Some(value)),
        }
    }
}
