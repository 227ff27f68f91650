//! Keys that hide what they name, and values that are hidden.

use super::*;

#[test]
fn keys_that_name_a_secret_are_told_from_those_that_tell_about_one() {
    let scrubber = Scrubber::new(&["Pin-Code".to_owned()]);
    for key in [
        "password",
        "DB_PASSWORD",
        "passWord2",
        "passwordHash",
        "mysql-root-password",
        "github-token",
        "githubToken",
        "githubtoken",
        "x-auth-token-old",
        "tokens",
        "apiKey",
        "API_KEY",
        "aws_secret_access_key",
        "AWS_ACCESS_KEY_ID",
        "clientSecret",
        "client.secret",
        "Authorization",
        "connectionString",
        "pin_code",
        "userPinCode",
        "DSN",
        "SENTRY_DSN",
        "postgresdsn",
        "privateKey",
        "tls.privatekey",
        "credentials",
        "PASS-WORD",
        "example.com/api-token",
        "secret_value",
        "passphrase",
    ] {
        assert!(scrubber.names_secret(key), "{key}");
    }
    for key in [
        "secretName",
        "secretRef",
        "secretKeyRef",
        "secret-namespace",
        "tokenCount",
        "passwordFile",
        "TOKEN_PATH",
        "imagePullSecrets",
        "maxTokens",
        "max_tokens",
        "tokenExpirationSeconds",
        "token_url",
        "serviceAccountToken",
        "automountServiceAccountToken",
        "credentialName",
        "passwordPolicy",
        "secrets-store.csi.k8s.io/used",
        "name",
        "pincodes",
        "key",
        "keys",
        "monkey",
        "dsnode",
        "",
        "-",
        "/",
        "image",
    ] {
        assert!(!scrubber.names_secret(key), "{key}");
    }
}

fn scrubbed(json: &str) -> String {
    let mut tree = Tree::parse(json).unwrap();
    Scrubber::new(&[]).scrub(&mut tree);
    tree.to_text()
}

const GONE: &str = r#"{"reason":"sensitive-key","redacted":true}"#;

#[test]
fn the_quick_look_rules_out_no_word() {
    for extra in ["x", "pin", "Ünit", "a-b", "_"] {
        let scrubber = Scrubber::new(&[extra.to_owned()]);
        for word in SECRETS.iter().chain(&SHORT_SECRETS).copied().chain([extra]) {
            for key in [
                word.to_owned(),
                format!("9_{word}"),
                format!("{}-9", word.to_uppercase()),
                format!("é{word}"),
            ] {
                let folded = Folded::new(&key);
                let named = scrubber.is_extra(&folded) || is_builtin(&folded) && !is_about(&folded);
                assert_eq!(scrubber.names_secret(&key), named, "{extra}: {key}");
            }
        }
    }
}

#[test]
fn maps_and_pairs_are_scrubbed_at_any_depth() {
    let table = [
        (r#"{"a":[{"b":{"password":{"c":1}}}]}"#, r#"{"a":[{"b":{"password":_}}]}"#),
        (
            r#"[{"name":"DB_PASSWORD","value":"x"},{"name":"MODE","value":"y"},{"key":"token","value":["t"]}]"#,
            r#"[{"name":"DB_PASSWORD","value":_},{"name":"MODE","value":"y"},{"key":"token","value":_}]"#,
        ),
        (r#"{"password":null,"token":false}"#, r#"{"password":null,"token":false}"#),
        (r#"{"password":0,"token":"","secret":[]}"#, r#"{"password":_,"secret":_,"token":_}"#),
        (
            r#"{"name":"P","valueFrom":{"secretKeyRef":{"key":"k","name":"n"}}}"#,
            r#"{"name":"P","valueFrom":{"secretKeyRef":{"key":"k","name":"n"}}}"#,
        ),
    ];
    for (json, want) in table {
        assert_eq!(
            scrubbed(json),
            want.replace('_', "\0").replace("DB\0", "DB_").replace('\0', GONE),
            "{json}"
        );
    }
}

#[test]
fn the_copy_that_kubectl_keeps_is_scrubbed_too() {
    let key = super::super::secrets::LAST_APPLIED;
    let text = scrubbed(&format!(r#"{{"{key}":"{{\"spec\":{{\"password\":\"canary\",\"b\":1}}}}"}}"#));
    assert!(!text.contains("canary") && text.contains(r#"\"b\":1"#), "{text}");
    let text = scrubbed(&format!(r#"{{"{key}":"password: canary"}}"#));
    assert!(!text.contains("canary"), "{text}");
}
