//! Where jobs are held up.

use super::Scratch;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// Holds jobs up, in whatever thread or process they are, until the law lets them go.
///
/// A gate that is dropped lets everybody go, so that a broken law leaves nobody behind.
#[derive(Debug)]
pub struct Gate {
    listener: UnixListener,
    address: PathBuf,
    _scratch: Scratch,
}

/// A job that waits at a gate. Dropped, it goes on.
#[derive(Debug)]
#[must_use = "the job goes on when this is dropped"]
pub struct Visitor {
    stream: UnixStream,
    /// What the job called itself.
    pub number: u64,
}

impl Gate {
    /// A closed gate.
    ///
    /// # Panics
    ///
    /// If the system has no socket for it.
    #[must_use]
    pub fn new() -> Self {
        let scratch = Scratch::new();
        let address = scratch.join("gate");
        let listener = UnixListener::bind(&address).expect("a socket in our own directory");
        Self { listener, address, _scratch: scratch }
    }

    /// What a job needs to [`pass`] here.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.address.clone()
    }

    /// Waits for the next job that comes to the gate.
    ///
    /// # Panics
    ///
    /// If the job goes away again.
    pub fn visitor(&self) -> Visitor {
        let (mut stream, _) = self.listener.accept().expect("our socket is open");
        let mut number = [0; 8];
        stream.read_exact(&mut number).expect("a visitor says its number first");
        Visitor { stream, number: u64::from_le_bytes(number) }
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

impl Visitor {
    /// Lets the job go on.
    pub fn let_go(self) {
        drop(self.stream);
    }
}

/// Waits at a gate until the law lets this job go, or is over.
pub fn pass(gate: &Path, number: u64) {
    // Errors mean that the gate is gone, and with it the reason to wait.
    let Ok(mut stream) = UnixStream::connect(gate) else { return };
    if stream.write_all(&number.to_le_bytes()).is_ok() {
        let _ = stream.read(&mut [0]);
    }
}
