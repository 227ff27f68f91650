//! Replaces values whose keys name a secret. It does not look at values.

use serde_json::{Value, json};

/// Words that name a secret when a key ends in one, letter case, `-` and `_` aside.
const WORDS: [&str; 13] = [
    "password",
    "passwd",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
    "credential",
    "credentials",
    "authorization",
    "connectionstring",
    "dsn",
];

/// Scrubs values.
#[derive(Clone, Debug)]
pub(super) struct Scrubber {
    extra: Vec<String>,
}

impl Scrubber {
    /// A scrubber that knows `extra` keys beside the built-in words.
    pub(super) fn new(extra: &[String]) -> Self {
        Self { extra: extra.iter().map(|key| normal(key)).filter(|key| !key.is_empty()).collect() }
    }

    /// What stands in place of a scrubbed value.
    pub(super) fn redacted() -> Value {
        json!({"redacted": true, "reason": "sensitive-key"})
    }

    /// Whether a key names a secret.
    pub(super) fn names_secret(&self, key: &str) -> bool {
        let key = normal(key);
        WORDS.iter().any(|word| key.ends_with(word)) || self.extra.contains(&key)
    }

    /// Scrubs a value in place: as a map's value, and as the value of a pair `{name, value}` or `{key, value}`.
    pub(super) fn scrub(&self, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.scrub(item)),
            Value::Object(fields) => {
                let named = ["name", "key"].iter().any(|key| {
                    fields.get(*key).and_then(Value::as_str).is_some_and(|name| self.names_secret(name))
                });
                for (key, field) in fields.iter_mut() {
                    if self.names_secret(key) || (named && key == "value") {
                        replace(field);
                    } else {
                        self.scrub(field);
                    }
                }
            }
            _ => {}
        }
    }
}

/// True, false and null keep no secret: `automountServiceAccountToken: true` stays readable.
pub(super) fn replace(value: &mut Value) {
    if !matches!(value, Value::Null | Value::Bool(_)) {
        *value = Scrubber::redacted();
    }
}

fn normal(key: &str) -> String {
    key.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_name_a_secret_are_told_from_those_that_only_mention_one() {
        let scrubber = Scrubber::new(&["Pin-Code".to_owned()]);
        for key in [
            "password",
            "DB_PASSWORD",
            "github-token",
            "apiKey",
            "API_KEY",
            "aws_secret_access_key_secret",
            "clientSecret",
            "Authorization",
            "connectionString",
            "pin_code",
            "DSN",
            "privateKey",
            "credentials",
        ] {
            assert!(scrubber.names_secret(key), "{key}");
        }
        for key in
            ["secretName", "tokenCount", "passwordFile", "imagePullSecrets", "name", "pincodes", "key", ""]
        {
            assert!(!scrubber.names_secret(key), "{key}");
        }
    }

    #[test]
    fn maps_and_pairs_are_scrubbed_at_any_depth() {
        let mut value = json!({
            "env": [{"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "MODE", "value": "x"},
                    {"key": "token", "value": ["t"]}],
            "nested": {"password": {"a": 1}, "automountServiceAccountToken": true},
        });
        Scrubber::new(&[]).scrub(&mut value);
        let gone = Scrubber::redacted();
        assert_eq!(
            value,
            json!({
                "env": [{"name": "DB_PASSWORD", "value": gone}, {"name": "MODE", "value": "x"}, {"key": "token", "value": gone}],
                "nested": {"password": gone, "automountServiceAccountToken": true},
            })
        );
    }
}
