//! The limit for many producers and consumers: Dmitry Vyukov's bounded queue, where each slot tells
//! by a number of its own whose turn it is. A side that dies with a slot in hand blocks all others.

use super::lane::{Lane, Receiver, Sender, Shape, Sides};
use super::memory::{self, Line};
use super::slots::{self, Slots};
use super::wait::Wait;
use crate::harness::Missing;
use std::cmp;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};

/// Of the number before each message.
const TURN: usize = size_of::<AtomicU64>();

pub(in crate::groups) struct Vyukov<W> {
    /// `number` is the position of the next message to be sent, `word` rings for consumers.
    sending: &'static Line,
    /// `number` is the position of the next message to be received, `word` rings for producers.
    receiving: &'static Line,
    slots: Slots,
    shape: Shape,
    wait: PhantomData<fn() -> W>,
}

/// One end, with the copy that it fills or reads.
pub(in crate::groups) struct End<W> {
    queue: Vyukov<W>,
    copy: Box<[u8]>,
}

impl<W> Vyukov<W> {
    fn end(&self) -> End<W> {
        let Self { sending, receiving, slots, shape, wait } = *self;
        let queue = Self { sending, receiving, slots, shape, wait };
        End { queue, copy: vec![0; shape.size].into() }
    }

    /// The position that may fill the slot; one more: that may empty it.
    #[inline]
    fn turn(&self, position: u64) -> &AtomicU64 {
        // SAFETY: a place begins with it, it is aligned, and it is only ever used as an atomic.
        unsafe { self.slots.address(position).cast().as_ref() }
    }

    /// Takes the next position of `line`, if its slot is `ahead` of it.
    #[inline]
    fn claim(&self, line: &Line, ahead: u64) -> Option<u64> {
        // ORDERING: Relaxed. A claim says nothing about the slot; its turn does.
        let relaxed = Ordering::Relaxed;
        let mut position = line.number.load(relaxed);
        loop {
            // ORDERING: Acquire. Who had the slot before is done with it.
            let turn = self.turn(position).load(Ordering::Acquire);
            position = match turn.cmp(&(position + ahead)) {
                cmp::Ordering::Less => return None,
                cmp::Ordering::Greater => line.number.load(relaxed),
                cmp::Ordering::Equal => {
                    let next = position + 1;
                    match line.number.compare_exchange_weak(position, next, relaxed, relaxed) {
                        Ok(_) => return Some(position),
                        Err(seen) => seen,
                    }
                }
            };
        }
    }
}

impl<W: Wait> Vyukov<W> {
    /// Waits on the other side's bell until there is a position to claim.
    #[inline]
    fn position(&self, line: &Line, other: &Line, ahead: u64) -> u64 {
        let mut claimed = self.claim(line, ahead);
        if claimed.is_none() {
            W::until(&other.word, || {
                claimed = self.claim(line, ahead);
                claimed.is_some()
            });
        }
        claimed.expect("waited for")
    }
}

impl<W: Wait> Lane for Vyukov<W> {
    const SIDES: Sides = Sides::Processes;
    type Sender = End<W>;
    type Receiver = End<W>;

    fn new(shape: Shape) -> Result<Self, Missing> {
        let [sending, receiving] = memory::lines(2) else { unreachable!("two were asked for") };
        let slots = Slots::new(shape, TURN);
        let queue = Self { sending, receiving, slots, shape, wait: PhantomData };
        for position in 0..shape.capacity as u64 {
            // ORDERING: Relaxed. There are no sides yet.
            queue.turn(position).store(position, Ordering::Relaxed);
        }
        Ok(queue)
    }

    fn sender(&self) -> Self::Sender {
        self.end()
    }

    fn receiver(&self) -> Self::Receiver {
        self.end()
    }
}

impl<W: Wait> Sender for End<W> {
    #[inline]
    fn send(&mut self, fill: impl FnOnce(&mut [u8])) {
        fill(&mut self.copy);
        let queue = &self.queue;
        let position = queue.position(queue.sending, queue.receiving, 0);
        // SAFETY: claimed, and nobody else's until the turn changes.
        slots::copy(unsafe { queue.slots.at(position, TURN) }, &self.copy);
        // ORDERING: Release. Publishes the message.
        queue.turn(position).store(position + 1, Ordering::Release);
        W::ring(&queue.sending.word);
    }
}

impl<W: Wait> Receiver for End<W> {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> R {
        let queue = &self.queue;
        let position = queue.position(queue.receiving, queue.sending, 1);
        // SAFETY: claimed, and nobody else's until the turn changes.
        slots::copy(&mut self.copy, unsafe { queue.slots.at(position, TURN) });
        let next_lap = position + queue.shape.capacity as u64;
        // ORDERING: Release. The message has been copied out.
        queue.turn(position).store(next_lap, Ordering::Release);
        W::ring(&queue.receiving.word);
        read(&self.copy)
    }
}
