//! All of `multiprocessing.Pool`, and what it lacks (X1 of the seed notes).
#![allow(clippy::print_stdout, reason = "a program that shows something")]

use conc_core::{JoinError, as_completed};
use conc_process::{Pool, cpu_count};
use std::time::Duration;

fn square(n: u64) -> u64 {
    n * n
}

fn fragile(n: u64) -> u64 {
    match n {
        2 => panic!("two is one too many"),
        4 => std::process::abort(),
        6 => std::process::exit(6),
        8 => loop {
            std::thread::park();
        },
        n => n,
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Pool(): one process for each processor.
    let pool = Pool::new()?;
    println!("default size: {}", pool.workers() == cpu_count());

    // pool.apply(f, x), pool.apply_async(f, x, callback=...)
    println!("apply: {:?}", pool.apply(square, 12));
    let mut job = pool.submit(square, 13)?;
    job.on_finish(|result| println!("callback: {result:?}"));
    println!("apply_async: {:?}", job.join());

    // pool.map(f, items, chunksize), pool.imap(...): one lazy form for both.
    let squares: Result<Vec<_>, _> = pool.map(square, 0..10).batch_len(3).collect();
    println!("map: {squares:?}");
    let first: Vec<_> = pool.map(square, 0..).take(3).collect();
    println!("imap of an endless source: {first:?}");

    // pool.imap_unordered(f, items): each with the place of its item.
    let mut unordered: Vec<_> = pool.map_unordered(square, 5..8).collect();
    unordered.sort_by_key(|(place, _)| *place);
    println!("imap_unordered, sorted: {unordered:?}");

    // pool.starmap(f, pairs)
    let powers: Result<Vec<_>, _> = pool.starmap(u64::pow, [(2, 10), (3, 4)]).collect();
    println!("starmap: {powers:?}");

    // pool.close(), pool.join()
    pool.shutdown();
    println!("after shutdown: {}", pool.submit(square, 1).unwrap_err());

    // What costs Python its pool costs us one item each.
    let pool = Pool::builder().workers(2).timeout(Duration::from_secs(2)).build()?;
    for (n, result) in pool.map(fragile, 0..10).batch_len(10).enumerate() {
        match result {
            Ok(_) => {}
            Err(JoinError::Panicked { message, .. }) => println!("item {n}: panicked: {message}"),
            Err(error) => println!("item {n}: {error}"),
        }
    }

    // retries, maxtasksperchild, state of the worker, progress.
    let pool = Pool::builder()
        .workers(1)
        .retries(2)
        .max_tasks_per_worker(4)
        .initializer(|start: u64| start, 100)
        .build()?;
    match pool.submit(fragile, 4)?.join() {
        Err(JoinError::Exhausted { attempts }) => println!("died {} times", attempts.len()),
        other => println!("unexpected: {other:?}"),
    }
    let count = |known: &mut u64, _: u8| {
        *known += 1;
        *known
    };
    let jobs = (0..6).map(|n| pool.submit_with(count, n)).collect::<Result<Vec<_>, _>>()?;
    let mut counted: Vec<_> = as_completed(jobs).map(|(_, result)| result.unwrap_or(0)).collect();
    counted.sort_unstable();
    println!("state of two workers: {counted:?}");
    let map = pool.map(square, 0..20).batch_len(10).on_progress(|progress| {
        println!("progress: {} of {:?}", progress.done, progress.total);
    });
    println!("sum: {}", map.map(Result::unwrap).sum::<u64>());
    println!("restarts: {}", pool.stats().restarts() > 0);

    // pool.terminate(): what runs is ended, what waits is cancelled.
    let endless = pool.submit(fragile, 8)?;
    pool.terminate();
    println!("after terminate: {}", endless.join().is_err());
    Ok(())
}
