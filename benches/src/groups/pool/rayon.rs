//! `rayon`: threads; what processes cannot be faster than.

use super::super::thread_pool::cases::{heavy, skewed, square, tiny_map};
use super::WORKERS;
use super::cases::idle;
use crate::harness::{Bench, Contender, Group, Outcome};
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use rayon::{ThreadPool, ThreadPoolBuilder};

const NAME: &str = "rayon";

pub(super) fn register(group: &mut Group) {
    let how = "install(|| range.into_par_iter().map(f).collect::<Vec<_>>())";
    group.add(tiny_map::NAME, Contender::new(NAME, how, map));
    let how = "install(|| range.into_par_iter().map(f).sum())";
    group.add(heavy::NAME, Contender::new(NAME, how, map_heavy));
    group.add(skewed::NAME, Contender::new(NAME, how, map_skewed));
    let how = "a ThreadPool, which has run a map: two threads";
    group.add(idle::NAME, Contender::alone(NAME, how, at_rest));
}

fn pool() -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(WORKERS).build().expect("threads can be started")
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

fn at_rest(bench: &Bench) -> Outcome {
    let pool = pool();
    idle::measure(bench, |jobs| pool.install(|| (0..jobs).into_par_iter().map(square).sum()))
}
