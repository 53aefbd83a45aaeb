//! The recorded run of a worker, and how others come to the same place.

use super::diary::{Diary, Page};
use super::{Step, Victim};
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// No run is longer than so many instructions.
const LONGEST: usize = 300_000;
/// What it costs to run to a breakpoint, in single steps.
const RUN: usize = 4;

/// The address of every instruction that a worker has before it, from its wake-up until it sleeps.
pub(crate) struct Route {
    places: Vec<u64>,
    /// How deep its stack was there: copies are called from many places.
    depths: Vec<u64>,
    /// What was written down when the worker was there.
    pages: Vec<Page>,
    /// The last leg of the cheapest way to each place.
    legs: Vec<Leg>,
    /// Addresses that runs did not come to: copies, for example, take different ways when they
    /// come from different addresses.
    shunned: HashSet<u64>,
    /// Where the kernel's code is that reads the clock.
    clock: Range<u64>,
}

/// A part of a way from one place to another.
#[derive(Clone, Copy)]
struct Leg {
    from: usize,
    /// On until it comes to the address of the place, and not by a single step.
    runs: bool,
}

impl Route {
    /// Follows a worker until it sleeps.
    pub(crate) fn record(victim: &Victim, diary: &Diary) -> Self {
        let (mut places, mut pages) = (vec![victim.place()], vec![diary.read()]);
        let (top, mut depths) = (victim.stack(), vec![0]);
        while victim.step() == Step::Taken {
            places.push(victim.place());
            depths.push(top.wrapping_sub(victim.stack()));
            pages.push(diary.read());
            assert!(places.len() < LONGEST, "it never sleeps");
        }
        let clock = victim.clock();
        let (legs, shunned) = (Vec::new(), HashSet::new());
        let mut route = Self { places, depths, pages, legs, shunned, clock };
        route.find_legs();
        route
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// The places that are worth a death. Of an instruction that repeats itself, to copy bytes, the
    /// repetitions at powers of two are, and the last. The kernel's code that reads the clock is
    /// not: it goes another way from time to time, and writes nothing.
    pub(crate) fn stations(&self) -> Vec<usize> {
        let mut again = 0_usize;
        let mut stations = Vec::new();
        for (at, place) in self.places.iter().enumerate() {
            again = if at > 0 && self.places[at - 1] == *place { again + 1 } else { 0 };
            if self.clock.contains(place) {
                continue;
            }
            if again == 0 || again.is_power_of_two() || self.places.get(at + 1) != Some(place) {
                stations.push(at);
            }
        }
        stations
    }

    /// Where a worker sleeps.
    pub(crate) fn home(&self) -> u64 {
        self.places[0]
    }

    pub(crate) fn place(&self, steps: usize) -> u64 {
        self.places[steps]
    }

    /// Lets a worker that is at the beginning take so many steps; whether it came to where the
    /// route is then. If not, another way is taken the next time.
    pub(crate) fn lead(&mut self, victim: &Victim, diary: &Diary, steps: usize) -> bool {
        let mut way = Vec::new();
        let mut place = steps;
        while place > 0 {
            let leg = self.legs[place];
            way.push((leg, place));
            place = leg.from;
        }
        let top = victim.stack();
        let mut mark = None;
        let arrived = way.into_iter().rev().all(|(leg, place)| {
            let step = if leg.runs {
                let address = self.places[place];
                mark = Some(address);
                victim.run_to(address)
            } else {
                victim.step()
            };
            step == Step::Taken
        });
        let exact = arrived
            && victim.place() == self.places[steps]
            && top.wrapping_sub(victim.stack()) == self.depths[steps]
            && diary.read() == self.pages[steps];
        if exact {
            return true;
        }
        if let Some(mark) = mark {
            self.shunned.insert(mark);
            self.find_legs();
        }
        false
    }

    /// Finds the last leg of the cheapest way to each place.
    fn find_legs(&mut self) {
        self.legs = vec![Leg { from: 0, runs: false }];
        let mut last_at = HashMap::from([(self.places[0], 0)]);
        // Places and what the way to them costs: each is cheaper than all that come after it so
        // far. The first leg is a step: it wakes in the middle of an instruction, which begins
        // again.
        let mut cheap: Vec<(usize, usize)> = Vec::new();
        let mut cost = 0;
        for (at, place) in self.places.iter().enumerate().skip(1) {
            // A run from before the address's last time would end there.
            let before = last_at.insert(*place, at);
            let from =
                cheap.partition_point(|(start, _)| before.is_some_and(|last| *start <= last));
            let mark = !self.clock.contains(place) && !self.shunned.contains(place);
            let run = cheap.get(from).filter(|(_, to_start)| mark && to_start + RUN < cost + 1);
            let leg = match run {
                Some((start, to_start)) => {
                    cost = to_start + RUN;
                    Leg { from: *start, runs: true }
                }
                None => {
                    cost += 1;
                    Leg { from: at - 1, runs: false }
                }
            };
            self.legs.push(leg);
            while cheap.last().is_some_and(|(_, dearer)| *dearer >= cost) {
                cheap.pop();
            }
            cheap.push((at, cost));
        }
    }
}
