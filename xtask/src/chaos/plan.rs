//! Which faults, in which order, how long, and at which moment: all of it from the seed. It injects none.

use std::time::Duration;

use clap::ValueEnum;

use super::dice::Dice;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Fault {
    /// The operator is killed and started again
    Operator,
    /// Postgres is killed or restarted
    Postgres,
    /// The API server is killed or restarted, at times with its etcd
    Apiserver,
    /// Connections to Postgres are cut again and again
    PostgresCut,
    /// What goes to and comes from Postgres is late
    PostgresSlow,
    /// Postgres accepts and is silent, then goes on where it was
    PostgresStall,
    /// As the stall, but those connections stay silent for ever
    PostgresHalfOpen,
    /// Connections to the API server are cut again and again
    ApiCut,
    /// What goes to and comes from the API server is late
    ApiSlow,
    /// The API server accepts and is silent, then goes on where it was
    ApiStall,
    /// As the stall, but those connections stay silent for ever
    ApiHalfOpen,
    /// The operator is cut off while etcd forgets the versions that it had seen
    Compaction,
    /// The operator's rights are taken, and given back
    Rbac,
    /// A scope denies kinds or namespaces, and goes
    Scope,
    /// The definition of a collected kind is removed, and added again
    Crd,
    /// A namespace is deleted, and made again under its name
    Namespace,
    /// The folder's disk is full
    DiskFull,
    /// The operator is frozen, another one takes over, and the first one wakes up
    Paused,
}

impl Fault {
    /// How long after it every sink equals the cluster.
    #[must_use]
    pub fn within(self) -> Duration {
        match self {
            Self::Operator | Self::Postgres | Self::Apiserver => Duration::from_secs(10),
            _ => Duration::from_secs(60),
        }
    }

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_string()).unwrap_or_default()
    }

    /// How often `full` has it: kills and restarts more often than the rest.
    fn in_full(self) -> usize {
        match self {
            Self::Operator => 20,
            Self::Postgres | Self::Apiserver => 5,
            _ => 3,
        }
    }
}

/// One fault of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    /// Its number, from 1.
    pub number: usize,
    /// What goes wrong.
    pub fault: Fault,
    /// Decides everything else about it.
    pub seed: u64,
    /// How long objects change before it.
    pub before: Duration,
    /// How long it lasts, where it lasts: at most 30 s.
    pub length: Duration,
    /// How long objects go on changing after it.
    pub after: Duration,
}

/// The rounds of a run, without end.
#[derive(Clone, Debug)]
pub struct Rounds {
    dice: Dice,
    faults: Vec<Fault>,
    number: usize,
}

impl Rounds {
    /// Rounds with faults drawn from these; from all where there are none.
    #[must_use]
    pub fn drawn(seed: u64, only: &[Fault]) -> Self {
        let faults = if only.is_empty() { Fault::value_variants() } else { only };
        Self { dice: Dice::new(seed), faults: faults.to_vec(), number: 0 }
    }
}

impl Iterator for Rounds {
    type Item = Round;

    fn next(&mut self) -> Option<Round> {
        let fault = self.dice.pick(self.faults.iter()).copied()?;
        self.number += 1;
        Some(round(self.number, fault, &mut self.dice))
    }
}

/// Each of these faults as often as a release must survive it, in an order that the seed decides.
#[must_use]
pub fn full(seed: u64, only: &[Fault]) -> Vec<Round> {
    let all = Fault::value_variants().iter().filter(|fault| only.is_empty() || only.contains(fault));
    let mut faults: Vec<Fault> = all.flat_map(|fault| std::iter::repeat_n(*fault, fault.in_full())).collect();
    let mut dice = Dice::new(seed);
    for last in (1..faults.len()).rev() {
        let bound = u64::try_from(last).unwrap_or(u64::MAX).saturating_add(1);
        faults.swap(last, usize::try_from(dice.below(bound)).unwrap_or(last));
    }
    rounds(&faults, dice)
}

/// A minute's worth of kills, for each run of the tests.
#[must_use]
pub fn sample(seed: u64) -> Vec<Round> {
    rounds(&[Fault::Operator, Fault::Operator, Fault::Postgres, Fault::Operator], Dice::new(seed))
}

fn rounds(faults: &[Fault], mut dice: Dice) -> Vec<Round> {
    faults.iter().enumerate().map(|(at, fault)| round(at + 1, *fault, &mut dice)).collect()
}

fn round(number: usize, fault: Fault, dice: &mut Dice) -> Round {
    let ms = Duration::from_millis;
    Round {
        number,
        fault,
        seed: dice.roll(),
        before: dice.between(ms(200), ms(3000)),
        length: dice.between(ms(3000), ms(30_000)),
        after: dice.between(ms(0), ms(1000)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_the_rounds() {
        let draw = |seed| Rounds::drawn(seed, &[]).take(40).collect::<Vec<_>>();
        assert_eq!(draw(3), draw(3));
        assert_ne!(draw(3), draw(4));
        assert_eq!(full(3, &[]), full(3, &[]));
        assert_ne!(full(3, &[]), full(4, &[]));
        let only = [Fault::Rbac, Fault::Crd];
        assert!(Rounds::drawn(3, &only).take(40).all(|round| only.contains(&round.fault)));
    }

    #[test]
    fn the_full_plan_has_each_fault_often_enough() {
        let plan = full(1, &[]);
        for fault in Fault::value_variants() {
            let least = match fault {
                Fault::Operator => 20,
                Fault::Postgres | Fault::Apiserver => 5,
                _ => 3,
            };
            assert_eq!(plan.iter().filter(|round| round.fault == *fault).count(), least, "{fault:?}");
        }
        assert!(plan.iter().all(|round| round.length <= Duration::from_secs(30)));
        assert_eq!(full(1, &[Fault::Postgres]).len(), 5);
    }
}
