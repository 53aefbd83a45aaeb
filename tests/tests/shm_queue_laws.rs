//! The queue in shared memory keeps the laws of queues.
#![cfg(all(target_os = "linux", not(conc_loom)))]

use conc_shm::queue::{Builder, PlainQueue, Queue};
use conc_tests::laws::{QueueCapabilities, QueueLaws, QueueSource};
use conc_tests::watchdog_for;
use std::time::Duration;

/// Each law has a watchdog of its own.
const ALL_LAWS: Duration = Duration::from_secs(600);

const SHARED: QueueCapabilities = QueueCapabilities::BOUNDED
    .union(QueueCapabilities::CROWDS)
    .union(QueueCapabilities::FIFO)
    .union(QueueCapabilities::LINEARIZABLE)
    .union(QueueCapabilities::HANDLES);

#[derive(Debug)]
struct EncodedQueues;

impl QueueSource for EncodedQueues {
    type Queue = Queue<u64>;

    fn capabilities(&self) -> QueueCapabilities {
        SHARED
    }

    fn bounded(&self, capacity: usize) -> Self::Queue {
        Builder::new(capacity.try_into().unwrap()).byte_budget(0).joinable().build().unwrap()
    }

    fn handle(&self, queue: &Self::Queue) -> Self::Queue {
        queue.clone()
    }
}

#[derive(Debug)]
struct PlainQueues;

impl QueueSource for PlainQueues {
    type Queue = PlainQueue<u64>;

    fn capabilities(&self) -> QueueCapabilities {
        SHARED
    }

    fn bounded(&self, capacity: usize) -> Self::Queue {
        Builder::new(capacity.try_into().unwrap()).joinable().build().unwrap()
    }

    fn handle(&self, queue: &Self::Queue) -> Self::Queue {
        queue.clone()
    }
}

#[test]
fn a_queue_of_encoded_items_keeps_the_laws() {
    let _watchdog = watchdog_for(ALL_LAWS);
    let verdicts = QueueLaws::new().everything().judge("shm Queue", &|| EncodedQueues);
    verdicts.compare_with_table();
}

#[test]
fn a_queue_of_plain_items_keeps_the_laws() {
    let _watchdog = watchdog_for(ALL_LAWS);
    let verdicts = QueueLaws::new().everything().judge("shm PlainQueue", &|| PlainQueues);
    verdicts.compare_with_table();
}
