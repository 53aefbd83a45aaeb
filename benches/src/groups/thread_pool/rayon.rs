//! `rayon`: work stealing, data parallelism.

use super::WORKERS;
use super::cases::{heavy, nested, skewed, square, tiny_map, tiny_submit};
use super::tally::TALLY;
use crate::harness::{Bench, Contender, Group, Outcome};
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use rayon::{ThreadPool, ThreadPoolBuilder};

const NAME: &str = "rayon";

pub(super) fn register(group: &mut Group) {
    let how =
        "ThreadPool::spawn from outside; a shared sum, a count and a condvar, as it has no results";
    group.add(tiny_submit::NAME, Contender::new(NAME, how, submit));
    let how = "install(|| range.into_par_iter().map(f).collect::<Vec<_>>())";
    group.add(tiny_map::NAME, Contender::new(NAME, how, map));
    let how = "install(|| range.into_par_iter().map(f).sum())";
    group.add(heavy::NAME, Contender::new(NAME, how, map_heavy));
    group.add(skewed::NAME, Contender::new(NAME, how, map_skewed));
    let how = "install(|| recursion of join(next level, nothing)): nothing is queued that waits";
    group.add(nested::NAME, Contender::new(NAME, how, join));
}

fn pool() -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(WORKERS).build().expect("threads can be started")
}

fn submit(bench: &Bench) -> Outcome {
    let pool = pool();
    tiny_submit::measure(bench, |jobs| {
        TALLY.expect(jobs);
        for number in 0..jobs {
            pool.spawn(move || TALLY.add_and_count(square(number)));
        }
        TALLY.wait()
    })
}

fn map(bench: &Bench) -> Outcome {
    let pool = pool();
    let work = |jobs| pool.install(|| (0..jobs).into_par_iter().map(square).collect());
    tiny_map::measure(bench, work, |squares: Vec<u64>| squares)
}

fn map_heavy(bench: &Bench) -> Outcome {
    let pool = pool();
    heavy::measure(bench, |jobs| pool.install(|| (0..jobs).into_par_iter().map(heavy::job).sum()))
}

fn map_skewed(bench: &Bench) -> Outcome {
    let pool = pool();
    skewed::measure(bench, |jobs| pool.install(|| (0..jobs).into_par_iter().map(skewed::job).sum()))
}

fn join(bench: &Bench) -> Outcome {
    fn level(left: u64) -> u64 {
        if left == 0 { 0 } else { rayon::join(|| level(left - 1), || 1).0 + 1 }
    }
    let pool = pool();
    nested::measure(bench, |levels| pool.install(|| level(levels)), Vec::new)
}
