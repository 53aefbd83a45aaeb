//! How many items of a map go out in one batch, learned from what they cost.
//!
//! As in the pool of threads (`docs/decisions/0004-batches.md`); but only the reader of the map
//! learns and decides, from what the workers measured, so that nothing is shared.

/// A batch should take about so long.
const BATCH_NANOS: u64 = 500_000;
/// Never more items in one batch.
const BATCH_ITEMS: u64 = 8192;
/// Nor more bytes of encoded items than about so many.
pub(super) const BATCH_BYTES: usize = 256 << 10;
/// So much work may be ahead for each worker while the reader waits for one item that takes long.
const AHEAD_NANOS: u64 = 50_000_000;
/// But not more items than so many.
const AHEAD_ITEMS: u64 = 4 * BATCH_ITEMS;
/// A batch has at most so many times the items of the one before.
const GROWTH: u64 = 8;
/// Not so short that handing it over costs more than an uneven end.
const LEAST_NANOS: u64 = 40_000;

/// How many items of a map go out in one batch. The mean is over all items so far: rare expensive
/// ones keep batches short.
#[derive(Debug, Default)]
pub(super) struct Pace {
    nanos: u64,
    items: u64,
    /// Set by the user.
    pub(super) fixed: Option<usize>,
}

impl Pace {
    /// Learns that `items` took so long.
    pub(super) fn learn(&mut self, items: u64, nanos: u64) {
        if nanos > 0 {
            self.nanos += nanos;
            self.items += items;
        }
    }

    /// The length of the next batch, when the last had `last` items and about `share` items would
    /// be an even part of what is left.
    pub(super) fn next_batch(&self, last: usize, share: Option<usize>) -> usize {
        if let Some(fixed) = self.fixed {
            return fixed;
        }
        let Some(item_nanos) = self.item_nanos() else { return 1 };
        let wanted = (BATCH_NANOS / item_nanos).clamp(1, BATCH_ITEMS);
        let worth_it = (LEAST_NANOS / item_nanos).max(1);
        let share = share.map_or(u64::MAX, |share| worth_it.max(share as u64));
        // Step by step: the first items may not be like the others.
        to_usize(wanted.min(share).min(GROWTH * last.max(1) as u64))
    }

    /// Whether `items` are little work for one worker.
    pub(super) fn is_little(&self, items: usize) -> bool {
        let items = items as u64;
        items < AHEAD_ITEMS
            && self.item_nanos().is_some_and(|nanos| nanos.saturating_mul(items) < AHEAD_NANOS)
    }

    fn item_nanos(&self) -> Option<u64> {
        self.nanos.checked_div(self.items).map(|nanos| nanos.max(1))
    }
}

fn to_usize(items: u64) -> usize {
    usize::try_from(items).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_grow_with_what_is_known() {
        let _watchdog = conc_tests::watchdog();
        let mut pace = Pace::default();
        assert_eq!(pace.next_batch(1, None), 1);
        assert!(!pace.is_little(0));
        pace.learn(1, 5_000);
        assert_eq!([1, 8, 64].map(|last| pace.next_batch(last, None)), [8, 64, 100]);
        assert_eq!(pace.next_batch(100, Some(0)), 8, "40 µs are worth the way");
        assert!(pace.is_little(9_999) && !pace.is_little(10_000));
        pace.fixed = Some(3);
        assert_eq!(pace.next_batch(100, None), 3);
    }
}
