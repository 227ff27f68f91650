//! Judges the table that was found: whether it can hold rows, and which statements suit it. It runs none.

use kollect_sink_core::{Error, ErrorKind, Result};

use crate::columns::{COLUMNS, NARROW_KEY, Need, WIDE_KEY};
use crate::config::{Config, Provisioning};
use crate::ddl;
use crate::existing::{Existing, Key, Relation};
use crate::ident::SqlIdent;
use crate::statements::Statements;

/// A table that can hold rows.
#[derive(Debug)]
pub(crate) struct Layout {
    /// The table's number: another one tells that the table was replaced.
    pub(crate) oid: i64,
    /// Whether there is a table for checkpoints; else they stay in memory.
    pub(crate) checkpoints: bool,
    /// Whether temporary tables may be made.
    pub(crate) may_stage: bool,
    /// Whether the key tells targets of one name in two namespaces apart.
    pub(crate) wide: bool,
    /// Whether digests are recorded; else payloads are compared.
    pub(crate) digests: bool,
    /// Whether the table takes our binary form as it is.
    pub(crate) exact: bool,
    pub(crate) statements: Statements,
}

/// What a table is, once judged.
pub(crate) enum Verdict {
    /// It can be used.
    Fits(Layout),
    /// It can be used after this DDL.
    Wants(Vec<String>),
}

impl Layout {
    /// Judges what was found, for rows of `cluster`, which only messages need.
    ///
    /// # Errors
    /// `Mismatch` or `NotFound`, with the SQL to run.
    pub(crate) fn judge(existing: &Existing, config: &Config, cluster: &str) -> Result<Verdict> {
        let Some(relation) = &existing.rows else {
            return match config.provisioning {
                Provisioning::Ensure => Ok(Verdict::Wants(ddl::everything(config).into())),
                Provisioning::Existing => Err(missing_table(config)),
            };
        };
        check_relation(relation, config)?;
        let key = check_key(relation, config, cluster)?;
        let lacking: Vec<String> = COLUMNS
            .iter()
            .filter(|column| !relation.columns.contains_key(column.name))
            .map(|column| ddl::add_column(config, column))
            .collect();
        if config.provisioning == Provisioning::Ensure && (!lacking.is_empty() || !existing.checkpoints) {
            let [_, index, checkpoints] = ddl::everything(config);
            return Ok(Verdict::Wants(lacking.into_iter().chain([index, checkpoints]).collect()));
        }
        Ok(Verdict::Fits(Self::of(existing, relation, config, key)))
    }

    /// What can be read of the table as it is; `None` where there is none.
    ///
    /// # Errors
    /// `Mismatch` where not even that is possible.
    pub(crate) fn readable(existing: &Existing, config: &Config) -> Result<Option<Self>> {
        let Some(relation) = &existing.rows else { return Ok(None) };
        check_relation(relation, config)?;
        if !relation.columns.contains_key("cluster") {
            return Err(mismatch(config, "has no column cluster"));
        }
        let wide = relation.columns.contains_key("target_namespace");
        let key = if wide { &WIDE_KEY[..] } else { &NARROW_KEY[..] };
        Ok(Some(Self::of(existing, relation, config, key)))
    }

    fn of(existing: &Existing, relation: &Relation, config: &Config, key: &[&'static str]) -> Self {
        let exact = !relation.row_security
            && COLUMNS.iter().all(|column| {
                let found = relation.columns.get(column.name);
                found.is_some_and(|found| column.holds.fits_exactly(&found.type_name))
            });
        Self {
            oid: relation.oid,
            checkpoints: existing.checkpoints,
            may_stage: existing.may_stage,
            wide: key.len() == WIDE_KEY.len(),
            digests: relation.columns.contains_key("digest"),
            exact,
            statements: Statements::of(relation, config, key),
        }
    }
}

fn missing_table(config: &Config) -> Error {
    let statements = ddl::script(config);
    let table = config.rows_table();
    let message = format!(
        "the table {table} does not exist, and may not be made here; run:\n{}",
        statements.trim_end()
    );
    Error::new(ErrorKind::NotFound, message)
}

fn mismatch(config: &Config, what: &str) -> Error {
    Error::new(ErrorKind::Mismatch, format!("the table {} {what}", config.rows_table()))
}

fn check_relation(relation: &Relation, config: &Config) -> Result<()> {
    if !matches!(relation.kind.as_str(), "r" | "p") {
        return Err(mismatch(config, "is not a table"));
    }
    for column in &COLUMNS {
        let Some(found) = relation.columns.get(column.name) else { continue };
        if !column.holds.fits(&found.type_name) {
            let (name, wanted, found) = (column.name, column.holds.sql_type(), &found.type_name);
            return Err(mismatch(config, &format!("has the column {name} as {found}: it must be {wanted}")));
        }
    }
    // A key without the cluster has a message of its own.
    let lacking: Vec<String> = COLUMNS
        .iter()
        .filter(|column| column.need != Need::Optional && column.name != "cluster")
        .filter(|column| !relation.columns.contains_key(column.name))
        .map(|column| ddl::add_column(config, column))
        .collect();
    if !lacking.is_empty() {
        let statements = lacking.join(";\n");
        return Err(mismatch(
            config,
            &format!("lacks columns that no export can do without; run:\n{statements};"),
        ));
    }
    let stranger = relation.columns.iter().find(|(name, attribute)| {
        attribute.not_null
            && !attribute.fills_itself
            && !COLUMNS.iter().any(|column| column.name == name.as_str())
    });
    match stranger {
        Some((name, _)) => {
            let name = name.escape_debug();
            Err(mismatch(
                config,
                &format!("has the column `{name}`, which must have a default or allow NULL"),
            ))
        }
        None => Ok(()),
    }
}

/// The key to write by: one that tells all rows apart, else the narrower one of older tables.
fn check_key(relation: &Relation, config: &Config, cluster: &str) -> Result<&'static [&'static str]> {
    for key in [&WIDE_KEY[..], &NARROW_KEY[..]] {
        if relation.keys.iter().any(|found| same(found, key)) {
            return Ok(key);
        }
    }
    let without_cluster = |key: &'static [&'static str]| key.get(1..).unwrap_or_default();
    for key in [&WIDE_KEY[..], &NARROW_KEY[..]] {
        let Some(found) = relation.keys.iter().find(|found| same(found, without_cluster(key))) else {
            continue;
        };
        let constraint = found.primary.as_deref().and_then(|name| SqlIdent::parse(name).ok());
        let statements = ddl::migrate_key(config, cluster, constraint.as_ref(), key).join(";\n");
        let what = format!(
            "has a key without cluster, so that two clusters would overwrite each other's rows; run:\n{statements};"
        );
        return Err(mismatch(config, &what));
    }
    let wide = relation.columns.contains_key("target_namespace");
    let key = if wide { &WIDE_KEY[..] } else { &NARROW_KEY[..] };
    let statement = ddl::create_key(config, key);
    Err(mismatch(config, &format!("has no unique index over the key of a row; run:\n{statement};")))
}

fn same(found: &Key, wanted: &[&str]) -> bool {
    found.columns.len() == wanted.len()
        && wanted.iter().all(|name| found.columns.iter().any(|column| column == name))
}

/// Whether a column holds the payload in the form that comparisons need.
pub(crate) fn payload_is_json(relation: &Relation) -> bool {
    relation.columns.get("payload").is_some_and(|found| found.type_name == "json")
}

/// Whether a column is there and never NULL.
pub(crate) fn is_certain(relation: &Relation, column: &str) -> bool {
    relation.columns.get(column).is_some_and(|found| found.not_null)
}

#[cfg(test)]
mod tests;
