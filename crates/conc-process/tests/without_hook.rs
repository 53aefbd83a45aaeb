//! Without the hook and without `init`, a program cannot be started again as a server.
//!
//! `cargo test -p conc-process --no-default-features --test without_hook`

#![cfg(not(feature = "auto-init"))]

use conc_process::{Process, SpawnError, preload};
use conc_tests::watchdog;

#[test]
fn a_program_without_bootstrap_says_so() {
    let _watchdog = watchdog();
    assert!(matches!(Process::spawn(|n: u8| n, 1), Err(SpawnError::NoBootstrap)));
    assert!(matches!(preload(|| ()), Err(SpawnError::NoBootstrap)));
    // Called late, it still makes this program one that can be started again: but only if it is
    // called as early in the copy. A test harness never does that, so the copy is not a server.
    conc_process::init();
    let error = Process::spawn(|n: u8| n, 1).unwrap_err();
    assert!(matches!(error, SpawnError::ServerStart { .. }), "{error}");
}
