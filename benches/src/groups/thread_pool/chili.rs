//! `chili`: fork and join with a heartbeat; work is shared only when somebody has time for it.

use super::WORKERS;
use super::cases::nested;
use crate::harness::{Bench, Contender, Group, Outcome};
use chili::{Config, Scope, ThreadPool};
use std::num::NonZero;

pub(super) fn register(group: &mut Group) {
    let how = "recursion of Scope::join(next level, nothing) on the caller's thread";
    group.add(nested::NAME, Contender::new("chili", how, join));
}

fn join(bench: &Bench) -> Outcome {
    fn level(scope: &mut Scope<'_>, left: u64) -> u64 {
        if left == 0 { 0 } else { scope.join(|scope| level(scope, left - 1), |_| 1).0 + 1 }
    }
    let pool = ThreadPool::with_config(Config {
        thread_count: NonZero::new(WORKERS),
        ..Config::default()
    });
    nested::measure(bench, |levels| level(&mut pool.scope(), levels), Vec::new)
}
