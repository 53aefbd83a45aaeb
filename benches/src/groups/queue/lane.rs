//! What a contender of this group is: a queue for messages of one size. `latency` builds its round
//! trips of two of them.

use crate::harness::Missing;

/// How big messages are, how many fit, and who takes part.
#[derive(Debug, Clone, Copy)]
pub(in crate::groups) struct Shape {
    /// Bytes of a message, a multiple of 8.
    pub(in crate::groups) size: usize,
    /// Messages, a power of two.
    pub(in crate::groups) capacity: usize,
    pub(in crate::groups) producers: usize,
    pub(in crate::groups) consumers: usize,
}

/// What producers and consumers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::groups) enum Sides {
    Processes,
    Threads,
}

/// A queue, made before there are sides and used after they have been forked.
///
/// It holds what survives a fork: a mapping, a descriptor, a name. Each side calls
/// [`sender`](Self::sender) or [`receiver`](Self::receiver) once, in its own process or thread:
/// there a queue that must be attached in each process is attached, and let go when the end is
/// dropped. The queue itself is dropped by the parent of all sides, after they have gone.
///
/// Neither may wait for the other side: who needs both ends of two queues would wait for ever. The
/// first message may.
pub(in crate::groups) trait Lane: Send + Sync + Sized + 'static {
    const SIDES: Sides;
    type Sender: Sender;
    type Receiver: Receiver;

    /// # Errors
    ///
    /// If this machine cannot have such a queue.
    fn new(shape: Shape) -> Result<Self, Missing>;
    fn sender(&self) -> Self::Sender;
    fn receiver(&self) -> Self::Receiver;
}

/// The end of a producer.
pub(in crate::groups) trait Sender {
    /// Puts one message, and waits while the queue is full.
    ///
    /// `fill` writes each byte of it: in place if the queue can do that, else into a buffer of the
    /// sender's own that is then copied.
    fn send(&mut self, fill: impl FnOnce(&mut [u8]));
}

/// The end of a consumer.
pub(in crate::groups) trait Receiver {
    /// Takes one message, and waits while the queue is empty.
    ///
    /// `read` reads each byte of it: in place if the queue can do that, else what was copied out.
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> R;
}
