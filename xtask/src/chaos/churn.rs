//! Makes the drawn changes at the API server, at a steady rate, from several threads; each owns a shard of the model.
//! It goes around the operator's relays, and repeats what a dying server did not answer.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::json;

use super::change::{Change, Changes};
use super::dice::Dice;
use super::model::{Kind, Model, NAMESPACE_LABEL, yes};
use crate::e2e::Proxy;

/// Threads that change objects.
const SHARDS: u64 = 4;

/// Namespaces of the first shard begin so.
pub const FROZEN: &str = "chaos-0-";

/// How long a change may be refused: longer than any server is away.
const PATIENCE: Duration = Duration::from_secs(90);

/// Changes under way. Dropping it ends them.
#[derive(Debug)]
pub struct Churn {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    proxy: Proxy,
    shards: Vec<Mutex<Shard>>,
    moves: Mutex<Moves>,
    moved: Condvar,
    made: AtomicU64,
    widgets: AtomicBool,
    frozen: AtomicBool,
    gap: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moves {
    Pause,
    Go,
    End,
}

#[derive(Debug)]
struct Shard {
    changes: Changes,
    model: Model,
    failed: Option<anyhow::Error>,
}

impl Churn {
    /// Fills the cluster, then pauses. `rate` is in changes per second.
    ///
    /// # Errors
    /// If the API server refuses a change.
    pub fn start(proxy: Proxy, seed: u64, rate: u32) -> Result<Self> {
        let mut dice = Dice::new(seed);
        let shards = (0..SHARDS)
            .map(|shard| {
                let changes = Changes::new(dice.roll(), &format!("chaos-{shard}"));
                Mutex::new(Shard { changes, model: Model::default(), failed: None })
            })
            .collect();
        let shared = Arc::new(Shared {
            proxy,
            shards,
            moves: Mutex::new(Moves::Pause),
            moved: Condvar::new(),
            made: AtomicU64::new(0),
            widgets: AtomicBool::new(true),
            frozen: AtomicBool::new(false),
            gap: Duration::from_secs_f64(SHARDS as f64 / f64::from(rate.max(1))),
        });
        thread::scope(|scope| {
            let fills: Vec<_> =
                shared.shards.iter().map(|shard| scope.spawn(|| shared.fill(shard))).collect();
            fills.into_iter().try_for_each(|fill| fill.join().map_err(|_| anyhow!("a filler ended early"))?)
        })?;
        let threads = (0..shared.shards.len())
            .map(|at| {
                let shared = shared.clone();
                thread::spawn(move || shared.work(at))
            })
            .collect();
        Ok(Self { shared, threads })
    }

    /// Lets the changes go on.
    pub fn resume(&self) {
        self.shared.set(Moves::Go);
    }

    /// Stops after the changes that are under way, and tells what the cluster should hold now.
    ///
    /// # Errors
    /// If the API server refused a change for good.
    pub fn pause(&self) -> Result<Model> {
        self.shared.set(Moves::Pause);
        let mut all = Model::default();
        for shard in &self.shared.shards {
            let mut shard = lock(shard);
            if let Some(error) = shard.failed.take() {
                return Err(error.context("the harness could not change an object"));
            }
            all.merge(shard.model.clone());
        }
        Ok(all)
    }

    /// Lets the objects of [`FROZEN`] be as they are, while all others go on changing.
    pub fn freeze(&self) {
        self.shared.frozen.store(true, Ordering::SeqCst);
        drop(self.shared.shards.first().map(lock));
    }

    /// Ends that.
    pub fn thaw(&self) {
        self.shared.frozen.store(false, Ordering::SeqCst);
    }

    /// Changes made so far.
    #[must_use]
    pub fn made(&self) -> u64 {
        self.shared.made.load(Ordering::Relaxed)
    }

    /// Makes changes of our own in one namespace, such as those of a fault, beside the drawn ones; makes the namespace
    /// first, which belongs to the shard that its name says.
    ///
    /// # Errors
    /// If there is no such shard, or the API server refuses a change.
    pub fn make(&self, namespace: &str, changes: impl IntoIterator<Item = Change>) -> Result<()> {
        let of = |at: &usize| namespace.starts_with(&format!("chaos-{at}-"));
        let shard = (0..self.shared.shards.len()).find(of).and_then(|at| self.shared.shards.get(at));
        // Held throughout: a drawn change must not come between.
        let mut shard = lock(shard.with_context(|| format!("namespace {namespace} is in no shard"))?);
        let first = Change::PutNamespace { name: namespace.to_string(), selected: true };
        [first].into_iter().chain(changes).try_for_each(|change| {
            self.shared.send(&change)?;
            shard.model.apply(change);
            Ok(())
        })
    }

    /// Takes a namespace out of the model; whoever calls deletes it.
    pub fn forget(&self, namespace: &str) {
        for shard in &self.shared.shards {
            lock(shard).model.namespaces.remove(namespace);
        }
    }

    /// From now on there is no custom kind, and none of its objects.
    pub fn without_widgets(&self) {
        self.shared.widgets.store(false, Ordering::SeqCst);
        for shard in &self.shared.shards {
            lock(shard).model.without(Kind::Widget);
        }
    }

    /// From now on there is the custom kind again.
    pub fn with_widgets(&self) {
        self.shared.widgets.store(true, Ordering::SeqCst);
    }
}

impl Drop for Churn {
    fn drop(&mut self) {
        self.shared.set(Moves::End);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn set(&self, moves: Moves) {
        *self.moves.lock().unwrap_or_else(PoisonError::into_inner) = moves;
        self.moved.notify_all();
    }

    fn moves(&self) -> Moves {
        *self.moves.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits while it is paused.
    fn wait(&self) -> Moves {
        let moves = self.moves.lock().unwrap_or_else(PoisonError::into_inner);
        *self.moved.wait_while(moves, |moves| *moves == Moves::Pause).unwrap_or_else(PoisonError::into_inner)
    }

    fn fill(&self, shard: &Mutex<Shard>) -> Result<()> {
        let mut shard = lock(shard);
        // Until deletions are as frequent as creations.
        for _ in 0..2 * super::change::OBJECTS {
            self.step(&mut shard)?;
        }
        Ok(())
    }

    fn work(&self, at: usize) {
        let Some(shard) = self.shards.get(at) else { return };
        let mut due = Instant::now();
        while self.wait() == Moves::Go {
            {
                let mut shard = lock(shard);
                // Whoever pauses takes the lock after he said so: what he reads then is final.
                let frozen = at == 0 && self.frozen.load(Ordering::SeqCst);
                if self.moves() != Moves::Go || frozen || shard.failed.is_some() {
                    drop(shard);
                    thread::sleep(Duration::from_millis(5));
                    continue;
                }
                if let Err(error) = self.step(&mut shard) {
                    shard.failed = Some(error);
                }
            }
            // After a pause or an outage it goes on at its rate, and does not make up for it.
            due = (due + self.gap).max(Instant::now() - Duration::from_millis(100));
            thread::sleep(due.saturating_duration_since(Instant::now()));
        }
    }

    fn step(&self, shard: &mut Shard) -> Result<()> {
        let all = [Kind::ConfigMap, Kind::Widget];
        let kinds = if self.widgets.load(Ordering::SeqCst) { &all[..] } else { &all[..1] };
        let change = shard.changes.draw(&shard.model, kinds);
        self.send(&change)?;
        shard.model.apply(change);
        self.made.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Sends a change until it is answered: one that was made without an answer is made again without harm.
    fn send(&self, change: &Change) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        loop {
            let last = match self.attempt(change) {
                Ok(None) => return Ok(()),
                Ok(Some((status, answer))) if status < 500 && !matches!(status, 409 | 429) => {
                    bail!("{change:?}: {status} {answer}")
                }
                Ok(Some((status, answer))) => format!("{status} {answer}"),
                Err(error) => format!("{error:#}"),
            };
            if Instant::now() > end {
                bail!("{change:?}: {last}");
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// One try; an answer that is neither success nor "so it is already" is returned.
    fn attempt(&self, change: &Change) -> Result<Option<(u16, String)>> {
        const MERGE: &str = "application/merge-patch+json";
        const JSON: &str = "application/json";
        let (collection, name, manifest) = match change {
            Change::Put { kind, namespace, name, object } => {
                let manifest = object.manifest(*kind, namespace, name);
                (kind.path(Some(namespace)), name, Some(manifest))
            }
            Change::Delete { kind, namespace, name } => (kind.path(Some(namespace)), name, None),
            Change::PutNamespace { name, selected } => {
                let labels = json!({(NAMESPACE_LABEL): yes(*selected)});
                let manifest = json!({"apiVersion": "v1", "kind": "Namespace",
                    "metadata": {"name": name, "labels": labels}});
                ("/api/v1/namespaces".to_string(), name, Some(manifest))
            }
            Change::DropNamespace { name } => ("/api/v1/namespaces".to_string(), name, None),
        };
        let one = format!("{collection}/{name}");
        let (status, answer) = match manifest {
            Some(manifest) => {
                let manifest = manifest.to_string();
                match self.proxy.request("PATCH", &one, MERGE, &manifest)? {
                    (404, _) => self.proxy.request("POST", &collection, JSON, &manifest)?,
                    answered => answered,
                }
            }
            None => match self.proxy.request("DELETE", &one, JSON, "")? {
                (404, _) => return Ok(None),
                answered => answered,
            },
        };
        Ok((!(200..300).contains(&status)).then_some((status, answer)))
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
