//! An operation, what is there before it, and what must be there after it.

use super::Victim;
use super::image::{Film, Image};
use super::victim::Step;
use conc_shm::queue::{Form, Queue};
use std::os::fd::AsFd;
use std::time::Instant;

/// Where the victim was let down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Moment {
    /// It had taken so many steps.
    pub(crate) steps: usize,
    /// It had done what it had to.
    pub(crate) done: bool,
    /// It slept once, and was woken.
    pub(crate) woken: bool,
}

/// What becomes of a victim that stood still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It does the rest.
    GoesOn,
    /// It is killed where it stands.
    Dies,
}

/// An operation of a victim on a queue of survivors.
pub(crate) struct Scene<T, F, P> {
    name: &'static str,
    begin: Box<dyn Fn() -> Queue<T, F>>,
    prepare: P,
    wake: Option<Wake<T, F>>,
    judge: Judge<T, F>,
}

/// Who has not fallen asleep after so many steps never will: it takes them so slowly, on a machine
/// with much else to do, that a sleep is over before it begins. It is woken all the same.
const SLEEPLESS: usize = 40_000;

type Wake<T, F> = Box<dyn Fn(&Queue<T, F>)>;
type Judge<T, F> = Box<dyn Fn(&Queue<T, F>, Moment) -> bool>;

/// This process's own handle of a queue that it inherited.
pub(crate) fn attach<T, F: Form<T>>(queue: &Queue<T, F>) -> Queue<T, F> {
    Queue::attach(queue.as_fd().try_clone_to_owned().unwrap()).unwrap()
}

/// What the victim has is not dropped: leaving is a scene of its own.
pub(crate) fn keep<H>(handle: H) {
    std::mem::forget(handle);
}

impl<T, F, P, O, A> Scene<T, F, P>
where
    F: Form<T>,
    P: Fn(&Queue<T, F>) -> O,
    O: FnOnce() -> A,
    A: FnOnce(),
{
    /// `begin` makes a queue, with what is in it before. `prepare` is called in the victim with
    /// the survivor's handle, and has to attach the queue for itself: what it returns is the
    /// operation, and what that returns is called when it is over. `judge` looks at what is left
    /// after the recovery: whether the operation took effect.
    pub(crate) fn new(
        name: &'static str,
        begin: impl Fn() -> Queue<T, F> + 'static,
        prepare: P,
        judge: impl Fn(&Queue<T, F>, Moment) -> bool + 'static,
    ) -> Self {
        Self { name, begin: Box::new(begin), prepare, wake: None, judge: Box::new(judge) }
    }

    /// How to wake a victim that sleeps in the middle of its operation.
    pub(crate) fn wake(mut self, wake: impl Fn(&Queue<T, F>) + 'static) -> Self {
        self.wake = Some(Box::new(wake));
        self
    }

    /// Dies after each instruction, as far as survivors can see.
    pub(crate) fn images(&self) {
        let started = Instant::now();
        let queue = (self.begin)();
        // SAFETY: its bytes are only looked at, while nobody runs.
        let film = Film::new(unsafe { queue.segment() });
        let Some(mut victim) = self.victim(&queue) else { return };
        let mut images: Vec<(Image, Moment)> = Vec::new();
        let mut moment = Moment::default();
        while {
            let image = film.image();
            let new = images.last().is_none_or(|(last, seen)| {
                *last != image || (seen.done, seen.woken) != (moment.done, moment.woken)
            });
            if new {
                images.push((image, moment));
            }
            !moment.done
        } {
            self.step(&queue, &mut victim, &mut moment);
        }
        victim.kill();
        let mut effect = false;
        let count = images.len();
        for (image, moment) in images {
            film.restore(&image);
            // A handle that has seen nothing of what was later.
            let survivor = attach(&queue);
            effect = self.judged(&survivor, moment, effect);
        }
        let (name, took) = (self.name, started.elapsed());
        let steps = moment.steps;
        println!("{name}: {steps} instructions, {count} images, each judged, {took:.1?}");
    }

    /// Is killed after every `stride`-th instruction, each time on the queue as it was in the
    /// beginning, which makes all runs the same.
    pub(crate) fn kills(&self, stride: usize) {
        let started = Instant::now();
        let (mut kills, mut effect) = (0, false);
        let done = self.each(stride, |queue, victim, moment| {
            victim.kill();
            kills += 1;
            effect = self.judged(queue, moment, effect);
        });
        if done {
            let (name, took) = (self.name, started.elapsed());
            println!("{name}: {kills} kills, at every {stride}. instruction, {took:.1?}");
        }
    }

    /// Stands still after every `stride`-th instruction, while `go_on` does what survivors do;
    /// then meets its fate. `judge` looks at what is left.
    pub(crate) fn stops<R>(
        &self,
        stride: usize,
        fate: Fate,
        go_on: impl Fn(&Queue<T, F>) -> R,
        judge: impl Fn(&Queue<T, F>, R),
    ) {
        let started = Instant::now();
        let mut stops = 0;
        let done = self.each(stride, |queue, victim, moment| {
            let place = format!("{}, stopped, {moment:?}", self.name);
            let _named = Named(&place);
            assert_eq!(queue.recover(), 0, "it is not dead");
            let seen = go_on(queue);
            if fate == Fate::GoesOn {
                victim.finish();
            } else {
                victim.kill();
                assert_eq!(queue.recover(), 1, "it is dead");
            }
            stops += 1;
            judge(queue, seen);
        });
        if done {
            let (name, took) = (self.name, started.elapsed());
            println!("{name}: {stops} stops, at every {stride}. instruction, {fate:?}, {took:.1?}");
        }
    }

    /// A victim after 0 instructions, after `stride`, and so on until one is done; `false`: nobody
    /// may be traced here.
    fn each(&self, stride: usize, mut let_down: impl FnMut(&Queue<T, F>, Victim, Moment)) -> bool {
        let queue = (self.begin)();
        // SAFETY: its bytes are only looked at, while nobody runs.
        let film = Film::new(unsafe { queue.segment() });
        let beginning = film.image();
        for steps in (0..).step_by(stride) {
            film.restore(&beginning);
            let survivor = attach(&queue);
            let Some(mut victim) = self.victim(&survivor) else { return false };
            let mut moment = Moment::default();
            while moment.steps < steps && !moment.done {
                self.step(&survivor, &mut victim, &mut moment);
            }
            let_down(&survivor, victim, moment);
            if moment.done {
                break;
            }
        }
        true
    }

    fn victim(&self, queue: &Queue<T, F>) -> Option<Victim> {
        let victim = Victim::new(|| (self.prepare)(queue));
        if victim.is_none() {
            println!("{}: NOT TRIED, ptrace is refused here", self.name);
        }
        victim
    }

    fn step(&self, queue: &Queue<T, F>, victim: &mut Victim, moment: &mut Moment) {
        if let (Some(wake), SLEEPLESS.., false) = (&self.wake, moment.steps, moment.woken) {
            moment.woken = true;
            wake(queue);
        }
        let mut step = victim.step();
        while step == Step::Asleep {
            if !std::mem::replace(&mut moment.woken, true) {
                self.wake.as_ref().expect("it never sleeps")(queue);
            }
            step = victim.wait();
        }
        moment.done = step == Step::Done;
        moment.steps += usize::from(!moment.done);
    }

    /// What survivors find. An operation that took effect, seen later, took effect, too.
    fn judged(&self, queue: &Queue<T, F>, moment: Moment, before: bool) -> bool {
        let place = format!("{}, {moment:?}", self.name);
        let _named = Named(&place);
        queue.recover();
        assert_eq!(queue.recover(), 0, "the dead are recovered once");
        // SAFETY: as above.
        let film = Film::new(unsafe { queue.segment() });
        assert_eq!(film.owned_rows(), [1], "rows that are left");
        let effect = (self.judge)(queue, moment);
        assert!(effect || !before, "it had taken effect");
        assert!(effect || !moment.done, "it is done and has no effect");
        assert!(!effect || moment.steps > 0, "it has an effect and was not begun");
        effect
    }
}

/// Says where a judgement failed.
struct Named<'a>(&'a str);

impl Drop for Named<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("FAILED: {}", self.0);
        }
    }
}
