//! All orders, one after the other: slow, and too simple to be wrong.

use crate::linear::{Call, History, Operation, Outcome};

/// Whether some order of the calls, those that never returned there or not, explains the history
/// as one of a first-in-first-out queue. Knows nothing of the specifications.
pub(super) fn explains(capacity: Option<usize>, history: &History) -> bool {
    goes_on(capacity, &mut Vec::new(), &mut vec![false; history.calls().len()], history.calls())
}

fn goes_on(
    capacity: Option<usize>,
    order: &mut Vec<Call>,
    placed: &mut [bool],
    calls: &[Call],
) -> bool {
    if !is_right(capacity, order) {
        return false;
    }
    if calls.iter().zip(&*placed).all(|(call, placed)| *placed || call.outcome.is_none()) {
        return true;
    }
    for next in 0..calls.len() {
        let waits_for = |other: usize| !placed[other] && calls[other].is_before(&calls[next]);
        if placed[next] || (0..calls.len()).any(waits_for) {
            continue;
        }
        placed[next] = true;
        order.push(calls[next]);
        if goes_on(capacity, order, placed, calls) {
            return true;
        }
        order.pop();
        placed[next] = false;
    }
    false
}

/// Whether a queue would answer so to these calls, from the first to the last.
fn is_right(capacity: Option<usize>, order: &[Call]) -> bool {
    let mut items: Vec<u64> = Vec::new();
    let mut closed = false;
    for call in order {
        let answer = match call.operation {
            Operation::Put(_) if closed => Outcome::Closed,
            Operation::Put(_) if Some(items.len()) == capacity => Outcome::Full,
            Operation::Put(item) => {
                items.push(item);
                Outcome::Done
            }
            Operation::Get if !items.is_empty() => Outcome::Got(items.remove(0)),
            Operation::Get if closed => Outcome::Closed,
            Operation::Get => Outcome::Empty,
            Operation::Close => {
                closed = true;
                Outcome::Done
            }
            Operation::Ack(_) | Operation::Kill(_) => Outcome::Done,
        };
        if call.outcome.is_some_and(|outcome| outcome != answer) {
            return false;
        }
    }
    true
}
