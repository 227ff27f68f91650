//! Reads identities and attributes back from CSV, by the names of its columns. It does not read the typed
//! columns: they follow from the attributes.

use std::io::Read;

use csv::{ReaderBuilder, StringRecord};
use kollect_sink_core::Held;

use super::{Fields, Rebuild};
use crate::error::{Error, Result};
use crate::format::columns::ATTRIBUTES;

pub(super) fn read(contents: impl Read, each: &mut dyn FnMut(Held) -> Result<()>) -> Result<()> {
    let mut reader = ReaderBuilder::new().from_reader(contents);
    let header = reader.headers().map_err(failed())?.clone();
    let column = |name: &'static str| {
        let found = header.iter().position(|column| column == name);
        found.ok_or_else(|| Error::garbled("document", format!("it has no column {name}")))
    };
    let (target_namespace, target_name) = (column("target_namespace")?, column("target_name")?);
    let (namespace, name, uid) = (column("namespace")?, column("name")?, column("uid")?);
    let (group, version, kind) = (column("group")?, column("version")?, column("kind")?);
    let attributes = column(ATTRIBUTES)?;
    let mut rebuild = Rebuild::default();
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(failed())? {
        let text = |index: usize| record.get(index).unwrap_or_default();
        each(rebuild.held(&Fields {
            target_namespace: text(target_namespace),
            target_name: text(target_name),
            namespace: text(namespace),
            name: text(name),
            group: text(group),
            version: text(version),
            kind: text(kind),
            uid: text(uid),
            attributes: text(attributes),
        })?)?;
    }
    Ok(())
}

fn failed() -> impl FnOnce(csv::Error) -> Error {
    Error::codec("read the csv document")
}
