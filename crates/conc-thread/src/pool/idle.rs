//! Who sleeps, who searches, and who has to be woken.
//!
//! # Layout
//!
//! `searching` counts the workers that look for work at this moment; `event` is where they sleep.
//!
//! # Transitions
//!
//! ```text
//!   worker without work                        somebody with new work
//!   ───────────────────                        ──────────────────────
//!   1. searching += 1                          A. put it into a queue
//!   2. look, again and again                   B. fence(SeqCst)
//!   3. found: searching -= 1                   C. searching != 0? done
//!      was the last, and there is more?        D. wake one sleeper
//!      wake one sleeper (as A to D)
//!   4. not found: searching -= 1
//!   5. announce sleep (fence), look once more
//!   6. sleep
//! ```
//!
//! # Invariants
//!
//! 1. *No work is overlooked.* Who brings work and wakes nobody (C) saw a searcher that had not
//!    yet left (3 or 4). If that searcher leaves by 4, the look at 5 comes after a fence, and B
//!    came before its decrement was written: it sees the work. If it leaves by 3 with other work
//!    and is the last, it asks after a fence of its own whether there is more, and passes the call
//!    on. If it is not the last, one of the remaining searchers stands in for it.
//! 2. At most one sleeper is woken for one piece of work, and none while somebody searches: a
//!    burst of work wakes workers one after the other, each by the last searcher before it.
//! 3. *The end overtakes no work.* A search ends only if it saw the end, passed the fence of 5, and
//!    then found nothing. Who brings work and after B does not see the end is therefore seen: had
//!    our fence been before B, B's side would have seen the end that we saw.
//! 4. *The end is not slept through.* It is looked for after 5 as well, and announced to sleepers.
//!
//! After the schedulers of Go and tokio ("throttled wake-ups").

use conc_core::Deadline;
use conc_core::sync::{AtomicU32, Ordering, fence};
use conc_core::wait::{EventCount, Patience};

/// Who sleeps, who searches, and who has to be woken.
#[derive(Debug)]
pub(crate) struct Idle {
    searching: AtomicU32,
    event: EventCount,
}

/// What a search is about; the queues behind it are the caller's.
pub(crate) trait Search {
    /// What is looked for.
    type Found;

    /// Takes a piece of work, if any is in sight.
    fn find(&self) -> Option<Self::Found>;

    /// Whether there is work that somebody else could take.
    fn is_there_more(&self) -> bool;

    /// Whether the search should end without a result.
    fn has_ended(&self) -> bool;
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

impl Idle {
    pub(crate) fn new() -> Self {
        Self { searching: AtomicU32::new(0), event: EventCount::new() }
    }

    /// Work was put into a queue: makes sure that somebody will look.
    ///
    /// Contains a `fence(SeqCst)` between the work and whatever the caller reads next.
    #[inline]
    pub(crate) fn announce(&self) {
        // ORDERING(idle.dekker): SeqCst. Bring work, then ask for searchers; they leave, then look.
        fence(Ordering::SeqCst);
        // ORDERING: Relaxed. The fence orders it.
        if self.searching.load(Ordering::Relaxed) == 0 {
            self.event.notify_fenced(1);
        }
    }

    /// Wakes everybody, for news that is not work.
    pub(crate) fn wake_all(&self) {
        self.event.notify_all();
    }

    /// Whether a worker is without work at this moment. A hint.
    #[inline]
    pub(crate) fn is_anybody_idle(&self) -> bool {
        // ORDERING: Relaxed. Only a hint.
        self.searching.load(Ordering::Relaxed) != 0 || self.event.sleepers() != 0
    }

    /// Threads that sleep or are about to. A hint.
    pub(crate) fn sleepers(&self) -> usize {
        self.event.sleepers()
    }

    /// Looks for work: for a moment awake, then asleep until it is announced.
    pub(crate) fn search<S: Search>(
        &self,
        search: &S,
        deadline: Option<Deadline>,
    ) -> Outcome<S::Found> {
        loop {
            if let Some(found) = self.search_awake(search) {
                return Outcome::Found(found);
            }
            let ended = search.has_ended();
            let ticket = self.event.prepare();
            if let Some(found) = search.find() {
                drop(ticket);
                // This work may have been announced to nobody but us; the rest of it, too.
                if search.is_there_more() {
                    self.event.notify_one();
                }
                return Outcome::Found(found);
            }
            if ended {
                return Outcome::Ended;
            }
            if search.has_ended() {
                continue; // Since we asked: look once more after having seen it.
            }
            if !ticket.wait(deadline) {
                return Outcome::TimedOut;
            }
        }
    }

    fn search_awake<S: Search>(&self, search: &S) -> Option<S::Found> {
        // ORDERING: Relaxed. Only the way out matters, and it has a fence.
        self.searching.fetch_add(1, Ordering::Relaxed);
        let mut patience = Patience::new();
        let found = loop {
            let found = search.find();
            if found.is_some() || search.has_ended() || !patience.pause() {
                break found;
            }
        };
        // ORDERING: Relaxed. The fence below, or the one in `prepare`, orders it.
        let was_last = self.searching.fetch_sub(1, Ordering::Relaxed) == 1;
        if found.is_some() && was_last {
            // ORDERING(idle.dekker): SeqCst. Leave, then look; who brings work looks for us after.
            fence(Ordering::SeqCst);
            if search.is_there_more() {
                self.event.notify_fenced(1);
            }
        }
        found
    }
}
