//! What workers write, and what values do, is not believed.

#![cfg(feature = "auto-init")]

use conc_core::{Job, JoinError, PortableFd, courier};
use conc_process::{Pool, Process};
use conc_tests::watchdog;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

fn pool(workers: usize) -> Pool {
    Pool::builder().workers(workers).build().unwrap()
}

fn square(n: u64) -> u64 {
    n * n
}

fn held_up(gate: PortableFd) -> usize {
    let mut gate = UnixStream::from(gate.into_inner());
    gate.write_all(b"!").unwrap();
    gate.read(&mut [0]).unwrap()
}

/// A job that runs until the stream is dropped.
fn occupy(pool: &Pool) -> (Job<usize>, UnixStream) {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let job = pool.submit(held_up, PortableFd::new(theirs)).unwrap();
    ours.read_exact(&mut [0]).unwrap();
    (job, ours)
}

/// Where a worker finds what it shares with its parent.
fn shared_mappings() -> Vec<(usize, usize)> {
    let address = |text: &str| usize::from_str_radix(text, 16).unwrap();
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let shared = maps.lines().filter(|line| line.contains("rw-s"));
    shared
        .map(|line| {
            let (start, rest) = line.split_once('-').unwrap();
            let (end, _) = rest.split_once(' ').unwrap();
            (address(start), address(end))
        })
        .collect()
}

/// A word of shared memory.
fn word(at: usize) -> &'static AtomicU64 {
    // SAFETY: not sound, and that is what is tried: a job writes into the ring of its worker.
    unsafe { &*(at as *const AtomicU64) }
}

/// Looks for the first entry, which runs with one item that is taken, and says that so many
/// outcomes are written and that the entry is done.
fn forge(done: u64) -> u64 {
    const RUNNING: u64 = 2;
    const DONE: u64 = 3;
    const ONE_OF_ONE: u64 = 1 << 32 | 1;
    for (start, end) in shared_mappings() {
        for at in (start..end.min(start + (228 << 10))).step_by(64) {
            let (claim, span, tally) = (word(at), word(at + 64), word(at + 72));
            if claim.load(Ordering::SeqCst) == RUNNING && span.load(Ordering::SeqCst) == ONE_OF_ONE
            {
                tally.store(done << 32, Ordering::SeqCst);
                claim.store(DONE, Ordering::SeqCst);
                loop {
                    thread::park();
                }
            }
        }
    }
    0
}

#[test]
fn a_batch_has_no_more_outcomes_than_items() {
    let _watchdog = watchdog();
    for done in [2, 1_000, u64::from(u32::MAX)] {
        let pool = pool(1);
        let results: Vec<_> = pool.map(forge, [done]).take(5_000).collect();
        assert_eq!(results.len(), 1);
        // The entry was found, or there would be a result.
        assert!(results[0].is_err(), "{:?}", results[0]);
    }
}

const MARK: &[u8] = b"MARKmarkMARKmark";

/// Looks for the text in shared memory, breaks it and mends it for ever.
fn spoil() {
    let found = loop {
        let find = |(start, end): (usize, usize)| {
            let len = (end - start).min(300 << 10);
            // SAFETY: not sound, and that is what is tried; the pages exist.
            let bytes = unsafe { std::slice::from_raw_parts(start as *const u8, len) };
            Some(start + bytes.windows(MARK.len()).position(|part| part == MARK)?)
        };
        if let Some(found) = shared_mappings().into_iter().find_map(find) {
            break found;
        }
    };
    // SAFETY: as above.
    let byte = unsafe { &*((found + 30_000) as *const AtomicU8) };
    loop {
        for value in [0xff, b'a'] {
            byte.store(value, Ordering::Relaxed);
            (0..300).for_each(|_| std::hint::spin_loop());
        }
    }
}

#[test]
fn a_text_that_changes_while_it_is_read_is_text_or_an_error() {
    let _watchdog = watchdog();
    let spoilt = |_: ()| {
        static IS_SPOILT: AtomicBool = AtomicBool::new(false);
        if !IS_SPOILT.swap(true, Ordering::SeqCst) {
            thread::spawn(spoil);
        }
        let mut text = String::from_utf8(MARK.to_vec()).unwrap();
        text.push_str(&"a".repeat(60_000));
        text
    };
    let pool = pool(1);
    let mut refused = 0;
    // Until enough of them were spoilt in time.
    while refused < 30 {
        match pool.apply(spoilt, ()) {
            Ok(text) => {
                let bytes = std::hint::black_box(text.as_bytes());
                assert!(std::str::from_utf8(bytes).is_ok(), "a String that is no UTF-8");
            }
            Err(JoinError::NotDecoded { .. }) => refused += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
}

/// Reads less than it writes.
#[derive(Clone, Serialize, Deserialize)]
struct Uneven {
    read: u32,
    #[serde(skip_deserializing)]
    _left: u32,
}

#[test]
fn an_item_that_reads_less_than_it_wrote_spoils_no_other() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let items: Vec<_> = (1..=6).map(|n| Uneven { read: n, _left: 100 + n }).collect();
    let read = |item: Uneven| item.read;
    let single: Vec<_> = items.iter().map(|item| pool.apply(read, item.clone())).collect();
    let batch: Vec<_> = pool.map(read, items).batch_len(6).collect();
    assert_eq!(single, batch);
}

/// An argument whose keepsake panics when the pool lets it go.
#[derive(Deserialize)]
struct Booby;

struct Trap;

impl Drop for Trap {
    fn drop(&mut self) {
        assert!(thread::current().name() != Some("conc-pool"), "let go");
    }
}

impl Serialize for Booby {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let file = File::open("/dev/null").unwrap();
        assert!(courier::pack(file.as_fd(), Some(Box::new(Trap))).is_some());
        serializer.serialize_unit_struct("Booby")
    }
}

#[test]
fn a_keepsake_that_panics_stops_nobody() {
    let _watchdog = watchdog();
    let pool = pool(1);
    for _ in 0..3 {
        assert_eq!(pool.apply(|_: Booby| 1, Booby), Ok(1));
        assert_eq!(pool.apply(square, 4), Ok(16));
    }
}

#[test]
fn progress_that_panics_costs_no_results() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let map = pool.map(square, 0..6).batch_len(2);
    let mut map = map.on_progress(|progress| assert_ne!(progress.done, 2, "once"));
    let (mut results, mut panics) = (Vec::new(), 0);
    loop {
        match catch_unwind(AssertUnwindSafe(|| map.next())) {
            Err(_) => panics += 1,
            Ok(Some(result)) => results.push(result),
            Ok(None) => break,
        }
    }
    assert_eq!(panics, 1);
    assert_eq!(results, (0..6).map(|n| Ok(n * n)).collect::<Vec<_>>());
}

/// The memory of arguments is the same in a copy of this process, which must not use it.
#[test]
fn a_map_in_a_copy_leaves_the_arguments_of_the_original_alone() {
    let _watchdog = watchdog();
    fn forks(_: ()) -> usize {
        let pool = pool(1);
        let (running, gate) = occupy(&pool);
        let (mut ours, mut theirs) = UnixStream::pair().unwrap();
        // SAFETY: the copy uses what a copy may, and ends.
        let copy = unsafe { libc::fork() };
        if copy == 0 {
            theirs.read_exact(&mut [0]).unwrap();
            let items = vec!["b".repeat(100_000); 5];
            let count = pool.map(|text: String| text.len(), items).filter(Result::is_err).count();
            // SAFETY: to end the process is what it is for.
            unsafe { libc::_exit(count as i32) };
        }
        let count = |text: String| text.bytes().filter(|byte| *byte == b'a').count();
        let job = pool.submit(count, "a".repeat(100_000)).unwrap();
        ours.write_all(b"!").unwrap();
        let mut status = 0;
        // SAFETY: the status outlives the call.
        assert_eq!(unsafe { libc::waitpid(copy, &raw mut status, 0) }, copy);
        assert_eq!(libc::WEXITSTATUS(status), 5, "all are refused");
        drop(gate);
        running.join().unwrap();
        job.join().unwrap()
    }
    assert_eq!(Process::spawn(forks, ()).unwrap().join(), Ok(100_000));
}

/// Whether its keepsake was dropped before it had arrived.
#[derive(Debug, PartialEq)]
struct Parted(bool);

struct WritesAtItsEnd(UnixStream);

impl Drop for WritesAtItsEnd {
    fn drop(&mut self) {
        let _ = self.0.write_all(b"!");
    }
}

impl Serialize for Parted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let keepsake = WritesAtItsEnd(theirs);
        courier::pack(ours.as_fd(), Some(Box::new(keepsake))).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Parted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let place = Option::<u32>::deserialize(deserializer)?.unwrap();
        let mut stream = UnixStream::from(courier::unpack(place).unwrap());
        stream.set_nonblocking(true).unwrap();
        match stream.read(&mut [0]) {
            Ok(read) => Ok(Self(read == 1)),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                Ok(Self(false))
            }
        }
    }
}

#[test]
fn a_worker_that_leaves_keeps_its_keepsakes_until_they_have_arrived() {
    let _watchdog = watchdog();
    let pool = Pool::builder().workers(2).max_tasks_per_worker(1).build().unwrap();
    for _ in 0..3 {
        // The results of both are there when the pool's own thread is kept busy by the first.
        let (mut first, gate) = occupy(&pool);
        let (say, said) = std::sync::mpsc::channel();
        first.on_finish(move |_| {
            say.send(()).unwrap();
            thread::park_timeout(Duration::from_millis(200));
        });
        let keeps = |gate: PortableFd| {
            held_up(gate);
            Parted(false)
        };
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let second = pool.submit(keeps, PortableFd::new(theirs)).unwrap();
        ours.read_exact(&mut [0]).unwrap();
        drop(gate);
        said.recv().unwrap();
        drop(ours);
        assert_eq!(second.join(), Ok(Parted(false)));
    }
    for _ in 0..50 {
        assert_eq!(pool.apply(|()| Parted(false), ()), Ok(Parted(false)));
    }
}

fn open_files() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn a_job_that_is_kept_keeps_no_pool() {
    let _watchdog = watchdog();
    const POOLS: usize = 10;
    // Nobody else opens files in a process of its own.
    fn keeps(_: ()) {
        pool(1).shutdown();
        let before = open_files();
        let keep = |_| {
            let pool = pool(1);
            let job = pool.submit(square, 3).unwrap();
            job.wait();
            pool.shutdown();
            job
        };
        let kept: Vec<_> = (0..POOLS).map(keep).collect();
        while open_files() >= before + POOLS {
            thread::yield_now();
        }
        drop(kept);
    }
    Process::spawn(keeps, ()).unwrap().join().unwrap();
}
