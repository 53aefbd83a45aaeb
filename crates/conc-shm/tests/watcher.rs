//! The watcher: nothing that an object does to it ends it.

#![cfg(not(conc_loom))]

mod processes;

use conc_shm::{Kind, Layout, Member, Recover, Segment};
use conc_tests::watchdog;
use processes::{Channel, Copy, alone, forever};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

const KIND: Kind = Kind { name: *b"watched ", version: 1 };
const LAYOUT: Layout = Layout { recovers: true, ..Layout::new(KIND, 4096) };

#[test]
fn a_recovery_that_panics_does_not_end_the_watcher() {
    let _watchdog = watchdog();
    if !alone(a_recovery_that_panics_does_not_end_the_watcher) {
        return;
    }
    struct Bad(AtomicUsize);
    impl Recover for Bad {
        fn recover(&self, _: Member) {
            assert!(self.0.fetch_add(1, Ordering::Relaxed) > 0, "the first time");
        }
    }
    let segment = Segment::create(&LAYOUT).unwrap();
    let bad = Arc::new(Bad(AtomicUsize::new(0)));
    let weak: Weak<Bad> = Arc::downgrade(&bad);
    segment.on_death(weak);
    segment.watch().unwrap();
    let channel = Channel::new();
    let copy = Copy::new(|| {
        let mine = Segment::attach(segment.try_clone_fd().unwrap(), KIND).unwrap();
        channel.say(&mine.me());
        forever();
    });
    let victim: Member = channel.hear();
    copy.kill();
    while segment.members().is_current(victim) {
        std::thread::yield_now();
    }
}
