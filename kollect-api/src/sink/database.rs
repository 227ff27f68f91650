//! KollectDatabaseSink: destinations that hold one row per object. SQL is the sink crates'.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reference::SecretReference;

sink_spec! {
    /// A destination that holds one row per object.
    #[kube(
        kind = "KollectDatabaseSink",
        plural = "kollectdatabasesinks",
        shortname = "kdb",
        doc = "Names a destination for rows: Postgres, BigQuery, MongoDB."
    )]
    pub struct DatabaseSinkSpec {
        /// What the destination is; the block of the same name configures it.
        #[serde(rename = "type")]
        pub type_: DatabaseType,
        /// Settings of postgres.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub postgres: Option<PostgresSpec>,
        /// Settings of mongodb.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub mongodb: Option<MongodbSpec>,
        /// Settings of bigquery.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub bigquery: Option<BigquerySpec>,
    }
}

/// The types of database sinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DatabaseType {
    /// PostgreSQL.
    Postgres,
    /// Google BigQuery.
    Bigquery,
    /// MongoDB.
    Mongodb,
}

type_words!(DatabaseType {
    Postgres = "postgres",
    Bigquery = "bigquery",
    Mongodb = "mongodb",
});

/// Settings of postgres.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PostgresSpec {
    /// Secret with the connection string under dsn, url, connectionString or DATABASE_URL.
    pub database_ref: SecretReference,
    /// Schema of the table.
    #[serde(default = "public")]
    #[schemars(length(min = 1, max = 63))]
    pub schema: String,
    /// Name of the table.
    #[schemars(length(min = 1, max = 63))]
    pub table: String,
}

fn public() -> String {
    "public".to_owned()
}

/// Settings of mongodb.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MongodbSpec {
    /// Secret with the connection string under uri, url, connectionString or MONGODB_URI.
    pub database_ref: SecretReference,
    /// Name of the database.
    #[schemars(length(min = 1, max = 63))]
    pub database: String,
    /// Name of the collection.
    #[schemars(length(min = 1, max = 235))]
    pub collection: String,
}

/// Settings of bigquery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BigquerySpec {
    /// Project of the dataset.
    #[schemars(length(min = 1, max = 253))]
    pub project: String,
    /// Dataset of the table.
    #[schemars(length(min = 1, max = 1024))]
    pub dataset: String,
    /// Name of the table.
    #[schemars(length(min = 1, max = 1024))]
    pub table: String,
    /// Location of the dataset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub location: Option<String>,
    /// Secret with a service account under credentials.json; absent is the platform's own identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretReference>,
}
