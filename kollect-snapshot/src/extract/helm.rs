//! Releases of Helm 3, as it keeps them in Secrets and ConfigMaps. What a release deployed is not read: manifests, hooks
//! and charts may hold any secret.

use std::io::Read;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::read::GzDecoder;

use super::scrub::Scrubber;
use super::secrets::SecretGuard;
use super::tree::Tree;
use super::trie::{Found, NodeId, Trie};
use crate::canonical::JsonError;

/// What a path begins with.
pub(super) const PREFIX: &str = "helm:";

/// Bytes of a release at most, packed and unpacked.
const BYTES: usize = 16 << 20;

/// The type of the Secrets; <https://helm.sh/docs/topics/advanced/#storage-backends>.
const TYPE: &str = "helm.sh/release.v1";

/// What a compressed release begins with. Helm reads others as they are, and so do we.
const GZIP: [u8; 3] = [0x1f, 0x8b, 0x08];

/// Fields by name, and where a release has them.
const FIELDS: [(&str, &[&str]); 9] = [
    ("releaseName", &["name"]),
    ("namespace", &["namespace"]),
    ("revision", &["version"]),
    ("status", &["info", "status"]),
    ("lastDeployed", &["info", "last_deployed"]),
    ("chartName", &["chart", "metadata", "name"]),
    ("chartVersion", &["chart", "metadata", "version"]),
    ("appVersion", &["chart", "metadata", "appVersion"]),
    ("config", &["config"]),
];

/// Why a release cannot be read. Holds nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Broken {
    #[error("the release is not base64")]
    Base64,
    #[error("the release is not whole: its compression breaks off or is damaged")]
    Gzip,
    #[error("the release is larger than 16 MiB")]
    TooLarge,
    #[error("the release is not text")]
    Text,
    #[error("the release is not JSON")]
    Json,
    #[error("the object cannot be read")]
    Object(#[source] JsonError),
}

/// Which kind of object holds releases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Store {
    Secret,
    ConfigMap,
}

/// What a plan reads of releases.
#[derive(Debug)]
pub(super) struct Releases {
    store: Store,
    object: Trie,
    payload: NodeId,
    mark: NodeId,
    trie: Trie,
}

/// A field of a release.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field(NodeId);

impl Releases {
    /// Reads releases of objects of a kind.
    ///
    /// # Errors
    /// Objects of this kind hold none.
    pub(super) fn of(group: &str, kind: &str) -> Result<Self, String> {
        let store = match (group, kind) {
            ("", "Secret") => Store::Secret,
            ("", "ConfigMap") => Store::ConfigMap,
            _ => {
                return Err(
                    "Helm keeps releases in Secrets and ConfigMaps; choose one as targetGVK".to_owned()
                );
            }
        };
        let mut object = Trie::default();
        let payload = object.capture(["data", "release"]);
        let mark = match store {
            Store::Secret => object.capture(["type"]),
            Store::ConfigMap => object.capture(["metadata", "labels", "owner"]),
        };
        Ok(Self { store, object, payload, mark, trie: Trie::default() })
    }

    /// Adds a field by what stands after `helm:`.
    ///
    /// # Errors
    /// There is no such field, or it needs consent.
    pub(super) fn field(&mut self, path: &str, guard: SecretGuard) -> Result<Field, String> {
        let field =
            path.strip_prefix("release.").and_then(|name| FIELDS.iter().find(|field| field.0 == name));
        let Some((name, path)) = field else {
            let names: Vec<&str> = FIELDS.iter().map(|(name, _)| *name).collect();
            return Err(format!("write helm:release. and one of {}", names.join(", ")));
        };
        if *name == "config" && self.store == Store::Secret && guard == SecretGuard::Closed {
            return Err("the values of a release are the data of a Secret; annotate the profile with \
                 kollect.dev/allow-secret-extraction: \"true\" if they are meant"
                .to_owned());
        }
        Ok(Field(self.trie.capture(path.iter().copied())))
    }

    /// Unpacks the release in an object; none where it holds no release.
    ///
    /// # Errors
    /// It cannot be unpacked.
    pub(super) fn unpack(&self, object: &str) -> Result<Option<String>, Broken> {
        let found = self.object.walk(object.trim_ascii()).map_err(Broken::Object)?;
        let text = |node| match found.text(node).map(Tree::parse) {
            Some(Ok(Tree::String(text))) => Some(text),
            _ => None,
        };
        let mark = match self.store {
            Store::Secret => TYPE,
            Store::ConfigMap => "helm",
        };
        if text(self.mark).is_none_or(|found| found != mark) {
            return Ok(None);
        }
        let Some(payload) = text(self.payload) else { return Ok(None) };
        let mut packed = decode(payload.as_bytes())?;
        if self.store == Store::Secret {
            packed = decode(&packed)?;
        }
        let bytes = if packed.starts_with(&GZIP) { inflate(&packed)? } else { packed };
        String::from_utf8(bytes).map(Some).map_err(|_| Broken::Text)
    }

    /// Finds the fields in an unpacked release.
    ///
    /// # Errors
    /// It is no JSON object.
    pub(super) fn find<'r>(&self, release: &'r str) -> Result<Found<'r>, Broken> {
        if !release.starts_with('{') {
            return Err(Broken::Json);
        }
        self.trie.walk(release).map_err(|_| Broken::Json)
    }
}

impl Field {
    /// The field's value, scrubbed.
    ///
    /// # Errors
    /// The release is broken there.
    pub(super) fn value<'r>(
        self,
        found: &Found<'r>,
        scrubber: &Scrubber,
    ) -> Result<Option<Tree<'r>>, Broken> {
        let Some(text) = found.text(self.0) else { return Ok(None) };
        let mut value = Tree::parse(text).map_err(|_| Broken::Json)?;
        scrubber.scrub(&mut value);
        Ok(Some(value))
    }
}

fn decode(text: &[u8]) -> Result<Vec<u8>, Broken> {
    if text.len() > BYTES {
        return Err(Broken::TooLarge);
    }
    BASE64_STANDARD.decode(text).map_err(|_| Broken::Base64)
}

fn inflate(packed: &[u8]) -> Result<Vec<u8>, Broken> {
    let mut bytes = Vec::new();
    let mut limited = GzDecoder::new(packed).take(BYTES as u64 + 1);
    limited.read_to_end(&mut bytes).map_err(|_| Broken::Gzip)?;
    if bytes.len() > BYTES { Err(Broken::TooLarge) } else { Ok(bytes) }
}
