//! fib(25) to fib(40): inline, threads, processes, a pool of processes (X3 of the seed notes).
//!
//! In CPython threads lose this race, since one interpreter lock lets one of them run at a time, and
//! processes win it. Here both win by the number of CPUs; a process costs a fraction of a
//! millisecond more.
//!
//! `cargo run --release --example fib_race [FROM [TO]]`
#![allow(clippy::print_stdout, reason = "a program shows its results")]

use conc_kit::process::{Pool, ProcessExecutor};
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
    let processes = Pool::new().expect("processes can be started");
    let worlds = [
        ("inline", race(&InlineExecutor::new(), from, to)),
        ("threads", race(&pool, from, to)),
        ("processes", race(&ProcessExecutor::new(), from, to)),
        ("pool", race(&processes, from, to)),
    ];

    print!("{:>3} {:>20}", "n", "fib(n)");
    worlds.iter().for_each(|(name, _)| print!(" {:>12}", format!("{name} ms")));
    println!();
    for (place, n) in (from..=to).enumerate() {
        let expected = worlds[0].1.results[place].0;
        print!("{n:>3} {expected:>20}");
        for (name, race) in &worlds {
            let (result, time) = race.results[place];
            assert_eq!(result, expected, "{name} counts other rabbits");
            print!(" {:>12.3}", millis(time));
        }
        println!();
    }
    print!("{:>3} {:>20}", "all", "");
    worlds.iter().for_each(|(_, race)| print!(" {:>12.3}", millis(race.time)));
    println!();
    let speed_up = |race: &Race| worlds[0].1.time.as_secs_f64() / race.time.as_secs_f64();
    print!("{:>3} {:>20}", "", "speed-up");
    worlds.iter().for_each(|(_, race)| print!(" {:>11.2}x", speed_up(race)));
    println!(" on {} CPUs", pool.parallelism());
    ExitCode::SUCCESS
}

struct Race {
    /// Each job's result and its own time.
    results: Vec<(u64, Duration)>,
    time: Duration,
}

fn race(executor: &impl Executor, from: u64, to: u64) -> Race {
    let started = Instant::now();
    // The largest first: the last job to start should not be the longest.
    let results = executor.map(timed_fib, (from..=to).rev());
    let mut results: Vec<_> = results.map(|result| result.expect("fib does not panic")).collect();
    results.reverse();
    Race { results, time: started.elapsed() }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
