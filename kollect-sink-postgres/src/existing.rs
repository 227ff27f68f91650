//! What the database has under our names: tables, columns, keys. It only reads the catalog, and judges
//! nothing.

use std::collections::BTreeMap;

use kollect_sink_core::Result;
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::config::{CHECKPOINTS, Config};
use crate::error::Failure;
use crate::session::{Parameters, Session};

/// What stands there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Existing {
    pub(crate) rows: Option<Relation>,
    pub(crate) checkpoints: bool,
    /// Whether the role may make temporary tables.
    pub(crate) may_stage: bool,
}

/// The table of the rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Relation {
    /// Another number tells that the table is another one.
    pub(crate) oid: i64,
    /// `r` for a table, `p` for a partitioned one; a view and others are of no use.
    pub(crate) kind: String,
    pub(crate) row_security: bool,
    pub(crate) columns: BTreeMap<String, Attribute>,
    pub(crate) keys: Vec<Key>,
}

/// One column.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attribute {
    pub(crate) type_name: String,
    pub(crate) not_null: bool,
    /// Whether a row may leave it out.
    pub(crate) fills_itself: bool,
}

/// A unique index over plain columns.
#[derive(Clone, Debug, Default)]
pub(crate) struct Key {
    pub(crate) columns: Vec<String>,
    /// The name of the primary key's constraint, where it is that.
    pub(crate) primary: Option<String>,
}

const RELATIONS: &str = "
    SELECT c.relname::text, c.oid::bigint, c.relkind::text, c.relrowsecurity,
           has_database_privilege(current_database(), 'TEMP')
      FROM (SELECT 1) AS always
      LEFT JOIN (pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace)
             ON n.nspname = $1 AND c.relname IN ($2, $3)";

const ATTRIBUTES: &str = "
    SELECT a.attname::text,
           (CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END)::regtype::text,
           a.attnotnull,
           a.atthasdef OR a.attidentity <> '' OR a.attgenerated <> ''
      FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
     WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped";

const KEYS: &str = "
    SELECT array_agg(a.attname::text ORDER BY k.place),
           min(p.conname::text)
      FROM pg_index i
     CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(number, place)
      JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
      LEFT JOIN pg_constraint p ON p.conindid = i.indexrelid AND p.contype = 'p'
     WHERE i.indrelid = $1::oid AND i.indisunique AND i.indisvalid AND i.indimmediate
       AND i.indpred IS NULL AND i.indexprs IS NULL AND k.place <= i.indnkeyatts
     GROUP BY i.indexrelid
     ORDER BY i.indexrelid";

/// Reads the catalog within the transaction of `session`.
pub(crate) async fn read(session: &mut Session, config: &Config) -> Result<Existing> {
    look(session, config).await.map_err(|failure| failure.during("read the database's catalog"))
}

async fn look(session: &mut Session, config: &Config) -> Result<Existing, Failure> {
    let names = Parameters::none().with(config.schema.as_str()).with(config.table.as_str()).with(CHECKPOINTS);
    let mut existing = Existing::default();
    for row in session.fetch(RELATIONS, names).await? {
        existing.may_stage = row.try_get(4)?;
        match row.try_get::<Option<String>, _>(0)? {
            Some(name) if name == CHECKPOINTS => existing.checkpoints = true,
            Some(_) => existing.rows = Some(relation(&row)?),
            None => {}
        }
    }
    if let Some(relation) = &mut existing.rows {
        for row in session.fetch(ATTRIBUTES, Parameters::none().with(relation.oid)).await? {
            let attribute = Attribute {
                type_name: row.try_get(1)?,
                not_null: row.try_get(2)?,
                fills_itself: row.try_get(3)?,
            };
            relation.columns.insert(row.try_get(0)?, attribute);
        }
        for row in session.fetch(KEYS, Parameters::none().with(relation.oid)).await? {
            relation.keys.push(Key { columns: row.try_get(0)?, primary: row.try_get(1)? });
        }
    }
    Ok(existing)
}

fn relation(row: &PgRow) -> sqlx::Result<Relation> {
    Ok(Relation {
        oid: row.try_get(1)?,
        kind: row.try_get(2)?,
        row_security: row.try_get(3)?,
        ..Relation::default()
    })
}
