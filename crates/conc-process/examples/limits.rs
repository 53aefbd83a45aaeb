//! Limits of time and memory on a pool (P11 of the seed notes, in part): which one acted is told.
#![allow(clippy::print_stdout, reason = "a program that shows something")]

use conc_core::JoinError;
use conc_process::Pool;
use std::time::Duration;

/// The third job never ends, the fifth takes memory without end.
fn greedy(n: u32) -> u32 {
    let mut kept = Vec::new();
    loop {
        match n {
            3 => std::thread::park(),
            5 => kept.push(vec![n as u8; 1 << 20]),
            n => return n,
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = Pool::builder()
        .workers(2)
        .timeout(Duration::from_secs(1))
        .memory_limit(128 << 20)
        .build()?;
    for (n, result) in (1..).zip(pool.map(greedy, 1..=6)) {
        match result {
            Ok(n) => println!("job {n}: fine"),
            Err(JoinError::TimedOut) => println!("job {n}: ended, it took more than a second"),
            Err(JoinError::MemoryLimit { limit, seen }) => {
                println!("job {n}: ended, it had more than {} MiB: {}", limit >> 20, seen > limit);
            }
            Err(error) => println!("job {n}: {error}"),
        }
    }
    println!("restarts: {}", pool.stats().restarts());
    Ok(())
}
