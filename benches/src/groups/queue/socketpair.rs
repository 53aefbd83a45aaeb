//! A pair of sockets that keeps messages apart.

use super::lane::{Lane, Shape, Sides};
use super::pipe::End;
use crate::harness::Missing;
use nix::sys::socket::sockopt::SndBuf;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, getsockopt, setsockopt, socketpair};
use std::fs::File;

const ROOM_MAX: usize = 2 << 20;
const ROOM_MIN: usize = 1 << 18;

pub(in crate::groups) struct SocketPair {
    ends: [File; 2],
    shape: Shape,
}

impl Lane for SocketPair {
    const SIDES: Sides = Sides::Processes;
    type Sender = End;
    type Receiver = End;

    fn new(shape: Shape) -> Result<Self, Missing> {
        let (kind, flags) = (SockType::SeqPacket, SockFlag::empty());
        let ends = socketpair(AddressFamily::Unix, kind, None, flags);
        let (first, second) = ends.expect("descriptors are left");
        let room = (shape.size * shape.capacity).clamp(ROOM_MIN, ROOM_MAX);
        setsockopt(&first, SndBuf, &room).expect("the system takes what it allows");
        if getsockopt(&first, SndBuf).expect("it tells") <= shape.size {
            return Err(Missing("net.core.wmem_max is less than a message".to_owned()));
        }
        Ok(Self { ends: [first.into(), second.into()], shape })
    }

    fn sender(&self) -> End {
        End::new(&self.ends[0], self.shape)
    }

    fn receiver(&self) -> End {
        End::new(&self.ends[1], self.shape)
    }
}
