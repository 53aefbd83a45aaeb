//! Who is ended, and who is told to have failed, is the one that did it, and nobody else.

#![cfg(feature = "auto-init")]

use conc_core::{Job, JoinError, PortableFd, courier};
use conc_process::{Pool, Process, current};
use conc_tests::watchdog;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::time::ClockId;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fs::File;
use std::io::{Read, Write, pipe};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};
use std::{hint, process, thread};

fn pool(workers: usize) -> Pool {
    Pool::builder().workers(workers).build().unwrap()
}

fn square(n: u64) -> u64 {
    n * n
}

fn forever(_: ()) {
    loop {
        thread::park();
    }
}

/// Takes a while.
fn last(micros: u64) {
    let begun = Instant::now();
    while let Some(left) = Duration::from_micros(micros).checked_sub(begun.elapsed()) {
        thread::park_timeout(left);
    }
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

/// A descriptor, if there is one to be had.
fn open() -> Option<File> {
    File::open("/dev/null").ok()
}

/// Leaves a keepsake behind that takes its time to go.
struct Lingering;

struct SlowToGo;

impl Drop for SlowToGo {
    fn drop(&mut self) {
        last(350_000);
    }
}

impl Serialize for Lingering {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let file = open().unwrap();
        assert!(courier::pack(file.as_fd(), Some(Box::new(SlowToGo))).is_some());
        serializer.serialize_unit()
    }
}

impl<'de> Deserialize<'de> for Lingering {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <()>::deserialize(deserializer).map(|()| Self)
    }
}

/// A job that begins late in a used place of the ring has not begun when the one before it did.
#[test]
fn nobody_is_late_by_the_time_of_who_was_there_before() {
    let _watchdog = watchdog();
    const TIMEOUT: Duration = Duration::from_millis(300);
    let pool = pool(1);
    assert!(pool.apply(|()| Lingering, ()).is_ok());
    // As many as a ring has entries, with the one before.
    for n in 1..256 {
        assert_eq!(pool.apply(square, n), Ok(n * n));
    }
    last(400_000);
    let begun = Instant::now();
    let result = pool.terms().timeout(TIMEOUT).submit(square, 3).unwrap().join();
    assert!(result == Ok(9) || begun.elapsed() >= TIMEOUT, "{result:?} too early");
}

/// What a worker notes: its number, what it did, and when.
type Note = [u64; 3];
/// In place of the item: a worker has begun.
const STARTS: u64 = u64::MAX;

/// Where the workers of a pool note what they do.
struct Diary(u64, File);

impl Diary {
    fn open(to: PortableFd) -> Self {
        let seat = current().name().rsplit('_').next().unwrap().parse().unwrap();
        let diary = Self(seat, File::from(to.into_inner()));
        diary.note(STARTS);
        diary
    }

    fn note(&self, what: u64) {
        let now = ClockId::CLOCK_MONOTONIC.now().unwrap();
        let now = Duration::from(now).as_nanos() as u64;
        // One write: those of others do not come between.
        let note = [self.0, what, now].map(u64::to_le_bytes).concat();
        (&self.1).write_all(&note).unwrap();
    }
}

/// All that was noted, once nobody notes anything any more.
fn read_all(mut diary: File) -> Vec<Note> {
    let mut bytes = Vec::new();
    diary.read_to_end(&mut bytes).unwrap();
    let word = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap());
    bytes.chunks(24).map(|note| [0, 8, 16].map(|at| word(&note[at..at + 8]))).collect()
}

/// So long at most an item ran: from what its worker noted before, until the worker was replaced.
/// `None`: nobody knows who ran it.
fn longest(notes: &[Note], item: u64) -> Option<Duration> {
    let at = |item| notes.iter().position(|note| note[1] == item);
    let before = match at(item) {
        Some(began) => notes[..began].iter().rposition(|note| note[0] == notes[began][0])?,
        None => at(item - 1)?,
    };
    let [seat, _, since] = notes[before];
    let next = notes[before + 1..].iter().find(|note| note[0] == seat && note[1] == STARTS);
    Some(next.map_or(Duration::MAX, |next| Duration::from_nanos(next[2] - since)))
}

/// The slow ones end just when they are late: by the time that is seen, the next one runs. That one
/// may be late as well, if its process stood still for so long.
#[test]
fn an_item_is_not_late_by_the_time_of_the_item_before_it() {
    let _watchdog = watchdog();
    const TIMEOUT: Duration = Duration::from_secs(1);
    let work = |diary: &mut Diary, n: u64| {
        if n % 2 == 0 {
            last(999_600 + n % 16 * 40);
            diary.note(n);
        } else {
            diary.note(n);
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_micros(500) {
                hint::spin_loop();
            }
        }
    };
    let (diary, theirs) = pipe().unwrap();
    let pool = Pool::builder().workers(24).timeout(TIMEOUT);
    let pool = pool.initializer(Diary::open, PortableFd::new(theirs)).build().unwrap();
    let results: Vec<_> = pool.map_with(work, 0..192).batch_len(8).collect();
    pool.shutdown();
    drop(pool);
    let notes = read_all(File::from(OwnedFd::from(diary)));
    for (n, result) in (0..).zip(results) {
        match result {
            Ok(()) => {}
            Err(error) => {
                assert_eq!(error, JoinError::TimedOut, "item {n}");
                if n % 2 == 0 {
                    continue;
                }
                let ran = longest(&notes, n);
                eprintln!("item {n} had its time, at most: {ran:?}");
                assert!(ran.is_none_or(|ran| ran >= TIMEOUT), "item {n} was ended after {ran:?}");
            }
        }
    }
}

#[test]
fn what_was_killed_on_purpose_is_not_tried_again() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let running = pool.terms().retries(3).submit(forever, ()).unwrap();
    while !running.is_running() {
        thread::yield_now();
    }
    assert_eq!(running.kill(), Ok(()));
    assert!(matches!(running.join(), Err(JoinError::Killed { .. })));
    assert_eq!(pool.apply(square, 3), Ok(9));
}

/// The callback runs while the foreman is busy with the death, and the other is in nobody's ring.
#[test]
fn what_waits_can_be_ended_while_the_worker_before_it_is_buried() {
    let _watchdog = watchdog();
    for cancels in [false, true] {
        let pool = pool(1);
        let (mut running, _gate) = occupy(&pool);
        let waiting = pool.submit(forever, ()).unwrap();
        let (say, said) = channel();
        let (done, is_done) = channel();
        running.on_finish(move |_| {
            let ended = if cancels { waiting.cancel() } else { waiting.kill().is_ok() };
            say.send(ended).unwrap();
            done.send(waiting.join()).unwrap();
        });
        let pid = pool.stats().workers[0].pid.unwrap();
        // SAFETY: the call takes numbers only; the process is a worker of ours.
        assert_eq!(unsafe { libc::kill(pid as i32, libc::SIGKILL) }, 0);
        assert!(matches!(running.join(), Err(JoinError::Killed { .. })));
        assert_eq!(said.recv(), Ok(true));
        assert_eq!(is_done.recv(), Ok(Err(JoinError::Cancelled)));
        assert_eq!(pool.apply(square, 3), Ok(9));
    }
}

#[test]
fn a_descriptor_that_cannot_be_received_costs_one_item_of_a_batch() {
    let _watchdog = watchdog();
    // The limit is that of a process of its own.
    fn runs_short(_: ()) {
        let pool = pool(1);
        let third = |n: u32| if n == 2 { open().map(PortableFd::new) } else { None };
        let mut map = pool.map(third, 0..8).batch_len(8);
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        setrlimit(Resource::RLIMIT_NOFILE, 5, hard).unwrap();
        let first = map.next();
        setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
        for (n, result) in first.into_iter().chain(map).enumerate() {
            assert_eq!(result.is_err(), n == 2, "item {n}: {result:?}");
        }
    }
    assert_eq!(Process::spawn(runs_short, ()).unwrap().join(), Ok(()));
}

/// A result with a descriptor that kills the process it was made in when it goes there.
#[derive(Debug, Serialize, Deserialize)]
struct Deadly(PortableFd, Option<u32>);

impl Drop for Deadly {
    fn drop(&mut self) {
        if self.1 == Some(process::id()) {
            process::abort();
        }
    }
}

#[test]
fn a_result_that_kills_when_it_goes_costs_nobody_else_a_descriptor() {
    let _watchdog = watchdog();
    let pool = pool(1);
    let make = |n: u32| {
        let file = PortableFd::new(open().unwrap());
        Deadly(file, (n == 1).then(process::id))
    };
    for batch_len in [1, 3] {
        let results: Vec<_> = pool.map(make, 0..3).batch_len(batch_len).collect();
        assert_eq!(results.len(), 3);
        for (n, result) in results.into_iter().enumerate() {
            match result {
                Ok(made) => assert!(made.0.as_fd().try_clone_to_owned().is_ok()),
                Err(JoinError::Killed { .. }) => assert_eq!(n, 1),
                other => panic!("item {n}: {other:?}"),
            }
        }
    }
}
