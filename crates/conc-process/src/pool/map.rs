//! Lazy maps: items go out in batches, results come back in order or as they come.

use super::bytes::Bytes;
use super::cargo::{Batch, Outcomes, Part, Terms};
use super::desk::{HEAD, read_head};
use super::draft::Draft;
use super::pace::{BATCH_BYTES, Pace};
use super::reply::failure;
use super::routine::Work;
use super::shared::Shared;
use super::submit::{Load, refused, submit_batch};
use conc_core::courier::{self, Baggage};
use conc_core::job::caught;
use conc_core::{Job, JobSet, JoinError, Wire};
use std::collections::{HashMap, VecDeque};
use std::iter::FusedIterator;
use std::marker::PhantomData;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

/// Batches that are kept ahead for each worker: one that runs, one that waits, and one to spare
/// while the reader is busy.
const BATCHES_PER_WORKER: usize = 3;

/// Room for the offsets of more items is found as they come.
const MOST_OFFSETS: usize = 8192;
/// An item that ends behind this goes out alone: the offsets have 32 bits.
const MOST_BATCH_BYTES: usize = 1 << 30;

/// How far a map has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Items that have been run, well or not.
    pub done: usize,
    /// Items in all, if the source knows.
    pub total: Option<usize>,
}

type Callback = Box<dyn FnMut(Progress) + Send>;

/// The items, and how they go out.
struct Source<I> {
    shared: Arc<Shared>,
    /// `None`: the function is not in the main executable.
    work: Option<Work>,
    terms: Terms,
    /// Empty when exhausted, so that it is not asked again.
    items: Option<I>,
    /// What has gone out, or cannot: to be read before anything else goes out.
    spare: Option<Part>,
    pace: Pace,
    last_batch: usize,
    last_bytes: usize,
    /// Items that have gone out and whose results have not been given out.
    ahead: usize,
    look_ahead: usize,
    done: usize,
    total: Option<usize>,
    callback: Option<Callback>,
}

impl<I: Iterator<Item: Wire>> Source<I> {
    fn new(shared: &Arc<Shared>, work: Option<Work>, items: I, terms: Terms) -> Self {
        let (least, most) = items.size_hint();
        Self {
            shared: Arc::clone(shared),
            work,
            terms,
            items: Some(items),
            spare: None,
            pace: Pace::default(),
            last_batch: 1,
            last_bytes: 0,
            ahead: 0,
            look_ahead: usize::MAX,
            done: 0,
            total: most.filter(|most| *most == least),
            callback: None,
        }
    }

    fn workers(&self) -> usize {
        self.shared.settings.max
    }

    /// Whether another batch should go out when so many are out.
    fn wants_more(&self, batches: usize) -> bool {
        batches < self.workers() * BATCHES_PER_WORKER
            || self.pace.is_little(self.ahead / self.workers())
    }

    /// Hands the next batch over; `None` if the items are exhausted or enough are ahead.
    fn next_part(&mut self) -> Option<Part> {
        if let Some(part) = self.spare.take() {
            return Some(part);
        }
        let room = self.look_ahead.saturating_sub(self.ahead);
        if room == 0 {
            return None;
        }
        // Taken out while it is asked: a source that panics is exhausted.
        let mut items = self.items.take()?;
        if !self.shared.family.is_own() {
            // In a copy of this process, whose memory for arguments is the original's.
            let next = items.next()?;
            drop(next);
            self.items = Some(items);
            self.ahead += 1;
            return Some(Part { job: Job::finished(Err(JoinError::Forked)), len: 1 });
        }
        let share = items.size_hint().1.map(|left| left / (2 * self.workers()));
        let len = self.pace.next_batch(self.last_batch, share).min(room);
        let store = Arc::clone(&self.shared.store);
        let mut draft = Draft::long(&store, self.last_bytes);
        let mut offsets = Vec::with_capacity(len.min(MOST_OFFSETS));
        let mut alone = None;
        let mut exhausted = false;
        while offsets.len() < len && draft.len() < BATCH_BYTES && alone.is_none() {
            let Some(item) = items.next() else {
                exhausted = true;
                break;
            };
            alone = self.pack(&mut draft, &mut offsets, &item);
        }
        if !exhausted {
            self.items = Some(items);
        }
        if offsets.is_empty() {
            return alone;
        }
        self.last_bytes = draft.len();
        self.spare = alone;
        Some(self.send(Load { bytes: draft.finish(), offsets, baggage: Baggage::default() }))
    }

    /// Encodes an item behind the others. A part of its own: it cannot go with them.
    #[inline]
    fn pack(
        &mut self,
        draft: &mut Draft<'_>,
        offsets: &mut Vec<u32>,
        item: &I::Item,
    ) -> Option<Part> {
        let start = draft.len();
        // The others' bytes stay where they are, also if the item cannot be encoded.
        let (written, baggage) = courier::packing(|| draft.append_framed(item));
        if written.is_ok() && baggage.is_empty() && draft.len() <= MOST_BATCH_BYTES {
            offsets.push(start as u32);
            return None;
        }
        Some(self.pack_alone(draft.split_off(start), written, baggage))
    }

    /// An item with descriptors, or one that cannot be encoded, or is very large.
    #[cold]
    fn pack_alone(
        &mut self,
        own: Vec<u8>,
        written: postcard::Result<()>,
        baggage: Baggage,
    ) -> Part {
        match refused(written, &baggage) {
            None => self.send(Load { bytes: Bytes::Heap(own), offsets: vec![0], baggage }),
            Some(message) => {
                self.ahead += 1;
                let error = JoinError::NotEncoded { message };
                Part { job: Job::finished(Err(error)), len: 1 }
            }
        }
    }

    fn send(&mut self, load: Load<'_>) -> Part {
        let len = load.offsets.len();
        self.last_batch = len;
        self.ahead += len;
        match self.work {
            Some(work) => submit_batch(&self.shared, work, self.terms, load),
            None => {
                let message = "the function lies outside of the main executable".into();
                let error = JoinError::NotEncoded { message };
                Part { job: Job::finished(Err(error)), len }
            }
        }
    }

    /// Takes note of a batch that has come back.
    fn receive(&mut self, count: u32, nanos: u64, items: usize) {
        self.pace.learn(count.into(), nanos);
        self.count(items);
    }

    fn count(&mut self, items: usize) {
        self.ahead -= items;
        self.done += items;
        let progress = Progress { done: self.done, total: self.total };
        if let Some(callback) = &mut self.callback {
            callback(progress);
        }
    }
}

/// The results of one batch on their way out.
struct Unpacked<R> {
    bytes: Vec<u8>,
    at: usize,
    left: usize,
    descriptors: Vec<OwnedFd>,
    lost: Option<JoinError>,
    /// All that is left failed so.
    all: Option<JoinError>,
    results: PhantomData<fn() -> R>,
}

impl<R: Wire> Unpacked<R> {
    fn empty() -> Self {
        Self::of(Outcomes::default())
    }

    fn of(outcomes: Outcomes) -> Self {
        Self {
            left: outcomes.len(),
            bytes: outcomes.bytes,
            at: 0,
            descriptors: outcomes.descriptors,
            lost: outcomes.lost,
            all: None,
            results: PhantomData,
        }
    }

    fn all_failed(len: usize, error: JoinError) -> Self {
        Self { left: len, all: Some(error), ..Self::empty() }
    }

    #[inline]
    fn next(&mut self) -> Option<Result<R, JoinError>> {
        self.left = self.left.checked_sub(1)?;
        if let Some(error) = &self.all {
            return Some(Err(error.clone()));
        }
        match self.lost.take_if(|_| self.left == 0) {
            Some(error) => Some(Err(error)),
            None => Some(self.decode()),
        }
    }

    #[inline]
    fn decode(&mut self) -> Result<R, JoinError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let Some((head, rest)) = rest.split_first_chunk::<HEAD>() else { return Err(cut_short()) };
        let (len, is_failure) = read_head(*head);
        let Some(bytes) = rest.get(..len) else { return Err(cut_short()) };
        self.at += HEAD + len;
        if is_failure {
            return Err(failure(bytes));
        }
        // The type's own code runs here, and may panic.
        let decoded = if self.left == 0 && !self.descriptors.is_empty() {
            let descriptors = std::mem::take(&mut self.descriptors);
            caught(|| courier::unpacking(descriptors, || postcard::from_bytes(bytes)))?
        } else {
            caught(|| postcard::from_bytes(bytes))?
        };
        decoded.map_err(|error| JoinError::NotDecoded { message: error.to_string().into() })
    }
}

#[cold]
fn cut_short() -> JoinError {
    JoinError::NotDecoded { message: "the outcomes of a batch are cut short".into() }
}

macro_rules! choices {
    () => {
        /// Hands so many items over at a time. Default: learned from what items cost, so that a
        /// batch takes about 0.5 ms. Either way the end of a long batch goes to a worker without
        /// work.
        ///
        /// # Panics
        ///
        /// If `items` is 0, or does not fit 32 bits.
        #[doc(alias = "chunksize")]
        pub fn batch_len(mut self, items: usize) -> Self {
            assert!(items > 0, "a batch has at least one item");
            assert!(u32::try_from(items).is_ok(), "a batch has less than 2^32 items");
            self.source.pace.fixed = Some(items);
            self
        }

        /// Takes at most so many items out of the source before their results are given out.
        /// Default: three batches a worker, and more up to about 50 ms of work for each, so that
        /// one slow item does not stop the others.
        ///
        /// # Panics
        ///
        /// If `items` is 0.
        #[doc(alias = "buffersize")]
        pub fn look_ahead(mut self, items: usize) -> Self {
            assert!(items > 0, "without looking ahead nothing is ever submitted");
            self.source.look_ahead = items;
            self
        }

        /// Ends an item that runs longer, with its worker: that item is
        /// [`JoinError::TimedOut`](conc_core::JoinError::TimedOut).
        pub fn timeout(mut self, timeout: Duration) -> Self {
            self.source.terms.timeout = Some(timeout);
            self
        }

        /// Runs an item whose worker died again, so often.
        pub fn retries(mut self, retries: u32) -> Self {
            self.source.terms.retries = retries;
            self
        }

        /// Calls `callback` in the thread that reads the map, after each batch.
        pub fn on_progress(mut self, callback: impl FnMut(Progress) + Send + 'static) -> Self {
            self.source.callback = Some(Box::new(callback));
            self
        }

        /// Shows the progress in `bar`.
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

/// Results in the order of the items; see [`Pool::map`](super::Pool::map).
///
/// Dropping it cancels what is queued; what runs goes on, and its results are discarded.
#[must_use = "nothing is submitted before the first call of next"]
pub struct PoolMap<R, I> {
    source: Source<I>,
    /// Batches in the order of their places.
    parts: VecDeque<Part>,
    current: Unpacked<R>,
}

impl<R: Wire, I: Iterator<Item: Wire>> PoolMap<R, I> {
    choices!();

    pub(super) fn new(shared: &Arc<Shared>, work: Option<Work>, items: I, terms: Terms) -> Self {
        let source = Source::new(shared, work, items, terms);
        Self { source, parts: VecDeque::new(), current: Unpacked::empty() }
    }

    #[cold]
    fn next_batch(&mut self) -> Option<()> {
        while self.source.wants_more(self.parts.len()) {
            let Some(part) = self.source.next_part() else { break };
            self.parts.push_back(part);
        }
        let Part { job, len } = self.parts.pop_front()?;
        match job.join() {
            Ok(Batch { outcomes, rest }) => {
                for part in rest.into_iter().rev() {
                    self.parts.push_front(part);
                }
                let (count, nanos, len) = (outcomes.count, outcomes.nanos, outcomes.len());
                self.current = Unpacked::of(outcomes);
                self.source.receive(count, nanos, len);
            }
            Err(error) => {
                self.current = Unpacked::all_failed(len, error);
                self.source.count(len);
            }
        }
        Some(())
    }
}

impl<R: Wire, I: Iterator<Item: Wire>> Iterator for PoolMap<R, I> {
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
}

impl<R: Wire, I: Iterator<Item: Wire>> FusedIterator for PoolMap<R, I> {}

/// Nobody reads any more: what is queued is cancelled.
impl<R, I> Drop for PoolMap<R, I> {
    fn drop(&mut self) {
        for part in self.parts.iter().chain(&self.source.spare) {
            part.job.cancel();
        }
    }
}

/// Results as they come; see [`Pool::map_unordered`](super::Pool::map_unordered).
///
/// Dropping it cancels what is queued; what runs goes on, and its results are discarded.
#[must_use = "nothing is submitted before the first call of next"]
pub struct PoolMapUnordered<R, I> {
    source: Source<I>,
    parts: JobSet<Batch>,
    /// Where each part of the set begins and how long it is.
    spans: HashMap<usize, (usize, usize)>,
    /// The place of the next item that goes out.
    place: usize,
    current: Unpacked<R>,
    current_place: usize,
}

impl<R: Wire, I: Iterator<Item: Wire>> PoolMapUnordered<R, I> {
    choices!();

    pub(super) fn new(shared: &Arc<Shared>, work: Option<Work>, items: I, terms: Terms) -> Self {
        Self {
            source: Source::new(shared, work, items, terms),
            parts: JobSet::new(),
            spans: HashMap::new(),
            place: 0,
            current: Unpacked::empty(),
            current_place: 0,
        }
    }

    fn add(&mut self, place: usize, Part { job, len }: Part) {
        let index = self.parts.add(job);
        self.spans.insert(index, (place, len));
    }

    #[cold]
    fn next_batch(&mut self) -> Option<()> {
        while self.source.wants_more(self.parts.len()) {
            let Some(part) = self.source.next_part() else { break };
            let place = self.place;
            self.place += part.len;
            self.add(place, part);
        }
        let (index, batch) = self.parts.next_finished()?;
        let (place, len) = self.spans.remove(&index)?;
        self.current_place = place;
        match batch {
            Ok(Batch { outcomes, rest }) => {
                let mut next = place + outcomes.len();
                for part in rest {
                    let at = next;
                    next += part.len;
                    self.add(at, part);
                }
                let (count, nanos, len) = (outcomes.count, outcomes.nanos, outcomes.len());
                self.current = Unpacked::of(outcomes);
                self.source.receive(count, nanos, len);
            }
            Err(error) => {
                self.current = Unpacked::all_failed(len, error);
                self.source.count(len);
            }
        }
        Some(())
    }
}

impl<R: Wire, I: Iterator<Item: Wire>> Iterator for PoolMapUnordered<R, I> {
    type Item = (usize, Result<R, JoinError>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(result) = self.current.next() {
                let place = self.current_place;
                self.current_place += 1;
                return Some((place, result));
            }
            self.next_batch()?;
        }
    }
}

impl<R: Wire, I: Iterator<Item: Wire>> FusedIterator for PoolMapUnordered<R, I> {}

/// Nobody reads any more: what is queued is cancelled.
impl<R, I> Drop for PoolMapUnordered<R, I> {
    fn drop(&mut self) {
        self.parts.cancel_all();
        if let Some(part) = &self.source.spare {
            part.job.cancel();
        }
    }
}

impl<R, I> std::fmt::Debug for PoolMap<R, I> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PoolMap").field("batches_ahead", &self.parts.len()).finish_non_exhaustive()
    }
}

impl<R, I> std::fmt::Debug for PoolMapUnordered<R, I> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PoolMapUnordered")
            .field("ahead", &self.source.ahead)
            .finish_non_exhaustive()
    }
}
