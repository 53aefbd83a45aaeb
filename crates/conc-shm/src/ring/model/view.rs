//! The memory of one process: one access at a time, and a store buffer.

use super::world::{Flaw, SLEEPER, World, compact};
use crate::memory::Memory;
use crate::ring::protocol::Fences;
use std::cell::{Cell, RefCell};

/// The process makes no access now: it waits for its turn, or is dead.
#[derive(Debug)]
pub(super) struct Halt;

/// What a process sees: answers that it has heard, then one fresh one.
pub(super) struct View<'a> {
    pub(super) world: RefCell<&'a mut World>,
    pub(super) process: usize,
    pub(super) heard: Vec<u64>,
    pub(super) at: Cell<usize>,
    pub(super) fresh: RefCell<Option<u64>>,
    pub(super) flaw: Option<Flaw>,
}

impl View<'_> {
    pub(super) fn access(
        &self,
        access: impl FnOnce(&mut World, usize) -> u64,
    ) -> Result<u64, Halt> {
        let at = self.at.get();
        self.at.set(at + 1);
        if let Some(&answer) = self.heard.get(at) {
            return Ok(answer);
        }
        if self.fresh.borrow().is_some() {
            return Err(Halt);
        }
        let answer = access(&mut self.world.borrow_mut(), self.process);
        *self.fresh.borrow_mut() = Some(answer);
        Ok(answer)
    }

    pub(super) fn locked(
        &self,
        word: usize,
        change: impl FnOnce(u64) -> (u64, Option<u64>),
    ) -> Result<u64, Halt> {
        self.access(|world, process| {
            world.drain(process);
            let (answer, new) = change(world.words[compact(word)]);
            if let Some(new) = new {
                world.words[compact(word)] = new;
            }
            answer
        })
    }

    pub(super) fn drain_all(&self) -> Result<(), Halt> {
        let drain = |world: &mut World, _| {
            (0..world.processes.len()).for_each(|process| world.drain(process));
            0
        };
        self.access(drain).map(drop)
    }

    /// As [`crate::event::Event::prepare`].
    pub(super) fn prepare(&self, event: usize) -> Result<u64, Halt> {
        let ticket = self.locked(event, |word| (word | SLEEPER, Some(word | SLEEPER)))?;
        // As `RawRing::announced`, whose time is enough: that is what is presumed.
        if self.flaw != Some(Flaw::Unsettled) {
            self.drain_all()?;
        }
        Ok(ticket)
    }

    /// As [`crate::event::Event::notify_one`]; its own transitions are loom's affair.
    pub(super) fn notify(&self, event: usize) -> Result<(), Halt> {
        if self.load(event)? & SLEEPER != 0 {
            self.locked(event, |word| (0, Some((word + 2) & !SLEEPER)))?;
        }
        Ok(())
    }
}

impl Memory for View<'_> {
    type Halt = Halt;

    fn load(&self, word: usize) -> Result<u64, Halt> {
        self.access(|world, process| world.read(process, compact(word)))
    }

    fn store(&self, word: usize, value: u64) -> Result<(), Halt> {
        self.locked(word, |_| (0, Some(value))).map(drop)
    }

    fn exchange(&self, word: usize, old: u64, new: u64) -> Result<Result<(), u64>, Halt> {
        let seen = self.locked(word, |seen| (seen, (seen == old).then_some(new)))?;
        Ok(if seen == old { Ok(()) } else { Err(seen) })
    }

    fn add(&self, word: usize, value: u64) -> Result<u64, Halt> {
        self.locked(word, |seen| (seen, Some(seen + value)))
    }

    fn hint(&self, word: usize) -> Result<u64, Halt> {
        self.load(word)
    }

    fn set_hint(&self, word: usize, value: u64) -> Result<(), Halt> {
        let store = |world: &mut World, process: usize| {
            world.processes[process].buffer.push((compact(word), value));
            0
        };
        self.access(store).map(drop)
    }

    fn copy_in(&self, word: usize, bytes: &[u8]) -> Result<(), Halt> {
        let words =
            bytes.chunks_exact(8).map(|chunk| u64::from_ne_bytes(chunk.try_into().unwrap()));
        words.enumerate().try_for_each(|(at, value)| self.set_hint(word + at, value))
    }

    fn copy_out(&self, word: usize, bytes: &mut [u8]) -> Result<(), Halt> {
        for (at, chunk) in bytes.chunks_exact_mut(8).enumerate() {
            chunk.copy_from_slice(&self.load(word + at)?.to_ne_bytes());
        }
        Ok(())
    }
}

impl Fences for View<'_> {
    type Halt = Halt;

    fn light(&self) -> Result<(), Halt> {
        Ok(())
    }

    /// Nobody's but the owner's.
    fn heavy(&self, owner: u64) -> Result<(), Halt> {
        if self.flaw == Some(Flaw::NoHeavyFence) {
            return Ok(());
        }
        let drain = |world: &mut World, _| {
            world.drain(owner as usize - 1);
            0
        };
        self.access(drain).map(drop)
    }
}
