//! fib(25) to fib(40), inline against threads (X3 of the seed notes).
//!
//! In CPython threads lose this race: one interpreter lock lets one of them run at a time. Here
//! they win by the number of CPUs. Processes join the race when they run.
//!
//! `cargo run --release --example fib_race [FROM [TO]]`
#![allow(clippy::print_stdout, reason = "a program shows its results")]

use conc_kit::thread::ThreadPool;
use conc_kit::{Executor, InlineExecutor};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Slow on purpose.
fn fib(n: u64) -> u64 {
    if n < 2 { n } else { fib(n - 1) + fib(n - 2) }
}

/// A job's own time and result.
fn timed_fib(n: u64) -> (u64, Duration) {
    let started = Instant::now();
    let result = fib(n);
    (result, started.elapsed())
}

fn main() -> ExitCode {
    let mut bounds = std::env::args().skip(1).map(|bound| bound.parse::<u64>());
    let (from, to) = match (bounds.next(), bounds.next()) {
        (None, None) => (25, 40),
        (Some(Ok(from)), None) => (from, 40),
        (Some(Ok(from)), Some(Ok(to))) if from <= to && to <= 93 => (from, to),
        _ => {
            eprintln!("usage: fib_race [FROM [TO]], numbers with FROM <= TO <= 93");
            return ExitCode::from(2);
        }
    };
    let pool = ThreadPool::new().expect("threads can be started");
    let (inline, inline_time) = race(&InlineExecutor::new(), from, to);
    let (threads, threads_time) = race(&pool, from, to);

    println!("{:>3} {:>20} {:>12} {:>12}", "n", "fib(n)", "inline ms", "threads ms");
    for (n, (inline, threads)) in (from..).zip(inline.iter().zip(&threads)) {
        assert_eq!(inline.0, threads.0, "both count the same rabbits");
        println!("{n:>3} {:>20} {:>12.3} {:>12.3}", inline.0, millis(inline.1), millis(threads.1));
    }
    println!(
        "all {:>20} {:>12.3} {:>12.3}  {:.2}x with {} workers",
        "",
        millis(inline_time),
        millis(threads_time),
        inline_time.as_secs_f64() / threads_time.as_secs_f64(),
        pool.parallelism(),
    );
    ExitCode::SUCCESS
}

fn race(executor: &impl Executor, from: u64, to: u64) -> (Vec<(u64, Duration)>, Duration) {
    let started = Instant::now();
    // The largest first: the last job to start should not be the longest.
    let results = executor.map(timed_fib, (from..=to).rev());
    let mut results: Vec<_> = results.map(|result| result.expect("fib does not panic")).collect();
    results.reverse();
    (results, started.elapsed())
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
