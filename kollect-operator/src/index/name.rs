//! Names of objects, with their namespace where they have one. They carry no kind.

use std::fmt;

use kollect_sink_core::Target;
use kube::api::ObjectMeta;

/// Namespace and name of an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    /// The namespace, empty for what belongs to none.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl ObjectName {
    /// Names an object.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// The name of the object with this metadata.
    pub fn of(meta: &ObjectMeta) -> Self {
        Self::new(meta.namespace.as_deref().unwrap_or_default(), meta.name.as_deref().unwrap_or_default())
    }

    /// The namespace, if there is one.
    pub fn place(&self) -> Option<String> {
        Some(self.namespace.clone()).filter(|namespace| !namespace.is_empty())
    }

    /// Whether it names something that belongs to no namespace.
    pub fn is_cluster(&self) -> bool {
        self.namespace.is_empty()
    }

    /// The target of this name.
    pub fn to_target(&self) -> Target {
        Target::new(&self.namespace, &self.name)
    }
}

impl From<&Target> for ObjectName {
    fn from(target: &Target) -> Self {
        Self::new(&target.namespace, &target.name)
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            return f.write_str(&self.name);
        }
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
