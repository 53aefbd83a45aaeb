//! What a producer and a consumer do.

use super::episode::Random;
use super::log::{Deed, Logs};
use super::message::Message;
use conc_shm::queue::{GetError, Lease, PutError, Queue};
use conc_tests::linear::Outcome;
use std::time::Duration;

/// How consumers take messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taking {
    /// At most once.
    Get,
    /// At least once.
    Lease,
}

/// A process that works.
pub(super) struct Worker<'a, M: Message> {
    pub(super) queue: Queue<M, M::Form>,
    pub(super) logs: &'a Logs,
    pub(super) number: usize,
    pub(super) random: Random,
}

/// The item that a writer puts as its `sequence`-th.
const fn item_of(writer: usize, sequence: u64) -> u64 {
    (writer as u64) << 32 | sequence
}

/// Who put an item, and as its how-manieth.
pub(super) const fn origin_of(item: u64) -> (usize, u64) {
    ((item >> 32) as usize, item & 0xffff_ffff)
}

impl<M: Message> Worker<'_, M> {
    /// Puts until it is told to end, or has put so many, or has no paper left.
    pub(super) fn produce(&mut self, most: u64) {
        for sequence in 1..=most {
            if self.logs.producers_end() || self.logs.is_full(self.number) {
                return;
            }
            let item = item_of(self.number, sequence);
            let (queue, choice) = (&self.queue, self.random.below(8));
            let put = || match choice {
                0 => queue.try_put(M::new(item)),
                1 => queue.put_timeout(M::new(item), Duration::from_millis(1)),
                _ => queue.put(M::new(item)),
            };
            let _ = self.logs.write(self.number, Deed::Put(item), put, |put| match put {
                Ok(()) => (Outcome::Done, 0),
                Err(PutError::Full(_)) => (Outcome::Full, 0),
                Err(PutError::Closed(_)) => (Outcome::Closed, 0),
                Err(other) => panic!("{other}"),
            });
            self.work();
        }
    }

    /// Takes until the queue is closed, or it has no paper left.
    pub(super) fn consume(&mut self, taking: Taking) {
        while !self.logs.is_full(self.number) {
            let outcome = match taking {
                Taking::Get => self.get(),
                Taking::Lease => self.lease(),
            };
            if outcome == Outcome::Closed {
                return;
            }
            self.work();
        }
    }

    fn get(&mut self) -> Outcome {
        let (queue, choice) = (&self.queue, self.random.below(8));
        let get = || match choice {
            0 => queue.try_get(),
            1 => queue.get_timeout(Duration::from_millis(1)),
            _ => queue.get(),
        };
        let got = self.logs.write(self.number, Deed::Get, get, |got| (outcome(got), 0));
        outcome(&got)
    }

    fn lease(&mut self) -> Outcome {
        let (queue, choice) = (&self.queue, self.random.below(8));
        let lease = || match choice {
            0 => queue.try_lease(),
            1 => queue.lease_timeout(Duration::from_millis(1)),
            _ => queue.lease(),
        };
        let leased = self.logs.write(self.number, Deed::Get, lease, |leased| match leased {
            Ok(lease) => (Outcome::Got(item(&**lease)), lease.deliveries().into()),
            Err(error) => (failure(error), 0),
        });
        self.work();
        match leased {
            Ok(lease) => self.give(lease),
            Err(error) => failure(&error),
        }
    }

    /// Acknowledges a message, or gives it back.
    fn give(&mut self, lease: Lease<M, M::Form>) -> Outcome {
        let item = item(&*lease);
        if self.random.below(10) == 0 {
            self.logs.write(
                self.number,
                Deed::Nack(item),
                || lease.nack(),
                |()| (Outcome::Done, 0),
            );
        } else {
            self.logs.write(self.number, Deed::Ack(item), || lease.ack(), |()| (Outcome::Done, 0));
        }
        Outcome::Got(item)
    }

    /// Something else, for a moment.
    fn work(&mut self) {
        for _ in 0..self.random.below(400) {
            std::hint::spin_loop();
        }
    }
}

fn item<M: Message>(message: &M) -> u64 {
    message.item().unwrap_or_else(|| panic!("torn: {message:?}"))
}

fn failure(error: &GetError) -> Outcome {
    match error {
        GetError::Empty => Outcome::Empty,
        GetError::Closed => Outcome::Closed,
        other => panic!("{other}"),
    }
}

fn outcome<M: Message>(got: &Result<M, GetError>) -> Outcome {
    match got {
        Ok(message) => Outcome::Got(item(message)),
        Err(error) => failure(error),
    }
}
