//! Which items of a batch are still to be run, and by whom.
//!
//! # Layout
//!
//! Two words. The *span*: the next item in the upper half, the end in the lower. The *tally*,
//! written by the worker alone: outcomes that are written in the upper half, their bytes in the
//! lower.
//!
//! # Transitions
//!
//! ```text
//!   worker: next < end?  next + 1 (exchange), run the item, write its outcome, tally + 1
//!   parent: next < cut < end?  end = cut (exchange): the items from `cut` on are the parent's
//! ```
//!
//! # Invariants
//!
//! 1. *Each item is run by one*: `next` and `end` are in one word, so that the worker does not take
//!    what the parent cuts off.
//! 2. *A death costs one item*: `next` is the tally or one more. If it is more, the item with the
//!    tally's number ran when the worker died, and its outcome is not written.

use conc_core::sync::{AtomicU64, Ordering};

const HALF: u32 = 32;

/// The span and the tally of a batch. See the module.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Span {
    span: AtomicU64,
    tally: AtomicU64,
}

/// What the parent takes out of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The second half of what is left.
    Half,
    All,
}

/// How far a batch has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The item that would be taken next.
    pub(crate) next: u32,
    /// The first item that is not this worker's.
    pub(crate) end: u32,
    /// Outcomes that are written.
    pub(crate) done: u32,
    /// Bytes of them.
    pub(crate) bytes: u32,
}

impl Span {
    #[cfg(any(test, conc_loom))]
    pub(crate) fn new() -> Self {
        Self { span: AtomicU64::new(0), tally: AtomicU64::new(0) }
    }

    /// A batch of so many items, none of them run; before its entry is published.
    pub(crate) fn begin(&self, items: u32) {
        // ORDERING: Relaxed. Published with the entry.
        self.span.store(u64::from(items), Ordering::Relaxed);
        // ORDERING: Relaxed. As above.
        self.tally.store(0, Ordering::Relaxed);
    }

    /// The worker takes the next item, if one is left.
    #[inline]
    pub(crate) fn take(&self) -> bool {
        // ORDERING: Relaxed. Items are written before the entry; only their division is at stake.
        let mut seen = self.span.load(Ordering::Relaxed);
        loop {
            let (next, end) = split(seen);
            if next >= end {
                return false;
            }
            let taken = join(next + 1, end);
            // ORDERING(pool.item): Release. Who sees the item taken sees what was written before.
            let taken =
                self.span.compare_exchange(seen, taken, Ordering::Release, Ordering::Relaxed);
            match taken {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
    }

    /// The worker has written so many outcomes, of so many bytes.
    #[inline]
    pub(crate) fn count(&self, done: u32, bytes: u32) {
        // ORDERING(pool.tally): Release. Who sees the count sees the outcomes.
        self.tally.store(join(done, bytes), Ordering::Release);
    }

    /// The parent takes some of what is left, if anything is; where that begins and ends.
    pub(crate) fn cut(&self, cut: Cut) -> Option<(u32, u32)> {
        // ORDERING: Relaxed. As in `take`.
        let mut seen = self.span.load(Ordering::Relaxed);
        loop {
            let (next, end) = split(seen);
            let left = end.saturating_sub(next);
            if left == 0 {
                return None;
            }
            let cut = match cut {
                Cut::Half => next + left / 2,
                Cut::All => next,
            };
            // ORDERING: Relaxed. As in `take`.
            let taken = self.span.compare_exchange(
                seen,
                join(next, cut),
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
            match taken {
                Ok(_) => return Some((cut, end)),
                Err(now) => seen = now,
            }
        }
    }

    /// Whether an item runs whose outcome is not counted.
    pub(crate) fn is_running(&self) -> bool {
        let Progress { next, done, .. } = self.progress();
        next > done
    }

    /// How far it has come, if that makes sense for so many items: a worker that has gone mad may
    /// have written anything.
    pub(crate) fn sane_progress(&self, items: u32) -> Option<Progress> {
        let now = self.progress();
        (now.done <= now.next && now.next.max(now.end) <= items).then_some(now)
    }

    /// How far it has come. Exact if the worker has finished it, or is dead.
    pub(crate) fn progress(&self) -> Progress {
        // ORDERING(pool.tally): Acquire. The outcomes that are counted are seen.
        let (done, bytes) = split(self.tally.load(Ordering::Acquire));
        // ORDERING(pool.item): Acquire. When the last item began is not seen any more.
        let (next, end) = split(self.span.load(Ordering::Acquire));
        Progress { next, end, done, bytes }
    }
}

const fn join(upper: u32, lower: u32) -> u64 {
    (upper as u64) << HALF | lower as u64
}

const fn split(word: u64) -> (u32, u32) {
    ((word >> HALF) as u32, word as u32)
}

#[cfg(all(test, not(conc_loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_off_is_not_taken() {
        let _watchdog = conc_tests::watchdog();
        let span = Span::new();
        span.begin(10);
        assert!(span.take() && span.take());
        span.count(1, 7);
        assert_eq!(span.cut(Cut::Half), Some((6, 10)));
        assert_eq!(span.progress(), Progress { next: 2, end: 6, done: 1, bytes: 7 });
        assert!((0..4).all(|_| span.take()) && !span.take());
        assert_eq!(span.cut(Cut::All), None);
    }
}
