//! Got in another order than put.

use super::life::Life;
use super::{Order, Rules, Violation};
use std::collections::BTreeMap;

pub(super) fn check(lives: &[Life], rules: &Rules) -> Result<(), Violation> {
    match rules.order {
        Order::Global => check_one(lives.iter().collect()),
        Order::PerProducer => {
            let mut producers: BTreeMap<usize, Vec<_>> = BTreeMap::new();
            for life in lives {
                producers.entry(life.producer).or_default().push(life);
            }
            producers.into_values().try_for_each(check_one)
        }
    }
}

/// Is there an item that was put before another, and whose get began after the other's had ended?
/// Goes through the items in the order in which their puts began; beside it, of the items whose
/// puts had ended by then, remembers the one whose get began last.
fn check_one(lives: Vec<&Life>) -> Result<(), Violation> {
    let mut by_begin = lives.clone();
    let mut by_end = lives;
    by_begin.sort_unstable_by_key(|life| life.put_from);
    by_end.sort_unstable_by_key(|life| life.put_by);
    let mut ended = by_end.into_iter().peekable();
    let mut last: Option<&Life> = None;
    for second in by_begin {
        while let Some(first) = ended.next_if(|first| first.put_by < second.put_from) {
            if last.is_none_or(|last| last.got_from < first.got_from) {
                last = Some(first);
            }
        }
        if let Some(first) = last.filter(|first| second.got_by < first.got_from) {
            return Err(Violation::Reordered { first: first.item, second: second.item });
        }
    }
    Ok(())
}
