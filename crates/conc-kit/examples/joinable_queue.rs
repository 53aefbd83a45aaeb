//! `task_done` and `join`: wait until all is done, whoever dies over it (Q5).
//!
//! In Python a consumer that dies between `get` and `task_done` leaves `join` waiting for ever.
//! Here what it had leased comes back to somebody else, what it had got is lost, and in both cases
//! `join` returns.

#![allow(clippy::print_stdout, reason = "a program that shows something")]

use conc_kit::process::queue::Builder;
use conc_kit::process::{Process, Queue};
use conc_kit::queue::JoinableQueue;

/// What a consumer did: the item, and at which delivery.
type Done = (u32, u8);

const POISON: u32 = 3;

/// A daemon: works until the program ends.
fn work((tasks, done): (impl JoinableQueue<Item = u32>, Queue<Done>)) {
    while let Ok(task) = tasks.get() {
        done.put((task, 1)).expect("there is room");
        tasks.task_done().expect("it was got");
    }
}

/// Works on what it has leased. One item kills its first consumer.
fn work_carefully((tasks, done): (Queue<u32>, Queue<Done>)) {
    while let Ok(task) = tasks.lease() {
        if *task == POISON && task.deliveries() == 1 {
            // What a bug in a C library does.
            std::process::abort();
        }
        done.put((*task, task.deliveries())).expect("there is room");
        task.ack();
    }
}

/// Gets an item and dies with it.
fn work_and_die(tasks: Queue<u32>) {
    let _ = tasks.get();
    std::process::abort();
}

fn drain(done: &Queue<Done>) -> Vec<Done> {
    let mut all: Vec<_> = std::iter::from_fn(|| done.try_get().ok()).collect();
    all.sort_unstable();
    all
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let tasks: Queue<u32> = Builder::new(100).joinable().build()?;
    let done: Queue<Done> = Queue::bounded(100)?;

    println!("three consumers, ten items:");
    for _ in 0..3 {
        // Not joined: they end with this program.
        Process::spawn(work, (tasks.clone(), done.clone()))?;
    }
    tasks.put_many(1..=10).map_err(|stopped| stopped.error)?;
    tasks.join()?;
    let items: Vec<_> = drain(&done).into_iter().map(|(item, _)| item).collect();
    println!("  join returned; done: {items:?}; unfinished: {}", tasks.unfinished());
    let refused = tasks.task_done().expect_err("nothing was got here");
    println!("  task_done once more: {refused}");

    println!("two consumers that lease, one item that kills:");
    let tasks: Queue<u32> = Builder::new(100).joinable().max_deliveries(3).build()?;
    let consumers = [0; 2].map(|_| Process::spawn(work_carefully, (tasks.clone(), done.clone())));
    tasks.put_many(1..=5).map_err(|stopped| stopped.error)?;
    tasks.join()?;
    for (item, deliveries) in drain(&done) {
        println!("  item {item}, delivery {deliveries}");
    }
    tasks.close();
    let mut ends = Vec::new();
    for consumer in consumers {
        ends.push(consumer?.join().map_or_else(|error| error.to_string(), |()| "fine".into()));
    }
    ends.sort();
    println!("  the consumers: {}", ends.join(", "));

    println!("a consumer that dies with what it got:");
    let tasks: Queue<u32> = Builder::new(100).joinable().build()?;
    let consumer = Process::spawn(work_and_die, tasks.clone())?;
    tasks.put(1)?;
    tasks.join()?;
    let end = consumer.join().expect_err("it aborts");
    println!("  join returned; the consumer: {end}; the item is lost");
    Ok(())
}
