//! What a plan is compiled from, and what it answers. It compiles nothing.

use std::collections::BTreeMap;
use std::fmt;

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
    /// Whether the data of core Secrets may be read by attributes.
    pub allow_secret_data: bool,
    /// The object itself, if rows hold it.
    pub resource: Option<ResourceSpec>,
}

/// The object itself as an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceSpec {
    /// Name of the attribute.
    pub name: String,
    /// What of the object.
    pub sections: Sections,
    /// Whether apiVersion, kind, name, namespace and uid are left out, which the row says as well.
    pub dedupe_identity: bool,
    /// What else is left out.
    pub prune: PruneSpec,
    /// Whether core Secrets may be exported, data included.
    pub allow_secret: bool,
}

/// Sections of an object. Its metadata is always among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sections {
    /// The metadata alone.
    Metadata,
    /// And `spec`.
    Spec,
    /// And `status`.
    Status,
    /// And both.
    SpecAndStatus,
    /// And everything else.
    All,
}

/// What is left out of an object. All rules look at the object as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PruneSpec {
    /// Whether what changes without meaning is: managedFields, resourceVersion, generation, and the annotations in which
    /// kubectl keeps a copy and Argo CD its tracking id.
    pub defaults: bool,
    /// JSON pointers (RFC 6901).
    pub pointers: Vec<String>,
    /// JSONPaths of either dialect.
    pub paths: Vec<String>,
    /// CEL expressions, each of which gives a list of JSON pointers.
    pub expressions: Vec<String>,
}

/// What does not compile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The attribute of this name.
    Attribute(String),
    /// The attributes together.
    Attributes,
    /// The object as an attribute.
    Resource,
    /// Its name.
    ResourceName,
    /// The pointer at this index of [`PruneSpec::pointers`].
    Pointer(usize),
    /// The path at this index of [`PruneSpec::paths`].
    Path(usize),
    /// The expression at this index of [`PruneSpec::expressions`].
    Expression(usize),
    /// A condition.
    Condition,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attribute(name) => write!(f, "attribute {name}"),
            Self::Attributes => f.write_str("the attributes"),
            Self::Resource | Self::ResourceName => f.write_str("the resource"),
            Self::Pointer(index) => write!(f, "pointer {index}"),
            Self::Path(index) => write!(f, "path {index}"),
            Self::Expression(index) => write!(f, "expression {index}"),
            Self::Condition => f.write_str("the condition"),
        }
    }
}

/// Why something does not compile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{subject}: {message}")]
pub struct CompileError {
    /// What.
    pub subject: Subject,
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

/// What kind of thing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureKind {
    /// The object is no JSON, or too deep.
    Object,
    /// An expression reads what is not there.
    Missing,
    /// A path could not be followed.
    Path,
    /// An expression could not be evaluated.
    Expression,
    /// A value does not fit the stated type.
    Type,
    /// A release of Helm is broken.
    Release,
    /// What shall be left out of the object cannot be told.
    Prune,
    /// A condition could not be evaluated.
    Condition,
}

impl FailureKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Object,
        Self::Missing,
        Self::Path,
        Self::Expression,
        Self::Type,
        Self::Release,
        Self::Prune,
        Self::Condition,
    ];

    /// One word, for metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Missing => "missing",
            Self::Path => "path",
            Self::Expression => "expression",
            Self::Type => "type",
            Self::Release => "release",
            Self::Prune => "prune",
            Self::Condition => "condition",
        }
    }
}

/// Why a value could not be extracted. Holds no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("attribute {attribute} ({path}): {reason}")]
pub struct Failure {
    /// What kind of thing went wrong.
    pub kind: FailureKind,
    /// The attribute.
    pub attribute: String,
    /// Its path as the user wrote it; of a resource the rule that failed, if one did.
    pub path: String,
    /// What went wrong.
    pub reason: String,
}

/// What failed in one object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// How many attributes.
    pub count: u64,
    /// The same by kind.
    pub kinds: BTreeMap<FailureKind, u64>,
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
