//! `iceoryx2`: publish-subscribe with one publisher and one subscriber, written and read in place.
//!
//! It is no queue by nature: a full buffer is made to hold the publisher up instead of losing what
//! is oldest, and each message must have gone to one subscriber. It never goes to one of several.

use super::lane::{Lane, Receiver, Sender, Shape, Sides};
use super::memory::{self, Line};
use crate::harness::Missing;
use iceoryx2::node::{Node, NodeBuilder};
use iceoryx2::port::listener::Listener;
use iceoryx2::port::notifier::Notifier;
use iceoryx2::port::publisher::Publisher;
use iceoryx2::port::subscriber::Subscriber;
use iceoryx2::prelude::{
    BackpressureStrategy, LogLevel, PortFactory, ServiceName, SignalHandlingMode, ipc,
};
use iceoryx2::service::port_factory::{event, publish_subscribe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::{hint, process, slice, thread};

/// With `EVENTS`, the publisher sends an event after each message and the subscriber sleeps until
/// one comes; else the subscriber spins.
pub(in crate::groups) struct Iceoryx2<const EVENTS: bool> {
    name: String,
    shape: Shape,
    /// `number` is 1 once the subscriber is connected. A buffer that fills up before loses messages
    /// in spite of `RetryUntilDelivered`.
    connected: &'static Line,
}

/// What each process opens for itself.
struct Opened {
    messages: publish_subscribe::PortFactory<ipc::Service, [u8], ()>,
    events: event::PortFactory<ipc::Service>,
    node: Node<ipc::Service>,
}

pub(in crate::groups) struct Publishing {
    publisher: Publisher<ipc::Service, [u8], ()>,
    notifier: Option<Notifier<ipc::Service>>,
    size: usize,
    connected: &'static Line,
    _node: Node<ipc::Service>,
}

pub(in crate::groups) struct Subscribed {
    subscriber: Subscriber<ipc::Service, [u8], ()>,
    messages: publish_subscribe::PortFactory<ipc::Service, [u8], ()>,
    listener: Option<Listener<ipc::Service>>,
    connected: &'static Line,
    is_connected: bool,
    _node: Node<ipc::Service>,
}

impl<const EVENTS: bool> Iceoryx2<EVENTS> {
    fn open(&self) -> Opened {
        const OPENS: &str = "a service can be opened";
        let builder = NodeBuilder::new().signal_handling_mode(SignalHandlingMode::Disabled);
        let node = builder.create::<ipc::Service>().expect("a node can be made");
        let name = |what| -> ServiceName {
            format!("{}/{what}", self.name).as_str().try_into().expect("a short name")
        };
        let messages = node
            .service_builder(&name("messages"))
            .publish_subscribe::<[u8]>()
            .enable_safe_overflow(false)
            .subscriber_max_buffer_size(self.shape.capacity)
            .history_size(0)
            .max_publishers(1)
            .max_subscribers(1)
            .open_or_create()
            .expect(OPENS);
        let events = node.service_builder(&name("events")).event().open_or_create().expect(OPENS);
        Opened { messages, events, node }
    }
}

impl<const EVENTS: bool> Lane for Iceoryx2<EVENTS> {
    const SIDES: Sides = Sides::Processes;
    type Sender = Publishing;
    type Receiver = Subscribed;

    fn new(shape: Shape) -> Result<Self, Missing> {
        static LANES: AtomicU64 = AtomicU64::new(0);

        assert_eq!((shape.producers, shape.consumers), (1, 1));
        // It warns of what is none of our business here, a missing file of settings first of all.
        iceoryx2::prelude::set_log_level(LogLevel::Error);
        // ORDERING: Relaxed. A number that nobody else gets.
        let number = LANES.fetch_add(1, Ordering::Relaxed);
        let name = format!("conc_bench/{}/{number}", process::id());
        Ok(Self { name, shape, connected: &memory::lines(1)[0] })
    }

    fn sender(&self) -> Publishing {
        let Opened { messages, events, node } = self.open();
        let publisher = messages
            .publisher_builder()
            .initial_max_slice_len(self.shape.size)
            .backpressure_strategy(BackpressureStrategy::RetryUntilDelivered)
            .create()
            .expect("the only publisher");
        let notifier = EVENTS.then(|| events.notifier_builder().create().expect("a notifier"));
        let (size, connected) = (self.shape.size, self.connected);
        Publishing { publisher, notifier, size, connected, _node: node }
    }

    fn receiver(&self) -> Subscribed {
        let Opened { messages, events, node } = self.open();
        let listener = EVENTS.then(|| events.listener_builder().create().expect("a listener"));
        let subscriber = messages.subscriber_builder().create().expect("the only subscriber");
        let connected = self.connected;
        Subscribed { subscriber, messages, listener, connected, is_connected: false, _node: node }
    }
}

impl Sender for Publishing {
    fn send(&mut self, fill: impl FnOnce(&mut [u8])) {
        // ORDERING: Acquire. The subscriber is connected.
        while self.connected.number.load(Ordering::Acquire) == 0 {
            thread::yield_now();
        }
        let mut sample = self.publisher.loan_slice_uninit(self.size).expect("chunks are left");
        let place = sample.payload_mut();
        // SAFETY: shared memory, mapped for this process; `fill` writes each byte of it.
        fill(unsafe { slice::from_raw_parts_mut(place.as_mut_ptr().cast(), place.len()) });
        // SAFETY: each byte has been written.
        let recipients = unsafe { sample.assume_init() }.send();
        assert_eq!(recipients.expect("the subscriber is there"), 1, "a message went nowhere");
        if let Some(notifier) = &self.notifier {
            notifier.notify().expect("the listener is there");
        }
    }
}

impl Subscribed {
    #[cold]
    fn connect(&mut self) {
        while self.messages.dynamic_config().number_of_publishers() == 0 {
            thread::yield_now();
        }
        // Asking connects.
        self.subscriber.has_samples().expect("the publisher is there");
        self.is_connected = true;
        // ORDERING: Release. Connected before.
        self.connected.number.store(1, Ordering::Release);
    }
}

impl Receiver for Subscribed {
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> R {
        if !self.is_connected {
            self.connect();
        }
        loop {
            if let Some(sample) = self.subscriber.receive().expect("the publisher is there") {
                return read(sample.payload());
            }
            match &self.listener {
                // The event comes after its message, so none is slept through.
                Some(listener) => {
                    listener.blocking_wait(|_| {}).expect("events can be waited for");
                }
                None => hint::spin_loop(),
            }
        }
    }
}
