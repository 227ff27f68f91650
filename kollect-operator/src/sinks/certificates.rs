//! Certificates of a sink, from its specification and Secrets. What they prove is the backend's.

use kollect_api::reference::TlsSpec;
use kollect_sink_core::Secret;

use super::BuildError;
use crate::export::secrets::SinkSecrets;

/// Certificates of a sink.
pub(super) struct Certificates {
    pub(super) ca_bundle: Option<String>,
    pub(super) client: Option<(String, Secret)>,
    pub(super) insecure_skip_verify: bool,
}

/// Reads them from the specification and its Secrets.
pub(super) fn certificates(tls: Option<&TlsSpec>, secrets: &SinkSecrets) -> Result<Certificates, BuildError> {
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
