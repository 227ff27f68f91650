//! Paths that lead nowhere else, and values that never meet.

use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

use super::{Field, Template, segment};

fn render(text: &str) -> Result<String, String> {
    let template = Template::parse(text).map_err(|error| error.to_string())?;
    let value = |field| match field {
        Field::Cluster => "c1".to_owned(),
        Field::Namespace => "team-a".to_owned(),
        Field::Name => "apps".to_owned(),
        Field::Generation => "12".to_owned(),
        Field::Extension => ".json".to_owned(),
        other => panic!("{other:?} is no part of a document's path"),
    };
    template.render(value).map_err(|error| error.to_string())
}

#[test]
fn placeholders_are_filled() {
    assert_eq!(
        render("a/{cluster}/{namespace}/n={name}-{generation}{extension}").unwrap(),
        "a/c1/team-a/n=apps-12.json"
    );
    assert_eq!(render("{namespace}{name}").unwrap(), "team-aapps");
}

#[test]
fn templates_that_lead_elsewhere_are_refused() {
    let cases = [
        ("/{namespace}/{name}", "is absolute"),
        ("../{namespace}/{name}", "no `..`"),
        ("a/./{namespace}/{name}", "no `.`"),
        ("a//{namespace}/{name}", "no empty segment"),
        ("{namespace}/{name}/", "no empty segment"),
        ("", "no empty segment"),
        ("{namespace}", "lacks {name}"),
        ("{name}", "lacks {namespace}"),
        ("{namespace}/{name}/{uid}", "{uid} is none of {cluster}"),
        ("{namespace}/{name}}", "no counterpart"),
        ("{namespace}/{name", "no counterpart"),
        ("{namespace}/{name}/a\\b", "backslashes"),
        ("{namespace}/{name}/a\nb", "control characters"),
        (".kollect/{namespace}/{name}", "kept for manifests"),
        (".Kollect/{namespace}/{name}", "kept for manifests"),
    ];
    for (text, expected) in cases {
        let error = render(text).unwrap_err();
        assert!(error.starts_with("pathTemplate: ") && error.contains(expected), "{text}: {error}");
    }
    let long = "x".repeat(251);
    assert!(render(&format!("{{namespace}}/{{name}}-{long}")).unwrap_err().contains("longer than 255"));
    assert!(render(&format!("{{namespace}}/{{name}}/{}", "x/".repeat(600))).is_err());
}

#[test]
fn values_cannot_make_a_segment_special() {
    let template = Template::parse(".{cluster}/{namespace}/{name}").unwrap();
    let error = template.render(|field| if field == Field::Cluster { "kollect" } else { "x" }.to_owned());
    assert!(error.is_err());
}

#[test]
fn plain_values_stay_and_others_are_marked() {
    assert_eq!(segment("team-a.b_c", 63), "team-a.b_c");
    assert_eq!(segment(&"x".repeat(63), 63), "x".repeat(63));
    for value in ["", ".", "..", ".hidden", "a/b", "a b", "a=b", "system:node", "é", &"x".repeat(64)] {
        let safe = segment(value, 63);
        assert!(safe.len() <= 63 && safe != value && !safe.starts_with('.'), "{value}: {safe}");
    }
    assert_ne!(segment("a/b", 63), segment("a:b", 63));
    assert_ne!(segment(&"x".repeat(64), 63), segment(&"x".repeat(65), 63));
}

proptest! {
    #[test]
    fn a_segment_is_safe_whatever_the_value(value in any::<String>(), limit in 16_usize..200) {
        let safe = segment(&value, limit);
        prop_assert!(!safe.is_empty() && safe.len() <= limit.max(value.len().min(limit)));
        prop_assert!(!safe.starts_with('.'));
        prop_assert!(safe.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)));
        prop_assert_eq!(segment(&value, limit), safe);
    }

    #[test]
    fn a_template_never_panics_and_never_leaves(text in "[a-z{}./\\\\\\PC]{0,40}") {
        if let Ok(template) = Template::parse(&text)
            && let Ok(path) = template.render(|_| "v".to_owned())
        {
            prop_assert!(!path.starts_with('/'));
            prop_assert!(path.split('/').all(|segment| !matches!(segment, "" | "." | ".." | ".kollect")));
        }
    }
}
