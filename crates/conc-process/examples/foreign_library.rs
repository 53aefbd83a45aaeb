//! A shared library that tries to start a process inside of a program that it knows nothing of.
//!
//! Loaded by a test; of no use by itself.

use conc_process::{Process, SpawnError};

/// 1: refused for the right reason.
#[unsafe(no_mangle)]
pub extern "C" fn conc_try_to_spawn() -> i32 {
    match Process::spawn(|n: i32| n, 1) {
        Err(SpawnError::NoBootstrap) => 1,
        Err(_) => 2,
        Ok(_) => 3,
    }
}
