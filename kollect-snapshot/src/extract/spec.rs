//! What a plan is compiled from, and what it answers. It compiles nothing.

use kollect_sink_core::ColumnType;

/// One attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeSpec {
    /// Its name.
    pub name: String,
    /// `{.a.b}` as kubectl reads it, `$.a.b` as RFC 9535 does, or `cel:<expression>`.
    pub path: String,
    /// The stated type; a value that cannot be made so is a failure.
    pub column_type: Option<ColumnType>,
    /// Whether a missing value leaves the attribute out, rather than being null.
    pub optional: bool,
    /// Whether the value is always replaced.
    pub redact: bool,
}

/// What a plan is compiled from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanSpec {
    /// API group of the objects, empty for the core group.
    pub group: String,
    /// API version of the objects.
    pub version: String,
    /// Kind of the objects.
    pub kind: String,
    /// The attributes.
    pub attributes: Vec<AttributeSpec>,
    /// Keys whose values are scrubbed, beside the built-in ones.
    pub scrub_keys: Vec<String>,
    /// Whether the data of core Secrets may be read.
    pub allow_secret_data: bool,
}

/// Why an attribute does not compile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("attribute {attribute}: {message}")]
pub struct CompileError {
    /// The attribute; empty for a condition.
    pub attribute: String,
    /// What is wrong, and what to write instead.
    pub message: String,
}

/// What an object is, where its own JSON may not say so: items of a list carry neither field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectContext<'a> {
    /// `apiVersion`.
    pub api_version: &'a str,
    /// `kind`.
    pub kind: &'a str,
}

/// Why a value could not be extracted. Holds no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("attribute {attribute} ({path}): {reason}")]
pub struct Failure {
    /// The attribute; empty for a condition.
    pub attribute: String,
    /// Its path as the user wrote it.
    pub path: String,
    /// What went wrong.
    pub reason: String,
}

/// What failed in one object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// How many attributes.
    pub count: u64,
    /// The last one.
    pub last: Option<Failure>,
}

/// The attributes of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extraction {
    /// Canonical JSON object.
    pub attributes: String,
    /// What failed; those attributes are null.
    pub failures: Failures,
}
