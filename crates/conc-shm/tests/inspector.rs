//! An inspector sees what is going on, and nobody sees the inspector.
#![cfg(not(conc_loom))]

mod processes;

use conc_shm::MemberState;
use conc_shm::queue::{Builder, GetError, Inspector, PlainQueue, Queue};
use conc_tests::{Program, watchdog};
use nix::sys::signal::{Signal, raise};
use processes::{Channel, Copy, alone, forever};
use std::os::fd::{AsFd, AsRawFd};

fn inspector<T, F>(queue: &Queue<T, F>) -> Inspector {
    Inspector::attach(queue.as_fd().try_clone_to_owned().unwrap()).unwrap()
}

/// A handle of one's own, in a copy of the process that made the queue.
fn anew(queue: &PlainQueue<u64>) -> PlainQueue<u64> {
    PlainQueue::attach(queue.as_fd().try_clone_to_owned().unwrap()).unwrap()
}

#[test]
fn one_holds_a_lease_and_one_is_stopped() {
    let _watchdog = watchdog();
    if !alone(one_holds_a_lease_and_one_is_stopped) {
        return;
    }
    let queue: PlainQueue<u64> = PlainQueue::bounded(5).unwrap();
    queue.put_many(1..=3).unwrap();
    queue.lease().unwrap().nack();
    let ready = Channel::new();
    let holder = Copy::new(|| {
        let queue = anew(&queue);
        let _lease = queue.lease().unwrap();
        ready.say(&());
        forever();
    });
    ready.hear::<()>();
    let writer = Copy::new(|| {
        let queue = anew(&queue);
        let _loan = queue.loan().unwrap();
        raise(Signal::SIGSTOP).unwrap();
        forever();
    });
    writer.wait_stopped();

    let inspector = inspector(&queue);
    let now = inspector.snapshot();
    assert_eq!(inspector.id(), queue.id());
    assert_eq!((now.capacity, now.waiting, now.dead_letters, now.used()), (5, 2, 0, 4));
    assert_eq!((now.tail, now.head, now.lost, now.is_closed), (4, 1, 0, false));

    assert_eq!((now.leases.len(), now.leases[0].place, now.leases[0].deliveries), (1, 0, 2));
    let seen = now.member(now.leases[0].row).unwrap();
    assert_eq!((seen.pid, seen.state), (holder.pid(), MemberState::Alive));

    assert_eq!((now.writers.len(), now.writers[0].place), (1, 3));
    assert!(!now.writers[0].is_overtaken);
    let seen = now.member(now.writers[0].row).unwrap();
    assert_eq!((seen.pid, seen.state), (writer.pid(), MemberState::Stopped));

    let own = queue.members().iter().find(|info| info.pid == std::process::id()).unwrap();
    let own = now.member(own.member.row).unwrap();
    assert_eq!((own.pid, own.state), (std::process::id(), MemberState::Alive));
    assert_eq!((now.members.len(), now.living()), (3, 3), "the inspector is not among them");

    // A line that goes past the stopped one.
    queue.put(4).unwrap();
    assert_eq!((queue.get(), queue.get(), queue.get()), (Ok(2), Ok(3), Ok(4)));
    let later = inspector.snapshot();
    assert!(later.writers[0].is_overtaken);
    assert_eq!((later.puts_since(&now), later.gets_since(&now)), (1, 4), "one place was empty");

    // The dead are shown as such until somebody has recovered them. Nobody sleeps here, so nobody
    // does.
    holder.kill();
    let dead = inspector.snapshot();
    let seen = dead.member(dead.leases[0].row).unwrap();
    assert_eq!((seen.state, dead.living()), (MemberState::Dead, 2));
    assert_eq!(queue.recover(), 1);
    let recovered = inspector.snapshot();
    assert_eq!((recovered.waiting, recovered.leases.len(), recovered.members.len()), (1, 0, 2));
    queue.close();
    assert!(inspector.snapshot().is_closed);
}

#[test]
fn nobody_waits_for_an_inspector() {
    let _watchdog = watchdog();
    if !alone(nobody_waits_for_an_inspector) {
        return;
    }
    let queue: PlainQueue<u64> = PlainQueue::bounded(2).unwrap();
    let (ready, done) = (Channel::new(), Channel::new());
    let looks = Copy::new(|| {
        // This process looks, and is no member: only the other one below ever was.
        let inspector = inspector(&queue);
        ready.say(&());
        done.hear::<()>();
        assert_eq!(inspector.snapshot().living(), 1);
    });
    let member = Copy::new(|| anew(&queue).put(7).unwrap());
    ready.hear::<()>();
    assert_eq!(queue.get(), Ok(7));
    assert_eq!(queue.get(), Err(GetError::Abandoned), "though somebody looks");
    member.join();
    done.say(&());
    looks.join();
}

#[test]
fn a_queue_of_any_type_and_nothing_else() {
    let _watchdog = watchdog();
    let name = format!("conc-test-inspector-{}", std::process::id());
    let queue: Queue<(String, Vec<u8>)> = Builder::new(3).name(&*name).build().unwrap();
    queue.put(("one".into(), vec![1])).unwrap();
    let named = Inspector::open(&name).unwrap();
    queue.unlink().unwrap();
    assert_eq!((named.snapshot().waiting, named.id()), (1, queue.id()));
    assert_eq!(named.snapshot(), inspector(&queue).snapshot());
    assert!(Inspector::open(&name).is_err());

    let grid = conc_shm::Kind { name: *b"grid    ", version: 1 };
    let segment = conc_shm::Segment::create(&conc_shm::Layout::new(grid, 4096)).unwrap();
    let refused = Inspector::attach(segment.try_clone_fd().unwrap()).unwrap_err();
    assert_eq!(refused.to_string(), "the segment holds grid, version 1 and not queue, version 2");
    let file = std::fs::File::open("/proc/self/exe").unwrap();
    assert!(Inspector::attach(file.into()).is_err());
}

#[test]
fn the_program_shows_it() {
    let _watchdog = watchdog();
    let queue: Queue<u32> = Builder::new(8).max_deliveries(1).build().unwrap();
    queue.put_many(0..5).unwrap();
    queue.lease().unwrap().nack();
    let _lease = queue.lease().unwrap();
    queue.close();
    let (pid, fd) = (std::process::id().to_string(), queue.as_fd().as_raw_fd().to_string());
    let program = || Program::example("inspector").args(["--once", "--pid", &pid]);

    let output = program().args(["--fd", &fd]).run().success();
    let expected = format!(
        "queue {}\n  \
         5 of 8 places in use: 3 waiting, 1 leased, 1 set aside, 0 being written\n  \
         closed\n  \
         row 1: process {pid}, alive\n    \
         works on place 1, delivery 1\n",
        queue.id()
    );
    assert_eq!(output, expected);
    // Other tests of this process may have queues, too.
    assert!(program().run().success().contains(&expected));

    let refused = program().args(["--fd", "0"]).run();
    assert_eq!(refused.code(), Some(1));
    let refused = Program::example("inspector").args(["--once", "no-such-queue"]).run();
    assert!(refused.stderr().contains("there is no segment of the name"), "{refused:?}");
    assert_eq!(Program::example("inspector").run().code(), Some(2));
}
