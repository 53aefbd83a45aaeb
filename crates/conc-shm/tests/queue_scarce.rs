//! Nothing is left: memory, bytes for messages, rows, descriptors.

#![cfg(not(conc_loom))]
#![allow(clippy::print_stdout, reason = "says what could not be tried")]

mod processes;

use conc_shm::queue::{Builder, GetError, Plain, PlainQueue, PutError, Queue};
use conc_shm::{AttachError, CreateError, Ticket};
use conc_tests::watchdog;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use processes::{Copy, alone, forever, held};
use std::ffi::CStr;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

#[test]
fn places_that_the_machine_does_not_have_are_an_error() {
    let _watchdog = watchdog();
    if !alone(places_that_the_machine_does_not_have_are_an_error) {
        return;
    }
    let before = held();
    // 2^20 places of 64 MiB.
    let error = PlainQueue::<[u8; 1 << 26]>::bounded(1 << 20).unwrap_err();
    let CreateError::OutOfMemory(error) = error else { panic!("{error}") };
    assert!(error.asked > 1 << 46 && error.available < error.asked, "{error}");
    let large: Result<Queue<String>, _> = Builder::new(1 << 20).inline_bytes(1 << 30).build();
    assert!(matches!(large, Err(CreateError::OutOfMemory(_))), "{large:?}");
    let endless: Result<Queue<String>, _> = Builder::new(1 << 20).inline_bytes(u32::MAX).build();
    let refused =
        matches!(endless, Err(CreateError::OutOfMemory(_) | CreateError::TooLarge { .. }));
    assert!(refused, "{endless:?}");
    for capacity in [0, (1 << 20) + 1, usize::MAX] {
        let none = PlainQueue::<u64>::bounded(capacity);
        assert!(matches!(none, Err(CreateError::TooLarge { .. })), "{none:?}");
    }
    assert_eq!(held(), before);
}

/// Whether this process, a copy with one thread, sees a /dev/shm of its own, with so little room.
fn in_a_small_room() -> bool {
    let (user, group) = (nix::unistd::geteuid(), nix::unistd::getegid());
    // Who has no number in a namespace makes no files there.
    let have_numbers = || {
        std::fs::write("/proc/self/setgroups", "deny").is_ok()
            && std::fs::write("/proc/self/uid_map", format!("0 {user} 1")).is_ok()
            && std::fs::write("/proc/self/gid_map", format!("0 {group} 1")).is_ok()
    };
    // SAFETY: the call takes a number.
    let apart = unsafe { libc::unshare(libc::CLONE_NEWNS) } == 0
        // SAFETY: as above.
        || unsafe { libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNS) } == 0 && have_numbers();
    let mount = |from: &CStr, to: &CStr, kind: &CStr, flags, options: &CStr| {
        let (from, to, kind) = (from.as_ptr(), to.as_ptr(), kind.as_ptr());
        // SAFETY: all of them are strings that outlive the call.
        unsafe { libc::mount(from, to, kind, flags, options.as_ptr().cast()) == 0 }
    };
    apart
        && mount(c"none", c"/", c"none", libc::MS_REC | libc::MS_PRIVATE, c"")
        && mount(c"tmpfs", c"/dev/shm", c"tmpfs", 0, c"size=4m")
}

/// A budget is addresses only: that there is no memory behind them is said when it is needed.
#[test]
fn messages_that_there_is_no_memory_for_come_back() {
    let _watchdog = watchdog();
    if !alone(messages_that_there_is_no_memory_for_come_back) {
        return;
    }
    Copy::new(|| {
        if !in_a_small_room() {
            println!("NOT TRIED: no file system of one's own here");
            return;
        }
        let too_many = Builder::new(1 << 16).name("places").build::<u64, Plain>();
        assert!(matches!(too_many, Err(CreateError::OutOfMemory(_))), "{too_many:?}");
        let name = std::fs::read_dir("/dev/shm").unwrap().count();
        assert_eq!(name, 0, "nothing is left of it");
        let queue: Queue<String> = Builder::new(32).name("queue").build().unwrap();
        let text = "x".repeat(300_000);
        for _ in 0..3 {
            let mut fits = 0;
            loop {
                match queue.try_put(text.clone()) {
                    Ok(()) => fits += 1,
                    Err(PutError::OutOfMemory { item, cause }) => {
                        assert!(item == text && cause.asked > 0, "{cause}");
                        break;
                    }
                    other => panic!("{other:?}"),
                }
            }
            assert!((6..14).contains(&fits), "{fits} fit");
            // Short ones need nothing more; nor does what is there already.
            queue.try_put("short".into()).unwrap();
            (0..fits).for_each(|_| assert_eq!(queue.try_get().unwrap(), text));
            assert_eq!(queue.try_get().unwrap(), "short");
        }
    })
    .join();
}

/// The budget of bytes is used up, again and again: always by as many.
#[test]
fn bytes_come_back() {
    let _watchdog = watchdog();
    let queue: Queue<String> =
        Builder::new(32).inline_bytes(16).chunk_bytes(64).byte_budget(64 * 31).build().unwrap();
    let text = "x".repeat(64 * 3 - 2);
    for _ in 0..100 {
        let put = || queue.try_put(text.clone());
        assert_eq!((0..).take_while(|_| put().is_ok()).count(), 10);
        assert!(matches!(put(), Err(PutError::Full(item)) if item == text));
        // Some are got, some were worked on and given back first.
        queue.lease().unwrap().nack();
        queue.lease().unwrap().ack();
        queue.try_put(text.clone()).unwrap();
        assert_eq!((0..).take_while(|_| queue.try_get().is_ok()).count(), 10);
    }
}

#[test]
fn a_table_without_rows_refuses_newcomers() {
    let _watchdog = watchdog();
    if !alone(a_table_without_rows_refuses_newcomers) {
        return;
    }
    let queue: PlainQueue<u64> = PlainQueue::bounded(2).unwrap();
    let mut tickets: Vec<Ticket> = Vec::new();
    let error = loop {
        // SAFETY: the content is left alone.
        match unsafe { queue.segment() }.expect() {
            Ok(ticket) => tickets.push(ticket),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, AttachError::TooManyMembers { limit: 1023 }), "{error}");
    assert_eq!(tickets.len(), 1022);
    let attach = || PlainQueue::<u64>::attach(queue.as_fd().try_clone_to_owned().unwrap());
    Copy::new(|| {
        let before = held();
        let error = attach().unwrap_err();
        assert!(matches!(error, AttachError::TooManyMembers { limit: 1023 }), "{error}");
        assert_eq!(held(), before);
    })
    .join();
    // Who is there works, and one who goes makes room.
    queue.put(1).unwrap();
    // SAFETY: as above.
    assert!(unsafe { queue.segment() }.cancel(tickets[500]));
    Copy::new(|| attach().unwrap().put(2).unwrap()).join();
    assert_eq!((queue.get().unwrap(), queue.get().unwrap()), (1, 2));
}

/// With so many descriptors more than there are.
fn with_descriptors<R>(more: u64, work: impl FnOnce() -> R) -> R {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let next = File::open("/dev/null").unwrap().as_raw_fd();
    setrlimit(Resource::RLIMIT_NOFILE, u64::try_from(next).unwrap() + more, hard).unwrap();
    let result = work();
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
    result
}

#[test]
fn without_descriptors_nothing_is_made_and_nothing_leaks() {
    let _watchdog = watchdog();
    if !alone(without_descriptors_nothing_is_made_and_nothing_leaks) {
        return;
    }
    let queue: PlainQueue<u64> = PlainQueue::bounded(2).unwrap();
    Copy::new(|| {
        let before = held();
        let refused = (0..).take_while(|&more| {
            let made = with_descriptors(more, || PlainQueue::<u64>::bounded(2));
            match &made {
                Ok(queue) => queue.put(1).unwrap(),
                Err(CreateError::System { .. }) => {}
                Err(other) => panic!("{other}"),
            }
            made.is_err()
        });
        assert!(refused.count() > 0);
        let refused = (0..).take_while(|&more| {
            let descriptor = queue.as_fd().try_clone_to_owned().unwrap();
            let made = with_descriptors(more, || PlainQueue::<u64>::attach(descriptor));
            match &made {
                Ok(queue) => queue.put(1).unwrap(),
                Err(AttachError::System { .. }) => {}
                Err(other) => panic!("{other}"),
            }
            made.is_err()
        });
        assert!(refused.count() > 0);
        assert_eq!(held(), before);
    })
    .join();
    assert_eq!(queue.members().iter().count(), 1, "no row is left");
    assert_eq!(queue.get().unwrap(), 1);
}

/// A process that cannot open anything any more still puts, gets, waits and finds the dead.
#[test]
fn a_queue_works_without_descriptors() {
    let _watchdog = watchdog();
    if !alone(a_queue_works_without_descriptors) {
        return;
    }
    let queue: PlainQueue<u64> = PlainQueue::bounded(2).unwrap();
    queue.put(7).unwrap();
    let leased: PlainQueue<u64> = PlainQueue::bounded(1).unwrap();
    let descriptors = [&queue, &leased].map(|queue| queue.as_fd().try_clone_to_owned().unwrap());
    let other = Copy::new(|| {
        let [mine, leased] =
            descriptors.map(|descriptor| PlainQueue::<u64>::attach(descriptor).unwrap());
        let item = mine.lease().unwrap();
        leased.put(*item).unwrap();
        std::mem::forget(item);
        forever();
    });
    assert_eq!(leased.get().unwrap(), 7);
    let waited = with_descriptors(0, || queue.get_timeout(Duration::from_millis(5)));
    assert_eq!(waited, Err(GetError::Empty));
    other.kill();
    // Its number is nobody's any more, which can be seen without opening anything.
    assert_eq!(with_descriptors(0, || queue.get_timeout(Duration::from_secs(20))), Ok(7));
}
