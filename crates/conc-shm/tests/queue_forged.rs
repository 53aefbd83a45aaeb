//! Segments that say that they are queues: whatever they say, it is an error or a queue.

#![cfg(not(conc_loom))]

use conc_shm::queue::{Builder, Encoded, Form, GetError, Plain, Queue};
use conc_shm::{AttachError, Segment};
use conc_tests::{watchdog, watchdog_for};
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::cell::Cell;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(600);
/// Words of the header, and which of them are a queue's own.
const HEADER: usize = 19;
const HASH: usize = 2;
const FILE_LEN: usize = 6;
const CONTENT_LEN: usize = 7;
const RESERVE: usize = 8;
const PARAMETERS: usize = 9;
/// Where the content begins.
const CONTENT: u64 = 128 << 10;
const STEP: u64 = 64 << 10;
/// More is not tried: a queue may be as long as it says.
const LONGEST: u64 = 1 << 30;

/// A true queue, as its words.
fn words<T, F: Form<T>>() -> Vec<u64> {
    let builder = Builder::new(3).inline_bytes(48).chunk_bytes(64).byte_budget(64 * 40);
    let queue: Queue<T, F> = builder.build().unwrap();
    // SAFETY: nobody uses the queue meanwhile.
    bytes_of(unsafe { queue.segment() })
}

fn bytes_of(segment: &Segment) -> Vec<u64> {
    let file = File::from(segment.try_clone_fd().unwrap());
    let mut bytes = vec![0; file.metadata().unwrap().len() as usize];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes.chunks(8).map(|word| u64::from_ne_bytes(word.try_into().unwrap())).collect()
}

/// A sealed file of memory with these words, as long as its header says, and a true hash.
fn forged(mut words: Vec<u64>) -> Option<OwnedFd> {
    words[HASH] = 0;
    words[HASH] = words[..HEADER]
        .iter()
        .flat_map(|word| word.to_ne_bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    let length = words[FILE_LEN];
    if length > LONGEST {
        return None;
    }
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let file = File::from(memfd_create(c"conc-shm", flags).unwrap());
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    file.write_all_at(&bytes[..bytes.len().min(length as usize)], 0).unwrap();
    file.set_len(length).unwrap();
    let seals = SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW;
    fcntl(&file, FcntlArg::F_ADD_SEALS(seals)).unwrap();
    Some(file.into())
}

/// Makes the lengths of a header agree with each other.
fn lengthen(words: &mut [u64], content_len: u64) {
    words[CONTENT_LEN] = content_len;
    words[FILE_LEN] =
        CONTENT.saturating_add(content_len).checked_next_multiple_of(STEP).unwrap_or(0);
    words[RESERVE] = words[RESERVE].min(content_len);
}

/// Words that are at the edge of something.
fn odd() -> impl Strategy<Value = u64> {
    prop_oneof![
        0..300_u64,
        any::<u64>(),
        (0..64_u32).prop_map(|bit| 1 << bit),
        (0..64_u32).prop_map(|bit| (1_u64 << bit).wrapping_sub(1)),
        (0..400_u64, 0..400_u64).prop_map(|(low, high)| low | high << 32),
        (0..20_u64, 0..20_u64).prop_map(|(low, high)| low << 6 | high << 38),
    ]
}

/// Does with a forged queue what a program would: nothing of it may panic, or touch what is not
/// the queue's.
fn use_it<T: Clone, F: Form<T>>(queue: &Queue<T, F>, item: &T) {
    if queue.capacity() > 10_000 {
        return;
    }
    for _ in 0..4 {
        let _ = queue.try_put(item.clone());
    }
    for _ in 0..6 {
        match queue.try_get() {
            Ok(_) | Err(GetError::NotDecoded { .. }) => {}
            Err(_) => break,
        }
    }
    let _ = (queue.len(), queue.is_full(), queue.unfinished(), queue.recover());
    queue.close();
}

/// Another value of a word: anything, or one beside it.
#[derive(Debug, Clone, Copy)]
enum Change {
    To(u64),
    By(i64),
}

fn change() -> impl Strategy<Value = Change> {
    let beside = prop_oneof![-9..10_i64, (-9..10_i64).prop_map(|by| by << 32)];
    prop_oneof![odd().prop_map(Change::To), beside.prop_map(Change::By)]
}

/// 5,000 queues of this type with other numbers: refused, or they work. How many worked.
fn parameters_are_not_believed<T: Clone, F: Form<T>>(item: &T) -> u32 {
    let true_words = words::<T, F>();
    let true_len = true_words[CONTENT_LEN];
    let changes = prop::collection::vec((0..6_usize, change()), 1..4);
    let lengths = prop_oneof![
        4 => Just(None),
        1 => (0..1_u64 << 21).prop_map(Some),
        1 => odd().prop_map(Some),
        1 => (0..600_u64).prop_map(|pages| Some(pages << 12)),
    ];
    let config = ProptestConfig { cases: 5_000, failure_persistence: None, ..Default::default() };
    let worked = Cell::new(0);
    let judged = TestRunner::new(config).run(&(changes, lengths), |(changes, length)| {
        let mut words = true_words.clone();
        for (place, change) in changes {
            let word = &mut words[PARAMETERS + place];
            *word = match change {
                Change::To(value) => value,
                Change::By(by) => word.wrapping_add_signed(by),
            };
        }
        lengthen(&mut words, length.unwrap_or(true_len));
        if let Some(file) = forged(words) {
            match Queue::<T, F>::attach(file) {
                Ok(queue) => {
                    use_it(&queue, item);
                    worked.set(worked.get() + 1);
                }
                Err(AttachError::Damaged { .. } | AttachError::Kind { .. }) => {}
                Err(other) => return Err(TestCaseError::fail(other.to_string())),
            }
        }
        Ok(())
    });
    judged.unwrap();
    worked.get()
}

/// 5,000 queues with any word of the header changed: the type, too, and lengths that do not fit.
fn headers_are_not_believed<T: Clone, F: Form<T>>(item: &T) {
    let true_words = words::<T, F>();
    let changes = prop::collection::vec((0..HEADER, change()), 1..3);
    let config = ProptestConfig { cases: 5_000, failure_persistence: None, ..Default::default() };
    let judged = TestRunner::new(config).run(&changes, |changes| {
        let mut words = true_words.clone();
        for (place, change) in changes {
            words[place] = match change {
                Change::To(value) => value,
                Change::By(by) => words[place].wrapping_add_signed(by),
            };
        }
        if let Some(queue) = forged(words).and_then(|file| Queue::<T, F>::attach(file).ok()) {
            use_it(&queue, item);
        }
        Ok(())
    });
    judged.unwrap();
}

#[test]
fn no_numbers_of_a_plain_queue_are_believed() {
    let _watchdog = watchdog_for(PATIENCE);
    let worked = parameters_are_not_believed::<[u64; 6], Plain>(&[7; 6]);
    assert!(worked > 50, "nothing is tried if all are refused: {worked}");
}

#[test]
fn no_numbers_of_an_encoded_queue_are_believed() {
    let _watchdog = watchdog_for(PATIENCE);
    let worked = parameters_are_not_believed::<String, Encoded>(&"text ".repeat(30));
    assert!(worked > 50, "nothing is tried if all are refused: {worked}");
}

#[test]
fn no_header_of_a_queue_is_believed() {
    let _watchdog = watchdog_for(PATIENCE);
    headers_are_not_believed::<String, Encoded>(&"text ".repeat(30));
}

#[test]
fn refusals_say_why() {
    let _watchdog = watchdog();
    let words = words::<String, Encoded>();
    assert!(Queue::<String>::attach(forged(words.clone()).unwrap()).is_ok());
    let other = Queue::<u64>::attach(forged(words.clone()).unwrap()).unwrap_err();
    assert!(matches!(other, AttachError::Kind { .. }), "{other}");
    let why = |place: usize, value: u64| {
        let mut words = words.clone();
        words[PARAMETERS + place] = value;
        Queue::<String>::attach(forged(words).unwrap()).unwrap_err().to_string()
    };
    for (place, value) in [(0, 0), (0, u64::MAX), (1, 65), (2, 3), (3, 128), (5, 1)] {
        assert_eq!(why(place, value), "the segment is damaged: the numbers of the queue");
    }
}
