//! What is compared: each chosen inventory with each of its chosen sinks, opened as the operator opens them. It
//! reads no rows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kollect_sink_core::{Scope, Sink};

use super::error::Error;
use crate::engine::CollectionDefaults;
use crate::error::chain;
use crate::export::connection::SinkObject;
use crate::export::secrets::Secrets;
use crate::export::settings::ExportSettings;
use crate::index::{ExportId, Index, InventoryPhase, ObjectName, Resolution, Resolver, SinkId};
use crate::reconcile::exports;
use crate::sinks::{self, Description};

/// Which inventories and sinks the user wants; an empty set is all.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Namespaces of inventories.
    pub namespaces: BTreeSet<String>,
    /// Inventories, as `name` or `namespace/name`.
    pub inventories: BTreeSet<String>,
    /// Sinks, as `name` or `namespace/name`.
    pub sinks: BTreeSet<String>,
}

/// An inventory and one of its sinks.
#[derive(Debug)]
pub struct Subject {
    /// Which.
    pub id: ExportId,
    /// The sink, or why it cannot be used.
    pub sink: Result<Opened, String>,
}

/// A sink that can be read.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The sink.
    pub sink: Arc<dyn Sink>,
    /// What it holds of the inventory.
    pub scope: Scope,
}

/// A sink and the cluster's name under which it is written, or why it cannot be used.
type Named = Result<(Arc<dyn Sink>, String), String>;

/// An inventory that is not compared with any sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Which.
    pub inventory: ObjectName,
    /// Why.
    pub why: String,
    /// Whether that is as its owner wants it.
    pub intended: bool,
}

/// What follows from a choice.
#[derive(Debug, Default)]
pub struct Chosen {
    /// The objects that matter: no others are collected for.
    pub index: Index,
    /// Inventories that are not compared.
    pub left_out: Vec<LeftOut>,
    exports: Vec<ExportId>,
}

impl Chosen {
    /// Applies a choice to the objects that there are.
    ///
    /// # Errors
    /// A name that was asked for does not exist, or nothing is left to compare.
    pub fn of(mut index: Index, choice: &Choice, defaults: &CollectionDefaults) -> Result<Self, Error> {
        let resolution = Resolver::new(defaults.clone()).resolve(&index);
        let within =
            |name: &ObjectName| choice.namespaces.is_empty() || choice.namespaces.contains(&name.namespace);
        let all: Vec<&ObjectName> = resolution.inventories.keys().filter(|name| within(name)).collect();
        let inventories = pick("inventory", &choice.inventories, &all)?;
        let (exports, left_out) = exports_of(&resolution, &inventories);
        let sinks: Vec<&ObjectName> = exports.iter().map(|export| &export.sink.name).collect();
        let sinks = pick("sink", &choice.sinks, &sinks)?;
        let exports: Vec<ExportId> =
            exports.iter().filter(|export| sinks.contains(&export.sink.name)).cloned().collect();
        let compared: BTreeSet<ObjectName> = exports.iter().map(|export| export.inventory.clone()).collect();
        let members = compared.iter().filter_map(|name| resolution.inventories.get(name));
        let members: BTreeSet<ObjectName> =
            members.flat_map(|inventory| &inventory.members).map(ObjectName::from).collect();
        index.inventories.retain(&compared);
        index.cluster_inventories.retain(&compared);
        index.targets.retain(&members);
        index.cluster_targets.retain(&members);
        if exports.is_empty() && left_out.iter().all(|left| left.intended) {
            return Err(Error::Nothing("no inventory has a sink, or all are suspended or being deleted"));
        }
        Ok(Self { index, left_out, exports })
    }

    /// Opens the sinks. One that cannot be used costs no other.
    pub async fn open(&self, secrets: &Secrets, settings: &ExportSettings) -> Vec<Subject> {
        let objects = exports::sinks(&self.index);
        let mut opened: BTreeMap<&SinkId, Named> = BTreeMap::new();
        for export in &self.exports {
            if !opened.contains_key(&export.sink) {
                let sink = open(&export.sink, objects.get(&export.sink), secrets, settings).await;
                opened.insert(&export.sink, sink);
            }
        }
        let subject = |export: &ExportId| {
            let ObjectName { namespace, name } = &export.inventory;
            let sink = opened.get(&export.sink).cloned().unwrap_or_else(|| Err(String::new()));
            let sink =
                sink.map(|(sink, cluster)| Opened { sink, scope: Scope::new(&cluster, namespace, name) });
            Subject { id: export.clone(), sink }
        };
        self.exports.iter().map(subject).collect()
    }
}

/// Opens one sink.
async fn open(
    id: &SinkId,
    object: Option<&SinkObject>,
    secrets: &Secrets,
    settings: &ExportSettings,
) -> Named {
    let object = object.ok_or_else(|| format!("{id} does not exist"))?;
    let spec = object.spec.as_ref().map_err(Clone::clone)?;
    let found = secrets.resolve(&id.name.namespace, spec.secrets()).await;
    let found = found.map_err(|error| chain(&error))?;
    let sink = sinks::build(Description { name: &id.name, spec, secrets: &found, settings });
    let cluster = spec.common().cluster.unwrap_or_else(|| settings.cluster_name.clone());
    sink.map(|sink| (sink, cluster)).map_err(|error| chain(&error))
}

fn exports_of(resolution: &Resolution, chosen: &BTreeSet<ObjectName>) -> (Vec<ExportId>, Vec<LeftOut>) {
    let (mut exports, mut left_out) = (Vec::new(), Vec::new());
    for (name, inventory) in resolution.inventories.iter().filter(|(name, _)| chosen.contains(name)) {
        let (why, intended) = match &inventory.phase {
            InventoryPhase::Active if !inventory.exports.is_empty() => {
                exports.extend(
                    inventory
                        .exports
                        .iter()
                        .map(|export| ExportId { inventory: name.clone(), sink: export.sink.clone() }),
                );
                continue;
            }
            InventoryPhase::Active => ("it names no sink".to_owned(), true),
            InventoryPhase::Suspended => {
                ("it is suspended (spec.suspend): sinks stay as they are".to_owned(), true)
            }
            InventoryPhase::Deleting { .. } => ("it is being deleted".to_owned(), true),
            InventoryPhase::Invalid(why) => (format!("it is not valid: {why}"), false),
        };
        left_out.push(LeftOut { inventory: name.clone(), why, intended });
    }
    (exports, left_out)
}

/// The names that are wanted; all where none is.
///
/// # Errors
/// One that is wanted is not there.
pub(crate) fn pick(
    what: &'static str,
    wanted: &BTreeSet<String>,
    there: &[&ObjectName],
) -> Result<BTreeSet<ObjectName>, Error> {
    let is = |name: &ObjectName, wanted: &str| name.name == wanted || name.to_string() == wanted;
    if let Some(missing) = wanted.iter().find(|wanted| !there.iter().any(|name| is(name, wanted))) {
        let there: BTreeSet<String> = there.iter().map(ToString::to_string).collect();
        return Err(Error::NoSuch { what, name: missing.clone(), there: there.into_iter().collect() });
    }
    let picked = there.iter().filter(|name| wanted.is_empty() || wanted.iter().any(|one| is(name, one)));
    Ok(picked.map(|name| (*name).clone()).collect())
}
