//! Limits of time and memory on a pool (P11 of the seed notes, in part): which one acted is told.
#![allow(clippy::print_stdout, reason = "a program that shows something")]

use conc_core::JoinError;
use conc_process::Pool;
use std::time::Duration;

/// The third job never ends, the fifth takes four times as much memory as it may, and keeps it.
fn greedy(n: u32) -> u32 {
    let mut kept = Vec::new();
    loop {
        match n {
            5 if kept.len() < 512 => kept.push(vec![n as u8; 1 << 20]),
            3 | 5 => std::thread::park(),
            n => return n,
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = Pool::builder()
        .workers(2)
        .timeout(Duration::from_secs(3))
        .memory_limit(128 << 20)
        .build()?;
    for (n, result) in (1..).zip(pool.map(greedy, 1..=6)) {
        match result {
            Ok(n) => println!("job {n}: fine"),
            Err(JoinError::TimedOut) => println!("job {n}: ended, it took more than three seconds"),
            Err(JoinError::MemoryLimit { limit, seen }) => {
                println!("job {n}: ended, it had more than {} MiB: {}", limit >> 20, seen > limit);
            }
            Err(error) => println!("job {n}: {error}"),
        }
    }
    println!("restarts: {}", pool.stats().restarts());
    Ok(())
}
