//! Rows of the condition table, and how they are compared with what a cluster holds. It applies nothing.

use std::collections::BTreeMap;

use serde_json::Value;
use xtask::wait;

use super::pattern::fits;
use crate::stage::{LIMIT, Stage};

/// A condition as it should stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// `<kind>/<name>` of the platform, `apps:<kind>/<name>` of the other namespace; an entry of `status.sinkExports`
    /// follows after `#`.
    pub(super) object: &'static str,
    pub(super) condition: &'static str,
    pub(super) status: &'static str,
    pub(super) reason: &'static str,
    /// See [`fits`]; `<platform>`, `<apps>` and what the story adds are put in first.
    pub(super) message: &'static str,
}

/// A row of a table.
pub(super) const fn row(
    object: &'static str,
    condition: &'static str,
    status: &'static str,
    reason: &'static str,
    message: &'static str,
) -> Row {
    Row { object, condition, status, reason, message }
}

/// What stands for names in messages that only a run knows.
pub(super) type Names = BTreeMap<&'static str, String>;

/// Names that every story has.
pub(super) fn names(stage: &Stage) -> Names {
    Names::from([("<platform>", stage.platform.clone()), ("<apps>", stage.apps.clone())])
}

/// Waits until all rows hold at once. Fails with those that do not, as the cluster has them.
pub(super) fn hold(stage: &Stage, rows: &[Row], names: &Names) {
    let mut wrong = Vec::new();
    let held = wait::until("the table of conditions holds", LIMIT, || {
        let found = conditions(stage)?;
        wrong = rows.iter().filter_map(|row| differs(row, &found, names)).collect();
        Ok(wrong.is_empty().then_some(()))
    });
    if held.is_err() {
        panic!("{} of {} rows differ:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
    }
}

type Found = BTreeMap<String, Value>;

/// Every condition of both namespaces, by object and type.
fn conditions(stage: &Stage) -> anyhow::Result<Found> {
    let mut found = Found::new();
    for (prefix, namespace) in [("", &stage.platform), ("apps:", &stage.apps)] {
        let list = stage.kubectl.get(&["-n", namespace, "kollect"])?;
        for object in list["items"].as_array().into_iter().flatten() {
            let kind = object["kind"].as_str().unwrap_or_default().to_lowercase();
            let name = format!("{prefix}{kind}/{}", object["metadata"]["name"].as_str().unwrap_or_default());
            collect(&mut found, &name, &object["status"]);
            for entry in object["status"]["sinkExports"].as_array().into_iter().flatten() {
                let entry_name = entry["name"].as_str().unwrap_or_default();
                collect(&mut found, &format!("{name}#{entry_name}"), entry);
            }
        }
    }
    Ok(found)
}

fn collect(found: &mut Found, name: &str, status: &Value) {
    for condition in status["conditions"].as_array().into_iter().flatten() {
        let type_ = condition["type"].as_str().unwrap_or_default();
        found.insert(format!("{name} {type_}"), condition.clone());
    }
}

fn differs(row: &Row, found: &Found, names: &Names) -> Option<String> {
    let key = format!("{} {}", row.object, row.condition);
    let Some(condition) = found.get(&key) else { return Some(format!("{key}: is not there")) };
    let text = |field: &str| condition[field].as_str().unwrap_or_default();
    let wanted =
        names.iter().fold(row.message.to_string(), |message, (name, value)| message.replace(name, value));
    let same = text("status") == row.status && text("reason") == row.reason;
    (!same || !fits(&wanted, text("message"))).then(|| {
        format!(
            "{key}\n  wanted {} {} {wanted:?}\n  found  {} {} {:?}",
            row.status,
            row.reason,
            text("status"),
            text("reason"),
            text("message")
        )
    })
}
