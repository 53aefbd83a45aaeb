//! `ipc-channel`: bytes through a socket. It has one consumer, and room for as much as the system
//! puts into a socket.

use super::lane::{Lane, Receiver, Sender, Shape, Sides};
use crate::harness::Missing;
use ipc_channel::ipc::{self, IpcBytesReceiver, IpcBytesSender};
use std::sync::{Mutex, PoisonError};

pub(in crate::groups) struct IpcChannel {
    /// Taken by the one producer and the one consumer.
    ends: Mutex<(Option<IpcBytesSender>, Option<IpcBytesReceiver>)>,
    size: usize,
}

/// The producer's end and its buffer.
pub(in crate::groups) struct Bytes {
    sender: IpcBytesSender,
    copy: Box<[u8]>,
}

impl Lane for IpcChannel {
    const SIDES: Sides = Sides::Processes;
    type Sender = Bytes;
    type Receiver = IpcBytesReceiver;

    fn new(shape: Shape) -> Result<Self, Missing> {
        assert_eq!((shape.producers, shape.consumers), (1, 1));
        let (sender, receiver) = ipc::bytes_channel().expect("descriptors are left");
        Ok(Self { ends: Mutex::new((Some(sender), Some(receiver))), size: shape.size })
    }

    fn sender(&self) -> Bytes {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = ends.0.take().expect("one producer");
        Bytes { sender, copy: vec![0; self.size].into() }
    }

    fn receiver(&self) -> IpcBytesReceiver {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        ends.1.take().expect("one consumer")
    }
}

impl Sender for Bytes {
    fn send(&mut self, fill: impl FnOnce(&mut [u8])) {
        fill(&mut self.copy);
        self.sender.send(&self.copy).expect("the parent holds the other end");
    }
}

impl Receiver for IpcBytesReceiver {
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> R {
        read(&self.recv().expect("the parent holds the other end"))
    }
}
