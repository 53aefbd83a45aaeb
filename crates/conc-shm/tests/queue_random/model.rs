//! A queue in one thread, as simple as it can be.

use conc_shm::queue::GetError;
use std::collections::VecDeque;

/// So often a message is delivered before it is set aside.
pub(super) const DELIVERIES: u8 = 3;

/// A message, and how often it was leased.
pub(super) type Message = (u64, u8);

/// A place in the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Message(Message),
    /// Somebody has yet to publish it.
    Loan(u64),
}

/// What a queue is, when one thing happens after the other.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) capacity: usize,
    pub(super) line: VecDeque<Turn>,
    /// Came back: next, in any order.
    pub(super) ready: Vec<Message>,
    pub(super) leased: Vec<Message>,
    pub(super) dead: Vec<Message>,
    /// Loans whose turn is over.
    pub(super) late: Vec<u64>,
    pub(super) unfinished: usize,
    pub(super) closed: bool,
    /// A place in the middle of the line came free.
    pub(super) gap: bool,
}

impl Model {
    pub(super) fn waiting(&self) -> usize {
        let messages = self.line.iter().filter(|turn| matches!(turn, Turn::Message(_)));
        messages.count() + self.ready.len()
    }

    pub(super) fn used(&self) -> usize {
        self.line.len() + self.ready.len() + self.leased.len() + self.dead.len() + self.late.len()
    }

    /// There is room, but a loan may stand in front of it, which nobody goes past.
    pub(super) fn is_held_up(&self) -> bool {
        self.gap && self.line.iter().any(|turn| matches!(turn, Turn::Loan(_)))
    }

    /// A place came free that is not the first in the line.
    pub(super) fn freed(&mut self) {
        self.gap = !self.line.is_empty();
    }

    /// What may be taken next.
    pub(super) fn next(&mut self) -> Result<Vec<Message>, GetError> {
        if !self.ready.is_empty() {
            return Ok(self.ready.clone());
        }
        while let Some(&turn) = self.line.front() {
            match turn {
                Turn::Message(message) => return Ok(vec![message]),
                Turn::Loan(_) if self.waiting() == 0 && !self.closed => break,
                Turn::Loan(loan) => {
                    self.line.pop_front();
                    self.late.push(loan);
                }
            }
        }
        self.gap &= !self.line.is_empty();
        Err(if self.closed { GetError::Closed } else { GetError::Empty })
    }

    /// The message with this number is taken.
    pub(super) fn take(&mut self, number: u64) -> Message {
        if let Some(at) = self.ready.iter().position(|message| message.0 == number) {
            self.freed();
            return self.ready.swap_remove(at);
        }
        let Some(Turn::Message(message)) = self.line.pop_front() else { panic!("{number}") };
        assert_eq!(message.0, number);
        self.gap &= !self.line.is_empty();
        message
    }

    pub(super) fn give_back(&mut self, at: usize) {
        let message = self.leased.swap_remove(at);
        if message.1 >= DELIVERIES { self.dead.push(message) } else { self.ready.push(message) }
    }
}
