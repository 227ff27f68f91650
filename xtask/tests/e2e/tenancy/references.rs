//! Secrets of other namespaces, by every field that names one; and connection strings that name what is the operator's.

use serde_json::{Value, json};

use super::{CANARY, shows_no_password, sink};
use crate::manifests::{self, kollect};
use crate::stage::Stage;

/// Fields that name a Secret, as they stand in a sink, and how messages call them.
const FIELDS: [(&str, &str, &str); 5] = [
    ("KollectDatabaseSink", "/spec/postgres/databaseRef", "spec.postgres.databaseRef"),
    ("KollectDatabaseSink", "/spec/tls/caSecretRef", "spec.tls.caSecretRef"),
    ("KollectDatabaseSink", "/spec/tls/clientCertSecretRef", "spec.tls.clientCertSecretRef"),
    ("KollectDatabaseSink", "/spec/secretRef", "spec.secretRef"),
    ("KollectSnapshotSink", "/spec/secretRef", "spec.secretRef"),
];

#[test]
fn a_secret_of_another_namespace_is_had_by_no_field_and_not_even_its_existence_is_told() {
    let mut stage = Stage::set("references");
    let root = stage.dir.path().join("root");
    std::fs::create_dir(&root).unwrap();
    stage.arg(format!("--local-root={}", root.display()));
    let mut theirs = stage.database.secret(&stage.apps, "theirs");
    theirs["stringData"]["tls.crt"] = json!(CANARY);
    theirs["stringData"]["tls.key"] = json!(CANARY);
    // Somebody whose name begins as ours is not us.
    let others = format!("{0}x, x{0}, {1}", stage.platform, stage.apps);
    theirs["metadata"]["annotations"] = json!({"kollect.dev/allow-namespaces": others});
    stage.apply(&theirs);
    for (number, (kind, field, _)) in FIELDS.iter().enumerate() {
        for secret in ["theirs", "absent"] {
            stage.apply(&referring(&stage, kind, &format!("{secret}-{number}"), field, secret));
        }
    }
    for secret in ["theirs", "absent"] {
        let spec =
            json!({"sinkRef": {"databaseSinkRef": format!("{secret}-0")}, "ttlSecondsAfterFinished": 600});
        stage.apply(&kollect("KollectConnectionTest", &stage.platform, secret, spec));
    }
    stage.usual();
    stage.apply(&manifests::inventory(&stage.platform, "all", &["theirs-0"]));
    stage.start();
    let refusal = |path: &str, secret: &str| {
        let (apps, platform) = (&stage.apps, &stage.platform);
        format!(
            "{path}: Secret {apps}/{secret} is in another namespace, and does not exist there or does not allow {platform}; \
             copy it to {platform}, or annotate it with kollect.dev/allow-namespaces: {platform}"
        )
    };
    for (number, (kind, _, path)) in FIELDS.iter().enumerate() {
        for secret in ["theirs", "absent"] {
            let name = format!("{secret}-{number}");
            let said = stage.wait_reason(&kind.to_lowercase(), &name, "Degraded", "SecretResolveFailed");
            assert_eq!(said, refusal(path, secret), "{kind} {name}");
        }
    }
    for secret in ["theirs", "absent"] {
        let said = stage.wait_reason("kollectconnectiontest", secret, "Ready", "SecretResolveFailed");
        assert_eq!(said, refusal("spec.postgres.databaseRef", secret));
    }
    stage.wait_reason("kollectinventory", "all", "Degraded", "SecretResolveFailed");
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(stage.psql().number(tables).unwrap(), 0, "somebody used the DSN");
    shows_no_password(&stage);
}

/// A sink that is right but for the field, which leads to a Secret of the other namespace.
fn referring(stage: &Stage, kind: &str, name: &str, field: &str, secret: &str) -> Value {
    let mut sink = match kind {
        "KollectDatabaseSink" => manifests::sink(&stage.platform, name, name, None),
        _ => kollect(kind, &stage.platform, name, json!({"type": "local"})),
    };
    let reference = json!({"name": secret, "namespace": stage.apps});
    let (parent, last) = field.rsplit_once('/').unwrap();
    sink.pointer_mut(parent).unwrap()[last] = reference;
    sink
}

const NO_FILES: &str = "files are not read: give certificates by the tls settings";
const NO_PASSFILE: &str = "files are not read: give the password in the DSN";
const NO_SOCKET: &str = "local sockets are not allowed, give a host name";

/// What a DSN asks for beside its server, and the parameter and words of the refusal.
const DSNS: [(&str, &str, &str); 14] = [
    ("postgres://u:PW@db.example/d?sslkey=/var/run/secrets/tls.key", "sslkey", NO_FILES),
    ("postgres://u:PW@db.example/d?sslcert=/etc/passwd", "sslcert", NO_FILES),
    ("postgres://u:PW@db.example/d?sslrootcert=/proc/self/environ", "sslrootcert", NO_FILES),
    ("postgres://u:PW@db.example/d?sslcrl=/etc/crl.pem", "sslcrl", NO_FILES),
    ("host=db.example user=u password=PW sslpassword=x", "sslpassword", NO_FILES),
    ("postgres://u:PW@db.example/d?passfile=/etc/.pgpass", "passfile", NO_PASSFILE),
    ("host=db.example user=u password=PW service=production", "service", NO_PASSFILE),
    ("host=db.example user=u password=PW servicefile=/etc/pg_service.conf", "servicefile", NO_PASSFILE),
    (
        "postgres://u:PW@db.example/d?options=-c%20session_preload_libraries%3Dx",
        "options",
        "server options are not allowed",
    ),
    (
        "postgres://u:PW@db.example/d?hostaddr=169.254.169.254",
        "hostaddr",
        "the host is resolved and checked here: give a host",
    ),
    ("postgres://u:PW@%2Fvar%2Frun%2Fpostgresql/d", "host", NO_SOCKET),
    ("host=/var/run/postgresql user=u password=PW", "host", NO_SOCKET),
    ("host=@abstract user=u password=PW", "host", NO_SOCKET),
    (
        "postgres://u:PW@db.example,169.254.169.254/d",
        "host",
        "several hosts are not supported, give one that leads to the primary",
    ),
];

#[test]
fn a_connection_string_names_no_files_no_sockets_and_no_options() {
    let mut stage = Stage::set("dsns");
    for (number, (dsn, ..)) in DSNS.iter().enumerate() {
        stage.apply(&sink(&stage, &format!("dsn-{number}"), &dsn.replace("PW", CANARY)));
    }
    stage.start();
    for (number, (dsn, parameter, why)) in DSNS.iter().enumerate() {
        let name = format!("dsn-{number}");
        let said = stage.wait_reason("kollectdatabasesink", &name, "Degraded", "InvalidSpec");
        assert_eq!(said, format!("the DSN's `{parameter}` is refused: {why}"), "{dsn}");
    }
    shows_no_password(&stage);
}
