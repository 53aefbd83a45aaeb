//! `crossbeam-channel`, between threads.

use super::lane::{Lane, Receiver, Sender, Shape, Sides};
use super::parcel::{Packer, Parcel};
use crate::harness::Missing;

pub(in crate::groups) struct Crossbeam<P> {
    sender: crossbeam_channel::Sender<P>,
    receiver: crossbeam_channel::Receiver<P>,
    size: usize,
}

impl<P: Parcel> Lane for Crossbeam<P> {
    const SIDES: Sides = Sides::Threads;
    type Sender = Packer<crossbeam_channel::Sender<P>>;
    type Receiver = crossbeam_channel::Receiver<P>;

    fn new(shape: Shape) -> Result<Self, Missing> {
        let (sender, receiver) = crossbeam_channel::bounded(shape.capacity);
        Ok(Self { sender, receiver, size: shape.size })
    }

    fn sender(&self) -> Self::Sender {
        Packer::new(self.sender.clone(), self.size)
    }

    fn receiver(&self) -> Self::Receiver {
        self.receiver.clone()
    }
}

impl<P: Parcel> Sender for Packer<crossbeam_channel::Sender<P>> {
    #[inline]
    fn send(&mut self, fill: impl FnOnce(&mut [u8])) {
        let parcel = self.pack(fill);
        assert!(self.sender.send(parcel).is_ok(), "the queue has a receiver");
    }
}

impl<P: Parcel> Receiver for crossbeam_channel::Receiver<P> {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> R {
        read(self.recv().expect("the queue has a sender").bytes())
    }
}
