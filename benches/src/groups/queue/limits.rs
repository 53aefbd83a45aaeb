//! Hand-written limits: what the machine allows somebody who needs to survive nothing.

use super::cases::{mpmc, spsc};
use super::ring::Ring;
use super::vyukov::Vyukov;
use super::wait::{Adapt, Sleep, Spin, Yield};
use crate::harness::Group;

pub(super) fn register(group: &mut Group) {
    let how = "a ring with cached indexes, copied in and out; both sides spin";
    spsc::<Ring<Spin, false>>(group, "limit_ring_spin", how);
    let how = "the ring, written and read in its slots; both sides spin";
    spsc::<Ring<Spin, true>>(group, "limit_ring_inplace", how);
    let how = "the ring, copied in and out; who waits sleeps on a futex at once";
    spsc::<Ring<Sleep, false>>(group, "limit_ring_futex", how);
    let how = "the ring, copied in and out; 100 spins, 50 yields, then a futex";
    spsc::<Ring<Adapt, false>>(group, "limit_ring_adaptive", how);

    let how = "Vyukov's bounded queue, copied in and out; 100 spins, then yields";
    mpmc::<Vyukov<Yield>>(group, "limit_mpmc_yield", how);
    let how = "Vyukov's bounded queue, copied in and out; who waits sleeps on a futex at once";
    mpmc::<Vyukov<Sleep>>(group, "limit_mpmc_futex", how);
}
