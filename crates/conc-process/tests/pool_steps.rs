//! Pools whose worker is killed before every instruction of taking, running and publishing.

#![cfg(all(feature = "auto-init", target_arch = "x86_64"))]
#![allow(clippy::print_stdout, reason = "says how many instructions there were")]

mod step;

use conc_core::{JoinError, PortableFd};
use conc_process::{Pool, Process};
use conc_tests::watchdog_for;
use std::collections::VecDeque;
use std::hint::black_box;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;
use step::{Pending, Scene, all, begun, ended};

/// Some thousand victims take a while, and all of them minutes.
fn patience() -> Duration {
    Duration::from_secs(if all() { 3_600 } else { 240 })
}

/// Who ran a part, if what it gave is right.
fn ran<T: PartialEq + std::fmt::Debug>(
    result: Result<(u32, T), JoinError>,
    right: &T,
) -> Result<u32, JoinError> {
    result.map(|(worker, value)| {
        assert_eq!(value, *right);
        worker
    })
}

fn square((part, n): (usize, u64)) -> (u32, u64) {
    begun(part);
    let square = black_box(n * n);
    ended(part);
    (std::process::id(), square)
}

/// A call, and one that waits behind it.
fn calls(pool: &Pool) -> Pending {
    let jobs = [(0, 7), (1, 8)].map(|order| pool.submit(square, order).unwrap());
    Box::new(move || {
        let results = jobs.into_iter().zip([49, 64]);
        results.map(|(job, right)| ran(job.join(), &right)).collect()
    })
}

fn echo((part, text): (usize, String)) -> (u32, String) {
    begun(part);
    let text = black_box(text);
    ended(part);
    (std::process::id(), text)
}

/// A text that is not like others.
fn text(part: usize, length: usize) -> String {
    let letters = (b'a'..=b'z').cycle().skip(part).take(length);
    letters.map(char::from).collect()
}

/// A call with an argument and a result that lie in the arenas, and one that waits behind it.
fn large_calls(pool: &Pool) -> Pending {
    const LENGTH: usize = 4096;
    let jobs = [0, 1].map(|part| pool.submit(echo, (part, text(part, LENGTH))).unwrap());
    Box::new(move || {
        let results = jobs.into_iter().enumerate();
        results.map(|(part, job)| ran(job.join(), &text(part, LENGTH))).collect()
    })
}

/// A batch of three items, and a call that waits behind it.
fn batch(pool: &Pool) -> Pending {
    // Each makes the room for the outcomes too small for the next.
    const LENGTH: usize = 700;
    let results = pool.map(echo, (0..3).map(|part| (part, text(part, LENGTH)))).batch_len(3);
    // Nothing goes out before somebody asks.
    let reader = thread::spawn(move || results.collect::<Vec<_>>());
    while pool.stats().outstanding == 0 && !reader.is_finished() {
        thread::yield_now();
    }
    let behind = pool.submit(square, (3, 9)).unwrap();
    Box::new(move || {
        let items = reader.join().unwrap().into_iter().enumerate();
        let items = items.map(|(part, item)| ran(item, &text(part, LENGTH)));
        items.collect::<Vec<_>>().into_iter().chain([ran(behind.join(), &81)]).collect()
    })
}

fn pass((part, traveller): (usize, PortableFd)) -> (u32, PortableFd) {
    begun(part);
    let traveller = black_box(traveller);
    ended(part);
    (std::process::id(), traveller)
}

/// The other ends of descriptors that have travelled.
static LEFT: Mutex<VecDeque<UnixStream>> = Mutex::new(VecDeque::new());
/// Whoever had one so many orders ago is dead: no worker lives longer than five.
const KEPT: usize = 6;

/// A call with a descriptor that comes and goes, and one that waits behind it.
fn travels(pool: &Pool) -> Pending {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let passed = pool.submit(pass, (0, PortableFd::new(theirs))).unwrap();
    let behind = pool.submit(square, (1, 8)).unwrap();
    Box::new(move || {
        let passed = passed.join().map(|(worker, traveller)| {
            let mut theirs = UnixStream::from(std::os::fd::OwnedFd::from(traveller));
            ours.write_all(b"x").unwrap();
            let mut heard = [0];
            theirs.read_exact(&mut heard).unwrap();
            assert_eq!(heard, *b"x");
            worker
        });
        let behind = ran(behind.join(), &64);
        let mut left = LEFT.lock().unwrap();
        left.push_back(ours);
        if left.len() > KEPT {
            // Closed everywhere: whoever had it is dead.
            assert_eq!(left.pop_front().unwrap().read(&mut [0]).unwrap_or(0), 0);
        }
        vec![passed, behind]
    })
}

/// In a process of its own.
fn play(scene: fn(()) -> Option<String>) {
    match Process::spawn(scene, ()).unwrap().join().unwrap() {
        Some(text) => println!("{text}"),
        None => println!("NOT TRIED, ptrace is refused here"),
    }
}

#[test]
fn a_call_is_killed_at_every_instruction() {
    let _watchdog = watchdog_for(patience());
    play(|()| Scene { name: "call", order: calls, parts: 2, retries: 0, stride: 1 }.play());
}

#[test]
fn a_call_that_is_tried_again_is_killed() {
    let _watchdog = watchdog_for(patience());
    play(|()| {
        Scene { name: "call, tried again", order: calls, parts: 2, retries: 1, stride: 7 }.play()
    });
}

#[test]
fn a_large_call_is_killed() {
    let _watchdog = watchdog_for(patience());
    play(|()| {
        Scene { name: "large call", order: large_calls, parts: 2, retries: 0, stride: 11 }.play()
    });
}

#[test]
fn a_batch_is_killed() {
    let _watchdog = watchdog_for(patience());
    play(|()| {
        Scene { name: "batch of three", order: batch, parts: 4, retries: 0, stride: 13 }.play()
    });
}

#[test]
fn a_call_with_a_descriptor_is_killed() {
    let _watchdog = watchdog_for(patience());
    play(|()| {
        let name = "call with a descriptor";
        Scene { name, order: travels, parts: 2, retries: 0, stride: 7 }.play()
    });
}
