//! A few connections that all inventories of a sink share, lent for one transaction at a time. It opens them
//! when they are needed and runs nothing in the background.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kollect_sink_core::{Error, ErrorKind, Result};
use sqlx::postgres::PgRow;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::connect::Connector;
use crate::error::Failure;
use crate::session::Session;

/// A connection that nobody used for this long is closed: something on the way may have forgotten it.
const IDLE: Duration = Duration::from_secs(300);

/// A used connection answers within this time, or is taken for dead.
const ANSWER: Duration = Duration::from_secs(5);

/// How long a reader may be silent within its transaction: it waits for whoever takes in what it lists.
const READERS_SILENCE: Duration = Duration::from_secs(300);

/// How a transaction sees and changes data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// One state of the data, unchanged throughout; no writes.
    Read,
    /// What is committed at each statement.
    Write,
}

/// The connections of one sink.
#[derive(Debug)]
pub(crate) struct Pool {
    connector: Connector,
    permits: Semaphore,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    session: Session,
    since: Instant,
}

impl std::fmt::Debug for Idle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Idle").field("since", &self.since).finish_non_exhaustive()
    }
}

impl Pool {
    pub(crate) fn new(connector: Connector) -> Self {
        let permits = Semaphore::new(connector.config().max_connections);
        Self { connector, permits, idle: Mutex::default() }
    }

    pub(crate) fn connector(&self) -> &Connector {
        &self.connector
    }

    /// Begins a transaction on a connection of its own, waiting until one is free.
    pub(crate) async fn begin(&self, access: Access) -> Result<Transaction<'_>> {
        self.open(&self.opening(access)).await.map(|(transaction, _)| transaction)
    }

    /// Reads by statements that wait for no lock, in a transaction of their own and in one round trip.
    pub(crate) async fn ask(&self, sql: &str) -> Result<Vec<PgRow>> {
        let (Transaction { session, .. }, rows) =
            self.open(&format!("{}; {sql}; COMMIT", self.opening(Access::Read))).await?;
        self.put_back(session);
        Ok(rows)
    }

    /// Runs the statements that begin a transaction, on a connection that answers.
    async fn open(&self, opening: &str) -> Result<(Transaction<'_>, Vec<PgRow>)> {
        let permit = self
            .permits
            .acquire()
            .await
            .map_err(|_| Error::new(ErrorKind::Unavailable, "the connections of this sink are closed"))?;
        while let Some(mut session) = self.take_idle() {
            match session.ask_within(Some(ANSWER), opening).await {
                Ok(rows) => return Ok((Transaction { pool: self, session, _permit: permit }, rows)),
                // The server ended it while it was idle: try the next one, at last a new one.
                Err(failure) if gone(&failure) => {}
                Err(failure) => return Err(failure.during("begin a transaction")),
            }
        }
        let mut session = self.connector.connect().await?;
        let rows = session.ask(opening).await.map_err(|failure| failure.during("begin a transaction"))?;
        Ok((Transaction { pool: self, session, _permit: permit }, rows))
    }

    /// Begins a transaction on a connection outside the pool, which ends with it.
    pub(crate) async fn begin_on(&self, session: &mut Session, access: Access) -> Result<(), Failure> {
        session.run(&self.opening(access)).await
    }

    /// Settings are local to the transaction, so that a pooler in transaction mode carries none to others.
    fn opening(&self, access: Access) -> String {
        let config = self.connector.config();
        let begin = match access {
            Access::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            Access::Write => "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
        };
        // A writer holds the lock that its successor waits for: one that is frozen, or that a dead connection hides,
        // must let go of it about as soon as it would in the middle of a statement.
        let silence = match access {
            Access::Write if !config.statement_timeout.is_zero() => config.statement_timeout,
            Access::Read | Access::Write => READERS_SILENCE,
        };
        format!(
            "{begin}; SET LOCAL statement_timeout = {}; SET LOCAL lock_timeout = {}; \
             SET LOCAL idle_in_transaction_session_timeout = {}; SET LOCAL jit = off",
            config.statement_timeout.as_millis(),
            config.lock_timeout.as_millis(),
            silence.as_millis(),
        )
    }

    fn take_idle(&self) -> Option<Session> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|idle| idle.since.elapsed() < IDLE);
        idle.pop().map(|idle| idle.session)
    }

    fn put_back(&self, session: Session) {
        let idle = Idle { session, since: Instant::now() };
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(idle);
    }
}

fn gone(failure: &Failure) -> bool {
    matches!(
        failure.kind(),
        ErrorKind::Unreachable | ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::Protocol
    )
}

/// A transaction. Dropping it closes its connection, and the server takes it back.
pub(crate) struct Transaction<'p> {
    pool: &'p Pool,
    session: Session,
    _permit: SemaphorePermit<'p>,
}

impl Transaction<'_> {
    pub(crate) fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    /// Makes it last; the connection goes back to the pool.
    pub(crate) async fn commit(mut self) -> Result<()> {
        self.session.run("COMMIT").await.map_err(|failure| failure.during("commit"))?;
        self.pool.put_back(self.session);
        Ok(())
    }

    /// As [`Transaction::commit`], after one more statement, in one message.
    pub(crate) async fn commit_after(mut self, sql: &str) -> Result<()> {
        let done = self.session.run(&format!("{sql}; COMMIT")).await;
        done.map_err(|failure| failure.during("store the checkpoint and commit"))?;
        self.pool.put_back(self.session);
        Ok(())
    }

    /// Takes it back; the connection goes back to the pool.
    pub(crate) async fn roll_back(mut self) -> Result<()> {
        self.session.run("ROLLBACK").await.map_err(|failure| failure.during("roll back"))?;
        self.pool.put_back(self.session);
        Ok(())
    }
}
