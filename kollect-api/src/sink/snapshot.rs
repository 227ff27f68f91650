//! KollectSnapshotSink: destinations that hold whole documents. Writing them is the sink crates'.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration::Age;
use crate::layout::Format;
use crate::reference::{SecretReference, is_default, is_false, yes};
use crate::schema;

sink_spec! {
    /// A destination that holds whole documents.
    #[kube(
        kind = "KollectSnapshotSink",
        plural = "kollectsnapshotsinks",
        shortname = "ksnap",
        doc = "Names a destination for documents: git, object stores, HTTP, folders."
    )]
    pub struct SnapshotSinkSpec {
        /// What the destination is; the block of the same name configures it.
        #[serde(rename = "type")]
        pub type_: SnapshotType,
        /// Settings of git and gitlab.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub git: Option<GitSpec>,
        /// Settings of gitlab.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub gitlab: Option<GitlabSpec>,
        /// Settings of s3, gcs, azureblob and local.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub object_store: Option<ObjectStoreSpec>,
        /// Settings of http.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub http: Option<HttpSpec>,
    }
}

/// The types of snapshot sinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SnapshotType {
    /// A git repository.
    Git,
    /// A git repository of GitLab, with merge requests.
    Gitlab,
    /// A bucket of Amazon S3 or what speaks its protocol.
    S3,
    /// A bucket of Google Cloud Storage.
    Gcs,
    /// A container of Azure Blob Storage.
    Azureblob,
    /// An HTTP server.
    Http,
    /// A folder of the operator.
    Local,
}

type_words!(SnapshotType {
    Git = "git",
    Gitlab = "gitlab",
    S3 = "s3",
    Gcs = "gcs",
    Azureblob = "azureblob",
    Http = "http",
    Local = "local",
});

/// Settings of git and gitlab.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitSpec {
    /// The branch; absent is that of #branch= in the endpoint, else main.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 244))]
    pub branch: Option<String>,
    /// Whether a push may replace history.
    #[serde(default)]
    pub push_policy: PushPolicy,
    /// How to authenticate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<GitAuthSpec>,
    /// Template of a commit's subject.
    #[serde(default = "commit_message")]
    #[schemars(length(min = 1, max = 1024))]
    pub commit_message: String,
    /// Template of a commit's body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8192))]
    pub commit_body: Option<String>,
    /// Templates of more trailers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 1024)), extend("x-kubernetes-list-type" = "atomic"))]
    pub commit_trailers: Vec<String>,
    /// Who commits.
    #[serde(default, skip_serializing_if = "is_default")]
    pub author: GitAuthorSpec,
    /// Commits of history that are fetched.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 2_147_483_647))]
    pub clone_depth: u32,
    /// Remove files that the inventory no longer has; absent is yes where each object has a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prune: Option<bool>,
    /// Send basic authentication without being asked for it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub force_basic_auth: bool,
    /// Accepted, without effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub engine: Option<String>,
}

impl Default for GitSpec {
    fn default() -> Self {
        Self {
            branch: None,
            push_policy: PushPolicy::default(),
            auth: None,
            commit_message: commit_message(),
            commit_body: None,
            commit_trailers: Vec::new(),
            author: GitAuthorSpec::default(),
            clone_depth: one(),
            prune: None,
            force_basic_auth: false,
            engine: None,
        }
    }
}

fn commit_message() -> String {
    "chore({cluster}/{namespace}/{name}): export {itemCount} items @ {checksumShort}".to_owned()
}

fn one() -> u32 {
    1
}

/// Whether a push may replace history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum PushPolicy {
    /// Only fast-forward.
    #[default]
    Commit,
    /// Replace what is there.
    ForcePush,
}

/// How to authenticate to git.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitAuthSpec {
    /// Token or SSH key; absent follows the endpoint.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub type_: Option<GitAuthType>,
    /// Secret instead of spec.secretRef.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretReference>,
}

/// Ways to authenticate to git.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GitAuthType {
    /// Token, or user name and password.
    Token,
    /// SSH key.
    Ssh,
}

/// Who commits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitAuthorSpec {
    /// Name.
    #[serde(default = "author_name")]
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Address.
    #[serde(default = "author_email")]
    #[schemars(length(min = 1, max = 253))]
    pub email: String,
}

impl Default for GitAuthorSpec {
    fn default() -> Self {
        Self { name: author_name(), email: author_email() }
    }
}

fn author_name() -> String {
    "kollect".to_owned()
}

fn author_email() -> String {
    "kollect@kollect.dev".to_owned()
}

/// Settings of gitlab.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitlabSpec {
    /// Whether and how merge requests are made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merge_request: Option<MergeRequestSpec>,
}

/// How merge requests are made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MergeRequestSpec {
    /// Push to the branch, or to another one with a merge request; absent is direct.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<MergeRequestMode>,
    /// Branch to merge into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 244))]
    pub target_branch: Option<String>,
    /// First part of the names of our branches.
    #[serde(default = "author_name")]
    #[schemars(length(min = 1, max = 128))]
    pub branch_prefix: String,
    /// Template of the title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub title_template: Option<String>,
    /// Merge when the pipeline passes.
    #[serde(default, skip_serializing_if = "is_false")]
    pub auto_merge: bool,
}

/// Where gitlab is pushed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MergeRequestMode {
    /// To the branch.
    Direct,
    /// To a branch of our own, with a merge request.
    MergeRequest,
}

/// Settings of s3, gcs, azureblob and local.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectStoreSpec {
    /// Another name of serialization.format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// Attributes that are columns of their own in Parquet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(min = 1, max = 253)), extend("x-kubernetes-list-type" = "atomic"))]
    pub hot_attributes: Vec<String>,
    /// Region of the bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub region: Option<String>,
    /// How long superseded documents are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<RetentionSpec>,
}

/// How long superseded documents are kept. Without it: the last 10 generations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetentionSpec {
    /// Generations that are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub generations: Option<u32>,
    /// Age below which documents are kept, such as 720h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age: Option<Age>,
}

/// Settings of http.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HttpSpec {
    /// Method of the request.
    #[serde(default)]
    pub method: HttpMethod,
    /// More headers. No secrets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::texts")]
    pub headers: BTreeMap<String, String>,
    /// Send an Idempotency-Key.
    #[serde(default = "yes")]
    pub idempotency_key: bool,
}

impl Default for HttpSpec {
    fn default() -> Self {
        Self { method: HttpMethod::default(), headers: BTreeMap::new(), idempotency_key: true }
    }
}

/// Methods of http.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum HttpMethod {
    /// Replace the document.
    #[default]
    Put,
    /// Hand the document over.
    Post,
}
