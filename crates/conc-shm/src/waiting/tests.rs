//! Waiting, with an object that can do nothing else.

use super::{Gone, Host, Presence, Wakers, is_abandoned, looking, wait};
use crate::event::Event;
use crate::members::{Member, Recover};
use crate::segment::{Kind, Layout, Segment};
use conc_core::Deadline;
use conc_core::sync::{AtomicBool, AtomicU32, Mutex, Ordering};
use conc_tests::watchdog;
use nix::sys::signal::{SigSet, Signal};
use std::pin::pin;
use std::sync::{Arc, Weak, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

const KIND: Kind = Kind { name: *b"waiting ", version: 1 };
const LONG: Duration = Duration::from_secs(20);

struct Object {
    segment: Segment,
    wakers: Wakers,
    presence: Presence,
    alone: AtomicBool,
    /// So many sleeps began while it was alone.
    sleeps: AtomicU32,
}

impl Object {
    fn new(recovers: bool) -> Arc<Self> {
        let layout = Layout { recovers, ..Layout::new(KIND, 4096) };
        Arc::new(Self {
            segment: Segment::create(&layout).unwrap(),
            wakers: Wakers::new(),
            presence: Presence::new(),
            alone: AtomicBool::new(false),
            sleeps: AtomicU32::new(0),
        })
    }
}

impl Host for Object {
    type Happening = ();

    fn event(&self, (): ()) -> &Event {
        // SAFETY: the first word of the content, which is mapped as long as `self`; an event is
        // one atomic, for which any bytes are valid.
        unsafe { self.segment.content().cast().as_ref() }
    }

    fn wakers(&self, (): ()) -> &Wakers {
        &self.wakers
    }

    fn segment(&self) -> &Segment {
        &self.segment
    }

    fn presence(&self) -> &Presence {
        &self.presence
    }

    fn announced(&self) {
        // ORDERING: Relaxed. As below.
        if self.alone.load(Ordering::Relaxed) {
            // ORDERING: Relaxed. A count; who counted is joined before it is read.
            self.sleeps.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn is_alone(&self, (): ()) -> bool {
        // ORDERING: Relaxed. Says nothing about other memory.
        let alone = self.alone.load(Ordering::Relaxed);
        // So long may the system calls take.
        thread::park_timeout(Duration::from_millis(10));
        alone
    }
}

/// Remembers which threads recovered, and keeps the watcher busy.
#[derive(Default)]
struct Recorder(Mutex<Vec<String>>);

impl Recover for Recorder {
    fn recover(&self, _: Member) {
        let name = thread::current().name().unwrap_or_default().to_owned();
        let watcher = name == "conc-shm-watch";
        self.0.lock().push(name);
        if watcher {
            thread::park_timeout(Duration::from_secs(1));
        }
    }
}

#[test]
fn sleepers_leave_the_dead_to_the_watcher() {
    let _watchdog = watchdog();
    let object = Object::new(true);
    let recorder = Arc::new(Recorder::default());
    let weak: Weak<Recorder> = Arc::downgrade(&recorder);
    object.segment.on_death(weak);
    object.segment.keep_open();
    object.segment.bury();
    let deadline = Deadline::after(Duration::from_millis(800));
    assert_eq!(wait(&*object, (), deadline, |_| None::<()>), Err(Gone::TimedOut));
    // The thread may have been held up for longer than that.
    while recorder.0.lock().is_empty() {
        thread::yield_now();
    }
    assert_eq!(*recorder.0.lock(), ["conc-shm-watch"]);
}

/// Counted in sleeps, which last as long as they like on a machine that does something else.
#[test]
fn all_who_wait_learn_at_once_that_they_are_alone() {
    let _watchdog = watchdog();
    const WAITERS: u32 = 16;
    let object = Object::new(false);
    object.segment.bury();
    thread::scope(|scope| {
        let waiting: Vec<_> = (0..WAITERS)
            .map(|_| scope.spawn(|| wait(&*object, (), None, |_| None::<()>)))
            .collect();
        thread::park_timeout(Duration::from_millis(100));
        // ORDERING: Relaxed. As above.
        object.alone.store(true, Ordering::Relaxed);
        object.event(()).notify_all_always();
        for waiter in waiting {
            assert_eq!(waiter.join().unwrap(), Err(Gone::Abandoned));
        }
        // Each may be about to sleep, and once be spared the question by an answer from before.
        // One after the other, they would sleep 0 + 1 + 2 + ... times.
        // ORDERING: Relaxed. As above.
        let sleeps = object.sleeps.load(Ordering::Relaxed);
        assert!(sleeps <= 3 * WAITERS, "one after the other: {sleeps} sleeps");
    });
}

#[test]
fn kept_open_is_the_whole_process() {
    let _watchdog = watchdog();
    let object = Object::new(false);
    object.segment.bury();
    // ORDERING: Relaxed. As above.
    object.alone.store(true, Ordering::Relaxed);
    assert!(is_abandoned(&*object, ()));
    let same = Segment::attach(object.segment.try_clone_fd().unwrap(), KIND).unwrap();
    same.keep_open();
    assert!(!is_abandoned(&*object, ()));
}

struct Bad(mpsc::Sender<()>);

impl Wake for Bad {
    fn wake(self: Arc<Self>) {
        self.0.send(()).unwrap();
        panic!("a waker that panics");
    }
}

/// Says whether the thread that wakes takes signals.
struct Good(mpsc::Sender<bool>);

impl Wake for Good {
    fn wake(self: Arc<Self>) {
        let blocked = SigSet::thread_get_mask().unwrap();
        self.0.send(blocked.contains(Signal::SIGUSR1)).unwrap();
    }
}

#[test]
fn a_waker_that_panics_ends_nobody_elses_wait() {
    let _watchdog = watchdog();
    let object = Object::new(false);
    let ((bad, seen), (good, woken)) = (mpsc::channel(), mpsc::channel());
    let (bad, good) = (Waker::from(Arc::new(Bad(bad))), Waker::from(Arc::new(Good(good))));
    let mut first = pin!(looking(&object, (), |_| None::<()>));
    let mut second = pin!(looking(&object, (), |_| None::<()>));
    // By the thread, in one turn, and in the next.
    assert_eq!(first.as_mut().poll_with(&bad), Poll::Pending);
    assert_eq!(second.as_mut().poll_with(&good), Poll::Pending);
    object.event(()).notify_all_always();
    seen.recv_timeout(LONG).unwrap();
    assert!(woken.recv_timeout(LONG).unwrap(), "it takes the signals of the program");
    assert_eq!(second.as_mut().poll_with(&good), Poll::Pending);
    object.event(()).notify_all_always();
    woken.recv_timeout(LONG).unwrap();
    // By whoever has recovered.
    object.segment.keep_open();
    assert_eq!(first.as_mut().poll_with(&bad), Poll::Pending);
    assert_eq!(second.as_mut().poll_with(&good), Poll::Pending);
    object.wakers.nudge();
    woken.recv_timeout(LONG).unwrap();
}

trait PollWith: Future + Sized {
    fn poll_with(self: std::pin::Pin<&mut Self>, waker: &Waker) -> Poll<Self::Output> {
        self.poll(&mut Context::from_waker(waker))
    }
}

impl<F: Future> PollWith for F {}
