//! Death before every instruction.
//!
//! A victim does one operation under the eyes of a tracer, which lets it go on one instruction at
//! a time. There are three ways to let it down, and each asks the survivors afterwards
//! ([`Scene::judge`]):
//!
//! | way | at | costs |
//! |---|---|---|
//! | [`Scene::images`] | every instruction, however many | one run |
//! | [`Scene::kills`] | every n-th instruction, by SIGKILL | a run each |
//! | [`Scene::stops`] | every instruction; it goes on later | a run each |
//!
//! An *image* is what outlives the victim: the bytes of the segment. It is taken after each
//! instruction. Then the victim is killed, and for each image that differs from the one before the
//! segment is made what it was: survivors see what they would have seen had it died there, a dead
//! process with the row, generation and start time that the image names. So all instructions of
//! an operation are judged in linear time, where a kill at each takes quadratic time; the kills
//! show that a real death is no different.

#![allow(dead_code, unused_imports, reason = "each test file uses some")]

mod image;
mod items;
mod scene;
mod victim;

pub(crate) use items::{CAPACITY, Item, assert_all_chunks, builder, drain, items, judge, with};
pub(crate) use scene::{Fate, Scene, attach, keep};
use victim::Victim;

use std::time::Duration;

/// Some hundred victims take a while.
pub(crate) const PATIENCE: Duration = Duration::from_secs(600);
