//! The statements that suit one table, made once. Names in them are quoted or constant, values are
//! parameters. It runs none.

use crate::columns::{COLUMNS, NARROW_KEY, PER_ROW};
use crate::config::Config;
use crate::existing::Relation;
use crate::layout::{is_certain, payload_is_json};

/// The temporary table that large batches pass through.
const STAGE: &str = "pg_temp.kollect_stage";

/// The cursor of a full pass.
pub(crate) const CURSOR: &str = "kollect_rows";

/// Sets the savepoint that rows return to when the server refuses one of them.
pub(crate) const SAVEPOINT: &str = "SAVEPOINT kollect";

/// `$1` to `$3` are the scope in each statement that has parameters.
const SCOPE: &str = "held.cluster = $1 AND held.inventory_namespace = $2 AND held.inventory_name = $3";

/// Statements for one table.
#[derive(Debug)]
pub(crate) struct Statements {
    /// Upserts from arrays: `$4` exported_at, `$5` to `$14` the columns of [`PER_ROW`].
    pub(crate) upsert_arrays: String,
    /// Upserts from the stage: `$4` exported_at.
    pub(crate) upsert_stage: String,
    /// Deletes by key: `$4` to `$6` arrays of target namespaces, target names and uids.
    pub(crate) delete: String,
    /// Deletes up to `$4` rows of the scope.
    pub(crate) delete_some: String,
    /// Opens the cursor over key, partition and digest, ascending by key.
    pub(crate) open_recorded: String,
    /// Opens the cursor over key, partition, payload and digest, ascending by key.
    pub(crate) open_recomputed: String,
    /// Finds which of the rows in `$4` to `$6` meet another target's row under a narrow key.
    pub(crate) collisions: String,
    /// Loads rows straight into the table, in the order of [`COLUMNS`].
    pub(crate) copy_rows: String,
}

/// Makes the stage; it goes with the transaction.
pub(crate) const CREATE_STAGE: &str = "CREATE TEMPORARY TABLE kollect_stage (target_namespace text, \
    target_name text, source_uid text, resource_namespace text, resource_name text, api_group text, \
    api_version text, kind text, payload jsonb, digest bytea) ON COMMIT DROP";

/// Empties the stage.
pub(crate) const CLEAR_STAGE: &str = "TRUNCATE pg_temp.kollect_stage";

/// Loads rows into the stage, in the order of [`PER_ROW`].
pub(crate) const COPY_STAGE: &str = "COPY pg_temp.kollect_stage FROM STDIN (FORMAT binary)";

impl Statements {
    /// The statements for `relation`, which is written by `key`.
    pub(crate) fn of(relation: &Relation, config: &Config, key: &[&str]) -> Self {
        let table = config.rows_table();
        let names: Vec<&str> = COLUMNS.iter().map(|column| column.name).collect();
        Self {
            upsert_arrays: upsert(relation, &table, key, ARRAYS),
            upsert_stage: upsert(relation, &table, key, STAGE),
            delete: format!(
                "DELETE FROM {table} AS held \
                 USING unnest($4::text[], $5::text[], $6::text[]) AS gone(target_namespace, target_name, source_uid) \
                 WHERE {SCOPE} AND {} = gone.target_namespace AND held.target_name = gone.target_name \
                 AND held.source_uid = gone.source_uid",
                value(relation, "target_namespace"),
            ),
            delete_some: format!(
                "DELETE FROM {table} AS gone \
                 USING (SELECT {key} FROM {table} AS held WHERE {SCOPE} LIMIT $4) AS held WHERE {same}",
                key = key.join(", "),
                same = key
                    .iter()
                    .map(|name| format!("gone.{name} = held.{name}"))
                    .collect::<Vec<_>>()
                    .join(" AND "),
            ),
            open_recorded: open(relation, &table, "held.digest"),
            open_recomputed: open(relation, &table, recomputed(relation)),
            collisions: format!(
                "SELECT new.place FROM unnest($4::text[], $5::text[], $6::text[]) WITH ORDINALITY \
                 AS new(target_namespace, target_name, source_uid, place) \
                 JOIN {table} AS held ON held.target_name = new.target_name AND held.source_uid = new.source_uid \
                 WHERE {SCOPE} AND {} <> new.target_namespace",
                value(relation, "target_namespace"),
            ),
            copy_rows: format!("COPY {table} ({}) FROM STDIN (FORMAT binary)", names.join(", ")),
        }
    }
}

const ARRAYS: &str = "(SELECT target_namespace, target_name, source_uid, resource_namespace, resource_name, \
    api_group, api_version, kind, payload::jsonb AS payload, digest \
    FROM unnest($5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], \
    $12::text[], $13::text[], $14::bytea[]) AS sent(target_namespace, target_name, source_uid, \
    resource_namespace, resource_name, api_group, api_version, kind, payload, digest))";

fn upsert(relation: &Relation, table: &str, key: &[&str], source: &str) -> String {
    let present: Vec<&str> =
        PER_ROW.into_iter().filter(|name| relation.columns.contains_key(*name)).collect();
    let set: Vec<String> = present
        .iter()
        .filter(|name| !key.contains(name))
        .map(|name| format!("{name} = EXCLUDED.{name}"))
        .collect();
    let differs = match (relation.columns.contains_key("digest"), payload_is_json(relation)) {
        (true, _) => "held.digest IS DISTINCT FROM EXCLUDED.digest",
        (false, false) => "held.payload IS DISTINCT FROM EXCLUDED.payload",
        (false, true) => "held.payload::jsonb IS DISTINCT FROM EXCLUDED.payload::jsonb",
    };
    format!(
        "INSERT INTO {table} AS held (cluster, inventory_namespace, inventory_name, exported_at, {columns}) \
         SELECT $1, $2, $3, $4::timestamptz, {values} FROM {source} AS sent \
         ON CONFLICT ({key}) DO UPDATE SET {set}, exported_at = EXCLUDED.exported_at WHERE {differs}",
        columns = present.join(", "),
        values = present.iter().map(|name| format!("sent.{name}")).collect::<Vec<_>>().join(", "),
        key = key.join(", "),
        set = set.join(", "),
    )
}

fn recomputed(relation: &Relation) -> &'static str {
    match relation.columns.contains_key("digest") {
        true => "held.payload::text, held.digest",
        false => "held.payload::text, NULL::bytea",
    }
}

fn open(relation: &Relation, table: &str, last: &str) -> String {
    let target_namespace = value(relation, "target_namespace");
    format!(
        "DECLARE {CURSOR} NO SCROLL CURSOR FOR SELECT {target_namespace}, held.target_name, held.source_uid, \
         {}, {}, {}, {last} FROM {table} AS held WHERE {SCOPE} \
         ORDER BY {target_namespace} COLLATE \"C\", held.target_name COLLATE \"C\", held.source_uid COLLATE \"C\"",
        value(relation, "api_group"),
        value(relation, "kind"),
        value(relation, "resource_namespace"),
    )
}

/// The value of a column for the row `held`, from the payload where the column is missing or was added later.
fn value(relation: &Relation, name: &str) -> String {
    if is_certain(relation, name) || NARROW_KEY.contains(&name) {
        return format!("held.{name}");
    }
    let mut places = Vec::new();
    if relation.columns.contains_key(name) {
        places.push(format!("held.{name}"));
    }
    let column = COLUMNS.iter().find(|column| column.name == name);
    places.extend(column.and_then(|column| column.from_payload).map(str::to_owned));
    format!("coalesce({}, '')", places.join(", "))
}
