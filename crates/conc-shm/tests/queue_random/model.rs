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
    /// As above, and producers may have gone past it to room further on: then its turn is over.
    Doubtful(u64),
    /// A doubtful loan was published: next, or in its turn.
    Either(Message),
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
    /// A place in the middle of the line came free. Whoever uses it may go past loans.
    pub(super) gap: bool,
}

impl Model {
    pub(super) fn waiting(&self) -> usize {
        let is_loan = |turn: &Turn| matches!(turn, Turn::Loan(_) | Turn::Doubtful(_));
        self.line.iter().filter(|turn| !is_loan(turn)).count() + self.ready.len()
    }

    pub(super) fn used(&self) -> usize {
        self.line.len() + self.ready.len() + self.leased.len() + self.dead.len() + self.late.len()
    }

    /// A place came free that is not the first in the line.
    pub(super) fn freed(&mut self) {
        self.gap = !self.line.is_empty();
    }

    /// Something new stands at the end of the line.
    pub(super) fn line_up(&mut self, turn: Turn) {
        if self.gap {
            for turn in &mut self.line {
                if let Turn::Loan(loan) = *turn {
                    *turn = Turn::Doubtful(loan);
                }
            }
        }
        self.line.push_back(turn);
    }

    /// What may be taken next.
    pub(super) fn next(&mut self) -> Result<Vec<Message>, GetError> {
        let either = self.line.iter().filter_map(|turn| match turn {
            Turn::Either(message) => Some(*message),
            _ => None,
        });
        let mut first: Vec<_> = self.ready.iter().copied().chain(either).collect();
        if !self.ready.is_empty() {
            return Ok(first);
        }
        while let Some(&turn) = self.line.front() {
            match turn {
                Turn::Message(message) | Turn::Either(message) => {
                    first.push(message);
                    return Ok(first);
                }
                Turn::Loan(_) | Turn::Doubtful(_) if self.waiting() == 0 && !self.closed => break,
                Turn::Loan(loan) | Turn::Doubtful(loan) => {
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
        let is_it = |turn: &Turn| match turn {
            Turn::Message(message) | Turn::Either(message) => message.0 == number,
            Turn::Loan(_) | Turn::Doubtful(_) => false,
        };
        let at = self.line.iter().position(is_it).expect("the message is in the line");
        let message = match self.line.remove(at) {
            Some(Turn::Message(message)) if at == 0 => message,
            Some(Turn::Either(message)) => {
                self.freed();
                message
            }
            other => panic!("{other:?} is not next"),
        };
        self.gap &= !self.line.is_empty();
        message
    }

    pub(super) fn give_back(&mut self, at: usize) {
        let message = self.leased.swap_remove(at);
        if message.1 >= DELIVERIES { self.dead.push(message) } else { self.ready.push(message) }
    }
}
