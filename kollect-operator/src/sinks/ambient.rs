//! Sinks that name no credentials, and would use the operator's own identity with their provider. It reads no Secret.

use kollect_api::sink::SinkSpec;
use kollect_api::sink::database::DatabaseType;
use kollect_api::sink::snapshot::SnapshotType;

use crate::export::ExportSettings;
use crate::index::ObjectName;

/// Why a sink may not be used that would act under the operator's own identity: a tenant's sink would reach whatever the
/// operator reaches.
pub fn denied(name: &ObjectName, spec: &SinkSpec, settings: &ExportSettings) -> Option<String> {
    let path = unnamed(spec)?;
    let allowed = &settings.ambient_identity_namespaces;
    (!allowed.contains(&name.namespace)).then(|| {
        let namespaces = allowed.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        format!(
            "{path}: names no Secret, and the operator's own identity serves only sinks of the namespaces in \
             --ambient-identity-namespaces ({namespaces}); name a Secret with credentials"
        )
    })
}

/// The field that would name the credentials, of a type whose provider gives pods an identity.
fn unnamed(spec: &SinkSpec) -> Option<&'static str> {
    let missing = spec.common().secret_ref.is_none();
    match spec {
        SinkSpec::Snapshot(snapshot) => {
            let cloud =
                matches!(snapshot.type_, SnapshotType::S3 | SnapshotType::Gcs | SnapshotType::Azureblob);
            (cloud && missing).then_some("spec.secretRef")
        }
        SinkSpec::Database(database) if database.type_ == DatabaseType::Bigquery => {
            let own = database.bigquery.as_ref().is_some_and(|block| block.secret_ref.is_some());
            (missing && !own).then_some("spec.bigquery.secretRef")
        }
        SinkSpec::Database(_) | SinkSpec::Event(_) => None,
    }
}
