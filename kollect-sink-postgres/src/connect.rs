//! Makes connections: resolves, checks, dials, encrypts, logs in. It pools none.

use std::net::SocketAddr;
use std::time::Duration;

use kollect_sink_core::{AddressPolicy, Error, ErrorKind, Result};
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::config::{Config, SslMode};
use crate::dsn::invalid;
use crate::error::{Failure, io_kind};
use crate::relay::{MeetingPoint, Relay};
use crate::session::Session;

/// What the driver would take from the environment without a way to stop it.
const MEDDLERS: [&str; 3] = ["PGOPTIONS", "PGSSLCERT", "PGSSLKEY"];

/// Makes connections to one server.
#[derive(Debug)]
pub(crate) struct Connector {
    config: Config,
    policy: AddressPolicy,
}

impl Connector {
    pub(crate) fn new(config: Config, policy: AddressPolicy) -> Self {
        Self { config, policy }
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// A connection that is logged in, within the configured time.
    pub(crate) async fn connect(&self) -> Result<Session> {
        let limit = self.config.connect_timeout;
        let work = async {
            let addresses = self.resolve().await?;
            let stream = self.dial(&addresses).await?;
            self.log_in(stream).await
        };
        timeout(limit, work).await.unwrap_or_else(|_| Err(too_slow("connect to the server", limit)))
    }

    /// The host's addresses, as far as they may be dialled.
    pub(crate) async fn resolve(&self) -> Result<Vec<SocketAddr>> {
        let Config { host, port, .. } = &self.config;
        let resolved = tokio::net::lookup_host((host.as_str(), *port)).await.map_err(|error| {
            Error::caused_by(ErrorKind::Unreachable, format!("cannot resolve the host {host}"), error)
        })?;
        self.policy.filter(resolved)
    }

    /// Dials the addresses in turn, each for its share of the time.
    pub(crate) async fn dial(&self, addresses: &[SocketAddr]) -> Result<TcpStream> {
        let share = self.config.connect_timeout / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
        let mut failure = Error::new(ErrorKind::Unreachable, "the name resolves to no address");
        for address in addresses {
            let doing = format!("connect to {address}");
            failure = match timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // Statements are small and wait for their answers.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(error)) => Error::caused_by(io_kind(&error), format!("cannot {doing}"), error),
                Err(_) => too_slow(&doing, share),
            };
        }
        Err(failure)
    }

    /// Encrypts and logs in over a connection that was dialled.
    pub(crate) async fn log_in(&self, stream: TcpStream) -> Result<Session> {
        let meeting = MeetingPoint::open(self.config.port).map_err(|error| {
            Error::caused_by(ErrorKind::Unavailable, "cannot open a local socket for the driver", error)
        })?;
        let options = self.options()?.socket(meeting.directory());
        let relay = Relay::start(meeting, stream);
        let connection = options.connect().await.map_err(|error| self.explain(Failure::Driver(error)))?;
        Ok(Session::new(connection, relay, self.config.statement_timeout))
    }

    /// Every field is set here: what is left alone, the driver fills from the environment.
    fn options(&self) -> Result<PgConnectOptions> {
        let Config { host, port, user, password, database, tls, .. } = &self.config;
        let mut options = PgConnectOptions::new_without_pgpass()
            .host(host)
            .port(*port)
            .username(user)
            .password(password.expose())
            .database(database)
            .application_name(&self.config.application_name)
            // Poolers refuse connections that set this one.
            .extra_float_digits(None)
            .ssl_mode(driver_mode(self.config.ssl_mode))
            .ssl_root_cert_from_pem(tls.ca_bundle.clone().unwrap_or_default().into_bytes())
            .disable_statement_logging();
        if let Some((certificate, key)) = &tls.client {
            options = options
                .ssl_client_cert_from_pem(certificate.as_bytes())
                .ssl_client_key_from_pem(key.expose().as_bytes());
        }
        let meddler = MEDDLERS.iter().find(|name| match **name {
            "PGOPTIONS" => options.get_options().is_some(),
            name => tls.client.is_none() && std::env::var_os(name).is_some(),
        });
        match meddler {
            Some(name) => Err(invalid(format!(
                "the environment variable {name} is set, which the driver would obey: unset it"
            ))),
            None => Ok(options),
        }
    }

    fn explain(&self, failure: Failure) -> Error {
        let kind = failure.kind();
        let doing = match kind {
            ErrorKind::Tls if self.config.ssl_mode_implied => {
                "agree on TLS (if the server has none and the network is trusted, \
                 set sslmode=disable in the DSN)"
            }
            ErrorKind::Tls => "agree on TLS",
            _ => "log in",
        };
        failure.during(doing)
    }
}

fn driver_mode(mode: SslMode) -> PgSslMode {
    match mode {
        SslMode::Disable => PgSslMode::Disable,
        SslMode::Allow => PgSslMode::Allow,
        SslMode::Prefer => PgSslMode::Prefer,
        SslMode::Require => PgSslMode::Require,
        SslMode::VerifyCa => PgSslMode::VerifyCa,
        SslMode::VerifyFull => PgSslMode::VerifyFull,
    }
}

fn too_slow(doing: &str, limit: Duration) -> Error {
    Error::caused_by(ErrorKind::Timeout, format!("cannot {doing}"), crate::error::Cause::Deadline(limit))
}

#[cfg(test)]
mod tests {
    use kollect_sink_core::Secret;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::config::Settings;

    /// A listener that refuses to encrypt, as a server without certificates does.
    async fn refused_by_plain_server(sslmode: &str) -> Error {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.read_exact(&mut [0; 8]).await.unwrap();
            stream.write_all(b"N").await.unwrap();
        });
        let dsn = Secret::new(format!("postgres://u:canary@127.0.0.1:{port}/d{sslmode}"));
        let config = Config::parse(Settings::new(dsn, "inventory")).unwrap();
        let error = Connector::new(config, AddressPolicy::default()).connect().await.err().unwrap();
        server.await.unwrap();
        assert_eq!(error.kind(), ErrorKind::Tls);
        assert!(!format!("{error:?} {}", error.chain()).contains("canary"));
        error
    }

    #[tokio::test]
    async fn a_server_without_tls_is_named_with_the_way_out_unless_the_dsn_wanted_tls() {
        assert!(refused_by_plain_server("").await.chain().contains("sslmode=disable"));
        assert!(!refused_by_plain_server("?sslmode=require").await.chain().contains("sslmode=disable"));
    }
}
