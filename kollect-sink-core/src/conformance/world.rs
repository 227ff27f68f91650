//! Lives a history: a truth, a source that sees parts of it, a driver, and the destination under test. It
//! invents no events.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::driver::{Did, Driver, Export, Situation, State};
use crate::partition::Unknown;
use crate::plan::Standing;
use crate::row::Row;
use crate::scope::Scope;
use crate::sink::Sink;

use super::faults::{Fault, Faulty};
use super::fixture::Contents;
use super::history::{History, Op, PARTITIONS, VALUES};
use super::patience::at_most;
use super::rows::{item, namespace_pattern, row};
use super::source::Source;
use super::subject::{Failure, Subject, at, driver};

/// Longer than any wait of the driver but those for the daily pass.
const TICK: i64 = 601;

pub(super) struct World<'a> {
    subject: &'a Subject<'a>,
    scope: Scope,
    refused: Option<Row>,
    truth: BTreeMap<u8, u8>,
    known: Vec<bool>,
    source: Source,
    driver: Driver,
    sink: Arc<dyn Sink>,
    requests: u32,
    clock: i64,
}

impl<'a> World<'a> {
    pub(super) fn new(subject: &'a Subject<'a>, scope: Scope) -> Result<Self, Failure> {
        subject.takes_full_states()?;
        let known = vec![false; usize::from(PARTITIONS)];
        Ok(Self {
            refused: subject.fixture.traits().refused.ok(),
            truth: BTreeMap::new(),
            source: Source::new(unknown(&known)),
            known,
            driver: driver(scope.clone()),
            sink: subject.destination.open()?,
            scope,
            subject,
            requests: 0,
            clock: 0,
        })
    }

    /// Lives through `history`, then lets everything become known, and proves that the destination converges
    /// and that a restart after that writes nothing.
    pub(super) async fn live(&mut self, history: &History) -> Result<(), Failure> {
        for (index, op) in history.0.iter().enumerate() {
            let lived = self.happen(op).await;
            lived.map_err(|failure| tell(failure, &format!("after event {index}, {op:?}")))?;
        }
        self.converge().await.map_err(|failure| tell(failure, "at the end"))
    }

    async fn happen(&mut self, op: &Op) -> Result<(), Failure> {
        match op {
            Op::Upsert { key, value } => {
                self.truth.insert(*key, *value);
                if self.knows(partition(*key)) {
                    self.source.upsert(self.row(*key, *value)?);
                }
            }
            Op::Delete { key } => {
                self.truth.remove(key);
                if self.knows(partition(*key)) {
                    self.source.remove(self.row(*key, 0)?.key());
                }
            }
            Op::Learn { partition } => self.learn(*partition)?,
            Op::Lose { partition } => {
                self.set_known(*partition, false);
                self.source.set_unknown(unknown(&self.known));
            }
            Op::Restart => self.restart()?,
            Op::CutJournal => self.source.truncate_journal(),
            Op::Request => self.requests += 1,
            Op::Wait => self.clock += 24 * 60 * 60,
            Op::Step { faults, polls } => drop(self.step(faults, polls.map(usize::from)).await?),
        }
        Ok(())
    }

    fn restart(&mut self) -> Result<(), Failure> {
        self.known.fill(false);
        self.source = Source::new(unknown(&self.known));
        self.driver = driver(self.scope.clone());
        self.sink = self.subject.destination.open()?;
        Ok(())
    }

    /// Lists a partition: what the truth has there is added, the rest swept.
    fn learn(&mut self, learned: u8) -> Result<(), Failure> {
        let namespace = namespace(learned);
        let listed: Result<Vec<Row>, Failure> = self
            .truth
            .iter()
            .filter(|(key, _)| partition(**key) == learned)
            .map(|(key, value)| self.row(*key, *value))
            .collect();
        let listed = listed?;
        let gone: Vec<Row> = self
            .source
            .rows()
            .filter(|row| **row.identity().namespace() == *namespace)
            .filter(|row| !listed.iter().any(|listed| listed.key() == row.key()))
            .cloned()
            .collect();
        gone.iter().for_each(|row| self.source.remove(row.key()));
        listed.into_iter().for_each(|row| self.source.upsert(row));
        self.set_known(learned, true);
        self.source.set_unknown(unknown(&self.known));
        Ok(())
    }

    /// One step of the driver. Whatever happens to it, no row goes that exists in truth; and what it calls
    /// synced is synced.
    async fn step(&mut self, faults: &[Fault], polls: Option<usize>) -> Result<Option<State>, Failure> {
        self.clock += TICK;
        let before = self.subject.destination.read_back(&self.scope).await?;
        let view = self.source.view();
        let requested = (self.requests > 0).then(|| self.requests.to_string());
        let situation = Situation {
            view: &view,
            standing: Standing::Settled,
            now: at(self.clock),
            requested: requested.as_deref(),
        };
        let sink = Faulty::new(self.sink.clone(), faults.iter().copied());
        let step = self.driver.step(&sink, &situation);
        let outcome = at_most(polls.unwrap_or(usize::MAX), step).await;

        let after = self.subject.destination.read_back(&self.scope).await?;
        for key in before.keys().filter(|key| !after.contains_key(key)) {
            // A document leaves a refused row out, also where it had a former state of it.
            let exists = self.truth.iter().map(|(key, value)| self.row(*key, *value));
            let exists = exists.collect::<Result<Vec<_>, _>>()?;
            let exists = exists.iter().any(|row| row.key() == key.as_ref() && !self.refuses(row));
            self.subject.check(!exists, || format!("{key} exists, and was removed"))?;
        }
        let Some(outcome) = outcome else { return Ok(None) };
        match (&outcome.did, &outcome.state) {
            (Did::Failed(error), _) if faults.is_empty() => {
                return Err(Failure::new(format!("a step failed without a fault: {}", error.chain())));
            }
            (_, State::Fenced) => return Err(Failure::new("the driver was fenced by itself")),
            (did, State::Synced) => {
                self.compare(&after)?;
                self.count_refused(did)?;
            }
            _ => {}
        }
        Ok(Some(outcome.state))
    }

    /// The destination holds what the source has, except for refused rows, and beyond that only what is unknown.
    fn compare(&self, found: &Contents) -> Result<(), Failure> {
        for row in self.source.rows().filter(|row| !self.refuses(row)) {
            let held = found.get(&row.identity().to_key());
            self.subject.check(held == Some(&item(row)), || {
                format!("{} is {held:?} in a destination that is synced", row.key())
            })?;
        }
        let keys = (0..PARTITIONS).filter(|partition| self.knows(*partition)).map(namespace);
        let known: Vec<String> = keys.collect();
        for (key, value) in found {
            let namespace = value.get("namespace").and_then(serde_json::Value::as_str).unwrap_or_default();
            let stray = known.iter().any(|known| known == namespace)
                && !self.source.rows().any(|row| row.key() == key.as_ref());
            self.subject
                .check(!stray, || format!("{key} is held and does not exist, although that is known"))?;
        }
        Ok(())
    }

    /// A full pass counts refused rows exactly. Otherwise those that a former process saw refused stay counted,
    /// although they may have changed or gone.
    fn count_refused(&self, did: &Did) -> Result<(), Failure> {
        let counted = self.driver.checkpoint().map_or(0, |checkpoint| checkpoint.rejected.count);
        let refused = self.source.rows().filter(|row| self.refuses(row)).count() as u64;
        match did {
            Did::Exported(Export::Full(_), _) => self.subject.same("refused rows", counted, refused),
            _ => self.subject.check(counted >= refused, || {
                format!("{refused} rows are refused, and only {counted} of them counted")
            }),
        }
    }

    async fn converge(&mut self) -> Result<(), Failure> {
        for partition in 0..PARTITIONS {
            self.learn(partition)?;
        }
        let mut state = None;
        for _ in 0..8 {
            state = self.step(&[], None).await?;
            if state == Some(State::Synced) {
                break;
            }
        }
        self.subject.same("the state after everything became known", state, Some(State::Synced))?;
        let wanted = self.sink.checkpoint(&self.scope).await?;

        self.restart()?;
        for partition in 0..PARTITIONS {
            self.learn(partition)?;
        }
        self.driver = driver(self.scope.clone());
        self.requests = 0;
        let state = self.step(&[], None).await?;
        self.subject.same("the state after a restart", state, Some(State::Synced))?;
        let found = self.sink.checkpoint(&self.scope).await?;
        self.subject.same("the checkpoint after a restart with nothing changed", found, wanted)
    }

    fn row(&self, key: u8, value: u8) -> Result<Row, Failure> {
        let partition = partition(key);
        let plain = format!("{{\"value\":{value}}}");
        let refused = self.refused.as_ref().filter(|_| value + 1 == VALUES);
        let attributes = refused.map_or(plain.as_str(), Row::attributes);
        let target = format!("t{}", partition % 2);
        Ok(row(&target, &namespace(partition), &format!("uid-{key:02}"), attributes)?)
    }

    fn refuses(&self, row: &Row) -> bool {
        self.refused.as_ref().is_some_and(|refused| refused.attributes() == row.attributes())
    }

    fn knows(&self, partition: u8) -> bool {
        self.known.get(usize::from(partition)).copied().unwrap_or(false)
    }

    fn set_known(&mut self, partition: u8, known: bool) {
        if let Some(slot) = self.known.get_mut(usize::from(partition)) {
            *slot = known;
        }
    }
}

fn partition(key: u8) -> u8 {
    key % PARTITIONS
}

fn namespace(partition: u8) -> String {
    format!("ns-{partition}")
}

/// A partition is unknown as a whole.
fn unknown(known: &[bool]) -> Unknown {
    let lost = known.iter().zip(0..PARTITIONS).filter(|(known, _)| !**known);
    lost.map(|(_, partition)| namespace_pattern(&format!("t{}", partition % 2), &namespace(partition)))
        .collect()
}

fn tell(failure: Failure, when: &str) -> Failure {
    match failure {
        Failure::Broken(reason) => Failure::Broken(format!("{when}: {reason}")),
        excused => excused,
    }
}
