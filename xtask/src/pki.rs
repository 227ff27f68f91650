//! A certificate authority for one test server and the certificates that it signs. Nothing here is a secret worth
//! keeping: keys live in a temporary folder of 127.0.0.1's servers.

use std::fs;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};

/// A certificate authority with its files `ca.crt` and `ca.key`.
#[derive(Debug)]
pub struct Authority {
    dir: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its private key, both PEM files.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate.
    pub certificate: PathBuf,
    /// The private key, readable by the owner only.
    pub key: PathBuf,
}

impl Authority {
    /// Makes one in `dir`, which is made too.
    ///
    /// # Errors
    /// If a key cannot be made or a file not written.
    pub fn create(dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir)?;
        let key = KeyPair::generate()?;
        let mut params = params("kollect-test-ca", None);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        fs::write(dir.join("ca.crt"), params.self_signed(&key)?.pem())?;
        write_private(&dir.join("ca.key"), &key.serialize_pem())?;
        Ok(Self { dir: dir.into(), issuer: Issuer::new(params, key) })
    }

    /// The authority's own certificate.
    pub fn certificate(&self) -> PathBuf {
        self.dir.join("ca.crt")
    }

    /// The authority's private key.
    pub fn key(&self) -> PathBuf {
        self.dir.join("ca.key")
    }

    /// Signs a certificate for a server on localhost, 127.0.0.1 and ::1, which may act as a client too.
    ///
    /// # Errors
    /// As [`Authority::create`].
    pub fn server(&self, file: &str) -> Result<Identity> {
        let mut params = params("localhost", None);
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.subject_alt_names = vec![
            SanType::DnsName("localhost".try_into()?),
            SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            SanType::IpAddress(IpAddr::V6(Ipv6Addr::LOCALHOST)),
        ];
        self.sign(file, params)
    }

    /// Signs a certificate for a client: Kubernetes takes the name as user and the organization as group.
    ///
    /// # Errors
    /// As [`Authority::create`].
    pub fn client(&self, file: &str, name: &str, organization: Option<&str>) -> Result<Identity> {
        let mut params = params(name, organization);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(file, params)
    }

    fn sign(&self, file: &str, mut params: CertificateParams) -> Result<Identity> {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let identity = Identity {
            certificate: self.dir.join(format!("{file}.crt")),
            key: self.dir.join(format!("{file}.key")),
        };
        fs::write(&identity.certificate, params.signed_by(&key, &self.issuer)?.pem())?;
        write_private(&identity.key, &key.serialize_pem())?;
        Ok(identity)
    }
}

/// A key pair for signing tokens, not bound to a certificate: writes `<file>.key` and `<file>.pub`.
///
/// # Errors
/// As [`Authority::create`].
pub fn token_keys(dir: &Path, file: &str) -> Result<(PathBuf, PathBuf)> {
    let key = KeyPair::generate()?;
    let (private, public) = (dir.join(format!("{file}.key")), dir.join(format!("{file}.pub")));
    write_private(&private, &key.serialize_pem())?;
    fs::write(&public, key.public_key_pem())?;
    Ok((private, public))
}

fn params(name: &str, organization: Option<&str>) -> CertificateParams {
    let mut params = CertificateParams::default();
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    if let Some(organization) = organization {
        subject.push(DnType::OrganizationName, organization);
    }
    params.distinguished_name = subject;
    params.not_before = date_time_ymd(2024, 1, 1);
    params.not_after = date_time_ymd(2124, 1, 1);
    params
}

fn write_private(file: &Path, pem: &str) -> Result<()> {
    fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(file)
        .and_then(|mut f| f.write_all(pem.as_bytes()))
        .with_context(|| format!("cannot write {}", file.display()))
}
