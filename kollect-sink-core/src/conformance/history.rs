//! Histories of a source, a destination and what befalls them. It does not live them: see `world`.

use super::faults::Fault;

/// How many different rows a history knows.
pub const KEYS: u8 = 12;
/// How many partitions they are spread over.
pub const PARTITIONS: u8 = 3;
/// How many different contents a row may have; the last is one that the destination refuses, where it does.
pub const VALUES: u8 = 4;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// A row gets these contents, whether or not the source sees it.
    Upsert {
        /// Which row, below [`KEYS`].
        key: u8,
        /// Which contents, below [`VALUES`].
        value: u8,
    },
    /// A row vanishes, whether or not the source sees it.
    Delete {
        /// Which row, below [`KEYS`].
        key: u8,
    },
    /// The source lists a partition to its end.
    Learn {
        /// Which one, below [`PARTITIONS`].
        partition: u8,
    },
    /// The source loses a partition: it keeps its rows, and sees no more of it.
    Lose {
        /// Which one, below [`PARTITIONS`].
        partition: u8,
    },
    /// The process ends at once and starts anew: nothing is known.
    Restart,
    /// The journal forgets what changed so far.
    CutJournal,
    /// Somebody asks for a full pass.
    Request,
    /// A day passes.
    Wait,
    /// The driver makes a step.
    Step {
        /// What happens to its calls.
        faults: Vec<Fault>,
        /// After how many polls it is dropped, if at all.
        polls: Option<u8>,
    },
}

/// What happens, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History(pub Vec<Op>);

impl History {
    /// A history of `length` events that follows from `seed`.
    pub fn random(seed: u64, length: usize) -> Self {
        let mut dice = Dice(seed);
        Self((0..length).map(|_| dice.op()).collect())
    }
}

/// SplitMix64: a few lines that give the same numbers everywhere and always.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u8) -> u8 {
        u8::try_from(self.next() % u64::from(bound)).unwrap_or(0)
    }

    fn fault(&mut self) -> Fault {
        match self.below(8) {
            0 => Fault::FailBefore,
            1 => Fault::FailAfter,
            2 => Fault::CutAfter(usize::from(self.below(3))),
            _ => Fault::Pass,
        }
    }

    fn op(&mut self) -> Op {
        match self.below(40) {
            0..=9 => Op::Upsert { key: self.below(KEYS), value: self.below(VALUES) },
            10..=13 => Op::Delete { key: self.below(KEYS) },
            14..=17 => Op::Learn { partition: self.below(PARTITIONS) },
            18..=19 => Op::Lose { partition: self.below(PARTITIONS) },
            20 => Op::Restart,
            21 => Op::CutJournal,
            22 => Op::Request,
            23 => Op::Wait,
            24..=31 => Op::Step { faults: Vec::new(), polls: None },
            32..=36 => Op::Step { faults: (0..3).map(|_| self.fault()).collect(), polls: None },
            _ => Op::Step { faults: Vec::new(), polls: Some(self.below(30)) },
        }
    }
}
