//! Rights, scopes and definitions that go and come back: what the operator cannot see any more must stay in the sinks, what it can
//! see must be followed, and what is gone must go.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::json;

use super::change::Change;
use super::churn::{Churn, FROZEN};
use super::dice::Dice;
use super::fault::Over;
use super::model::{Kind, Rows};
use super::plan::Round;
use super::world::World;
use super::{oracle, setup};

/// How long rows of objects that do not change may take to be there, before anything is taken away.
const SOON: Duration = Duration::from_secs(30);

/// How long what may be seen may take to be there while much else is refused: a watch is renewed and refused first.
const FOLLOWED: Duration = Duration::from_secs(60);

/// Takes rights to what is collected, or to the operator's own kinds, and gives them back. At times the rights stay in some
/// namespaces.
///
/// # Errors
/// If a row of an object that did not change went meanwhile, or one did not come that the operator may see.
pub fn rights(world: &World, churn: &Churn, round: &Round, dice: &mut Dice) -> Result<Over> {
    let role = if dice.per_mille(750) { setup::COLLECTED } else { setup::OWN };
    let kept = freeze(world, churn, &[Kind::ConfigMap, Kind::Widget])?;
    let seen: Vec<String> = match role == setup::COLLECTED && dice.per_mille(600) {
        true => some(churn, dice)?,
        false => Vec::new(),
    };
    for namespace in &seen {
        setup::grant_in(&world.kubectl, role, namespace)?;
    }
    setup::revoke(&world.kubectl, role)?;
    // A watch goes on with the rights with which it began. At times it has to begin again.
    let cut = dice.per_mille(700);
    if cut {
        let _ = world.to_api.cut();
    }
    let lost = watch(world, &kept, round.length).and_then(|()| follow(world, churn, seen.first()));
    setup::grant(&world.kubectl, role)?;
    let at = Instant::now();
    for namespace in &seen {
        setup::revoke_in(&world.kubectl, role, namespace)?;
    }
    churn.thaw();
    lost?;
    let how = if cut { "cut" } else { "not cut" };
    Ok(Over::at(at, format!("{role}, {how}, {} rows stayed, {} namespaces seen", kept.count(), seen.len())))
}

/// Lets a scope deny kinds or namespaces for a while; at times the operator is killed under it.
///
/// # Errors
/// If a row of an object that did not change went meanwhile, or one did not come of a namespace that is allowed.
pub fn policy(world: &mut World, churn: &Churn, round: &Round, dice: &mut Dice) -> Result<Over> {
    let kept = freeze(world, churn, &[Kind::ConfigMap, Kind::Widget])?;
    let named = some(churn, dice)?;
    let (what, spec, allowed) = match dice.below(4) {
        0 => ("kinds", json!({"allowedGVKs": [{"group": "apps", "version": "v1", "kind": "*"}]}), None),
        1 => ("denied namespaces", json!({"deniedNamespaces": named}), None),
        // An empty list would allow all.
        _ if named.is_empty() => ("all namespaces", json!({"allowedNamespaces": ["nowhere"]}), None),
        _ => ("other namespaces", json!({"allowedNamespaces": named}), named.first()),
    };
    setup::limit(&world.kubectl, spec)?;
    let killed = dice.per_mille(500);
    if killed {
        world.kill_operator()?;
        world.start_operator()?;
    }
    let lost = watch(world, &kept, round.length).and_then(|()| follow(world, churn, allowed));
    setup::unlimit(&world.kubectl)?;
    let at = Instant::now();
    churn.thaw();
    lost?;
    let how = if killed { ", and the operator killed" } else { "" };
    Ok(Over::at(at, format!("{what}{how}, {} rows stayed", kept.count())))
}

/// Some of the namespaces that are collected and that nobody else changes.
fn some(churn: &Churn, dice: &mut Dice) -> Result<Vec<String>> {
    let model = churn.pause()?;
    churn.resume();
    let collected = model.namespaces.iter().filter(|(name, held)| held.selected && name.starts_with(FROZEN));
    Ok(collected.map(|(name, _)| name.clone()).filter(|_| dice.per_mille(500)).collect())
}

/// Whether what changes in a namespace that may be seen is followed, while others may not be seen.
fn follow(world: &World, churn: &Churn, namespace: Option<&String>) -> Result<()> {
    let Some(namespace) = namespace else { return Ok(()) };
    let mut wanted = Rows::default();
    for change in Change::several(namespace, "followed") {
        if let Change::Put { kind, namespace, name, object } = change {
            wanted.add((kind.name().to_string(), namespace, name), object.attributes());
        }
    }
    churn.make(namespace, Change::several(namespace, "followed"))?;
    let end = Instant::now() + FOLLOWED;
    while let Some(wrong) = lost(world, &wanted) {
        ensure!(Instant::now() < end, "{namespace} may be seen, and is not followed: {wrong}");
        thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}

/// Removes the custom kind with all its objects, and adds it again with new ones.
///
/// # Errors
/// If a row of an object of another kind went meanwhile, or one of the kind stayed.
pub fn definition(world: &World, churn: &Churn, round: &Round) -> Result<Over> {
    let kept = freeze(world, churn, &[Kind::ConfigMap])?;
    churn.pause()?;
    churn.without_widgets();
    churn.resume();
    world.kubectl.delete(&["crd", setup::CRD])?;
    let lost = watch(world, &kept, round.length).and_then(|()| gone(world));
    setup::define(&world.kubectl)?;
    let at = Instant::now();
    churn.with_widgets();
    churn.thaw();
    lost?;
    // Time to make some of the new ones.
    thread::sleep(Duration::from_secs(1));
    Ok(Over::at(at, format!("{} rows of others stayed", kept.count())))
}

/// The rows of objects that do not change from now on, once they are in the table.
fn freeze(world: &World, churn: &Churn, kinds: &[Kind]) -> Result<Rows> {
    churn.freeze();
    let model = churn.pause()?;
    churn.resume();
    let mut names = model.namespaces.keys().filter(|name| name.starts_with(FROZEN));
    let name = names.next().context("no namespace is frozen")?;
    // By chance nothing in those namespaces may be collected.
    churn.make(name, Change::several(name, "kept"))?;
    let model = churn.pause()?;
    churn.resume();
    let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
    let kept = model
        .rows()
        .only(|(kind, namespace, _)| namespace.starts_with(FROZEN) && names.contains(&kind.as_str()));
    ensure!(kept.count() > 0, "no row could be lost");
    let end = Instant::now() + SOON;
    while let Some(wrong) = lost(world, &kept) {
        if Instant::now() > end {
            churn.thaw();
            bail!("before anything was taken away: {wrong}");
        }
        thread::sleep(Duration::from_millis(200));
    }
    Ok(kept)
}

/// Waits until no row of the custom kind is left: each of its objects was seen to go.
fn gone(world: &World) -> Result<()> {
    let end = Instant::now() + SOON;
    loop {
        let rows = oracle::table(world)?.only(|(kind, _, _)| kind == Kind::Widget.name());
        if rows.count() == 0 {
            return Ok(());
        }
        ensure!(Instant::now() < end, "{} rows of the kind that is gone stayed", rows.count());
        thread::sleep(Duration::from_millis(200));
    }
}

/// Looks for this long whether these rows stay.
fn watch(world: &World, kept: &Rows, length: Duration) -> Result<()> {
    let end = Instant::now() + length;
    while Instant::now() < end {
        if let Some(wrong) = lost(world, kept) {
            return Err(anyhow!("rows of objects that exist were lost: {wrong}"));
        }
        thread::sleep(Duration::from_millis(500));
    }
    Ok(())
}

fn lost(world: &World, kept: &Rows) -> Option<String> {
    let rows = match oracle::table(world) {
        Ok(rows) => rows.only(|key| kept.has(key)),
        Err(error) => return Some(format!("{error:#}")),
    };
    let difference = kept.against(&rows);
    (!difference.is_none()).then(|| difference.text())
}
