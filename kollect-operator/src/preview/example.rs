//! Rows that stand for those that an inventory may hold: one of each kind that its targets collect, named `example`.
//! They are made of profiles and targets, and hold nothing of any object.

use std::collections::BTreeSet;
use std::sync::Arc;

use kollect_sink_core::{ColumnType, Identity, Origin, Row, Schema, Target};

use crate::engine::{CompiledTarget, Kind};
use crate::index::{ObjectName, Resolution, ResolvedTarget};

/// What everything that is made up is called.
pub const NAME: &str = "example";

/// The inventory that stands for those to come, where none names the sink yet.
pub fn inventory(sink: &ObjectName) -> ObjectName {
    ObjectName::new(&sink.namespace, NAME)
}

/// Up to `limit` rows of an inventory with these members, ascending by key. Where nothing is collected for it, one of
/// a ConfigMap.
pub fn rows(
    inventory: &ObjectName,
    members: Option<&BTreeSet<Target>>,
    resolution: &Resolution,
    limit: usize,
) -> Vec<Row> {
    let is_member = |target: &Target| members.is_some_and(|members| members.contains(target));
    let collecting = resolution.targets.values().filter_map(|target| match target {
        ResolvedTarget::Collecting(compiled) if is_member(&compiled.target) => Some(compiled),
        _ => None,
    });
    let mut rows: Vec<Row> = collecting.flat_map(|target| of_target(target)).collect();
    if rows.is_empty() {
        let target = Target::new(&inventory.namespace, NAME);
        rows.extend(row(target, &Kind::new("", "v1", "ConfigMap"), 1, &Schema::default()));
    }
    rows.sort_by(|left, right| left.key().cmp(&right.key()));
    rows.truncate(limit);
    rows
}

fn of_target(target: &CompiledTarget) -> Vec<Row> {
    let kinds = target.kinds.values().zip(1..);
    let rows = kinds
        .map(|(profile, number)| row(target.target.clone(), &profile.kind, number, profile.plan.schema()));
    rows.flatten().collect()
}

/// None where a name could not be part of any row's identity.
fn row(target: Target, kind: &Kind, number: u32, schema: &Schema) -> Option<Row> {
    let Kind { group, version, kind } = kind.clone();
    let origin = Arc::new(Origin { target, group, version, kind });
    let uid = format!("00000000-0000-0000-0000-{number:012}");
    let identity = Identity::new(origin, NAME.into(), NAME, &uid).ok()?;
    Some(Row::new(identity, attributes(schema)))
}

/// A value for each typed attribute, as canonical JSON: columns are sorted by name.
fn attributes(schema: &Schema) -> String {
    let mut json = b"{".to_vec();
    for column in schema.columns() {
        if json.len() > 1 {
            json.push(b',');
        }
        kollect_sink_core::item::write_string(&column.name, &mut json);
        json.push(b':');
        json.extend_from_slice(value(column.column_type).as_bytes());
    }
    json.push(b'}');
    String::from_utf8(json).unwrap_or_else(|_| "{}".to_owned())
}

fn value(column_type: ColumnType) -> &'static str {
    match column_type {
        ColumnType::String => r#""text""#,
        ColumnType::Int => "1",
        ColumnType::Number => "0.5",
        ColumnType::Bool => "true",
        ColumnType::Timestamp => r#""2026-01-31T10:00:00Z""#,
        ColumnType::List => "[]",
        ColumnType::Map => "{}",
        ColumnType::Json => "null",
    }
}

#[cfg(test)]
mod tests {
    use kube::api::DynamicObject;
    use serde_json::{Value, json};

    use super::*;
    use crate::engine::CollectionDefaults;
    use crate::index::{Index, Resolver};

    fn index(objects: &[(&str, &str, Value)]) -> Index {
        let mut index = Index::default();
        for (kind, name, spec) in objects {
            let object: DynamicObject = serde_json::from_value(json!({
                "apiVersion": "kollect.dev/v1alpha1", "kind": kind,
                "metadata": {"name": name, "namespace": "team"}, "spec": spec,
            }))
            .unwrap();
            index.apply(kind, &object);
        }
        index
    }

    fn made(rows: &[Row]) -> Vec<String> {
        rows.iter().map(|row| format!("{:?} {}", row.identity(), row.attributes())).collect()
    }

    #[test]
    fn a_row_for_each_kind_of_each_member_and_nobody_elses() {
        let gvk = |kind: &str| json!({"group": "apps", "version": "v1", "kind": kind});
        let attributes: Vec<Value> = ["string", "int", "number", "bool", "timestamp", "list", "map", "json"]
            .iter()
            .map(|type_| json!({"name": format!("a-{type_}"), "path": "{.a}", "type": type_}))
            .collect();
        let rules = json!([{"gvk": gvk("Deployment")}, {"gvk": gvk("StatefulSet")}]);
        let index = index(&[
            ("KollectProfile", "p", json!({"targetGVK": gvk("Deployment"), "attributes": attributes})),
            ("KollectTarget", "one", json!({"profileRef": "p", "resourceRules": rules})),
            ("KollectTarget", "other", json!({"profileRef": "p"})),
            ("KollectTarget", "broken", json!({"profileRef": "absent"})),
        ]);
        let resolution = Resolver::new(CollectionDefaults::default()).resolve(&index);
        let named = ObjectName::new("team", "all");
        let members = |names: &[&str]| names.iter().map(|name| Target::new("team", name)).collect();
        let values = "{\"a-bool\":true,\"a-int\":1,\"a-json\":null,\"a-list\":[],\"a-map\":{},\"a-number\":0.5,\
                      \"a-string\":\"text\",\"a-timestamp\":\"2026-01-31T10:00:00Z\"}";
        assert_eq!(
            made(&rows(&named, Some(&members(&["one", "broken"])), &resolution, 3)),
            [
                format!(
                    "team/one: Deployment example/example (00000000-0000-0000-0000-000000000001) {values}"
                ),
                format!(
                    "team/one: StatefulSet example/example (00000000-0000-0000-0000-000000000002) {values}"
                ),
            ]
        );
        assert_eq!(rows(&named, Some(&members(&["one", "other"])), &resolution, 2).len(), 2);
        for nothing in [None, Some(&members(&["broken"]))] {
            assert_eq!(
                made(&rows(&named, nothing, &resolution, 3)),
                ["team/example: ConfigMap example/example (00000000-0000-0000-0000-000000000001) {}"]
            );
        }
    }
}
