//! Hand-written limits: a number there and back, without a message and without a queue.

use super::super::queue::lane::Sides;
use super::super::queue::memory::{self, Line};
use super::super::queue::wait::{futex_wait, futex_wake};
use super::link::{Answerer, Caller, Link};
use crate::harness::Missing;
use std::hint;
use std::sync::atomic::Ordering;

/// A word there and a word back; `SLEEPS` on a futex, or spins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words<const SLEEPS: bool> {
    there: &'static Line,
    back: &'static Line,
    /// How many numbers have been exchanged.
    turn: u32,
}

impl<const SLEEPS: bool> Words<SLEEPS> {
    #[inline]
    fn post(line: &Line, turn: u32, number: u64) {
        line.number.store(number, Ordering::Relaxed);
        // ORDERING: Release. Publishes the number.
        line.word.store(turn, Ordering::Release);
        if SLEEPS {
            futex_wake(&line.word);
        }
    }

    #[inline]
    fn take(line: &Line, turn: u32) -> u64 {
        // ORDERING: Acquire. Sees the number that was published with the turn.
        while line.word.load(Ordering::Acquire) != turn {
            if SLEEPS {
                futex_wait(&line.word, turn.wrapping_sub(1));
            } else {
                hint::spin_loop();
            }
        }
        line.number.load(Ordering::Relaxed)
    }
}

impl<const SLEEPS: bool> Link for Words<SLEEPS> {
    const SIDES: Sides = Sides::Processes;
    type Caller = Self;
    type Answerer = Self;

    fn new() -> Result<Self, Missing> {
        let [there, back] = memory::lines(2) else { unreachable!("two were asked for") };
        Ok(Self { there, back, turn: 0 })
    }

    fn caller(&self) -> Self {
        *self
    }

    fn answerer(&self) -> Self {
        *self
    }
}

impl<const SLEEPS: bool> Caller for Words<SLEEPS> {
    #[inline]
    fn call(&mut self, number: u64) {
        self.turn = self.turn.wrapping_add(1);
        Self::post(self.there, self.turn, number);
        assert_eq!(Self::take(self.back, self.turn), number, "a wrong answer");
    }
}

impl<const SLEEPS: bool> Answerer for Words<SLEEPS> {
    #[inline]
    fn answer(&mut self) -> u64 {
        self.turn = self.turn.wrapping_add(1);
        let number = Self::take(self.there, self.turn);
        Self::post(self.back, self.turn, number);
        number
    }
}
