//! Whatever goes wrong, every sink equals the cluster soon after. What can go wrong is the harness's to know: see
//! `cargo xtask chaos`.

use std::time::{SystemTime, UNIX_EPOCH};

use xtask::chaos::{self, Run, plan};

use crate::stage::{full, turn};

#[test]
fn every_sink_equals_the_cluster_after_each_fault() {
    let _turn = turn();
    // Another history each time; a failure names the seed that repeats it.
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let rounds = if full() { plan::full(seed, &[]) } else { plan::sample(seed) };
    let program = std::env::var_os("KOLLECT_BIN").expect("run by `cargo xtask test`").into();
    let played = chaos::run(&Run { seed, rounds, limit: None, rate: 200, program });
    assert!(played.is_ok(), "{:#}", played.unwrap_err());
}
