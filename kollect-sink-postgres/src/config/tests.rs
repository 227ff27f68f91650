//! Tests of the configuration. They open no connection.

use kollect_sink_core::ErrorKind;

use super::*;

const CA: &str = "-----BEGIN CERTIFICATE-----\nMIIBAA==\n-----END CERTIFICATE-----\n";
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQA=\n-----END PRIVATE KEY-----\n";

fn settings(dsn: &str) -> Settings {
    Settings::new(Secret::new(dsn), "inventory")
}

fn refused(settings: Settings) -> String {
    let error = Config::parse(settings).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    error.to_string()
}

fn mode(sslmode: &str, tls: Tls) -> Result<SslMode> {
    let dsn = format!("postgres://u:p@h/d{sslmode}");
    Config::parse(Settings { tls, ..settings(&dsn) }).map(|config| config.ssl_mode)
}

fn with_ca() -> Tls {
    Tls { ca_bundle: Some(CA.into()), ..Tls::default() }
}

fn insecure() -> Tls {
    Tls { insecure_skip_verify: true, ..Tls::default() }
}

#[test]
fn defaults_are_the_documented_ones() {
    let config = Config::parse(settings("postgres://u:p@h/d")).unwrap();
    assert_eq!(config.rows_table(), r#""public"."inventory""#);
    assert_eq!(config.checkpoints_table(), r#""public"."kollect_checkpoints""#);
    assert_eq!(config.statement_timeout, Duration::from_secs(30));
    assert_eq!(config.lock_timeout, Duration::from_secs(10));
    assert_eq!(config.connect_timeout, Duration::from_secs(10));
    assert_eq!(config.application_name, "kollect");
    assert_eq!(config.max_connections, 2);
    assert_eq!(config.provisioning, Provisioning::Ensure);
}

#[test]
fn encryption_is_the_dsns_matter_and_safe_where_it_says_nothing() {
    assert_eq!(mode("", Tls::default()).unwrap(), SslMode::Require);
    assert_eq!(mode("", with_ca()).unwrap(), SslMode::VerifyFull);
    assert_eq!(mode("", insecure()).unwrap(), SslMode::Require);
    assert_eq!(mode("?sslmode=disable", Tls::default()).unwrap(), SslMode::Disable);
    assert_eq!(mode("?sslmode=prefer", Tls::default()).unwrap(), SslMode::Prefer);
    assert_eq!(mode("?sslmode=require", Tls::default()).unwrap(), SslMode::Require);
    assert_eq!(mode("?sslmode=require", with_ca()).unwrap(), SslMode::VerifyCa);
    assert_eq!(mode("?sslmode=verify-ca", with_ca()).unwrap(), SslMode::VerifyCa);
    assert_eq!(mode("?sslmode=verify-full", Tls::default()).unwrap(), SslMode::VerifyFull);
}

#[test]
fn contradictions_about_encryption_are_refused() {
    assert!(mode("?sslmode=verify-full", insecure()).unwrap_err().to_string().contains("contradicts"));
    assert!(mode("?sslmode=disable", with_ca()).unwrap_err().to_string().contains("contradicts"));
    assert!(mode("?sslmode=prefer", insecure()).unwrap_err().to_string().contains("contradicts"));
    assert!(mode("?sslmode=on", Tls::default()).unwrap_err().to_string().contains("verify-full"));
}

#[test]
fn options_win_over_the_dsn_and_unknown_ones_are_refused_by_name() {
    let mut given = settings("postgres://u:p@h/d?statement_timeout=1s&lock_timeout=2s");
    given.options.insert("statement_timeout".into(), "30000".into());
    given.options.insert("max_connections".into(), "5".into());
    let config = Config::parse(given.clone()).unwrap();
    assert_eq!(config.statement_timeout, Duration::from_secs(30));
    assert_eq!(config.lock_timeout, Duration::from_secs(2));
    assert_eq!(config.max_connections, 5);
    given.options.insert("statement_timout".into(), "1s".into());
    let message = refused(given);
    assert!(message.contains("statement_timout") && message.contains("max_connections"), "{message}");
}

#[test]
fn values_that_cannot_work_are_refused() {
    let option = |key: &str, value: &str| {
        let mut given = settings("postgres://u:p@h/d");
        given.options.insert(key.into(), value.into());
        refused(given)
    };
    assert!(option("statement_timeout", "soon").contains("statement_timeout"));
    assert!(option("max_connections", "0").contains("1 to 64"));
    assert!(option("application_name", "ä").contains("ASCII"));
    assert!(refused(settings("postgres://u:p@h/d?connect_timeout=0")).contains("seconds"));
    assert!(refused(Settings { table: "".into(), ..settings("postgres://u:p@h/d") }).contains("table"));
    let reserved = Settings { table: CHECKPOINTS.into(), ..settings("postgres://u:p@h/d") };
    assert!(refused(reserved).contains("checkpoints"));
}

#[test]
fn certificates_are_checked_before_anything_is_dialled() {
    let tls = |tls| refused(Settings { tls, ..settings("postgres://u:p@h/d") });
    assert!(tls(Tls { ca_bundle: Some("hello".into()), ..Tls::default() }).contains("no certificate"));
    let client = Some((CA.to_owned(), Secret::new("hello")));
    assert!(tls(Tls { client, ..Tls::default() }).contains("private key"));
    let client = Some(("hello".to_owned(), Secret::new(KEY)));
    assert!(tls(Tls { client, ..Tls::default() }).contains("client certificate"));
}

#[test]
fn no_secret_is_ever_shown() {
    let mut given = settings("postgres://u:canary@h/d");
    given.tls.client = Some((CA.into(), Secret::new(KEY)));
    let shown = format!("{given:?} {:?}", Config::parse(given.clone()).unwrap());
    assert!(!shown.contains("canary") && !shown.contains("MC4CAQA"), "{shown}");
}
