//! KollectDatabaseSink of type postgres. What the values mean is the backend's.

use std::sync::Arc;

use kollect_api::layout::ProvisioningMode;
use kollect_api::sink::DatabaseSinkSpec;
use kollect_sink_core::Sink;
use kollect_sink_postgres::{Config, Postgres, Provisioning, Settings, Tls};

use super::BuildError;
use super::certificates::certificates;
use crate::export::ExportSettings;
use crate::export::secrets::SinkSecrets;

/// Keys under which a Secret may hold the DSN.
const DSN_KEYS: [&str; 4] = ["dsn", "url", "connectionString", "DATABASE_URL"];

pub(super) fn build(
    spec: &DatabaseSinkSpec,
    secrets: &SinkSecrets,
    settings: &ExportSettings,
) -> Result<Arc<dyn Sink>, BuildError> {
    let block = spec.postgres.as_ref().ok_or_else(|| {
        BuildError::Invalid(
            "spec.postgres: required for type postgres; write databaseRef and table".to_owned(),
        )
    })?;
    let dsn = secrets
        .get("spec.postgres.databaseRef")
        .and_then(|secret| secret.first(&DSN_KEYS))
        .ok_or_else(|| {
            BuildError::Invalid(format!(
                "spec.postgres.databaseRef: the Secret needs one of {}",
                DSN_KEYS.join(", ")
            ))
        })?;
    let tls = certificates(spec.tls.as_ref(), secrets)?;
    let provisioning = match spec.provisioning.mode {
        ProvisioningMode::Ensure => Provisioning::Ensure,
        ProvisioningMode::Existing => Provisioning::Existing,
    };
    let config = Config::parse(Settings {
        dsn: dsn.clone(),
        schema: Some(block.schema.clone()),
        table: block.table.clone(),
        tls: Tls {
            ca_bundle: tls.ca_bundle,
            client: tls.client,
            insecure_skip_verify: tls.insecure_skip_verify,
        },
        provisioning,
        options: spec.options.clone(),
    })
    .map_err(|error| BuildError::Invalid(error.chain()))?;
    Ok(Arc::new(Postgres::open(config, settings.addresses.clone())))
}
