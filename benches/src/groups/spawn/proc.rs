//! What `/proc` tells about a process.

use std::fs;
use std::thread;
use std::time::Duration;

/// The name that a process has once it has come to rest; see [`rest`].
const RESTING: &std::ffi::CStr = c"at rest";

/// What a process holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Memory {
    /// KiB of pages that no other process has.
    pub(super) unshared: f64,
    /// KiB, a page that n processes have counted as an nth.
    pub(super) proportional: f64,
}

/// # Panics
///
/// If the process is gone or is somebody else's.
pub(super) fn memory(pid: u32) -> Memory {
    let path = format!("/proc/{pid}/smaps_rollup");
    let rollup = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    parse(&rollup)
}

/// Reads the text of `smaps_rollup`.
pub(super) fn parse(rollup: &str) -> Memory {
    let sum = |keys: &[&str]| -> f64 {
        let fields = rollup.lines().filter_map(|line| line.split_once(':'));
        let wanted = fields.filter(|(key, _)| keys.contains(key));
        wanted.filter_map(|(_, rest)| rest.split_whitespace().next()?.parse::<f64>().ok()).sum()
    };
    Memory { unshared: sum(&["Private_Clean", "Private_Dirty"]), proportional: sum(&["Pss"]) }
}

/// The job of an idle child: to be there.
pub(super) fn rest((): ()) {
    nix::sys::prctl::set_name(RESTING).expect("the name is short");
    loop {
        thread::park();
    }
}

/// Waits until a process has come to [`rest`].
///
/// # Panics
///
/// If it is gone.
pub(super) fn await_rest(pid: u32) {
    let path = format!("/proc/{pid}/comm");
    loop {
        let name = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        if name.trim_end().as_bytes() == RESTING.to_bytes() {
            return;
        }
        // Nobody tells when a name changes.
        thread::park_timeout(Duration::from_millis(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unshared_memory_is_what_is_private() {
        let rollup = "00400000-7ffe rw-p 00000000 00:00 0 [rollup]\nRss: 900 kB\nPss:  210 kB\n\
                      Pss_Anon: 70 kB\nShared_Clean: 600 kB\nPrivate_Clean: 40 kB\n\
                      Private_Dirty:  60 kB\n";
        let memory = parse(rollup);
        assert_eq!((memory.unshared, memory.proportional), (100.0, 210.0));
    }
}
