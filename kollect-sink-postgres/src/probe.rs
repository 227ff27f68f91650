//! The connection test: each step of an export, as far as it can be taken back. It leaves nothing behind.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kollect_sink_core::{
    Checkpoint, Digest, Error, ErrorKind, Identity, Origin, ProbeDepth, ProbeReport, ProbeStep, Receipt,
    Rejected, Result, Row, Scope, Target, Unknown, Writer as WriterName,
};
use tokio::time::Instant;

use crate::config::SslMode;
use crate::existing;
use crate::layout::{Layout, Verdict};
use crate::pool::Access;
use crate::provision;
use crate::session::Session;
use crate::sink::Inner;
use crate::writer::{Ground, Saved, Writer};

/// All steps together.
const LIMIT: Duration = Duration::from_secs(15);

/// Runs steps until one fails.
struct Run {
    report: ProbeReport,
    end: Instant,
}

impl Run {
    async fn step<T>(
        &mut self,
        name: &'static str,
        work: impl Future<Output = Result<(T, String)>>,
    ) -> Option<T> {
        let start = Instant::now();
        let result = tokio::time::timeout_at(self.end, work).await.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Timeout, format!("no answer within the {LIMIT:?} of the test")))
        });
        let (ok, message, value) = match result {
            Ok((value, message)) => (true, message, Some(value)),
            Err(error) => (false, error.chain(), None),
        };
        self.report.steps.push(ProbeStep { name, ok, message, duration: start.elapsed() });
        value
    }
}

impl Inner {
    /// Tests the connection on a connection of its own, which it closes.
    pub(crate) async fn probe(&self, depth: ProbeDepth) -> ProbeReport {
        let mut run = Run { report: ProbeReport::default(), end: Instant::now() + LIMIT };
        // The report has all that is to be said.
        let _ = self.steps(&mut run, depth).await;
        run.report
    }

    async fn steps(&self, run: &mut Run, depth: ProbeDepth) -> Option<()> {
        let connector = self.pool.connector();
        let config = self.config();
        let addresses = run
            .step("resolve address", async {
                let addresses = connector.resolve().await?;
                let names: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
                Ok((addresses, names.join(", ")))
            })
            .await?;
        let stream = run
            .step("connect", async {
                let stream = connector.dial(&addresses).await?;
                let peer = stream.peer_addr().map(|peer| peer.to_string()).unwrap_or_default();
                Ok((stream, peer))
            })
            .await?;
        // The driver encrypts and logs in at once; its error tells which of the two failed.
        let start = Instant::now();
        let session = tokio::time::timeout_at(run.end, connector.log_in(stream))
            .await
            .unwrap_or_else(|_| Err(Error::new(ErrorKind::Timeout, "no answer to the attempt to log in")));
        let tls_failed = session.as_ref().is_err_and(|error| error.kind() == ErrorKind::Tls);
        if config.ssl_mode != SslMode::Disable && !tls_failed {
            let message = encryption(config.ssl_mode).to_owned();
            run.report.steps.push(ProbeStep { name: "tls", ok: true, message, duration: start.elapsed() });
        }
        let name = if tls_failed { "tls" } else { "authenticate" };
        let mut session = run
            .step(name, async { session.map(|session| (session, format!("logged in as {}", config.user))) })
            .await?;
        if let Some(last) = run.report.steps.last_mut() {
            last.duration = start.elapsed();
        }
        let access = if depth == ProbeDepth::Write { Access::Write } else { Access::Read };
        let layout = run.step("target", self.target(&mut session, access)).await?;
        if depth == ProbeDepth::Write {
            run.step("authorise", self.authorise(&mut session, layout)).await?;
        }
        Some(())
    }

    /// Begins a transaction that never ends well, and looks at the table.
    async fn target(&self, session: &mut Session, access: Access) -> Result<(Option<Layout>, String)> {
        let config = self.config();
        let begun = self.pool.begin_on(session, access).await;
        begun.map_err(|failure| failure.during("begin a transaction"))?;
        let existing = existing::read(session, config).await?;
        let table = config.rows_table();
        Ok(match Layout::judge(&existing, config, "")? {
            Verdict::Fits(layout) if layout.checkpoints => (Some(layout), format!("the table {table} fits")),
            Verdict::Fits(layout) => {
                let message = format!(
                    "the table {table} fits; without the table {} each start costs a full pass, and no outdated \
                     writer is kept out",
                    config.checkpoints_table()
                );
                (Some(layout), message)
            }
            Verdict::Wants(statements) => {
                (None, format!("{} statements will make what is missing of {table}", statements.len()))
            }
        })
    }

    /// Makes what is missing, writes a row and takes all back.
    async fn authorise(&self, session: &mut Session, layout: Option<Layout>) -> Result<((), String)> {
        let scope = Scope::new("", "", "kollect connection test");
        let layout = match layout {
            Some(layout) => layout,
            None => provision::provide(session, self.config(), &scope).await?,
        };
        let row = sample()?;
        let receipt = Receipt::starting_at(&nothing());
        let mut writer = Writer::new(&layout, &scope, receipt, Saved::Never);
        let key = row.identity().to_key();
        writer.upsert(session, vec![row], Ground::Covered).await?;
        if let Some(rejected) = writer.receipt.rejected.rows.first() {
            return Err(Error::new(ErrorKind::Mismatch, format!("a row is refused: {}", rejected.reason)));
        }
        writer.remove(session, &[key]).await?;
        self.ledger(layout.checkpoints).lock_or_open(session, &scope).await?;
        session.run("ROLLBACK").await.map_err(|failure| failure.during("roll back"))?;
        Ok(((), "a row was written, deleted and taken back".to_owned()))
    }
}

fn encryption(mode: SslMode) -> &'static str {
    match mode {
        SslMode::Disable | SslMode::Allow => "not encrypted",
        SslMode::Prefer => "encrypted if the server offers it, not verified",
        SslMode::Require => "encrypted, not verified",
        SslMode::VerifyCa => "encrypted, issuer verified",
        SslMode::VerifyFull => "encrypted, issuer and host verified",
    }
}

fn sample() -> Result<Row> {
    let origin = Origin {
        target: Target::new("", "kollect connection test"),
        group: "".into(),
        version: "v1".into(),
        kind: "Probe".into(),
    };
    let identity = Identity::new(Arc::new(origin), "".into(), "probe", "probe")
        .map_err(|error| Error::caused_by(ErrorKind::Protocol, "cannot make a row", error))?;
    Ok(Row::new(identity, "{}"))
}

fn nothing() -> Checkpoint {
    Checkpoint {
        writer: WriterName::default(),
        epoch: 0,
        revision: 0,
        digest: None,
        rows: 0,
        rejected: Rejected::default(),
        unknown: Unknown::none(),
        shape: Digest([0; 16]),
        generation: 0,
        exported_at: Timestamp::UNIX_EPOCH,
    }
}
