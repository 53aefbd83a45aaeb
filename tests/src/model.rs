//! Runs a loom model to its end, and says how much of it there was.

use crate::watchdog_for;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Threads are preempted so many times; nearly all known concurrency bugs need no more.
const PREEMPTIONS: usize = 2;
/// A model that takes longer is too large: it fails instead of passing half explored.
const PATIENCE: Duration = Duration::from_secs(60);

/// Explores `fragment` to the end and prints how many executions there were.
///
/// # Panics
///
/// If an execution does, or deadlocks, or leaks.
pub fn model(name: &str, fragment: impl Fn() + Sync + Send + 'static) {
    let _watchdog = watchdog_for(PATIENCE);
    let executions = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&executions);
    let started = Instant::now();
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS);
    builder.max_branches = 20_000;
    builder.max_duration = None;
    builder.max_permutations = None;
    builder.check(move || {
        count.fetch_add(1, Ordering::Relaxed);
        fragment();
    });
    let executions = executions.load(Ordering::Relaxed);
    assert!(executions > 1, "a model with one execution shows nothing");
    eprintln!("model {name}: {executions} executions in {:?}", started.elapsed());
}
