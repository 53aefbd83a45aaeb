//! All states, and whether each of them can still come to a good end.

use super::judge::{self, Violation};
use super::steps;
use super::world::{Case, Life, PROCESSES_MAX, Phase, World};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};

/// More states than this are not searched: the case is cut short, which is a failure.
const STATES_MAX: usize = 12_000_000;

/// What a search has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Searched {
    pub(super) states: usize,
    pub(super) good_ends: usize,
}

/// Why a case failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// Something happened that may not.
    Violated(Violation),
    /// From this state the survivors cannot come to a good end.
    Stuck { states: usize, stuck: usize, example: Box<World> },
    /// There are more states than can be searched.
    CutShort,
}

/// Visits every state of a case.
pub(super) fn search(case: &Case) -> Result<Searched, Failure> {
    let start = Box::new(World::new(case));
    let mut ids: Ids = Ids::default();
    let mut edges: Vec<(u32, u32)> = Vec::new();
    let mut good = Vec::new();
    let mut open = vec![(0_u32, start.clone())];
    ids.insert(fingerprint(&start), 0);
    let (mut moves, mut ends) = (Vec::new(), Vec::new());
    while let Some((id, world)) = open.pop() {
        if judge::is_good_end(case, &world) {
            good.push(id);
        }
        for process in 0..case.roles.len() {
            steps::successors(case, &world, process, &mut moves).map_err(Failure::Violated)?;
        }
        disasters(case, &world, &mut ends);
        // Only what the living do counts as a way to a good end.
        let living = moves.len();
        for (at, next) in moves.drain(..).chain(ends.drain(..)).enumerate() {
            let fresh = u32::try_from(ids.len()).expect("bounded below");
            let target = *ids.entry(fingerprint(&next)).or_insert(fresh);
            if at < living && target != id {
                edges.push((target, id));
            }
            if target == fresh {
                open.push((target, next));
            }
        }
        if ids.len() > STATES_MAX {
            return Err(Failure::CutShort);
        }
    }
    let states = ids.len();
    let ending = reach_backwards(states, edges, &good);
    match ending.iter().position(|ends| !ends) {
        None => Ok(Searched { states, good_ends: good.len() }),
        Some(first) => {
            let stuck = ending.iter().filter(|ends| !**ends).count();
            let example = Box::new(find(case, first));
            Err(Failure::Stuck { states, stuck, example })
        }
    }
}

/// The worlds in which one more process has died or stopped.
fn disasters(case: &Case, world: &World, out: &mut Vec<Box<World>>) {
    for process in 0..case.roles.len() {
        let (state, role) = (&world.processes[process], &case.roles[process]);
        if state.life != Life::Alive || matches!(state.phase, Phase::Unborn) {
            continue;
        }
        for (allowed, life) in [
            (role.may_die && world.deaths < case.deaths, Life::Dead),
            (role.may_stop && world.stops < case.stops, Life::Stopped),
        ] {
            if !allowed {
                continue;
            }
            let mut next = Box::new(world.clone());
            judge::bereave(case, &mut next, process, life);
            next.deaths += u8::from(life == Life::Dead);
            next.stops += u8::from(life == Life::Stopped);
            let start = World::new(case).processes[PROCESSES_MAX - 1];
            let lost = &mut next.processes[process];
            *lost = super::world::Process { life, born: lost.born, owes: lost.owes, ..start };
            lost.phase = Phase::Done;
            out.push(next);
        }
    }
}

/// Which states have a way to one of `goals`.
fn reach_backwards(states: usize, mut edges: Vec<(u32, u32)>, goals: &[u32]) -> Vec<bool> {
    edges.sort_unstable();
    let mut first = vec![0_usize; states + 1];
    for &(target, _) in &edges {
        first[target as usize + 1] += 1;
    }
    for at in 0..states {
        first[at + 1] += first[at];
    }
    let mut reached = vec![false; states];
    let mut open = goals.to_vec();
    for &goal in goals {
        reached[goal as usize] = true;
    }
    while let Some(target) = open.pop() {
        let target = target as usize;
        for &(_, source) in &edges[first[target]..first[target + 1]] {
            if !std::mem::replace(&mut reached[source as usize], true) {
                open.push(source);
            }
        }
    }
    reached
}

/// The state with this number, found again in the same order.
fn find(case: &Case, number: usize) -> World {
    let start = Box::new(World::new(case));
    let mut ids: Ids = Ids::default();
    ids.insert(fingerprint(&start), 0);
    let mut open = vec![start];
    let (mut moves, mut ends) = (Vec::new(), Vec::new());
    while let Some(world) = open.pop() {
        for process in 0..case.roles.len() {
            let _ = steps::successors(case, &world, process, &mut moves);
        }
        disasters(case, &world, &mut ends);
        for next in moves.drain(..).chain(ends.drain(..)) {
            let fresh = u32::try_from(ids.len()).expect("bounded before");
            if *ids.entry(fingerprint(&next)).or_insert(fresh) == fresh {
                if fresh as usize == number {
                    return *next;
                }
                open.push(next);
            }
        }
    }
    World::new(case)
}

/// States are known by 128 bits of them: two of twelve million share them once in 10²⁴ searches.
fn fingerprint(world: &World) -> u128 {
    let mut hasher = Fingerprint::default();
    world.hash(&mut hasher);
    hasher.mix_pending();
    u128::from(hasher.high) << 64 | u128::from(hasher.low)
}

#[derive(Default)]
struct Fingerprint {
    low: u64,
    high: u64,
    /// Small values, and the bits that they take.
    pending: u64,
    filled: u32,
}

impl Fingerprint {
    /// Small values are mixed together. What follows what is told by the values before.
    fn gather(&mut self, value: u64, bits: u32) {
        if self.filled + bits > u64::BITS {
            self.mix_pending();
        }
        self.pending |= value << self.filled;
        self.filled += bits;
    }

    fn mix_pending(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        self.filled = 0;
        self.mix(pending);
    }

    fn mix(&mut self, value: u64) {
        let low = u128::from(self.low ^ value ^ 0x9E37_79B9_7F4A_7C15) * 0xD6E8_FEB8_6659_FD93;
        self.low = (low >> 64) as u64 ^ low as u64;
        let high = u128::from(self.high.rotate_left(23) ^ value) * 0xA076_1D64_78BD_642F;
        self.high = ((high >> 64) as u64 ^ high as u64).wrapping_add(0xE703_7ED1_A0B4_28DB);
    }
}

impl Hasher for Fingerprint {
    fn finish(&self) -> u64 {
        self.low
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.mix(u64::from_ne_bytes(word));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.gather(value.into(), u8::BITS);
    }

    fn write_u16(&mut self, value: u16) {
        self.gather(value.into(), u16::BITS);
    }

    fn write_u32(&mut self, value: u32) {
        self.gather(value.into(), u32::BITS);
    }

    /// The number of a variant.
    fn write_isize(&mut self, value: isize) {
        self.gather(value as u64 & u64::from(u16::MAX), u16::BITS);
    }

    fn write_u64(&mut self, value: u64) {
        self.mix(value);
    }

    fn write_usize(&mut self, value: usize) {
        self.mix(value as u64);
    }
}

/// A fingerprint needs no hashing.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("fingerprints are numbers of 128 bits");
    }

    fn write_u128(&mut self, value: u128) {
        self.0 = value as u64;
    }
}

type Ids = HashMap<u128, u32, BuildHasherDefault<AsItIs>>;
