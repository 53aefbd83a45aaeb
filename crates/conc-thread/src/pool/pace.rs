//! How many items to run in one go.

use conc_core::sync::{AtomicU64, Ordering};
use std::time::Duration;

/// A batch should take about so long: long against the cost of handing it over and of waking the
/// reader for it, short against a human's patience and against the imbalance at the end of a map.
const BATCH_NANOS: u64 = 500_000;
/// Never more items in one batch: bounds the memory of what is ahead.
const BATCH_ITEMS: u64 = 8192;
/// So much work may be ahead for each worker while the reader waits for one item that takes long.
const AHEAD_NANOS: u64 = 50_000_000;
/// But not more items than so many.
const AHEAD_ITEMS: u64 = 4 * BATCH_ITEMS;
/// A batch has at most so many times the items of the one before.
const GROWTH: u64 = 8;
/// While a batch runs, somebody without work is noticed after about so long.
const STRIDE_NANOS: u64 = 10_000;
/// The same in items, while somebody is without work already: the next item may be the expensive
/// one that makes sharing worth while, and only the clock would tell.
const STRIDE_ITEMS_WHEN_IDLE: usize = 64;
/// What remains of a batch is given away only if it would take longer than this.
const WORTH_SHARING_NANOS: u64 = 20_000;

/// How many items to run in one go, learned from what they cost.
///
/// The mean is over all items so far, not a recent one: rare expensive items then keep batches
/// short for a long time, which is what an even finish needs.
#[derive(Debug)]
pub(super) struct Pace {
    nanos: AtomicU64,
    items: AtomicU64,
    /// Set by the user.
    fixed: Option<u64>,
}

impl Pace {
    pub(super) fn adaptive() -> Self {
        Self { nanos: AtomicU64::new(0), items: AtomicU64::new(0), fixed: None }
    }

    pub(super) fn fixed(batch_len: usize) -> Self {
        Self { fixed: Some(batch_len as u64), ..Self::adaptive() }
    }

    /// Learns that `items` took `time`.
    pub(super) fn learn(&self, items: usize, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        // ORDERING: Relaxed. Estimates; a torn pair is a slightly wrong one.
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
        self.items.fetch_add(items as u64, Ordering::Relaxed);
    }

    /// The length of the next batch, when the last had `last` items and about `share` items would
    /// be an even part of what is left.
    pub(super) fn next_batch(&self, last: usize, share: Option<usize>) -> usize {
        if let Some(fixed) = self.fixed {
            return to_usize(fixed);
        }
        let Some(item_nanos) = self.item_nanos() else { return 1 };
        let wanted = (BATCH_NANOS / item_nanos).clamp(1, BATCH_ITEMS);
        // Not so short that handing it over costs more than an uneven end.
        let worth_it = (WORTH_SHARING_NANOS / item_nanos).max(1);
        let share = share.map_or(u64::MAX, |share| worth_it.max(share as u64));
        // Step by step: the first items may not be like the others.
        to_usize(wanted.min(share).min(GROWTH * last.max(1) as u64))
    }

    /// After how many items a running batch looks around.
    pub(super) fn stride(&self, anybody_idle: bool) -> usize {
        let most = if anybody_idle { STRIDE_ITEMS_WHEN_IDLE } else { 1024 };
        self.item_nanos().map_or(1, |nanos| to_usize(STRIDE_NANOS / nanos).clamp(1, most))
    }

    /// Whether `items` would occupy somebody without work long enough to be worth the way.
    pub(super) fn is_worth_sharing(&self, items: usize) -> bool {
        self.item_nanos()
            .is_none_or(|nanos| nanos.saturating_mul(items as u64) >= WORTH_SHARING_NANOS)
    }

    /// Whether `items` are little work for one worker.
    pub(super) fn is_little(&self, items: usize) -> bool {
        let items = items as u64;
        items < AHEAD_ITEMS
            && self.item_nanos().is_some_and(|nanos| nanos.saturating_mul(items) < AHEAD_NANOS)
    }

    /// The mean cost of an item, at least 1; `None` before the first batch ended.
    fn item_nanos(&self) -> Option<u64> {
        // ORDERING: Relaxed. Estimates.
        let items = self.items.load(Ordering::Relaxed);
        let nanos = self.nanos.load(Ordering::Relaxed);
        nanos.checked_div(items).map(|nanos| nanos.max(1))
    }
}

fn to_usize(items: u64) -> usize {
    usize::try_from(items).unwrap_or(usize::MAX)
}

#[cfg(all(test, not(conc_loom)))]
mod tests {
    use super::{BATCH_ITEMS, Pace};
    use conc_tests::watchdog;
    use std::time::Duration;

    #[test]
    fn batches_grow_step_by_step_up_to_the_cost_of_items() {
        let _watchdog = watchdog();
        let pace = Pace::adaptive();
        assert_eq!(pace.next_batch(1, None), 1, "nothing is known yet");
        pace.learn(1, Duration::from_micros(5));
        let lens: Vec<_> =
            std::iter::successors(Some(1), |last| Some(pace.next_batch(*last, None)))
                .take(5)
                .collect();
        assert_eq!(lens, [1, 8, 64, 100, 100]);
    }

    #[test]
    fn batches_are_bounded_by_memory_and_by_an_even_share() {
        let _watchdog = watchdog();
        let pace = Pace::adaptive();
        pace.learn(1_000, Duration::from_nanos(10));
        assert_eq!(pace.next_batch(1 << 20, None), BATCH_ITEMS as usize);
        let pace = Pace::adaptive();
        pace.learn(1, Duration::from_micros(4));
        assert_eq!(pace.next_batch(1 << 20, None), 125);
        assert_eq!(pace.next_batch(1 << 20, Some(7)), 7);
        assert_eq!(pace.next_batch(1 << 20, Some(0)), 5, "20 µs are worth the way");
    }

    #[test]
    fn what_is_ahead_is_bounded_by_time_and_by_number() {
        let _watchdog = watchdog();
        let pace = Pace::adaptive();
        assert!(!pace.is_little(0), "nothing is known yet");
        pace.learn(1, Duration::from_millis(1));
        assert!(pace.is_little(49) && !pace.is_little(50));
        let pace = Pace::adaptive();
        pace.learn(1_000, Duration::from_nanos(1));
        assert!(pace.is_little(32_767) && !pace.is_little(32_768));
    }

    #[test]
    fn a_fixed_length_is_kept() {
        let _watchdog = watchdog();
        let pace = Pace::fixed(5);
        pace.learn(1, Duration::from_secs(1));
        assert_eq!(pace.next_batch(1, Some(1)), 5);
    }

    #[test]
    fn only_what_takes_a_while_is_worth_sharing() {
        let _watchdog = watchdog();
        let pace = Pace::adaptive();
        pace.learn(100, Duration::from_micros(10));
        assert!(!pace.is_worth_sharing(100));
        assert!(pace.is_worth_sharing(200));
    }
}
