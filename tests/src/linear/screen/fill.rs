//! Empty, full, too full.

use super::life::Life;
use super::{Rules, Violation};
use crate::linear::{Call, History, Operation, Outcome};

pub(super) fn check(history: &History, lives: &[Life], rules: &Rules) -> Result<(), Violation> {
    let certain: Vec<_> = lives
        .iter()
        .filter(|life| life.put_by < life.got_from)
        .map(|life| (life.put_by, life.got_from))
        .collect();
    if let Some(capacity) = rules.capacity {
        never_over(capacity, &certain)?;
    }
    if rules.hints {
        return Ok(());
    }
    let never_empty = joined(certain);
    let possible = rules.capacity.filter(|_| !rules.redelivers);
    let possible = possible.map(|capacity| (capacity, Possible::items(lives)));
    let putting = Possible::puts(history);
    for call in history.calls() {
        match (call.operation, call.outcome) {
            (Operation::Get, Some(Outcome::Empty | Outcome::Closed)) => {
                let before = never_empty.partition_point(|(from, _)| *from < call.invoked);
                let span = before.checked_sub(1).map(|at| never_empty[at]);
                if span.is_some_and(|(_, to)| call.returned < to) {
                    return Err(Violation::NotEmpty(*call));
                }
            }
            (Operation::Put(_), Some(Outcome::Full)) => {
                if let Some((capacity, possible)) = &possible {
                    // A put in progress may use room, or stand in front of it, and be refused in
                    // the end: beside others, anything may be so.
                    let alone = putting.most_during(call) <= 1;
                    if alone && possible.most_during(call) < *capacity as i64 {
                        return Err(Violation::NotFull(*call));
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Items that were inside at the same moment for certain do not exceed the capacity.
fn never_over(capacity: usize, certain: &[(u64, u64)]) -> Result<(), Violation> {
    let begins = certain.iter().map(|(from, _)| (*from, 1));
    let ends = certain.iter().map(|(_, to)| (*to, -1));
    let mut changes: Vec<(u64, i64)> = begins.chain(ends).collect();
    // Where both happen at once, the end is first: only what is certain counts.
    changes.sort_unstable();
    let mut inside = 0;
    for (moment, change) in changes {
        inside += change;
        if inside > capacity as i64 {
            return Err(Violation::OverCapacity { items: inside as usize, moment });
        }
    }
    Ok(())
}

/// The spans in which there was always something inside.
fn joined(mut spans: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    spans.sort_unstable();
    let mut joined: Vec<(u64, u64)> = Vec::new();
    for (from, to) in spans {
        match joined.last_mut() {
            // Not where one ends as the other begins: a moment may lie between.
            Some((_, end)) if from < *end => *end = (*end).max(to),
            _ => joined.push((from, to)),
        }
    }
    joined
}

/// How many items may have been inside, or how many puts in progress, at each moment.
struct Possible {
    /// When it changes,
    moments: Vec<u64>,
    /// and to how many, as the leaves of a tree of maxima.
    tree: Vec<i64>,
}

impl Possible {
    fn items(lives: &[Life]) -> Self {
        let begins = lives.iter().map(|life| (life.put_from, -1));
        let ends = lives.iter().filter(|life| life.got).map(|life| (life.got_by, 1));
        Self::new(begins.chain(ends).collect())
    }

    fn puts(history: &History) -> Self {
        let puts =
            history.calls().iter().filter(|call| matches!(call.operation, Operation::Put(_)));
        Self::new(puts.flat_map(|call| [(call.invoked, -1), (call.returned, 1)]).collect())
    }

    /// From when there is one more (-1), or one less.
    fn new(mut changes: Vec<(u64, i64)>) -> Self {
        // Where both happen at once, the begin is first: all that is possible counts.
        changes.sort_unstable();
        let leaves = changes.len() + 1;
        let mut tree = vec![0; 2 * leaves];
        for (at, (_, change)) in changes.iter().enumerate() {
            tree[leaves + at + 1] = tree[leaves + at] - change;
        }
        for node in (1..leaves).rev() {
            tree[node] = tree[2 * node].max(tree[2 * node + 1]);
        }
        Self { moments: changes.into_iter().map(|(moment, _)| moment).collect(), tree }
    }

    /// The most that there may have been between the begin and the end of this call.
    fn most_during(&self, call: &Call) -> i64 {
        let leaves = self.tree.len() / 2;
        // From the state in which it began to the one in which it ended, both included.
        let mut from = leaves + self.moments.partition_point(|moment| *moment < call.invoked);
        let mut to = leaves + self.moments.partition_point(|moment| *moment <= call.returned) + 1;
        let mut most = 0;
        while from < to {
            if from % 2 == 1 {
                most = most.max(self.tree[from]);
                from += 1;
            }
            if to % 2 == 1 {
                to -= 1;
                most = most.max(self.tree[to]);
            }
            (from, to) = (from / 2, to / 2);
        }
        most
    }
}
