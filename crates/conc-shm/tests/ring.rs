//! The ring of one sender and one receiver, between threads and between processes.

#![cfg(not(conc_loom))]

mod processes;

use conc_shm::AttachError;
use conc_shm::ring::{
    Builder, EndError, GetError, PlainReceiver, PlainSender, PutError, Receiver, Sender, bounded,
    plain,
};
use conc_tests::laws::scene::block_on;
use conc_tests::{watchdog, watchdog_for};
use processes::{Copy, alone};
use proptest::prelude::*;
use std::any::type_name;
use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

type Message = [u64; 8];

fn fd(of: &impl AsFd) -> OwnedFd {
    of.as_fd().try_clone_to_owned().unwrap()
}

/// Numbers without a pattern.
struct Random(u64);

impl Random {
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
fn messages_come_out_as_they_went_in() {
    let _watchdog = watchdog();
    let (mut sender, mut receiver) = bounded::<(u32, String, Vec<Option<f64>>)>(3).unwrap();
    for round in 0..10 {
        let item = (round, "x".repeat(round as usize), vec![None, Some(0.5)]);
        sender.put(item.clone()).unwrap();
        assert_eq!(receiver.get().unwrap(), item);
    }
    match sender.put((0, "x".repeat(1000), vec![])) {
        Err(PutError::TooLarge { item, limit: 248 }) => assert_eq!(item.1.len(), 1000),
        other => panic!("{other:?}"),
    }
    assert!(receiver.is_empty());
}

#[test]
fn plain_data_of_any_size() {
    let _watchdog = watchdog();
    let (mut odd_in, mut odd_out) = plain::<[u8; 13]>(2).unwrap();
    let (mut none_in, mut none_out) = plain::<[u8; 0]>(2).unwrap();
    let (mut large_in, mut large_out) = plain::<[u64; 4096]>(2).unwrap();
    for round in 0..20 {
        odd_in.put([round; 13]).unwrap();
        none_in.put([]).unwrap();
        large_in.put([round.into(); 4096]).unwrap();
        assert_eq!(odd_out.get().unwrap(), [round; 13]);
        assert_eq!(none_out.get().unwrap(), []);
        assert_eq!(large_out.get().unwrap(), [u64::from(round); 4096]);
    }
}

#[test]
fn the_capacity_is_exact() {
    let _watchdog = watchdog();
    for capacity in [1, 2, 3, 7] {
        let (mut sender, mut receiver) = plain::<u64>(capacity).unwrap();
        for start in 0..20 {
            for item in 0..capacity as u64 {
                sender.try_put(start + item).unwrap();
            }
            assert!(sender.is_full() && receiver.is_full());
            assert!(matches!(sender.try_put(99), Err(PutError::Full(99))));
            assert_eq!(receiver.get_many(usize::MAX, &mut Vec::new()), Ok(capacity));
            assert_eq!(receiver.try_get(), Err(GetError::Empty));
        }
    }
    assert!(plain::<u64>(0).is_err());
}

#[test]
fn what_lies_in_place_stays_until_it_is_consumed() {
    let _watchdog = watchdog();
    let (mut sender, mut receiver) = plain::<[u32; 4096]>(1).unwrap();
    let mut loan = sender.loan().unwrap();
    loan.fill(1);
    drop(loan);
    assert!(matches!(receiver.try_peek(), Err(GetError::Empty)), "not published");
    let mut loan = sender.try_loan().unwrap();
    loan.fill(2);
    loan.publish().unwrap();
    assert!(matches!(sender.try_loan(), Err(PutError::Full(()))));
    assert_eq!(receiver.peek().unwrap()[4095], 2);
    assert!(sender.is_full(), "not consumed");
    receiver.try_peek().unwrap().consume();
    assert!(sender.is_empty());
}

#[test]
fn threads_block_both_ways() {
    let _watchdog = watchdog_for(Duration::from_secs(300));
    for (capacity, fenced) in [(1, false), (2, true), (64, false), (64, true)] {
        let builder = Builder::new(capacity);
        let builder = if fenced { builder.fenced() } else { builder };
        let (mut sender, mut receiver): (PlainSender<Message>, PlainReceiver<Message>) =
            builder.build().unwrap();
        thread::scope(|scope| {
            scope.spawn(move || {
                let mut random = Random(7);
                for number in 0..20_000 {
                    if number % 64 == 0 {
                        random.linger(40);
                    }
                    sender.put([number; 8]).unwrap();
                }
                sender.close();
            });
            let mut random = Random(9);
            for number in 0..20_000 {
                if number % 80 == 0 {
                    random.linger(40);
                }
                assert_eq!(receiver.get().unwrap(), [number; 8]);
            }
            assert_eq!(receiver.get(), Err(GetError::Closed));
        });
    }
}

#[test]
fn a_sleeper_is_woken_at_once() {
    let _watchdog = watchdog_for(Duration::from_secs(300));
    let (mut there, mut back) = (plain::<u64>(1).unwrap(), plain::<u64>(1).unwrap());
    // Each side answers later than the other one looks for it: most of these are sleeps. One that
    // is missed costs a quarter of a second.
    let started = Instant::now();
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut random = Random(11);
            for number in 0..3_000 {
                assert_eq!(there.1.get().unwrap(), number);
                random.linger(60);
                back.0.put(number).unwrap();
            }
        });
        let mut random = Random(13);
        for number in 0..3_000 {
            random.linger(60);
            there.0.put(number).unwrap();
            assert_eq!(back.1.get().unwrap(), number);
        }
    });
    eprintln!("3,000 round trips in {:?}", started.elapsed());
}

#[test]
fn time_outs_do_not_come_early() {
    let _watchdog = watchdog();
    let (mut sender, mut receiver) = plain::<u64>(1).unwrap();
    let time = Duration::from_millis(20);
    let started = Instant::now();
    assert_eq!(receiver.get_timeout(time), Err(GetError::Empty));
    assert!(started.elapsed() >= time);
    let moment = Instant::now() + time;
    assert!(matches!(receiver.peek_deadline(moment), Err(GetError::Empty)));
    assert!(Instant::now() >= moment);
    sender.put(1).unwrap();
    let started = Instant::now();
    assert!(matches!(sender.put_timeout(2, time), Err(PutError::Full(2))));
    assert!(started.elapsed() >= time);
    let moment = Instant::now() + time;
    assert!(matches!(sender.put_deadline(2, moment), Err(PutError::Full(2))));
    assert!(matches!(sender.loan_timeout(Duration::ZERO), Err(PutError::Full(()))));
    assert!(Instant::now() >= moment);
    assert_eq!(receiver.get_timeout(Duration::ZERO), Ok(1), "one look is taken");
}

#[test]
fn closing_ends_both() {
    let _watchdog = watchdog();
    let (mut sender, mut receiver) = plain::<u64>(4).unwrap();
    sender.put_many([1, 2, 3]).unwrap();
    assert_eq!(receiver.get(), Ok(1));
    receiver.close();
    assert!(sender.is_closed());
    assert!(matches!(sender.put(4), Err(PutError::Closed(4))));
    assert!(matches!(sender.loan(), Err(PutError::Closed(()))));
    let mut rest = Vec::new();
    assert_eq!(receiver.get_many(9, &mut rest), Ok(2));
    assert_eq!(rest, [2, 3]);
    assert_eq!(receiver.get(), Err(GetError::Closed));

    let (mut sender, mut receiver) = plain::<u64>(1).unwrap();
    sender.put(1).unwrap();
    thread::scope(|scope| {
        let blocked = scope.spawn(|| sender.put(2));
        receiver.close();
        assert!(matches!(blocked.join().unwrap(), Err(PutError::Closed(2))));
    });
    assert_eq!((receiver.get(), receiver.get()), (Ok(1), Err(GetError::Closed)));

    let (mut sender, mut receiver) = plain::<u64>(1).unwrap();
    thread::scope(|scope| {
        let blocked = scope.spawn(|| receiver.get());
        sender.close();
        assert_eq!(blocked.join().unwrap(), Err(GetError::Closed));
    });
    let failed = sender.put_many([5, 6]).unwrap_err();
    assert_eq!((failed.accepted, failed.error.into_inner()), (0, 5));
}

#[test]
fn futures_wait_for_threads() {
    let _watchdog = watchdog();
    let (mut sender, mut receiver) = bounded::<String>(1).unwrap();
    let (mut large_in, mut large_out) = plain::<[u64; 512]>(1).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            block_on(async {
                for number in 0..200 {
                    sender.put_async(format!("{number}")).await.unwrap();
                    let mut loan = large_in.loan_async().await.unwrap();
                    loan.fill(number);
                    loan.publish().unwrap();
                }
                sender.close();
            });
        });
        for number in 0..200 {
            assert_eq!(block_on(receiver.get_async()).unwrap(), format!("{number}"));
            let peek = block_on(large_out.peek_async()).unwrap();
            assert_eq!(*peek, [number; 512]);
            peek.consume();
        }
        assert_eq!(block_on(receiver.get_async()), Err(GetError::Closed));
    });
}

#[test]
fn an_end_has_one_owner() {
    let _watchdog = watchdog();
    let (mut sender, receiver) = plain::<u64>(2).unwrap();
    sender.put_many([1, 2]).unwrap();
    let refused = PlainReceiver::<u64>::attach(fd(&sender)).unwrap_err();
    assert!(matches!(refused, EndError::Taken { pid, .. } if pid == std::process::id()));
    let other = Receiver::<u64>::attach(fd(&sender)).unwrap_err();
    assert!(matches!(other, EndError::Attach(AttachError::Kind { .. })), "{other:?}");
    drop(receiver);
    let mut receiver = PlainReceiver::<u64>::attach(fd(&sender)).unwrap();
    assert_eq!(receiver.get(), Ok(1));
    drop(sender);
    let mut sender = PlainSender::<u64>::attach(fd(&receiver)).unwrap();
    sender.try_put(3).unwrap();
    assert!(matches!(sender.try_put(4), Err(PutError::Full(4))));
    assert_eq!((receiver.get(), receiver.get()), (Ok(2), Ok(3)));
}

#[test]
fn processes_pass_messages_both_ways() {
    if !alone(processes_pass_messages_both_ways) {
        return;
    }
    let _watchdog = watchdog_for(Duration::from_secs(300));
    let (mut requests, theirs) = bounded::<(u64, String)>(4).unwrap();
    let (their_answers, mut answers) = bounded::<(u64, usize)>(4).unwrap();
    let (request_fd, answer_fd) = (fd(&requests), fd(&answers));
    drop((theirs, their_answers));
    let server = Copy::new(move || {
        let mut requests = Receiver::<(u64, String)>::attach(request_fd).unwrap();
        let mut answers = Sender::<(u64, usize)>::attach(answer_fd).unwrap();
        while let Ok((number, text)) = requests.get() {
            answers.put((number, text.len())).unwrap();
        }
        assert_eq!(requests.get(), Err(GetError::Closed));
    });
    for number in 0..2_000 {
        requests.put((number, "x".repeat(number as usize % 100))).unwrap();
        if number >= 3 {
            assert_eq!(answers.get(), Ok((number - 3, (number as usize - 3) % 100)));
        }
    }
    requests.close();
    assert_eq!(answers.get_many(1, &mut Vec::new()), Ok(1));
    while answers.get().is_ok() {}
    server.join();
    assert_eq!(answers.get(), Err(GetError::Abandoned));
}

#[test]
fn a_copy_by_fork_has_no_end() {
    if !alone(a_copy_by_fork_has_no_end) {
        return;
    }
    let _watchdog = watchdog();
    let (mut sender, mut receiver) = plain::<u64>(2).unwrap();
    sender.put(1).unwrap();
    let (child_sender, child_receiver) = (&mut sender, &mut receiver);
    Copy::new(|| {
        assert!(matches!(child_sender.put(2), Err(PutError::Forked(2))));
        assert!(matches!(child_sender.loan(), Err(PutError::Forked(()))));
        assert_eq!(child_receiver.get(), Err(GetError::Forked));
        assert!(matches!(child_receiver.peek(), Err(GetError::Forked)));
        let taken = PlainSender::<u64>::attach(fd(child_sender)).unwrap_err();
        assert!(matches!(taken, EndError::Taken { .. }));
        child_sender.close();
    })
    .join();
    sender.put(3).unwrap();
    assert_eq!((receiver.get(), receiver.get()), (Ok(1), Ok(3)));
}

#[derive(Debug, Clone)]
enum Step {
    Put(u64),
    Loan(u64),
    Get,
    Peek,
    GetMany(usize),
    NewSender,
    NewReceiver,
    CloseSender,
    CloseReceiver,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => any::<u64>().prop_map(Step::Put),
        3 => any::<u64>().prop_map(Step::Loan),
        6 => Just(Step::Get),
        3 => Just(Step::Peek),
        2 => (1..5_usize).prop_map(Step::GetMany),
        1 => Just(Step::NewSender),
        1 => Just(Step::NewReceiver),
        1 => prop_oneof![19 => Just(Step::NewSender), 1 => Just(Step::CloseSender)],
        1 => prop_oneof![19 => Just(Step::NewReceiver), 1 => Just(Step::CloseReceiver)],
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn it_is_a_line_with_an_end(capacity in 1..5_usize, steps in prop::collection::vec(step(), 0..60)) {
        let _watchdog = watchdog();
        let (mut sender, mut receiver) = plain::<u64>(capacity).unwrap();
        let mut line = VecDeque::new();
        let mut closed = false;
        for step in steps {
            let full = line.len() == capacity;
            match step {
                Step::Put(item) => match sender.try_put(item) {
                    Ok(()) => {
                        prop_assert!(!full && !closed);
                        line.push_back(item);
                    }
                    Err(PutError::Full(back)) => prop_assert!(full && !closed && back == item),
                    Err(PutError::Closed(back)) => prop_assert!(closed && back == item),
                    Err(other) => panic!("{other}"),
                },
                Step::Loan(item) => if let Ok(mut loan) = sender.try_loan() {
                    prop_assert!(!full && !closed);
                    *loan = item;
                    loan.publish().unwrap();
                    line.push_back(item);
                } else {
                    prop_assert!(full || closed);
                },
                Step::Get => {
                    let empty = if closed { GetError::Closed } else { GetError::Empty };
                    prop_assert_eq!(receiver.try_get(), line.pop_front().ok_or(empty));
                }
                Step::Peek => {
                    prop_assert_eq!(receiver.try_peek().ok().map(|peek| *peek), line.front().copied());
                }
                Step::GetMany(max) => if !line.is_empty() {
                    let count = max.min(line.len());
                    let expected: Vec<_> = line.drain(..count).collect();
                    let mut got = Vec::new();
                    prop_assert_eq!(receiver.get_many(max, &mut got), Ok(expected.len()));
                    prop_assert_eq!(got, expected);
                },
                Step::NewSender => {
                    drop(sender);
                    sender = PlainSender::attach(fd(&receiver)).unwrap();
                }
                Step::NewReceiver => {
                    drop(receiver);
                    receiver = PlainReceiver::attach(fd(&sender)).unwrap();
                }
                Step::CloseSender => {
                    sender.close();
                    closed = true;
                }
                Step::CloseReceiver => {
                    receiver.close();
                    closed = true;
                }
            }
            prop_assert_eq!((sender.len(), receiver.is_closed()), (line.len(), closed));
        }
    }
}

/// Two types of one name, in two blocks of one function.
#[test]
fn types_of_the_same_name_and_another_form_are_refused() {
    let _watchdog = watchdog();
    let ((large, _large), large_name) = {
        #[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
        #[repr(C)]
        struct Twin([u64; 600]);
        (plain::<Twin>(2).unwrap(), type_name::<Twin>())
    };
    let ((loose, _loose), loose_name) = {
        #[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
        #[repr(C)]
        struct Twin([u8; 8]);
        (plain::<Twin>(2).unwrap(), type_name::<Twin>())
    };
    #[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
    #[repr(C)]
    struct Twin(u64);
    assert_eq!((large_name, loose_name), (type_name::<Twin>(), type_name::<Twin>()));
    for descriptor in [fd(&large), fd(&loose)] {
        let theirs = descriptor.try_clone().unwrap();
        let refused = PlainReceiver::<Twin>::attach(theirs).unwrap_err();
        assert!(matches!(refused, EndError::Attach(AttachError::Kind { .. })), "{refused}");
        let refused = PlainSender::<Twin>::attach(descriptor).unwrap_err();
        assert!(matches!(refused, EndError::Attach(AttachError::Kind { .. })), "{refused}");
    }
}

#[test]
fn a_future_in_a_copy_is_inert() {
    let _watchdog = watchdog();
    if !alone(a_future_in_a_copy_is_inert) {
        return;
    }
    let (mut sender, mut receiver) = plain::<u64>(1).unwrap();
    let mut getting = Box::pin(receiver.get_async());
    let context = &mut Context::from_waker(Waker::noop());
    assert_eq!(getting.as_mut().poll(context), Poll::Pending);
    Copy::new(|| {
        let context = &mut Context::from_waker(Waker::noop());
        assert_eq!(getting.as_mut().poll(context), Poll::Ready(Err(GetError::Forked)));
        // Nothing of the original's is touched: not its locks, and not the ring.
        drop(getting);
    })
    .join();
    sender.put(1).unwrap();
    assert_eq!(receiver.get(), Ok(1));
}
