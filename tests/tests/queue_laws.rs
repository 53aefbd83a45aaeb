//! Queues keep their laws.
#![cfg(all(unix, not(conc_loom)))]

use conc_tests::laws::{
    ChannelQueue, ChannelQueues, QueueCapabilities, QueueLaws, QueueSource, Verdict,
};
use conc_tests::watchdog_for;
use std::time::Duration;

/// Each law has a watchdog of its own.
const ALL_LAWS: Duration = Duration::from_secs(600);

#[test]
fn a_queue_over_a_channel_keeps_the_laws() {
    let _watchdog = watchdog_for(ALL_LAWS);
    let verdicts = QueueLaws::new().everything().judge("ChannelQueue", &|| ChannelQueues);
    verdicts.compare_with_table();
}

/// The same queues as one that joins two threads and never waits would be judged.
#[derive(Debug)]
struct BetweenTwo;

impl QueueSource for BetweenTwo {
    type Queue = ChannelQueue<u64>;

    fn capabilities(&self) -> QueueCapabilities {
        QueueCapabilities::BOUNDED | QueueCapabilities::FIFO
    }

    fn bounded(&self, capacity: usize) -> Self::Queue {
        ChannelQueue::bounded(capacity)
    }
}

#[test]
fn what_a_queue_does_not_have_is_not_applicable() {
    let _watchdog = watchdog_for(ALL_LAWS);
    let verdicts = QueueLaws::new().judge("a queue between two", &|| BetweenTwo);
    let verdict_of = |law| verdicts.laws.iter().find(|(name, _)| *name == law).unwrap().1.clone();
    let needs = |what: &str| Verdict::NotApplicable(format!("needs {what}"));
    assert_eq!(verdict_of("what_is_put_comes_out_in_order"), Verdict::Held);
    assert_eq!(verdict_of("handles_are_one_queue"), needs("HANDLES"));
    assert_eq!(verdict_of("every_item_comes_out_once"), needs("MANY_PRODUCERS | MANY_CONSUMERS"));
    assert_eq!(verdict_of("get_waits_until_there_is_an_item"), needs("BLOCKING"));
    assert_eq!(verdict_of("a_dropped_get_takes_nothing"), needs("ASYNC"));
    assert_eq!(verdict_of("done_too_often_is_an_error"), needs("JOINABLE"));
    assert!(verdicts.laws.iter().all(|(_, verdict)| !matches!(verdict, Verdict::Broken(_))));
}
