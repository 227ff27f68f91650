//! What an export would do, without a connection: the DDL, and the keys and the payload of some rows. It does not know
//! what the database holds.

use kollect_sink_core::preview::excerpt;
use kollect_sink_core::{Preview, Result, Row, Sample, Scope};

use crate::batch::Batch;
use crate::columns::WIDE_KEY;
use crate::config::{Config, Provisioning};
use crate::ddl;
use crate::ident::literal;

/// The schema that every database has.
const PUBLIC: &str = "public";

/// What an export of the sample would do in a database that holds none of the tables yet. No I/O, and nothing of the
/// DSN is in the answer: where there is no DSN at hand, any that parses will do.
///
/// # Errors
/// None now: it is a `Result` as with every destination.
///
/// ```
/// use std::sync::Arc;
/// use kollect_sink_core::{Identity, Origin, Row, Sample, Schema, Scope, Secret, Target};
/// use kollect_sink_postgres::{Config, Settings, preview};
///
/// let origin = Arc::new(Origin {
///     target: Target::new("", "hosts"),
///     group: "".into(),
///     version: "v1".into(),
///     kind: "Host".into(),
/// });
/// let rows = [Row::new(Identity::new(origin, "".into(), "web", "0b1c")?, r#"{"cpus":8}"#)];
/// let config = Config::parse(Settings::new(Secret::new("postgres://user@host/database"), "inventory"))?;
/// let sample = Sample {
///     scope: &Scope::new("prod", "", "fleet"),
///     schema: &Arc::new(Schema::default()),
///     rows: &rows,
///     exported_at: jiff::Timestamp::UNIX_EPOCH,
/// };
/// let preview = preview(&config, &sample)?;
///
/// assert!(preview.ddl.unwrap().starts_with(r#"CREATE TABLE IF NOT EXISTS "public"."inventory" ("#));
/// assert_eq!(
///     preview.sample_keys,
///     ["(cluster, inventory_namespace, inventory_name, target_namespace, target_name, source_uid) \
///       = ('prod', '', 'fleet', '', 'hosts', '0b1c')"],
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn preview(config: &Config, sample: &Sample<'_>) -> Result<Preview> {
    let mode = match config.provisioning {
        Provisioning::Ensure => "ensure",
        Provisioning::Existing => "existing",
    };
    let payload = Batch::of(sample.rows.get(..1).unwrap_or_default()).payloads().next().map(excerpt);
    Ok(Preview {
        provisioning_mode: Some(mode),
        serialization_format: Some("json"),
        ddl: Some(ddl::script(config)),
        sample_keys: sample.rows.iter().map(|row| key(sample.scope, row)).collect(),
        sample_document: payload,
        warnings: warnings(config),
        ..Preview::default()
    })
}

fn warnings(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    if config.provisioning == Provisioning::Existing {
        let table = config.rows_table();
        warnings.push(format!(
            "provisioning.mode existing runs no DDL: {table} must exist before the first export; what is shown makes it"
        ));
    }
    if config.schema.as_str() != PUBLIC {
        warnings.push(format!("the schema {} must exist: it is never made", config.schema));
    }
    warnings
}

/// A row's key as a condition that a query takes.
fn key(scope: &Scope, row: &Row) -> String {
    let key = row.key();
    let values = [
        &*scope.cluster,
        &*scope.inventory_namespace,
        &*scope.inventory_name,
        key.target_namespace,
        key.target_name,
        key.uid,
    ];
    format!("({}) = ({})", WIDE_KEY.join(", "), values.map(literal).join(", "))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;
    use kollect_sink_core::{Identity, Origin, Schema, Secret, Target};

    use super::*;
    use crate::config::Settings;

    fn preview_of(settings: Settings, rows: &[Row]) -> Preview {
        let config = Config::parse(settings).unwrap();
        let (scope, schema) = (Scope::new("prod", "team-a", "it's"), Arc::new(Schema::default()));
        let sample = Sample { scope: &scope, schema: &schema, rows, exported_at: Timestamp::UNIX_EPOCH };
        preview(&config, &sample).unwrap()
    }

    fn row(uid: &str, attributes: &str) -> Row {
        let target = Target::new("team-a", "pods");
        let origin = Origin { target, group: "".into(), version: "v1".into(), kind: "Pod".into() };
        Row::new(Identity::new(Arc::new(origin), "shop".into(), "web", uid).unwrap(), attributes)
    }

    fn settings() -> Settings {
        Settings::new(Secret::new("postgres://canary-user:canary-word@canary-host/canary-db"), "inventory")
    }

    #[test]
    fn it_is_what_ensure_runs_and_what_rows_hold() {
        let rows = [row("u1", r#"{"a":1}"#), row("u2", "{}")];
        let preview = preview_of(settings(), &rows);
        let config = Config::parse(settings()).unwrap();
        let statements: Vec<&str> = preview.ddl.as_deref().unwrap().split_terminator(";\n").collect();
        assert_eq!(statements, ddl::everything(&config));
        let columns =
            "cluster, inventory_namespace, inventory_name, target_namespace, target_name, source_uid";
        let key = |uid| format!("({columns}) = ('prod', 'team-a', 'it''s', 'team-a', 'pods', '{uid}')");
        assert_eq!(preview.sample_keys, [key("u1"), key("u2")]);
        assert_eq!(
            preview.sample_document.as_deref(),
            Some(
                r#"{"targetNamespace":"team-a","targetName":"pods","namespace":"shop","name":"web","version":"v1","kind":"Pod","uid":"u1","attributes":{"a":1}}"#
            )
        );
        assert_eq!((preview.provisioning_mode, preview.serialization_format), (Some("ensure"), Some("json")));
        assert!(preview.warnings.is_empty() && preview.sample_paths.is_empty(), "{preview:?}");
    }

    #[test]
    fn what_must_exist_before_is_told() {
        let settings = Settings {
            provisioning: Provisioning::Existing,
            schema: Some("Portal".to_owned()),
            ..settings()
        };
        let preview = preview_of(settings, &[]);
        assert_eq!(preview.provisioning_mode, Some("existing"));
        assert!(preview.warnings[0].contains(r#""Portal"."inventory" must exist"#), "{preview:?}");
        assert!(preview.warnings[1].starts_with(r#"the schema "Portal" must exist"#), "{preview:?}");
        assert_eq!((preview.sample_document, preview.sample_keys), (None, Vec::new()));
    }

    #[test]
    fn nothing_of_the_dsn_is_in_it() {
        let preview = preview_of(settings(), &[row("u1", "{}")]);
        let shown = format!("{preview:?}{}", serde_json::to_string(&preview).unwrap());
        assert!(!shown.contains("canary"), "{shown}");
    }
}
