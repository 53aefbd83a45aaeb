//! What a process changes, its parent does not see; and what it breaks, neither (P6).

#![allow(clippy::print_stdout, reason = "a program that shows something")]

use conc_process::{Process, isolate};
use std::sync::atomic::{AtomicI32, Ordering};

static GLOBAL: AtomicI32 = AtomicI32::new(100);

fn change(by: i32) -> i32 {
    GLOBAL.fetch_add(by, Ordering::Relaxed) + by
}

fn crash(_: ()) {
    // SAFETY: it is not, which is the point: the write ends this process.
    unsafe { std::ptr::null_mut::<i32>().write_volatile(1) };
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("in the child: {}", Process::spawn(change, 23)?.join()?);
    println!("in the next: {}", Process::spawn(change, 1)?.join()?);
    println!("here: {}", GLOBAL.load(Ordering::Relaxed));
    match isolate(crash, ()) {
        Ok(()) => println!("the crash did not happen"),
        Err(error) => println!("a crash is an error here: {error}"),
    }
    println!("and we go on");
    Ok(())
}
