//! psql as an independent reader: another driver than the product's, so that a test reads what a portal would.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::servers::Postgres;
use crate::wait;

/// psql with a connection string.
#[derive(Clone, Debug)]
pub struct Psql {
    url: String,
}

impl Psql {
    /// The superuser's.
    pub fn superuser(postgres: &Postgres) -> Self {
        Self::new(postgres.url())
    }

    /// With this connection string.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into() }
    }

    /// Runs statements, the first error ending them, and returns what they print, unaligned and without headers.
    ///
    /// # Errors
    /// If the connection or a statement fails, with what psql says.
    pub fn run(&self, sql: &str) -> Result<String> {
        self.query(&["--no-align", "--tuples-only"], sql)
    }

    /// As [`Psql::run`], but as a table with headers, for a person.
    ///
    /// # Errors
    /// As [`Psql::run`].
    pub fn table(&self, sql: &str) -> Result<String> {
        self.query(&[], sql)
    }

    /// Its connection string.
    pub fn url(&self) -> &str {
        &self.url
    }

    fn query(&self, form: &[&str], sql: &str) -> Result<String> {
        let mut command = Command::new("psql");
        command
            .args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"])
            .args(form)
            .args(["--dbname", &self.url, "--command", sql])
            .stdin(Stdio::null());
        // The machine's own settings must not decide where we read.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PG") {
                command.env_remove(name);
            }
        }
        let output = command.output().context("cannot start psql: apt-get install postgresql-client-15")?;
        ensure!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr).trim());
        Ok(String::from_utf8(output.stdout)?.trim_end_matches('\n').to_string())
    }

    /// The rows of a query as JSON objects, one field per column.
    ///
    /// # Errors
    /// As [`Psql::run`].
    pub fn rows(&self, query: &str) -> Result<Vec<Value>> {
        let text = self.run(&format!("SELECT coalesce(json_agg(r), '[]') FROM ({query}) r"))?;
        Ok(serde_json::from_str(&text)?)
    }

    /// The single number that a query answers.
    ///
    /// # Errors
    /// As [`Psql::run`], or if it is not a number.
    pub fn number(&self, query: &str) -> Result<i64> {
        let text = self.run(query)?;
        text.parse().with_context(|| format!("{query} answers {text:?}"))
    }

    /// Asks until the rows are as wanted, and returns them. A query that fails (no table yet) is asked again.
    ///
    /// # Errors
    /// If that does not happen `within`; with what was last read, or the last refusal.
    pub fn wait_rows(
        &self,
        query: &str,
        within: Duration,
        wanted: impl Fn(&[Value]) -> bool,
    ) -> Result<Vec<Value>> {
        let mut last = String::new();
        wait::until(&format!("rows of {query} as wanted"), within, || {
            Ok(match self.rows(query) {
                Ok(rows) if wanted(&rows) => Some(rows),
                Ok(rows) => {
                    let sample: Vec<_> = rows.iter().take(5).map(ToString::to_string).collect();
                    last = format!("{} rows, first {}", rows.len(), sample.join("\n"));
                    None
                }
                Err(error) => {
                    last = format!("{error:#}");
                    None
                }
            })
        })
        .with_context(|| format!("it was last: {last}"))
    }
}
