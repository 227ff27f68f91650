//! Makes things go wrong for a while, and right again. Whether the sinks got over it is the oracle's to say.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::change::Change;
use super::churn::Churn;
use super::dice::Dice;
use super::plan::{Fault, Round};
use super::world::World;
use super::{loss, twins};
use crate::e2e::Relay;
use crate::e2e::relay::Manner;
use crate::fixture::etcd::Store;
use crate::wait;

/// A fault that is over.
#[derive(Debug)]
pub struct Over {
    /// When all was right again.
    pub at: Instant,
    /// What happened, in a few words.
    pub what: String,
    /// Lists before a fault after which the operator must have listed again.
    lists: Option<usize>,
}

impl Over {
    /// Over now.
    #[must_use]
    pub fn now(what: impl Into<String>) -> Self {
        Self::at(Instant::now(), what)
    }

    /// Over since then.
    #[must_use]
    pub fn at(at: Instant, what: impl Into<String>) -> Self {
        Self { at, what: what.into(), lists: None }
    }

    /// Looks whether the fault had its effect.
    ///
    /// # Errors
    /// If it had not.
    pub fn check(&self, world: &mut World) -> Result<()> {
        if let Some(before) = self.lists {
            ensure!(relists(world)? > before, "the operator did not list again");
        }
        Ok(())
    }
}

/// Injects the round's fault while objects change, and returns when it is over.
///
/// # Errors
/// If the fault could not be made, or shows at once that something is wrong.
pub fn inject(world: &mut World, churn: &Churn, round: &Round) -> Result<Over> {
    let mut dice = Dice::new(round.seed);
    match round.fault {
        Fault::Operator => operator(world, &mut dice),
        Fault::Postgres => postgres(world, &mut dice),
        Fault::Apiserver => apiserver(world, &mut dice),
        Fault::PostgresCut => Ok(cut(&world.to_postgres, round.length, &mut dice)),
        Fault::ApiCut => Ok(cut(&world.to_api, round.length, &mut dice)),
        Fault::PostgresSlow => Ok(slow(&world.to_postgres, round.length, &mut dice)),
        Fault::ApiSlow => Ok(slow(&world.to_api, round.length, &mut dice)),
        Fault::PostgresStall => Ok(stall(&world.to_postgres, round.length)),
        Fault::ApiStall => Ok(stall(&world.to_api, round.length)),
        Fault::PostgresHalfOpen => Ok(half_open(&world.to_postgres, round.length)),
        Fault::ApiHalfOpen => Ok(half_open(&world.to_api, round.length)),
        Fault::Compaction => compaction(world, round.length),
        Fault::Namespace => namespace(world, churn, round, &mut dice),
        Fault::DiskFull => disk_full(world, round.length),
        Fault::Rbac => loss::rights(world, churn, round, &mut dice),
        Fault::Scope => loss::policy(world, churn, round, &mut dice),
        Fault::Crd => loss::definition(world, churn, round),
        Fault::Paused => twins::pause(world, churn, round),
    }
}

fn operator(world: &mut World, dice: &mut Dice) -> Result<Over> {
    let mut kills = 1;
    world.kill_operator()?;
    world.start_operator()?;
    // At times the new one dies too, on its way through listing, claiming or its first writes.
    while dice.per_mille(300) && kills < 4 {
        thread::sleep(dice.between(Duration::from_millis(50), Duration::from_secs(2)));
        world.kill_operator()?;
        world.start_operator()?;
        kills += 1;
    }
    Ok(Over::now(format!("{kills} kills")))
}

fn postgres(world: &mut World, dice: &mut Dice) -> Result<Over> {
    let kill = dice.per_mille(600);
    if kill {
        world.postgres.kill()?
    } else {
        world.postgres.stop()?
    }
    thread::sleep(dice.between(Duration::ZERO, Duration::from_secs(3)));
    world.postgres.start_again()?;
    Ok(Over::now(if kill { "killed" } else { "restarted" }))
}

fn apiserver(world: &mut World, dice: &mut Dice) -> Result<Over> {
    let what = match dice.below(4) {
        0 => {
            world.kube.restart_apiserver()?;
            "restarted"
        }
        1 => {
            world.kube.kill_apiserver()?;
            world.kube.start_apiserver()?;
            "killed"
        }
        2 => {
            world.kube.crash_etcd()?;
            "its etcd killed"
        }
        _ => {
            world.kube.kill_apiserver()?;
            world.kube.crash_etcd()?;
            world.kube.start_apiserver()?;
            "killed with its etcd"
        }
    };
    Ok(Over::now(what))
}

fn cut(relay: &Relay, length: Duration, dice: &mut Dice) -> Over {
    let end = Instant::now() + length;
    let (mut times, mut connections) = (0, 0);
    while Instant::now() < end {
        // At times nobody answers for a while.
        relay.set(if dice.per_mille(300) { Manner::Refuse } else { Manner::Open });
        connections += relay.cut();
        times += 1;
        let pause = dice.between(Duration::from_millis(100), Duration::from_secs(4));
        thread::sleep(pause.min(end.saturating_duration_since(Instant::now())));
    }
    relay.set(Manner::Open);
    Over::now(format!("{connections} connections cut in {times} times"))
}

fn slow(relay: &Relay, length: Duration, dice: &mut Dice) -> Over {
    let delay = dice.between(Duration::from_millis(20), Duration::from_millis(400));
    relay.set(Manner::Delay(delay));
    thread::sleep(length);
    relay.set(Manner::Open);
    Over::now(format!("{} ms each way", delay.as_millis()))
}

fn stall(relay: &Relay, length: Duration) -> Over {
    relay.set(Manner::Stall);
    thread::sleep(length);
    relay.set(Manner::Open);
    Over::now("then went on")
}

fn half_open(relay: &Relay, length: Duration) -> Over {
    relay.set(Manner::Stall);
    thread::sleep(length);
    // Those that came while it was silent, too.
    let connections = relay.silence();
    relay.set(Manner::Open);
    Over::now(format!("{connections} connections silent for ever"))
}

/// An API server that starts remembers no version from before, and after the compaction neither does its store: a watch
/// that is resumed must be told 410, and list again.
fn compaction(world: &mut World, length: Duration) -> Result<Over> {
    let lists = relists(world)?;
    world.to_api.set(Manner::Refuse);
    let _ = world.to_api.cut();
    thread::sleep(length);
    Store::at(&world.kube.etcd_url())?.compact()?;
    world.kube.kill_apiserver()?;
    world.kube.start_apiserver()?;
    world.to_api.set(Manner::Open);
    Ok(Over { lists: Some(lists), ..Over::now("versions forgotten") })
}

fn relists(world: &mut World) -> Result<usize> {
    Ok(world.operator()?.log()?.lines().filter(|line| line.contains("listed kind=ConfigMap")).count())
}

fn namespace(world: &World, churn: &Churn, round: &Round, dice: &mut Dice) -> Result<Over> {
    let model = churn.pause()?;
    // One of the fuller ones, or there would be little to see.
    let mut held: Vec<(usize, &String)> = model
        .namespaces
        .iter()
        .filter(|(_, held)| held.selected)
        .map(|(name, held)| (held.objects.len(), name))
        .collect();
    held.sort_unstable();
    let fuller = held.split_off(held.len() / 2);
    let (objects, name) = dice.pick(fuller.into_iter()).context("there is no namespace that is collected")?;
    let name = name.clone();
    churn.forget(&name);
    churn.resume();
    world.kubectl.run(&["delete", "namespace", &name, "--wait=false"])?;
    thread::sleep(round.length);
    wait::until(&format!("namespace {name} is gone"), Duration::from_secs(60), || {
        let names = world.kubectl.run(&["get", "namespaces", "-o", "name"])?;
        Ok((!names.lines().any(|line| line == format!("namespace/{name}"))).then_some(()))
    })?;
    churn.make(&name, Change::several(&name, &format!("round-{}", round.number)))?;
    Ok(Over::now(format!("{name} with {objects} objects, made again")))
}

fn disk_full(world: &World, length: Duration) -> Result<Over> {
    let disk = world.disk.as_ref().context("the folder is on no disk of its own")?;
    let end = Instant::now() + length;
    let mut taken = 0;
    while Instant::now() < end {
        // What the operator frees is taken too.
        taken += disk.fill()?;
        thread::sleep(Duration::from_millis(100));
    }
    disk.free()?;
    Ok(Over::now(format!("{} MB taken", taken >> 20)))
}
