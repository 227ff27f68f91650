//! The rows of one target in key order, each with its version and marks. It does not know inventories.

use std::cmp::Ordering;

use equivalent::{Comparable, Equivalent};
use imbl::OrdMap;
use imbl::ordmap::DiffItem;
use kollect_sink_core::{Identity, Row, ScopeDigest};

use crate::contents::Sharding;
use crate::shards::Tally;

/// What a row costs beside its texts: the row, its identity, and its place here. See tests/memory.rs.
const ROW_BYTES: usize = 240;
/// What a row costs where an inventory holds it beside its target: a place, and no copy. See tests/memory.rs.
const SHOWN_BYTES: u64 = 80;

/// Rows by uid. A clone shares all of them and costs one pointer.
#[derive(Clone, Default)]
pub(crate) struct Rows {
    map: OrdMap<Place, Entry>,
    digest: ScopeDigest,
    bytes: u64,
    /// There while an inventory asks for it.
    tally: Option<Tally>,
}

/// One row as it is kept.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) row: Row,
    /// The object's numeric resourceVersion when the row was last seen.
    pub(crate) version: u64,
    /// The store's sequence number of the row's last change.
    pub(crate) changed: u64,
    pub(crate) touch: Touch,
}

impl Entry {
    /// A row that an inventory holds beside its target, which knows when it was seen.
    pub(crate) fn shown(row: &Row, changed: u64) -> Self {
        Self { row: row.clone(), version: 0, changed, touch: Touch { time: 0, by: 0 } }
    }
}

/// Whether it is the same state of the row, whenever it was seen.
impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.changed == other.changed
    }
}

/// When a row was seen last, counted in lists begun, and by whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Touch {
    pub(crate) time: u32,
    /// The list that saw it; 0 = a live watch, or several lists that ran at once.
    pub(crate) by: u32,
}

impl Rows {
    pub(crate) fn len(&self) -> usize {
        self.map.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    pub(crate) fn digest(&self) -> ScopeDigest {
        self.digest
    }

    /// An estimate of the memory that the rows take.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The rows by namespace, if they are counted.
    pub(crate) fn tally(&self) -> Option<&Tally> {
        self.tally.as_ref()
    }

    /// Counts the rows by namespace from now on, or stops to. Costs O(rows) to begin.
    pub(crate) fn shard(&mut self, sharding: Sharding) {
        match (sharding, &self.tally) {
            (Sharding::Off, _) => self.tally = None,
            (Sharding::ByNamespace, Some(_)) => {}
            (Sharding::ByNamespace, None) => {
                let mut tally = Tally::default();
                self.map.values().for_each(|entry| tally.count_in(&entry.row));
                self.tally = Some(tally);
            }
        }
    }

    /// As [`Rows::bytes`], where the rows themselves are the target's.
    pub(crate) fn shown_bytes(&self) -> u64 {
        self.len() as u64 * SHOWN_BYTES
    }

    pub(crate) fn get(&self, place: &Place) -> Option<&Entry> {
        self.map.get(place)
    }

    pub(crate) fn find(&self, uid: &str) -> Option<&Entry> {
        self.map.get(&Sought { packed: packed(uid), uid })
    }

    /// Changes version and touch, which takes no part in digest or order.
    pub(crate) fn mark(&mut self, place: &Place, version: u64, touch: Touch) {
        if let Some(entry) = self.map.get_mut(place) {
            entry.version = version;
            entry.touch = touch;
        }
    }

    /// Puts a row in, and gives back the one that it replaces.
    pub(crate) fn put(&mut self, place: Place, entry: Entry) -> Option<Entry> {
        self.digest.add(entry.row.digest());
        if let Some(tally) = &mut self.tally {
            tally.count_in(&entry.row);
        }
        self.bytes += weight(entry.row.identity(), &entry.row);
        let identity = place.identity.clone();
        let old = self.map.insert(place, entry)?;
        self.count_out(&identity, &old.row);
        Some(old)
    }

    pub(crate) fn take(&mut self, place: &Place) -> Option<Entry> {
        let entry = self.map.remove(place)?;
        self.count_out(entry.row.identity(), &entry.row);
        Some(entry)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Place, &Entry)> + Send {
        self.map.iter()
    }

    /// The places at which `other` holds another row or none, or has one more. Costs little where both were one: what
    /// they still share is passed over.
    pub(crate) fn differences<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a Place> {
        self.map.diff(&other.map).map(|difference| match difference {
            DiffItem::Add(place, _)
            | DiffItem::Remove(place, _)
            | DiffItem::Update { new: (place, _), .. } => place,
        })
    }

    fn count_out(&mut self, identity: &Identity, row: &Row) {
        self.digest.remove(row.digest());
        if let Some(tally) = &mut self.tally {
            tally.count_out(row);
        }
        self.bytes = self.bytes.saturating_sub(weight(identity, row));
    }
}

/// What `row` takes, whose identity is as `identity`: that of the row which replaces it is at hand, its own far away.
fn weight(identity: &Identity, row: &Row) -> u64 {
    (ROW_BYTES + row.attributes().len() + identity.name().len() + identity.uid().len()) as u64
}

/// A row's place within its target: ordered bytewise by uid.
///
/// `packed` holds a uid that is written as UUIDs are, so that finding one row among a million follows no pointer:
/// most of such a search is waiting for memory.
#[derive(Clone)]
pub(crate) struct Place {
    packed: Packed,
    identity: Identity,
}

impl Place {
    pub(crate) fn of(identity: &Identity) -> Self {
        Self { packed: packed(identity.uid()), identity: identity.clone() }
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    fn as_sought(&self) -> Sought<'_> {
        Sought { packed: self.packed, uid: self.identity.uid() }
    }
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_sought().order(other.as_sought())
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Place {}

/// A uid that is looked for.
#[derive(Clone, Copy)]
struct Sought<'a> {
    packed: Packed,
    uid: &'a str,
}

impl Sought<'_> {
    fn order(self, other: Sought<'_>) -> Ordering {
        match (self.packed, other.packed) {
            (NOT_PACKED, _) | (_, NOT_PACKED) => self.uid.cmp(other.uid),
            (own, other) => own.cmp(&other),
        }
    }
}

impl Equivalent<Place> for Sought<'_> {
    fn equivalent(&self, key: &Place) -> bool {
        self.compare(key).is_eq()
    }
}

impl Comparable<Place> for Sought<'_> {
    fn compare(&self, key: &Place) -> Ordering {
        self.order(key.as_sought())
    }
}

/// The digits of a lower-case UUID: two such are ordered as their texts are, since the hyphens stand at the same places.
type Packed = [u64; 2];

/// Any other text.
const NOT_PACKED: Packed = [0; 2];

fn packed(uid: &str) -> Packed {
    if uid.len() != 36 {
        return NOT_PACKED;
    }
    let digits = uid.bytes().enumerate().try_fold(0_u128, |digits, (at, byte)| match (at, byte) {
        (8 | 13 | 18 | 23, b'-') => Some(digits),
        (8 | 13 | 18 | 23, _) => None,
        (_, b'0'..=b'9') => Some(digits << 4 | u128::from(byte - b'0')),
        (_, b'a'..=b'f') => Some(digits << 4 | u128::from(byte - b'a' + 10)),
        _ => None,
    });
    digits.map_or(NOT_PACKED, |digits| [(digits >> 64) as u64, digits as u64])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn uid() -> impl Strategy<Value = String> {
        // A small alphabet, so that prefixes meet; whole UUIDs, cut ones, upper case and other texts.
        prop_oneof![
            "[0-1a-b]{8}-[0a]{4}-[0b]{4}-[0-1]{4}-[0-1]{12}",
            "0{8}-0{4}-0{4}-0{4}-0{10}[0-9a-f]{2}",
            "[0-1a-bA]{8}-[0a]{4}-[0b]{0,4}",
            "[0-9a-zA-Z-]{0,20}",
        ]
    }

    fn row(number: u16) -> Row {
        let target = kollect_sink_core::Target::new("team", "apps");
        let origin =
            kollect_sink_core::Origin { target, group: "".into(), version: "v1".into(), kind: "Pod".into() };
        let uid = format!("{number:05}");
        Row::new(Identity::new(origin.into(), "default".into(), "name", &uid).unwrap(), "{}")
    }

    proptest! {
        #[test]
        fn differences_are_what_changed_since_the_clone(
            before in proptest::collection::btree_set(0..2_000_u16, 0..1_500),
            changes in proptest::collection::btree_map(0..2_000_u16, any::<bool>(), 0..60),
        ) {
            let put = |rows: &mut Rows, number: u16, changed: u64| {
                let row = row(number);
                rows.put(Place::of(row.identity()), Entry::shown(&row, changed))
            };
            let mut now = Rows::default();
            for number in &before {
                put(&mut now, *number, 1);
            }
            let then = now.clone();
            let mut expected = Vec::new();
            for (number, stays) in changes {
                if stays || before.contains(&number) {
                    expected.push(format!("{number:05}"));
                }
                if stays {
                    put(&mut now, number, 2);
                } else {
                    now.take(&Place::of(row(number).identity()));
                }
            }
            let found: Vec<String> = then.differences(&now).map(|it| it.identity.uid().to_owned()).collect();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn places_are_ordered_as_their_uids_are(left in uid(), right in uid()) {
            let order = Sought { packed: packed(&left), uid: &left }
                .order(Sought { packed: packed(&right), uid: &right });
            prop_assert_eq!(order, left.cmp(&right));
        }
    }
}
