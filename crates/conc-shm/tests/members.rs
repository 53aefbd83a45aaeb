//! Members: who is there, who has died, what is taken back.

#![cfg(not(conc_loom))]

mod processes;

use conc_shm::{AttachError, Kind, Layout, Member, MemberState, Recover, Segment, Ticket};
use conc_tests::watchdog;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::wait::WaitStatus;
use processes::{Channel, Copy, alone, forever};
use std::collections::HashSet;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak, mpsc};

const KIND: Kind = Kind { name: *b"members ", version: 1 };
const LAYOUT: Layout = Layout { recovers: true, ..Layout::new(KIND, 4096) };
/// Where the table is; bytes of a row.
const TABLE: u64 = 64 << 10;
const ROW: u64 = 64;

/// An object that remembers whom it recovered.
#[derive(Default)]
struct Recorder(Mutex<Vec<Member>>);

impl Recover for Recorder {
    fn recover(&self, dead: Member) {
        self.0.lock().unwrap().push(dead);
    }
}

impl Recorder {
    fn of(segment: &Segment) -> Arc<Self> {
        let recorder = Arc::new(Self::default());
        let weak: Weak<Self> = Arc::downgrade(&recorder);
        segment.on_death(weak);
        recorder
    }

    fn seen(&self) -> Vec<Member> {
        self.0.lock().unwrap().clone()
    }
}

fn segment() -> Segment {
    Segment::create(&LAYOUT).unwrap()
}

fn attach(segment: &Segment) -> Segment {
    Segment::attach(segment.try_clone_fd().unwrap(), KIND).unwrap()
}

/// A process that has attached the segment, and who it is.
fn member(segment: &Segment) -> (Copy, Member) {
    let channel = Channel::new();
    let copy = Copy::new(|| {
        let mine = attach(segment);
        channel.say(&mine.me());
        forever();
    });
    let member = channel.hear();
    (copy, member)
}

fn states(segment: &Segment) -> Vec<MemberState> {
    segment.members().iter().map(|info| info.state).collect()
}

#[test]
fn the_killed_are_recovered_once() {
    let _watchdog = watchdog();
    if !alone(the_killed_are_recovered_once) {
        return;
    }
    let segment = segment();
    let recorder = Recorder::of(&segment);
    let (copy, victim) = member(&segment);
    assert_eq!(segment.recover_dead(), 0);
    assert!(segment.members().others_alive() && segment.members().is_current(victim));
    segment.members().scratch(victim.row, 5).unwrap().store(9, Ordering::Relaxed);
    copy.kill();
    assert_eq!(states(&segment), [MemberState::Alive, MemberState::Dead]);
    assert!(!segment.members().others_alive() && segment.members().is_current(victim));
    assert_eq!((segment.recover_dead(), segment.recover_dead()), (1, 0));
    assert_eq!(recorder.seen(), [victim]);
    assert!(!segment.members().is_current(victim));
    // The row is another's.
    let (_copy, next) = member(&segment);
    assert_eq!(next, Member { row: victim.row, generation: victim.generation + 1 });
    assert_eq!(segment.members().scratch(next.row, 5).unwrap().load(Ordering::Relaxed), 0);
    assert!(!segment.members().is_current(victim) && segment.members().is_current(next));
}

#[test]
fn a_zombie_is_dead() {
    let _watchdog = watchdog();
    if !alone(a_zombie_is_dead) {
        return;
    }
    let segment = segment();
    let _recorder = Recorder::of(&segment);
    let (copy, _) = member(&segment);
    copy.signal(Signal::SIGKILL);
    while segment.recover_dead() == 0 {
        std::thread::yield_now();
    }
    assert!(matches!(copy.wait(), WaitStatus::Signaled(..)));
}

#[test]
fn who_leaves_is_not_recovered() {
    let _watchdog = watchdog();
    if !alone(who_leaves_is_not_recovered) {
        return;
    }
    let segment = segment();
    let recorder = Recorder::of(&segment);
    Copy::new(|| drop(attach(&segment))).join();
    assert!(!segment.members().others_alive() && segment.members().ever_others());
    assert_eq!(segment.recover_dead(), 0);
    // A process that ends without dropping its handle has died.
    Copy::new(|| std::mem::forget(attach(&segment))).join();
    assert_eq!(segment.recover_dead(), 1);
    assert_eq!(recorder.seen(), [Member { row: 2, generation: 1 }]);
}

#[test]
fn the_last_handle_calls_the_hook_once() {
    let _watchdog = watchdog();
    let segment = segment();
    let (me, (said, heard)) = (segment.me(), mpsc::channel());
    let other = attach(&segment);
    other.members().scratch(me.row, 0).unwrap().store(3, Ordering::Relaxed);
    assert!(segment.on_leave(Box::new(move |leaving| {
        let count = leaving.scratch(0).unwrap().load(Ordering::Relaxed);
        said.send((leaving.me(), leaving.content().addr(), count)).unwrap();
    })));
    assert!(!other.on_leave(Box::new(|_| unreachable!("there is one"))));
    let content = segment.content().addr();
    drop(segment);
    assert!(heard.try_recv().is_err());
    drop(other);
    assert_eq!(heard.recv().unwrap(), (me, content, 3));
    assert!(heard.recv().is_err());
}

#[test]
fn the_stopped_are_never_dead() {
    let _watchdog = watchdog();
    if !alone(the_stopped_are_never_dead) {
        return;
    }
    let segment = segment();
    let _recorder = Recorder::of(&segment);
    let (copy, _) = member(&segment);
    copy.signal(Signal::SIGSTOP);
    copy.wait_stopped();
    for _ in 0..100 {
        assert_eq!(segment.recover_dead(), 0);
    }
    assert!(segment.members().others_alive());
    assert_eq!(states(&segment), [MemberState::Alive, MemberState::Stopped]);
    copy.signal(Signal::SIGCONT);
    copy.kill();
    assert_eq!(segment.recover_dead(), 1);
}

#[test]
fn another_process_with_the_same_number_is_another() {
    let _watchdog = watchdog();
    if !alone(another_process_with_the_same_number_is_another) {
        return;
    }
    let segment = segment();
    let recorder = Recorder::of(&segment);
    let (_copy, victim) = member(&segment);
    // As if the member had begun one tick earlier: the number is somebody else's by now.
    let file = File::from(segment.try_clone_fd().unwrap());
    let mut owner = [0; 8];
    file.read_exact_at(&mut owner, TABLE + ROW * u64::from(victim.row)).unwrap();
    let earlier = u64::from_ne_bytes(owner) - (1 << 22);
    file.write_all_at(&earlier.to_ne_bytes(), TABLE + ROW * u64::from(victim.row)).unwrap();
    assert!(!segment.members().others_alive());
    assert_eq!(segment.recover_dead(), 1);
    assert_eq!(recorder.seen(), [victim]);
}

#[test]
fn without_the_object_nobody_is_recovered() {
    let _watchdog = watchdog();
    if !alone(without_the_object_nobody_is_recovered) {
        return;
    }
    let segment = segment();
    drop(Recorder::of(&segment));
    member(&segment).0.kill();
    assert_eq!(segment.recover_dead(), 0);
    let _recorder = Recorder::of(&segment);
    assert_eq!(segment.recover_dead(), 1);
    // Plain memory has nothing to be taken back.
    let plain = Segment::create(&Layout { recovers: false, ..LAYOUT }).unwrap();
    member(&plain).0.kill();
    assert_eq!(plain.recover_dead(), 1);
}

/// Kills its process in the middle of a recovery.
struct Suicide;

impl Recover for Suicide {
    fn recover(&self, _dead: Member) {
        nix::sys::signal::raise(Signal::SIGKILL).unwrap();
    }
}

#[test]
fn a_recoverer_dies_in_the_middle_and_another_goes_on() {
    let _watchdog = watchdog();
    if !alone(a_recoverer_dies_in_the_middle_and_another_goes_on) {
        return;
    }
    let segment = segment();
    let (copy, victim) = member(&segment);
    let (go, said) = (Channel::new(), Channel::new());
    let recoverer = Copy::new(|| {
        let mine = attach(&segment);
        let suicide: Arc<dyn Recover> = Arc::new(Suicide);
        mine.on_death(Arc::downgrade(&suicide));
        said.say(&mine.me());
        go.hear::<()>();
        let _ = mine.recover_dead();
        unreachable!("it has recovered");
    });
    let second: Member = said.hear();
    copy.kill();
    go.say(&());
    assert!(matches!(recoverer.wait(), WaitStatus::Signaled(_, Signal::SIGKILL, _)));
    let recorder = Recorder::of(&segment);
    assert_eq!((segment.recover_dead(), segment.recover_dead()), (2, 0));
    assert_eq!(recorder.seen(), [victim, second]);
}

#[test]
fn many_recover_and_one_counts() {
    let _watchdog = watchdog();
    if !alone(many_recover_and_one_counts) {
        return;
    }
    let segment = segment();
    for _ in 0..20 {
        let (copy, _) = member(&segment);
        let (ready, go, said) = (Channel::new(), Channel::new(), Channel::new());
        let survivors: Vec<_> = (0..4)
            .map(|_| {
                Copy::new(|| {
                    let mine = attach(&segment);
                    let _recorder = Recorder::of(&mine);
                    ready.say(&());
                    go.hear::<()>();
                    said.say(&mine.recover_dead());
                })
            })
            .collect();
        survivors.iter().for_each(|_| ready.hear());
        copy.kill();
        survivors.iter().for_each(|_| go.say(&()));
        let counts: usize = survivors.iter().map(|_| said.hear::<usize>()).sum();
        assert_eq!(counts, 1);
        survivors.into_iter().for_each(Copy::join);
    }
}

#[test]
fn a_ticket_counts_until_it_is_used_or_cancelled() {
    let _watchdog = watchdog();
    if !alone(a_ticket_counts_until_it_is_used_or_cancelled) {
        return;
    }
    let segment = segment();
    let _recorder = Recorder::of(&segment);
    let ticket = segment.expect().unwrap();
    assert!(segment.members().others_alive() && !segment.members().ever_others());
    assert_eq!(states(&segment), [MemberState::Alive, MemberState::Expected]);
    assert_eq!(segment.recover_dead(), 0);
    assert!(segment.cancel(ticket) && !segment.cancel(ticket));
    assert!(!segment.members().others_alive());

    let ticket = segment.expect().unwrap();
    let (said, go) = (Channel::new(), Channel::new());
    let copy = Copy::new(|| {
        let fd = segment.try_clone_fd().unwrap();
        let mine = Segment::attach_expected(fd, KIND, ticket).unwrap();
        said.say(&mine.me());
        go.hear::<()>();
    });
    let came: Member = said.hear();
    assert_eq!(came, Member { row: 2, generation: 1 });
    assert!(segment.members().ever_others() && !segment.cancel(ticket));
    // A ticket is good for one; the second gets a row as anybody does.
    let second = Copy::new(|| {
        let fd = segment.try_clone_fd().unwrap();
        let mine = Segment::attach_expected(fd, KIND, ticket).unwrap();
        assert_eq!(mine.me(), Member { row: 3, generation: 0 });
    });
    second.join();
    go.say(&());
    copy.join();
    assert!(!segment.members().others_alive());

    // It comes home.
    let ticket = segment.expect().unwrap();
    let fd = segment.try_clone_fd().unwrap();
    let same = Segment::attach_expected(fd, KIND, ticket).unwrap();
    assert_eq!(same.me(), segment.me());
    assert!(!segment.members().others_alive());
}

#[test]
fn a_ticket_dies_with_its_sender() {
    let _watchdog = watchdog();
    if !alone(a_ticket_dies_with_its_sender) {
        return;
    }
    let segment = segment();
    let _recorder = Recorder::of(&segment);
    let said = Channel::new();
    let sender = Copy::new(|| {
        let mine = attach(&segment);
        said.say(&mine.expect().unwrap());
        forever();
    });
    let ticket: Ticket = said.hear();
    assert_eq!(segment.members().iter().count(), 3);
    sender.kill();
    assert!(!segment.members().others_alive());
    assert_eq!(segment.recover_dead(), 1);
    assert_eq!(states(&segment), [MemberState::Alive]);
    Copy::new(|| {
        let fd = segment.try_clone_fd().unwrap();
        drop(Segment::attach_expected(fd, KIND, ticket).unwrap());
    })
    .join();
}

#[test]
fn the_table_is_full() {
    let _watchdog = watchdog();
    if !alone(the_table_is_full) {
        return;
    }
    let segment = segment();
    let tickets: Vec<_> = (0..1022).map(|_| segment.expect().unwrap()).collect();
    assert!(matches!(segment.expect(), Err(AttachError::TooManyMembers { limit: 1023 })));
    Copy::new(|| {
        let fd = || segment.try_clone_fd().unwrap();
        let error = Segment::attach(fd(), KIND).unwrap_err();
        assert!(matches!(error, AttachError::TooManyMembers { limit: 1023 }));
        // Its place was kept.
        let mine = Segment::attach_expected(fd(), KIND, tickets[700]).unwrap();
        assert_eq!(mine.me(), Member { row: 702, generation: 0 });
    })
    .join();
    assert!(tickets.into_iter().filter(|&ticket| segment.cancel(ticket)).count() == 1021);
    assert_eq!(segment.members().iter().count(), 1);
}

#[test]
fn every_row_is_a_process() {
    let _watchdog = watchdog();
    if !alone(every_row_is_a_process) {
        return;
    }
    let segment = segment();
    let _recorder = Recorder::of(&segment);
    let copies: Vec<_> = (0..200).map(|_| member(&segment)).collect();
    let rows: HashSet<_> = copies.iter().map(|(_, member)| member.row).collect();
    assert_eq!(rows.len(), 200);
    let pids: HashSet<_> = segment.members().iter().map(|info| info.pid).collect();
    assert!(copies.iter().all(|(copy, _)| pids.contains(&copy.pid())));
    drop(copies);
    assert_eq!(segment.recover_dead(), 200);
}

#[test]
fn a_forked_copy_is_inert() {
    let _watchdog = watchdog();
    if !alone(a_forked_copy_is_inert) {
        return;
    }
    let original = segment();
    let recorder = Recorder::of(&original);
    original.watch().unwrap();
    let ticket = original.expect().unwrap();
    let (copy, victim) = member(&original);
    copy.signal(Signal::SIGSTOP);
    copy.wait_stopped();
    let mut handle = Some(original);
    Copy::new(|| {
        let inert = handle.take().unwrap();
        assert!(inert.is_forked());
        assert_eq!(inert.recover_dead(), 0);
        inert.watch().unwrap();
        assert!(!inert.on_leave(Box::new(|_| unreachable!("a copy does not leave"))));
        assert!(!inert.cancel(ticket));
        inert.expect().unwrap_err();
        let mine = attach(&inert);
        assert!(!mine.is_forked() && mine.me() != inert.me());
        let _recorder = Recorder::of(&mine);
        mine.watch().unwrap();
        drop(inert);
        // Its own copy is a copy, too.
        Copy::new(|| assert!(mine.is_forked())).join();
    })
    .join();
    let original = handle.unwrap();
    assert!(!original.is_forked());
    assert!(original.members().is_current(original.me()));
    assert!(original.members().is_current(victim));
    assert!(original.cancel(ticket));
    // The copy did not drop what it had attached when it ended: that is a death for the watcher,
    // and nobody else's.
    assert!(!recorder.seen().contains(&victim));
}

/// Tells somebody else.
struct Teller(mpsc::Sender<Member>);

impl Recover for Teller {
    fn recover(&self, dead: Member) {
        self.0.send(dead).unwrap();
    }
}

#[test]
fn the_watcher_recovers_by_itself() {
    let _watchdog = watchdog();
    if !alone(the_watcher_recovers_by_itself) {
        return;
    }
    let (said, heard) = mpsc::channel();
    let teller = Arc::new(Teller(said));
    let weak: Weak<Teller> = Arc::downgrade(&teller);
    let segments = [segment(), segment()];
    let (early, first) = member(&segments[0]);
    for segment in &segments {
        segment.on_death(weak.clone());
        segment.watch().unwrap();
    }
    early.kill();
    assert_eq!(heard.recv().unwrap(), first);
    // One that it has to find.
    let (late, second) = member(&segments[1]);
    late.kill();
    assert_eq!(heard.recv().unwrap(), second);
    while segments.iter().any(|segment| segment.members().iter().count() > 1) {
        std::thread::yield_now();
    }
    assert!(heard.try_recv().is_err());
}

#[test]
fn the_watcher_waits_for_the_object() {
    let _watchdog = watchdog();
    if !alone(the_watcher_waits_for_the_object) {
        return;
    }
    let segment = segment();
    let (copy, victim) = member(&segment);
    segment.watch().unwrap();
    copy.kill();
    let (said, heard) = mpsc::channel();
    let teller = Arc::new(Teller(said));
    let weak: Weak<Teller> = Arc::downgrade(&teller);
    segment.on_death(weak);
    segment.watch().unwrap();
    assert_eq!(heard.recv().unwrap(), victim);
}

#[test]
fn no_handler_runs_in_the_watcher() {
    let _watchdog = watchdog();
    if !alone(no_handler_runs_in_the_watcher) {
        return;
    }
    let segment = segment();
    let before = SigSet::thread_get_mask().unwrap();
    segment.watch().unwrap();
    assert_eq!(SigSet::thread_get_mask().unwrap(), before);
    let mask = || {
        for task in std::fs::read_dir("/proc/self/task").unwrap() {
            let path = task.unwrap().path();
            let name = std::fs::read_to_string(path.join("comm")).unwrap_or_default();
            if name.trim() == "conc-shm-watch" {
                let status = std::fs::read_to_string(path.join("status")).unwrap();
                let line = status.lines().find_map(|line| line.strip_prefix("SigBlk:"));
                return Some(u64::from_str_radix(line.unwrap().trim(), 16).unwrap());
            }
        }
        None
    };
    let mask = loop {
        // A thread names itself when it begins.
        match mask() {
            Some(mask) => break mask,
            None => std::thread::yield_now(),
        }
    };
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGCHLD, libc::SIGUSR1, libc::SIGALRM] {
        assert_ne!(mask & 1 << (signal - 1), 0, "{signal}");
    }
}

/// Members come, are killed at whatever instruction, leave, send tickets, recover: when all are
/// gone, the table is empty.
#[test]
fn a_storm_leaves_nothing() {
    let _watchdog = watchdog();
    if !alone(a_storm_leaves_nothing) {
        return;
    }
    static RECOVERED: AtomicUsize = AtomicUsize::new(0);
    let segment = segment();
    let recorder = Recorder::of(&segment);
    let began = Channel::new();
    for round in 0..300_u32 {
        // All want it; one may get it.
        let shared = segment.expect().unwrap();
        let copies: Vec<_> = (0..3)
            .map(|_| {
                Copy::new(|| {
                    began.say(&());
                    let fd = segment.try_clone_fd().unwrap();
                    drop(Segment::attach_expected(fd, KIND, shared).unwrap());
                    loop {
                        let mine = attach(&segment);
                        let _recorder = Recorder::of(&mine);
                        let ticket = mine.expect().unwrap();
                        let _ = mine.recover_dead();
                        mine.cancel(ticket);
                    }
                })
            })
            .collect();
        copies.iter().for_each(|_| began.hear());
        for _ in 0..round % 64 {
            std::hint::black_box(segment.members().others_alive());
        }
        segment.cancel(shared);
        copies.into_iter().for_each(Copy::kill);
        RECOVERED.fetch_add(segment.recover_dead(), Ordering::Relaxed);
        assert_eq!(segment.members().iter().count(), 1, "round {round}");
        assert!(!segment.members().others_alive());
    }
    assert!(recorder.seen().len() >= RECOVERED.load(Ordering::Relaxed));
    // No row is lost, either.
    let tickets: Vec<_> = (0..1022).map(|_| segment.expect().unwrap()).collect();
    tickets.into_iter().for_each(|ticket| assert!(segment.cancel(ticket)));
}

/// All rows are those of the dead, and nobody is left who could free them.
#[test]
fn who_comes_last_takes_the_place_of_a_dead_one() {
    let _watchdog = watchdog();
    if !alone(who_comes_last_takes_the_place_of_a_dead_one) {
        return;
    }
    for recovers in [true, false] {
        let segment = Segment::create(&Layout { recovers, ..LAYOUT }).unwrap();
        for _ in 0..1022 {
            Copy::new(|| std::mem::forget(attach(&segment))).join();
        }
        Copy::new(|| {
            // Gone before the object could recover anything: the row stays the dead one's.
            drop(attach(&segment));
            let mine = attach(&segment);
            let me = mine.me();
            let before = Member { generation: me.generation - 1, ..me };
            assert_eq!(mine.members().is_current(before), recovers);
            assert_eq!(mine.members().is_current(me), !recovers);
            let word = mine.members().scratch(me.row, 1).unwrap();
            word.store(recovers.into(), Ordering::Relaxed);
            let recorder = Recorder::of(&mine);
            assert_eq!(recorder.seen(), if recovers { vec![before] } else { vec![] });
            assert!(mine.members().is_current(me) && !mine.members().is_current(before));
            assert_eq!(word.load(Ordering::Relaxed), 0);
            assert_eq!(mine.recover_dead(), 1021);
            assert!(mine.members().is_current(me));
        })
        .join();
    }
}
