//! One pass over one source: the engine and store behind it, and what has been read and found so far. It does
//! not know where objects come from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use kollect_sink_core::{Schema, Target, View};
use kollect_snapshot::{InventoryId, InventoryView, ListId, ListScope, Store};

use super::finding::{Finding, Findings, Weight};
use super::printable::counted;
use crate::engine::{CollectionDefaults, CompiledTarget, Engine, Kind, RawObject, Via, is_cluster};
use crate::index::{Index, InventoryPhase, ObjectName, ResolvedInventory, ResolvedTarget, Resolver};

/// A kind that is collected, and for which targets.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The kind.
    pub kind: Kind,
    /// The targets whose rows are made from it.
    pub targets: Arc<[Target]>,
}

impl Wanted {
    /// For those targets only that may see objects without namespace.
    pub fn of_cluster_targets(&self) -> Self {
        let targets = self.targets.iter().filter(|target| is_cluster(target)).cloned().collect();
        Self { kind: self.kind.clone(), targets }
    }
}

/// A running pass.
#[derive(Debug)]
pub struct Pass {
    /// Name of the source.
    pub cluster: String,
    /// From objects to rows.
    pub engine: Engine,
    /// What is to be told at the end.
    pub findings: Findings,
    /// Shows how far the pass is.
    pub progress: ProgressBar,
    /// The namespaces that targets name; absent where one of them looks at all.
    pub named: Option<BTreeSet<String>>,
    /// How the user names the namespaces to look at, where not all may be listed.
    pub to_name_namespaces: &'static str,
    targets: Vec<Arc<CompiledTarget>>,
    inventories: Vec<(InventoryId, ResolvedInventory, Schema)>,
    objects: AtomicU64,
    kinds_read: AtomicUsize,
    begun: Instant,
}

/// A finished pass.
#[derive(Debug)]
pub struct Gathered {
    /// Name of the source.
    pub cluster: String,
    /// The inventories, by name.
    pub inventories: Vec<(InventoryId, InventoryView)>,
    /// What is to be told.
    pub findings: Vec<Finding>,
    /// Objects that were read, those of no interest included.
    pub objects: u64,
    /// Kinds that were read, wholly or in part.
    pub kinds_read: usize,
    /// How long the pass took.
    pub took: Duration,
}

impl Gathered {
    /// Rows of all inventories.
    pub fn rows(&self) -> u64 {
        self.inventories.iter().map(|(_, view)| view.head().rows).sum()
    }

    /// Adds what went wrong after the pass.
    pub fn fail(&mut self, what: &str, why: &str) {
        self.findings.push(Finding { weight: Weight::Failed, what: what.to_owned(), why: why.to_owned() });
    }
}

/// Kinds of one list that is under way.
#[derive(Debug)]
pub struct Listing {
    id: ListId,
    targets: Arc<[Target]>,
}

impl Pass {
    /// Prepares a pass over the source named `cluster`. What of `index` cannot be collected becomes a finding.
    pub fn new(cluster: &str, index: &Index, defaults: &CollectionDefaults, progress: ProgressBar) -> Self {
        let findings = Findings::default();
        let resolution = Resolver::new(defaults.clone()).resolve(index);
        let store = Store::new();
        let mut targets = Vec::new();
        for (name, target) in &resolution.targets {
            match target {
                ResolvedTarget::Collecting(compiled) => {
                    declare(&store, compiled);
                    targets.push(compiled.clone());
                }
                ResolvedTarget::Suspended => {
                    findings.add(Weight::Skipped, format!("target {name}"), "it is suspended (spec.suspend)");
                }
                ResolvedTarget::Blocked { reason, message } => {
                    findings.add(
                        Weight::Failed,
                        format!("target {name}"),
                        format!("{}: {message}", reason.as_str()),
                    );
                }
            }
        }
        let mut inventories = Vec::new();
        for (name, inventory) in &resolution.inventories {
            match &inventory.phase {
                InventoryPhase::Active => {
                    let (schema, conflicts) = resolution.schema(inventory);
                    for column in conflicts {
                        let why =
                            format!("column {column} has several types in its profiles and becomes text");
                        findings.add(Weight::Note, format!("inventory {name}"), why);
                    }
                    if !inventory.missing.is_empty() {
                        let why = format!("its targets {} do not exist", inventory.missing.join(", "));
                        findings.add(Weight::Skipped, format!("inventory {name}"), why);
                    }
                    let id = InventoryId::new(&name.namespace, &name.name);
                    inventories.push((id, inventory.clone(), schema));
                }
                InventoryPhase::Suspended => {
                    findings.add(
                        Weight::Skipped,
                        format!("inventory {name}"),
                        "it is suspended (spec.suspend)",
                    );
                }
                InventoryPhase::Invalid(why) => {
                    findings.add(Weight::Failed, format!("inventory {name}"), why)
                }
                InventoryPhase::Deleting { .. } => {}
            }
        }
        let engine = Engine::new(store);
        let pass = Self {
            cluster: cluster.to_owned(),
            engine,
            findings,
            progress,
            named: named(&targets),
            to_name_namespaces: "name others by --namespace",
            targets,
            inventories,
            objects: AtomicU64::new(0),
            kinds_read: AtomicUsize::new(0),
            begun: Instant::now(),
        };
        for wanted in pass.wanted() {
            let interested = pass.targets.iter().filter(|target| wanted.targets.contains(&target.target));
            pass.engine.set_interests(wanted.kind.clone(), interested.cloned().collect());
        }
        pass
    }

    /// The kinds to collect, by name.
    pub fn wanted(&self) -> Vec<Wanted> {
        let mut kinds: BTreeMap<Kind, BTreeSet<Target>> = BTreeMap::new();
        for target in &self.targets {
            for kind in target.watched() {
                kinds.entry(kind.clone()).or_default().insert(target.target.clone());
            }
        }
        kinds
            .into_iter()
            .map(|(kind, targets)| Wanted { kind, targets: targets.into_iter().collect() })
            .collect()
    }

    /// Whether any target looks at objects of this namespace.
    pub fn selects_namespace(&self, wanted: &Wanted, namespace: &str) -> bool {
        let facts = self.engine.namespaces.get(namespace);
        let mut interested = self.targets.iter().filter(|target| wanted.targets.contains(&target.target));
        interested.any(|target| target.selection.selects_namespace(namespace, &facts))
    }

    /// Begins to list a kind.
    pub fn begin(&self, wanted: &Wanted) -> Listing {
        let scope =
            ListScope { kind: wanted.kind.group_kind(), targets: wanted.targets.to_vec(), namespace: None };
        Listing { id: self.engine.store().begin_list(scope), targets: wanted.targets.clone() }
    }

    /// Takes one object of a list.
    pub fn observe(&self, listing: &Listing, kind: &Kind, object: &RawObject) {
        self.engine.observe(kind, object, Via::List(&listing.id, &listing.targets));
    }

    /// Ends a list that was read to its end: what it did not hold does not exist.
    pub fn end(&self, listing: Listing) {
        self.kinds_read.fetch_add(1, Ordering::Relaxed);
        self.engine.store().end_list(listing.id);
    }

    /// Ends a list that is not all there is: its rows stay, and what it lacks is unknown.
    pub fn leave_open(&self, listing: Listing) {
        self.kinds_read.fetch_add(1, Ordering::Relaxed);
        self.fail(listing);
    }

    /// Ends a list that failed. What it brought stays.
    pub fn fail(&self, listing: Listing) {
        self.engine.store().abort_list(listing.id);
    }

    /// Counts objects that were read.
    pub fn count(&self, objects: u64) {
        self.objects.fetch_add(objects, Ordering::Relaxed);
        self.progress.inc(objects);
    }

    /// Objects read so far.
    pub fn objects(&self) -> u64 {
        self.objects.load(Ordering::Relaxed)
    }

    /// Ends the pass.
    pub fn finish(self) -> Gathered {
        for target in &self.targets {
            let failures = target.stats.failures();
            if failures > 0 {
                let last = target.stats.last().unwrap_or_default();
                let what = format!("target {}", ObjectName::from(&target.target));
                self.findings.add(
                    Weight::Failed,
                    what,
                    format!("{} not extracted; the last: {last}", counted(failures, "value")),
                );
            }
        }
        let store = self.engine.store();
        // Which namespaces an inventory shows is known now that they were read.
        let view = |(id, inventory, schema): (InventoryId, ResolvedInventory, Schema)| {
            store.set_inventory(&id, inventory.contents(&self.engine.namespaces), Arc::new(schema));
            store.view(&id).map(|view| (id, view))
        };
        let inventories = self.inventories.into_iter().filter_map(view).collect();
        self.progress.finish_and_clear();
        Gathered {
            cluster: self.cluster,
            inventories,
            findings: self.findings.into_vec(),
            objects: self.objects.into_inner(),
            kinds_read: self.kinds_read.into_inner(),
            took: self.begun.elapsed(),
        }
    }
}

/// Until a kind was listed to its end, the target's rows of it are not known.
fn declare(store: &Store, target: &CompiledTarget) {
    store.declare(&target.target, target.gaps());
}

fn named(targets: &[Arc<CompiledTarget>]) -> Option<BTreeSet<String>> {
    let named: Option<Vec<BTreeSet<String>>> =
        targets.iter().map(|target| target.selection.named_namespaces()).collect();
    named.map(|named| named.into_iter().flatten().collect())
}
