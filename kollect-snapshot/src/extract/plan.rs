//! A profile's plan: what it reads of an object, and the row's attributes that it makes of it. It selects no
//! objects.

use kollect_sink_core::{Column, ColumnType, Schema};

use super::cel::Fault;
use super::coerce::coerce;
use super::jsonpath::Work;
use super::page::Page;
use super::rule::{Compiler, Rule};
use super::scrub::{self, Scrubber};
use super::secrets::{self, SecretGuard};
use super::spec::{AttributeSpec, CompileError, Extraction, Failure, Failures, ObjectContext, PlanSpec};
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
    rule: Rule,
}

impl Plan {
    /// Compiles a profile.
    ///
    /// # Errors
    /// Every attribute that does not compile.
    pub fn compile(spec: &PlanSpec) -> Result<Self, Vec<CompileError>> {
        let scrubber = Scrubber::new(&spec.scrub_keys);
        let guard = if spec.allow_secret_data { SecretGuard::Open } else { SecretGuard::Closed };
        let mut trie = Trie::default();
        let mut compiler = Compiler {
            trie: &mut trie,
            scrubber: &scrubber,
            guard: if secrets::is_secret(&spec.group, &spec.kind) { guard } else { SecretGuard::Open },
        };
        let mut attributes: Vec<Attribute> = Vec::new();
        let mut errors = Vec::new();
        for attribute in &spec.attributes {
            let known = attributes.iter().any(|known| known.name == attribute.name);
            match rule(&mut compiler, attribute, known) {
                Ok(rule) => attributes.push(Attribute::new(attribute, &scrubber, rule)),
                Err(message) => errors.push(CompileError { attribute: attribute.name.clone(), message }),
            }
        }
        if spec.attributes.len() > ATTRIBUTES {
            let message = format!("a profile has at most {ATTRIBUTES} attributes");
            errors.push(CompileError { attribute: String::new(), message });
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        attributes.sort_by(|left, right| left.name.cmp(&right.name));
        let (schema, _) = Schema::union(attributes.iter().filter_map(Attribute::column));
        Ok(Self { trie, attributes, schema, scrubber, guard })
    }

    /// The attributes that have a stated type. Of those that are always redacted it is
    /// [`ColumnType::Json`], which is what stands in their place.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Extracts the attributes of one object: one canonical JSON object, and what failed. Never fails as a
    /// whole; an attribute that fails is null and counted.
    ///
    /// Of a key that stands twice in an object the last value counts. Work and memory are bounded whatever the
    /// text is: about 32 MiB of text looked at by paths, a million steps by each expression, 128 levels of
    /// nesting in what is extracted.
    pub fn extract(&self, object: &str, context: ObjectContext<'_>) -> Extraction {
        let page = Page::open(&self.trie, object, context, self.guard);
        let found = page.as_ref().map_err(Clone::clone).and_then(|page| page.find(&self.trie));
        let mut work = Work::new(&self.scrubber);
        let mut out = String::with_capacity(64 * (self.attributes.len() + 1));
        out.push('{');
        let mut failures = Failures::default();
        for attribute in &self.attributes {
            let value = match &found {
                Ok(found) => attribute.value(found, &mut work, &self.scrubber),
                Err(reason) => Err(Fault::Failed(reason.clone())),
            };
            let value = match value {
                Ok(None | Some(Tree::Null)) | Err(Fault::Missing(_)) if attribute.optional => continue,
                Ok(value) => value.unwrap_or(Tree::Null),
                Err(fault) => {
                    failures.count += 1;
                    let (name, path) = (attribute.name.clone(), attribute.path.clone());
                    failures.last = Some(Failure { attribute: name, path, reason: fault.into_reason() });
                    Tree::Null
                }
            };
            if out.len() > 1 {
                out.push(',');
            }
            out.push_str(&attribute.key);
            value.write(&mut out);
        }
        out.push('}');
        Extraction { attributes: out, failures }
    }
}

fn rule(compiler: &mut Compiler<'_>, attribute: &AttributeSpec, known: bool) -> Result<Rule, String> {
    if attribute.name.is_empty() {
        return Err("an attribute needs a name".to_owned());
    }
    if known {
        return Err("another attribute has the same name".to_owned());
    }
    if attribute.path.len() > PATH {
        return Err(format!("a path has at most {PATH} bytes"));
    }
    compiler.rule(&attribute.path)
}

impl Attribute {
    fn new(spec: &AttributeSpec, scrubber: &Scrubber, rule: Rule) -> Self {
        let mut key = String::new();
        canonical::write_string(&spec.name, &mut key);
        key.push(':');
        Self {
            name: spec.name.clone(),
            key,
            path: spec.path.clone(),
            column_type: spec.column_type,
            optional: spec.optional,
            hidden: spec.redact || scrubber.names_secret(&spec.name),
            rule,
        }
    }

    fn column(&self) -> Option<Column> {
        let stated = self.column_type?;
        let column_type = if self.hidden { ColumnType::Json } else { stated };
        Some(Column { name: self.name.as_str().into(), column_type })
    }

    fn value<'a>(
        &self,
        found: &Found<'a>,
        work: &mut Work<'_>,
        scrubber: &Scrubber,
    ) -> Result<Option<Tree<'a>>, Fault> {
        let listed = self.column_type == Some(ColumnType::List) && self.rule.is_plural();
        let Some(mut value) = self.rule.evaluate(found, work, scrubber, listed)? else { return Ok(None) };
        if self.hidden {
            if value != Tree::Null {
                value = Scrubber::redacted();
            }
            return Ok(Some(value));
        }
        match self.column_type {
            Some(wanted) if !scrub::is_redacted(&value) => {
                coerce(value, wanted).map(Some).map_err(Fault::Failed)
            }
            _ => Ok(Some(value)),
        }
    }
}
