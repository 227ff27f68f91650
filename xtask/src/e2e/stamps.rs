//! When a row was committed, stamped by Postgres itself: a deferred trigger runs while its transaction commits, and
//! writes the clock down. Nobody polls for the moment; reading the stamps later costs no precision.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

use super::Psql;
use crate::wait;

/// Stamps of the changes of one table of rows.
#[derive(Clone, Debug)]
pub struct Stamps {
    psql: Psql,
}

impl Stamps {
    /// Stamps every change of `table` (in schema public) from now on, whoever makes it. `psql` must own the table.
    ///
    /// # Errors
    /// If the table is not there yet, or has stamps already.
    pub fn install(psql: &Psql, table: &str) -> Result<Self> {
        psql.run(&format!(
            "CREATE TABLE stamps (at timestamptz NOT NULL, op text NOT NULL, namespace text, name text);
             CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
             DECLARE changed {table} := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
             BEGIN
               INSERT INTO stamps
               VALUES (clock_timestamp(), TG_OP, changed.resource_namespace, changed.resource_name);
               RETURN NULL;
             END $$;
             CREATE CONSTRAINT TRIGGER stamped AFTER INSERT OR UPDATE OR DELETE ON {table}
             DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION stamp()"
        ))?;
        Ok(Self { psql: psql.clone() })
    }

    /// How long after `since` the first change of this object's row was committed; waits for it.
    ///
    /// # Errors
    /// If there is none `within`.
    pub fn after(
        &self,
        since: SystemTime,
        namespace: &str,
        name: &str,
        within: Duration,
    ) -> Result<Duration> {
        let since = since.duration_since(UNIX_EPOCH)?;
        let query = format!(
            "SELECT round(extract(epoch FROM min(at)) * 1000000 - {}) FROM stamps
             WHERE at >= to_timestamp({}) AND namespace = '{namespace}' AND name = '{name}'",
            since.as_micros(),
            // The clocks are one; a microsecond may be lost to rounding.
            since.as_secs_f64() - 0.000_002
        );
        let what = format!("a change of {namespace}/{name} is committed");
        let micros: f64 = wait::until(&what, within, || {
            let text = self.psql.run(&query)?;
            if text.is_empty() {
                return Ok(None);
            }
            text.parse().map(Some).with_context(|| format!("{query} answers {text:?}"))
        })?;
        Ok(Duration::from_secs_f64(micros.max(0.0) / 1e6))
    }
}
