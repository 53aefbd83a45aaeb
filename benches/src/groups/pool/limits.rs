//! Hand-written limits: what the machine would allow.

use super::super::thread_pool::cases::{square, tiny_map};
use super::cases::payload;
use crate::harness::{Bench, Contender, Group, Outcome};
use std::hint::black_box;

pub(super) fn register(group: &mut Group) {
    let how = "a plain loop on one thread, collected into a Vec";
    group.add(tiny_map::NAME, Contender::new("limit_serial", how, serial));
    let how = "two copies of 1 MiB in this process: one of the argument, one of the result";
    group.add(payload::NAME, Contender::new("limit_memcpy", how, copies));
}

fn serial(bench: &Bench) -> Outcome {
    tiny_map::measure(bench, |jobs| (0..jobs).map(square).collect(), |squares: Vec<u64>| squares)
}

fn copies(bench: &Bench) -> Outcome {
    let argument = vec![b'x'; payload::LEN];
    let (mut there, mut back) = (vec![0; payload::LEN], vec![0; payload::LEN]);
    payload::measure(bench, |jobs| {
        let mut len = 0;
        for _ in 0..jobs {
            there.copy_from_slice(black_box(&argument));
            back.copy_from_slice(black_box(&there));
            len += black_box(&back).len();
        }
        len
    })
}
