//! Rules of the three sink kinds. Endpoints, options and Secrets are judged by the backends.

use super::Violation;
use crate::layout::Format;
use crate::sink::database::DatabaseType;
use crate::sink::event::EventType;
use crate::sink::snapshot::SnapshotType;
use crate::sink::{DatabaseSinkSpec, EventSinkSpec, SinkCommon, SnapshotSinkSpec};

const ALL_FORMATS: &[Format] = &[Format::Json, Format::Yaml, Format::Ndjson, Format::Csv, Format::Parquet];
const TEXT_FORMATS: &[Format] = &[Format::Json, Format::Yaml, Format::Ndjson, Format::Csv];
const HTTP_FORMATS: &[Format] = &[Format::Json, Format::Ndjson];
const JSON_ONLY: &[Format] = &[Format::Json];

const DOCUMENT_FIELDS: &[&str] = &["cluster", "namespace", "name", "generation", "extension"];
const OBJECT_FIELDS: &[&str] = &[
    "cluster",
    "namespace",
    "name",
    "generation",
    "extension",
    "targetNamespace",
    "targetName",
    "sourceNamespace",
    "sourceName",
    "group",
    "kind",
    "uid",
];

pub(crate) fn snapshot_rules(spec: &SnapshotSinkSpec) -> Vec<Violation> {
    let common = spec.common();
    let git = matches!(spec.type_, SnapshotType::Git | SnapshotType::Gitlab);
    let http = spec.type_ == SnapshotType::Http;
    let formats = match spec.type_ {
        SnapshotType::Git | SnapshotType::Gitlab => TEXT_FORMATS,
        SnapshotType::Http => HTTP_FORMATS,
        SnapshotType::S3 | SnapshotType::Gcs | SnapshotType::Azureblob | SnapshotType::Local => ALL_FORMATS,
    };
    let blocks = [
        Block { field: "git", stated: spec.git.is_some(), fits: git, needed: false },
        Block {
            field: "gitlab",
            stated: spec.gitlab.is_some(),
            fits: spec.type_ == SnapshotType::Gitlab,
            needed: false,
        },
        Block {
            field: "objectStore",
            stated: spec.object_store.is_some(),
            fits: !git && !http,
            needed: false,
        },
        Block { field: "http", stated: spec.http.is_some(), fits: http, needed: false },
    ];
    let mut found = blocks_fit(spec.type_.as_str(), &blocks);
    // A folder without one is that of the sink's namespace.
    if spec.type_ != SnapshotType::Local || spec.endpoint.is_some() {
        found.extend(endpoint_present(spec.type_.as_str(), &common));
    }
    found.extend(local_endpoint_is_relative(spec));
    found.extend(formats_agree(spec));
    found.extend(format_fits(spec.type_.as_str(), &common, formats));
    found.extend(common_rules(&common));
    found
}

pub(crate) fn database_rules(spec: &DatabaseSinkSpec) -> Vec<Violation> {
    let block = |field, stated, type_| {
        let fits = spec.type_ == type_;
        Block { field, stated, fits, needed: fits }
    };
    let blocks = [
        block("postgres", spec.postgres.is_some(), DatabaseType::Postgres),
        block("mongodb", spec.mongodb.is_some(), DatabaseType::Mongodb),
        block("bigquery", spec.bigquery.is_some(), DatabaseType::Bigquery),
    ];
    let common = spec.common();
    let mut found = blocks_fit(spec.type_.as_str(), &blocks);
    found.extend(format_fits(spec.type_.as_str(), &common, JSON_ONLY));
    found.extend(common_rules(&common));
    found
}

pub(crate) fn event_rules(spec: &EventSinkSpec) -> Vec<Violation> {
    let block = |field, stated, type_| {
        let fits = spec.type_ == type_;
        Block { field, stated, fits, needed: fits }
    };
    let blocks = [
        block("nats", spec.nats.is_some(), EventType::Nats),
        block("kafka", spec.kafka.is_some(), EventType::Kafka),
    ];
    let common = spec.common();
    let mut found = blocks_fit(spec.type_.as_str(), &blocks);
    if spec.type_ == EventType::Nats && spec.nats.as_ref().is_some_and(|nats| nats.url.is_none()) {
        found.extend(endpoint_present(spec.type_.as_str(), &common));
    }
    found.extend(format_fits(spec.type_.as_str(), &common, JSON_ONLY));
    found.extend(common_rules(&common));
    found
}

/// One of the blocks of a kind, and what the type says about it.
struct Block {
    field: &'static str,
    stated: bool,
    fits: bool,
    needed: bool,
}

fn blocks_fit(type_: &str, blocks: &[Block]) -> Vec<Violation> {
    let judge = |block: &Block| match block {
        Block { stated: true, fits: false, .. } => Some(format!("is not for type {type_}; remove it")),
        Block { stated: false, needed: true, .. } => Some(format!("is needed for type {type_}")),
        _ => None,
    };
    let wrong = blocks.iter().filter_map(|block| judge(block).map(|message| (block.field, message)));
    wrong.map(|(field, message)| Violation::new(format!("spec.{field}"), message)).collect()
}

fn endpoint_present(type_: &str, common: &SinkCommon) -> Vec<Violation> {
    if common.endpoint.as_ref().is_some_and(|endpoint| !endpoint.is_empty()) {
        return Vec::new();
    }
    vec![Violation::new("spec.endpoint", format!("is needed for type {type_}"))]
}

fn local_endpoint_is_relative(spec: &SnapshotSinkSpec) -> Vec<Violation> {
    let Some(endpoint) = spec.endpoint.as_deref().filter(|_| spec.type_ == SnapshotType::Local) else {
        return Vec::new();
    };
    if endpoint.contains("://") || !stays_below(endpoint) {
        let message = "must be a relative path without \"..\", such as exports/apps; \
            it is taken below the operator's --local-root and the sink's namespace";
        return vec![Violation::new("spec.endpoint", message)];
    }
    Vec::new()
}

/// True for a path that no reading of it leads out of the folder that it is relative to.
fn stays_below(path: &str) -> bool {
    let strange = |c: char| c.is_control() || c == '\\';
    !path.starts_with('/') && !path.contains(strange) && path.split('/').all(|segment| segment != "..")
}

fn formats_agree(spec: &SnapshotSinkSpec) -> Vec<Violation> {
    let alias = spec.object_store.as_ref().and_then(|block| block.format);
    let format = spec.serialization.as_ref().and_then(|block| block.format);
    match (alias, format) {
        (Some(alias), Some(format)) if alias != format => {
            let message = format!(
                "is {}, and spec.serialization.format is {}; state one",
                alias.as_str(),
                format.as_str()
            );
            vec![Violation::new("spec.objectStore.format", message)]
        }
        _ => Vec::new(),
    }
}

fn format_fits(type_: &str, common: &SinkCommon, known: &[Format]) -> Vec<Violation> {
    let format = common.serialization.as_ref().and_then(|block| block.format);
    match format {
        Some(format) if !known.contains(&format) => {
            let words: Vec<_> = known.iter().map(|format| format.as_str()).collect();
            let message = format!("{} is not for type {type_}; write {}", format.as_str(), words.join(", "));
            vec![Violation::new("spec.serialization.format", message)]
        }
        _ => Vec::new(),
    }
}

fn common_rules(common: &SinkCommon) -> Vec<Violation> {
    [cluster_is_a_name, path_templates_fit, one_authority].iter().flat_map(|rule| rule(common)).collect()
}

fn cluster_is_a_name(common: &SinkCommon) -> Vec<Violation> {
    let Some(cluster) = &common.cluster else { return Vec::new() };
    let letters = cluster.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    if letters && cluster.len() <= 63 && !matches!(cluster.as_str(), "." | ".." | "_") {
        return Vec::new();
    }
    let message =
        "must be at most 63 letters, digits, dots, dashes and underscores, and not \".\", \"..\" or \"_\"";
    vec![Violation::new("spec.cluster", message)]
}

fn path_templates_fit(common: &SinkCommon) -> Vec<Violation> {
    let layout = common.layout.as_ref();
    let templates = [
        ("spec.pathTemplate", common.path_template.as_deref(), DOCUMENT_FIELDS, &["namespace", "name"][..]),
        ("spec.layout.pathTemplate", layout.and_then(|it| it.path_template.as_deref()), OBJECT_FIELDS, &[]),
        (
            "spec.layout.index.pathTemplate",
            layout.and_then(|it| it.index.path_template.as_deref()),
            DOCUMENT_FIELDS,
            &["namespace", "name"],
        ),
    ];
    let stated = templates.into_iter().filter_map(|(path, template, known, needed)| {
        template_fits(template?, known, needed).err().map(|message| Violation::new(path, message))
    });
    stated.collect()
}

fn template_fits(template: &str, known: &[&str], needed: &[&str]) -> Result<(), String> {
    if !stays_below(template) {
        return Err("must be a relative path without \"..\"".to_owned());
    }
    if !braces_hold(template, known) {
        return Err(format!("braces may hold {} and nothing else", braced(known)));
    }
    if needed.iter().any(|field| !template.contains(&format!("{{{field}}}"))) {
        return Err("must hold {namespace} and {name}, or inventories would share a path".to_owned());
    }
    Ok(())
}

fn braces_hold(template: &str, known: &[&str]) -> bool {
    let mut parts = template.split('{');
    let first = parts.next().unwrap_or_default();
    !first.contains('}')
        && parts.all(|part| match part.split_once('}') {
            Some((field, text)) => known.contains(&field) && !text.contains('}'),
            None => false,
        })
}

fn braced(fields: &[&str]) -> String {
    fields.iter().map(|field| format!("{{{field}}}")).collect::<Vec<_>>().join(", ")
}

fn one_authority(common: &SinkCommon) -> Vec<Violation> {
    let both = common.tls.as_ref().is_some_and(|tls| tls.ca_bundle.is_some() && tls.ca_secret_ref.is_some());
    if !both {
        return Vec::new();
    }
    vec![Violation::new("spec.tls.caBundle", "cannot stand beside caSecretRef; remove one")]
}

#[cfg(test)]
mod tests;
