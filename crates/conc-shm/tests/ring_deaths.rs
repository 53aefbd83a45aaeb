//! The ring of one sender and one receiver, whose processes are killed or stopped.

#![cfg(not(conc_loom))]

mod processes;

use conc_shm::ring::{EndError, GetError, PlainReceiver, PlainSender, PutError, plain};
use conc_shm::{Kind, Layout, Segment};
use conc_tests::{watchdog, watchdog_for};
use nix::sys::signal::Signal;
use processes::{Channel, Copy, alone, forever};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

type Message = [u64; 8];

fn fd(of: &impl AsFd) -> OwnedFd {
    of.as_fd().try_clone_to_owned().unwrap()
}

/// Words that a test's processes share, and what is in them stays when one is killed.
struct Board(Segment);

impl Board {
    fn new() -> Self {
        let kind = Kind { name: *b"board   ", version: 1 };
        Self(Segment::create(&Layout::new(kind, 4096)).unwrap())
    }

    fn word(&self, index: u64) -> &AtomicU64 {
        self.0.atomic_u64(index).unwrap()
    }
}

/// Numbers without a pattern.
struct Random(u64);

impl Random {
    fn new() -> Self {
        let seed = u64::from(std::process::id()) << 20 | 1;
        eprintln!("seed {seed}");
        Self(seed)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    /// Keeps the processor for some microseconds at most.
    fn linger(&mut self, at_most: u64) {
        let end = Instant::now() + Duration::from_micros(self.below(at_most));
        while Instant::now() < end {
            std::hint::spin_loop();
        }
    }
}

#[test]
fn who_waits_for_the_killed_is_told() {
    if !alone(who_waits_for_the_killed_is_told) {
        return;
    }
    let _watchdog = watchdog();
    let ready = Channel::new();
    let (mut sender, theirs) = plain::<u64>(1).unwrap();
    let descriptor = fd(&theirs);
    drop(theirs);
    let child = Copy::new(|| {
        let _receiver = PlainReceiver::<u64>::attach(descriptor.try_clone().unwrap()).unwrap();
        ready.say(&1_u32);
        forever()
    });
    assert_eq!(ready.hear::<u32>(), 1);
    sender.put(1).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| child.kill());
        assert!(matches!(sender.put(2), Err(PutError::Abandoned(2))));
    });
    let mut receiver = PlainReceiver::<u64>::attach(descriptor).unwrap();
    assert_eq!(receiver.get(), Ok(1));
    sender.put(3).unwrap();
    drop(sender);

    let descriptor = fd(&receiver);
    let child = Copy::new(|| {
        let mut sender = PlainSender::<u64>::attach(descriptor).unwrap();
        ready.say(&2_u32);
        sender.put(4).unwrap();
        forever()
    });
    assert_eq!(ready.hear::<u32>(), 2);
    assert_eq!(receiver.get(), Ok(3));
    thread::scope(|scope| {
        assert_eq!(receiver.get(), Ok(4));
        scope.spawn(|| child.kill());
        assert_eq!(receiver.get(), Err(GetError::Abandoned));
    });
    receiver.keep_open();
    assert_eq!(receiver.get_timeout(Duration::from_millis(30)), Err(GetError::Empty));
}

#[test]
fn a_stopped_owner_keeps_its_end() {
    if !alone(a_stopped_owner_keeps_its_end) {
        return;
    }
    let _watchdog = watchdog();
    let (sender, receiver) = plain::<u64>(1).unwrap();
    let descriptor = fd(&sender);
    drop(receiver);
    let ready = Channel::new();
    let child = Copy::new(|| {
        let _receiver = PlainReceiver::<u64>::attach(descriptor.try_clone().unwrap()).unwrap();
        ready.say(&());
        forever()
    });
    ready.hear::<()>();
    child.signal(Signal::SIGSTOP);
    child.wait_stopped();
    let refused = PlainReceiver::<u64>::attach(descriptor.try_clone().unwrap()).unwrap_err();
    assert!(matches!(refused, EndError::Taken { pid, .. } if pid == child.pid()));
    child.kill();
    PlainReceiver::<u64>::attach(descriptor).unwrap();
}

/// Nothing is lost that was put, nothing comes twice, nothing is torn.
#[test]
fn senders_are_killed_at_any_moment() {
    if !alone(senders_are_killed_at_any_moment) {
        return;
    }
    let _watchdog = watchdog_for(Duration::from_secs(120));
    let (sender, mut receiver) = plain::<Message>(5).unwrap();
    let descriptor = fd(&sender);
    drop(sender);
    receiver.keep_open();
    let board = Board::new();
    let mut random = Random::new();
    let mut most = 0;
    for round in 0..150 {
        board.word(0).store(0, Ordering::SeqCst);
        let child = Copy::new(|| {
            let mut sender = PlainSender::attach(descriptor.try_clone().unwrap()).unwrap();
            for number in 0.. {
                let word = round << 32 | number;
                if number % 2 == 0 {
                    sender.put([word; 8]).unwrap();
                } else {
                    let mut loan = sender.loan().unwrap();
                    loan.fill(word);
                    loan.publish().unwrap();
                }
                board.word(0).store(number + 1, Ordering::SeqCst);
            }
        });
        let mut got = 0;
        let mut check = |message: Message| {
            assert_eq!(message, [message[0]; 8], "torn");
            assert_eq!(message[0], round << 32 | got, "lost, or twice");
            got += 1;
        };
        for _ in 0..random.below(200) {
            check(receiver.get().unwrap());
        }
        random.linger(30);
        child.kill();
        while let Ok(message) = receiver.try_get() {
            check(message);
        }
        let put = board.word(0).load(Ordering::SeqCst);
        assert!((put..=put + 1).contains(&got), "{put} were put, {got} came");
        most = most.max(got);
    }
    assert!(most > 10);
}

fn killed_receivers(
    rounds: u64,
    first_after: [u64; 2],
    work: fn(&mut PlainReceiver<Message>, &Board),
) {
    let (mut sender, receiver) = plain::<Message>(5).unwrap();
    let descriptor = fd(&receiver);
    drop(receiver);
    sender.keep_open();
    let board = Board::new();
    let mut random = Random::new();
    let mut next = 1;
    for _ in 0..rounds {
        // Of the first message that this one gets.
        board.word(1).store(0, Ordering::SeqCst);
        let before = board.word(0).load(Ordering::SeqCst);
        let child = Copy::new(|| {
            let mut receiver = PlainReceiver::attach(descriptor.try_clone().unwrap()).unwrap();
            loop {
                work(&mut receiver, &board);
            }
        });
        // The room for the last of seven is that of a second one taken, so the first is noted.
        for _ in 0..7 + random.below(200) {
            sender.put([next; 8]).unwrap();
            next += 1;
        }
        random.linger(30);
        child.kill();
        assert_eq!(board.word(2).load(Ordering::SeqCst), 0, "torn, lost, or twice");
        let first = board.word(1).load(Ordering::SeqCst);
        let [least, most] = first_after.map(|more| before + more);
        assert!((least..=most).contains(&first), "{before} was the last, then {first}");
        let last = board.word(0).load(Ordering::SeqCst);
        assert!(last < next && last + 7 >= next, "{last} of {next}");
    }
}

fn note(board: &Board, message: Message) {
    let last = board.word(0).load(Ordering::SeqCst);
    let new = board.word(1).load(Ordering::SeqCst) == 0;
    if message != [message[0]; 8] || (!new && message[0] != last + 1) {
        board.word(2).store(1, Ordering::SeqCst);
    }
    if new {
        board.word(1).store(message[0], Ordering::SeqCst);
    }
    board.word(0).store(message[0], Ordering::SeqCst);
}

/// At most once: what a killed receiver had taken and not noted is one message.
#[test]
fn receivers_are_killed_at_any_moment() {
    if !alone(receivers_are_killed_at_any_moment) {
        return;
    }
    let _watchdog = watchdog_for(Duration::from_secs(120));
    killed_receivers(100, [1, 2], |receiver, board| note(board, receiver.get().unwrap()));
}

/// At least once: what a killed receiver had noted and not consumed is one message.
#[test]
fn receivers_that_peek_are_killed_at_any_moment() {
    if !alone(receivers_that_peek_are_killed_at_any_moment) {
        return;
    }
    let _watchdog = watchdog_for(Duration::from_secs(120));
    killed_receivers(50, [0, 1], |receiver, board| {
        let peek = receiver.peek().unwrap();
        note(board, *peek);
        peek.consume();
    });
}
