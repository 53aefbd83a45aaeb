//! Whether all that was written down can be right.

use super::episode::{Episode, Tally};
use super::log::{Deed, Entry};
use super::message::Message;
use super::worker::{Taking, origin_of};
use conc_tests::linear::{
    Call, Fifo, History, Operation, Order, Outcome, Redelivery, Rules, linearize, screen,
};
use std::collections::{BTreeMap, HashMap};

/// A history of so few calls is searched for an order of all of them.
const FEW: usize = 80;

/// `others`: what the harness did. All who are left have come to their end by now.
pub(super) fn judge<M: Message>(
    episode: Episode,
    entries: &[Entry],
    others: Vec<Call>,
    tally: &mut Tally,
) {
    let gets_return = episode.taking == Taking::Lease || M::TAKEN_FIRST;
    let mut calls: Vec<Call> = entries.iter().filter_map(Entry::call).collect();
    let (closes, kills): (Vec<_>, Vec<_>) =
        others.into_iter().partition(|call| call.operation == Operation::Close);
    calls.extend(closes);
    tally.calls += calls.len();
    let history = History::new(calls.clone());
    let capacity = episode.capacity as usize;
    let rules = Rules::new(Order::Global).capacity(capacity).drained();
    let judged = screen(&history, &if gets_return { rules.redelivers() } else { rules });
    judged.unwrap_or_else(|violation| panic!("{episode:?}: {violation}"));

    let lives = Lives::new(entries);
    lives.count(entries, tally);
    if episode.taking == Taking::Get {
        lives.assert_once();
    } else {
        lives.assert_kept(tally);
    }
    let breaks = order_breaks(entries);
    // A killed get that had taken its message first gives it back, behind others of its time.
    let allowed = if M::TAKEN_FIRST { tally.gets } else { 0 };
    assert!(breaks <= allowed, "{episode:?}: out of order: {breaks}, gets killed: {}", tally.gets);

    if calls.len() <= FEW {
        let gives_back = entries.iter().any(|entry| matches!(entry.deed, Deed::Nack(_)));
        // Full says what is written into as well, which a killed put leaves for a moment.
        calls.retain(|call| call.outcome != Some(Outcome::Full));
        let explained = match episode.taking {
            Taking::Get if !gets_return => {
                linearize(&Fifo::bounded(capacity), &History::new(calls))
            }
            Taking::Lease if !gives_back => {
                calls.extend(kills);
                linearize(&Redelivery::bounded(capacity), &History::new(calls))
            }
            _ => return,
        };
        tally.explained += 1;
        explained.unwrap_or_else(|failed| panic!("{episode:?}: {failed}"));
    }
}

/// What became of each item.
struct Lives {
    /// How its put ended.
    puts: HashMap<u64, Option<Outcome>>,
    /// Its deliveries, in their order, and what the one who had it did next.
    deliveries: BTreeMap<u64, Vec<(Entry, Option<Entry>)>>,
}

impl Lives {
    fn new(entries: &[Entry]) -> Self {
        let mut puts = HashMap::new();
        let mut deliveries: BTreeMap<u64, Vec<_>> = BTreeMap::new();
        for (at, entry) in entries.iter().enumerate() {
            if let Deed::Put(item) = entry.deed {
                puts.insert(item, entry.outcome);
            }
            if let Some(Outcome::Got(item)) = entry.outcome {
                let next = entries.get(at + 1).filter(|next| next.writer == entry.writer);
                deliveries.entry(item).or_default().push((*entry, next.copied()));
            }
        }
        deliveries.values_mut().for_each(|all| all.sort_by_key(|(entry, _)| entry.deliveries));
        Self { puts, deliveries }
    }

    fn count(&self, entries: &[Entry], tally: &mut Tally) {
        let killed_puts = || self.puts.iter().filter(|(_, outcome)| outcome.is_none());
        tally.puts.0 += killed_puts().count();
        tally.puts.1 +=
            killed_puts().filter(|(item, _)| self.deliveries.contains_key(item)).count();
        tally.gets += entries.iter().filter(|entry| is_killed_get(entry)).count();
        let put = self.puts.iter().filter(|(_, outcome)| **outcome == Some(Outcome::Done));
        tally.lost += put.filter(|(item, _)| !self.deliveries.contains_key(item)).count();
        tally.again += self.deliveries.values().map(|all| all.len() - 1).sum::<usize>();
    }

    fn assert_once(&self) {
        for (item, all) in &self.deliveries {
            assert_eq!(all.len(), 1, "{item:#x} came twice: {all:?}");
        }
    }

    /// At least once: nothing is lost, and what comes again comes for a reason.
    fn assert_kept(&self, tally: &Tally) {
        assert_eq!(tally.lost, 0, "messages were put and never leased");
        let mut unseen = 0;
        for (item, all) in &self.deliveries {
            let mut before = 0;
            for (number, (entry, next)) in all.iter().enumerate() {
                let times = entry.deliveries;
                assert!(times > before, "{item:#x}: delivered {times} times after {before}");
                unseen += times - before - 1;
                before = times;
                if let Some((later, _)) = all.get(number + 1) {
                    // It came again after the one who had it gave it back, or died.
                    let since = next.map_or(entry.returned, |next| next.invoked);
                    assert!(since < later.returned, "{item:#x} has two holders: {all:?}");
                }
                let acknowledged = next.filter(|next| next.deed == Deed::Ack(*item));
                if number + 1 < all.len() {
                    let done = acknowledged.is_some_and(|ack| ack.outcome.is_some());
                    assert!(!done, "{item:#x} came again after it was acknowledged: {all:?}");
                } else {
                    assert!(acknowledged.is_some(), "{item:#x} is gone, and nobody acknowledged");
                }
            }
        }
        assert!(unseen as usize <= tally.gets, "{unseen} deliveries of nobody");
    }
}

fn is_killed_get(entry: &Entry) -> bool {
    entry.deed == Deed::Get && entry.outcome.is_none()
}

/// How often somebody got two messages of one producer in another order than they were put,
/// not counting what came again.
fn order_breaks(entries: &[Entry]) -> usize {
    let mut last: HashMap<(usize, usize), u64> = HashMap::new();
    let mut breaks = 0;
    for entry in entries.iter().filter(|entry| entry.deliveries <= 1) {
        let Some(Outcome::Got(item)) = entry.outcome else { continue };
        let (producer, sequence) = origin_of(item);
        let last = last.entry((entry.writer, producer)).or_default();
        breaks += usize::from(sequence < *last);
        *last = sequence.max(*last);
    }
    breaks
}
