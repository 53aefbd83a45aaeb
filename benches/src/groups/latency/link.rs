//! What makes a round trip: mostly two queues.

use super::super::queue::lane::{Lane, Receiver, Sender, Shape, Sides};
use super::super::queue::message::{self, Tag};
use crate::harness::Missing;

/// Of each of the two queues.
pub(super) const SHAPE: Shape = Shape { size: 64, capacity: 64, producers: 1, consumers: 1 };

/// A connection there and back, made before there are sides.
pub(super) trait Link: Send + Sync + Sized + 'static {
    const SIDES: Sides;
    type Caller: Caller;
    type Answerer: Answerer;

    fn new() -> Result<Self, Missing>;
    fn caller(&self) -> Self::Caller;
    fn answerer(&self) -> Self::Answerer;
}

/// The side that measures.
pub(super) trait Caller {
    /// Sends a number and waits until it has come back.
    ///
    /// # Panics
    ///
    /// If something else comes back.
    fn call(&mut self, number: u64);
}

/// The side that sends back what it gets.
pub(super) trait Answerer {
    /// Waits for a number, sends it back, and gives it.
    fn answer(&mut self) -> u64;
}

/// A queue there and a queue back.
pub(super) struct Queues<L> {
    there: L,
    back: L,
}

/// What a side sends to, and what it receives from.
pub(super) struct Ends<S, R> {
    sender: S,
    receiver: R,
}

impl<L: Lane> Link for Queues<L> {
    const SIDES: Sides = L::SIDES;
    type Caller = Ends<L::Sender, L::Receiver>;
    type Answerer = Ends<L::Sender, L::Receiver>;

    fn new() -> Result<Self, Missing> {
        Ok(Self { there: L::new(SHAPE)?, back: L::new(SHAPE)? })
    }

    fn caller(&self) -> Self::Caller {
        Ends { sender: self.there.sender(), receiver: self.back.receiver() }
    }

    fn answerer(&self) -> Self::Answerer {
        Ends { sender: self.back.sender(), receiver: self.there.receiver() }
    }
}

impl<S: Sender, R: Receiver> Caller for Ends<S, R> {
    #[inline]
    fn call(&mut self, number: u64) {
        let tag = Tag { producer: 0, number };
        self.sender.send(|bytes| message::fill(bytes, tag));
        assert_eq!(self.receiver.receive(message::read), tag, "a wrong answer");
    }
}

impl<S: Sender, R: Receiver> Answerer for Ends<S, R> {
    #[inline]
    fn answer(&mut self) -> u64 {
        let tag = self.receiver.receive(message::read);
        self.sender.send(|bytes| message::fill(bytes, tag));
        tag.number
    }
}
