//! `conc_shm::queue`: ours, in three forms, and the ring for pairs.

use super::cases;
use super::lane::{Lane, Receiver, Sender, Shape, Sides};
use crate::harness::{Group, Missing};
use conc_shm::Shared;
use conc_shm::queue::{Builder, Form, PlainQueue, Queue};
use conc_shm::ring::{PlainReceiver, PlainSender};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::future::Future;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// `BYTES` of plain data, in words.
pub(in crate::groups) type Words<const WORDS: usize> = [u64; WORDS];

const COPIED: &str = "put and get of plain data, any number of producers and consumers";
const IN_PLACE: &str = "loan and lease: written and read where it lies";
const AWAITED: &str = "put_async and get_async of plain data, awaited by a thread that parks";
const PAIRED: &str = "the ring for one producer and one consumer: put and get of plain data";
const ENCODED: &str = "put and get of serde values: eight numbers; 1 KiB of bytes";

pub(super) fn register(group: &mut Group) {
    cases::small::<Copied<8>, Copied<128>>(group, "conc_queue", COPIED);
    cases::large::<InPlace>(group, "conc_queue", IN_PLACE);
    cases::mpmc::<Copied<8>>(group, "conc_queue", COPIED);
    cases::small::<Pair<8>, Pair<128>>(group, "conc_ring", PAIRED);
    cases::small::<Awaited<8>, Awaited<128>>(group, "conc_queue_async", AWAITED);
    cases::small::<Encoded<Numbers>, Encoded<Blob>>(group, "conc_queue_serde", ENCODED);
}

/// A descriptor: handles are inert in a forked process, which attaches anew.
#[derive(Debug)]
struct Ticket(OwnedFd);

impl Ticket {
    fn of<T, F: Form<T>>(shape: Shape) -> Result<Self, Missing> {
        let capacity = u32::try_from(shape.capacity).expect("a small queue");
        let queue: Queue<T, F> = Builder::new(capacity)
            .inline_bytes(u32::try_from(2 * shape.size).unwrap_or(u32::MAX))
            .byte_budget(0)
            .build()
            .map_err(|error| Missing(error.to_string()))?;
        Ok(Self(queue.as_fd().try_clone_to_owned().expect("a descriptor")))
    }

    fn attach<T, F: Form<T>>(&self) -> Queue<T, F> {
        let descriptor = self.0.try_clone().expect("a descriptor");
        let queue = Queue::attach(descriptor).expect("our own queue");
        // Whoever is first sees nobody else: there are no tickets for sides that are forked.
        queue.keep_open();
        queue
    }
}

/// `put` and `get` of plain data.
#[derive(Debug)]
pub(in crate::groups) struct Copied<const WORDS: usize>(Ticket);

impl<const WORDS: usize> Lane for Copied<WORDS>
where
    Words<WORDS>: Shared,
{
    const SIDES: Sides = Sides::Processes;
    type Sender = PlainQueue<Words<WORDS>>;
    type Receiver = PlainQueue<Words<WORDS>>;

    fn new(shape: Shape) -> Result<Self, Missing> {
        assert_eq!(shape.size, 8 * WORDS);
        Ok(Self(Ticket::of::<Words<WORDS>, conc_shm::queue::Plain>(shape)?))
    }

    fn sender(&self) -> Self::Sender {
        self.0.attach()
    }

    fn receiver(&self) -> Self::Receiver {
        self.0.attach()
    }
}

impl<const WORDS: usize> Sender for PlainQueue<Words<WORDS>>
where
    Words<WORDS>: Shared,
{
    #[inline]
    fn send(&mut self, fill: impl FnOnce(&mut [u8])) {
        let mut message = [0; WORDS];
        fill(zerocopy::IntoBytes::as_mut_bytes(&mut message));
        self.put(message).expect("an open queue");
    }
}

impl<const WORDS: usize> Receiver for PlainQueue<Words<WORDS>>
where
    Words<WORDS>: Shared,
{
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> R {
        let message = self.get().expect("a queue with a producer");
        read(zerocopy::IntoBytes::as_bytes(&message))
    }
}

/// The queue, awaited.
#[derive(Debug)]
struct Awaited<const WORDS: usize>(Copied<WORDS>);

/// An end, and who waits at it.
struct AwaitedEnd<const WORDS: usize> {
    queue: PlainQueue<Words<WORDS>>,
    waker: Waker,
}

/// Wakes a thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl<const WORDS: usize> Lane for Awaited<WORDS>
where
    Words<WORDS>: Shared,
{
    const SIDES: Sides = Sides::Processes;
    type Sender = AwaitedEnd<WORDS>;
    type Receiver = AwaitedEnd<WORDS>;

    fn new(shape: Shape) -> Result<Self, Missing> {
        Copied::new(shape).map(Self)
    }

    fn sender(&self) -> Self::Sender {
        let waker = Arc::new(Unpark(thread::current())).into();
        AwaitedEnd { queue: self.0.sender(), waker }
    }

    fn receiver(&self) -> Self::Receiver {
        self.sender()
    }
}

impl<const WORDS: usize> AwaitedEnd<WORDS> {
    #[inline]
    fn wait_for<R>(&self, future: impl Future<Output = R>) -> R {
        let mut future = pin!(future);
        let mut context = Context::from_waker(&self.waker);
        loop {
            if let Poll::Ready(result) = future.as_mut().poll(&mut context) {
                return result;
            }
            thread::park();
        }
    }
}

impl<const WORDS: usize> Sender for AwaitedEnd<WORDS>
where
    Words<WORDS>: Shared,
{
    #[inline]
    fn send(&mut self, fill: impl FnOnce(&mut [u8])) {
        let mut message = [0; WORDS];
        fill(zerocopy::IntoBytes::as_mut_bytes(&mut message));
        self.wait_for(self.queue.put_async(message)).expect("an open queue");
    }
}

impl<const WORDS: usize> Receiver for AwaitedEnd<WORDS>
where
    Words<WORDS>: Shared,
{
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> R {
        let message = self.wait_for(self.queue.get_async()).expect("a queue with a producer");
        read(zerocopy::IntoBytes::as_bytes(&message))
    }
}

/// The ring for pairs.
#[derive(Debug)]
struct Pair<const WORDS: usize>(OwnedFd);

impl<const WORDS: usize> Lane for Pair<WORDS>
where
    Words<WORDS>: Shared,
{
    const SIDES: Sides = Sides::Processes;
    type Sender = PlainSender<Words<WORDS>>;
    type Receiver = PlainReceiver<Words<WORDS>>;

    fn new(shape: Shape) -> Result<Self, Missing> {
        let (sender, _receiver) = conc_shm::ring::plain::<Words<WORDS>>(shape.capacity)
            .map_err(|error| Missing(error.to_string()))?;
        // Both ends are free again when this returns.
        Ok(Self(sender.as_fd().try_clone_to_owned().expect("a descriptor")))
    }

    fn sender(&self) -> Self::Sender {
        let descriptor = self.0.try_clone().expect("a descriptor");
        let sender = PlainSender::attach(descriptor).expect("an end that is free");
        sender.keep_open();
        sender
    }

    fn receiver(&self) -> Self::Receiver {
        let descriptor = self.0.try_clone().expect("a descriptor");
        let receiver = PlainReceiver::attach(descriptor).expect("an end that is free");
        receiver.keep_open();
        receiver
    }
}

impl<const WORDS: usize> Sender for PlainSender<Words<WORDS>>
where
    Words<WORDS>: Shared,
{
    #[inline]
    fn send(&mut self, fill: impl FnOnce(&mut [u8])) {
        let mut message = [0; WORDS];
        fill(zerocopy::IntoBytes::as_mut_bytes(&mut message));
        self.put(message).expect("an open ring");
    }
}

impl<const WORDS: usize> Receiver for PlainReceiver<Words<WORDS>>
where
    Words<WORDS>: Shared,
{
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> R {
        let message = self.get().expect("a ring with a producer");
        read(zerocopy::IntoBytes::as_bytes(&message))
    }
}

/// `loan` and `lease` of large messages, of the size that is asked for.
#[derive(Debug)]
struct InPlace(Ticket, usize);

const SMALLER: usize = 1 << 13;
const LARGER: usize = 1 << 17;

#[derive(Debug)]
enum Either {
    Smaller(PlainQueue<Words<SMALLER>>),
    Larger(PlainQueue<Words<LARGER>>),
}

impl Lane for InPlace {
    const SIDES: Sides = Sides::Processes;
    type Sender = Either;
    type Receiver = Either;

    fn new(shape: Shape) -> Result<Self, Missing> {
        let ticket = if shape.size == 8 * SMALLER {
            Ticket::of::<Words<SMALLER>, conc_shm::queue::Plain>(shape)?
        } else {
            assert_eq!(shape.size, 8 * LARGER);
            Ticket::of::<Words<LARGER>, conc_shm::queue::Plain>(shape)?
        };
        Ok(Self(ticket, shape.size))
    }

    fn sender(&self) -> Either {
        if self.1 == 8 * SMALLER {
            Either::Smaller(self.0.attach())
        } else {
            Either::Larger(self.0.attach())
        }
    }

    fn receiver(&self) -> Either {
        self.sender()
    }
}

impl Sender for Either {
    #[inline]
    fn send(&mut self, fill: impl FnOnce(&mut [u8])) {
        match self {
            Self::Smaller(queue) => lend(queue, fill),
            Self::Larger(queue) => lend(queue, fill),
        }
    }
}

#[inline]
fn lend<T: Shared>(queue: &PlainQueue<T>, fill: impl FnOnce(&mut [u8])) {
    let mut loan = queue.loan().expect("an open queue");
    fill(loan.as_mut_bytes());
    loan.publish().expect("an open queue");
}

impl Receiver for Either {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            Self::Smaller(queue) => look(queue, read),
            Self::Larger(queue) => look(queue, read),
        }
    }
}

#[inline]
fn look<T: Shared, R>(queue: &PlainQueue<T>, read: impl FnOnce(&[u8]) -> R) -> R {
    let lease = queue.lease().expect("a queue with a producer");
    let result = read(lease.as_bytes());
    lease.ack();
    result
}

/// A message as a value of serde.
pub(in crate::groups) trait Value: conc_core::Wire {
    fn make(size: usize, fill: impl FnOnce(&mut [u8])) -> Self;
    fn bytes(&self) -> &[u8];
}

/// A small struct.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(in crate::groups) struct Numbers(Words<8>);

impl Value for Numbers {
    #[inline]
    fn make(_size: usize, fill: impl FnOnce(&mut [u8])) -> Self {
        let mut numbers = [0; 8];
        fill(zerocopy::IntoBytes::as_mut_bytes(&mut numbers));
        Self(numbers)
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        zerocopy::IntoBytes::as_bytes(&self.0)
    }
}

/// Bytes that are encoded as bytes, as a text is.
#[derive(Debug)]
pub(in crate::groups) struct Blob(Vec<u8>);

impl Value for Blob {
    #[inline]
    fn make(size: usize, fill: impl FnOnce(&mut [u8])) -> Self {
        let mut bytes = vec![0; size];
        fill(&mut bytes);
        Self(bytes)
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Blob;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Blob, E> {
                Ok(Blob(bytes.to_vec()))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

/// `put` and `get` of serde values.
#[derive(Debug)]
struct Encoded<T> {
    ticket: Ticket,
    size: usize,
    of: std::marker::PhantomData<fn() -> T>,
}

/// An end, and how long its messages are.
struct EncodedEnd<T>(Queue<T>, usize);

impl<T: Value> Lane for Encoded<T> {
    const SIDES: Sides = Sides::Processes;
    type Sender = EncodedEnd<T>;
    type Receiver = EncodedEnd<T>;

    fn new(shape: Shape) -> Result<Self, Missing> {
        let ticket = Ticket::of::<T, conc_shm::queue::Encoded>(shape)?;
        Ok(Self { ticket, size: shape.size, of: std::marker::PhantomData })
    }

    fn sender(&self) -> Self::Sender {
        EncodedEnd(self.ticket.attach(), self.size)
    }

    fn receiver(&self) -> Self::Receiver {
        self.sender()
    }
}

impl<T: Value> Sender for EncodedEnd<T> {
    #[inline]
    fn send(&mut self, fill: impl FnOnce(&mut [u8])) {
        self.0.put(T::make(self.1, fill)).expect("an open queue");
    }
}

impl<T: Value> Receiver for EncodedEnd<T> {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> R {
        read(self.0.get().expect("a queue with a producer").bytes())
    }
}
