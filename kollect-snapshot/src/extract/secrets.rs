//! Keeps the data of core Secrets out of rows, at compile time and at run time. Scrubbing by key is another
//! matter: see `scrub`.

use serde_json::Value;

/// kubectl keeps a copy of the whole object here, data included.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Whether a plan may read the data of its objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SecretGuard {
    /// They are no Secrets, or reading is allowed.
    Open,
    /// They are core Secrets: data, stringData and the annotation that repeats them stay out.
    Closed,
}

impl SecretGuard {
    /// The guard for a kind.
    pub(super) fn of(group: &str, kind: &str, allowed: bool) -> Self {
        if group.is_empty() && kind == "Secret" && !allowed { Self::Closed } else { Self::Open }
    }

    /// Refuses a path that leads into the data.
    ///
    /// # Errors
    /// What to do instead.
    pub(super) fn check(self, path: &[String]) -> Result<(), String> {
        let data = path.first().is_some_and(|first| is_data(first));
        let repeated = path.iter().any(|key| key == LAST_APPLIED);
        if self == Self::Closed && (data || repeated) {
            return Err("the path reads the data of a Secret; annotate the profile with \
                 kollect.dev/allow-secret-extraction: \"true\" if that is meant"
                .to_owned());
        }
        Ok(())
    }

    /// Removes what must not be read from a value that stands at `path`.
    pub(super) fn strip(self, path: &[String], value: &mut Value) {
        if self == Self::Open {
            return;
        }
        if path.first().is_some_and(|first| is_data(first)) {
            *value = Value::Null;
        }
        if let (true, Value::Object(fields)) = (path.is_empty(), &mut *value) {
            fields.retain(|key, _| !is_data(key));
        }
        remove_key(value, LAST_APPLIED);
    }
}

fn is_data(key: &str) -> bool {
    key.eq_ignore_ascii_case("data") || key.eq_ignore_ascii_case("stringData")
}

fn remove_key(value: &mut Value, key: &str) {
    match value {
        Value::Object(fields) => {
            fields.remove(key);
            fields.values_mut().for_each(|field| remove_key(field, key));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| remove_key(item, key)),
        _ => {}
    }
}
