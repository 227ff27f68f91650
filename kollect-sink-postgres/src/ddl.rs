//! The DDL, as text: what `ensure` runs, and what people are shown to run themselves. It runs nothing.

use crate::columns::{COLUMNS, Column, Need, WIDE_KEY};
use crate::config::Config;
use crate::ident::{SqlIdent, literal};

/// The tables and the index, in the order in which they are made. Each statement may be repeated.
pub(crate) fn everything(config: &Config) -> [String; 3] {
    [create_rows(config), create_index(config), create_checkpoints(config)]
}

/// [`everything`], as a person or a program runs it: each statement ended.
pub(crate) fn script(config: &Config) -> String {
    everything(config).map(|statement| statement + ";\n").concat()
}

/// The table of the rows.
pub(crate) fn create_rows(config: &Config) -> String {
    let columns: Vec<String> =
        COLUMNS.iter().map(|column| format!("{} NOT NULL", definition(column))).collect();
    format!(
        "CREATE TABLE IF NOT EXISTS {} (\n  {},\n  PRIMARY KEY ({})\n)",
        config.rows_table(),
        columns.join(",\n  "),
        WIDE_KEY.join(", "),
    )
}

/// The index by which people look for objects.
pub(crate) fn create_index(config: &Config) -> String {
    format!(
        "CREATE INDEX IF NOT EXISTS {} ON {} (kind, resource_namespace, resource_name)",
        config.table.with_suffix("_object_idx"),
        config.rows_table(),
    )
}

/// The table of the checkpoints.
pub(crate) fn create_checkpoints(config: &Config) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {} (\n  \
           table_name text COLLATE \"C\" NOT NULL,\n  \
           cluster text COLLATE \"C\" NOT NULL,\n  \
           inventory_namespace text COLLATE \"C\" NOT NULL,\n  \
           inventory_name text COLLATE \"C\" NOT NULL,\n  \
           writer text NOT NULL,\n  \
           epoch bigint NOT NULL,\n  \
           revision bigint NOT NULL,\n  \
           digest bytea,\n  \
           row_count bigint NOT NULL,\n  \
           rejected_count bigint NOT NULL,\n  \
           rejected_example text,\n  \
           unknown jsonb NOT NULL,\n  \
           shape bytea NOT NULL,\n  \
           incarnation bigint NOT NULL,\n  \
           generation bigint NOT NULL,\n  \
           exported_at timestamptz NOT NULL,\n  \
           PRIMARY KEY (table_name, cluster, inventory_namespace, inventory_name)\n)",
        config.checkpoints_table()
    )
}

/// Adds a column to a table that has rows already: without NOT NULL, since nobody knows their values yet.
pub(crate) fn add_column(config: &Config, column: &Column) -> String {
    format!("ALTER TABLE {} ADD COLUMN IF NOT EXISTS {}", config.rows_table(), definition(column))
}

/// The unique index that writing needs, over the columns that the table has.
pub(crate) fn create_key(config: &Config, key: &[&str]) -> String {
    format!("CREATE UNIQUE INDEX ON {} ({})", config.rows_table(), key.join(", "))
}

/// Moves a table whose key lacks the cluster to one that has it; its rows become those of `cluster`.
pub(crate) fn migrate_key(
    config: &Config,
    cluster: &str,
    constraint: Option<&SqlIdent>,
    key: &[&str],
) -> Vec<String> {
    let table = config.rows_table();
    let drop = constraint.map_or(String::new(), |name| format!("DROP CONSTRAINT {name}, "));
    vec![
        "BEGIN".to_owned(),
        format!(
            "ALTER TABLE {table} ADD COLUMN IF NOT EXISTS cluster text COLLATE \"C\" NOT NULL DEFAULT {}",
            literal(cluster)
        ),
        format!("ALTER TABLE {table} ALTER COLUMN cluster DROP DEFAULT"),
        format!("ALTER TABLE {table} {drop}ADD PRIMARY KEY ({})", key.join(", ")),
        "COMMIT".to_owned(),
    ]
}

fn definition(column: &Column) -> String {
    // Keys are ordered bytewise everywhere, so that two sides can be merged.
    let collation = match column.need {
        Need::Key => " COLLATE \"C\"",
        _ if WIDE_KEY.contains(&column.name) => " COLLATE \"C\"",
        _ => "",
    };
    format!("{} {}{collation}", column.name, column.holds.sql_type())
}

#[cfg(test)]
mod tests {
    use kollect_sink_core::Secret;

    use super::*;
    use crate::config::Settings;

    #[test]
    fn the_tables_are_the_documented_ones() {
        let config = Config::parse(Settings::new(Secret::new("postgres://u@h/d"), "inventory")).unwrap();
        let [rows, index, checkpoints] = everything(&config);
        assert_eq!(
            rows,
            r#"CREATE TABLE IF NOT EXISTS "public"."inventory" (
  cluster text COLLATE "C" NOT NULL,
  inventory_namespace text COLLATE "C" NOT NULL,
  inventory_name text COLLATE "C" NOT NULL,
  target_namespace text COLLATE "C" NOT NULL,
  target_name text COLLATE "C" NOT NULL,
  source_uid text COLLATE "C" NOT NULL,
  resource_namespace text NOT NULL,
  resource_name text NOT NULL,
  api_group text NOT NULL,
  api_version text NOT NULL,
  kind text NOT NULL,
  payload jsonb NOT NULL,
  digest bytea NOT NULL,
  exported_at timestamptz NOT NULL,
  PRIMARY KEY (cluster, inventory_namespace, inventory_name, target_namespace, target_name, source_uid)
)"#
        );
        assert_eq!(
            index,
            "CREATE INDEX IF NOT EXISTS \"inventory_object_idx\" ON \"public\".\"inventory\" \
             (kind, resource_namespace, resource_name)"
        );
        assert!(checkpoints.starts_with("CREATE TABLE IF NOT EXISTS \"public\".\"kollect_checkpoints\""));
        assert!(
            checkpoints.contains("PRIMARY KEY (table_name, cluster, inventory_namespace, inventory_name)")
        );
    }
}
