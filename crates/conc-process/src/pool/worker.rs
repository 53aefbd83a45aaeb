//! What a worker does: wait for an entry, run it, show its outcome.

use super::desk::{Desk, Tools};
use super::failure::Failure;
use super::post;
use super::ring::{ENTRIES, Ring, Shape, Slot, Take};
use super::routine::{Founding, Work};
use crate::client::Family;
use crate::sys::one_way::OneWayView;
use crate::sys::{bell, clock, files, fork, tree};
use conc_core::courier::Keepsake;
use conc_core::sys::futex::Scope;
use conc_core::wait::Patience;
use conc_core::{JoinError, PortableFd};
use serde::{Deserialize, Serialize};
use std::any::Any;
use std::borrow::Cow;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

/// So long a worker without work gives way to others before it sleeps: to wake it costs whoever
/// submits more than to submit.
const YIELDS: Duration = Duration::from_micros(40);

/// What a worker gets to know at its birth.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Briefing {
    pub(super) ring: PortableFd,
    pub(super) bell: PortableFd,
    pub(super) post: PortableFd,
    /// Where long arguments lie.
    pub(super) store: PortableFd,
    pub(super) founding: Option<Founded>,
}

/// The initializer and its encoded argument.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Founded {
    pub(super) founding: Founding,
    pub(super) bytes: Vec<u8>,
    pub(super) descriptors: Vec<PortableFd>,
}

/// How a worker ended that ended by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Farewell {
    /// It was told to.
    Stopped,
    /// Its initializer failed.
    Unfounded(Failure),
    /// It could not make itself ready.
    Unprepared(String),
}

/// The life of a worker.
pub(super) fn live(briefing: Briefing) -> Farewell {
    // What it starts stays below it as long as it lives, so that it can be found: see `sys::tree`.
    // If the kernel refuses, the group is found alone.
    let _ = fork::adopt_orphans();
    let Briefing { ring, bell, post, store, founding } = briefing;
    let ring = match Ring::attach(ring.into()) {
        Ok(ring) => ring,
        Err(error) => return Farewell::Unprepared(error.to_string()),
    };
    let store = match OneWayView::attach(&store.into()) {
        Ok(store) => store,
        Err(errno) => return Farewell::Unprepared(errno.desc().to_owned()),
    };
    let state = match founding.map(Founded::run) {
        None => Box::new(()) as Box<dyn Any>,
        Some(Ok(state)) => state,
        Some(Err(failure)) => return Farewell::Unfounded(failure),
    };
    let (results, family) = (Ring::results(), Family::own());
    let tools = Tools { results, post: post.into(), state, family };
    let (ring, store, bell) = (&ring, &store, bell.into());
    let mut worker = Worker { ring, store, tools, bell, kept: Vec::new(), next: 0 };
    ring.header().set_ready();
    worker.ring_bell();
    worker.run();
    Farewell::Stopped
}

impl Founded {
    fn run(self) -> Result<Box<dyn Any>, Failure> {
        let descriptors = self.descriptors.into_iter().map(Into::into).collect();
        self.founding.run(&self.bytes, descriptors)
    }
}

struct Worker<'r> {
    ring: &'r Ring,
    store: &'r OneWayView,
    tools: Tools,
    bell: OwnedFd,
    /// By place in the ring: kept until the parent has read the result, which it has when it uses
    /// the place again.
    kept: Vec<Vec<Keepsake>>,
    /// The entry to be taken next.
    next: u64,
}

impl<'r> Worker<'r> {
    fn run(&mut self) {
        let mut patience = Patience::yielding(YIELDS);
        loop {
            match self.ring.slot(self.next).claim.take(self.next) {
                Take::Taken => {
                    self.run_entry();
                    self.next += 1;
                    if self.next % LOOK_FOR_ZOMBIES == 0 && has_many_zombies() {
                        return;
                    }
                    patience.reset();
                }
                Take::Skip => {
                    self.next += 1;
                    // What came by post for it would fill the socket.
                    post::discard_before(self.tools.post.as_fd(), self.next);
                }
                Take::NotYet => {
                    if self.ring.header().is_stopped() {
                        return;
                    }
                    if !patience.pause() {
                        self.sleep();
                        patience.reset();
                    }
                }
            }
        }
    }

    /// Sleeps until there is an entry, or an end.
    fn sleep(&self) {
        post::discard_before(self.tools.post.as_fd(), self.next);
        let (header, slot) = (self.ring.header(), self.ring.slot(self.next));
        header.worker.announce();
        let nothing = slot.claim.stage(self.next) == super::ring::Stage::Ahead;
        if nothing && !header.is_stopped() {
            header.worker.sleep(Scope::Shared);
        }
        header.worker.retract();
    }

    fn run_entry(&mut self) {
        let number = self.next;
        let slot = self.ring.slot(number);
        slot.started.set(clock::monotonic_nanos());
        self.release_kept(number);
        let work = Work::at((slot.entry.get(), slot.function.get()));
        let (input, descriptors) = self.input(number, slot);
        let (bytes, refused) = match &input {
            Ok(bytes) => (&**bytes, None),
            Err(message) => (&[][..], Some(*message)),
        };
        let mut desk = Desk::new(self.ring, &mut self.tools, number, bytes, descriptors);
        let refused = match refused {
            None => (!work.run(&mut desk)).then_some("no such function"),
            refused => refused,
        };
        if let Some(message) = refused {
            desk.refuse(&JoinError::NotDecoded { message: message.into() });
        }
        let keepsakes = desk.finish();
        self.keep(number, keepsakes);
        slot.claim.finish(number);
        self.ring_bell();
    }

    /// The argument, and the descriptors that are in it.
    fn input(&self, number: u64, slot: &Slot) -> (Input<'r>, Vec<OwnedFd>) {
        let shape = Shape::decode(slot.shape.get());
        let (at, len) = (slot.argument_at.get(), slot.argument_len.get());
        let here = || {
            let bytes = if shape.is_stored {
                // SAFETY: the argument of the entry that this worker runs; the parent leaves it
                // alone.
                unsafe { self.store.bytes(at, len) }
            } else {
                // SAFETY: as above.
                unsafe { self.ring.bytes(at, len) }
            };
            bytes.map(Cow::Borrowed).ok_or("its argument lies nowhere")
        };
        if !shape.has_post() {
            return (here(), Vec::new());
        }
        match post::receive(self.tools.post.as_fd(), number) {
            Err(message) => (Err(message), Vec::new()),
            Ok(descriptors) if !shape.is_in_file => (here(), descriptors),
            Ok(mut descriptors) => {
                if descriptors.is_empty() {
                    return (Err("its file has not arrived"), descriptors);
                }
                let rest = descriptors.split_off(1);
                let file = descriptors.pop().map(files::read_memory);
                match file {
                    Some(Ok(bytes)) => (Ok(Cow::Owned(bytes)), rest),
                    _ => (Err("its file cannot be read"), rest),
                }
            }
        }
    }

    /// Drops what was kept for the entry that was in this place before.
    fn release_kept(&mut self, number: u64) {
        if let Some(kept) = self.kept.get_mut((number % ENTRIES) as usize) {
            for keepsake in kept.drain(..) {
                conc_core::job::quietly(move || drop(keepsake));
            }
        }
    }

    fn keep(&mut self, number: u64, keepsakes: Vec<Keepsake>) {
        if keepsakes.is_empty() {
            return;
        }
        if self.kept.is_empty() {
            self.kept.resize_with(ENTRIES as usize, Vec::new);
        }
        if let Some(kept) = self.kept.get_mut((number % ENTRIES) as usize) {
            *kept = keepsakes;
        }
    }

    /// Wakes the parent, if it sleeps.
    fn ring_bell(&self) {
        if self.ring.header().parent.is_to_be_woken() {
            bell::ring(self.bell.as_fd());
        }
    }
}

/// Whether so many children have ended that nobody has waited for that it is better to end, as
/// after [`max_tasks`](super::settings::Settings::max_tasks): the server buries them.
///
/// What a job's child has left behind is adopted, and nobody waits for it. We may not: the kernel
/// does not tell adopted children from the job's own, whose status may be asked for at any time, by
/// a later job or another thread, and is gone when somebody else has had it.
fn has_many_zombies() -> bool {
    fork::has_zombies() && tree::count_zombies(fork::own_pid()) >= MANY_ZOMBIES
}

/// Look for the dead after so many entries.
const LOOK_FOR_ZOMBIES: u64 = 64;
const MANY_ZOMBIES: usize = 256;

/// An encoded argument, or why there is none.
type Input<'r> = Result<Cow<'r, [u8]>, &'static str>;
