//! The cases: round trips in several surroundings, and a wait that nobody ends.

pub(super) mod idle;
pub(super) mod ping;

use super::link::Link;
use crate::harness::{Case, Contender, Group};
use ping::{Gap, Ping};
use std::time::Duration;

use super::super::queue::placement::Placement;

pub(super) const CROSS: Ping = Ping {
    name: "ping_cross",
    about: "64 B there and back, the sides on a CPU each",
    placement: Placement::Apart,
    gap: Gap::None,
    hogs: 0,
};

pub(super) const SAME: Ping = Ping {
    name: "ping_same",
    about: "64 B there and back, both sides on one CPU",
    placement: Placement::Together,
    ..CROSS
};

pub(super) const GAP_20US: Ping = Ping {
    name: "ping_gap_20us",
    about: "ping_cross, but the caller computes for 20 us before each call",
    gap: Gap::Busy(Duration::from_micros(20)),
    ..CROSS
};

pub(super) const GAP_200US: Ping = Ping {
    name: "ping_gap_200us",
    about: "ping_cross, but the caller sleeps for 200 us before each call",
    gap: Gap::Asleep(Duration::from_micros(200)),
    ..CROSS
};

pub(super) const BUSY: Ping = Ping {
    name: "ping_busy",
    about: "64 B there and back beside four processes that never wait, wherever all of them run",
    placement: Placement::Free,
    hogs: 4,
    ..CROSS
};

/// Every case, still without contenders.
pub(super) fn all() -> Vec<Case> {
    vec![CROSS.case(), SAME.case(), GAP_20US.case(), GAP_200US.case(), BUSY.case(), idle::case()]
}

/// The names of all round trips.
#[cfg(not(feature = "rivals"))]
pub(super) const PINGS: [&str; 5] =
    [CROSS.name, SAME.name, GAP_20US.name, GAP_200US.name, BUSY.name];

/// Adds a link that lets others run while it waits.
pub(super) fn pings<K: Link>(group: &mut Group, name: &'static str, how: &'static str) {
    apart::<K>(group, name, how);
    group.add(SAME.name, Contender::alone(name, how, |bench| SAME.measure::<K>(bench)));
    group.add(BUSY.name, Contender::alone(name, how, |bench| BUSY.measure::<K>(bench)));
}

/// Adds a link that needs a CPU for each side.
pub(super) fn spinning<K: Link>(group: &mut Group, name: &'static str, how: &'static str) {
    apart::<K>(group, name, how);
    for case in [SAME.name, BUSY.name] {
        let reason = "spins for ever: whom it waits for gets the CPU when a time slice ends";
        group.add(case, Contender::absent(name, reason));
    }
}

fn apart<K: Link>(group: &mut Group, name: &'static str, how: &'static str) {
    group.add(CROSS.name, Contender::alone(name, how, |bench| CROSS.measure::<K>(bench)));
    group.add(GAP_20US.name, Contender::alone(name, how, |bench| GAP_20US.measure::<K>(bench)));
    group.add(GAP_200US.name, Contender::alone(name, how, |bench| GAP_200US.measure::<K>(bench)));
}
