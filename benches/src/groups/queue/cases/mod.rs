//! The cases: the same flow of messages in several shapes.

pub(super) mod flow;

use super::lane::{Lane, Shape};
use super::placement::Placement;
use crate::harness::{Case, Contender, Group};
use flow::Flow;

const ONE_TO_ONE: Shape = Shape { size: 64, capacity: 1_024, producers: 1, consumers: 1 };

pub(super) const SPSC_64: Flow = Flow {
    name: "spsc_64",
    about: "64 B from one producer to one consumer, on a CPU each; room for 1,024",
    shape: ONE_TO_ONE,
    placement: Placement::Apart,
};

pub(super) const SPSC_1024: Flow = Flow {
    name: "spsc_1024",
    about: "1 KiB from one producer to one consumer, on a CPU each; room for 1,024",
    shape: Shape { size: 1_024, ..ONE_TO_ONE },
    placement: Placement::Apart,
};

pub(super) const SPSC_65536: Flow = Flow {
    name: "spsc_65536",
    about: "64 KiB from one producer to one consumer, on a CPU each; room for 64",
    shape: Shape { size: 1 << 16, capacity: 64, ..ONE_TO_ONE },
    placement: Placement::Apart,
};

pub(super) const SPSC_1048576: Flow = Flow {
    name: "spsc_1048576",
    about: "1 MiB from one producer to one consumer, on a CPU each; room for 16",
    shape: Shape { size: 1 << 20, capacity: 16, ..ONE_TO_ONE },
    placement: Placement::Apart,
};

pub(super) const MPMC_64: Flow = Flow {
    name: "mpmc_64",
    about: "64 B from two producers to two consumers, wherever they run; room for 1,024",
    shape: Shape { producers: 2, consumers: 2, ..ONE_TO_ONE },
    placement: Placement::Free,
};

const ALL: [Flow; 5] = [SPSC_64, SPSC_1024, SPSC_65536, SPSC_1048576, MPMC_64];

/// Every case, still without contenders.
pub(super) fn all() -> Vec<Case> {
    ALL.iter().map(Flow::case).collect()
}

/// The names of all cases, or of those with one producer and one consumer.
#[cfg(not(feature = "rivals"))]
pub(super) fn names(has_one_consumer: bool) -> impl Iterator<Item = &'static str> {
    let fits = move |flow: &&Flow| !has_one_consumer || flow.shape.consumers == 1;
    ALL.iter().filter(fits).map(|flow| flow.name)
}

/// Adds a queue to the cases with one producer and one consumer.
pub(super) fn spsc<L: Lane>(group: &mut Group, name: &'static str, how: &'static str) {
    small::<L, L>(group, name, how);
    large::<L>(group, name, how);
}

/// Adds two queues as one contender: one for 64 B, one for 1 KiB.
pub(super) fn small<L: Lane, M: Lane>(group: &mut Group, name: &'static str, how: &'static str) {
    group.add(SPSC_64.name, Contender::alone(name, how, |b| SPSC_64.measure::<L>(b)));
    group.add(SPSC_1024.name, Contender::alone(name, how, |b| SPSC_1024.measure::<M>(b)));
}

/// Adds a queue to the cases with large messages.
pub(super) fn large<L: Lane>(group: &mut Group, name: &'static str, how: &'static str) {
    group.add(SPSC_65536.name, Contender::alone(name, how, |b| SPSC_65536.measure::<L>(b)));
    group.add(SPSC_1048576.name, Contender::alone(name, how, |b| SPSC_1048576.measure::<L>(b)));
}

/// Adds a queue to the case with several producers and consumers.
pub(super) fn mpmc<L: Lane>(group: &mut Group, name: &'static str, how: &'static str) {
    group.add(MPMC_64.name, Contender::alone(name, how, |b| MPMC_64.measure::<L>(b)));
}
