//! A profile's plan: what it reads of an object, and how each attribute is made of it. It selects no objects.

use kollect_sink_core::{Column, ColumnType, Schema};
use serde_json::Value;

use super::cel::Expression;
use super::coerce::coerce;
use super::jsonpath::{self, Parsed, Piece, Step};
use super::scrub::{self, Scrubber};
use super::secrets::SecretGuard;
use super::source::{Need, Needs, Source};
use super::spec::{AttributeSpec, CompileError, Extraction, Failure, Failures, ObjectContext, PlanSpec};
use crate::canonical;

/// A compiled profile. Nothing is compiled, and no environment built, per object.
#[derive(Debug)]
pub struct Plan {
    needs: Needs,
    /// Sorted by name, which is the order of the attributes in a row.
    attributes: Vec<Attribute>,
    schema: Schema,
    scrubber: Scrubber,
    guard: SecretGuard,
}

#[derive(Debug)]
struct Attribute {
    name: String,
    path: String,
    column_type: Option<ColumnType>,
    optional: bool,
    hidden: bool,
    rule: Rule,
}

#[derive(Debug)]
enum Rule {
    /// A value by names, then steps within it.
    Path(Need, Vec<Step>),
    /// Text and such values.
    Template(Vec<TemplatePart>),
    /// An expression over the values it reads.
    Cel(Expression, Vec<Need>),
}

#[derive(Debug)]
enum TemplatePart {
    Text(String),
    Path(Need, Vec<Step>),
}

impl Plan {
    /// Compiles a profile.
    ///
    /// # Errors
    /// Every attribute that does not compile.
    pub fn compile(spec: &PlanSpec) -> Result<Self, Vec<CompileError>> {
        let mut needs = Needs::default();
        let guard = SecretGuard::of(&spec.group, &spec.kind, spec.allow_secret_data);
        let scrubber = Scrubber::new(&spec.scrub_keys);
        let mut attributes = Vec::new();
        let mut errors = Vec::new();
        for attribute in &spec.attributes {
            match rule(&attribute.path, &mut needs, guard) {
                Ok(rule) => attributes.push(Attribute {
                    name: attribute.name.clone(),
                    path: attribute.path.clone(),
                    column_type: attribute.column_type,
                    optional: attribute.optional,
                    hidden: attribute.redact || scrubber.names_secret(&attribute.name),
                    rule,
                }),
                Err(message) => errors.push(CompileError { attribute: attribute.name.clone(), message }),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        attributes.sort_by(|left, right| left.name.cmp(&right.name));
        let columns = spec.attributes.iter().filter_map(column);
        let (schema, _) = Schema::union(columns);
        Ok(Self { needs, attributes, schema, scrubber, guard })
    }

    /// The attributes that have a stated type.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Extracts the attributes of one object. Never fails as a whole: an attribute that fails is null and
    /// counted.
    pub fn extract(&self, object: &str, context: ObjectContext<'_>) -> Extraction {
        let mut out = String::from("{");
        let mut failures = Failures::default();
        let mut source = self.needs.read(object, context, self.guard);
        for attribute in &self.attributes {
            let result = match &mut source {
                Ok(source) => self.value(attribute, source),
                Err(reason) => Err(reason.clone()),
            };
            let value = match result {
                Ok(None) if attribute.optional => continue,
                Ok(value) => value.unwrap_or(Value::Null),
                Err(reason) => {
                    failures.count += 1;
                    let (name, path) = (attribute.name.clone(), attribute.path.clone());
                    failures.last = Some(Failure { attribute: name, path, reason });
                    Value::Null
                }
            };
            if out.len() > 1 {
                out.push(',');
            }
            canonical::write_string(&attribute.name, &mut out);
            out.push(':');
            canonical::write(&value, &mut out);
        }
        out.push('}');
        Extraction { attributes: out, failures }
    }

    fn value(&self, attribute: &Attribute, source: &mut Source<'_>) -> Result<Option<Value>, String> {
        let Some(mut value) = attribute.rule.evaluate(source)? else { return Ok(None) };
        if attribute.hidden {
            scrub::replace(&mut value);
            return Ok(Some(value));
        }
        self.scrubber.scrub(&mut value);
        match attribute.column_type {
            Some(wanted) => coerce(value, wanted).map(Some),
            None => Ok(Some(value)),
        }
    }
}

impl Rule {
    fn evaluate(&self, source: &mut Source<'_>) -> Result<Option<Value>, String> {
        match self {
            Self::Path(need, steps) => {
                let Some(value) = source.value(need)? else { return Ok(None) };
                let found = jsonpath::select(steps, value);
                Ok(match found.as_slice() {
                    [] => None,
                    [one] => Some((*one).clone()),
                    several => Some(Value::Array(several.iter().map(|one| (*one).clone()).collect())),
                })
            }
            Self::Template(parts) => {
                let mut text = String::new();
                for part in parts {
                    match part {
                        TemplatePart::Text(part) => text.push_str(part),
                        TemplatePart::Path(need, steps) => print(source.value(need)?, steps, &mut text),
                    }
                }
                Ok(Some(Value::String(text)))
            }
            Self::Cel(expression, needs) => {
                let object = source.partial(needs)?;
                expression.evaluate(&object).map(Some)
            }
        }
    }
}

/// As kubectl prints: results apart by a space, strings bare, all else as JSON.
fn print(value: Option<&Value>, steps: &[Step], out: &mut String) {
    let Some(value) = value else { return };
    for (index, found) in jsonpath::select(steps, value).into_iter().enumerate() {
        if index > 0 {
            out.push(' ');
        }
        match found {
            Value::String(text) => out.push_str(text),
            other => canonical::write(other, out),
        }
    }
}

fn rule(path: &str, needs: &mut Needs, guard: SecretGuard) -> Result<Rule, String> {
    if let Some(source) = path.strip_prefix("cel:") {
        let expression = Expression::compile(source.trim())?;
        let mut own = Vec::new();
        for read in expression.reads() {
            guard.check(read)?;
            own.push(needs.add(read.clone()));
        }
        return Ok(Rule::Cel(expression, own));
    }
    if path.starts_with("helm:") {
        return Err("helm: paths are not supported by this version".to_owned());
    }
    let mut need = |steps: &[Step]| -> Result<(Need, Vec<Step>), String> {
        let (names, rest) = jsonpath::split(steps);
        guard.check(&names)?;
        Ok((needs.add(names), rest.to_vec()))
    };
    match jsonpath::parse(path)? {
        Parsed::Path(steps) => {
            let (need, rest) = need(&steps)?;
            Ok(Rule::Path(need, rest))
        }
        Parsed::Template(pieces) => {
            let part = |piece: Piece| match piece {
                Piece::Text(text) => Ok(TemplatePart::Text(text)),
                Piece::Path(steps) => need(&steps).map(|(need, rest)| TemplatePart::Path(need, rest)),
            };
            Ok(Rule::Template(pieces.into_iter().map(part).collect::<Result<_, String>>()?))
        }
    }
}

fn column(attribute: &AttributeSpec) -> Option<Column> {
    Some(Column { name: attribute.name.as_str().into(), column_type: attribute.column_type? })
}
