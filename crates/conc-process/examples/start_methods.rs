//! Three ways to make a process, and what each of them sees (P8).
//!
//! No `if __name__ == '__main__'`, no call in `main`: a hook before `main` does it.

#![allow(clippy::print_stdout, reason = "a program that shows something")]

use conc_process::{Builder, StartMethod, preload};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

static TABLE: OnceLock<usize> = OnceLock::new();

fn warm_up() {
    TABLE.get_or_init(|| 42);
}

fn look(_: ()) -> String {
    match TABLE.get() {
        Some(table) => format!("sees {table}"),
        None => "sees nothing".to_owned(),
    }
}

fn timed<R>(mut run: impl FnMut() -> R) -> (R, Duration) {
    let mut samples: Vec<Duration> = Vec::new();
    for _ in 0..20 {
        let start = Instant::now();
        drop(run());
        samples.push(start.elapsed());
    }
    samples.sort_unstable();
    (run(), samples[samples.len() / 2])
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    preload(warm_up)?;
    println!("this process {}", look(()));
    for method in StartMethod::ALL {
        let run = || Builder::new().start_method(method).spawn(look, ()).unwrap().join().unwrap();
        let (saw, median) = timed(run);
        println!("{method:?} {saw} ({median:.0?})");
    }
    TABLE.get_or_init(|| 7);
    // SAFETY: this process has one thread.
    let run = || unsafe { Builder::new().fork(|| look(())) }.unwrap().join().unwrap();
    let (saw, median) = timed(run);
    println!("Fork {saw} ({median:.0?}), as it copies the caller");
    Ok(())
}
