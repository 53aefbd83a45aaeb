//! Segments: made, attached, named, refused.

#![cfg(not(conc_loom))]

mod processes;

use conc_shm::{AttachError, CreateError, Kind, Layout, OutOfMemory, OutOfRange, Segment};
use conc_tests::{watchdog, watchdog_for};
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use processes::{Copy, alone, held};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::fs::File;
use std::io::ErrorKind;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::sync::atomic::Ordering;
use std::time::Duration;

const KIND: Kind = Kind { name: *b"test    ", version: 7 };
const PAGE: u64 = 4096;
/// Bytes of the header; all of them mean something.
const HEADER: usize = 152;
/// Where the content begins.
const CONTENT: usize = 128 << 10;

fn segment() -> Segment {
    Segment::create(&Layout::new(KIND, PAGE)).unwrap()
}

fn attach(segment: &Segment) -> Result<Segment, AttachError> {
    Segment::attach(segment.try_clone_fd().unwrap(), KIND)
}

/// The bytes of a segment, up to the content.
fn bytes(segment: &Segment) -> Vec<u8> {
    let mut bytes = vec![0; CONTENT];
    let file = File::from(segment.try_clone_fd().unwrap());
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

/// A file of memory with these bytes at its start.
fn forged(bytes: &[u8], len: u64, sealed: bool) -> OwnedFd {
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let file = File::from(memfd_create(c"conc-shm", flags).unwrap());
    file.set_len(len).unwrap();
    file.write_all_at(bytes, 0).unwrap();
    if sealed {
        let seals = SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW;
        fcntl(&file, FcntlArg::F_ADD_SEALS(seals)).unwrap();
    }
    file.into()
}

/// Makes the hash of a header right again.
fn rehash(bytes: &mut [u8]) {
    bytes[16..24].fill(0);
    let hash = bytes[..HEADER].iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    bytes[16..24].copy_from_slice(&hash.to_ne_bytes());
}

#[test]
fn one_mapping_a_segment() {
    let _watchdog = watchdog();
    let first = segment();
    let second = attach(&first).unwrap();
    assert_eq!((first.content(), first.me()), (second.content(), second.me()));
    assert_eq!(first.id(), second.id());
    assert_ne!(first.id(), segment().id());
    assert_eq!(first.content().addr().get() % 4096, 0);
    let me = first.me();
    drop(first);
    assert!(second.members().is_current(me));
    let fd = second.try_clone_fd().unwrap();
    drop(second);
    let again = Segment::attach(fd, KIND).unwrap();
    assert!(!again.members().is_current(me));
    assert!(again.members().is_current(again.me()));
    assert!(!again.members().ever_others());
}

#[test]
fn a_copy_attaches_what_it_inherited() {
    let _watchdog = watchdog();
    if !alone(a_copy_attaches_what_it_inherited) {
        return;
    }
    let layout = Layout { parameters: [1, 2, 3, 4, 5, 6], ..Layout::new(KIND, 3 * PAGE) };
    let segment = Segment::create(&layout).unwrap();
    segment.write_at(9, b"hello").unwrap();
    Copy::new(|| {
        let mine = attach(&segment).unwrap();
        assert_ne!(mine.content(), segment.content());
        assert_ne!(mine.me(), segment.me());
        assert_eq!((mine.id(), mine.kind()), (segment.id(), KIND));
        assert_eq!((mine.parameters(), mine.content_len()), (layout.parameters, 3 * PAGE));
        let mut text = [0; 5];
        mine.read_at(9, &mut text).unwrap();
        assert_eq!(&text, b"hello");
        // ORDERING is the system's: the parent waits for this process.
        mine.atomic_u64(100).unwrap().fetch_add(1, Ordering::Relaxed);
    })
    .join();
    assert_eq!(segment.atomic_u64(100).unwrap().load(Ordering::Relaxed), 1);
    assert!(segment.members().ever_others());
}

#[test]
fn access_is_bounded_and_leaves_neighbours_alone() {
    let _watchdog = watchdog();
    let segment = Segment::create(&Layout::new(KIND, 20)).unwrap();
    segment.write_at(0, &[0xff; 20]).unwrap();
    segment.write_at(5, &[1; 12]).unwrap();
    let mut seen = [0; 20];
    segment.read_at(0, &mut seen).unwrap();
    let mut expected = [0xff; 20];
    expected[5..17].fill(1);
    assert_eq!(seen, expected);
    // SAFETY: nobody writes.
    assert_eq!(unsafe { segment.as_slice() }, expected);
    let refused = OutOfRange { offset: 20, len: 1, content_len: 20 };
    assert_eq!(segment.read_at(20, &mut [0]), Err(refused));
    assert!(segment.write_at(u64::MAX, &[0; 2]).is_err());
    assert!(segment.write_at(20, &[]).is_ok());
    assert!(segment.atomic_u64(1).is_ok());
    for index in [2, 3, u64::MAX, u64::MAX / 8 + 1] {
        assert!(segment.atomic_u64(index).is_err(), "{index}");
    }
}

#[test]
fn every_byte_of_the_header_counts() {
    let _watchdog = watchdog();
    let original = segment();
    let bytes = bytes(&original);
    let len = CONTENT as u64 + (64 << 10);
    Segment::attach(forged(&bytes, len, true), KIND).unwrap();
    for place in 0..HEADER {
        for mask in [1, 0x80, 0xff] {
            let mut bytes = bytes.clone();
            bytes[place] ^= mask;
            Segment::attach(forged(&bytes, len, true), KIND).unwrap_err();
        }
    }
    for length in [0, 7, 8, HEADER - 1, HEADER] {
        Segment::attach(forged(&bytes[..length], length as u64, true), KIND).unwrap_err();
    }
}

#[test]
fn refusals_say_why() {
    let _watchdog = watchdog();
    let original = segment();
    let bytes = bytes(&original);
    let len = CONTENT as u64 + (64 << 10);
    let why = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = bytes.clone();
        change(&mut bytes);
        rehash(&mut bytes);
        Segment::attach(forged(&bytes, len, true), KIND).unwrap_err()
    };
    let put = |at: usize, value: u64| {
        why(&move |bytes| bytes[at..at + 8].copy_from_slice(&value.to_ne_bytes()))
    };
    assert!(matches!(put(0, 0), AttachError::NotASegment));
    assert!(matches!(put(8, 0x0900_0000_0000_0100), AttachError::Format { .. }));
    assert!(matches!(put(24, 9), AttachError::Damaged { what: "its form" }));
    // A file that may change its length, in the hands of everybody.
    assert!(matches!(put(24, 2), AttachError::Unsealed));
    assert!(matches!(put(32, 1), AttachError::Kind { .. }));
    assert!(matches!(put(48, 1), AttachError::Damaged { what: "its lengths" }));
    assert!(matches!(put(136, 1), AttachError::Namespace { what: "pid" }));
    assert!(matches!(put(144, 1), AttachError::Namespace { what: "time" }));
    assert!(matches!(why(&|bytes| bytes[1024] ^= 1), AttachError::NotReady));
    let error = Segment::attach(forged(&bytes, len, false), KIND).unwrap_err();
    assert!(matches!(error, AttachError::Unsealed));
    let error = Segment::attach(forged(&bytes, len - 1, true), KIND).unwrap_err();
    assert!(matches!(error, AttachError::Length { .. }));
    let other = Kind { version: 8, ..KIND };
    let error = Segment::attach(original.try_clone_fd().unwrap(), other).unwrap_err();
    assert_eq!(error.to_string(), "the segment holds test, version 7 and not test, version 8");
    let null = File::open("/dev/null").unwrap();
    assert!(matches!(Segment::attach(null.into(), KIND), Err(AttachError::NotASegment)));
    let program = File::open(std::env::current_exe().unwrap()).unwrap();
    assert!(matches!(Segment::attach(program.into(), KIND), Err(AttachError::NotASegment)));
}

/// 10,000 headers: noise, and true ones with some words replaced and the hash made right.
#[test]
fn no_header_is_believed() {
    let _watchdog = watchdog_for(Duration::from_secs(300));
    let bytes = bytes(&segment());
    let len = CONTENT as u64 + (64 << 10);
    let odd = prop_oneof![
        Just(0),
        Just(1),
        Just(1 << 16),
        Just(1 << 17),
        Just(len - 1),
        Just(len),
        Just(len + (1 << 16)),
        Just(1 << 47),
        Just(i64::MAX as u64),
        Just(1 << 63),
        Just(u64::MAX - (1 << 17)),
        Just(u64::MAX),
        any::<u64>(),
    ];
    let noise = prop::collection::vec(any::<u8>(), HEADER);
    let changes = prop::collection::vec((0..HEADER / 8 + 8, odd), 0..4);
    let mut runner = TestRunner::new(ProptestConfig::with_cases(10_000));
    let judged = runner.run(&(noise, changes, 0..10_u8), |(noise, changes, choice)| {
        let mut bytes = bytes.clone();
        if choice == 0 {
            bytes[8..HEADER].copy_from_slice(&noise[8..]);
        }
        for (word, value) in changes {
            // The header, and the words behind it.
            let word = if word < HEADER / 8 { word } else { 128 + word - HEADER / 8 };
            bytes[8 * word..8 * word + 8].copy_from_slice(&value.to_ne_bytes());
        }
        rehash(&mut bytes);
        if let Ok(segment) = Segment::attach(forged(&bytes, len, true), KIND) {
            let content_len = segment.content_len();
            prop_assert!(content_len <= len - CONTENT as u64);
            if let Some(last) = content_len.checked_sub(1) {
                segment.write_at(last, &[1]).unwrap();
            }
            prop_assert!(segment.members().iter().count() <= 1023);
        }
        Ok(())
    });
    judged.unwrap();
}

#[test]
fn names() {
    let _watchdog = watchdog();
    if !alone(names) {
        return;
    }
    let name = format!("conc-shm-test-{}", std::process::id());
    let layout = Layout::new(KIND, PAGE);
    assert!(matches!(Segment::open_named(&name, KIND), Err(AttachError::NoSuchName { .. })));
    let segment = Segment::create_named(&name, &layout).unwrap();
    let taken = Segment::create_named(&name, &layout);
    assert!(matches!(taken, Err(CreateError::NameTaken { .. })));
    segment.write_at(0, b"named").unwrap();
    let path = format!("/dev/shm/{name}");
    Copy::new(|| {
        let mine = Segment::open_named(&name, KIND).unwrap();
        let mut text = [0; 5];
        mine.read_at(0, &mut text).unwrap();
        assert_eq!(&text, b"named");
        // Handed on as a descriptor, too.
        let fd = mine.try_clone_fd().unwrap();
        drop(mine);
        drop(Segment::attach(fd, KIND).unwrap());
        // What others may open, others may cut off.
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        let open = Segment::open_named(&name, KIND);
        assert!(matches!(open, Err(AttachError::Unsealed)));
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    })
    .join();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    segment.unlink().unwrap();
    assert_eq!(segment.unlink().unwrap_err().kind(), ErrorKind::NotFound);
    let successor = Segment::create_named(&name, &layout).unwrap();
    // The name is another's by now.
    assert_eq!(segment.unlink().unwrap_err().kind(), ErrorKind::NotFound);
    drop(successor);
    Segment::unlink_name(&name).unwrap();
    assert!(matches!(Segment::open_named(&name, KIND), Err(AttachError::NoSuchName { .. })));
    segment.write_at(0, b"still").unwrap();
    assert!(!std::path::Path::new(&path).exists());
    let long = "x".repeat(201);
    for name in ["", ".", "..", "a/b", "a\0b", ".hidden", &long] {
        assert!(matches!(Segment::create_named(name, &layout), Err(CreateError::BadName { .. })));
        assert!(Segment::unlink_name(name).is_err());
    }
}

#[test]
fn too_much_is_an_error_and_kills_nobody() {
    let _watchdog = watchdog();
    if !alone(too_much_is_an_error_and_kills_nobody) {
        return;
    }
    let before = held();
    // More than any machine has.
    let sparse = Layout { reserve: 100, ..Layout::new(KIND, 1 << 45) };
    let segment = Segment::create(&sparse).unwrap();
    segment.write_at((1 << 45) - 1, b"x").unwrap();
    assert!(matches!(segment.reserve(0..1 << 44), Err(OutOfMemory { .. })));
    segment.reserve(1 << 30..(1 << 30) + PAGE).unwrap();
    segment.reserve(1 << 30..(1 << 30) + PAGE).unwrap();
    segment.reserve(7..7).unwrap();
    drop(segment);
    let error = Segment::create(&Layout::new(KIND, 1 << 45)).unwrap_err();
    let CreateError::OutOfMemory(error) = error else { panic!("{error}") };
    assert!(error.asked >= 1 << 45 && error.available < 1 << 45, "{error}");
    for content_len in [u64::MAX, i64::MAX as u64, 1 << 62] {
        let layout = Layout { reserve: 0, ..Layout::new(KIND, content_len) };
        assert!(matches!(Segment::create(&layout), Err(CreateError::TooLarge { .. })));
    }
    assert_eq!(held(), before);
}

#[test]
#[should_panic(expected = "is not within")]
fn reserving_beyond_the_end_panics() {
    let _watchdog = watchdog();
    let _ = segment().reserve(0..PAGE + 1);
}

#[test]
fn nobody_changes_the_length() {
    let _watchdog = watchdog();
    let segment = segment();
    let file = File::from(segment.try_clone_fd().unwrap());
    file.set_len(0).unwrap_err();
    file.set_len(1 << 30).unwrap_err();
    fcntl(file.as_fd(), FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_WRITE)).unwrap_err();
    // Nor does an exec hand it on.
    let flags = fcntl(file.as_fd(), FcntlArg::F_GETFD).unwrap();
    assert_eq!(flags & libc::FD_CLOEXEC, libc::FD_CLOEXEC, "{}", file.as_raw_fd());
}

#[test]
fn nothing_is_left() {
    let _watchdog = watchdog();
    if !alone(nothing_is_left) {
        return;
    }
    let before = held();
    for round in 0..100 {
        let segment = segment();
        let other = attach(&segment).unwrap();
        other.expect().unwrap();
        if round % 10 == 0 {
            segment.watch().unwrap();
            other.watch().unwrap();
        }
        let wrong = Kind { version: 0, ..KIND };
        Segment::attach(segment.try_clone_fd().unwrap(), wrong).unwrap_err();
    }
    // The thread is on its way out.
    while held() != before {
        std::thread::yield_now();
    }
}

#[test]
fn attached_by_many_threads_at_once() {
    let _watchdog = watchdog();
    let segment = segment();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..200 {
                    let other = attach(&segment).unwrap();
                    assert_eq!(other.me(), segment.me());
                }
            });
        }
    });
    let fd = segment.try_clone_fd().unwrap();
    drop(segment);
    // Each may be the one that leaves, and the one that comes anew.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..200 {
                    let mine = Segment::attach(fd.try_clone().unwrap(), KIND).unwrap();
                    assert!(mine.members().is_current(mine.me()));
                }
            });
        }
    });
    let last = Segment::attach(fd, KIND).unwrap();
    assert_eq!(last.members().iter().count(), 1);
}

/// References into a queue and a ring are handed out: nobody else may write there.
#[test]
fn no_bare_segment_is_an_object_of_this_crate() {
    let _watchdog = watchdog();
    for name in [*b"queue   ", *b"ring    "] {
        for version in [0, 1, 2] {
            let kind = Kind { name, version };
            let layout = Layout::new(kind, PAGE);
            assert!(matches!(Segment::create(&layout), Err(CreateError::OwnKind { .. })));
            let named = Segment::create_named("conc-shm-test-own-kind", &layout);
            assert!(matches!(named, Err(CreateError::OwnKind { .. })));
            let open = Segment::open_named("conc-shm-test-own-kind", kind);
            assert!(matches!(open, Err(AttachError::OwnKind { .. })));
        }
    }
    let kind = |name| Kind { name, version: 1 };
    let fd = |of: &dyn AsFd| of.as_fd().try_clone_to_owned().unwrap();
    let (sender, _receiver) = conc_shm::ring::plain::<u64>(1).unwrap();
    let ring = Segment::attach(fd(&sender), kind(*b"ring    "));
    assert!(matches!(ring, Err(AttachError::OwnKind { .. })));
    let queue = conc_shm::queue::plain::<u64>(1).unwrap();
    let bare = Segment::attach(fd(&queue), kind(*b"queue   "));
    assert!(matches!(bare, Err(AttachError::OwnKind { .. })));
    // Nor by a message that was written for a queue.
    let message = postcard::to_allocvec(&queue).unwrap();
    postcard::from_bytes::<Segment>(&message).unwrap_err();
    // A segment is no queue, either.
    let message = postcard::to_allocvec(&segment()).unwrap();
    postcard::from_bytes::<conc_shm::queue::Queue<u64>>(&message).unwrap_err();
}
