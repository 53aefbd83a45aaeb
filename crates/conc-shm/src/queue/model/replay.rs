//! The memory that halts a process after one access.

use super::world::{Quiet, WORDS, World};
use crate::memory::Memory;
use crate::queue::protocol::control;
use std::cell::{Cell, RefCell};
use std::hash::{Hash, Hasher};

/// Answers that a phase may have heard at most.
pub(super) const HEARD_MAX: usize = 10;

/// What the accesses of the present phase have answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Heard {
    /// Zeroes behind the length.
    answers: [u64; HEARD_MAX],
    length: u8,
}

impl Hash for Heard {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.length.hash(state);
        self.answers[..usize::from(self.length)].iter().for_each(|answer| answer.hash(state));
    }
}

impl Heard {
    fn get(&self, at: usize) -> Option<u64> {
        (at < usize::from(self.length)).then(|| self.answers[at])
    }

    fn push(&mut self, answer: u64) {
        self.answers[usize::from(self.length)] = answer;
        self.length += 1;
    }
}

/// The process has made its access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Halted;

/// One run of a phase: old answers first, then one access, then a halt.
pub(super) struct Replay<'a> {
    words: RefCell<&'a mut [u64; WORDS]>,
    heard: RefCell<&'a mut Heard>,
    next: Cell<usize>,
    used: Cell<bool>,
    owes: Cell<bool>,
    quiet: Quiet,
}

impl<'a> Replay<'a> {
    pub(super) fn new(world: &'a mut World, process: usize, quiet: Quiet) -> Self {
        let World { words, processes, .. } = world;
        Self {
            words: RefCell::new(words),
            heard: RefCell::new(&mut processes[process].heard),
            next: Cell::new(0),
            used: Cell::new(false),
            owes: Cell::new(false),
            quiet,
        }
    }

    /// Whether the one access was made.
    pub(super) fn has_acted(&self) -> bool {
        self.used.get()
    }

    /// Whether the next access will be to count a detour that is made already.
    pub(super) fn owes_a_count(&self) -> bool {
        self.owes.get()
    }

    fn access(&self, act: impl FnOnce(&mut [u64; WORDS]) -> u64) -> Result<u64, Halted> {
        let at = self.next.replace(self.next.get() + 1);
        if let Some(answer) = self.heard.borrow().get(at) {
            return Ok(answer);
        }
        if self.used.replace(true) {
            return Err(Halted);
        }
        let answer = act(&mut self.words.borrow_mut());
        self.heard.borrow_mut().push(answer);
        Ok(answer)
    }
}

impl Memory for Replay<'_> {
    type Halt = Halted;

    fn load(&self, word: usize) -> Result<u64, Halted> {
        // What nobody writes in this case is no step.
        if self.quiet.covers(word) {
            return Ok(self.words.borrow()[word]);
        }
        self.access(|words| words[word])
    }

    fn store(&self, word: usize, value: u64) -> Result<(), Halted> {
        self.access(|words| {
            words[word] = value;
            0
        })
        .map(drop)
    }

    fn exchange(&self, word: usize, old: u64, new: u64) -> Result<Result<(), u64>, Halted> {
        let found = self.access(|words| {
            let found = words[word];
            if found == old {
                words[word] = new;
            }
            found
        })?;
        Ok(if found == old { Ok(()) } else { Err(found) })
    }

    fn add(&self, word: usize, value: u64) -> Result<u64, Halted> {
        if self.quiet.covers(word) {
            return Ok(self.words.borrow()[word]);
        }
        let added = self.access(|words| {
            let found = words[word];
            words[word] = found.wrapping_add(value);
            found
        });
        self.owes.set(added.is_err() && word == control::DETOURS);
        added
    }

    fn hint(&self, word: usize) -> Result<u64, Halted> {
        self.load(word)
    }

    fn set_hint(&self, word: usize, value: u64) -> Result<(), Halted> {
        if self.quiet.covers(word) {
            return Ok(());
        }
        self.store(word, value)
    }

    fn copy_in(&self, word: usize, bytes: &[u8]) -> Result<(), Halted> {
        for (at, chunk) in bytes.chunks_exact(8).enumerate() {
            self.store(word + at, u64::from_ne_bytes(chunk.try_into().unwrap()))?;
        }
        Ok(())
    }

    fn copy_out(&self, word: usize, bytes: &mut [u8]) -> Result<(), Halted> {
        for (at, chunk) in bytes.chunks_exact_mut(8).enumerate() {
            chunk.copy_from_slice(&self.load(word + at)?.to_ne_bytes());
        }
        Ok(())
    }
}

/// A world at rest, to look at.
pub(super) struct AtRest<'a>(pub(super) RefCell<&'a mut [u64; WORDS]>);

impl Memory for AtRest<'_> {
    type Halt = std::convert::Infallible;

    fn load(&self, word: usize) -> Result<u64, Self::Halt> {
        Ok(self.0.borrow()[word])
    }

    fn store(&self, word: usize, value: u64) -> Result<(), Self::Halt> {
        self.0.borrow_mut()[word] = value;
        Ok(())
    }

    fn exchange(&self, word: usize, old: u64, new: u64) -> Result<Result<(), u64>, Self::Halt> {
        let found = self.0.borrow()[word];
        if found != old {
            return Ok(Err(found));
        }
        self.store(word, new)?;
        Ok(Ok(()))
    }

    fn add(&self, word: usize, value: u64) -> Result<u64, Self::Halt> {
        let found = self.load(word)?;
        self.store(word, found.wrapping_add(value))?;
        Ok(found)
    }

    fn hint(&self, word: usize) -> Result<u64, Self::Halt> {
        self.load(word)
    }

    fn set_hint(&self, word: usize, value: u64) -> Result<(), Self::Halt> {
        self.store(word, value)
    }

    fn copy_in(&self, _word: usize, _bytes: &[u8]) -> Result<(), Self::Halt> {
        unreachable!("a world at rest is only looked at")
    }

    fn copy_out(&self, _word: usize, _bytes: &mut [u8]) -> Result<(), Self::Halt> {
        unreachable!("a world at rest is only looked at")
    }
}
