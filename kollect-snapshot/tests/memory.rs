//! What a row costs beside its attributes, counted at the allocator. Alone in its binary: what other tests
//! allocate would be counted too.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::alloc::System;
use std::sync::Arc;

use kollect_sink_core::{Identity, Row, Target, View};
use kollect_snapshot::{Contents, InventoryId, Sharding, Store};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const ROWS: usize = 100_000;
const BUDGET: usize = 300;
/// Of a row that an inventory holds beside its target.
const OWN_BUDGET: usize = 100;

fn held(region: &Region<'_, System>) -> usize {
    let stats = region.change();
    let resized = isize::unsigned_abs(stats.bytes_reallocated.min(0));
    (stats.bytes_allocated - stats.bytes_deallocated).saturating_sub(resized)
}

/// As an API server makes them: random. A multiplicative step visits each value once, without a generator.
fn uid(number: usize) -> String {
    let mixed = (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let low = mixed.rotate_left(29) & 0xFFFF_FFFF_FFFF;
    format!("{:08x}-{:04x}-4{:03x}-8000-{low:012x}", mixed >> 32, mixed >> 16 & 0xFFFF, mixed & 0xFFF)
}

fn fill(store: &Store, target: &Target, attributes: &str, version: u64) {
    let origin = store.origin(target, "apps", "v1", "Deployment");
    for number in 0..ROWS {
        let namespace = store.intern(&format!("namespace-{}", number % 20));
        let name = format!("deployment-{number:06}");
        let identity = Identity::new(Arc::clone(&origin), namespace, &name, &uid(number)).unwrap();
        store.upsert(Row::new(identity, attributes), version, None);
    }
}

#[test]
fn a_row_costs_at_most_300_bytes_beside_its_attributes() {
    let target = Target::new("team", "apps");
    let attributes = format!(r#"{{"image":"{}"}}"#, "x".repeat(287));
    let store = Store::new();
    store.declare(&target, []);
    let id = InventoryId::new("team", "all");
    store.set_inventory(&id, Contents::of([target.clone()]), Arc::default());
    let region = Region::new(ALLOCATOR);
    fill(&store, &target, &attributes, 1);
    let overhead = held(&region) / ROWS - attributes.len();
    println!("{overhead} bytes a row");
    assert!(overhead <= BUDGET, "{overhead} bytes a row");

    // Each row changed once must not cost more than before: nothing keeps what was replaced.
    let changed = attributes.replace("xx", "yy");
    fill(&store, &target, &changed, 2);
    let overhead = held(&region) / ROWS - attributes.len();
    println!("{overhead} bytes a row after each has changed");
    assert!(overhead <= BUDGET, "{overhead} bytes a row after each has changed");

    // What the store says of itself is near what it takes.
    let said = store.counts(&target).bytes as usize / ROWS;
    assert!(said.abs_diff(held(&region) / ROWS) < 60, "{said} bytes a row by its own account");

    let rows = held(&region);
    let view = store.view(&id);
    assert!(held(&region) - rows < 4096, "a view costs no copy");
    drop(view);

    let sharded = InventoryId::new("", "sharded");
    let contents = Contents { sharding: Sharding::ByNamespace, ..Contents::of([target.clone()]) };
    store.set_inventory(&sharded, contents, Arc::default());
    assert!(held(&region) - rows < 8192, "{} bytes for 20 namespaces", held(&region) - rows);
    store.remove_inventory(&sharded);

    leaves_half_out(&store, &target);
    let said = store.totals().bytes;
    check_own(&store, held(&region) - rows, "made of rows that were there");
    store.remove_inventory(&half());
    assert!(held(&region).saturating_sub(rows) < 4096, "{} bytes are left", held(&region) - rows);
    let own = (said - store.totals().bytes) as usize / (ROWS / 2);
    assert!((60..100).contains(&own), "{own} bytes a row by its own account");

    store.forget_target(&target);
    assert!(held(&region) < 4096, "{} bytes are left of {ROWS} rows", held(&region));

    store.declare(&target, []);
    leaves_half_out(&store, &target);
    fill(&store, &target, &attributes, 1);
    fill(&store, &target, &changed, 2);
    check_own(&store, held(&region) - rows, "filled by changes");
}

fn half() -> InventoryId {
    InventoryId::new("", "half")
}

/// Adds an inventory that has rows of its own, half of those of the target.
fn leaves_half_out(store: &Store, target: &Target) {
    let namespaces = (0..10).map(|number| store.intern(&format!("namespace-{number}")));
    let contents = Contents { namespaces: Some(namespaces.collect()), ..Contents::of([target.clone()]) };
    store.set_inventory(&half(), contents, Arc::default());
}

fn check_own(store: &Store, bytes: usize, story: &str) {
    let shown = store.view(&half()).unwrap().head().rows as usize;
    assert_eq!(shown, ROWS / 2);
    let own = bytes / shown;
    println!("{own} bytes a row beside its target's: {story}");
    assert!(own <= OWN_BUDGET, "{own} bytes a row beside its target's: {story}");
}
