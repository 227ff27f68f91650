//! Rows to test with. It keeps none.

use std::sync::Arc;

use futures::stream::{self, StreamExt};
use serde_json::Value;

use crate::change::Change;
use crate::digest::ScopeDigest;
use crate::item::{write_item, write_string};
use crate::partition::{Pattern, Target, Unknown};
use crate::row::{Identity, IdentityError, KeyRef, Origin, Row};
use crate::source::{Batches, Head, View};

/// A row of a Deployment that target `team-a/<target>` selected.
///
/// # Errors
/// Where a part holds a control character.
pub fn row(target: &str, namespace: &str, uid: &str, attributes: &str) -> Result<Row, IdentityError> {
    let origin = Origin {
        target: Target::new("team-a", target),
        group: "apps".into(),
        version: "v1".into(),
        kind: "Deployment".into(),
    };
    let identity = Identity::new(Arc::new(origin), namespace.into(), &format!("app-{namespace}"), uid)?;
    Ok(Row::new(identity, attributes))
}

/// `count` different rows of two targets and three namespaces.
///
/// # Errors
/// None in fact.
pub fn fleet(count: usize) -> Result<Vec<Row>, IdentityError> {
    (0..count)
        .map(|index| {
            let (target, namespace) = (format!("t{}", index % 2), format!("ns-{}", index % 3));
            let attributes = format!("{{\"image\":\"app:{index}\",\"replicas\":{}}}", index % 7);
            row(&target, &namespace, &format!("uid-{index:06}"), &attributes)
        })
        .collect()
}

/// A row of the same identity with other attributes.
pub fn changed(row: &Row, attributes: &str) -> Row {
    Row::new(row.identity().clone(), attributes)
}

/// Rows that offend careless quoting, joining, sorting and numbers.
///
/// # Errors
/// None in fact.
pub fn awkward() -> Result<Vec<Row>, IdentityError> {
    let texts = [
        "'; DROP TABLE kollect; --",
        "%s %d {} {{0}} $1 :name ?",
        "back\\slash \\n \\u0041 \"quotes\" 'single' `tick`",
        "tab\tnewline\ncarriage\rbell\u{7}",
        "ünïcödé 日本語 עברית العربية",
        "👩‍👩‍👧‍👦 e\u{301} \u{202e}txet\u{202c} \u{2028}\u{2029}\u{feff}",
        "<script>&amp;</script>]]>",
        "=cmd|' /C calc'!A0",
        "a,b;c\t\"d\"",
        "",
        " leading and trailing ",
        "\\N",
        "null",
        "\u{10ffff}\u{fffd}",
    ];
    // Uids in an order that collations, numbers and letter case would change.
    let uids =
        ["a", "B", "_", "é", "Z", "10", "9", "a b", "a/b", "..", "A", "z", "~", "日本", "a%2Fb", "a:b"];
    let mut rows = Vec::new();
    for (index, uid) in uids.iter().enumerate() {
        let mut attributes = b"{\"text\":".to_vec();
        write_string(texts.get(index % texts.len()).copied().unwrap_or_default(), &mut attributes);
        attributes.push(b'}');
        let attributes = String::from_utf8_lossy(&attributes);
        rows.push(row("t", "ns", uid, &attributes)?);
    }
    for (index, attributes) in [
        "{}",
        r#"{"":1}"#,
        r#"{"$set":{"a.b":1},"a b":null,"é":[]}"#,
        r#"{"big":9007199254740993,"float":0.1,"max":18446744073709551615,"min":-9223372036854775808}"#,
        r#"{"deep":[[[[[[[[[[[[[[[[{"x":[true,false,null]}]]]]]]]]]]]]]]]]}"#,
    ]
    .iter()
    .enumerate()
    {
        rows.push(row("t", "", &format!("value-{index}"), attributes)?);
    }
    rows.push(row("t", &"n".repeat(253), &"u".repeat(253), "{\"long\":true}")?);
    Ok(rows)
}

/// A row with about `bytes` of attributes.
///
/// # Errors
/// Where the uid holds a control character.
pub fn sized(uid: &str, bytes: usize) -> Result<Row, IdentityError> {
    let filler: String = (0..bytes)
        .map(|index| char::from(b'a' + u8::try_from((index * 7 + index / 26) % 26).unwrap_or(0)))
        .collect();
    row("t", "ns", uid, &format!("{{\"filler\":\"{filler}\"}}"))
}

/// The row as an item, as destinations show it to readers; `Null` where it is no JSON.
pub fn item(row: &Row) -> Value {
    let mut bytes = Vec::new();
    write_item(row, &mut bytes);
    serde_json::from_slice(&bytes).unwrap_or(Value::Null)
}

/// The pattern of one namespace of target `team-a/<target>`.
pub fn namespace_pattern(target: &str, namespace: &str) -> Pattern {
    Pattern::new(Target::new("team-a", target), None, Some(namespace.into()))
}

/// A view of rows that are made while they are read: its memory does not depend on their number.
#[derive(Clone, Debug)]
pub struct Generated {
    head: Head,
    count: u64,
    bytes: usize,
}

impl Generated {
    /// A view of `count` rows with about `bytes` of attributes each.
    ///
    /// # Errors
    /// None in fact.
    pub fn new(count: u64, bytes: usize) -> Result<Self, IdentityError> {
        let mut digest = ScopeDigest::default();
        for index in 0..count {
            digest.add(Self::make(index, bytes)?.digest());
        }
        let head =
            Head { revision: 1, digest, rows: count, unknown: Unknown::none(), schema: Arc::default() };
        Ok(Self { head, count, bytes })
    }

    fn make(index: u64, bytes: usize) -> Result<Row, IdentityError> {
        let filler = format!("{:016x}", index.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let filler = filler.repeat(bytes / 16 + 1);
        row(
            "t",
            &format!("ns-{}", index % 50),
            &format!("uid-{index:09}"),
            &format!("{{\"filler\":\"{filler}\"}}"),
        )
    }

    /// The row at `index`.
    ///
    /// # Errors
    /// None in fact.
    pub fn row_at(&self, index: u64) -> Result<Row, IdentityError> {
        Self::make(index, self.bytes)
    }
}

impl View for Generated {
    fn head(&self) -> &Head {
        &self.head
    }

    fn rows(&self) -> Batches<'_, Row> {
        const BATCH: usize = 500;
        stream::iter((0..self.count).step_by(BATCH))
            .map(move |start| {
                let end = self.count.min(start + BATCH as u64);
                let rows: Result<Vec<Row>, IdentityError> =
                    (start..end).map(|index| self.row_at(index)).collect();
                rows.map_err(|error| crate::source::SourceError(Box::new(error)))
            })
            .boxed()
    }

    fn changes_since(&self, _: u64) -> Option<Batches<'_, Change>> {
        None
    }

    fn row(&self, _: KeyRef<'_>) -> Option<Row> {
        None
    }
}
