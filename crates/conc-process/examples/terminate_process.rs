//! `terminate` is a request, `kill` is not; the exit status names the signal (P4).

#![allow(clippy::print_stdout, reason = "a program that shows something")]

use conc_process::{Builder, Process, Stdio};
use std::io::Read;
use std::time::Duration;

fn wait_forever(_: ()) {
    println!("ready");
    loop {
        std::thread::park();
    }
}

fn ignore_requests(_: ()) {
    // SAFETY: ignoring a signal runs no code.
    unsafe { libc::signal(libc::SIGTERM, libc::SIG_IGN) };
    wait_forever(());
}

fn start(function: fn(())) -> Result<Process<()>, Box<dyn std::error::Error>> {
    let mut process = Builder::new().stdout(Stdio::piped()).spawn(function, ())?;
    process.take_stdout().unwrap().read_exact(&mut [0; 6])?;
    Ok(process)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A shell without job control lets what it starts in the background ignore SIGINT, and children
    // inherit that.
    // SAFETY: the default action runs no code.
    unsafe { libc::signal(libc::SIGINT, libc::SIG_DFL) };

    let process = start(wait_forever)?;
    println!("alive before: {}", process.is_alive());
    process.terminate()?;
    // The signal is on its way; only waiting shows that it has arrived.
    println!("exit status: {}", process.wait_exit().unwrap());
    println!("alive after: {}", process.is_alive());
    println!("join says: {}", process.join().unwrap_err());

    let process = start(ignore_requests)?;
    process.terminate()?;
    println!("ignores SIGTERM: {}", !process.wait_timeout(Duration::from_millis(50)));
    process.kill()?;
    println!("but not: {}", process.wait_exit().unwrap());

    let process = start(wait_forever)?;
    process.interrupt()?;
    println!("interrupted: {}", process.join().unwrap_err());
    let process = Process::<()>::spawn(|code: i32| std::process::exit(code), 3)?;
    println!("by itself: {}", process.wait_exit().unwrap());
    Ok(())
}
