//! `kanal`, between threads.

use super::lane::{Lane, Receiver, Sender, Shape, Sides};
use super::parcel::{Packer, Parcel};
use crate::harness::Missing;

pub(in crate::groups) struct Kanal<P> {
    sender: kanal::Sender<P>,
    receiver: kanal::Receiver<P>,
    size: usize,
}

impl<P: Parcel> Lane for Kanal<P> {
    const SIDES: Sides = Sides::Threads;
    type Sender = Packer<kanal::Sender<P>>;
    type Receiver = kanal::Receiver<P>;

    fn new(shape: Shape) -> Result<Self, Missing> {
        let (sender, receiver) = kanal::bounded(shape.capacity);
        Ok(Self { sender, receiver, size: shape.size })
    }

    fn sender(&self) -> Self::Sender {
        Packer::new(self.sender.clone(), self.size)
    }

    fn receiver(&self) -> Self::Receiver {
        self.receiver.clone()
    }
}

impl<P: Parcel> Sender for Packer<kanal::Sender<P>> {
    #[inline]
    fn send(&mut self, fill: impl FnOnce(&mut [u8])) {
        let parcel = self.pack(fill);
        assert!(self.sender.send(parcel).is_ok(), "the queue has a receiver");
    }
}

impl<P: Parcel> Receiver for kanal::Receiver<P> {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> R {
        read(self.recv().expect("the queue has a sender").bytes())
    }
}
