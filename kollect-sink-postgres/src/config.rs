//! The configuration, parsed once from plain values into proved ones. It opens no connection.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use kollect_sink_core::{Result, Secret};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::dsn::{self, Dsn, invalid};
use crate::ident::SqlIdent;
use crate::timeout;

/// The table that holds the checkpoints, in the schema of the rows.
pub(crate) const CHECKPOINTS: &str = "kollect_checkpoints";

const OPTIONS: &str = "statement_timeout, lock_timeout, application_name, max_connections";

/// Plain values, as a user wrote them.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where and as whom to connect: `postgres://user:password@host:port/database?sslmode=...`, or the same
    /// as `key=value` pairs. It may carry `sslmode`, `connect_timeout` (seconds, 10 if absent),
    /// `application_name`, `statement_timeout` and `lock_timeout`. What names files, local sockets or server
    /// options is refused. Environment variables are not read.
    pub dsn: Secret,
    /// Schema of the tables, `public` where absent.
    pub schema: Option<String>,
    /// Table of the rows.
    pub table: String,
    /// Certificates.
    pub tls: Tls,
    /// Whether tables may be made.
    pub provisioning: Provisioning,
    /// - `statement_timeout` (30s): limit of a single statement, and of a writer's silence between two: the server
    ///   frees the locks of one that is frozen or cut off; 0 for none, and 5 minutes of silence;
    /// - `lock_timeout` (10s): how long to wait for another writer, 0 for ever;
    /// - `application_name` (`kollect`): how the server's views name the connection;
    /// - `max_connections` (2): connections at most, 1 to 64. A call waits for a free one; a listing keeps one
    ///   until its stream ends or is dropped, so that who lists and writes at once needs two.
    ///
    /// Time spans read as in the server's own settings: a number with `us`, `ms`, `s`, `min`, `h` or `d`, and
    /// milliseconds without a unit. They win over what the DSN says. Other keys are refused.
    pub options: BTreeMap<String, String>,
}

impl Settings {
    /// A DSN and a table, and the defaults for all else.
    pub fn new(dsn: Secret, table: impl Into<String>) -> Self {
        Self {
            dsn,
            schema: None,
            table: table.into(),
            tls: Tls::default(),
            provisioning: Provisioning::Ensure,
            options: BTreeMap::new(),
        }
    }
}

/// Certificates for the connection, all in PEM.
///
/// The DSN's `sslmode` decides what is checked. Where it says nothing, `verify-full` applies if anything is set here,
/// else `require`, which encrypts and trusts any server; with `insecure_skip_verify` it is `require` too.
/// As everywhere with PostgreSQL, `require` with a CA bundle checks the certificate as `verify-ca` does.
#[derive(Clone, Default)]
pub struct Tls {
    /// Authorities to trust beside the public ones.
    pub ca_bundle: Option<String>,
    /// Our own certificate and its key.
    pub client: Option<(String, Secret)>,
    /// Encrypt, but trust any server.
    pub insecure_skip_verify: bool,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("ca_bundle", &self.ca_bundle.is_some())
            .field("client", &self.client.is_some())
            .field("insecure_skip_verify", &self.insecure_skip_verify)
            .finish()
    }
}

/// Whether tables may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provisioning {
    /// Tables, columns and the index are made where they are missing.
    Ensure,
    /// No DDL at all: the tables are there, or the error says what is missing, as SQL.
    Existing,
}

/// What the connection's encryption proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SslMode {
    Disable,
    Allow,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) user: String,
    pub(crate) password: Secret,
    pub(crate) database: String,
    pub(crate) ssl_mode: SslMode,
    /// Whether nobody asked for a mode, so that an error should name the alternative.
    pub(crate) ssl_mode_implied: bool,
    pub(crate) tls: Tls,
    pub(crate) schema: SqlIdent,
    pub(crate) table: SqlIdent,
    pub(crate) provisioning: Provisioning,
    pub(crate) connect_timeout: Duration,
    pub(crate) statement_timeout: Duration,
    pub(crate) lock_timeout: Duration,
    pub(crate) application_name: String,
    pub(crate) max_connections: usize,
}

impl Config {
    /// Checks `settings`.
    ///
    /// # Errors
    /// `InvalidConfig`, which names the setting and never quotes a secret.
    pub fn parse(settings: Settings) -> Result<Self> {
        let Settings { dsn, schema, table, tls, provisioning, options } = settings;
        let Dsn { host, port, user, password, database, parameters } = dsn::parse(&dsn)?;
        let schema = name("schema", schema.as_deref().unwrap_or("public"))?;
        let table = name("table", &table)?;
        if table.as_str() == CHECKPOINTS {
            return Err(invalid(format!(
                "the table must not be `{CHECKPOINTS}`, which holds the checkpoints"
            )));
        }
        if let Some(unknown) = options.keys().find(|key| !OPTIONS.split(", ").any(|known| known == *key)) {
            return Err(invalid(format!("unknown option `{}`: known are {OPTIONS}", unknown.escape_debug())));
        }
        check_certificates(&tls)?;
        let stated = parameters.get("sslmode").map(String::as_str);
        let either = |key: &str| options.get(key).or_else(|| parameters.get(key)).map(String::as_str);
        Ok(Self {
            ssl_mode: ssl_mode(stated, &tls)?,
            ssl_mode_implied: stated.is_none(),
            connect_timeout: connect_timeout(parameters.get("connect_timeout").map(String::as_str))?,
            statement_timeout: span("statement_timeout", either("statement_timeout"), 30)?,
            lock_timeout: span("lock_timeout", either("lock_timeout"), 10)?,
            application_name: application_name(either("application_name"))?,
            max_connections: max_connections(options.get("max_connections").map(String::as_str))?,
            host,
            port,
            user,
            password,
            database,
            tls,
            schema,
            table,
            provisioning,
        })
    }

    /// Whether the connection is made without checking who answers.
    pub fn trusts_any_server(&self) -> bool {
        !matches!(self.ssl_mode, SslMode::VerifyCa | SslMode::VerifyFull)
    }

    /// The table of the rows as statements name it.
    pub(crate) fn rows_table(&self) -> String {
        format!("{}.{}", self.schema, self.table)
    }

    /// The table of the checkpoints as statements name it.
    pub(crate) fn checkpoints_table(&self) -> String {
        format!("{}.\"{CHECKPOINTS}\"", self.schema)
    }
}

fn name(setting: &str, text: &str) -> Result<SqlIdent> {
    SqlIdent::parse(text).map_err(|error| invalid(format!("{setting}: {error}")))
}

fn span(setting: &str, text: Option<&str>, default_seconds: u64) -> Result<Duration> {
    let Some(text) = text else { return Ok(Duration::from_secs(default_seconds)) };
    timeout::parse(text).map_err(|error| invalid(format!("{setting}: {error}")))
}

fn connect_timeout(text: Option<&str>) -> Result<Duration> {
    let Some(text) = text else { return Ok(Duration::from_secs(10)) };
    let seconds = text.parse::<u64>().ok().filter(|seconds| (1..=600).contains(seconds));
    let seconds = seconds.ok_or_else(|| invalid("connect_timeout: give whole seconds from 1 to 600"))?;
    Ok(Duration::from_secs(seconds))
}

fn application_name(text: Option<&str>) -> Result<String> {
    let text = text.unwrap_or("kollect");
    if text.len() > 63 || !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Err(invalid("application_name: give at most 63 printable ASCII characters"));
    }
    Ok(text.to_owned())
}

fn max_connections(text: Option<&str>) -> Result<usize> {
    let Some(text) = text else { return Ok(2) };
    let number = text.trim().parse().ok().filter(|number| (1..=64).contains(number));
    number.ok_or_else(|| invalid("max_connections: give a number from 1 to 64"))
}

fn ssl_mode(stated: Option<&str>, tls: &Tls) -> Result<SslMode> {
    let certificates = tls.ca_bundle.is_some() || tls.client.is_some();
    let mode = match stated {
        None if tls.insecure_skip_verify => return Ok(SslMode::Require),
        None if certificates => SslMode::VerifyFull,
        None => SslMode::Require,
        Some("disable") => SslMode::Disable,
        Some("allow") => SslMode::Allow,
        Some("prefer") => SslMode::Prefer,
        Some("require") if tls.ca_bundle.is_some() && !tls.insecure_skip_verify => SslMode::VerifyCa,
        Some("require") => SslMode::Require,
        Some("verify-ca") => SslMode::VerifyCa,
        Some("verify-full") => SslMode::VerifyFull,
        Some(_) => {
            return Err(invalid("sslmode: give disable, allow, prefer, require, verify-ca or verify-full"));
        }
    };
    let stated = stated.unwrap_or_default();
    match mode {
        SslMode::VerifyCa | SslMode::VerifyFull if tls.insecure_skip_verify => Err(invalid(format!(
            "sslmode={stated} in the DSN contradicts the wish to trust any server: drop one of them"
        ))),
        SslMode::Disable | SslMode::Allow | SslMode::Prefer if certificates || tls.insecure_skip_verify => {
            Err(invalid(format!(
                "sslmode={stated} in the DSN may not encrypt at all, which contradicts the tls settings: \
                 drop one of them"
            )))
        }
        mode => Ok(mode),
    }
}

fn check_certificates(tls: &Tls) -> Result<()> {
    if let Some(bundle) = &tls.ca_bundle {
        certificates("the CA bundle", bundle)?;
    }
    if let Some((certificate, key)) = &tls.client {
        certificates("the client certificate", certificate)?;
        PrivateKeyDer::from_pem_slice(key.expose().as_bytes())
            .map_err(|_| invalid("the client certificate's key is not a private key in PEM"))?;
    }
    Ok(())
}

fn certificates(what: &str, pem: &str) -> Result<()> {
    let mut found = 0_usize;
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        certificate.map_err(|_| invalid(format!("{what} is not valid PEM")))?;
        found += 1;
    }
    if found == 0 { Err(invalid(format!("{what} contains no certificate in PEM"))) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
