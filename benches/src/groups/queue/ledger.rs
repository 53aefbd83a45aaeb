//! What was sent and what was received: no message lost, none twice, none out of order.

use super::lane::Shape;
use super::message::Tag;
use serde::{Deserialize, Serialize};

/// A set of messages of one producer. Two that have the same count and sums are the same, unless
/// somebody has lied on purpose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Account {
    messages: u64,
    sum: u64,
    squares: u64,
}

impl Account {
    #[inline]
    fn add(&mut self, number: u64) {
        self.messages += 1;
        self.sum = self.sum.wrapping_add(number);
        self.squares = self.squares.wrapping_add(number.wrapping_mul(number));
    }

    fn merge(&mut self, other: &Self) {
        self.messages += other.messages;
        self.sum = self.sum.wrapping_add(other.sum);
        self.squares = self.squares.wrapping_add(other.squares);
    }
}

/// What one consumer has received, an account for each producer.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Ledger {
    accounts: Vec<Account>,
    /// The least number that may come next.
    next: Vec<u64>,
    /// There is no other consumer: each number comes here.
    is_only: bool,
}

impl Ledger {
    pub(super) fn new(shape: Shape) -> Self {
        Self {
            accounts: vec![Account::default(); shape.producers],
            next: vec![0; shape.producers],
            is_only: shape.consumers == 1,
        }
    }

    /// # Panics
    ///
    /// If messages of one producer overtake each other, or one is missing.
    #[inline]
    pub(super) fn enter(&mut self, Tag { producer, number }: Tag) {
        let next = self.next[producer];
        let is_good = if self.is_only { number == next } else { number >= next };
        assert!(is_good, "producer {producer}: message {number} where {next} was due");
        self.next[producer] = number + 1;
        self.accounts[producer].add(number);
    }

    /// Compares what all consumers have received with how many each producer has sent.
    ///
    /// # Panics
    ///
    /// If anything was lost or came twice.
    pub(super) fn check(ledgers: &[&Self], sent: &[u64]) {
        let mut received = vec![Account::default(); sent.len()];
        for ledger in ledgers {
            for (all, account) in received.iter_mut().zip(&ledger.accounts) {
                all.merge(account);
            }
        }
        for (producer, (account, count)) in received.iter().zip(sent).enumerate() {
            let mut expected = Account::default();
            (0..*count).for_each(|number| expected.add(number));
            assert_eq!(*account, expected, "received and sent by producer {producer}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape { size: 64, capacity: 2, producers: 1, consumers: 2 };

    fn ledger(numbers: &[u64]) -> Ledger {
        let mut ledger = Ledger::new(SHAPE);
        numbers.iter().for_each(|number| ledger.enter(Tag { producer: 0, number: *number }));
        ledger
    }

    #[test]
    fn several_consumers_share_what_was_sent() {
        Ledger::check(&[&ledger(&[0, 2]), &ledger(&[1, 3])], &[4]);
    }

    #[test]
    #[should_panic(expected = "received and sent")]
    fn one_lost_and_one_twice_is_seen() {
        Ledger::check(&[&ledger(&[0, 2]), &ledger(&[2, 3])], &[4]);
    }

    #[test]
    #[should_panic(expected = "where 3 was due")]
    fn overtaking_is_seen() {
        ledger(&[2, 1]);
    }

    #[test]
    #[should_panic(expected = "where 1 was due")]
    fn the_only_consumer_misses_what_is_lost() {
        let mut ledger = Ledger::new(Shape { consumers: 1, ..SHAPE });
        ledger.enter(Tag { producer: 0, number: 0 });
        ledger.enter(Tag { producer: 0, number: 2 });
    }
}
