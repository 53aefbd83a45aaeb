//! Producers and consumers that are killed and stopped while they work.

#![cfg(not(conc_loom))]
#![allow(clippy::print_stdout, reason = "says what happened")]

mod processes;
mod storm;

use conc_tests::watchdog_for;
use processes::alone;
use std::time::{Duration, Instant};
use storm::{Chained, Episode, Mixed, Pace, Small, Taking, Tally};

const PATIENCE: Duration = Duration::from_secs(600);
const CAPACITIES: [u32; 3] = [1, 4, 64];
const CROWDS: [(usize, usize); 2] = [(2, 2), (1, 3)];
const PACE: Pace = Pace { kills: 70, calls: 1200, most: u64::MAX };

/// All capacities and crowds with one way to take messages of one kind.
fn storm(name: &str, run: impl Fn(Episode, u64) -> Tally, taking: Taking, pace: Pace) -> Tally {
    let started = Instant::now();
    let mut tally = Tally::default();
    for capacity in CAPACITIES {
        for (producers, consumers) in CROWDS {
            let seed = u64::from(std::process::id()) << 20 | u64::from(capacity);
            println!("{name}: seed {seed}, {capacity} places, {producers} + {consumers}");
            let episode = Episode { capacity, producers, consumers, taking, pace };
            tally += run(episode, seed);
        }
    }
    println!("{name}: {tally:?}, {:.1?}", started.elapsed());
    assert!(tally.kills >= CAPACITIES.len() * CROWDS.len() * pace.kills / 2, "too few");
    tally
}

#[test]
fn gets_in_a_storm_take_messages_once_at_most() {
    let _watchdog = watchdog_for(PATIENCE);
    if !alone(gets_in_a_storm_take_messages_once_at_most) {
        return;
    }
    let mut tally = storm("get, plain", Episode::run::<Small>, Taking::Get, PACE);
    tally += storm("get, encoded", Episode::run::<Mixed>, Taking::Get, PACE);
    tally += storm("get, chained", Episode::run::<Chained>, Taking::Get, PACE);
    assert!(tally.lost <= tally.gets, "{tally:?}");
    assert!(tally.kills >= 1200, "{tally:?}");
}

#[test]
fn leases_in_a_storm_lose_nothing() {
    let _watchdog = watchdog_for(PATIENCE);
    if !alone(leases_in_a_storm_lose_nothing) {
        return;
    }
    let mut tally = storm("lease, plain", Episode::run::<Small>, Taking::Lease, PACE);
    tally += storm("lease, chained", Episode::run::<Chained>, Taking::Lease, PACE);
    assert_eq!(tally.lost, 0);
    assert!(tally.kills >= 800, "{tally:?}");
}

/// Short lives, whose histories are searched for an order that explains every call.
#[test]
fn small_storms_can_be_explained() {
    let _watchdog = watchdog_for(PATIENCE);
    if !alone(small_storms_can_be_explained) {
        return;
    }
    let pace = Pace { kills: 2, calls: 12, most: 4 };
    let mut tally = Tally::default();
    for _ in 0..8 {
        tally += storm("small, get", Episode::run::<Small>, Taking::Get, pace);
        tally += storm("small, lease", Episode::run::<Small>, Taking::Lease, pace);
    }
    println!("{tally:?}");
    assert!(tally.explained >= 20, "{tally:?}");
}
