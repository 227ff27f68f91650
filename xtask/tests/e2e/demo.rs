//! `cargo xtask demo`, which is what a stranger tries first: it must get to its end.

use std::process::Command;

use crate::stage::turn;

#[test]
fn the_demo_runs_to_its_end_and_shows_rows_that_follow() {
    let _turn = turn();
    let output = Command::new(env!("CARGO_BIN_EXE_xtask")).arg("demo").output().unwrap();
    let (said, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{error}");
    for shown in ["ConnectionVerified=True", "Synced=True", "(6 rows)", "(5 rows)", "wishlist"] {
        assert!(said.contains(shown), "{shown} is missing:\n{said}");
    }
    let changes = said.lines().filter(|line| line.matches(" ms").count() == 2).count();
    assert_eq!(changes, 8, "{said}");
    assert!(!said.contains('\x1b'), "colours are for terminals: {said}");
}
