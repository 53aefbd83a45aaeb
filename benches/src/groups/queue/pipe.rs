//! A pipe: what each message costs if the kernel carries it.

use super::lane::{Lane, Receiver, Sender, Shape, Sides};
use crate::harness::Missing;
use nix::fcntl::{FcntlArg, fcntl};
use nix::unistd::pipe;
use std::fs::File;
use std::io::{Read, Write};

/// What a user may have without being root.
const ROOM_MAX: usize = 1 << 20;
const ROOM_MIN: usize = 1 << 16;

pub(in crate::groups) struct Pipe {
    reader: File,
    writer: File,
    shape: Shape,
}

/// One end of a pipe or of a pair of sockets.
pub(in crate::groups) struct End {
    pub(super) file: File,
    pub(super) copy: Box<[u8]>,
}

impl Lane for Pipe {
    const SIDES: Sides = Sides::Processes;
    type Sender = End;
    type Receiver = End;

    fn new(shape: Shape) -> Result<Self, Missing> {
        let (reader, writer) = pipe().expect("descriptors are left");
        let room = (shape.size * shape.capacity).clamp(ROOM_MIN, ROOM_MAX);
        let room = FcntlArg::F_SETPIPE_SZ(i32::try_from(room).expect("a MiB at most"));
        fcntl(&writer, room).map_err(|error| Missing(format!("no pipe of a MiB: {error}")))?;
        Ok(Self { reader: reader.into(), writer: writer.into(), shape })
    }

    fn sender(&self) -> End {
        End::new(&self.writer, self.shape)
    }

    fn receiver(&self) -> End {
        End::new(&self.reader, self.shape)
    }
}

impl End {
    pub(super) fn new(file: &File, shape: Shape) -> Self {
        let file = file.try_clone().expect("descriptors are left");
        Self { file, copy: vec![0; shape.size].into() }
    }
}

impl Sender for End {
    fn send(&mut self, fill: impl FnOnce(&mut [u8])) {
        fill(&mut self.copy);
        self.file.write_all(&self.copy).expect("the parent holds the other end");
    }
}

impl Receiver for End {
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> R {
        self.file.read_exact(&mut self.copy).expect("the parent holds the other end");
        read(&self.copy)
    }
}
