//! Executors keep their laws.
#![cfg(all(unix, not(conc_loom)))]

use conc_core::InlineExecutor;
use conc_tests::laws::judge_executor;
use conc_tests::watchdog_for;
use conc_thread::ThreadPool;
use std::time::Duration;

/// Each law has a watchdog of its own.
const ALL_LAWS: Duration = Duration::from_secs(600);

#[test]
fn the_inline_executor_keeps_the_laws() {
    let _watchdog = watchdog_for(ALL_LAWS);
    judge_executor("InlineExecutor", &InlineExecutor::new).compare_with_table();
}

fn pool_of(workers: usize) -> ThreadPool {
    ThreadPool::builder().workers(workers).build().unwrap()
}

#[test]
fn a_pool_of_one_thread_keeps_the_laws() {
    let _watchdog = watchdog_for(ALL_LAWS);
    judge_executor("ThreadPool", &|| pool_of(1)).compare_with_table();
}

#[test]
fn a_pool_of_two_threads_keeps_the_laws() {
    let _watchdog = watchdog_for(ALL_LAWS);
    judge_executor("ThreadPool", &|| pool_of(2)).compare_with_table();
}

#[test]
fn a_pool_of_four_threads_keeps_the_laws() {
    let _watchdog = watchdog_for(ALL_LAWS);
    judge_executor("ThreadPool", &|| pool_of(4)).compare_with_table();
}
