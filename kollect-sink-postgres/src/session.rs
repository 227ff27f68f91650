//! One connection to the server: statements with a deadline, none of them prepared by name. It knows no
//! tables.

use std::future::Future;
use std::time::Duration;

use sqlx::postgres::{PgArguments, PgConnection, PgCopyIn, PgRow};
use sqlx::{Arguments, AssertSqlSafe, Encode, Postgres, Type};

use crate::error::Failure;
use crate::relay::Relay;

/// How long the answer to a statement may take beyond the server's own limit: for the way there and back.
const GRACE: Duration = Duration::from_secs(10);

/// A connection. Dropping it closes it, which ends what it had under way.
pub(crate) struct Session {
    connection: PgConnection,
    deadline: Option<Duration>,
    in_step: bool,
    _relay: Relay,
}

impl Session {
    /// Takes over a connection; the server ends statements after `statement_timeout`, zero for never.
    pub(crate) fn new(connection: PgConnection, relay: Relay, statement_timeout: Duration) -> Self {
        let deadline = (!statement_timeout.is_zero()).then_some(statement_timeout + GRACE);
        Self { connection, deadline, in_step: true, _relay: relay }
    }

    /// Whether server and driver agree on where they are, so that more can be said: false once an answer was
    /// lost, late or strange.
    pub(crate) fn in_step(&self) -> bool {
        self.in_step
    }

    /// Runs statements without parameters in one round trip.
    pub(crate) async fn run(&mut self, sql: &str) -> Result<(), Failure> {
        let query = sqlx::raw_sql(AssertSqlSafe(sql));
        let done = within(self.deadline, query.execute(&mut self.connection)).await;
        watch(&mut self.in_step, done).map(drop)
    }

    /// As [`Session::run`], and collects the rows of all statements.
    pub(crate) async fn ask(&mut self, sql: &str) -> Result<Vec<PgRow>, Failure> {
        self.ask_within(self.deadline, sql).await
    }

    /// As [`Session::ask`], for statements that answer within `limit` on a healthy connection.
    pub(crate) async fn ask_within(
        &mut self,
        limit: Option<Duration>,
        sql: &str,
    ) -> Result<Vec<PgRow>, Failure> {
        let query = sqlx::raw_sql(AssertSqlSafe(sql));
        let rows = within(limit, query.fetch_all(&mut self.connection)).await;
        watch(&mut self.in_step, rows)
    }

    /// Runs one statement and tells how many rows it touched.
    pub(crate) async fn execute(&mut self, sql: &str, parameters: Parameters) -> Result<u64, Failure> {
        // A statement with a name would outlive the transaction, and with a pooler in between meet another server.
        let query = sqlx::query_with(AssertSqlSafe(sql), parameters.finish()?).persistent(false);
        let done = within(self.deadline, query.execute(&mut self.connection)).await;
        watch(&mut self.in_step, done).map(|done| done.rows_affected())
    }

    /// Runs one query and collects its rows.
    pub(crate) async fn fetch(&mut self, sql: &str, parameters: Parameters) -> Result<Vec<PgRow>, Failure> {
        let query = sqlx::query_with(AssertSqlSafe(sql), parameters.finish()?).persistent(false);
        let rows = within(self.deadline, query.fetch_all(&mut self.connection)).await;
        watch(&mut self.in_step, rows)
    }

    /// Starts a `COPY .. FROM STDIN`.
    pub(crate) async fn copy(&mut self, sql: &str) -> Result<Copy<'_>, Failure> {
        let Self { connection, deadline, in_step, .. } = self;
        let sender = watch(in_step, within(*deadline, connection.copy_in_raw(sql)).await)?;
        // Whoever drops it halfway leaves the server waiting for data.
        *in_step = false;
        Ok(Copy { sender, deadline: *deadline, in_step })
    }
}

/// A COPY under way. The session is of no use any more where it is dropped without [`Copy::finish`].
pub(crate) struct Copy<'s> {
    sender: PgCopyIn<&'s mut PgConnection>,
    deadline: Option<Duration>,
    in_step: &'s mut bool,
}

impl Copy<'_> {
    /// Sends a piece of the data.
    pub(crate) async fn send(&mut self, data: &[u8]) -> Result<(), Failure> {
        within(self.deadline, self.sender.send(data)).await.map(drop)
    }

    /// Ends the data and tells how many rows the server took.
    pub(crate) async fn finish(self) -> Result<u64, Failure> {
        let done = within(self.deadline, self.sender.finish()).await;
        *self.in_step = true;
        watch(self.in_step, done)
    }
}

/// Notes a failure after which nothing more can be said; what the server itself reports is none.
fn watch<T>(in_step: &mut bool, result: Result<T, Failure>) -> Result<T, Failure> {
    if result.as_ref().is_err_and(|failure| !matches!(failure, Failure::Driver(sqlx::Error::Database(_)))) {
        *in_step = false;
    }
    result
}

/// A text as an SQL expression that has no character of it in it, only hexadecimal digits: for statements that
/// go without parameters, to spare the round trip that these cost.
pub(crate) fn literal(text: &str) -> String {
    format!("convert_from({}, 'UTF8')", binary(text.as_bytes()))
}

/// Bytes as an SQL expression.
pub(crate) fn binary(bytes: &[u8]) -> String {
    let mut sql = String::from("decode('");
    for byte in bytes {
        sql.extend([byte >> 4, byte & 0xf].map(|half| char::from_digit(half.into(), 16).unwrap_or('0')));
    }
    sql.push_str("', 'hex')");
    sql
}

async fn within<T>(
    deadline: Option<Duration>,
    work: impl Future<Output = sqlx::Result<T>>,
) -> Result<T, Failure> {
    let Some(limit) = deadline else { return work.await.map_err(Failure::Driver) };
    match tokio::time::timeout(limit, work).await {
        Ok(result) => result.map_err(Failure::Driver),
        Err(_) => Err(Failure::Deadline(limit)),
    }
}

/// The parameters of a statement.
#[derive(Default)]
pub(crate) struct Parameters(PgArguments, Option<sqlx::Error>);

impl Parameters {
    /// None.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// Adds the next one.
    pub(crate) fn with<'t, T>(mut self, value: T) -> Self
    where
        T: Encode<'t, Postgres> + Type<Postgres>,
    {
        if let Err(error) = self.0.add(value) {
            self.1 = Some(sqlx::Error::Encode(error));
        }
        self
    }

    fn finish(self) -> Result<PgArguments, Failure> {
        match self.1 {
            Some(error) => Err(Failure::Driver(error)),
            None => Ok(self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::literal;

    #[test]
    fn a_literal_holds_no_character_of_its_text() {
        assert_eq!(literal(""), "convert_from(decode('', 'hex'), 'UTF8')");
        assert_eq!(literal("o'é"), "convert_from(decode('6f27c3a9', 'hex'), 'UTF8')");
    }
}
