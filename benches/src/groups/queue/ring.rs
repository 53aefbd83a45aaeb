//! The limit for one producer and one consumer: a ring whose two indexes lie on lines of their own,
//! each side with a copy of the other's that it renews when it must.

use super::lane::{Lane, Receiver, Sender, Shape, Sides};
use super::memory::{self, Line};
use super::slots::{self, Slots};
use super::wait::Wait;
use crate::harness::Missing;
use std::marker::PhantomData;
use std::sync::atomic::Ordering;

/// With `IN_PLACE`, messages are written and read in their slots; else copied in and copied out.
pub(in crate::groups) struct Ring<W, const IN_PLACE: bool> {
    /// `number` is how many messages have been sent, `word` rings for the consumer.
    sent: &'static Line,
    /// `number` is how many messages have been received, `word` rings for the producer.
    received: &'static Line,
    slots: Slots,
    shape: Shape,
    wait: PhantomData<fn() -> W>,
}

/// One end: its own index, and the other's as last seen.
pub(in crate::groups) struct End<W, const IN_PLACE: bool> {
    ring: Ring<W, IN_PLACE>,
    own: u64,
    other: u64,
    copy: Box<[u8]>,
}

impl<W, const IN_PLACE: bool> Ring<W, IN_PLACE> {
    fn end(&self) -> End<W, IN_PLACE> {
        let Self { sent, received, slots, shape, wait } = *self;
        let ring = Self { sent, received, slots, shape, wait };
        End { ring, own: 0, other: 0, copy: vec![0; shape.size].into() }
    }
}

impl<W: Wait, const IN_PLACE: bool> Lane for Ring<W, IN_PLACE> {
    const SIDES: Sides = Sides::Processes;
    type Sender = End<W, IN_PLACE>;
    type Receiver = End<W, IN_PLACE>;

    fn new(shape: Shape) -> Result<Self, Missing> {
        assert_eq!((shape.producers, shape.consumers), (1, 1));
        let [sent, received] = memory::lines(2) else { unreachable!("two were asked for") };
        Ok(Self { sent, received, slots: Slots::new(shape, 0), shape, wait: PhantomData })
    }

    fn sender(&self) -> Self::Sender {
        self.end()
    }

    fn receiver(&self) -> Self::Receiver {
        self.end()
    }
}

impl<W: Wait, const IN_PLACE: bool> Sender for End<W, IN_PLACE> {
    #[inline]
    fn send(&mut self, fill: impl FnOnce(&mut [u8])) {
        if IN_PLACE {
            fill(self.free_slot());
        } else {
            fill(&mut self.copy);
            slots::copy(self.free_slot(), &self.copy);
        }
        self.own += 1;
        // ORDERING: Release. Publishes the message.
        self.ring.sent.number.store(self.own, Ordering::Release);
        W::ring(&self.ring.sent.word);
    }
}

impl<W: Wait, const IN_PLACE: bool> Receiver for End<W, IN_PLACE> {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> R {
        if IN_PLACE {
            let result = read(self.full_slot());
            self.release();
            result
        } else {
            let slot = self.full_slot();
            slots::copy(&mut self.copy, slot);
            self.release();
            read(&self.copy)
        }
    }
}

impl<W: Wait, const IN_PLACE: bool> End<W, IN_PLACE> {
    /// Waits until the producer's next slot is free.
    #[inline]
    fn free_slot<'a>(&mut self) -> &'a mut [u8] {
        let Ring { received, slots, shape, .. } = &self.ring;
        let (own, other) = (self.own, &mut self.other);
        if own - *other == shape.capacity as u64 {
            W::until(&received.word, || {
                // ORDERING: Acquire. What the consumer has read is read.
                *other = received.number.load(Ordering::Acquire);
                own - *other < shape.capacity as u64
            });
        }
        // SAFETY: free, and only the one producer fills free slots.
        unsafe { slots.at(own, 0) }
    }

    /// Waits until the consumer's next slot is full.
    #[inline]
    fn full_slot<'a>(&mut self) -> &'a mut [u8] {
        let Ring { sent, slots, .. } = &self.ring;
        let (own, other) = (self.own, &mut self.other);
        if *other == own {
            W::until(&sent.word, || {
                // ORDERING: Acquire. Sees the messages that have been published.
                *other = sent.number.load(Ordering::Acquire);
                *other != own
            });
        }
        // SAFETY: full, and only the one consumer empties full slots.
        unsafe { slots.at(own, 0) }
    }

    #[inline]
    fn release(&mut self) {
        self.own += 1;
        // ORDERING: Release. The message has been read.
        self.ring.received.number.store(self.own, Ordering::Release);
        W::ring(&self.ring.received.word);
    }
}
