//! Keeps what was exported last, per table and scope. The rules of claims are not here: see `fence` in the core.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use kollect_sink_core::{
    Checkpoint, Digest, Error, ErrorKind, Rejected, Result, Scope, ScopeDigest, Unknown, Writer,
};
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::config::Config;
use crate::error::Failure;
use crate::session::{Parameters, Session, binary, literal};
use crate::statements::SAVEPOINT;

/// A checkpoint, and the table that it speaks of.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) checkpoint: Checkpoint,
    /// The number of the table of rows when this was stored.
    pub(crate) incarnation: i64,
}

impl Stored {
    /// The checkpoint as it holds for the table of this number: without a digest where that is another one.
    pub(crate) fn for_table(mut self, oid: Option<i64>) -> Checkpoint {
        if oid != Some(self.incarnation) {
            self.checkpoint.digest = None;
        }
        self.checkpoint
    }
}

/// Checkpoints of tables that have no other place for them. They do not outlive the process.
#[derive(Debug, Default)]
pub(crate) struct Memory(Mutex<HashMap<Scope, Stored>>);

/// Where checkpoints are kept.
#[derive(Clone, Copy)]
pub(crate) enum Ledger<'a> {
    /// In their table.
    Table(&'a Config),
    /// Nowhere else.
    Memory(&'a Memory),
}

impl Ledger<'_> {
    /// What is stored for `scope`; nobody else can change it until the transaction ends.
    pub(crate) async fn lock(self, session: &mut Session, scope: &Scope) -> Result<Option<Stored>> {
        match self {
            Self::Table(config) => read(session, config, scope, " FOR UPDATE").await,
            Self::Memory(memory) => Ok(memory.get(scope)),
        }
    }

    /// As [`Ledger::lock`], and the number of the table of rows as it is once nobody else can change it. Leaves a fresh
    /// savepoint.
    pub(crate) async fn lock_with_table(
        self,
        session: &mut Session,
        config: &Config,
        scope: &Scope,
    ) -> Result<(Option<Stored>, Option<i64>)> {
        match self {
            Self::Table(_) => {
                let sql = format!("{}; {SAVEPOINT}", question(config, scope, " FOR UPDATE"));
                let asked = session.ask(&sql).await;
                answer(&asked.map_err(|failure| failure.during(DOING))?)
            }
            Self::Memory(memory) => {
                let asked = session.ask(&format!("{}; {SAVEPOINT}", table_number(config))).await;
                let (_, number) = answer(&asked.map_err(|failure| failure.during("look for the table"))?)?;
                Ok((memory.get(scope), number))
            }
        }
    }

    /// As [`Ledger::lock`], where two may come at once and nothing is stored yet.
    pub(crate) async fn lock_or_open(self, session: &mut Session, scope: &Scope) -> Result<Option<Stored>> {
        if let Self::Table(config) = self {
            let sql = format!(
                "INSERT INTO {} ({COLUMNS}) VALUES ($1, $2, $3, $4, '', 0, 0, NULL, 0, 0, NULL, '[]', '', 0, 0, now()) \
                 ON CONFLICT (table_name, cluster, inventory_namespace, inventory_name) DO NOTHING",
                config.checkpoints_table()
            );
            let opened = session.execute(&sql, key(config, scope)).await;
            opened.map_err(|failure| failure.during("open a checkpoint"))?;
        }
        self.lock(session, scope).await
    }

    /// The statement that stores it with the transaction; none where checkpoints stay in memory: see
    /// [`Ledger::remember`].
    pub(crate) fn record(self, scope: &Scope, stored: &Stored) -> Result<Option<String>> {
        match self {
            Self::Table(config) => statement(config, scope, stored).map(Some),
            Self::Memory(_) => Ok(None),
        }
    }

    /// Notes it after the transaction was committed, where checkpoints stay in memory.
    pub(crate) fn remember(self, scope: &Scope, stored: Stored) {
        if let Self::Memory(memory) = self {
            memory.0.lock().unwrap_or_else(PoisonError::into_inner).insert(scope.clone(), stored);
        }
    }
}

impl Memory {
    pub(crate) fn get(&self, scope: &Scope) -> Option<Stored> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(scope).cloned()
    }
}

const COLUMNS: &str = "table_name, cluster, inventory_namespace, inventory_name, writer, epoch, revision, \
    digest, row_count, rejected_count, rejected_example, unknown, shape, incarnation, generation, exported_at";

const DOING: &str = "read the checkpoint";

/// What is stored for `scope`.
pub(crate) async fn read(
    session: &mut Session,
    config: &Config,
    scope: &Scope,
    lock: &str,
) -> Result<Option<Stored>> {
    let rows = session.ask(&selection(config, scope, lock)).await;
    answer(&rows.map_err(|failure| failure.during(DOING))?).map(|(stored, _)| stored)
}

/// Asks for what is stored for `scope`, and after that for the number of the table of rows, in one message.
pub(crate) fn question(config: &Config, scope: &Scope, lock: &str) -> String {
    format!("{}; {}", selection(config, scope, lock), table_number(config))
}

fn selection(config: &Config, scope: &Scope, lock: &str) -> String {
    format!(
        "SELECT writer, epoch, revision, digest, row_count, rejected_count, rejected_example, unknown::text, \
         shape, incarnation, generation, (extract(epoch from exported_at) * 1000000)::bigint \
         FROM {} WHERE table_name = {} AND cluster = {} AND inventory_namespace = {} AND inventory_name = {}{lock}",
        config.checkpoints_table(),
        literal(config.table.as_str()),
        literal(&scope.cluster),
        literal(&scope.inventory_namespace),
        literal(&scope.inventory_name),
    )
}

fn table_number(config: &Config) -> String {
    format!(
        "SELECT c.oid::bigint FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = {} AND c.relname = {}",
        literal(config.schema.as_str()),
        literal(config.table.as_str()),
    )
}

/// What a [`question`] was answered: the checkpoint, if there is one, and the table's number, if there is one.
pub(crate) fn answer(rows: &[PgRow]) -> Result<(Option<Stored>, Option<i64>)> {
    let (mut stored, mut number) = (None, None);
    let read = rows.iter().try_for_each(|row| {
        match row.len() {
            1 => number = row.try_get(0)?,
            _ => stored = decode(row)?,
        }
        Ok(())
    });
    read.map_err(|error| Failure::Driver(error).during(DOING))?;
    // What a claim opens and does not fill is nothing.
    Ok((stored.filter(|stored| stored.checkpoint.epoch > 0), number))
}

/// Writer and epoch must be sound. Where anything else is not, the digest is left out, and a full pass makes
/// the checkpoint anew.
fn decode(row: &PgRow) -> sqlx::Result<Option<Stored>> {
    let number = |index: usize| row.try_get::<i64, _>(index).map(|number| u64::try_from(number).ok());
    let digest: Option<Vec<u8>> = row.try_get(3)?;
    let shape: Vec<u8> = row.try_get(8)?;
    let unknown: Option<Unknown> = serde_json::from_str(row.try_get::<&str, _>(7)?).ok();
    let exported_at = Timestamp::from_microsecond(row.try_get(11)?).ok();
    let digest = digest.and_then(|bytes| <[u8; 16]>::try_from(bytes).ok()).map(Digest);
    let shape = <[u8; 16]>::try_from(shape).ok().map(Digest);
    let (rows, rejected, generation) = (number(4)?, number(5)?, number(10)?);
    let Some(epoch) = number(1)? else { return Ok(None) };
    let sound = unknown.is_some()
        && exported_at.is_some()
        && shape.is_some()
        && rows.is_some()
        && rejected.is_some()
        && generation.is_some();
    let checkpoint = Checkpoint {
        writer: Writer::new(row.try_get(0)?),
        epoch,
        revision: number(2)?.unwrap_or_default(),
        digest: digest.filter(|_| sound).map(ScopeDigest::from_digest),
        rows: rows.unwrap_or_default(),
        rejected: Rejected { count: rejected.unwrap_or_default(), example: row.try_get(6)? },
        unknown: unknown.unwrap_or_default(),
        shape: shape.unwrap_or(Digest([0; 16])),
        generation: generation.unwrap_or_default(),
        exported_at: exported_at.unwrap_or_default(),
    };
    Ok(Some(Stored { checkpoint, incarnation: row.try_get(9)? }))
}

/// Without parameters, so that it goes in one message with the commit.
fn statement(config: &Config, scope: &Scope, stored: &Stored) -> Result<String> {
    let Checkpoint {
        writer,
        epoch,
        revision,
        digest,
        rows,
        rejected,
        unknown,
        shape,
        generation,
        exported_at,
    } = &stored.checkpoint;
    let unknown = serde_json::to_string(unknown)
        .map_err(|error| Error::caused_by(ErrorKind::Protocol, "cannot encode the checkpoint", error))?;
    let values = [
        literal(config.table.as_str()),
        literal(&scope.cluster),
        literal(&scope.inventory_namespace),
        literal(&scope.inventory_name),
        literal(writer.as_str()),
        signed(*epoch)?,
        signed(*revision)?,
        digest.map_or_else(null, |digest| binary(&digest.as_digest().0)),
        signed(*rows)?,
        signed(rejected.count)?,
        rejected.example.as_deref().map_or_else(null, literal),
        format!("{}::jsonb", literal(&unknown)),
        binary(&shape.0),
        stored.incarnation.to_string(),
        signed(*generation)?,
        format!("{}::timestamptz", literal(&exported_at.to_string())),
    ];
    Ok(format!(
        "INSERT INTO {} ({COLUMNS}) VALUES ({}) \
         ON CONFLICT (table_name, cluster, inventory_namespace, inventory_name) DO UPDATE SET \
         writer = EXCLUDED.writer, epoch = EXCLUDED.epoch, revision = EXCLUDED.revision, \
         digest = EXCLUDED.digest, row_count = EXCLUDED.row_count, rejected_count = EXCLUDED.rejected_count, \
         rejected_example = EXCLUDED.rejected_example, unknown = EXCLUDED.unknown, shape = EXCLUDED.shape, \
         incarnation = EXCLUDED.incarnation, generation = EXCLUDED.generation, exported_at = EXCLUDED.exported_at",
        config.checkpoints_table(),
        values.join(", ")
    ))
}

fn null() -> String {
    "NULL".to_owned()
}

fn key(config: &Config, scope: &Scope) -> Parameters {
    Parameters::none()
        .with(config.table.as_str())
        .with(&*scope.cluster)
        .with(&*scope.inventory_namespace)
        .with(&*scope.inventory_name)
}

fn signed(number: u64) -> Result<String> {
    i64::try_from(number).map(|number| number.to_string()).map_err(|error| {
        Error::caused_by(ErrorKind::Protocol, "a number of the checkpoint is too large", error)
    })
}
