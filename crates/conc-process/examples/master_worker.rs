//! Master and workers: processes survive a worker's crash, threads die together (X4).

#![allow(clippy::print_stdout, reason = "a program that shows something")]

use conc_core::{Executor, as_completed};
use conc_process::{Pool, Process, ProcessExecutor, isolate};

fn work(item: u32) -> u32 {
    if item == 3 {
        // What a bug in a C library does.
        std::process::abort();
    }
    item * item
}

/// The same with threads: nobody gets to the end.
fn master_of_threads(_: ()) -> u32 {
    let workers: Vec<_> = (1..=5).map(|item| std::thread::spawn(move || work(item))).collect();
    workers.into_iter().map(|worker| worker.join().unwrap()).sum()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("processes:");
    let executor = ProcessExecutor::new();
    for (item, result) in (1..).zip(executor.map(work, 1..=5)) {
        match result {
            Ok(square) => println!("  worker {item}: {square}"),
            Err(error) => println!("  worker {item}: {error}"),
        }
    }
    println!("  the master goes on");

    println!("a pool of processes:");
    let pool = Pool::builder().workers(2).build()?;
    for (item, result) in (1..).zip(pool.map(work, 1..=5)) {
        match result {
            Ok(square) => println!("  worker {item}: {square}"),
            Err(error) => println!("  worker {item}: {error}"),
        }
    }
    println!("  the pool goes on: {:?}", pool.apply(work, 6));

    println!("threads:");
    // The master of the threads runs apart, or this program would end here.
    match isolate(master_of_threads, ()) {
        Ok(sum) => println!("  all done: {sum}"),
        Err(error) => println!("  the master and all its workers: {error}"),
    }

    // A worker that died is replaced, and its work done elsewhere.
    let jobs = (1..=5).map(|item| Process::spawn(work, item).map(Process::into_job));
    let jobs = jobs.collect::<Result<Vec<_>, _>>()?;
    let failed: Vec<u32> = as_completed(jobs)
        .zip(0..)
        .filter_map(|((place, result), _)| result.is_err().then_some(place as u32 + 1))
        .collect();
    println!("to be done again: {failed:?}");
    Ok(())
}
