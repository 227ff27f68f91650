//! Turns a stored payload back into a row, so that its digest can be computed from what is really there. It
//! does not compare.
//!
//! `jsonb` keeps neither the order of keys nor white space, which are restored here, nor the notation of numbers:
//! `1e-7` comes back as `0.0000001`, `1e+21` as an integer. Which notation a row had, only its recorded digest tells:
//! it is believed where it fits one of the notations that the stored value may have had, and nowhere else.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use kollect_sink_core::{Digest, Identity, Origin, Row, Target, item::write_string};
use serde_json::Number;
use serde_json::value::RawValue;

/// How deep a payload may be nested to be computed again: each level is a call.
const DEEPEST: usize = 512;

/// Integers of fewer digits are never written with an exponent.
const LONG_INTEGER: usize = 17;

/// How numbers are spelled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Numbers {
    /// As `jsonb` gives them.
    Stored,
    /// Those with a fraction as the shortest text of a double.
    Fractions,
    /// Long integers too.
    Doubles,
}

/// The name and the digest of the row that `payload` is, as the source would make it. A payload that is none of
/// ours has no name, and a digest that no row has.
pub(crate) fn read(payload: &str, recorded: Option<Digest>) -> (Option<Box<str>>, Digest) {
    let Some(stored) = row(payload, Numbers::Stored) else {
        return (None, Digest::of(&[b"not an item", payload.as_bytes()]));
    };
    let fits = |row: &Row| recorded.is_none_or(|recorded| recorded == row.digest());
    let spelled = || [Numbers::Fractions, Numbers::Doubles].into_iter().filter_map(|it| row(payload, it));
    let digest = match fits(&stored) {
        true => stored.digest(),
        false => spelled().find(fits).map_or(stored.digest(), |row| row.digest()),
    };
    (Some(stored.identity().name().into()), digest)
}

fn row(payload: &str, numbers: Numbers) -> Option<Row> {
    let mut item: BTreeMap<String, &RawValue> = serde_json::from_str(payload).ok()?;
    let mut attributes = Vec::with_capacity(payload.len());
    write(item.remove("attributes")?.get(), numbers, DEEPEST, &mut attributes)?;
    let group =
        item.remove("group").map_or(Some(String::new()), |raw| serde_json::from_str(raw.get()).ok())?;
    let mut text = |name: &str| serde_json::from_str::<String>(item.remove(name)?.get()).ok();
    let origin = Origin {
        target: Target::new(&text("targetNamespace")?, &text("targetName")?),
        group: group.into(),
        version: text("version")?.into(),
        kind: text("kind")?.into(),
    };
    let (namespace, name, uid) = (text("namespace")?, text("name")?, text("uid")?);
    if !item.is_empty() {
        return None;
    }
    let identity = Identity::new(Arc::new(origin), namespace.into(), &name, &uid).ok()?;
    Some(Row::new(identity, String::from_utf8(attributes).ok()?))
}

/// Appends `json` with sorted keys and without white space; `None` where it is too deep.
fn write(json: &str, numbers: Numbers, depth: usize, out: &mut Vec<u8>) -> Option<()> {
    let depth = depth.checked_sub(1)?;
    match json.as_bytes().first()? {
        b'{' => {
            let members: BTreeMap<String, &RawValue> = serde_json::from_str(json).ok()?;
            out.push(b'{');
            for (index, (key, value)) in members.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_string(key, out);
                out.push(b':');
                write(value.get(), numbers, depth, out)?;
            }
            out.push(b'}');
        }
        b'[' => {
            let elements: Vec<&RawValue> = serde_json::from_str(json).ok()?;
            out.push(b'[');
            for (index, value) in elements.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write(value.get(), numbers, depth, out)?;
            }
            out.push(b']');
        }
        b'"' => write_string(&serde_json::from_str::<String>(json).ok()?, out),
        b'-' | b'0'..=b'9' => out.extend_from_slice(spell(json, numbers).as_bytes()),
        _ => out.extend_from_slice(json.as_bytes()),
    }
    Some(())
}

fn spell(number: &str, numbers: Numbers) -> Cow<'_, str> {
    let respelled = match numbers {
        Numbers::Stored => false,
        Numbers::Fractions => number.contains('.'),
        Numbers::Doubles => number.contains('.') || number.len() >= LONG_INTEGER,
    };
    let double = number.parse::<f64>().ok().filter(|_| respelled).and_then(Number::from_f64);
    double.map_or(Cow::Borrowed(number), |double| Cow::Owned(double.to_string()))
}

#[cfg(test)]
mod tests {
    use kollect_sink_core::item::write_item;

    use super::*;

    fn digest(payload: &str) -> Digest {
        read(payload, None).1
    }

    fn sample(attributes: &str) -> Row {
        let origin = Origin {
            target: Target::new("team", "web"),
            group: "apps".into(),
            version: "v1".into(),
            kind: "Deployment".into(),
        };
        Row::new(Identity::new(Arc::new(origin), "shop".into(), "cart", "u-1").unwrap(), attributes)
    }

    fn item(row: &Row) -> String {
        let mut out = Vec::new();
        write_item(row, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_payload_as_written_has_the_rows_digest() {
        for attributes in ["{}", r#"{"a":1,"b":[true,null,{"c":"é\n\"\u0001"}],"z":1.50}"#] {
            let row = sample(attributes);
            assert_eq!(digest(&item(&row)), row.digest(), "{attributes}");
        }
    }

    #[test]
    fn order_and_white_space_do_not_matter() {
        let row = sample(r#"{"aa":1,"b":{"x":[1,2],"yy":"t"}}"#);
        // jsonb puts shorter keys first.
        let stored = r#"{"uid": "u-1", "kind": "Deployment", "name": "cart", "group": "apps", "version": "v1",
            "namespace": "shop", "targetName": "web", "targetNamespace": "team",
            "attributes": {"b": {"x": [1, 2], "yy": "t"}, "aa": 1}}"#;
        assert_eq!(digest(stored), row.digest());
    }

    #[test]
    fn a_number_in_the_notation_of_jsonb_is_no_edit() {
        let big = format!("1{}", "0".repeat(21));
        for (written, stored) in [
            (r#"{"a":1e-7}"#, r#"{"a": 0.0000001}"#.to_owned()),
            (r#"{"a":1e+21,"b":[2.5e-9]}"#, format!(r#"{{"a": {big}, "b": [0.0000000025]}}"#)),
            (
                r#"{"a":12345678901234567890,"b":1e-7}"#,
                r#"{"a": 12345678901234567890, "b": 0.0000001}"#.to_owned(),
            ),
        ] {
            let row = sample(written);
            let payload = item(&row).replace(written, &stored);
            assert_ne!(read(&payload, None).1, row.digest(), "{written}");
            assert_eq!(read(&payload, Some(row.digest())).1, row.digest(), "{written}");
            // Another value is one in every notation.
            let edited = payload.replace("00001", "00002").replace("25]", "26]");
            assert_ne!(read(&edited, Some(row.digest())).1, row.digest(), "{written}");
        }
    }

    #[test]
    fn a_recorded_digest_that_fits_nothing_is_not_believed() {
        let row = sample(r#"{"a":1.5}"#);
        let (name, found) = read(&item(&row), Some(Digest([7; 16])));
        assert_eq!((name.as_deref(), found), (Some("cart"), row.digest()));
        assert_eq!(read("[]", Some(row.digest())).0, None);
    }

    #[test]
    fn an_edited_payload_has_another_digest() {
        let row = sample(r#"{"a":1}"#);
        for edited in [
            item(&row).replace(":1}", ":2}"),
            item(&row).replace("cart", "card"),
            item(&row).replace(r#""uid""#, r#""extra":1,"uid""#),
            "[]".to_owned(),
            "{}".to_owned(),
            "null".to_owned(),
        ] {
            assert_ne!(digest(&edited), row.digest(), "{edited}");
        }
    }

    #[test]
    fn nesting_beyond_the_bound_is_no_row_rather_than_an_overflow() {
        let deep = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        let row = sample(&deep(300));
        assert_eq!(digest(&item(&row)), row.digest());
        let row = sample(&deep(100_000));
        assert_ne!(digest(&item(&row)), row.digest());
    }
}
