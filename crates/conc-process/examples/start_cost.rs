//! A hundred processes beside a hundred threads, timed (T2).

#![allow(clippy::print_stdout, reason = "a program that shows something")]

use conc_process::Process;
use std::time::{Duration, Instant};

const COUNT: u32 = 100;

fn work(number: u32) -> u32 {
    number + 1
}

fn timed(run: impl FnOnce() -> u32) -> (u32, Duration) {
    let start = Instant::now();
    (run(), start.elapsed())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (_, cold) = timed(|| Process::spawn(work, 0).unwrap().join().unwrap());
    println!("the first process, with the start of its server: {cold:.0?}");
    let (sum, processes) = timed(|| {
        let all: Vec<_> = (0..COUNT).map(|n| Process::spawn(work, n).unwrap()).collect();
        all.into_iter().map(|process| process.join().unwrap()).sum()
    });
    println!("{COUNT} processes: {processes:.0?} ({:.0?} each), sum {sum}", processes / COUNT);
    let (sum, threads) = timed(|| {
        let all: Vec<_> = (0..COUNT).map(|n| std::thread::spawn(move || work(n))).collect();
        all.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    println!("{COUNT} threads: {threads:.0?} ({:.0?} each), sum {sum}", threads / COUNT);
    Ok(())
}
