//! Producers and consumers, each a process; how consumers learn that all is done (Q3).
//!
//! Usage: `producer_consumer [PRODUCERS [CONSUMERS]]`. First as in Python: the last thing in the
//! queue is `None`, and whoever gets it passes it on. Then without: the queue is closed. Producers
//! and consumers are written for any queue; here they get one between processes.

#![allow(clippy::print_stdout, reason = "a program that shows something")]

use conc_kit::process::{Process, Queue};
use conc_kit::queue::BlockingQueue;
use std::collections::BTreeSet;
use std::process::ExitCode;

/// Each producer makes so many.
const EACH: u32 = 10;
/// The queue holds so many: producers wait for consumers.
const ROOM: usize = 4;

type Error = Box<dyn std::error::Error>;

fn food(producer: u32) -> impl Iterator<Item = String> {
    (0..EACH).map(move |number| format!("food{producer}.{number}"))
}

fn produce<T: From<String>>((queue, producer): (impl BlockingQueue<Item = T>, u32)) -> u32 {
    queue.put_many(food(producer).map(T::from)).expect("consumers make room");
    EACH
}

/// Eats until somebody passes on that there is no more.
fn consume_until_none(queue: impl BlockingQueue<Item = Option<String>>) -> Vec<String> {
    let mut eaten = Vec::new();
    while let Some(food) = queue.get().expect("somebody says None in the end") {
        eaten.push(food);
    }
    // The next consumer wants to know, too.
    queue.put(None).expect("there is room: it was taken out");
    eaten
}

/// Eats until there is no more.
fn consume_until_closed(queue: impl BlockingQueue<Item = String>) -> Vec<String> {
    let mut eaten = Vec::new();
    while let Ok(food) = queue.get() {
        eaten.push(food);
    }
    eaten
}

fn with_sentinel(producers: u32, consumers: u32) -> Result<(), Error> {
    let queue: Queue<Option<String>> = Queue::bounded(ROOM)?;
    let makers: Vec<_> = (1..=producers)
        .map(|number| Process::spawn(produce::<Option<String>>, (queue.clone(), number)))
        .collect::<Result<_, _>>()?;
    let eaters: Vec<_> = (1..=consumers)
        .map(|_| Process::spawn(consume_until_none, queue.clone()))
        .collect::<Result<_, _>>()?;
    let made = makers.into_iter().map(Process::join).sum::<Result<u32, _>>()?;
    queue.put(None)?;
    let eaten = eaters.into_iter().map(Process::join).collect::<Result<Vec<_>, _>>()?;
    report(made, &eaten, producers);
    println!("  left over: {} item, {:?}", queue.len(), queue.get()?);
    Ok(())
}

fn with_close(producers: u32, consumers: u32) -> Result<(), Error> {
    let queue: Queue<String> = Queue::bounded(ROOM)?;
    let makers: Vec<_> = (1..=producers)
        .map(|number| Process::spawn(produce::<String>, (queue.clone(), number)))
        .collect::<Result<_, _>>()?;
    let eaters: Vec<_> = (1..=consumers)
        .map(|_| Process::spawn(consume_until_closed, queue.clone()))
        .collect::<Result<_, _>>()?;
    let made = makers.into_iter().map(Process::join).sum::<Result<u32, _>>()?;
    queue.close();
    let eaten = eaters.into_iter().map(Process::join).collect::<Result<Vec<_>, _>>()?;
    report(made, &eaten, producers);
    println!("  left over: {} items", queue.len());
    Ok(())
}

fn report(made: u32, eaten: &[Vec<String>], producers: u32) {
    for (consumer, eaten) in (1..).zip(eaten) {
        println!("  echo{consumer} ate {}", eaten.len());
    }
    let all: BTreeSet<_> = eaten.iter().flatten().cloned().collect();
    let count: usize = eaten.iter().map(Vec::len).sum();
    let complete = all == (1..=producers).flat_map(food).collect();
    println!("  made {made}, eaten {count}; each exactly once: {}", complete && count == all.len());
}

fn main() -> ExitCode {
    let numbers: Result<Vec<u32>, _> = std::env::args().skip(1).map(|text| text.parse()).collect();
    let (producers, consumers) = match numbers.as_deref() {
        Ok([]) => (2, 4),
        Ok([producers @ 1..=99]) => (*producers, 4),
        Ok([producers @ 1..=99, consumers @ 1..=99]) => (*producers, *consumers),
        _ => {
            eprintln!("usage: producer_consumer [PRODUCERS [CONSUMERS]], 1 to 99 each");
            return ExitCode::from(2);
        }
    };
    println!("until None, which is passed on:");
    let ran = with_sentinel(producers, consumers).and_then(|()| {
        println!("until the queue is closed:");
        with_close(producers, consumers)
    });
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("producer_consumer: {error}");
            ExitCode::FAILURE
        }
    }
}
