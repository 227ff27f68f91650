//! Rows: the projection of one object for one target, and their identity. It does not say how they are stored.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use crate::digest::{Digest, RowHasher};
use crate::partition::{Partition, Target};
use crate::scope::Text;

/// What many rows have in common: the target that selected them, and the kind they were read as.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The target that selected the object.
    pub target: Target,
    /// API group, empty for the core group.
    pub group: Text,
    /// API version, such as `v1`.
    pub version: Text,
    /// Kind, such as `Deployment`.
    pub kind: Text,
}

/// Why an identity cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} contains the control character U+{character:04X}")]
pub struct IdentityError {
    /// The component that holds the character.
    pub field: &'static str,
    /// The character found.
    pub character: u32,
}

/// Who a row is. Cloning it copies a pointer.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Identity(Arc<IdentityParts>);

#[derive(PartialEq, Eq, Hash)]
struct IdentityParts {
    origin: Arc<Origin>,
    namespace: Text,
    /// Name and uid, one behind the other: one allocation for both.
    own: Box<str>,
    /// Bytes of the name.
    name: usize,
}

impl Identity {
    /// Makes an identity. `namespace` is empty for a cluster-scoped object.
    ///
    /// # Errors
    /// Names the component that holds a control character (below U+0020): such a key could not be ordered
    /// alike by all destinations.
    pub fn new(origin: Arc<Origin>, namespace: Text, name: &str, uid: &str) -> Result<Self, IdentityError> {
        let parts = [
            ("target namespace", &*origin.target.namespace),
            ("target name", &*origin.target.name),
            ("namespace", &*namespace),
            ("name", name),
            ("uid", uid),
        ];
        for (field, text) in parts {
            if let Some(byte) = text.bytes().find(|byte| *byte < 0x20) {
                return Err(IdentityError { field, character: u32::from(byte) });
            }
        }
        let own = [name, uid].concat().into();
        Ok(Self(Arc::new(IdentityParts { origin, namespace, own, name: name.len() })))
    }

    /// The target and kind that this row shares with others.
    pub fn origin(&self) -> &Arc<Origin> {
        &self.0.origin
    }

    /// The target that selected the object.
    pub fn target(&self) -> &Target {
        &self.0.origin.target
    }

    /// The object's namespace, empty for a cluster-scoped one.
    pub fn namespace(&self) -> &Text {
        &self.0.namespace
    }

    /// The object's name.
    pub fn name(&self) -> &str {
        self.0.own.get(..self.0.name).unwrap_or_default()
    }

    /// The object's uid.
    pub fn uid(&self) -> &str {
        self.0.own.get(self.0.name..).unwrap_or_default()
    }

    /// API group, empty for the core group.
    pub fn group(&self) -> &Text {
        &self.0.origin.group
    }

    /// API version.
    pub fn version(&self) -> &Text {
        &self.0.origin.version
    }

    /// Kind.
    pub fn kind(&self) -> &Text {
        &self.0.origin.kind
    }

    /// The row's key, borrowed.
    pub fn key(&self) -> KeyRef<'_> {
        let target = self.target();
        KeyRef { target_namespace: &target.namespace, target_name: &target.name, uid: self.uid() }
    }

    /// The row's key, owned.
    pub fn to_key(&self) -> RowKey {
        let target = self.target();
        RowKey {
            target_namespace: target.namespace.clone(),
            target_name: target.name.clone(),
            uid: self.uid().into(),
        }
    }

    /// The partition that this row belongs to.
    pub fn partition(&self) -> Partition {
        let origin = &self.0.origin;
        Partition::new(origin.target.clone(), &origin.group, &origin.kind, self.0.namespace.clone())
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = self.target();
        let (kind, namespace, name, uid) = (self.kind(), self.namespace(), self.name(), self.uid());
        write!(f, "{}/{}: {kind} {namespace}/{name} ({uid})", target.namespace, target.name)
    }
}

/// A row's key within its scope, owned. Ordered bytewise by target namespace, target name and uid, which is
/// the order of the three joined by U+001F, since none of them holds a control character.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RowKey {
    /// Namespace of the target, empty for a cluster target.
    pub target_namespace: Text,
    /// Name of the target.
    pub target_name: Text,
    /// Uid of the source object.
    pub uid: Text,
}

impl RowKey {
    /// The key, borrowed.
    pub fn as_ref(&self) -> KeyRef<'_> {
        let Self { target_namespace, target_name, uid } = self;
        KeyRef { target_namespace, target_name, uid }
    }
}

impl Ord for RowKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_ref().cmp(&other.as_ref())
    }
}

impl PartialOrd for RowKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for RowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

/// A row's key within its scope, borrowed; ordered as [`RowKey`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyRef<'a> {
    /// Namespace of the target, empty for a cluster target.
    pub target_namespace: &'a str,
    /// Name of the target.
    pub target_name: &'a str,
    /// Uid of the source object.
    pub uid: &'a str,
}

impl KeyRef<'_> {
    /// The same key, owned.
    pub fn to_owned(self) -> RowKey {
        RowKey {
            target_namespace: self.target_namespace.into(),
            target_name: self.target_name.into(),
            uid: self.uid.into(),
        }
    }
}

impl fmt::Display for KeyRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.target_namespace, self.target_name, self.uid)
    }
}

/// One row. Cloning it copies a pointer.
///
/// `attributes` is a canonical JSON object (keys sorted, no white space); whoever makes the row vouches for
/// that, and no destination encodes it again.
#[derive(Clone, PartialEq, Eq)]
pub struct Row(Arc<RowParts>);

#[derive(PartialEq, Eq)]
struct RowParts {
    identity: Identity,
    attributes: Box<str>,
    digest: Digest,
}

impl Row {
    /// Makes a row and its digest from an identity and canonical JSON.
    pub fn new(identity: Identity, attributes: impl Into<Box<str>>) -> Self {
        let attributes = attributes.into();
        let digest = RowHasher::digest(&identity, &attributes);
        Self(Arc::new(RowParts { identity, attributes, digest }))
    }

    /// Who the row is.
    pub fn identity(&self) -> &Identity {
        &self.0.identity
    }

    /// The row's key, borrowed.
    pub fn key(&self) -> KeyRef<'_> {
        self.0.identity.key()
    }

    /// Canonical JSON of the attributes.
    pub fn attributes(&self) -> &str {
        &self.0.attributes
    }

    /// 128 bits over identity and attributes.
    pub fn digest(&self) -> Digest {
        self.0.digest
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Attributes are user data: they stay out of logs.
        write!(f, "Row({:?}, {} bytes, {})", self.identity(), self.attributes().len(), self.digest())
    }
}
