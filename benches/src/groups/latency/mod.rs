//! Round trips of small messages: how long until the answer is here, and what does waiting cost?
//!
//! | file or folder | holds |
//! |---|---|
//! | `cases` | the surroundings of a round trip, its metrics |
//! | `link` | what makes a round trip: mostly two queues of the group `queue` |
//! | `conc` | ours |
//! | `limits` | hand-written limits without a queue |
//! | `cpython` | CPython's queue |
//! | `hogs` | processes that never wait |
//!
//! Queues, sides and what they share are those of [`queue`](super::queue).
//!
//! What was set out to be reached (medians; limits in the same run):
//!
//! | case | target |
//! |---|---|
//! | `ping_cross` | at most 1.5 x `limit_ring_adaptive` |
//! | `ping_same` | at most 1.4 x `limit_ring_adaptive` |
//! | `ping_busy` | at most 10 x `limit_mpmc_futex` |
//! | `ping_gap_20us`, `ping_gap_200us`, `idle_10s` | are reported |

mod cases;
mod conc;
mod cpython;
mod hogs;
mod limits;
mod link;

use super::queue::lane::Lane;
use super::queue::ring::Ring;
use super::queue::vyukov::Vyukov;
use super::queue::wait::{Adapt, Sleep, Spin, Yield};
use super::queue::{pipe, socketpair, std_mpsc};
use crate::harness::Group;
use cases::{idle, pings, spinning};
use limits::Words;
use link::Queues;
use std::thread;
use std::time::{Duration, Instant};

/// The group with all its contenders.
pub(crate) fn group() -> Group {
    let mut group = Group {
        name: "latency",
        about: "round trips of 64 B, mostly between processes, and what waiting costs",
        cases: cases::all(),
    };
    limits(&mut group);
    conc::register(&mut group);
    blocking::<pipe::Pipe>(&mut group, "pipe", "two pipes");
    let how = "two pairs of SOCK_SEQPACKET sockets";
    blocking::<socketpair::SocketPair>(&mut group, "socketpair", how);
    let how = "threads; two sync_channels of arrays";
    blocking::<std_mpsc::Std<[u8; link::SHAPE.size]>>(&mut group, "std_mpsc", how);
    rivals(&mut group);
    cpython::register(&mut group);
    group
}

/// Adds a queue whose sides sleep when there is nothing to do, to all cases.
fn blocking<L: Lane>(group: &mut Group, name: &'static str, how: &'static str) {
    pings::<Queues<L>>(group, name, how);
    idle::add::<L>(group, name, how);
}

fn limits(group: &mut Group) {
    let how = "two words in shared memory; both sides spin";
    spinning::<Words<false>>(group, "limit_atomics", how);
    let how = "two words in shared memory; both sides sleep on a futex at once";
    pings::<Words<true>>(group, "limit_futex", how);
    let how = "two rings, copied in and out; both sides spin";
    spinning::<Queues<Ring<Spin, false>>>(group, "limit_ring_spin", how);
    let how = "two rings; who waits sleeps on a futex at once";
    blocking::<Ring<Sleep, false>>(group, "limit_ring_futex", how);
    let how = "two rings; 100 spins, 50 yields, then a futex";
    blocking::<Ring<Adapt, false>>(group, "limit_ring_adaptive", how);
    let how = "two of Vyukov's queues; 100 spins, then yields";
    pings::<Queues<Vyukov<Yield>>>(group, "limit_mpmc_yield", how);
    let how = "two of Vyukov's queues; who waits sleeps on a futex at once";
    blocking::<Vyukov<Sleep>>(group, "limit_mpmc_futex", how);
}

/// Rivals from crates.io. One that is not built in is listed all the same.
#[cfg(feature = "rivals")]
fn rivals(group: &mut Group) {
    use super::queue::{CROSSBEAM, ICEORYX2_EVENT, ICEORYX2_POLL, IPC_CHANNEL, KANAL};
    use super::queue::{crossbeam, iceoryx2, ipc_channel, kanal};

    let how = "threads; two bounded channels of arrays";
    blocking::<crossbeam::Crossbeam<[u8; link::SHAPE.size]>>(group, CROSSBEAM, how);
    blocking::<kanal::Kanal<[u8; link::SHAPE.size]>>(group, KANAL, how);
    blocking::<ipc_channel::IpcChannel>(group, IPC_CHANNEL, "two bytes_channels");
    let how = "two services, publish-subscribe; both sides spin";
    spinning::<Queues<iceoryx2::Iceoryx2<false>>>(group, ICEORYX2_POLL, how);
    let how = "two services, publish-subscribe and an event for each message";
    blocking::<iceoryx2::Iceoryx2<true>>(group, ICEORYX2_EVENT, how);
}

#[cfg(not(feature = "rivals"))]
fn rivals(group: &mut Group) {
    use super::queue::{CROSSBEAM, ICEORYX2_EVENT, ICEORYX2_POLL, IPC_CHANNEL, KANAL};
    use crate::harness::Contender;

    for name in [CROSSBEAM, KANAL, IPC_CHANNEL, ICEORYX2_POLL, ICEORYX2_EVENT] {
        for case in cases::PINGS.into_iter().chain([idle::NAME]) {
            group.add(case, Contender::absent(name, "built without the feature `rivals`"));
        }
    }
}

/// Sleeps for so long.
pub(super) fn rest(duration: Duration) {
    let end = Instant::now() + duration;
    while let Some(left) = end.checked_duration_since(Instant::now()).filter(|d| !d.is_zero()) {
        thread::park_timeout(left);
    }
}
