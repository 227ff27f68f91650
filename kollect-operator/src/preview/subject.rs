//! What is previewed: each chosen sink with each chosen inventory that names it, or with a made-up one where none does.
//! It reads no rows.

use std::collections::{BTreeMap, BTreeSet};

use kollect_api::sink::SinkSpec;

use super::error::Error;
use super::example;
use crate::engine::CollectionDefaults;
use crate::export::connection::SinkObject;
use crate::index::{Index, InventoryPhase, ObjectName, ResolvedInventory, Resolver, SinkId};
use crate::reconcile::exports;
pub use crate::verify::subject::Choice;
use crate::verify::subject::{LeftOut, pick};

/// A sink, and an inventory that it would hold.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The sink.
    pub sink: SinkId,
    /// The inventory; absent where none names the sink.
    pub inventory: Option<ObjectName>,
    /// What the sink object says, or why that cannot be told.
    pub spec: Result<SinkSpec, String>,
}

impl Subject {
    /// The inventory's name, made up where there is none.
    pub fn scope_name(&self) -> ObjectName {
        self.inventory.clone().unwrap_or_else(|| example::inventory(&self.sink.name))
    }
}

/// What follows from a choice.
#[derive(Clone, Debug, Default)]
pub struct Chosen {
    /// Sinks with their inventories, in the order of the sinks.
    pub subjects: Vec<Subject>,
    /// Inventories of which nothing can be said.
    pub left_out: Vec<LeftOut>,
    /// The objects that matter: rows of no others have to be collected.
    pub index: Index,
}

impl Chosen {
    /// Applies a choice to the objects that there are.
    ///
    /// # Errors
    /// A name that was asked for does not exist, or there is no sink.
    pub fn of(index: &Index, choice: &Choice, defaults: &CollectionDefaults) -> Result<Self, Error> {
        let resolution = Resolver::new(defaults.clone()).resolve(index);
        let within =
            |name: &ObjectName| choice.namespaces.is_empty() || choice.namespaces.contains(&name.namespace);
        // A cluster inventory may name sinks of any namespace.
        let near = |name: &ObjectName| within(name) || name.is_cluster();
        let there: Vec<&ObjectName> = resolution.inventories.keys().filter(|name| near(name)).collect();
        let picked = pick("inventory", &choice.inventories, &there)?;
        let inventories: BTreeMap<&ObjectName, &ResolvedInventory> =
            resolution.inventories.iter().filter(|(name, _)| picked.contains(name)).collect();

        let mut objects: BTreeMap<SinkId, Option<SinkObject>> =
            exports::sinks(index).into_iter().map(|(id, object)| (id, Some(object))).collect();
        for export in inventories.values().flat_map(|inventory| &inventory.exports) {
            objects.entry(export.sink.clone()).or_insert(None);
        }
        objects.retain(|id, _| within(&id.name));
        let names: Vec<&ObjectName> = objects.keys().map(|id| &id.name).collect();
        let sinks = pick("sink", &choice.sinks, &names)?;
        objects.retain(|id, _| sinks.contains(&id.name));

        let mut subjects = Vec::new();
        for (sink, object) in objects {
            let spec = spec_of(&sink, object);
            let names = |inventory: &ResolvedInventory| inventory.exports.iter().any(|one| one.sink == sink);
            let naming = inventories.iter().filter(|(_, inventory)| names(inventory)).map(|(name, _)| *name);
            let before = subjects.len();
            let subject = |inventory| Subject { sink: sink.clone(), inventory, spec: spec.clone() };
            subjects.extend(naming.map(|name| subject(Some(name.clone()))));
            if subjects.len() == before && choice.inventories.is_empty() {
                subjects.push(subject(None));
            }
        }
        let left_out = left_out(&inventories, choice, &sinks);
        if subjects.is_empty() && left_out.is_empty() {
            return Err(Error::Nothing(
                "there is no sink; write a KollectDatabaseSink or KollectSnapshotSink",
            ));
        }
        let mut index = index.clone();
        let shown: BTreeSet<ObjectName> = subjects.iter().filter_map(|one| one.inventory.clone()).collect();
        let members = inventories.iter().filter(|(name, _)| shown.contains(name));
        let members: BTreeSet<ObjectName> =
            members.flat_map(|(_, inventory)| &inventory.members).map(ObjectName::from).collect();
        index.inventories.retain(&shown);
        index.cluster_inventories.retain(&shown);
        index.targets.retain(&members);
        index.cluster_targets.retain(&members);
        // What is not exported yet is what a preview is for.
        index.inventories.amend(|inventory| inventory.spec.suspend = false);
        index.cluster_inventories.amend(|inventory| inventory.spec.suspend = false);
        Ok(Self { subjects, left_out, index })
    }
}

fn spec_of(sink: &SinkId, object: Option<SinkObject>) -> Result<SinkSpec, String> {
    object.ok_or_else(|| format!("{sink} does not exist"))?.spec
}

/// Inventories whose sinks cannot be told or may not be used, and those that were asked for and name none.
fn left_out(
    inventories: &BTreeMap<&ObjectName, &ResolvedInventory>,
    choice: &Choice,
    sinks: &BTreeSet<ObjectName>,
) -> Vec<LeftOut> {
    let mut left_out = Vec::new();
    for (name, inventory) in inventories {
        let mut leave =
            |why: String, intended| left_out.push(LeftOut { inventory: (*name).clone(), why, intended });
        for denied in inventory.denied.iter().filter(|denied| sinks.contains(&denied.sink.name)) {
            leave(format!("{}: {}", denied.sink, denied.message), false);
        }
        match &inventory.phase {
            // One that belongs to no namespace may be none of the chosen ones' business.
            InventoryPhase::Invalid(_) if name.is_cluster() && !choice.namespaces.is_empty() => {}
            InventoryPhase::Invalid(why) => leave(format!("it is not valid: {why}"), false),
            _ if !choice.inventories.is_empty()
                && inventory.exports.is_empty()
                && inventory.denied.is_empty() =>
            {
                leave("it names no sink".to_owned(), true);
            }
            _ => {}
        }
    }
    left_out
}
