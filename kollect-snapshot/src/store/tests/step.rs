//! The steps that random histories are made of. What they do to the model is said there.

use proptest::prelude::*;

use super::{INVENTORIES, LISTS, MIRRORS, TARGETS, UIDS, namespace_text, target};
use crate::{Contents, Dedupe, Sharding};

#[derive(Clone, Debug)]
pub(super) enum Step {
    Upsert { target: usize, uid: usize, content: u8, version: u64, list: Option<usize> },
    Remove { target: usize, uid: usize, version: Option<u64> },
    Begin { list: usize, targets: Vec<usize>, namespace: Option<u8> },
    End { list: usize },
    Abort { list: usize },
    Withdraw { target: usize },
    Retain { target: usize, namespace: u8 },
    Forget { target: usize },
    Show { inventory: usize, contents: Contents, meanwhile: Vec<Step> },
    Follow { mirror: usize, acknowledge: bool },
    Replace { mirror: usize },
    Hold { inventory: usize },
}

/// Plain ones, narrowed ones and deduped ones, with and without shards.
fn contents() -> impl Strategy<Value = Contents> {
    let members = proptest::collection::btree_set((0..TARGETS).prop_map(target), 0..=TARGETS);
    let namespaces = proptest::collection::btree_set((0..3_u8).prop_map(namespace_text), 0..=3);
    let dedupe = prop_oneof![Just(Dedupe::KeepAll), Just(Dedupe::ByUid)];
    let sharding = prop_oneof![Just(Sharding::Off), Just(Sharding::ByNamespace)];
    (members, proptest::option::of(namespaces), dedupe, sharding).prop_map(
        |(members, namespaces, dedupe, sharding)| Contents { members, namespaces, dedupe, sharding },
    )
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (target, uid, list) = (0..TARGETS, 0..UIDS.len(), 0..LISTS);
    let targets = proptest::collection::vec(target.clone(), 0..=TARGETS);
    let upsert =
        (target.clone(), uid.clone(), 0..3_u8, 0..6_u64, proptest::option::weighted(0.4, list.clone()))
            .prop_map(|(target, uid, content, version, list)| Step::Upsert {
                target,
                uid,
                content,
                version,
                list,
            });
    let remove = (target.clone(), uid, proptest::option::of(0..6_u64))
        .prop_map(|(target, uid, version)| Step::Remove { target, uid, version });
    let begin = (list.clone(), targets.clone(), proptest::option::of(0..2_u8))
        .prop_map(|(list, targets, namespace)| Step::Begin { list, targets, namespace });
    let meanwhile = proptest::collection::vec(prop_oneof![upsert.clone(), remove.clone()], 0..4);
    let show = (0..INVENTORIES, contents(), meanwhile)
        .prop_map(|(inventory, contents, meanwhile)| Step::Show { inventory, contents, meanwhile });
    let follow =
        (0..MIRRORS, any::<bool>()).prop_map(|(mirror, acknowledge)| Step::Follow { mirror, acknowledge });
    let step = prop_oneof![
        16 => upsert,
        6 => remove,
        3 => begin,
        3 => list.clone().prop_map(|list| Step::End { list }),
        1 => list.prop_map(|list| Step::Abort { list }),
        1 => target.clone().prop_map(|target| Step::Withdraw { target }),
        1 => (target.clone(), 0..2_u8).prop_map(|(target, namespace)| Step::Retain { target, namespace }),
        1 => target.prop_map(|target| Step::Forget { target }),
        3 => show,
        6 => follow,
        1 => (0..MIRRORS).prop_map(|mirror| Step::Replace { mirror }),
        2 => (0..INVENTORIES).prop_map(|inventory| Step::Hold { inventory }),
    ];
    proptest::collection::vec(step, 0..150)
}
