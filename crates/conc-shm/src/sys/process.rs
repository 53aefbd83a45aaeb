//! Pidfds, start times, namespaces.

use nix::errno::Errno;
use std::fs::File;
use std::io::Read;
use std::os::fd::{FromRawFd, OwnedFd};

/// What the kernel says about a process in `/proc/<pid>/stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    /// Its number, as whoever mounted `/proc` sees it.
    pub(crate) pid: i32,
    /// A letter: `R`, `S`, `T`, `Z`...
    pub(crate) state: u8,
    /// When it began, in ticks since the system did.
    pub(crate) start: u64,
}

impl Stat {
    /// Of the process with this number; `ESRCH` if there is none.
    pub(crate) fn of(pid: i32) -> Result<Self, Errno> {
        Self::read(&format!("/proc/{pid}/stat"))
    }

    /// Of this process.
    pub(crate) fn own() -> Result<Self, Errno> {
        Self::read("/proc/self/stat")
    }

    fn read(path: &str) -> Result<Self, Errno> {
        let mut text = [0; 1024];
        let length = File::open(path).and_then(|mut file| file.read(&mut text));
        let length = length.map_err(|error| match error.raw_os_error() {
            Some(libc::ENOENT) => Errno::ESRCH,
            Some(other) => Errno::from_raw(other),
            None => Errno::EIO,
        })?;
        Self::parse(text.get(..length).unwrap_or_default()).ok_or(Errno::EIO)
    }

    /// Its name, in brackets, may hold anything; whatever comes behind the last bracket does not.
    fn parse(text: &[u8]) -> Option<Self> {
        let close = text.iter().rposition(|&byte| byte == b')')?;
        let open = text.iter().position(|&byte| byte == b'(')?;
        let pid = std::str::from_utf8(text.get(..open)?).ok()?.trim().parse().ok()?;
        let mut rest = std::str::from_utf8(text.get(close + 1..)?).ok()?.split_ascii_whitespace();
        // The third field of all, and the twenty-second.
        let state = *rest.next()?.as_bytes().first()?;
        let start = rest.nth(18)?.parse().ok()?;
        Some(Self { pid, state, start })
    }
}

/// Opens a handle of a process; `ESRCH` if there is none.
pub(crate) fn open(pid: i32) -> Result<OwnedFd, Errno> {
    // SAFETY: the call takes numbers only.
    let result = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let fd = i32::try_from(Errno::result(result)?).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The number of this process.
pub(crate) fn own_pid() -> i32 {
    nix::unistd::getpid().as_raw()
}

/// Where numbers of processes and their start times mean the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Namespaces {
    /// The namespace of process numbers.
    pub(crate) pid: u64,
    /// The namespace of clocks; 0 where the kernel has none.
    pub(crate) time: u64,
}

impl Namespaces {
    /// Those of this process.
    pub(crate) fn own() -> Result<Self, Errno> {
        let inode = |path| nix::sys::stat::stat(path).map(|stat| stat.st_ino);
        let time = match inode("/proc/self/ns/time") {
            Err(Errno::ENOENT) => 0,
            other => other?,
        };
        Ok(Self { pid: inode("/proc/self/ns/pid")?, time })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use conc_tests::watchdog;

    #[test]
    fn names_with_brackets_and_spaces() {
        let _watchdog = watchdog();
        let line = b"77 (a) R (b) S 1 77 77 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4711 99 1";
        assert_eq!(Stat::parse(line), Some(Stat { pid: 77, state: b'S', start: 4711 }));
        for end in 0..line.len() - 8 {
            // Whatever is missing, nothing panics.
            let _ = Stat::parse(&line[..end]);
        }
    }

    #[test]
    fn this_process() {
        let _watchdog = watchdog();
        let own = Stat::own().unwrap();
        assert_eq!(own.pid, own_pid());
        assert_eq!(Stat::of(own.pid).unwrap().start, own.start);
        assert_eq!(Stat::of(i32::MAX), Err(Errno::ESRCH));
        assert_ne!(Namespaces::own().unwrap().pid, 0);
    }
}
