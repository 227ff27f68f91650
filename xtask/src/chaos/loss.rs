//! Rights and definitions that go and come back: what the operator cannot see any more must stay in the sinks. That it is
//! complete again afterwards is told, not judged.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};

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

/// Takes rights to what is collected, or to the operator's own kinds, and gives them back.
///
/// # Errors
/// If a row of an object that did not change went meanwhile.
pub fn rights(world: &World, churn: &Churn, round: &Round, dice: &mut Dice) -> Result<Over> {
    let role = if dice.per_mille(650) { setup::COLLECTED } else { setup::OWN };
    let kept = freeze(world, churn, &[Kind::ConfigMap, Kind::Widget])?;
    setup::revoke(&world.kubectl, role)?;
    let lost = watch(world, &kept, round.length);
    setup::grant(&world.kubectl, role)?;
    let at = Instant::now();
    churn.thaw();
    lost?;
    Ok(Over::at(at, format!("{role}, {} rows stayed", kept.count())))
}

/// Removes the custom kind with all its objects, and adds it again with new ones.
///
/// # Errors
/// If a row of an object of another kind went meanwhile.
pub fn definition(world: &World, churn: &Churn, round: &Round) -> Result<Over> {
    let kept = freeze(world, churn, &[Kind::ConfigMap])?;
    churn.pause()?;
    churn.without_widgets();
    churn.resume();
    world.kubectl.delete(&["crd", setup::CRD])?;
    let lost = watch(world, &kept, round.length);
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
