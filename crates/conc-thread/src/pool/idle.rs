//! Who sleeps, who searches, and who has to be woken.
//!
//! # Layout
//!
//! ```text
//!    63   62       42 41       21 20        0
//!  ┌─────┬───────────┬───────────┬───────────┐
//!  │ NAP │  called   │ sleepers  │ searching │     one word, and `bell`, where sleepers sleep
//!  └─────┴───────────┴───────────┴───────────┘
//! ```
//!
//! # States
//!
//! A worker without work is *searching* (looks at the queues, awake), or a *sleeper*. A sleeper
//! that has been *called* counts as searching from that moment on, long before it runs: waking up
//! takes tens of microseconds, in which nobody else needs to be called. Calls are anonymous; any
//! sleeper may answer one.
//!
//! `NAP`: one of the sleepers will soon wake by itself and look. A worker that runs out of work
//! while others are awake begins with some naps. Meanwhile a stream of tiny jobs, which the others
//! run as fast as it comes, does not ring for each job that finds all of them running.
//!
//! # Transitions
//!
//! ```text
//!   worker without work                          somebody with new work
//!   ───────────────────                          ──────────────────────
//!   1. searching += 1                            A. put it into a queue
//!   2. look, again and again                     B. fence(SeqCst)
//!   3. found: searching -= 1                     C. searching != 0 or no sleepers? done
//!      was the last, and there is more?             NAP, and no hurry? done
//!      as B to E                                 D. in one step: sleepers -= 1,
//!   4. not found: in one step searching -= 1,       searching += 1, called += 1
//!      sleepers += 1, perhaps NAP; fence         E. ring the bell
//!   5. look once more; found: answer a call if
//!      there is one, else sleepers -= 1; as B to E
//!   6. sleep until called; answer: called -= 1;
//!      on with 2
//!   7. or until the nap is over: clear NAP;
//!      fence(SeqCst); on with 5
//! ```
//!
//! # Invariants
//!
//! 1. *No work is overlooked.* Who brings work and calls nobody saw a searcher that had not yet
//!    left by 3 or 4. If that searcher leaves by 4, its look at 5 comes after its fence, and B came
//!    before it left: it sees the work. If it leaves by 3 and is the last, it asks after a fence of
//!    its own whether there is more, and calls in its turn. If it is not the last, the remaining
//!    searchers stand in for it. A called sleeper is a searcher, and all this holds for it.
//! 2. *A call is answered.* `called` is never more than the threads between 4 and 6; one of these
//!    has the bell's news before it sleeps, or is woken by it. Who leaves at 5 or gives up takes
//!    a call with it if there is one, and then asks whether there is more.
//! 3. *A nap hides nothing for long.* Whoever set `NAP` clears it before it leaves 6, on every
//!    way out, and looks (or, leaving, asks whether there is more) after a fence. Who brought work
//!    and saw `NAP` came before that. The last worker to fall asleep clears it as well, so that an
//!    idle pool is called at once.
//! 4. *The end overtakes no work.* A search ends only if it saw the end, passed the fence of 4, and
//!    then found nothing. Who brings work and after B does not see the end is therefore seen: had
//!    our fence been before B, B's side would have seen the end that we saw.
//! 5. *The end is not slept through.* It is looked for after 4 as well, and rings for everybody.
//!
//! After the schedulers of Go and tokio, which throttle wake-ups in this way.

use conc_core::Deadline;
use conc_core::sync::{AtomicU32, AtomicU64, Ordering, fence};
use conc_core::sys::futex::{self, Scope, Wake};
use conc_core::wait::Patience;
use std::time::Duration;

const SEARCHING_ONE: u64 = 1;
const SLEEPERS_ONE: u64 = 1 << 21;
const CALLED_ONE: u64 = 1 << 42;
const FIELD: u64 = SLEEPERS_ONE - 1;
const NAP: u64 = 1 << 63;

const _: () = assert!(CALLED_ONE == SLEEPERS_ONE * SLEEPERS_ONE, "fields of the same width");
const _: () = assert!(NAP == CALLED_ONE * SLEEPERS_ONE, "the nap stands above the counts");

/// So many pieces of work may wait for workers that are awake while another one naps.
pub(crate) const BACKLOG: usize = 16;
/// A nap may delay a job by so long, beside about as much for waking up.
const NAP_TIME: Duration = Duration::from_micros(100);
/// After so many naps without work a worker sleeps until it is called.
const NAPS: u32 = 4;

/// Who sleeps, who searches, and who has to be woken.
#[derive(Debug)]
pub(crate) struct Idle {
    word: AtomicU64,
    bell: AtomicU32,
}

/// What the word said at one moment.
#[derive(Clone, Copy)]
struct Snapshot(u64);

impl Snapshot {
    const fn searching(self) -> u64 {
        self.0 & FIELD
    }

    const fn sleepers(self) -> u64 {
        (self.0 / SLEEPERS_ONE) & FIELD
    }

    const fn called(self) -> u64 {
        (self.0 / CALLED_ONE) & FIELD
    }

    const fn has_nap(self) -> bool {
        self.0 & NAP != 0
    }
}

/// What a search is about; the queues behind it are the caller's.
pub(crate) trait Search {
    /// What is looked for.
    type Found;

    /// Takes a piece of work, if any is in sight.
    fn find(&self) -> Option<Self::Found>;

    /// How many pieces somebody else could take, about; not 0 if there is any.
    fn more(&self) -> usize;

    /// Whether the search should end without a result.
    fn has_ended(&self) -> bool;

    /// How many workers there are, about.
    fn workers(&self) -> usize;
}

/// How a search ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome<W> {
    /// With a piece of work.
    Found(W),
    /// The search has no more point.
    Ended,
    /// The deadline came while the worker slept.
    TimedOut,
}

/// Why a sleeper woke.
enum Woken {
    /// It answers a call, and counts as searching.
    Called,
    /// The end may have come; it still counts as a sleeper.
    Ended,
    /// So has the time; it still counts as a sleeper.
    TimedOut,
    /// The nap is over; it still counts as a sleeper.
    Rested,
}

impl Idle {
    pub(crate) fn new() -> Self {
        Self { word: AtomicU64::new(0), bell: AtomicU32::new(0) }
    }

    /// Work was put into a queue: makes sure that somebody will look; at once if there is a hurry,
    /// as there is when work piles up beyond [`BACKLOG`].
    ///
    /// Contains a `fence(SeqCst)` between the work and whatever the caller reads next.
    #[inline]
    pub(crate) fn announce(&self, hurry: bool) {
        // ORDERING(idle.dekker): SeqCst. Bring work, then ask for searchers; they leave, then look.
        fence(Ordering::SeqCst);
        let seen = self.load();
        if seen.searching() == 0 && seen.sleepers() != 0 && (hurry || !seen.has_nap()) {
            self.call(seen);
        }
    }

    /// Wakes everybody, for news that is not work.
    pub(crate) fn wake_all(&self) {
        // ORDERING(idle.dekker): SeqCst. The news is out before anybody is woken for it.
        fence(Ordering::SeqCst);
        self.ring(u32::MAX);
    }

    /// Whether a worker is without work at this moment. A hint.
    #[inline]
    pub(crate) fn is_anybody_idle(&self) -> bool {
        self.load().0 != 0
    }

    /// Workers that sleep. A hint.
    pub(crate) fn sleepers(&self) -> usize {
        usize::try_from(self.load().sleepers()).unwrap_or(usize::MAX)
    }

    /// Looks for work: for a moment awake, then asleep until called.
    pub(crate) fn search<S: Search>(
        &self,
        search: &S,
        deadline: Option<Deadline>,
    ) -> Outcome<S::Found> {
        // ORDERING: Relaxed. Only the ways out matter, and they have fences.
        self.word.fetch_add(SEARCHING_ONE, Ordering::Relaxed);
        let mut naps = NAPS;
        loop {
            if let Some(found) = self.search_awake(search) {
                self.leave_searching(search);
                return Outcome::Found(found);
            }
            let mut ended = search.has_ended();
            let mut nap = self.fall_asleep(search, naps > 0);
            loop {
                if let Some(found) = search.find() {
                    self.leave_sleep(search, nap);
                    return Outcome::Found(found);
                }
                if ended {
                    self.leave_sleep(search, nap);
                    return Outcome::Ended;
                }
                match self.sleep(search, deadline, nap) {
                    // Called, or the end may have come: look again after having seen it.
                    Woken::Called => break self.end_nap(nap),
                    Woken::Ended => {
                        self.end_nap(nap);
                        break self.rise();
                    }
                    Woken::TimedOut => {
                        self.leave_sleep(search, nap);
                        return Outcome::TimedOut;
                    }
                    Woken::Rested => {
                        naps -= 1;
                        self.end_nap(nap);
                        ended = search.has_ended();
                        nap = naps > 0 && self.begin_nap(search);
                        // ORDERING(idle.dekker): SeqCst. End the nap, then look; who relied on it
                        // brought work before.
                        fence(Ordering::SeqCst);
                    }
                }
            }
        }
    }

    fn search_awake<S: Search>(&self, search: &S) -> Option<S::Found> {
        let mut patience = Patience::new();
        loop {
            let found = search.find();
            if found.is_some() || search.has_ended() || !patience.pause() {
                return found;
            }
        }
    }

    fn load(&self) -> Snapshot {
        // ORDERING: Relaxed. A fence before it, or the exchange after it, orders what matters.
        Snapshot(self.word.load(Ordering::Relaxed))
    }

    /// Calls one sleeper, unless somebody searches meanwhile.
    #[cold]
    fn call(&self, mut seen: Snapshot) {
        while seen.searching() == 0 && seen.sleepers() != 0 {
            match self.change(seen, seen.0 - SLEEPERS_ONE + SEARCHING_ONE + CALLED_ONE) {
                Ok(()) => return self.ring(1),
                Err(now) => seen = now,
            }
        }
    }

    fn ring(&self, count: u32) {
        // ORDERING(idle.bell): Release. Who hears the bell sees the call, and the work behind it.
        self.bell.fetch_add(1, Ordering::Release);
        futex::wake(&raw const self.bell, count, Scope::Private);
    }

    /// From searching to sleeping; whether it begins with a nap.
    fn fall_asleep<S: Search>(&self, search: &S, nap: bool) -> bool {
        let mut seen = self.load();
        let nap = loop {
            let mut asleep = Snapshot(seen.0 + SLEEPERS_ONE - SEARCHING_ONE);
            let is_last = asleep.sleepers() >= search.workers() as u64;
            let naps = nap && !is_last && !seen.has_nap();
            if naps {
                asleep.0 |= NAP;
            } else if is_last {
                asleep.0 &= !NAP;
            }
            match self.change(seen, asleep.0) {
                Ok(()) => break naps,
                Err(now) => seen = now,
            }
        };
        // ORDERING(idle.dekker): SeqCst. Leave, then look; who brings work asks for us after.
        fence(Ordering::SeqCst);
        nap
    }

    /// Another nap, if others are awake and nobody else naps.
    fn begin_nap<S: Search>(&self, search: &S) -> bool {
        let mut seen = self.load();
        while seen.sleepers() < search.workers() as u64 && !seen.has_nap() {
            match self.change(seen, seen.0 | NAP) {
                Ok(()) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }

    /// Wherever the one who naps goes next, it or somebody else will look.
    fn end_nap(&self, nap: bool) {
        if nap {
            // ORDERING: Relaxed. A fence follows on every way to the next look.
            self.word.fetch_and(!NAP, Ordering::Relaxed);
        }
    }

    /// Sleeps until there is a reason to wake.
    fn sleep<S: Search>(&self, search: &S, deadline: Option<Deadline>, nap: bool) -> Woken {
        let nap_ends = if nap { Deadline::after(NAP_TIME) } else { None };
        let first = nap_ends.into_iter().chain(deadline).min();
        loop {
            // ORDERING(idle.bell): Acquire. A bell that has rung shows the call that it rang for.
            let bell = self.bell.load(Ordering::Acquire);
            if self.answer_call() {
                return Woken::Called;
            }
            if search.has_ended() {
                return Woken::Ended;
            }
            if futex::wait(&self.bell, bell, first, Scope::Private) == Wake::TimedOut {
                let nap_is_over = nap && first == nap_ends;
                return if nap_is_over { Woken::Rested } else { Woken::TimedOut };
            }
        }
    }

    /// Answers a call, if there is one: from sleeping to searching, as the caller has counted.
    fn answer_call(&self) -> bool {
        let mut seen = self.load();
        while seen.called() != 0 {
            match self.change(seen, seen.0 - CALLED_ONE) {
                Ok(()) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }

    /// From sleeping to searching, without a call or with one.
    fn rise(&self) {
        let mut seen = self.load();
        loop {
            let risen = if seen.called() != 0 {
                seen.0 - CALLED_ONE
            } else {
                seen.0 - SLEEPERS_ONE + SEARCHING_ONE
            };
            match self.change(seen, risen) {
                Ok(()) => return,
                Err(now) => seen = now,
            }
        }
    }

    /// From sleeping to away. A call goes with us; what it was for may still lie there.
    fn leave_sleep<S: Search>(&self, search: &S, nap: bool) {
        self.end_nap(nap);
        self.rise();
        self.leave_searching(search);
    }

    /// From searching to away. The last to leave looks after those who did not call because of it.
    fn leave_searching<S: Search>(&self, search: &S) {
        // ORDERING(idle.stand_in): AcqRel. Whoever leaves last sees what those before have moved.
        let before = Snapshot(self.word.fetch_sub(SEARCHING_ONE, Ordering::AcqRel));
        if before.searching() == 1 {
            // ORDERING(idle.dekker): SeqCst. Leave, then look; who brings work asks for us after.
            fence(Ordering::SeqCst);
            let seen = self.load();
            if seen.sleepers() != 0 {
                let more = search.more();
                if more > 0 && (more > BACKLOG || !seen.has_nap()) {
                    self.call(seen);
                }
            }
        }
    }

    fn change(&self, seen: Snapshot, new: u64) -> Result<(), Snapshot> {
        // ORDERING: Relaxed. Counts; the fences and the bell order what they stand for.
        self.word
            .compare_exchange_weak(seen.0, new, Ordering::Relaxed, Ordering::Relaxed)
            .map(drop)
            .map_err(Snapshot)
    }
}
