//! A process with arguments, and the result that comes back (P1).
//!
//! Python's `Process` gives its result to nobody; here `join` returns it. The kernel's parent of
//! the process is the fork server, so `getppid` differs from Python's `fork`; `parent()` is the
//! process that asked.

#![allow(clippy::print_stdout, reason = "a program that shows something")]

use conc_process::{Builder, current, parent};
use std::os::unix::process::parent_id;

fn greet((who, times): (String, usize)) -> String {
    let parent = parent().expect("a child has a parent");
    println!("  {}: pid {}, asked for by {}", current().name(), current().pid(), parent.pid());
    println!(
        "  the kernel says that my parent is the fork server: {}",
        parent_id() != parent.pid()
    );
    vec![format!("hello, {who}"); times].join("; ")
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("{}: pid {}", current().name(), current().pid());
    let process = Builder::new().name("greeter").spawn(greet, ("world".to_owned(), 2))?;
    println!("started {} as pid {}", process.name(), process.pid());
    println!("result: {}", process.join()?);
    Ok(())
}
