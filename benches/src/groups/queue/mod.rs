//! Messages of one size through a bounded queue: how dear is one?
//!
//! | file or folder | holds |
//! |---|---|
//! | `cases` | the flow of messages, its metrics and its check |
//! | `lane` | what a contender implements |
//! | `conc` | ours |
//! | `limits`; `ring`, `vyukov` | hand-written limits |
//! | `wait`, `slots` | what limits are made of |
//! | `pipe`, `socketpair`, `ipc_channel`, `iceoryx2`, `cpython` | rivals between processes |
//! | `std_mpsc`, `crossbeam`, `kanal`; `parcel` | rivals between threads |
//! | `sides`, `placement`, `meeting`, `memory`, `clock` | runs the sides, and what they share |
//! | `message`, `ledger` | what is in a message, and whether all came |
//!
//! Each run is a fresh process of one thread, which makes the queue, forks the sides (or starts
//! them as threads) and only waits. `latency` uses the same queues and sides.
//!
//! What was set out to be reached (medians; limits in the same run):
//!
//! | case | target |
//! |---|---|
//! | `spsc_64`, `spsc_1024` | at most 1.4 x `limit_ring_spin` |
//! | `mpmc_64` | at most 0.8 x `limit_mpmc_yield` |

mod cases;
pub(super) mod clock;
pub(super) mod conc;
mod cpython;
#[cfg(feature = "rivals")]
pub(super) mod crossbeam;
#[cfg(feature = "rivals")]
pub(super) mod iceoryx2;
#[cfg(feature = "rivals")]
pub(super) mod ipc_channel;
#[cfg(feature = "rivals")]
pub(super) mod kanal;
pub(super) mod lane;
mod ledger;
mod limits;
pub(super) mod meeting;
pub(super) mod memory;
pub(super) mod message;
mod parcel;
pub(super) mod pipe;
pub(super) mod placement;
pub(super) mod ring;
pub(super) mod sides;
mod slots;
pub(super) mod socketpair;
pub(super) mod std_mpsc;
pub(super) mod vyukov;
pub(super) mod wait;

use crate::harness::Group;

// Rivals that are listed even if they are not built.
pub(super) const CROSSBEAM: &str = "crossbeam-channel";
pub(super) const KANAL: &str = "kanal";
pub(super) const IPC_CHANNEL: &str = "ipc-channel";
pub(super) const ICEORYX2_POLL: &str = "iceoryx2_poll";
pub(super) const ICEORYX2_EVENT: &str = "iceoryx2_event";

/// The group with all its contenders.
pub(crate) fn group() -> Group {
    let mut group = Group {
        name: "queue",
        about: "messages of one size through a bounded queue, mostly between processes",
        cases: cases::all(),
    };
    limits::register(&mut group);
    conc::register(&mut group);
    kernel(&mut group);
    channels(&mut group);
    rivals(&mut group);
    cpython::register(&mut group);
    group
}

/// What the kernel has.
fn kernel(group: &mut Group) {
    let how = "write and read of a pipe of at most a MiB";
    cases::spsc::<pipe::Pipe>(group, "pipe", how);
    cases::mpmc::<pipe::Pipe>(group, "pipe", how);
    let how = "write and read of a pair of SOCK_SEQPACKET sockets";
    cases::spsc::<socketpair::SocketPair>(group, "socketpair", how);
    cases::mpmc::<socketpair::SocketPair>(group, "socketpair", how);
}

/// Small messages in the channel itself, large ones boxed.
fn channels(group: &mut Group) {
    use std_mpsc::Std;

    let (name, how) = ("std_mpsc", "threads; sync_channel of arrays, from 64 KiB on of boxes");
    cases::small::<Std<[u8; 64]>, Std<[u8; 1_024]>>(group, name, how);
    cases::large::<Std<Box<[u8]>>>(group, name, how);
}

/// Rivals from crates.io. One that is not built in is listed all the same.
#[cfg(feature = "rivals")]
fn rivals(group: &mut Group) {
    use crossbeam::Crossbeam;
    use iceoryx2::Iceoryx2;
    use kanal::Kanal;

    let (name, how) = (CROSSBEAM, "threads; bounded, of arrays, from 64 KiB on of boxes");
    cases::small::<Crossbeam<[u8; 64]>, Crossbeam<[u8; 1_024]>>(group, name, how);
    cases::large::<Crossbeam<Box<[u8]>>>(group, name, how);
    cases::mpmc::<Crossbeam<[u8; 64]>>(group, name, how);
    let name = KANAL;
    cases::small::<Kanal<[u8; 64]>, Kanal<[u8; 1_024]>>(group, name, how);
    cases::large::<Kanal<Box<[u8]>>>(group, name, how);
    cases::mpmc::<Kanal<[u8; 64]>>(group, name, how);

    cases::spsc::<ipc_channel::IpcChannel>(group, IPC_CHANNEL, "bytes_channel");
    let how = "publish-subscribe, RetryUntilDelivered, in place; the subscriber spins";
    cases::spsc::<Iceoryx2<false>>(group, ICEORYX2_POLL, how);
    let how = "as iceoryx2_poll, and an event for each message; the subscriber sleeps";
    cases::spsc::<Iceoryx2<true>>(group, ICEORYX2_EVENT, how);
}

#[cfg(not(feature = "rivals"))]
fn rivals(group: &mut Group) {
    use crate::harness::Contender;

    let reason = "built without the feature `rivals`";
    for name in [CROSSBEAM, KANAL] {
        cases::names(false).for_each(|case| group.add(case, Contender::absent(name, reason)));
    }
    for name in [IPC_CHANNEL, ICEORYX2_POLL, ICEORYX2_EVENT] {
        cases::names(true).for_each(|case| group.add(case, Contender::absent(name, reason)));
    }
}
