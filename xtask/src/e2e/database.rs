//! A database and its owner on a test's Postgres, and the Secret that leads a sink to it. Makes no tables: the sink does.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::Psql;

/// A database of its own. It is gone with its server, or by [`Database::drop`].
#[derive(Clone, Debug)]
pub struct Database {
    name: String,
    superuser: Psql,
    owner: Psql,
    dsn: String,
    ca: String,
}

impl Database {
    /// Makes the database `name` and a user of the same name who owns it and has the superuser's password. `superuser`
    /// is a URL as `xtask::servers::Postgres::url` gives it, `ca` the authority's certificate.
    ///
    /// # Errors
    /// If it is there already, or Postgres cannot be reached.
    pub fn create(superuser: &str, ca: &Path, name: &str) -> Result<Self> {
        let admin = Psql::new(superuser);
        let (login, rest) = superuser.split_once('@').context("the superuser's URL has no user")?;
        let password = login.rsplit(':').next().context("the superuser's URL has no password")?;
        let place = rest.split('/').next().context("the superuser's URL has no host")?;
        let dsn = format!("postgres://{name}:{password}@{place}/{name}");
        let owner = Psql::new(format!("{dsn}?sslmode=verify-full&sslrootcert={}", ca.display()));
        admin.run(&format!("CREATE ROLE {name} LOGIN PASSWORD '{password}'"))?;
        admin.run(&format!("CREATE DATABASE {name} OWNER {name}"))?;
        let ca = fs::read_to_string(ca).with_context(|| format!("cannot read {}", ca.display()))?;
        Ok(Self { name: name.into(), superuser: admin, owner, dsn, ca })
    }

    /// Reads and writes as the owner.
    pub fn psql(&self) -> &Psql {
        &self.owner
    }

    /// The connection string for a sink: it names no files.
    pub fn dsn(&self) -> &str {
        &self.dsn
    }

    /// The authority's certificate, as PEM.
    pub fn ca(&self) -> &str {
        &self.ca
    }

    /// The password in it.
    pub fn password(&self) -> &str {
        self.dsn.split('@').next().and_then(|login| login.rsplit(':').next()).unwrap_or_default()
    }

    /// A Secret with the keys `dsn` and `ca.crt`, as `databaseRef` and `tls.caSecretRef` read them.
    pub fn secret(&self, namespace: &str, name: &str) -> Value {
        self.secret_of(namespace, name, &self.dsn)
    }

    /// As [`Database::secret`], with another connection string.
    pub fn secret_of(&self, namespace: &str, name: &str, dsn: &str) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace},
            "stringData": {"dsn": dsn, "ca.crt": self.ca},
        })
    }

    /// Ends its connections and drops it and its owner.
    ///
    /// # Errors
    /// If Postgres cannot be reached.
    pub fn drop(self) -> Result<()> {
        let name = &self.name;
        self.superuser.run(&format!("DROP DATABASE {name} WITH (FORCE)"))?;
        self.superuser.run(&format!("DROP ROLE {name}")).map(drop)
    }
}
