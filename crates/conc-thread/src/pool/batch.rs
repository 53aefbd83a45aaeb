//! Many items run in one go, and divided when somebody is without work.

use super::pace::Pace;
use super::progress::Meter;
use super::registry::{Hurry, Registry};
use super::worker::run_item;
use conc_core::job::{Package, caught, quietly};
use conc_core::sync::{AtomicBool, Ordering};
use conc_core::{Job, JoinError};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A running batch reports what its items cost when it has something to report.
const LEARN_AT_ONCE: Duration = Duration::from_micros(10);

/// What all batches of one map share.
pub(super) struct Shared<F> {
    pub(super) registry: Arc<Registry>,
    pub(super) function: F,
    pub(super) pace: Pace,
    pub(super) meter: Meter,
    /// Nobody reads the results any more.
    pub(super) abandoned: AtomicBool,
}

/// The results of one batch.
pub(super) struct Batch<R> {
    /// The place of the first item in the map.
    pub(super) place: usize,
    /// What went well, in order.
    pub(super) done: Vec<R>,
    /// What failed: its place in the batch, ascending.
    pub(super) failed: Vec<(usize, JoinError)>,
    /// What was given away from the end of the batch, in the order in which it was: the last part
    /// given away follows directly after this batch's own results.
    pub(super) rest: Vec<Part<R>>,
}

/// A batch that was handed over.
pub(super) struct Part<R> {
    pub(super) place: usize,
    pub(super) len: usize,
    pub(super) job: Job<Batch<R>>,
}

/// What some items have cost.
#[derive(Default)]
struct Cost {
    items: usize,
    time: Duration,
}

impl Cost {
    fn add(&mut self, items: usize, time: Duration) {
        self.items += items;
        self.time += time;
    }
}

impl<R> Batch<R> {
    /// A batch whose every item has the same fate.
    pub(super) fn all_failed(place: usize, len: usize, error: &JoinError) -> Self {
        let failed = (0..len).map(|index| (index, error.clone())).collect();
        Self { place, done: Vec::new(), failed, rest: Vec::new() }
    }
}

impl<R> Part<R> {
    /// Waits for the batch.
    pub(super) fn join(self) -> Batch<R> {
        let Self { place, len, job } = self;
        job.join().unwrap_or_else(|error| Batch::all_failed(place, len, &error))
    }
}

impl<F> Shared<F> {
    /// Whoever reads the results has gone: what runs stops after its item, what waits never runs.
    pub(super) fn abandon(&self) {
        // ORDERING: Relaxed. The sooner it is seen the better, and nothing depends on it.
        self.abandoned.store(true, Ordering::Relaxed);
    }

    fn is_abandoned(&self) -> bool {
        // ORDERING: Relaxed. As above.
        self.abandoned.load(Ordering::Relaxed)
    }

    /// Hands a batch over, as new work: refused when the pool is closed.
    pub(super) fn submit<A, R>(self: &Arc<Self>, place: usize, items: Vec<A>) -> Part<R>
    where
        F: Fn(A) -> R + Send + Sync + 'static,
        A: Send + 'static,
        R: Send + 'static,
    {
        let len = items.len();
        let shared = Arc::clone(self);
        let job = self.registry.submit(move || shared.run(place, items), Hurry::AtOnce);
        let job = job.unwrap_or_else(|_closed| Job::finished(Err(JoinError::Cancelled)));
        Part { place, len, job }
    }

    /// Gives the end of a running batch away: the work is accepted already, closed or not.
    fn give_away<A, R>(self: &Arc<Self>, place: usize, items: Vec<A>) -> Part<R>
    where
        F: Fn(A) -> R + Send + Sync + 'static,
        A: Send + 'static,
        R: Send + 'static,
    {
        let len = items.len();
        let shared = Arc::clone(self);
        let package = Package::new(self.registry.id, move || shared.run(place, items));
        self.registry.push(package.runnable(), Hurry::AtOnce);
        Part { place, len, job: package.into_job() }
    }

    /// Runs a batch on a worker.
    fn run<A, R>(self: &Arc<Self>, place: usize, items: Vec<A>) -> Batch<R>
    where
        F: Fn(A) -> R + Send + Sync + 'static,
        A: Send + 'static,
        R: Send + 'static,
    {
        let mut batch = Batch {
            place,
            done: Vec::with_capacity(items.len()),
            failed: Vec::new(),
            rest: Vec::new(),
        };
        let mut items = items.into_iter();
        let mut cost = Cost::default();
        while items.len() > 0 && !self.is_abandoned() {
            let anybody_idle = self.registry.idle.is_anybody_idle();
            if anybody_idle && items.len() > 1 && self.pace.is_worth_sharing(items.len()) {
                self.share(&mut items, &mut batch);
            }
            let started = Instant::now();
            let before = items.len();
            self.run_stride(anybody_idle, &mut items, &mut batch);
            cost.add(before - items.len(), started.elapsed());
            // Rarely, since all workers write there; at once if it is news.
            if cost.time >= LEARN_AT_ONCE || items.len() == 0 {
                let Cost { items, time } = std::mem::take(&mut cost);
                self.pace.learn(items, time);
            }
        }
        // Its callback is the user's, and no reason to lose results.
        quietly(|| self.meter.count(batch.done.len(), batch.failed.len()));
        batch
    }

    /// Runs some items: up to the next look around, the next panic, or the moment when somebody is
    /// without work who had some before.
    fn run_stride<A, R>(
        &self,
        anybody_idle: bool,
        items: &mut std::vec::IntoIter<A>,
        batch: &mut Batch<R>,
    ) where
        F: Fn(A) -> R,
    {
        let stride = self.pace.stride(anybody_idle);
        let done = &mut batch.done;
        let outcome = caught(|| {
            for item in items.by_ref().take(stride) {
                done.push(run_item(&self.registry, || (self.function)(item)));
                let somebody_idle = !anybody_idle && self.registry.idle.is_anybody_idle();
                if somebody_idle || self.is_abandoned() {
                    break;
                }
            }
        });
        if let Err(error) = outcome {
            batch.failed.push((batch.done.len() + batch.failed.len(), error));
        }
    }

    /// Gives the second half of what is left to somebody without work.
    fn share<A, R>(self: &Arc<Self>, items: &mut std::vec::IntoIter<A>, batch: &mut Batch<R>)
    where
        F: Fn(A) -> R + Send + Sync + 'static,
        A: Send + 'static,
        R: Send + 'static,
    {
        let mut mine: Vec<A> = items.collect();
        let theirs = mine.split_off(mine.len().div_ceil(2));
        let place = batch.place + batch.done.len() + batch.failed.len() + mine.len();
        batch.rest.push(self.give_away(place, theirs));
        *items = mine.into_iter();
    }
}
