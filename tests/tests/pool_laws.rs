//! Pools of processes keep the laws of executors.
//!
//! In a file of its own: what is said of the environment below holds while there is one test.
#![cfg(all(target_os = "linux", not(conc_loom)))]

use conc_process::Pool;
use conc_tests::laws::judge_executor;
use conc_tests::watchdog_for;
use std::time::Duration;

/// Each law has a watchdog of its own.
const ALL_LAWS: Duration = Duration::from_secs(600);

#[test]
fn pools_of_one_and_of_three_processes_keep_the_laws() {
    let _watchdog = watchdog_for(ALL_LAWS);
    // Hundreds of jobs panic on purpose; looking up a backtrace in each of these processes takes
    // longer than all laws together.
    // SAFETY:
    // - The other threads of this program are the test runner's, which waits for this test, and
    //   the watchdog, which waits for a channel: none of them reads or changes the environment.
    unsafe { std::env::remove_var("RUST_BACKTRACE") };
    for workers in [1, 3] {
        let make = || Pool::builder().workers(workers).build().unwrap();
        judge_executor("Pool", &make).compare_with_table();
    }
}
