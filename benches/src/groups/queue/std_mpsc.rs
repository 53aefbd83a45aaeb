//! `std::sync::mpsc::sync_channel`, between threads. It has one consumer.

use super::lane::{Lane, Receiver, Sender, Shape, Sides};
use super::parcel::{Packer, Parcel};
use crate::harness::Missing;
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Mutex, PoisonError};

pub(in crate::groups) struct Std<P> {
    sender: SyncSender<P>,
    /// Taken by the consumer.
    receiver: Mutex<Option<mpsc::Receiver<P>>>,
    size: usize,
}

impl<P: Parcel> Lane for Std<P> {
    const SIDES: Sides = Sides::Threads;
    type Sender = Packer<SyncSender<P>>;
    type Receiver = mpsc::Receiver<P>;

    fn new(shape: Shape) -> Result<Self, Missing> {
        let (sender, receiver) = mpsc::sync_channel(shape.capacity);
        Ok(Self { sender, receiver: Mutex::new(Some(receiver)), size: shape.size })
    }

    fn sender(&self) -> Self::Sender {
        Packer::new(self.sender.clone(), self.size)
    }

    fn receiver(&self) -> Self::Receiver {
        let mut receiver = self.receiver.lock().unwrap_or_else(PoisonError::into_inner);
        receiver.take().expect("one consumer")
    }
}

impl<P: Parcel> Sender for Packer<SyncSender<P>> {
    #[inline]
    fn send(&mut self, fill: impl FnOnce(&mut [u8])) {
        let parcel = self.pack(fill);
        assert!(self.sender.send(parcel).is_ok(), "the consumer is gone");
    }
}

impl<P: Parcel> Receiver for mpsc::Receiver<P> {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> R {
        read(self.recv().expect("the queue has a sender").bytes())
    }
}
