//! The JSON form of a row, as every document and payload carries it. It does not write envelopes.

use crate::row::{Identity, Row};

/// The version of the wire shapes, as documents name it.
pub const SCHEMA_VERSION: &str = "kollect.dev/v1alpha1";

/// Appends the item `{targetNamespace, targetName, namespace, name, group, version, kind, uid, attributes}`
/// to `out`, as JSON without white space, in this order; `group` is left out when it is empty. The
/// attributes are copied as they are.
pub fn write_item(row: &Row, out: &mut Vec<u8>) {
    write_identity(row.identity(), out);
    out.extend_from_slice(br#","attributes":"#);
    out.extend_from_slice(row.attributes().as_bytes());
    out.push(b'}');
}

/// Appends the item of a deletion: the identity alone.
pub fn write_removed_item(identity: &Identity, out: &mut Vec<u8>) {
    write_identity(identity, out);
    out.push(b'}');
}

fn write_identity(identity: &Identity, out: &mut Vec<u8>) {
    let target = identity.target();
    let fields: [(&str, &str); 8] = [
        ("targetNamespace", &target.namespace),
        ("targetName", &target.name),
        ("namespace", identity.namespace()),
        ("name", identity.name()),
        ("group", identity.group()),
        ("version", identity.version()),
        ("kind", identity.kind()),
        ("uid", identity.uid()),
    ];
    let mut separator = b'{';
    for (name, value) in fields {
        if name == "group" && value.is_empty() {
            continue;
        }
        out.push(separator);
        separator = b',';
        out.push(b'"');
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":");
        write_string(value, out);
    }
}

/// Appends `text` as a JSON string.
pub fn write_string(text: &str, out: &mut Vec<u8>) {
    let plain = !text.bytes().any(|byte| byte < 0x20 || byte == b'"' || byte == b'\\');
    if plain {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
        return;
    }
    // Writing a string into a Vec cannot fail; a failure would leave valid bytes out, never wrong ones in.
    let _ = serde_json::to_writer(out, text);
}
