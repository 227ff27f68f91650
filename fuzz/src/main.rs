//! The fuzzing engine's entry: `KOLLECT_FUZZ` names the target. It holds no target.

#![no_main]

use std::sync::LazyLock;

mod targets;

static TARGET: LazyLock<targets::Target> = LazyLock::new(|| {
    let name = std::env::var("KOLLECT_FUZZ").unwrap_or_default();
    let known = targets::TARGETS.iter().find(|(known, _)| *known == name);
    known.map_or_else(|| panic!("no target `{name}`"), |(_, target)| *target)
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| TARGET(data));
