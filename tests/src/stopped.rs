//! A stop is a request: who runs on another processor goes on until that hears of it.

use std::{fs, thread};

/// Waits until a process that was sent SIGSTOP does nothing any more.
///
/// # Panics
///
/// If it is not there.
pub fn await_stopped(pid: i32) {
    let path = format!("/proc/{pid}/stat");
    loop {
        let stat = fs::read_to_string(&path).expect("a process");
        // The name before may hold anything, parentheses as well.
        let (_, fields) = stat.rsplit_once(") ").expect("fields behind the name");
        if fields.starts_with(['T', 'Z', 'X']) {
            return;
        }
        thread::yield_now();
    }
}
