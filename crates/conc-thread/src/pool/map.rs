//! Lazy maps: items go out in batches, results come back in order or as they come.

use super::batch::{Batch, Part, Shared};
use super::pace::Pace;
use super::progress::{Meter, Progress};
use super::registry::Registry;
use conc_core::sync::AtomicBool;
use conc_core::{JobSet, JoinError};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::iter::FusedIterator;
use std::sync::Arc;

/// Batches that are kept ahead for each worker: one that runs, one that waits, and one to spare
/// while the reader is busy.
const BATCHES_PER_WORKER: usize = 3;
/// How a map is to be run; fixed by the first call of `next`.
struct Plan {
    registry: Arc<Registry>,
    batch_len: Option<usize>,
    look_ahead: Option<usize>,
    progress: Option<Box<dyn Fn(Progress) + Send + Sync>>,
}

/// The items, and how they go out.
struct Source<F, I> {
    shared: Arc<Shared<F>>,
    /// Empty when exhausted, so that it is not asked again.
    items: Option<I>,
    place: usize,
    last_batch: usize,
    /// Items that have gone out and whose results have not been given out.
    ahead: usize,
    look_ahead: usize,
}

impl<F, I: Iterator> Source<F, I> {
    fn start(plan: Plan, function: F, items: I) -> Self {
        let pace = plan.batch_len.map_or_else(Pace::adaptive, Pace::fixed);
        let total = items.size_hint();
        let total = total.1.filter(|upper| *upper == total.0);
        let meter = plan.progress.map_or_else(Meter::default, |call| Meter::new(total, call));
        let abandoned = AtomicBool::new(false);
        let shared = Shared { registry: plan.registry, function, pace, meter, abandoned };
        Self {
            shared: Arc::new(shared),
            items: Some(items),
            place: 0,
            last_batch: 1,
            ahead: 0,
            look_ahead: plan.look_ahead.unwrap_or(usize::MAX),
        }
    }

    /// Whether another batch should go out when so many are out.
    fn wants_more(&self, batches: usize) -> bool {
        let workers = self.shared.registry.settings.workers;
        batches < workers * BATCHES_PER_WORKER || self.shared.pace.is_little(self.ahead / workers)
    }

    /// Hands the next batch over; `None` if the items are exhausted or enough are ahead.
    fn next_part<R>(&mut self) -> Option<Part<R>>
    where
        F: Fn(I::Item) -> R + Send + Sync + 'static,
        I::Item: Send + 'static,
        R: Send + 'static,
    {
        let room = self.look_ahead.saturating_sub(self.ahead);
        if room == 0 {
            return None;
        }
        // Taken out while it is asked: a source that panics is exhausted.
        let mut items = self.items.take()?;
        let share =
            items.size_hint().1.map(|left| left / (2 * self.shared.registry.settings.workers));
        let len = self.shared.pace.next_batch(self.last_batch, share).min(room);
        // One by one: `collect` would trust a size hint with memory.
        let mut batch = Vec::with_capacity(len.min(items.size_hint().0.max(1)));
        batch.extend(items.by_ref().take(len));
        if batch.len() == len {
            self.items = Some(items);
        }
        if batch.is_empty() {
            return None;
        }
        let (place, len) = (self.place, batch.len());
        self.last_batch = len;
        self.place += len;
        self.ahead += len;
        Some(self.shared.submit(place, batch))
    }
}

/// The results of one batch on their way out.
struct Unpacked<R> {
    done: std::vec::IntoIter<R>,
    failed: std::vec::IntoIter<(usize, JoinError)>,
    next: usize,
    next_failure: usize,
}

impl<R> Unpacked<R> {
    fn new(done: Vec<R>, failed: Vec<(usize, JoinError)>) -> Self {
        let next_failure = failed.first().map_or(usize::MAX, |(place, _)| *place);
        Self { done: done.into_iter(), failed: failed.into_iter(), next: 0, next_failure }
    }

    /// Results that are left.
    fn len(&self) -> usize {
        self.done.len() + self.failed.len()
    }

    /// The place of the next result in its batch.
    fn place(&self) -> usize {
        self.next
    }

    #[inline]
    fn next(&mut self) -> Option<Result<R, JoinError>> {
        let result = if self.next == self.next_failure {
            Err(self.take_failure()?)
        } else {
            Ok(self.done.next()?)
        };
        self.next += 1;
        Some(result)
    }

    #[cold]
    fn take_failure(&mut self) -> Option<JoinError> {
        let (_, error) = self.failed.next()?;
        self.next_failure = self.failed.as_slice().first().map_or(usize::MAX, |(place, _)| *place);
        Some(error)
    }
}

enum Stage<F, I> {
    Planned(Plan, F, I),
    Running(Source<F, I>),
    /// Only while one turns into the other, or when the function of a plan has panicked.
    Moving,
}

impl<F, I: Iterator> Stage<F, I> {
    fn source(&mut self) -> &mut Source<F, I> {
        if matches!(self, Self::Planned(..)) {
            *self = match std::mem::replace(self, Self::Moving) {
                Self::Planned(plan, function, items) => {
                    Self::Running(Source::start(plan, function, items))
                }
                other => other,
            };
        }
        match self {
            Self::Running(source) => source,
            Self::Planned(..) | Self::Moving => unreachable!("the plan has been carried out"),
        }
    }

    fn abandon(&self) {
        if let Self::Running(source) = self {
            source.shared.abandon();
        }
    }

    /// How many results are still to come out of items that were or will be taken.
    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Self::Planned(_, _, items) => items.size_hint(),
            Self::Running(source) => {
                let (least, most) = source.items.as_ref().map_or((0, Some(0)), I::size_hint);
                let most = most.and_then(|most| most.checked_add(source.ahead));
                (least.saturating_add(source.ahead), most)
            }
            Self::Moving => (0, None),
        }
    }

    fn plan(&mut self) -> &mut Plan {
        match self {
            Self::Planned(plan, ..) => plan,
            Self::Running(_) | Self::Moving => panic!("a map is configured before it is read"),
        }
    }
}

macro_rules! choices {
    () => {
        /// Hands so many items over at a time. Default: learned from what items cost, so that a
        /// batch takes about 0.5 ms. Either way the end of a batch goes to a worker without work.
        ///
        /// # Panics
        ///
        /// If `items` is 0, or if the map has been read from.
        #[doc(alias = "chunksize")]
        pub fn batch_len(mut self, items: usize) -> Self {
            assert!(items > 0, "a batch has at least one item");
            self.stage.plan().batch_len = Some(items);
            self
        }

        /// Takes at most so many items out of the source before their results are given out.
        /// Default: three batches a worker, and more up to about 50 ms of work for each, so that
        /// one slow item does not stop the others.
        ///
        /// # Panics
        ///
        /// If `items` is 0, or if the map has been read from.
        #[doc(alias = "buffersize")]
        pub fn look_ahead(mut self, items: usize) -> Self {
            assert!(items > 0, "without looking ahead nothing is ever submitted");
            self.stage.plan().look_ahead = Some(items);
            self
        }

        /// Calls `callback` on the worker after each batch.
        ///
        /// # Panics
        ///
        /// If the map has been read from.
        pub fn on_progress(mut self, callback: impl Fn(Progress) + Send + Sync + 'static) -> Self {
            self.stage.plan().progress = Some(Box::new(callback));
            self
        }

        /// Shows the progress in `bar`.
        ///
        /// # Panics
        ///
        /// If the map has been read from.
        #[cfg(feature = "indicatif")]
        pub fn progress_bar(self, bar: indicatif::ProgressBar) -> Self {
            self.on_progress(move |progress| {
                if let Some(total) = progress.total {
                    bar.set_length(total as u64);
                }
                bar.set_position(progress.done as u64);
            })
        }
    };
}

/// Results in the order of the items; see [`ThreadPool::map`](super::ThreadPool::map).
///
/// Dropping it cancels what is queued, and stops what runs after the item that it is at.
#[must_use = "nothing is submitted before the first call of next"]
pub struct Map<F, I: Iterator, R> {
    stage: Stage<F, I>,
    /// Batches in the order of their places.
    parts: VecDeque<Part<R>>,
    current: Unpacked<R>,
}

impl<F, I: Iterator, R> Map<F, I, R> {
    choices!();

    pub(super) fn new(registry: Arc<Registry>, function: F, items: I) -> Self {
        Self {
            stage: Stage::Planned(plan(registry), function, items),
            parts: VecDeque::new(),
            current: Unpacked::new(Vec::new(), Vec::new()),
        }
    }
}

fn plan(registry: Arc<Registry>) -> Plan {
    Plan { registry, batch_len: None, look_ahead: None, progress: None }
}

impl<F, I, R> Map<F, I, R>
where
    F: Fn(I::Item) -> R + Send + Sync + 'static,
    I: Iterator,
    I::Item: Send + 'static,
    R: Send + 'static,
{
    #[cold]
    fn next_batch(&mut self) -> Option<()> {
        let source = self.stage.source();
        while source.wants_more(self.parts.len()) {
            let Some(part) = source.next_part() else { break };
            self.parts.push_back(part);
        }
        let Batch { done, failed, rest, .. } = self.parts.pop_front()?.join();
        source.ahead -= done.len() + failed.len();
        for part in rest {
            self.parts.push_front(part);
        }
        self.current = Unpacked::new(done, failed);
        Some(())
    }
}

impl<F, I, R> Iterator for Map<F, I, R>
where
    F: Fn(I::Item) -> R + Send + Sync + 'static,
    I: Iterator,
    I::Item: Send + 'static,
    R: Send + 'static,
{
    type Item = Result<R, JoinError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let result = self.current.next();
            if result.is_some() {
                return result;
            }
            self.next_batch()?;
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (least, most) = self.stage.size_hint();
        let unpacked = self.current.len();
        (least.saturating_add(unpacked), most.and_then(|most| most.checked_add(unpacked)))
    }
}

impl<F, I, R> FusedIterator for Map<F, I, R>
where
    F: Fn(I::Item) -> R + Send + Sync + 'static,
    I: Iterator,
    I::Item: Send + 'static,
    R: Send + 'static,
{
}

/// Nobody reads any more: what is queued is cancelled, batches that run stop after their item.
impl<F, I: Iterator, R> Drop for Map<F, I, R> {
    fn drop(&mut self) {
        self.stage.abandon();
        for part in &self.parts {
            part.job.cancel();
        }
    }
}

impl<F, I: Iterator, R> fmt::Debug for Map<F, I, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Map").field("batches_ahead", &self.parts.len()).finish_non_exhaustive()
    }
}

/// Results as they come; see [`ThreadPool::map_unordered`](super::ThreadPool::map_unordered).
///
/// Dropping it cancels what is queued, and stops what runs after the item that it is at.
#[must_use = "nothing is submitted before the first call of next"]
pub struct MapUnordered<F, I: Iterator, R> {
    stage: Stage<F, I>,
    parts: JobSet<Batch<R>>,
    /// Where each part of the set begins and how long it is, should it fail as a whole.
    spans: HashMap<usize, (usize, usize)>,
    current: Unpacked<R>,
    base: usize,
}

impl<F, I: Iterator, R> MapUnordered<F, I, R> {
    choices!();

    pub(super) fn new(registry: Arc<Registry>, function: F, items: I) -> Self {
        Self {
            stage: Stage::Planned(plan(registry), function, items),
            parts: JobSet::new(),
            spans: HashMap::new(),
            current: Unpacked::new(Vec::new(), Vec::new()),
            base: 0,
        }
    }

    fn add(&mut self, part: Part<R>) {
        let index = self.parts.add(part.job);
        self.spans.insert(index, (part.place, part.len));
    }
}

impl<F, I, R> MapUnordered<F, I, R>
where
    F: Fn(I::Item) -> R + Send + Sync + 'static,
    I: Iterator,
    I::Item: Send + 'static,
    R: Send + 'static,
{
    #[cold]
    fn next_batch(&mut self) -> Option<()> {
        while self.stage.source().wants_more(self.parts.len()) {
            let Some(part) = self.stage.source().next_part() else { break };
            self.add(part);
        }
        let (index, batch) = self.parts.next_finished()?;
        let (place, len) = self.spans.remove(&index)?;
        let Batch { place, done, failed, rest } =
            batch.unwrap_or_else(|error| Batch::all_failed(place, len, &error));
        self.stage.source().ahead -= done.len() + failed.len();
        for part in rest {
            self.add(part);
        }
        self.base = place;
        self.current = Unpacked::new(done, failed);
        Some(())
    }
}

impl<F, I, R> Iterator for MapUnordered<F, I, R>
where
    F: Fn(I::Item) -> R + Send + Sync + 'static,
    I: Iterator,
    I::Item: Send + 'static,
    R: Send + 'static,
{
    type Item = (usize, Result<R, JoinError>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let place = self.base + self.current.place();
            if let Some(result) = self.current.next() {
                return Some((place, result));
            }
            self.next_batch()?;
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (least, most) = self.stage.size_hint();
        let unpacked = self.current.len();
        (least.saturating_add(unpacked), most.and_then(|most| most.checked_add(unpacked)))
    }
}

impl<F, I, R> FusedIterator for MapUnordered<F, I, R>
where
    F: Fn(I::Item) -> R + Send + Sync + 'static,
    I: Iterator,
    I::Item: Send + 'static,
    R: Send + 'static,
{
}

/// Nobody reads any more: what is queued is cancelled, batches that run stop after their item.
impl<F, I: Iterator, R> Drop for MapUnordered<F, I, R> {
    fn drop(&mut self) {
        self.stage.abandon();
        self.parts.cancel_all();
    }
}

impl<F, I: Iterator, R> fmt::Debug for MapUnordered<F, I, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapUnordered").field("batches_ahead", &self.parts).finish_non_exhaustive()
    }
}
