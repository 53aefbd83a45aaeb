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
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;
use step::{Pending, Scene, all, begun, ended};

/// Some thousand victims take a while; tens of thousands, minutes.
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

/// No two orders are alike: what is left of one must not be taken for another's result.
fn serial() -> u64 {
    static ORDERS: AtomicU64 = AtomicU64::new(0);
    // As long as others, in the encoding.
    1 << 40 | ORDERS.fetch_add(1, Ordering::Relaxed)
}

fn double((part, n): (usize, u64)) -> (u32, u64) {
    begun(part);
    let doubled = black_box(n * 2);
    ended(part);
    (std::process::id(), doubled)
}

/// A call, and one that waits behind it.
fn calls(pool: &Pool) -> Pending {
    let jobs = [0, 1].map(|part| {
        let n = serial();
        (n, pool.submit(double, (part, n)).unwrap())
    });
    Box::new(move || jobs.into_iter().map(|(n, job)| ran(job.join(), &(n * 2))).collect())
}

fn echo((part, text): (usize, String)) -> (u32, String) {
    begun(part);
    let text = black_box(text);
    ended(part);
    (std::process::id(), text)
}

fn text(length: usize) -> String {
    let first = serial() % 26;
    let letters = (b'a'..=b'z').cycle().skip(first as usize).take(length);
    letters.map(char::from).collect()
}

/// A call with an argument and a result that lie in the arenas, and one that waits behind it.
fn large_calls(pool: &Pool) -> Pending {
    let jobs = [0, 1].map(|part| {
        let text = text(4096);
        (text.clone(), pool.submit(echo, (part, text)).unwrap())
    });
    Box::new(move || jobs.into_iter().map(|(text, job)| ran(job.join(), &text)).collect())
}

/// A batch of three items, and a call that waits behind it.
fn batch(pool: &Pool) -> Pending {
    // Each makes the room for the outcomes too small for the next.
    let texts = [(); 3].map(|()| text(700));
    let results = pool.map(echo, texts.clone().into_iter().enumerate()).batch_len(3);
    // Nothing goes out before somebody asks.
    let reader = thread::spawn(move || results.collect::<Vec<_>>());
    while pool.stats().outstanding == 0 && !reader.is_finished() {
        thread::yield_now();
    }
    let n = serial();
    let behind = pool.submit(double, (3, n)).unwrap();
    Box::new(move || {
        let items = reader.join().unwrap();
        assert_eq!(items.len(), texts.len());
        let items = items.into_iter().zip(&texts).map(|(item, text)| ran(item, text));
        items.collect::<Vec<_>>().into_iter().chain([ran(behind.join(), &(n * 2))]).collect()
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
    let n = serial();
    let behind = pool.submit(double, (1, n)).unwrap();
    Box::new(move || {
        let passed = passed.join().map(|(worker, traveller)| {
            let mut theirs = UnixStream::from(std::os::fd::OwnedFd::from(traveller));
            ours.write_all(b"x").unwrap();
            let mut heard = [0];
            theirs.read_exact(&mut heard).unwrap();
            assert_eq!(heard, *b"x");
            worker
        });
        let behind = ran(behind.join(), &(n * 2));
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
    play(|()| Scene { name: "call", order: calls, parts: 2, retries: 0, most: usize::MAX }.play());
}

#[test]
fn a_call_that_is_tried_again_is_killed() {
    let _watchdog = watchdog_for(patience());
    play(|()| {
        Scene { name: "call, tried again", order: calls, parts: 2, retries: 1, most: 800 }.play()
    });
}

#[test]
fn a_large_call_is_killed() {
    let _watchdog = watchdog_for(patience());
    play(|()| {
        Scene { name: "large call", order: large_calls, parts: 2, retries: 0, most: 1_000 }.play()
    });
}

#[test]
fn a_batch_is_killed() {
    let _watchdog = watchdog_for(patience());
    play(|()| {
        Scene { name: "batch of three", order: batch, parts: 4, retries: 0, most: 1_000 }.play()
    });
}

#[test]
fn a_call_with_a_descriptor_is_killed() {
    let _watchdog = watchdog_for(patience());
    play(|()| {
        let name = "call with a descriptor";
        Scene { name, order: travels, parts: 2, retries: 0, most: 1_000 }.play()
    });
}
