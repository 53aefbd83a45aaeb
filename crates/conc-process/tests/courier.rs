//! Descriptors that travel inside values: arguments, results, all or nothing, and none left over.

#![cfg(feature = "auto-init")]

use conc_core::courier::{pack, unpack};
use conc_core::{Executor, JoinError, PortableFd, SubmitError, Wire};
use conc_process::{Builder, Process, ProcessExecutor, SpawnError, StartMethod};
use conc_tests::watchdog;
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fs::File;
use std::io::{IoSlice, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::parent_id;
use std::sync::Arc;

/// More than an order or a frame holds.
const LARGE: usize = 100_000;

fn streams() -> (UnixStream, PortableFd) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (ours, PortableFd::new(theirs))
}

/// All that is written, up to the moment when nobody has the other end any more.
fn read_all(mut from: impl Read) -> String {
    let mut text = String::new();
    from.read_to_string(&mut text).unwrap();
    text
}

fn write(to: PortableFd, text: &str) {
    File::from(to).write_all(text.as_bytes()).unwrap();
}

fn seven(_: ()) -> u32 {
    7
}

fn open_files(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

/// Says that a process which has nothing else to do has left nothing open in the end.
struct Clean(usize);

impl Clean {
    fn so_far() -> Self {
        // The server's socket and handle, and the channel for the next process.
        assert_eq!(Process::spawn(seven, ()).unwrap().join(), Ok(7));
        Self(open_files(std::process::id()))
    }
}

impl Drop for Clean {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(Process::spawn(seven, ()).unwrap().join(), Ok(7));
            // The thread that keeps what was on its way, for a while.
            while std::fs::read_dir("/proc/self/task").unwrap().count() > 1 {
                std::thread::yield_now();
            }
            // Handles of the dead that nobody joined are closed when somebody asks.
            while !conc_process::children().is_empty() {
                std::thread::yield_now();
            }
            assert_eq!(open_files(std::process::id()), self.0);
        }
    }
}

/// Runs `work` in a process of its own.
fn alone(work: fn(())) {
    Process::spawn(work, ()).unwrap().join().unwrap();
}

#[test]
fn an_argument_brings_its_descriptor() {
    let _watchdog = watchdog();
    for method in StartMethod::ALL {
        let (ours, theirs) = streams();
        let process = Builder::new().start_method(method);
        let process = process.spawn(|theirs| write(theirs, "from there"), theirs).unwrap();
        assert_eq!(read_all(ours), "from there");
        process.join().unwrap();
    }
}

#[test]
fn a_result_brings_its_descriptor() {
    let _watchdog = watchdog();
    let make = |text: String| {
        let (ours, theirs) = streams();
        write(theirs, &text);
        PortableFd::new(ours)
    };
    for method in StartMethod::ALL {
        let process = Builder::new().start_method(method).spawn(make, "made there".into());
        assert_eq!(read_all(File::from(process.unwrap().join().unwrap())), "made there");
    }
    // SAFETY: the copy needs no lock of anybody's.
    let copy = unsafe { Builder::new().fork(|| make("made in a copy".to_owned())) }.unwrap();
    assert_eq!(read_all(File::from(copy.join().unwrap())), "made in a copy");
}

#[test]
fn many_travel_beside_a_large_value_there_and_back() {
    let _watchdog = watchdog();
    type Load = (Vec<u8>, Vec<PortableFd>, Option<PortableFd>);
    fn turn((mut bytes, descriptors, last): Load) -> Load {
        bytes.reverse();
        (bytes, descriptors.into_iter().rev().collect(), last)
    }
    for method in StartMethod::ALL {
        let (ours, theirs): (Vec<_>, Vec<_>) = (0..10).map(|_| streams()).unzip();
        let mut bytes = vec![1; LARGE];
        bytes[0] = 2;
        let process = Builder::new().start_method(method);
        let process = process.spawn(turn, (bytes, theirs, None)).unwrap();
        let (bytes, theirs, last) = process.join().unwrap();
        assert_eq!((bytes.len(), bytes.last(), last.is_none()), (LARGE, Some(&2), true));
        for (number, theirs) in theirs.into_iter().enumerate() {
            write(theirs, &number.to_string());
        }
        for (number, ours) in ours.into_iter().rev().enumerate() {
            assert_eq!(read_all(ours), number.to_string());
        }
    }
}

/// As many as the kernel takes at once; one more is refused before anything is sent. In a process of
/// its own: with those of other tests there would be more than most may have open.
#[test]
fn so_many_and_no_more() {
    let _watchdog = watchdog();
    fn many(count: u32, size: usize) -> (Vec<PortableFd>, Vec<u8>) {
        let null = File::open("/dev/null").unwrap();
        let copy = |_| PortableFd::new(null.try_clone().unwrap());
        ((0..count).map(copy).collect(), vec![0; size])
    }
    alone(|()| {
        let count = |(descriptors, _): (Vec<PortableFd>, Vec<u8>)| descriptors.len();
        let make = |(count, size)| many(count, size);
        for size in [0, LARGE] {
            assert_eq!(Process::spawn(count, many(253, size)).unwrap().join(), Ok(253));
            let made = Process::spawn(make, (253, size)).unwrap().join().unwrap();
            assert_eq!(made.0.len(), 253);
            drop(made);
            let error = Process::spawn(count, many(254, size)).unwrap_err();
            assert!(
                matches!(&error, SpawnError::NotEncoded { message } if message.contains("253"))
            );
            let error = Process::spawn(make, (254, size)).unwrap().join().unwrap_err();
            assert!(matches!(&error, JoinError::NotEncoded { message } if message.contains("254")));
        }
        let refused = ProcessExecutor::new().submit(count, many(254, 0));
        let Err(SubmitError::NotEncoded { work: (descriptors, _), .. }) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(descriptors.len(), 254, "what was moved in comes back");
    });
}

#[test]
fn jobs_bring_theirs() {
    let _watchdog = watchdog();
    let executor = ProcessExecutor::new();
    let (ours, theirs) = streams();
    let job = executor.submit(|theirs: PortableFd| theirs, theirs).unwrap();
    write(job.join().unwrap(), "there and back");
    assert_eq!(read_all(ours), "there and back");
    let (ours, theirs): (Vec<_>, Vec<_>) = (0..3_u32).map(|_| streams()).unzip();
    let results = executor.starmap(|n: u32, to| write(to, &n.to_string()), (0..).zip(theirs));
    assert!(results.into_iter().all(|result| result.is_ok()));
    assert_eq!(ours.into_iter().map(read_all).collect::<String>(), "012");
}

/// The other end is closed when the last one has vanished that was on its way.
#[test]
fn whoever_dies_first_leaves_none() {
    let _watchdog = watchdog();
    alone(|()| {
        let _clean = Clean::so_far();
        /// Never decoded: tells that it is about to be, and waits.
        struct Stuck(PortableFd);
        impl Serialize for Stuck {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.0.serialize(serializer)
            }
        }
        impl<'de> Deserialize<'de> for Stuck {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let descriptor = PortableFd::deserialize(deserializer)?;
                File::from(descriptor).write_all(b"!").unwrap();
                loop {
                    std::thread::park();
                }
            }
        }
        for method in StartMethod::ALL {
            // While it decodes.
            let (mut ours, theirs) = streams();
            let process = Builder::new().start_method(method);
            let process = process.spawn(|_: Stuck| (), Stuck(theirs)).unwrap();
            ours.read_exact(&mut [0]).unwrap();
            process.kill().unwrap();
            assert!(matches!(process.join(), Err(JoinError::Killed { .. })));
            assert_eq!(read_all(ours), "");
            // At whatever moment.
            let (ours, theirs) = streams();
            let process = Builder::new().start_method(method).spawn(|_: PortableFd| (), theirs);
            process.unwrap().kill().unwrap();
            assert_eq!(read_all(ours), "");
        }
        // The server, before it has read the order: it is stopped, and killed by a helper.
        let server = Process::spawn(|()| parent_id(), ()).unwrap().join().unwrap() as i32;
        // SAFETY: the calls take numbers only.
        unsafe { libc::kill(server, libc::SIGSTOP) };
        let (ours, theirs) = streams();
        let spawning = std::thread::spawn(|| Process::spawn(|_: PortableFd| (), theirs));
        // The order is on its way when it waits in the server's socket; a kill before is as good.
        // SAFETY: as above.
        unsafe { libc::kill(server, libc::SIGKILL) };
        match spawning.join().unwrap() {
            // The server was dead before the order was sent: another one has made the process.
            Ok(process) => process.join().unwrap(),
            Err(SpawnError::ServerDied) => {}
            Err(error) => panic!("{error}"),
        }
        assert_eq!(read_all(ours), "");
        assert_eq!(Process::spawn(seven, ()).unwrap().join(), Ok(7));
    });
}

/// A server that has died before the order is sent: the next one finds all of it.
#[test]
fn they_travel_once_more_with_the_next_server() {
    let _watchdog = watchdog();
    alone(|()| {
        let _clean = Clean::so_far();
        for _ in 0..10 {
            let server = Process::spawn(|()| parent_id(), ()).unwrap().join().unwrap() as i32;
            // SAFETY: the call takes numbers only.
            unsafe { libc::kill(server, libc::SIGKILL) };
            let (ours, theirs) = streams();
            match Process::spawn(|theirs| write(theirs, "at last"), theirs) {
                Ok(process) => {
                    assert_eq!(read_all(ours), "at last");
                    process.join().unwrap();
                }
                // It took the order with it.
                Err(SpawnError::ServerDied) => assert_eq!(read_all(ours), ""),
                Err(error) => panic!("{error}"),
            }
        }
    });
}

#[test]
fn a_process_that_nobody_holds_gets_them() {
    let _watchdog = watchdog();
    for _ in 0..20 {
        let (ours, theirs) = streams();
        let process = Builder::new().detached().spawn(|theirs| write(theirs, "alone"), theirs);
        drop(process.unwrap());
        assert_eq!(read_all(ours), "alone");
    }
}

/// What cannot be decoded, there or here, is closed; and so is what nobody asked for.
#[test]
fn what_is_not_unpacked_is_closed() {
    let _watchdog = watchdog();
    /// Packs two and unpacks one, if it can be decoded at all.
    struct Wasteful(PortableFd, bool);
    impl Serialize for Wasteful {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            pack(self.0.as_fd(), None).ok_or_else(|| S::Error::custom("nobody carries it"))?;
            (&self.0, self.1).serialize(serializer)
        }
    }
    impl<'de> Deserialize<'de> for Wasteful {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let (descriptor, decodes) = <(_, bool)>::deserialize(deserializer)?;
            let fails = || D::Error::custom("on purpose");
            decodes.then_some(Self(descriptor, true)).ok_or_else(fails)
        }
    }
    alone(|()| {
        let _clean = Clean::so_far();
        for decodes in [true, false] {
            let (ours, theirs) = streams();
            let await_end = |(stuck, stay): (Wasteful, PortableFd)| {
                drop(stuck);
                // The process goes on, and has none of them.
                let _ = File::from(stay).read(&mut [0]);
            };
            let (stay, theirs_to_stay) = streams();
            let argument = (Wasteful(theirs, decodes), theirs_to_stay);
            let process = Process::spawn(await_end, argument).unwrap();
            assert_eq!(read_all(ours), "");
            drop(stay);
            let outcome = process.join();
            assert_eq!(outcome.is_ok(), decodes, "{outcome:?}");
            assert!(decodes || matches!(outcome, Err(JoinError::NotDecoded { .. })));

            let make = |(theirs, decodes)| Wasteful(theirs, decodes);
            let (ours, theirs) = streams();
            let outcome = Process::spawn(make, (theirs, decodes)).unwrap().join();
            assert_eq!(outcome.is_ok(), decodes);
            drop(outcome);
            assert_eq!(read_all(ours), "");
        }
    });
}

#[test]
fn a_spawn_that_is_refused_leaves_none() {
    let _watchdog = watchdog();
    alone(|()| {
        let _clean = Clean::so_far();
        let many = (0..100)
            .fold(Builder::new(), |builder, _| builder.pass(File::open("/dev/null").unwrap()));
        let kept = Arc::new(());
        let (ours, theirs) = streams();
        let refused = many.spawn(|_: Ticket| (), Ticket::new(theirs, &kept));
        assert!(matches!(refused, Err(SpawnError::System { .. })));
        assert_eq!(read_all(ours), "");
        await_dropped(&kept);
    });
}

#[test]
fn when_descriptors_run_out_it_is_said_which() {
    let _watchdog = watchdog();
    fn starving(_: ()) {
        assert_eq!(Process::spawn(seven, ()).unwrap().join(), Ok(7));
        let (ours, theirs) = streams();
        // No more than somebody has left to us.
        let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        let set = |soft| {
            let limit = libc::rlimit { rlim_cur: soft, rlim_max: most.min(1024) };
            // SAFETY: the limit outlives the call.
            assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
        };
        set(1);
        match Process::spawn(|_: PortableFd| (), theirs) {
            Err(SpawnError::NotEncoded { message }) => assert!(message.contains("copied")),
            other => panic!("{other:?}"),
        }
        assert_eq!(read_all(ours), "");
        // Nor can the child have more than its limit says.
        set(64);
        let many = |count: u32| {
            let null = PortableFd::new(File::open("/dev/null").unwrap());
            (0..count).map(|_| null.as_fd().try_clone_to_owned().unwrap().into()).collect()
        };
        let process = Process::spawn(|many: Vec<PortableFd>| many.len(), many(20)).unwrap();
        assert_eq!(process.join(), Ok(20));
        let there = |count: u32| -> Vec<PortableFd> {
            let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
            let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
            // SAFETY: the limit outlives the call.
            assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
            let null = PortableFd::new(File::open("/dev/null").unwrap());
            (0..count).map(|_| null.as_fd().try_clone_to_owned().unwrap().into()).collect()
        };
        let before = open_files(std::process::id());
        let process = Process::spawn(there, 100).unwrap();
        match process.join() {
            Err(JoinError::NotDecoded { message }) => {
                assert!(message.contains("free"), "{message}")
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(open_files(std::process::id()), before);
    }
    Process::spawn(starving, ()).unwrap().join().unwrap();
}

/// A value whose sender wants to know when it has arrived. It is decoded when it is told to be.
struct Ticket {
    gate: OwnedFd,
    kept: Option<Arc<()>>,
}

impl Ticket {
    fn new(gate: PortableFd, kept: &Arc<()>) -> Self {
        Self { gate: gate.into_inner(), kept: Some(Arc::clone(kept)) }
    }
}

impl Serialize for Ticket {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let keepsake = Box::new(self.kept.clone());
        let place = pack(self.gate.as_fd(), Some(keepsake));
        place.ok_or_else(|| S::Error::custom("nobody carries it"))?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Ticket {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let gate = unpack(u32::deserialize(deserializer)?);
        let gate = gate.ok_or_else(|| D::Error::custom("it did not travel"))?;
        let mut file = File::from(gate);
        file.read_exact(&mut [0]).map_err(D::Error::custom)?;
        Ok(Self { gate: file.into(), kept: None })
    }
}

/// Lives on after its argument is decoded, until it is told to end.
fn stay(ticket: Ticket) {
    assert!(ticket.kept.is_none());
    let _ = File::from(ticket.gate).read(&mut [0]);
}

/// Waits until only we have it; a watchdog watches.
fn await_dropped(kept: &Arc<()>) {
    while Arc::strong_count(kept) > 1 {
        std::thread::yield_now();
    }
}

/// Whoever looks after keepsakes has looked after one that came later.
fn await_another() {
    let kept = Arc::new(());
    let (mut gate, theirs) = streams();
    gate.write_all(b"!").unwrap();
    drop(gate);
    Process::spawn(stay, Ticket::new(theirs, &kept)).unwrap().join().unwrap();
    await_dropped(&kept);
}

/// Whether anybody looks at the process or not.
#[test]
fn a_keepsake_is_kept_until_the_argument_is_decoded() {
    let _watchdog = watchdog();
    alone(|()| {
        let _clean = Clean::so_far();
        for method in StartMethod::ALL {
            let kept = Arc::new(());
            let (mut gate, theirs) = streams();
            let builder = Builder::new().start_method(method);
            let process = builder.spawn(stay, Ticket::new(theirs, &kept)).unwrap();
            await_another();
            assert!(!process.is_finished());
            assert_eq!(Arc::strong_count(&kept), 2);
            gate.write_all(b"!").unwrap();
            await_dropped(&kept);
            assert!(process.is_alive() && !process.is_finished());
            drop(gate);
            process.join().unwrap();
        }
    });
}

#[test]
fn a_keepsake_is_kept_for_a_process_that_nobody_holds() {
    let _watchdog = watchdog();
    let kept = Arc::new(());
    let (mut gate, theirs) = streams();
    drop(Process::spawn(stay, Ticket::new(theirs, &kept)).unwrap());
    await_another();
    assert_eq!(Arc::strong_count(&kept), 2);
    gate.write_all(b"!").unwrap();
    await_dropped(&kept);
    // As a job.
    let (mut gate, theirs) = streams();
    let job = ProcessExecutor::new().submit(stay, Ticket::new(theirs, &kept)).unwrap();
    assert_eq!(Arc::strong_count(&kept), 2);
    gate.write_all(b"!").unwrap();
    await_dropped(&kept);
    assert!(!job.is_finished());
    drop(gate);
    job.join().unwrap();
}

#[test]
fn a_keepsake_is_dropped_when_the_argument_is_lost() {
    let _watchdog = watchdog();
    let kept = Arc::new(());
    let (gate, theirs) = streams();
    let process = Process::spawn(stay, Ticket::new(theirs, &kept)).unwrap();
    process.kill().unwrap();
    // Though nobody looks at the process.
    await_dropped(&kept);
    drop(gate);
    // What cannot be decoded never will be.
    let (gate, theirs) = streams();
    drop(gate);
    let process = Process::spawn(stay, Ticket::new(theirs, &kept)).unwrap();
    assert!(matches!(process.join(), Err(JoinError::NotDecoded { .. })));
    await_dropped(&kept);
}

/// One place is that of the descriptor which tells when the others are unpacked. In a process of its
/// own, as above.
#[test]
fn so_many_tickets_and_no_more() {
    let _watchdog = watchdog();
    alone(|()| {
        let kept = Arc::new(());
        let many = |count| -> Vec<Ticket> {
            let (mut ours, theirs) = streams();
            ours.write_all(&vec![0; count]).unwrap();
            let copy = |_| PortableFd::new(theirs.as_fd().try_clone_to_owned().unwrap());
            (0..count).map(copy).map(|theirs| Ticket::new(theirs, &kept)).collect()
        };
        let count = |tickets: Vec<Ticket>| tickets.len();
        assert_eq!(Process::spawn(count, many(252)).unwrap().join(), Ok(252));
        let error = Process::spawn(count, many(253)).unwrap_err();
        assert!(matches!(&error, SpawnError::NotEncoded { message } if message.contains("252")));
        await_dropped(&kept);
    });
}

/// A child that says what no child says.
#[test]
fn nonsense_about_descriptors_is_refused() {
    let _watchdog = watchdog();
    /// Sends a frame with descriptors: number 10 says that they are in the value that follows.
    fn say(count: usize) {
        let own = vec![3; count];
        let control = [ControlMessage::ScmRights(&own)];
        let control = if count > 0 { &control[..] } else { &[] };
        sendmsg::<()>(3, &[IoSlice::new(&[10])], control, MsgFlags::empty(), None).unwrap();
    }
    /// Asks for places that it has not filled.
    struct Forged(u32);
    impl Serialize for Forged {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_u32(self.0)
        }
    }
    impl<'de> Deserialize<'de> for Forged {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            PortableFd::deserialize(deserializer).map(|_| Self(0))
        }
    }
    fn outcome<A: Wire, R: Wire>(function: fn(A) -> R, argument: A) -> Result<(), JoinError> {
        Process::spawn(function, argument).unwrap().join().map(drop)
    }
    alone(|()| {
        let _clean = Clean::so_far();
        assert_eq!(outcome(|()| (say(0), say(0)), ()), Ok(()));
        assert_eq!(outcome(|()| say(253), ()), Ok(()), "more than the value has");
        let twice = outcome(|()| (say(1), say(2)), ());
        assert!(
            matches!(twice, Err(JoinError::NotDecoded { message }) if message.contains("twice"))
        );
        for place in [0, 1, u32::MAX] {
            let forged = outcome(Forged, place);
            assert!(matches!(forged, Err(JoinError::NotDecoded { .. })));
        }
    });
}
