//! The CustomResourceDefinitions of all kinds, and a table of their names. Writing them to files is `cargo xtask crdgen`.

mod rules;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use schemars::JsonSchema;

use crate::{
    KollectClusterInventory, KollectClusterScope, KollectClusterTarget, KollectConnectionTest,
    KollectDatabaseSink, KollectEventSink, KollectInventory, KollectProfile, KollectScope,
    KollectSnapshotSink, KollectTarget, schema,
};

/// The names of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KindNames {
    /// Kind, such as `KollectProfile`.
    pub kind: &'static str,
    /// Plural, the resource's name in URLs and RBAC rules.
    pub plural: &'static str,
    /// Short name for kubectl.
    pub short: &'static str,
    /// Where objects of the kind live.
    pub place: Place,
}

/// Where objects of a kind live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a namespace.
    Namespaced,
    /// Beside the namespaces.
    Cluster,
}

const fn names(kind: &'static str, plural: &'static str, short: &'static str, place: Place) -> KindNames {
    KindNames { kind, plural, short, place }
}

/// All kinds, in the order of [`crds`].
pub const KINDS: [KindNames; 11] = [
    names("KollectProfile", "kollectprofiles", "kprof", Place::Namespaced),
    names("KollectTarget", "kollecttargets", "ktgt", Place::Namespaced),
    names("KollectInventory", "kollectinventories", "kinv", Place::Namespaced),
    names("KollectSnapshotSink", "kollectsnapshotsinks", "ksnap", Place::Namespaced),
    names("KollectDatabaseSink", "kollectdatabasesinks", "kdb", Place::Namespaced),
    names("KollectEventSink", "kollecteventsinks", "kevt", Place::Namespaced),
    names("KollectScope", "kollectscopes", "kscope", Place::Namespaced),
    names("KollectConnectionTest", "kollectconnectiontests", "kconntest", Place::Namespaced),
    names("KollectClusterTarget", "kollectclustertargets", "kctgt", Place::Cluster),
    names("KollectClusterInventory", "kollectclusterinventories", "kcinv", Place::Cluster),
    names("KollectClusterScope", "kollectclusterscopes", "kcscope", Place::Cluster),
];

/// The definitions of all kinds, in the order of [`KINDS`]. Their schemas are structural and fit below the size that
/// `kubectl apply` can annotate.
///
/// Use these rather than `K::crd()`: that one marks optional fields as nullable, which would keep an API server from
/// filling the defaults of fields that are null.
#[must_use]
pub fn crds() -> Vec<CustomResourceDefinition> {
    vec![
        definition::<KollectProfile>(),
        definition::<KollectTarget>(),
        definition::<KollectInventory>(),
        definition::<KollectSnapshotSink>(),
        definition::<KollectDatabaseSink>(),
        definition::<KollectEventSink>(),
        definition::<KollectScope>(),
        definition::<KollectConnectionTest>(),
        definition::<KollectClusterTarget>(),
        definition::<KollectClusterInventory>(),
        definition::<KollectClusterScope>(),
    ]
}

fn definition<K: CustomResourceExt + JsonSchema>() -> CustomResourceDefinition {
    let mut crd = K::crd();
    for version in &mut crd.spec.versions {
        if let Some(validation) = &mut version.schema {
            // It was made from the same type, so that it is an object of known keywords; were it not, kube's stays.
            let mut schema = schema::structural::<K>().to_value();
            rules::add(&crd.spec.names.kind, &mut schema);
            if let Ok(schema) = serde_json::from_value(schema) {
                validation.open_api_v3_schema = Some(schema);
            }
        }
    }
    crd
}

#[cfg(test)]
mod tests;
