//! Rows in the forms in which they travel: arrays of columns, or COPY data. It decides neither.

use jiff::Timestamp;
use kollect_sink_core::item::write_item;
use kollect_sink_core::{Row, Scope};

use crate::binary::Tuples;
use crate::error::Failure;
use crate::session::{Parameters, Session};

/// COPY data is sent in pieces of about this size.
const PIECE: usize = 256 * 1024;

/// Fields of a row in the stage, and of a row in the table.
const STAGE_FIELDS: i16 = 10;
const TABLE_FIELDS: i16 = 14;

/// Some rows, and their payloads one after the other.
pub(crate) struct Batch<'r> {
    rows: &'r [Row],
    payloads: Vec<u8>,
    /// Where each payload ends.
    ends: Vec<usize>,
}

impl<'r> Batch<'r> {
    pub(crate) fn of(rows: &'r [Row]) -> Self {
        let size = rows.iter().map(|row| row.attributes().len() + 256).sum();
        let mut payloads = Vec::with_capacity(size);
        let ends = rows
            .iter()
            .map(|row| {
                write_item(row, &mut payloads);
                payloads.len()
            })
            .collect();
        Self { rows, payloads, ends }
    }

    /// Bytes of all payloads.
    pub(crate) fn payload_bytes(&self) -> u64 {
        self.payloads.len() as u64
    }

    /// Adds one array per column, in the order of `PER_ROW`.
    pub(crate) fn arrays(&self, parameters: Parameters) -> Parameters {
        let column = |value: fn(&Row) -> &str| self.rows.iter().map(value).collect::<Vec<&str>>();
        let digests: Vec<Vec<u8>> = self.rows.iter().map(|row| row.digest().0.to_vec()).collect();
        // Payloads are made of strings alone, so that this cannot lose one.
        let payloads: Vec<&str> =
            self.payloads().map(|bytes| str::from_utf8(bytes).unwrap_or_default()).collect();
        parameters
            .with(column(|row| row.key().target_namespace))
            .with(column(|row| row.key().target_name))
            .with(column(|row| row.key().uid))
            .with(column(|row| row.identity().namespace()))
            .with(column(|row| row.identity().name()))
            .with(column(|row| row.identity().group()))
            .with(column(|row| row.identity().version()))
            .with(column(|row| row.identity().kind()))
            .with(payloads)
            .with(digests)
    }

    /// Sends the rows by COPY: with scope and time in the order of the table's columns, without them in that
    /// of the stage. Tells how many rows the server took.
    pub(crate) async fn copy(
        &self,
        session: &mut Session,
        sql: &str,
        whole: Option<(&Scope, Timestamp)>,
    ) -> Result<u64, Failure> {
        let mut copy = session.copy(sql).await?;
        let mut tuples = Tuples::begin();
        for (row, payload) in self.rows.iter().zip(self.payloads()) {
            tuples.tuple(if whole.is_some() { TABLE_FIELDS } else { STAGE_FIELDS });
            if let Some((scope, _)) = whole {
                let parts = [&scope.cluster, &scope.inventory_namespace, &scope.inventory_name];
                parts.iter().for_each(|part| tuples.bytes(part.as_bytes()));
            }
            let (key, identity) = (row.key(), row.identity());
            let texts: [&str; 8] = [
                key.target_namespace,
                key.target_name,
                key.uid,
                identity.namespace(),
                identity.name(),
                identity.group(),
                identity.version(),
                identity.kind(),
            ];
            texts.iter().for_each(|text| tuples.bytes(text.as_bytes()));
            tuples.jsonb(payload);
            tuples.bytes(&row.digest().0);
            if let Some((_, exported_at)) = whole {
                tuples.time(exported_at);
            }
            if tuples.as_bytes().len() >= PIECE {
                copy.send(tuples.as_bytes()).await?;
                tuples.clear();
            }
        }
        tuples.end();
        copy.send(tuples.as_bytes()).await?;
        copy.finish().await
    }

    /// The payload of each row.
    pub(crate) fn payloads(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(&0).chain(&self.ends);
        starts.zip(&self.ends).map(|(start, end)| self.payloads.get(*start..*end).unwrap_or_default())
    }
}
