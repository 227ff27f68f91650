//! Connections: who answers, who may dial, what happens when the way is cut, and what a pooler would see.

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use kollect_sink_core::address::PrivateRanges;
use kollect_sink_core::{
    AddressPolicy, Complete, DeleteReconcile, ErrorKind, ProbeDepth, ProbeReport, Secret, Sink,
};
use kollect_sink_postgres::{Config, Postgres, Settings, Tls};

use super::fixture::{Database, apply, claim, open, reconcile, rows, scope, target};
use super::proxy::Proxy;

async fn kind(settings: Settings) -> ErrorKind {
    let error = open(settings).checkpoint(&scope()).await.unwrap_err();
    assert!(!format!("{error:?} {}", error.chain()).contains("canary"));
    error.kind()
}

fn steps(report: &ProbeReport) -> Vec<(&str, bool)> {
    report.steps.iter().map(|step| (step.name, step.ok)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_way_to_be_refused_has_its_kind() {
    let database = Database::create();
    let settings = database.settings();
    let dsn = |dsn: String| Settings { dsn: Secret::new(dsn), ..settings.clone() };
    assert_eq!(kind(dsn(database.dsn_as("postgres:canary"))).await, ErrorKind::Authentication);
    assert_eq!(
        kind(dsn(database.dsn_as("nobody-canary-less:x").replace("canary", "c"))).await,
        ErrorKind::Authentication
    );
    let elsewhere = database.dsn().replace("/kollect_", "/missing_");
    assert_eq!(kind(dsn(elsewhere)).await, ErrorKind::NotFound);
    let stranger = Settings { tls: Tls::default(), ..settings.clone() };
    assert_eq!(kind(stranger).await, ErrorKind::Tls);
    let nobody = database.dsn().replace(&database.address(), "127.0.0.1:1");
    assert_eq!(kind(dsn(nobody)).await, ErrorKind::Unreachable);
    let nowhere = database.dsn().replace(&database.address(), "nowhere.invalid:5432");
    assert_eq!(kind(dsn(nowhere)).await, ErrorKind::Unreachable);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_name_of_the_host_is_what_the_certificate_is_checked_against() {
    let database = Database::create();
    let by_name = |name: &str| database.dsn().replace("127.0.0.1:", &format!("{name}:"));
    // The certificate is for localhost, not for another name of the same address.
    let named = Settings { dsn: Secret::new(by_name("localhost")), ..database.settings() };
    assert_eq!(open(named).checkpoint(&scope()).await.unwrap(), None);
    let proxy = Proxy::start_at("127.0.0.2", &database.address()).await;
    let elsewhere = |dsn: String| Settings {
        dsn: Secret::new(dsn.replace(&database.address(), &proxy.address())),
        ..database.settings()
    };
    assert_eq!(kind(elsewhere(database.dsn())).await, ErrorKind::Tls);
    let any_name = elsewhere(database.dsn().replace("verify-full", "verify-ca"));
    assert_eq!(open(any_name).checkpoint(&scope()).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_opens_what_no_password_does() {
    let database = Database::create();
    let dsn = Secret::new(database.dsn_as("certonly"));
    database.psql("DO 'BEGIN CREATE ROLE certonly LOGIN; EXCEPTION WHEN duplicate_object THEN END'");
    let without = Settings { dsn: dsn.clone(), ..database.settings() };
    assert_eq!(kind(without).await, ErrorKind::Authentication);
    let tls = Tls { client: Some(client_certificate("certonly")), ..Database::tls() };
    assert_eq!(
        open(Settings { dsn: dsn.clone(), tls, ..database.settings() }).checkpoint(&scope()).await.unwrap(),
        None
    );
    let tls = Tls { client: Some(client_certificate("somebody")), ..Database::tls() };
    assert_eq!(kind(Settings { dsn, tls, ..database.settings() }).await, ErrorKind::Authentication);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_nobody_vouches_for_is_taken_only_on_request() {
    let database = Database::create();
    let silent = Secret::new(database.dsn().replace("sslmode=verify-full", ""));
    let tls = Tls { insecure_skip_verify: true, ..Tls::default() };
    let sink = open(Settings { dsn: silent.clone(), tls, ..database.settings() });
    assert_eq!(sink.checkpoint(&scope()).await.unwrap(), None);
    let stranger = strange_authority();
    let tls = Tls { ca_bundle: Some(stranger), ..Tls::default() };
    assert_eq!(kind(Settings { dsn: silent, tls, ..database.settings() }).await, ErrorKind::Tls);
}

/// A certificate for this user, signed by the authority whose key lies beside its certificate.
fn client_certificate(user: &str) -> (String, Secret) {
    let authority = std::path::PathBuf::from(std::env::var("KOLLECT_TEST_POSTGRES_CA").unwrap());
    let read = |path: &std::path::Path| std::fs::read_to_string(path).unwrap();
    let key = rcgen::KeyPair::from_pem(&read(&authority.with_extension("key"))).unwrap();
    let issuer = rcgen::Issuer::from_ca_cert_pem(&read(&authority), key).unwrap();
    let mut parameters = rcgen::CertificateParams::default();
    parameters.distinguished_name.push(rcgen::DnType::CommonName, user);
    parameters.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = parameters.signed_by(&key, &issuer).unwrap();
    (certificate.pem(), Secret::new(key.serialize_pem()))
}

/// An authority that signed nothing.
fn strange_authority() -> String {
    let mut parameters = rcgen::CertificateParams::default();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    parameters.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_the_policy_refuses_is_never_dialled() {
    let database = Database::create();
    let proxy = Proxy::start(&database.address()).await;
    let dsn = database.dsn().replace(&database.address(), &proxy.address().replace("127.0.0.1", "localhost"));
    let settings = Settings { dsn: Secret::new(dsn), ..database.settings() };
    let guarded = AddressPolicy::guarded(PrivateRanges::Allowed);
    let config = Config::parse(settings).unwrap();
    let sink = Postgres::open(config.clone(), guarded.clone());
    assert_eq!(sink.checkpoint(&scope()).await.unwrap_err().kind(), ErrorKind::AddressRefused);
    assert_eq!(steps(&sink.probe(ProbeDepth::Read).await), [("resolve address", false)]);
    assert!(proxy.said().is_empty());
    let allowed = Postgres::open(config, guarded.allow("127.0.0.0/8".parse().unwrap()));
    assert_eq!(allowed.checkpoint(&scope()).await.unwrap(), None);
    assert_eq!(proxy.said().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_and_comes_back_is_met_again_by_the_same_sink() {
    let database = Database::create();
    let mut proxy = Proxy::start(&database.address()).await;
    let dsn = database.dsn().replace(&database.address(), &proxy.address());
    let sink = open(Settings { dsn: Secret::new(dsn), ..database.settings() });
    let (scope, rows) = (scope(), rows(10, "a"));
    let held = claim(&sink, &scope).await.unwrap();
    proxy.cut().await;
    let error = reconcile(&sink, &scope, &held, &rows).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{}", error.chain());
    assert_eq!(steps(&sink.probe(ProbeDepth::Write).await), [("resolve address", true), ("connect", false)]);
    proxy.open().await;
    let held = reconcile(&sink, &scope, &held, &rows).await.unwrap().reached;
    // The server ends an idle connection: the next call does not even notice.
    database.psql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'kollect' \
                   AND datname = current_database()",
    );
    assert_eq!(sink.checkpoint(&scope).await.unwrap(), Some(held));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_in_transaction_mode_would_see_nothing_that_outlives_a_transaction() {
    let database = Database::create();
    let proxy = Proxy::start(&database.address()).await;
    let dsn = database.dsn().replace(&database.address(), &proxy.address()).replace("verify-full", "disable");
    let sink = open(Settings { dsn: Secret::new(dsn), tls: Tls::default(), ..database.settings() });
    let (scope, all) = (scope(), rows(3_000, "a"));
    let held = claim(&sink, &scope).await.unwrap();
    let held = reconcile(&sink, &scope, &held, &all).await.unwrap().reached;
    let changed = rows(3_000, "b");
    let changes = changed.iter().cloned().map(kollect_sink_core::Change::Upsert).collect();
    let held = apply(&sink, &scope, &held, changes, &changed).await.unwrap().reached;
    let held = reconcile(&sink, &scope, &held, &changed[..10]).await.unwrap().reached;
    kollect_sink_core::DeleteReconcile::retire(&sink, &scope, &held).await.unwrap();
    let said = proxy.said();
    assert_eq!(said.len(), 1, "one connection served all");
    let mut parsed = 0;
    let mut within = false;
    for (kind, body) in messages(&said[0]) {
        match kind {
            b'Q' => {
                let text = String::from_utf8_lossy(body);
                let outside = text.starts_with("BEGIN") || !within;
                assert!(!outside || text.starts_with("BEGIN"), "{text}");
                let mut statements = text.trim_end_matches('\0').split("; ");
                assert!(
                    statements.all(|one| !one.starts_with("SET ") || one.starts_with("SET LOCAL ")),
                    "{text}"
                );
                within = !(text.ends_with("COMMIT\0") || text.starts_with("ROLLBACK\0"));
            }
            b'P' => {
                parsed += 1;
                assert!(within, "a statement outside a transaction");
                assert_eq!(body[0], 0, "a statement with a name");
            }
            // Portal and statement of a Bind.
            b'B' => assert_eq!(&body[..2], [0, 0]),
            _ => {}
        }
    }
    assert!(parsed > 20 && !within);
}

/// The messages of a client that does not encrypt, after its first one.
fn messages(said: &[u8]) -> Vec<(u8, &[u8])> {
    let length = |bytes: &[u8]| u32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize;
    let mut rest = &said[length(said)..];
    let mut messages = Vec::new();
    while rest.len() >= 5 {
        let end = 1 + length(&rest[1..]);
        messages.push((rest[0], &rest[5..end]));
        rest = &rest[end..];
    }
    messages
}

#[tokio::test(flavor = "multi_thread")]
async fn time_limits_of_the_options_are_the_servers_limits() {
    let database = Database::create();
    let mut settings = database.settings();
    settings.options.insert("statement_timeout".into(), "300ms".into());
    settings.options.insert("lock_timeout".into(), "200".into());
    settings.options.insert("application_name".into(), "the inventory".into());
    let (sink, scope) = (open(settings), scope());
    let held = claim(&sink, &scope).await.unwrap();
    database.psql(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(30); RETURN NEW; END'; \
         CREATE TRIGGER slow BEFORE INSERT ON inventory FOR EACH ROW EXECUTE FUNCTION slow()",
    );
    let error = reconcile(&sink, &scope, &held, &rows(1, "a")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.chain().contains("57014"), "{}", error.chain());
    assert!(database.psql("SELECT application_name FROM pg_stat_activity").contains("the inventory"));
    database.psql("DROP TRIGGER slow ON inventory");
    let url = database.url().to_owned();
    let mut holder = std::process::Command::new("psql")
        .args(["--no-psqlrc", "--quiet", "--dbname", &url, "--command"])
        .arg("BEGIN; SELECT FROM kollect_checkpoints FOR UPDATE; SELECT pg_sleep(60)")
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let held_by =
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)' AND wait_event = 'PgSleep'";
    while database.psql(held_by) == "0" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let error = reconcile(&sink, &scope, &held, &rows(1, "a")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{}", error.chain());
    holder.kill().unwrap();
    holder.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_falls_silent_lets_its_successor_claim() {
    let database = Database::create();
    let mut settings = database.settings();
    settings.options.insert("statement_timeout".into(), "1s".into());
    let (frozen, scope) = (open(settings), scope());
    let held = claim(&frozen, &scope).await.unwrap();
    // In the middle of a full pass no further row comes.
    let export = Complete::declare(scope.clone(), target(&held, &rows(2, "a")), Arc::default());
    let silent = stream::iter([Ok(rows(1, "a"))]).chain(stream::pending()).boxed();
    let pass = tokio::spawn(async move { frozen.reconcile(&export, silent).await });
    let idle = "SELECT count(*) FROM pg_stat_activity 
                WHERE state = 'idle in transaction' AND datname = current_database()";
    while database.psql(idle) == "0" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let taken = claim(&database.sink(), &scope).await.unwrap();
    assert_eq!(taken.epoch, held.epoch + 1);
    pass.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_test_proves_each_step_and_leaves_nothing() {
    let database = Database::create();
    let names = ["resolve address", "connect", "tls", "authenticate", "target", "authorise"];
    let report = database.sink().probe(ProbeDepth::Write).await;
    assert_eq!(steps(&report), names.map(|name| (name, true)), "{report:?}");
    assert_eq!(
        database.psql("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"),
        "0"
    );
    let sink = database.sink();
    claim(&sink, &scope()).await.unwrap();
    assert!(sink.probe(ProbeDepth::Write).await.ok());
    assert_eq!(database.psql("SELECT count(*) FROM inventory"), "0");
    assert_eq!(database.psql("SELECT count(*) FROM kollect_checkpoints"), "1");
    let reader = format!("reader_{}", std::process::id());
    database.psql(&format!("CREATE ROLE {reader} LOGIN PASSWORD 'canary'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {reader}"));
    let login = Secret::new(database.dsn_as(&format!("{reader}:canary")));
    let report = open(Settings { dsn: login, ..database.settings() }).probe(ProbeDepth::Write).await;
    let failure = report.failure().unwrap();
    assert_eq!(failure.name, "authorise");
    assert!(failure.message.contains("42501"), "{}", failure.message);
    database.psql(&format!("DROP OWNED BY {reader}; DROP ROLE {reader}"));
    let wrong = Settings { dsn: Secret::new(database.dsn_as("postgres:canary")), ..database.settings() };
    let report = open(wrong).probe(ProbeDepth::Write).await;
    assert_eq!(report.failure().unwrap().name, "authenticate");
    assert!(!format!("{report:?}").contains("canary"));
    let untrusted = Settings { tls: Tls::default(), ..database.settings() };
    assert_eq!(open(untrusted).probe(ProbeDepth::Write).await.failure().unwrap().name, "tls");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_shows_in_the_sink_or_its_errors() {
    let database = Database::create();
    let settings = Settings { dsn: Secret::new(database.dsn_as("postgres:canary")), ..database.settings() };
    let sink = open(settings);
    let error = sink.checkpoint(&scope()).await.unwrap_err();
    let shown = format!("{sink:?} {sink} {error:?} {error} {}", error.chain());
    assert!(!shown.contains("canary"), "{shown}");
    assert!(sink.to_string().ends_with("/public.inventory"));
}
