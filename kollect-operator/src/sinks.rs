//! From a sink object to a sink: the only place that knows which backends this build has. It opens no
//! connection.

pub mod ambient;
#[cfg(feature = "postgres")]
mod certificates;
#[cfg(feature = "local")]
mod local;
#[cfg(feature = "postgres")]
mod postgres;

use std::sync::Arc;

use kollect_api::Violation;
use kollect_api::sink::SinkSpec;
#[cfg(feature = "postgres")]
use kollect_api::sink::database::DatabaseType;
#[cfg(feature = "local")]
use kollect_api::sink::snapshot::SnapshotType;
use kollect_sink_core::{Preview, Sample, Sink};

use crate::export::ExportSettings;
use crate::export::secrets::SinkSecrets;
use crate::index::ObjectName;

/// Why a sink cannot be built. Holds no secret.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// This build does not have the backend.
    #[error("{0}")]
    Unavailable(String),
    /// The specification or a Secret is wrong.
    #[error("{0}")]
    Invalid(String),
}

/// The backends of this build, for `kollect version`.
pub const BACKENDS: &[&str] = &[
    #[cfg(feature = "postgres")]
    "postgres",
    #[cfg(feature = "local")]
    "local",
];

/// All that a sink is built from.
#[derive(Clone, Copy)]
pub struct Description<'a> {
    /// Namespace and name of the sink object.
    pub name: &'a ObjectName,
    /// Its specification.
    pub spec: &'a SinkSpec,
    /// The Secrets that it names.
    pub secrets: &'a SinkSecrets,
    /// The operator's rules.
    pub settings: &'a ExportSettings,
}

/// Builds the sink that an object describes.
///
/// # Errors
/// The backend is not in this build, or something is wrong with the object or its Secrets, by the field's
/// path.
pub fn build(sink: Description<'_>) -> Result<Arc<dyn Sink>, BuildError> {
    if let Some(message) = ambient::denied(sink.name, sink.spec, sink.settings) {
        return Err(BuildError::Invalid(message));
    }
    match sink.spec {
        #[cfg(feature = "postgres")]
        SinkSpec::Database(spec) if spec.type_ == DatabaseType::Postgres => {
            postgres::build(spec, sink.secrets, sink.settings)
        }
        #[cfg(feature = "local")]
        SinkSpec::Snapshot(spec) if spec.type_ == SnapshotType::Local => {
            local::build(sink.name, spec, sink.settings)
        }
        other => Err(BuildError::Unavailable(lacking(sink.name, other))),
    }
}

/// What the sink's backend refuses in a specification that keeps the rules, without its Secrets. Empty for a backend
/// that this build does not have.
pub fn check(spec: &SinkSpec) -> Vec<Violation> {
    match spec {
        #[cfg(feature = "postgres")]
        SinkSpec::Database(spec) if spec.type_ == DatabaseType::Postgres => postgres::check(spec),
        #[cfg(feature = "local")]
        SinkSpec::Snapshot(spec) if spec.type_ == SnapshotType::Local => local::check(spec),
        _ => Vec::new(),
    }
}

/// What an export of the sample into the sink would do. Nothing is connected to, and no Secret is needed: what they hold
/// decides nothing of it.
///
/// # Errors
/// The backend is not in this build, or something is wrong with the specification or the sample.
#[cfg_attr(
    not(any(feature = "postgres", feature = "local")),
    expect(unused_variables, reason = "a build without backends previews nothing")
)]
pub fn preview(name: &ObjectName, spec: &SinkSpec, sample: &Sample<'_>) -> Result<Preview, BuildError> {
    let mut preview: Preview = match spec {
        #[cfg(feature = "postgres")]
        SinkSpec::Database(spec) if spec.type_ == DatabaseType::Postgres => postgres::preview(spec, sample),
        #[cfg(feature = "local")]
        SinkSpec::Snapshot(spec) if spec.type_ == SnapshotType::Local => local::preview(name, spec, sample),
        other => Err(BuildError::Unavailable(lacking(name, other))),
    }?;
    if spec.common().provisioning.naming.template.is_some() {
        preview.warnings.push("spec.provisioning.naming.template has no effect".to_owned());
    }
    Ok(preview)
}

/// The stated ones of these fields, as warnings that they have no effect.
#[cfg(any(feature = "postgres", feature = "local"))]
fn idle<const N: usize>(fields: [(&str, bool, &str); N]) -> impl Iterator<Item = String> {
    let stated = fields.into_iter().filter(|(_, stated, _)| *stated);
    stated.map(|(field, _, why)| format!("{field} has no effect: {why}")).collect::<Vec<_>>().into_iter()
}

/// Why this build cannot use a sink at all, whatever its Secrets hold.
pub fn unavailable(name: &ObjectName, spec: &SinkSpec) -> Option<String> {
    (!BACKENDS.contains(&spec.type_name())).then(|| lacking(name, spec))
}

/// Types that some build has, with the feature that brings them.
const FEATURES: [(&str, &str); 2] = [("postgres", "postgres"), ("local", "local")];

fn lacking(name: &ObjectName, spec: &SinkSpec) -> String {
    let wanted = spec.type_name();
    let built = BACKENDS.join(", ");
    match FEATURES.iter().find(|(type_name, _)| *type_name == wanted) {
        Some((_, feature)) => format!(
            "sink {name} has type {wanted}, which this build leaves out (it has: {built}); use a build with \
             the cargo feature `{feature}`"
        ),
        None => {
            format!("sink {name} has type {wanted}, which this version does not have yet (it has: {built})")
        }
    }
}
