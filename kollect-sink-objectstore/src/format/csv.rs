//! CSV as RFC 4180 has it: a header, lines that end in CRLF, quotes where they are needed. It has the columns
//! of Parquet; what those hold as null is empty here.

use std::borrow::Cow;

use csv::{Terminator, WriterBuilder};
use kollect_sink_core::{Column, ColumnType, Row};

use super::columns::{Attributes, IDENTITY, fits, instant, number, of_document, text};
use super::{Encoder, Finished, Format, Header, Out, close};
use crate::error::{Error, Result};

pub(super) struct Csv<'w> {
    writer: csv::Writer<Out<'w>>,
    attributes: Attributes,
    scope: [String; 3],
    exported_at: String,
}

impl<'w> Csv<'w> {
    pub(super) fn new(header: &Header, out: Out<'w>) -> Result<Self> {
        let attributes = Attributes::new(&header.schema, &header.hot_attributes);
        let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(out);
        let columns = of_document(&header.schema, &header.hot_attributes);
        writer.write_record(columns.iter().map(|column| &*column.name)).map_err(failed())?;
        let scope = &header.scope;
        let scope = [&scope.cluster, &scope.inventory_namespace, &scope.inventory_name];
        Ok(Self {
            writer,
            attributes,
            scope: scope.map(|text| text.to_string()),
            exported_at: super::instant(header.exported_at),
        })
    }
}

impl Encoder for Csv<'_> {
    fn push(&mut self, row: &Row) -> Result<()> {
        let Self { writer, attributes, scope, exported_at } = self;
        let identity = IDENTITY.iter().map(|(_, value)| value(row));
        let fixed =
            scope.iter().map(String::as_str).chain(identity).chain([exported_at.as_str(), row.attributes()]);
        let mut result = fixed.into_iter().try_for_each(|field| writer.write_field(field));
        attributes.pick(row.attributes(), |index, raw| {
            let column = attributes.columns().get(index);
            let field = column.zip(raw).and_then(|(column, raw)| cell(column, raw)).unwrap_or_default();
            if result.is_ok() {
                result = writer.write_field(field.as_bytes());
            }
        });
        result.and_then(|()| writer.write_record(None::<&[u8]>)).map_err(failed())
    }

    fn finish(self: Box<Self>) -> Result<Finished> {
        let out = self.writer.into_inner().map_err(|error| {
            let cause = std::io::Error::new(error.error().kind(), error.error().to_string());
            super::write_failed(Format::Csv)(cause)
        })?;
        let (bytes, sha256) = close(out, Format::Csv)?;
        Ok(Finished { bytes, sha256, checksum: None })
    }
}

/// The value as its column has it; absent where it does not fit.
fn cell<'r>(column: &Column, raw: &'r str) -> Option<Cow<'r, str>> {
    let holds = match column.column_type {
        ColumnType::String => return Some(text(raw)),
        ColumnType::Timestamp => return instant(raw).map(|instant| instant.to_string().into()),
        ColumnType::Int => raw.parse::<i64>().is_ok(),
        ColumnType::Number => number(raw).is_some(),
        ColumnType::Bool => raw.parse::<bool>().is_ok(),
        ColumnType::List | ColumnType::Map | ColumnType::Json => fits(raw, column.column_type),
    };
    holds.then_some(Cow::Borrowed(raw))
}

fn failed() -> impl FnOnce(csv::Error) -> Error {
    |error| match error.into_kind() {
        csv::ErrorKind::Io(error) => super::write_failed(Format::Csv)(error),
        other => Error::codec("write the csv document")(format!("{other:?}")),
    }
}
