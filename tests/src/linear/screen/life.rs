//! From when to when each item was inside.

use super::{Rules, Violation};
use crate::linear::{Call, History, Operation, Outcome};
use std::collections::HashMap;

/// From when to when an item was inside, as far as that is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Life {
    pub(super) item: u64,
    pub(super) producer: usize,
    /// It was not inside before this,
    pub(super) put_from: u64,
    /// and inside, or got, after this; never for certain if its put was killed.
    pub(super) put_by: u64,
    /// It was inside until this, if ever,
    pub(super) got_from: u64,
    /// and outside after this.
    pub(super) got_by: u64,
    /// Somebody got it.
    pub(super) got: bool,
}

impl Life {
    /// Whether it was inside at some time, for certain.
    pub(super) fn entered(&self) -> bool {
        self.got || self.put_by != Call::NEVER
    }
}

/// The lives of all items that were put, or may have been.
pub(super) fn lives(history: &History, rules: &Rules) -> Result<Vec<Life>, Violation> {
    let calls = history.calls();
    let mut gets: HashMap<u64, Call> = HashMap::new();
    for call in calls {
        let Some(Outcome::Got(item)) = call.outcome else { continue };
        let first = gets.entry(item).or_insert(*call);
        if first != call {
            if !rules.redelivers {
                return Err(Violation::Twice { first: *first, second: *call });
            }
            first.returned = first.returned.min(call.returned);
        }
    }
    let killed = calls.iter().filter(|call| call.operation == Operation::Get);
    let killed: Vec<_> = killed.filter(|call| call.outcome.is_none()).collect();
    let first_kill = killed.first().map_or(Call::NEVER, |call| call.invoked);

    let mut lives = Vec::new();
    let mut put = HashMap::new();
    for call in calls {
        let Operation::Put(item) = call.operation else { continue };
        assert!(put.insert(item, ()).is_none(), "{call}: items must differ");
        let get = gets.remove(&item);
        if matches!(call.outcome, Some(Outcome::Full | Outcome::Closed)) {
            match get {
                Some(get) => return Err(Violation::Refused(get)),
                None => continue,
            }
        }
        if let Some(get) = get.filter(|get| get.returned < call.invoked) {
            return Err(Violation::BeforePut(get));
        }
        let got_from = match get {
            // A killed get may have been its first holder.
            Some(get) if rules.redelivers => get.invoked.min(first_kill),
            Some(get) => get.invoked,
            None => first_kill,
        };
        lives.push(Life {
            item,
            producer: call.thread,
            put_from: call.invoked,
            put_by: call.returned,
            got_from,
            got_by: get.map_or(Call::NEVER, |get| get.returned),
            got: get.is_some(),
        });
    }
    if let Some(get) = gets.into_values().next() {
        return Err(Violation::Invented(get));
    }
    let mut left = lives.iter().filter(|life| !life.got && life.entered());
    if let (true, Some(life)) = (rules.drained, left.clone().nth(killed.len())) {
        let (items, killed) = (left.by_ref().count(), killed.len());
        return Err(Violation::Lost { items, killed, example: life.item });
    }
    Ok(lives)
}
