//! A queue of three places: full, empty, too late, closed; and the same between processes (Q1).
//!
//! What Python's `queue.Queue` and `multiprocessing.Queue` do, in the same order. The first half
//! is written for any queue of the family. Where Python differs: `put_nowait` of a process queue
//! returns before the item is in, and what was refused is lost; its `empty` and `full` may be
//! wrong; its `close` concerns the caller alone (`shutdown`, since 3.13, is not for processes).

#![allow(clippy::print_stdout, reason = "a program that shows something")]

use conc_kit::process::{PlainQueue, Process, Queue};
use conc_kit::queue::{BlockingQueue, PutFailure};
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_millis(20);

/// The whole vocabulary, on any queue of three places.
fn vocabulary(queue: &impl BlockingQueue<Item = u32>) {
    for item in 1..=3 {
        queue.put(item).expect("there is room");
    }
    println!("  put 1, 2, 3");
    let refused = queue.try_put(4).expect_err("there is no room");
    print!("  put_nowait(4): {refused}");
    println!("; {} came back", refused.into_item());
    println!("  qsize {}, empty {}, full {}", queue.len(), queue.is_empty(), queue.is_full());
    let started = Instant::now();
    let late = queue.put_timeout(4, SOON).expect_err("nobody makes room");
    println!("  put(4, timeout): {late}; too early: {}", started.elapsed() < SOON);

    let items: Vec<u32> = (0..3).map_while(|_| queue.get().ok()).collect();
    println!("  get: {items:?}");
    println!("  get_nowait: {}", queue.try_get().expect_err("nothing is left"));
    let started = Instant::now();
    let late = queue.get_timeout(SOON).expect_err("nobody puts");
    println!("  get(timeout): {late}; too early: {}", started.elapsed() < SOON);
    println!("  qsize {}, empty {}, full {}", queue.len(), queue.is_empty(), queue.is_full());

    queue.put(5).expect("there is room again");
    queue.close();
    let refused = queue.put(6).expect_err("it is closed");
    print!("  put(6) after close: {refused}");
    println!("; {} came back", refused.into_item());
    println!("  get what was put before: {:?}", queue.get().ok());
    println!("  get after that: {}", queue.get().expect_err("it is closed"));
}

/// Waits for questions until there will be none.
fn square((questions, answers): (Queue<u64>, Queue<(u64, u64)>)) -> String {
    loop {
        match questions.get() {
            Ok(number) => answers.put((number, number * number)).expect("there is room"),
            Err(end) => return end.to_string(),
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("a queue of encoded items:");
    vocabulary(&<Queue<u32>>::bounded(3)?);
    println!("a queue of plain data:");
    vocabulary(&PlainQueue::bounded(3)?);

    println!("between processes:");
    let questions: Queue<u64> = Queue::bounded(1)?;
    let answers = Queue::bounded(100)?;
    // Handles are values; they travel in arguments.
    let process = Process::spawn(square, (questions.clone(), answers.clone()))?;
    for number in 1..=100 {
        // Each waits until the one before has gone.
        questions.put(number)?;
    }
    questions.close();
    println!("  the other process ended, since {}", process.join()?);
    let mut squares = Vec::new();
    let end = loop {
        match answers.get() {
            Ok(answer) => squares.push(answer),
            Err(end) => break end,
        }
    };
    let in_order = squares.iter().zip(1..).all(|(answer, n)| *answer == (n, n * n));
    println!("  {} answers, in order: {in_order}", squares.len());
    // Nobody had to close this one.
    println!("  and no more, since {end}");
    Ok(())
}
