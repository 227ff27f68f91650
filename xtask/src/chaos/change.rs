//! Draws changes of a model, and says what each makes of it. It sends none.

use super::dice::Dice;
use super::model::{Kind, Model, Namespace, Object};

/// Objects that a shard tends to have, in all of its namespaces.
pub const OBJECTS: usize = 180;

/// Namespaces that a shard tends to have.
const NAMESPACES: usize = 3;

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// An object is as this from now on.
    Put {
        /// Its kind.
        kind: Kind,
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// What it is.
        object: Object,
    },
    /// An object goes.
    Delete {
        /// Its kind.
        kind: Kind,
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// A namespace is there, with its label so.
    PutNamespace {
        /// Its name.
        name: String,
        /// Whether its objects are collected.
        selected: bool,
    },
    /// A namespace goes with all that is in it.
    DropNamespace {
        /// Its name.
        name: String,
    },
}

impl Change {
    /// Twenty objects of a namespace that are collected.
    pub fn several<'a>(namespace: &'a str, value: &'a str) -> impl Iterator<Item = Self> + use<'a> {
        (0..20).map(move |number| Self::Put {
            kind: Kind::ConfigMap,
            namespace: namespace.to_string(),
            name: format!("several-{number}"),
            object: Object { selected: true, team: "team-several".into(), value: value.to_string() },
        })
    }
}

impl Model {
    /// Makes a change.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Put { kind, namespace, name, object } => {
                if let Some(namespace) = self.namespaces.get_mut(&namespace) {
                    namespace.objects.insert((kind, name), object);
                }
            }
            Change::Delete { kind, namespace, name } => {
                if let Some(namespace) = self.namespaces.get_mut(&namespace) {
                    namespace.objects.remove(&(kind, name));
                }
            }
            Change::PutNamespace { name, selected } => {
                self.namespaces.entry(name).or_default().selected = selected;
            }
            Change::DropNamespace { name } => {
                self.namespaces.remove(&name);
            }
        }
    }

    fn count(&self) -> usize {
        self.namespaces.values().map(|namespace| namespace.objects.len()).sum()
    }
}

/// Draws the changes of one shard: the objects below one prefix of namespaces.
#[derive(Clone, Debug)]
pub struct Changes {
    dice: Dice,
    prefix: String,
    made: u64,
}

impl Changes {
    /// The changes that this seed decides.
    #[must_use]
    pub fn new(seed: u64, prefix: &str) -> Self {
        Self { dice: Dice::new(seed), prefix: prefix.into(), made: 0 }
    }

    /// A change that fits the model, of these kinds.
    pub fn draw(&mut self, model: &Model, kinds: &[Kind]) -> Change {
        self.made += 1;
        if model.namespaces.len() < NAMESPACES {
            return self.new_namespace();
        }
        let few = model.count() < OBJECTS;
        let much = model.count() > OBJECTS * 2;
        let drawn = match self.dice.below(1000) {
            0..500 => self.change(model, kinds),
            500..650 if much => self.delete(model, kinds),
            500..650 => self.create(model, kinds),
            650..830 if few => self.create(model, kinds),
            650..830 => self.delete(model, kinds),
            830..990 => self.relabel(model, kinds),
            990..997 => self.relabel_namespace(model),
            997 => Some(self.new_namespace()),
            _ if model.namespaces.len() > NAMESPACES => self.drop_namespace(model),
            _ => None,
        };
        drawn.or_else(|| self.create(model, kinds)).unwrap_or_else(|| self.new_namespace())
    }

    fn new_namespace(&mut self) -> Change {
        // Most are collected, or there would be little to compare.
        let selected = !self.dice.per_mille(200);
        Change::PutNamespace { name: format!("{}-{}", self.prefix, self.made), selected }
    }

    fn relabel_namespace(&mut self, model: &Model) -> Option<Change> {
        let (name, held) = self.dice.pick(model.namespaces.iter())?;
        // What is collected tends to stay so.
        let selected = !held.selected || !self.dice.per_mille(500);
        Some(Change::PutNamespace { name: name.clone(), selected })
    }

    fn drop_namespace(&mut self, model: &Model) -> Option<Change> {
        self.dice.pick(model.namespaces.keys()).map(|name| Change::DropNamespace { name: name.clone() })
    }

    fn create(&mut self, model: &Model, kinds: &[Kind]) -> Option<Change> {
        let namespace = self.dice.pick(model.namespaces.keys())?.clone();
        // Built-in objects come four times as often as custom ones.
        let at = usize::from(self.dice.per_mille(200));
        let kind = *kinds.get(at).or_else(|| kinds.first())?;
        let object = Object {
            selected: !self.dice.per_mille(150),
            team: format!("team-{}", self.dice.below(9)),
            value: self.value(),
        };
        // Names come back, with another uid; one that is there is changed.
        Some(Change::Put { kind, namespace, name: format!("object-{}", self.made % 500), object })
    }

    fn change(&mut self, model: &Model, kinds: &[Kind]) -> Option<Change> {
        let (namespace, kind, name, object) = self.existing(model, kinds)?;
        let object = Object { value: self.value(), ..object };
        Some(Change::Put { kind, namespace, name, object })
    }

    fn relabel(&mut self, model: &Model, kinds: &[Kind]) -> Option<Change> {
        let (namespace, kind, name, object) = self.existing(model, kinds)?;
        let team = format!("team-{}", self.dice.below(9));
        let selected = !object.selected || !self.dice.per_mille(300);
        Some(Change::Put { kind, namespace, name, object: Object { selected, team, ..object } })
    }

    fn delete(&mut self, model: &Model, kinds: &[Kind]) -> Option<Change> {
        let (namespace, kind, name, _) = self.existing(model, kinds)?;
        Some(Change::Delete { kind, namespace, name })
    }

    fn existing(&mut self, model: &Model, kinds: &[Kind]) -> Option<(String, Kind, String, Object)> {
        let (namespace, held): (&String, &Namespace) = self.dice.pick(model.namespaces.iter())?;
        let ((kind, name), object) = self.dice.pick(held.objects.iter())?;
        kinds.contains(kind).then(|| (namespace.clone(), *kind, name.clone(), object.clone()))
    }

    fn value(&mut self) -> String {
        // At times a value that was there before: an update that changes nothing else than a version.
        if self.dice.per_mille(50) { "usual".into() } else { format!("value-{}", self.made) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [Kind; 2] = [Kind::ConfigMap, Kind::Widget];

    fn history(seed: u64, length: usize) -> (Vec<Change>, Model) {
        let mut changes = Changes::new(seed, "shard");
        let mut model = Model::default();
        let all = (0..length)
            .map(|_| {
                let change = changes.draw(&model, &KINDS);
                model.apply(change.clone());
                change
            })
            .collect();
        (all, model)
    }

    #[test]
    fn a_seed_decides_the_history() {
        assert_eq!(history(5, 3000), history(5, 3000));
        assert_ne!(history(5, 100).0, history(6, 100).0);
    }

    #[test]
    fn a_long_history_stays_of_one_size_and_has_every_sort_of_change() {
        let (changes, model) = history(1, 50_000);
        assert!((OBJECTS / 3..OBJECTS * 3).contains(&model.count()), "{}", model.count());
        assert!((NAMESPACES..NAMESPACES * 5).contains(&model.namespaces.len()), "{}", model.namespaces.len());
        assert!(model.rows().count() > OBJECTS / 4, "{}", model.rows().count());
        let sorts: [fn(&Change) -> bool; 4] = [
            |change| matches!(change, Change::Put { kind: Kind::Widget, .. }),
            |change| matches!(change, Change::Delete { .. }),
            |change| matches!(change, Change::PutNamespace { selected: false, .. }),
            |change| matches!(change, Change::DropNamespace { .. }),
        ];
        for (at, sort) in sorts.iter().enumerate() {
            assert!(changes.iter().filter(|change| sort(change)).count() > 10, "{at}");
        }
    }

    #[test]
    fn a_kind_that_is_away_is_left_alone() {
        let mut changes = Changes::new(9, "shard");
        let (_, mut model) = history(9, 2000);
        for _ in 0..2000 {
            let change = changes.draw(&model, &[Kind::ConfigMap]);
            let touched = match &change {
                Change::Put { kind, .. } | Change::Delete { kind, .. } => Some(*kind),
                _ => None,
            };
            assert_ne!(touched, Some(Kind::Widget));
            model.apply(change);
        }
    }
}
