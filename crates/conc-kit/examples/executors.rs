//! One function, several executors (X2 of the seed notes).
//!
//! Python has `ThreadPoolExecutor` and `ProcessPoolExecutor` behind one interface; here the
//! interface is the trait `Executor`. Today: the caller's thread, a pool of threads, a process for
//! each job, and a pool of processes.
#![allow(clippy::print_stdout, reason = "a program shows its results")]

use conc_kit::process::{Pool, ProcessExecutor};
use conc_kit::thread::ThreadPool;
use conc_kit::{
    Executor, InlineExecutor, JoinError, SubmitError, as_completed, wait_all, wait_first,
};
use std::sync::mpsc;

/// Portable work: a function pointer, an argument and a result that can travel.
fn word_lengths(text: String) -> Vec<usize> {
    assert!(!text.is_empty(), "nothing to measure");
    text.split_whitespace().map(str::len).collect()
}

fn main() {
    show("inline", &InlineExecutor::new());
    let threads = ThreadPool::builder().workers(2).build().expect("two threads");
    show("threads", &threads);
    show("processes", &ProcessExecutor::new());
    let pool = Pool::builder().workers(2).build().expect("two processes");
    show("pool of processes", &pool);
}

fn show(name: &str, executor: &impl Executor) {
    println!("== {name}: {}", executor.capabilities());
    let submit = |text: &str| executor.submit(word_lengths, text.to_owned()).expect("open");

    // Python: executor.submit(f, x).result()
    println!("submit, join        {:?}", submit("one three").join());

    // Python: future.add_done_callback(f)
    let (send, receive) = mpsc::channel();
    let mut job = submit("eleven");
    job.on_finish(move |result| drop(send.send(result.clone())));
    job.wait();
    println!("on_finish           {:?}", receive.recv().expect("the callback ran before join"));

    // Python: executor.map(f, items); here it is lazy, and a failure stays in its place.
    let texts = ["a", "", "b c"].map(str::to_owned);
    for (place, result) in executor.map(word_lengths, texts).enumerate() {
        match result {
            Ok(lengths) => println!("map                 {place}: {lengths:?}"),
            Err(JoinError::Panicked { message, .. }) => {
                println!("map                 {place}: panicked: {message}");
            }
            Err(error) => println!("map                 {place}: {error}"),
        }
    }
    let endless = (1_u64..).map(|n| n * 1_000);
    let first: Result<Vec<_>, _> = executor.map(|n: u64| n + 1, endless).take(3).collect();
    println!("map, endless        {first:?}");

    // Python: executor.map(f, xs, ys)
    let powers = executor.starmap(u64::pow, [(2, 10), (3, 4)]);
    println!("starmap             {:?}", powers.collect::<Result<Vec<_>, _>>());

    // Python: as_completed(futures)
    let jobs = ["x", "yy", "zzz"].map(submit);
    let mut all: Vec<_> = as_completed(jobs).collect();
    all.sort_by_key(|(place, _)| *place);
    println!("as_completed        {all:?}");

    // Python: wait(futures, return_when=...), here over jobs of different types.
    let text = submit("four");
    let number = executor.submit(|n: u32| n * n, 12).expect("open");
    let first = wait_first(&[&text, &number]).expect("there are two");
    wait_all(&[&text, &number]);
    println!("wait_first          one of two: {}", first < 2);
    println!("wait_all            {:?} {:?}", text.join(), number.join());

    // Python: executor.shutdown(); submit afterwards is RuntimeError, here the argument returns.
    executor.shutdown();
    match executor.submit(word_lengths, "too late".to_owned()) {
        Err(SubmitError::Closed(text)) => println!("shutdown            {text:?} came back"),
        other => println!("shutdown            unexpected: {other:?}"),
    }
    println!();
}
