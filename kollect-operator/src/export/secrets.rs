//! Reads the Secrets that sinks refer to: by name, never by list or watch, and only where the reference is
//! allowed. It keeps nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Secret as SecretObject;
use kollect_api::labels;
use kollect_api::reference::SecretReference;
use kollect_sink_core::Secret;
use kube::{Api, Client, ResourceExt};

use super::settings::{CrossNamespaceSecrets, ExportSettings};

/// The decoded values of one Secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretData {
    /// Values by key; one that is not UTF-8 is left out.
    pub values: BTreeMap<String, Secret>,
    /// Changes with the Secret.
    pub version: String,
}

impl SecretData {
    /// The value of the first of `keys` that is there.
    pub fn first(&self, keys: &[&str]) -> Option<&Secret> {
        keys.iter().find_map(|key| self.values.get(*key))
    }
}

/// The Secrets of one sink by the field that names them.
pub type SinkSecrets = BTreeMap<&'static str, SecretData>;

/// Why a Secret cannot be used. Holds names, never values.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// It does not exist.
    #[error("{path}: Secret {namespace}/{name} does not exist; create it")]
    NotFound {
        /// The field that names it.
        path: &'static str,
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// The reference leaves its namespace without consent, or to nothing: who may not read a Secret is not told whether
    /// there is one.
    #[error(
        "{path}: Secret {namespace}/{name} is in another namespace, and does not exist there or does not allow \
         {referrer}; copy it to {referrer}, or annotate it with kollect.dev/allow-namespaces: {referrer}"
    )]
    NotAllowed {
        /// The field that names it.
        path: &'static str,
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// The namespace of the object that refers to it.
        referrer: String,
    },
    /// The API server refused or failed.
    #[error("{path}: cannot read Secret {namespace}/{name}")]
    Api {
        /// The field that names it.
        path: &'static str,
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// The API server's error.
        source: Box<kube::Error>,
    },
}

/// Reads Secrets for sinks.
#[derive(Clone)]
pub struct Secrets {
    place: Place,
    settings: ExportSettings,
}

/// Where Secrets are.
#[derive(Clone)]
enum Place {
    Cluster(Client),
    Manifests(Arc<[SecretObject]>),
}

impl Place {
    async fn get(&self, namespace: &str, name: &str) -> Result<Option<SecretObject>, kube::Error> {
        match self {
            Self::Cluster(client) => Api::namespaced(client.clone(), namespace).get_opt(name).await,
            Self::Manifests(all) => {
                let is = |secret: &&SecretObject| {
                    secret.metadata.namespace.as_deref() == Some(namespace)
                        && secret.metadata.name.as_deref() == Some(name)
                };
                Ok(all.iter().find(is).cloned())
            }
        }
    }
}

impl Secrets {
    /// A reader under the operator's rules.
    pub fn new(client: Client, settings: ExportSettings) -> Self {
        Self { place: Place::Cluster(client), settings }
    }

    /// A reader of these Secrets, under the operator's rules.
    pub fn given(secrets: Vec<SecretObject>, settings: ExportSettings) -> Self {
        Self { place: Place::Manifests(secrets.into()), settings }
    }

    /// Reads every Secret that `references` name, for an object of namespace `referrer`.
    ///
    /// # Errors
    /// The first one that does not exist, is not allowed, or cannot be read.
    pub async fn resolve(
        &self,
        referrer: &str,
        references: Vec<(&'static str, SecretReference)>,
    ) -> Result<SinkSecrets, SecretError> {
        let mut found = SinkSecrets::new();
        for (path, reference) in references {
            found.insert(path, self.get(referrer, path, &reference).await?);
        }
        Ok(found)
    }

    async fn get(
        &self,
        referrer: &str,
        path: &'static str,
        reference: &SecretReference,
    ) -> Result<SecretData, SecretError> {
        let namespace = reference.namespace.as_deref().unwrap_or(referrer).to_owned();
        let name = reference.name.clone();
        let secret = match self.place.get(&namespace, &name).await {
            Ok(found) => found,
            Err(source) => return Err(SecretError::Api { path, namespace, name, source: Box::new(source) }),
        };
        if namespace != referrer && !self.allowed(path, &namespace, referrer, secret.as_ref()) {
            return Err(SecretError::NotAllowed { path, namespace, name, referrer: referrer.to_owned() });
        }
        let Some(secret) = secret else { return Err(SecretError::NotFound { path, namespace, name }) };
        let version =
            format!("{}/{}", secret.uid().unwrap_or_default(), secret.resource_version().unwrap_or_default());
        let encoded = secret.data.unwrap_or_default().into_iter();
        let decoded = encoded.filter_map(|(key, value)| Some((key, String::from_utf8(value.0).ok()?)));
        // A manifest may state texts, which the API server would encode.
        let values = decoded.chain(secret.string_data.unwrap_or_default());
        Ok(SecretData { values: values.map(|(key, text)| (key, Secret::new(text))).collect(), version })
    }

    fn allowed(&self, path: &str, namespace: &str, referrer: &str, secret: Option<&SecretObject>) -> bool {
        let shared =
            path.ends_with(".databaseRef") && self.settings.shared_secret_namespaces.contains(namespace);
        let list = secret.and_then(|secret| secret.annotations().get(labels::ALLOW_NAMESPACES));
        let consent = list.is_some_and(|list| {
            list.split(',').map(str::trim).any(|allowed| allowed == "*" || allowed == referrer)
        });
        shared || consent || self.settings.cross_namespace_secrets == CrossNamespaceSecrets::Allowed
    }
}

#[cfg(test)]
mod tests {
    use kollect_sink_core::{AddressPolicy, ClaimMode, Writer};
    use serde_json::json;

    use super::*;

    fn reader(shared: &str) -> Secrets {
        let secret = |namespace: &str, allowed: &str| -> SecretObject {
            let annotations = json!({"kollect.dev/allow-namespaces": allowed});
            let meta = json!({"name": "dsn", "namespace": namespace, "annotations": annotations});
            let (data, text) = (json!({"old": "YQ==", "dsn": "YQ=="}), json!({"dsn": "b"}));
            serde_json::from_value(json!({"metadata": meta, "data": data, "stringData": text})).unwrap()
        };
        let settings = ExportSettings {
            writer: Writer::default(),
            cluster_name: String::new(),
            claim_mode: ClaimMode::Own,
            addresses: AddressPolicy::default(),
            local_root: None,
            shared_secret_namespaces: [shared.to_owned()].into(),
            ambient_identity_namespaces: [].into(),
            cross_namespace_secrets: CrossNamespaceSecrets::ByConsent,
        };
        Secrets::given(vec![secret("own", ""), secret("open", "x, team"), secret("shut", "")], settings)
    }

    fn reader_of_nothing() -> Secrets {
        Secrets { place: Place::Manifests(Arc::new([])), ..reader("shut") }
    }

    async fn read(reader: &Secrets, path: &'static str, namespace: Option<&str>) -> Result<String, String> {
        let reference = SecretReference { name: "dsn".to_owned(), namespace: namespace.map(str::to_owned) };
        let referrer = if namespace.is_none() { "own" } else { "team" };
        let found =
            reader.resolve(referrer, vec![(path, reference)]).await.map_err(|error| error.to_string())?;
        let data = found.get(path).unwrap();
        assert_eq!(data.first(&["old"]).unwrap().expose(), "a");
        Ok(data.first(&["dsn"]).unwrap().expose().to_owned())
    }

    #[tokio::test]
    async fn given_secrets_follow_the_same_rules_and_texts_win_over_data() {
        let (reader, shared) = (reader("shut"), "spec.postgres.databaseRef");
        assert_eq!(read(&reader, "spec.secretRef", None).await, Ok("b".to_owned()));
        assert_eq!(read(&reader, "spec.secretRef", Some("open")).await, Ok("b".to_owned()));
        assert_eq!(read(&reader, shared, Some("shut")).await, Ok("b".to_owned()));
        let refused = read(&reader, "spec.secretRef", Some("shut")).await.unwrap_err();
        assert!(refused.contains("does not allow team"), "{refused}");
        let absent = read(&reader, "spec.secretRef", Some("elsewhere")).await.unwrap_err();
        assert_eq!(absent, refused.replace("shut/dsn", "elsewhere/dsn"), "whether it exists is not told");
        let (reader, own) = (reader_of_nothing(), "spec.secretRef: Secret own/dsn does not exist; create it");
        assert_eq!(read(&reader, "spec.secretRef", None).await, Err(own.to_owned()));
        let absent = read(&reader, shared, Some("shut")).await.unwrap_err();
        assert!(absent.contains("shut/dsn does not exist"), "where references may lead it is told: {absent}");
    }
}
