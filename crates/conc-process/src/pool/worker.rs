//! What a worker does: wait for an entry, run it, show its outcome.

use super::desk::{Desk, Tools};
use super::failure::Failure;
use super::post;
use super::ring::{ENTRIES, Ring, Shape, Slot, Take};
use super::routine::{Founding, Work};
use crate::sys::{bell, clock, files};
use conc_core::courier::Keepsake;
use conc_core::sys::futex::Scope;
use conc_core::wait::Patience;
use conc_core::{JoinError, PortableFd};
use serde::{Deserialize, Serialize};
use std::any::Any;
use std::os::fd::{AsFd, OwnedFd};

/// What a worker gets to know at its birth.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Briefing {
    pub(super) ring: PortableFd,
    pub(super) bell: PortableFd,
    pub(super) post: PortableFd,
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
    let Briefing { ring, bell, post, founding } = briefing;
    let ring = match Ring::attach(ring.into()) {
        Ok(ring) => ring,
        Err(error) => return Farewell::Unprepared(error.to_string()),
    };
    let state = match founding.map(Founded::run) {
        None => Box::new(()) as Box<dyn Any>,
        Some(Ok(state)) => state,
        Some(Err(failure)) => return Farewell::Unfounded(failure),
    };
    let tools = Tools { results: Ring::results(), post: post.into(), scratch: Vec::new(), state };
    let mut worker = Worker { ring: &ring, tools, bell: bell.into(), kept: Vec::new(), next: 0 };
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
    tools: Tools,
    bell: OwnedFd,
    /// By place in the ring: kept until the parent has read the result, which it has when it uses
    /// the place again.
    kept: Vec<Vec<Keepsake>>,
    /// The entry to be taken next.
    next: u64,
}

impl Worker<'_> {
    fn run(&mut self) {
        let mut patience = Patience::new();
        loop {
            match self.ring.slot(self.next).claim.take(self.next) {
                Take::Taken => {
                    self.run_entry();
                    self.next += 1;
                    patience.reset();
                }
                Take::Skip => self.next += 1,
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
        self.release_kept(number);
        let (input, descriptors, work) = {
            let slot = self.ring.slot(number);
            slot.started.set(clock::monotonic_nanos());
            let work = Work::at((slot.entry.get(), slot.function.get()));
            let (input, descriptors) = self.input(number, slot);
            (input, descriptors, work)
        };
        let (at, len) = match &input {
            Ok(Input::InRing(at, len)) => (*at, *len),
            _ => (0, 0),
        };
        let ring = self.ring;
        let bytes = match &input {
            Ok(Input::InFile(bytes)) => bytes.as_slice(),
            // SAFETY: the argument of the entry that this worker runs; the parent only reads it.
            _ => unsafe { ring.bytes(at, len) }.unwrap_or_default(),
        };
        let mut desk = Desk::new(ring, &mut self.tools, number, bytes, descriptors);
        let found = match &input {
            Ok(_) => work.run(&mut desk).then_some(()).ok_or("no such function"),
            Err(message) => Err(*message),
        };
        if let Err(message) = found {
            desk.refuse(&JoinError::NotDecoded { message: message.into() });
        }
        let keepsakes = desk.finish();
        self.keep(number, keepsakes);
        ring.slot(number).claim.finish(number);
        self.ring_bell();
    }

    /// Where the argument is, and the descriptors that are in it.
    fn input(&self, number: u64, slot: &Slot) -> (Result<Input, &'static str>, Vec<OwnedFd>) {
        let shape = Shape::decode(slot.shape.get());
        let place = Input::InRing(slot.argument_at.get(), slot.argument_len.get());
        if !shape.has_post() {
            return (Ok(place), Vec::new());
        }
        match post::receive(self.tools.post.as_fd(), number) {
            Err(message) => (Err(message), Vec::new()),
            Ok(descriptors) if !shape.is_in_file => (Ok(place), descriptors),
            Ok(mut descriptors) => {
                if descriptors.is_empty() {
                    return (Err("its file has not arrived"), descriptors);
                }
                let rest = descriptors.split_off(1);
                let file = descriptors.pop().map(files::read_memory);
                match file {
                    Some(Ok(bytes)) => (Ok(Input::InFile(bytes)), rest),
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

/// Where an argument is.
enum Input {
    /// Where in the content, and how long.
    InRing(u64, u64),
    InFile(Vec<u8>),
}
