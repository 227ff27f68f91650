//! Keeps the data of core Secrets out of rows, at compile time and at run time. Scrubbing by key is another
//! matter: see `scrub`.

use std::borrow::Cow;

use super::spec::ObjectContext;
use super::tree::Tree;
use crate::canonical::JsonError;

/// kubectl keeps a copy of the whole object here, data included.
pub(super) const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Whether a plan may read the data of Secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SecretGuard {
    /// It may.
    Open,
    /// Data, stringData and the annotation that repeats them stay out.
    Closed,
}

/// Whether a kind is the core Secret. A CRD's Secret is none.
pub(super) fn is_secret(group: &str, kind: &str) -> bool {
    group.is_empty() && kind.eq_ignore_ascii_case("Secret")
}

impl SecretGuard {
    /// Refuses a path that leads into the data, for a plan over Secrets.
    ///
    /// # Errors
    /// What to do instead.
    pub(super) fn check(self, path: &[String]) -> Result<(), String> {
        let data = path.first().is_some_and(|first| is_data(first));
        let repeated = path.iter().any(|key| key.eq_ignore_ascii_case(LAST_APPLIED));
        if self == Self::Closed && (data || repeated) {
            return Err("the path reads the data of a Secret; annotate the profile with \
                 kollect.dev/allow-secret-extraction: \"true\" if that is meant"
                .to_owned());
        }
        Ok(())
    }

    /// The object as it may be read. Whatever the path is that reads it, what is not there cannot be found.
    ///
    /// # Errors
    /// A Secret cannot be read as JSON.
    pub(super) fn visible<'o>(
        self,
        object: &'o str,
        context: ObjectContext<'_>,
    ) -> Result<Cow<'o, str>, JsonError> {
        let group = context.api_version.split_once('/').map_or("", |(group, _)| group);
        if self == Self::Open || !is_secret(group, context.kind) {
            return Ok(Cow::Borrowed(object));
        }
        let mut tree = Tree::parse(object)?;
        if let Tree::Map(members) = &mut tree {
            members.retain(|(key, _)| !is_data(key));
        }
        remove(&mut tree, LAST_APPLIED);
        Ok(Cow::Owned(tree.to_text()))
    }
}

fn is_data(key: &str) -> bool {
    key.eq_ignore_ascii_case("data") || key.eq_ignore_ascii_case("stringData")
}

fn remove(tree: &mut Tree<'_>, name: &str) {
    match tree {
        Tree::Map(members) => {
            members.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
            members.iter_mut().for_each(|(_, member)| remove(member, name));
        }
        Tree::List(items) => items.iter_mut().for_each(|item| remove(item, name)),
        _ => {}
    }
}
