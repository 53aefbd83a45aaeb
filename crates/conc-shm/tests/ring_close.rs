//! The end of a ring that the receiver closes: what was put with success is got, and what comes
//! back is not.

#![cfg(not(conc_loom))]

mod processes;

use conc_shm::ring::{Builder, GetError, PlainReceiver, PlainSender, PutError, plain};
use conc_tests::laws::scene::block_on;
use conc_tests::{watchdog, watchdog_for};
use processes::{Copy, Words, alone};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// Long messages are slow to arrive.
type Long = [u64; 128];

fn ring(capacity: u32, fenced: bool) -> (PlainSender<Long>, PlainReceiver<Long>) {
    let builder = Builder::new(capacity);
    let builder = if fenced { builder.fenced() } else { builder };
    builder.build().unwrap()
}

#[test]
fn closing_loses_nothing() {
    let _watchdog = watchdog_for(Duration::from_secs(300));
    for (round, fenced) in (0..2_000).map(|round| (round / 2, round % 2 == 0)) {
        let (mut sender, mut receiver) = ring(32, fenced);
        thread::scope(|scope| {
            let putting = scope.spawn(move || {
                let mut put = 0;
                while sender.put([put; 128]).is_ok() {
                    put += 1;
                }
                put
            });
            let mut got = 0;
            let mut wrong = None;
            while got < round % 64 && wrong.is_none() {
                let item = receiver.get();
                wrong = (item != Ok([got; 128])).then_some(item);
                got += 1;
            }
            receiver.close();
            assert_eq!(wrong, None, "before {got}");
            while let Ok(item) = receiver.get() {
                assert_eq!(item, [got; 128]);
                got += 1;
            }
            assert_eq!(putting.join().unwrap(), got);
        });
    }
}

/// A sender and a receiver that meet, again and again.
struct Meeting<'a> {
    /// The round that begins.
    round: &'a AtomicU64,
    /// The round whose messages are put, and how many.
    put: &'a AtomicU64,
}

const ROUND: u64 = 1 << 8;

/// Awake while the other one is, too.
fn wait_until(it_is_so: impl Fn() -> bool) {
    let mut looks = 0;
    while !it_is_so() {
        looks += 1;
        if looks < 5_000 {
            std::hint::spin_loop();
        } else {
            thread::park_timeout(Duration::from_micros(50));
        }
    }
}

/// However the receiver ends, the sender does not wait for it.
struct Over<'a>(&'a AtomicU64);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        // ORDERING(test.round): Release. As in `Meeting::close`.
        self.0.store(u64::MAX, Ordering::Release);
    }
}

impl Meeting<'_> {
    /// Puts some messages, while the other side closes, and does nothing more: it does not find
    /// out by the next message that the ring is closed.
    fn put(&self, round: u64, sender: &mut PlainSender<Long>) {
        // ORDERING(test.round): Acquire. The receiver is about to close.
        wait_until(|| self.round.load(Ordering::Acquire) >= round);
        let count = (0..1 + round % 4).take_while(|&n| sender.try_put([n; 128]).is_ok()).count();
        // ORDERING(test.put): Release. All that it put.
        self.put.store(round * ROUND + count as u64, Ordering::Release);
    }

    /// Closes, and gets all there is; is it what was put?
    fn close(&self, round: u64, receiver: &mut PlainReceiver<Long>) {
        // ORDERING(test.round): Release. As above.
        self.round.store(round, Ordering::Release);
        // The first message takes about so long to be put: the last ones are on their way.
        for _ in 0..round * 7 % 60 {
            std::hint::spin_loop();
        }
        receiver.close();
        let left = receiver.len() as u64;
        let mut got = 0;
        while let Ok(item) = receiver.try_get() {
            assert_eq!(item, [got; 128]);
            got += 1;
        }
        assert_eq!(receiver.try_get(), Err(GetError::Closed));
        assert_eq!(left, got, "the end was not known when the ring was closed");
        // ORDERING(test.put): Acquire. As above.
        let put = || self.put.load(Ordering::Acquire);
        wait_until(|| put() >= round * ROUND);
        assert_eq!(
            put() % ROUND,
            got,
            "put with success, and got by nobody, or the other way round"
        );
    }
}

#[test]
fn what_a_thread_put_last_is_counted() {
    let _watchdog = watchdog_for(Duration::from_secs(300));
    let (round, put) = (AtomicU64::new(0), AtomicU64::new(0));
    let meeting = Meeting { round: &round, put: &put };
    const AT_ONCE: u64 = 100;
    for fenced in [false, true] {
        for first in (1..2_000).step_by(AT_ONCE as usize) {
            let rings = (0..AT_ONCE).map(|_| ring(4, fenced));
            let (mut senders, mut receivers): (Vec<_>, Vec<_>) = rings.unzip();
            // ORDERING: Relaxed. The thread that reads it begins later.
            round.store(0, Ordering::Relaxed);
            // ORDERING: Relaxed. As above.
            put.store(0, Ordering::Relaxed);
            thread::scope(|scope| {
                scope.spawn(|| {
                    (first..).zip(&mut senders).for_each(|(round, end)| meeting.put(round, end));
                });
                let _over = Over(&round);
                (first..).zip(&mut receivers).for_each(|(round, end)| meeting.close(round, end));
            });
        }
    }
}

#[test]
fn what_a_process_put_last_is_counted() {
    let _watchdog = watchdog_for(Duration::from_secs(300));
    if !alone(what_a_process_put_last_is_counted) {
        return;
    }
    const RINGS: u64 = 150;
    let words = Words::new(64);
    // Words that are next to each other would arrive together.
    let meeting = Meeting { round: words.word(0), put: words.word(32) };
    // Each end must be free before another process can take it.
    let mut receivers: Vec<_> = (0..RINGS).map(|_| ring(4, false).1).collect();
    let sending = Copy::new(|| {
        let descriptors = receivers.iter().map(|end| end.as_fd().try_clone_to_owned().unwrap());
        let mut senders: Vec<_> = descriptors.map(|fd| PlainSender::attach(fd).unwrap()).collect();
        (1..).zip(&mut senders).for_each(|(round, sender)| meeting.put(round, sender));
        // All ends stay taken.
        // ORDERING(test.round): Acquire. As above.
        wait_until(|| meeting.round.load(Ordering::Acquire) == u64::MAX);
    });
    let over = Over(meeting.round);
    (1..).zip(&mut receivers).for_each(|(round, end)| meeting.close(round, end));
    drop(over);
    sending.join();
}

/// Nobody but the receiver is there to say that nothing comes any more.
#[test]
fn a_sender_that_does_nothing_holds_no_end_up() {
    let _watchdog = watchdog();
    let (mut sender, mut receiver) = plain::<u64>(4).unwrap();
    sender.put(1).unwrap();
    receiver.close();
    assert_eq!(receiver.try_get(), Ok(1));
    assert_eq!(receiver.try_get(), Err(GetError::Closed));
    assert!(matches!(sender.put(2), Err(PutError::Closed(2))));

    let (sender, mut receiver) = plain::<u64>(4).unwrap();
    drop(sender);
    receiver.close();
    assert_eq!(block_on(receiver.get_async()), Err(GetError::Closed));
    let mut sender = PlainSender::<u64>::attach(receiver.as_fd().try_clone_to_owned().unwrap());
    assert!(matches!(sender.as_mut().unwrap().try_put(1), Err(PutError::Closed(1))));
}

#[test]
fn nothing_goes_in_behind_a_close_that_has_returned() {
    let _watchdog = watchdog();
    for fenced in [false, true] {
        let (mut sender, mut receiver) = ring(4, fenced);
        sender.put([0; 128]).unwrap();
        let loan = sender.loan().unwrap();
        receiver.close();
        assert_eq!(receiver.len(), 1);
        assert!(matches!(loan.publish(), Err(PutError::Closed(()))));
        assert_eq!(receiver.get(), Ok([0; 128]));
        assert_eq!(receiver.get(), Err(GetError::Closed));
    }
}
