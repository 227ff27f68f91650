//! From a sink object to a sink: the only place that knows which backends this build has. It opens no
//! connection.

#[cfg(feature = "local")]
mod local;
#[cfg(feature = "postgres")]
mod postgres;

use std::sync::Arc;

use kollect_api::reference::TlsSpec;
use kollect_api::sink::SinkSpec;
#[cfg(feature = "postgres")]
use kollect_api::sink::database::DatabaseType;
#[cfg(feature = "local")]
use kollect_api::sink::snapshot::SnapshotType;
use kollect_sink_core::{Secret, Sink};

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

/// Builds the sink that an object describes.
///
/// # Errors
/// The backend is not in this build, or something is wrong with the object or its Secrets, by the field's
/// path.
pub fn build(
    name: &ObjectName,
    spec: &SinkSpec,
    secrets: &SinkSecrets,
    settings: &ExportSettings,
) -> Result<Arc<dyn Sink>, BuildError> {
    match spec {
        #[cfg(feature = "postgres")]
        SinkSpec::Database(spec) if spec.type_ == DatabaseType::Postgres => {
            postgres::build(spec, secrets, settings)
        }
        #[cfg(feature = "local")]
        SinkSpec::Snapshot(spec) if spec.type_ == SnapshotType::Local => local::build(name, spec, settings),
        other => Err(unavailable(name, other)),
    }
}

/// Types that some build has, with the feature that brings them.
const FEATURES: [(&str, &str); 2] = [("postgres", "postgres"), ("local", "local")];

fn unavailable(name: &ObjectName, spec: &SinkSpec) -> BuildError {
    let wanted = spec.type_name();
    let built = BACKENDS.join(", ");
    let message = match FEATURES.iter().find(|(type_name, _)| *type_name == wanted) {
        Some((_, feature)) => format!(
            "sink {name} has type {wanted}, which this build leaves out (it has: {built}); use a build with \
             the cargo feature `{feature}`"
        ),
        None => {
            format!("sink {name} has type {wanted}, which this version does not have yet (it has: {built})")
        }
    };
    BuildError::Unavailable(message)
}

/// Certificates of a sink, from its specification and Secrets.
struct Certificates {
    ca_bundle: Option<String>,
    client: Option<(String, Secret)>,
    insecure_skip_verify: bool,
}

fn certificates(tls: Option<&TlsSpec>, secrets: &SinkSecrets) -> Result<Certificates, BuildError> {
    let Some(tls) = tls else {
        return Ok(Certificates { ca_bundle: None, client: None, insecure_skip_verify: false });
    };
    let missing = |path: &str, keys: &str| BuildError::Invalid(format!("{path}: the Secret needs {keys}"));
    let ca_bundle = match secrets.get("spec.tls.caSecretRef") {
        None => tls.ca_bundle.clone(),
        Some(secret) => {
            let found = secret.first(&["ca.crt", "tls.crt", "ca.pem"]);
            let pem = found.ok_or_else(|| missing("spec.tls.caSecretRef", "ca.crt, tls.crt or ca.pem"))?;
            Some(pem.expose().to_owned())
        }
    };
    let client = match secrets.get("spec.tls.clientCertSecretRef") {
        None => None,
        Some(secret) => match (secret.first(&["tls.crt"]), secret.first(&["tls.key"])) {
            (Some(certificate), Some(key)) => Some((certificate.expose().to_owned(), key.clone())),
            _ => return Err(missing("spec.tls.clientCertSecretRef", "tls.crt and tls.key")),
        },
    };
    Ok(Certificates { ca_bundle, client, insecure_skip_verify: tls.insecure_skip_verify })
}
