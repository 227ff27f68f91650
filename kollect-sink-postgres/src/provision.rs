//! Makes what `ensure` may make, and finds out how the table is to be written. It touches no rows.

use kollect_sink_core::{Error, ErrorKind, Result, Scope};

use crate::config::Config;
use crate::existing;
use crate::layout::{Layout, Verdict};
use crate::session::{Parameters, Session};

/// Held by whoever makes tables: IF NOT EXISTS alone does not keep two of them from colliding.
const LOCK: &str = "SELECT pg_advisory_xact_lock(hashtext('kollect.dev/tables'), hashtext($1))";

/// The layout of the table, once it can hold rows of `scope`, within the transaction of `session`.
///
/// # Errors
/// `Mismatch` and `NotFound` with the SQL to run, `Permission` where DDL is not allowed.
pub(crate) async fn provide(session: &mut Session, config: &Config, scope: &Scope) -> Result<Layout> {
    if let Verdict::Fits(layout) = inspect(session, config, scope).await? {
        return Ok(layout);
    }
    let schema = Parameters::none().with(config.schema.as_str());
    session.execute(LOCK, schema).await.map_err(|failure| failure.during("wait for another's DDL"))?;
    let wanted = match inspect(session, config, scope).await? {
        Verdict::Fits(layout) => return Ok(layout),
        Verdict::Wants(statements) => statements,
    };
    for statement in wanted {
        let made = session.run(&statement).await;
        made.map_err(|failure| failure.during("make the tables (or set provisioning to existing)"))?;
    }
    match inspect(session, config, scope).await? {
        Verdict::Fits(layout) => Ok(layout),
        Verdict::Wants(_) => Err(Error::new(ErrorKind::Mismatch, "the tables were made, and cannot be seen")),
    }
}

/// What there is, and what is to be done about it.
pub(crate) async fn inspect(session: &mut Session, config: &Config, scope: &Scope) -> Result<Verdict> {
    let existing = existing::read(session, config).await?;
    Layout::judge(&existing, config, &scope.cluster)
}
