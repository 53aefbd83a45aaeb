//! Ends all that a process has started, and all that those have: also who has left its group.
//!
//! The root has to be a subreaper ([`adopt_orphans`](super::fork::adopt_orphans)): then nobody gets
//! away from below it while it is there. It is stopped, so that it starts no more; whoever is found
//! below gets SIGKILL, parents before children, after which the kernel lets it start no more
//! either. What moves meanwhile, because its parent has died, is found in the next round.
//!
//! # Nobody else is hit
//!
//! Numbers are used again, handles are not. A child is opened first; then `/proc` has to say that
//! the process of its number has the expected parent, and afterwards the parent must not be reaped,
//! so that its number was its own all the time. If the child's number has changed hands between
//! the first two steps, the handle is that of a dead process, and the signal reaches nobody.

use super::fork;
use super::pidfd;
use super::poll;
use conc_core::Deadline;
use nix::errno::Errno;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::thread;
use std::time::{Duration, Instant};

/// Whoever has children faster than they are ended may go on after this.
const MOST_TIME: Duration = Duration::from_millis(500);
/// So long something may stay as it is which should not: a root that does not stop because it is
/// in the middle of a system call, children that no descriptor is left for.
const MOST_PATIENCE: Duration = Duration::from_millis(50);
/// But time alone says little where others have the processors: so often one has looked by then ...
const LEAST_ROUNDS: u32 = 50;
/// ... and so often in a row without having found anything.
const LEAST_QUIET: u32 = YIELDS + 10;
/// The root needs some microseconds to stop.
const YIELDS: u32 = 32;
const NAP: Duration = Duration::from_millis(1);

/// Who is left below a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    Nobody,
    /// Maybe somebody: they were too many, or too fast, or the root could not be stopped.
    Some,
    /// Nobody can tell: this kernel has no lists of children, or `/proc` is that of others.
    Unknown,
}

/// Stops a process and ends all that is below it. It has to be ended, or let go on, afterwards.
pub(crate) fn end_below(root: i32, handle: BorrowedFd<'_>) -> Left {
    if !can_tell() {
        return Left::Unknown;
    }
    Hunt::new(root, handle).run()
}

/// How many children a process has that have ended and that nobody has waited for.
pub(crate) fn count_zombies(pid: i32) -> usize {
    let children = children(pid).unwrap_or_default();
    let is_dead = |child: &i32| Stat::read(&format!("/proc/{child}")).is_ok_and(Stat::is_dead);
    children.iter().filter(|child| is_dead(child)).count()
}

/// Whether a process would survive a signal for the time being, because it handles or ignores it.
pub(crate) fn survives(pid: i32, signal: i32) -> bool {
    let Ok(text) = fs::read_to_string(format!("/proc/{pid}/status")) else { return false };
    ["SigIgn:", "SigCgt:"].iter().any(|name| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let set = line.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or(0);
        set >> (signal - 1) & 1 == 1
    })
}

/// Whether `/proc` has lists of children, with the numbers that processes have for us.
fn can_tell() -> bool {
    let own = fs::read_link("/proc/self").ok();
    own.is_some_and(|own| own.to_str() == Some(&fork::own_pid().to_string()))
        && fs::exists("/proc/thread-self/children").unwrap_or(false)
}

struct Hunt<'p> {
    root: i32,
    handle: BorrowedFd<'p>,
    /// Who has got the signal, or may not get one from us, and was not dead at the last look.
    known: HashMap<i32, OwnedFd>,
    /// Who was dead already when first opened.
    dead: HashSet<i32>,
}

/// What one round has found.
#[derive(Default)]
struct Round {
    /// Something was not as it had been a moment before: there may be more.
    moved: bool,
    /// Something could not be looked at.
    blind: bool,
}

impl<'p> Hunt<'p> {
    fn new(root: i32, handle: BorrowedFd<'p>) -> Self {
        Self { root, handle, known: HashMap::new(), dead: HashSet::new() }
    }

    fn run(mut self) -> Left {
        let begun = Instant::now();
        let (mut moved_at, mut rounds, mut quiet) = (begun, 0, 0);
        loop {
            // If it is dead, others have its children.
            if is_dead(self.handle) {
                return Left::Nobody;
            }
            let stopped = self.is_stopped();
            let Round { moved, blind } = self.round();
            let now = Instant::now();
            if stopped && !moved && !blind {
                return Left::Nobody;
            }
            rounds += 1;
            (moved_at, quiet) = if moved { (now, 0) } else { (moved_at, quiet + 1) };
            let late = now - begun >= MOST_TIME && rounds >= LEAST_ROUNDS;
            let stuck = now - moved_at >= MOST_PATIENCE && quiet >= LEAST_QUIET;
            if late || stuck {
                return Left::Some;
            }
            if moved {
                continue;
            }
            if quiet <= YIELDS {
                thread::yield_now();
            } else {
                // An error is a look too early.
                let _ = poll::readable([self.handle], Deadline::after(NAP));
            }
        }
    }

    /// Whether none of its threads can do anything; sees to it.
    fn is_stopped(&self) -> bool {
        let folder = format!("/proc/{}/task", self.root);
        let threads = numbers(&folder).unwrap_or_default();
        let mut states = threads.iter().map(|thread| Stat::read(&format!("{folder}/{thread}")));
        let stopped = states.all(|stat| stat.is_ok_and(Stat::is_still));
        if !stopped {
            // Whoever let it go on. It may be dead.
            let _ = pidfd::signal(self.handle, libc::SIGSTOP);
        }
        stopped
    }

    /// Ends all that can be seen, from the root down. Nothing has moved if nobody was there, alive
    /// or dead, who had not been there before, and none of the known has died meanwhile: it is by
    /// deaths that children change parents, and who is stopped or has got SIGKILL has no new ones.
    /// A body that is new may be that of one who died between two of our looks, and whose children
    /// are now where we have been.
    fn round(&mut self) -> Round {
        let mut round = Round::default();
        self.forget_dead();
        let mut parents = vec![self.root];
        while let Some(parent) = parents.pop() {
            match children(parent) {
                Ok(children) => {
                    for child in children {
                        match self.end(parent, child) {
                            Ok(Find::Dead) => {}
                            Ok(Find::Known) => parents.push(child),
                            Ok(Find::New) => {
                                round.moved = true;
                                parents.push(child);
                            }
                            Ok(Find::Moved) => round.moved = true,
                            Err(_) => round.blind = true,
                        }
                    }
                }
                Err(error) if error.kind() == ErrorKind::NotFound => round.moved = true,
                Err(error) if error.raw_os_error() == Some(libc::ESRCH) => round.moved = true,
                Err(_) => round.blind = true,
            }
        }
        round.moved |= self.forget_dead();
        round
    }

    /// Ends one.
    fn end(&mut self, parent: i32, child: i32) -> Result<Find, Errno> {
        if self.known.get(&child).is_some_and(|known| !is_reaped(known.as_fd())) {
            return Ok(Find::Known);
        }
        let handle = match pidfd::open(child) {
            Ok(handle) => handle,
            Err(Errno::ESRCH) => return Ok(Find::Moved),
            Err(errno) => return Err(errno),
        };
        let stat = Stat::read(&format!("/proc/{child}"));
        let is_ours = stat.is_ok_and(|stat| stat.parent == parent) && !self.is_gone(parent);
        if !is_ours {
            return Ok(Find::Moved);
        }
        // Not the state in `/proc`: that of a dead first thread tells nothing of the others.
        if is_dead(handle.as_fd()) {
            let is_new = self.dead.insert(child);
            return Ok(if is_new { Find::Moved } else { Find::Dead });
        }
        match pidfd::signal(handle.as_fd(), libc::SIGKILL) {
            Err(Errno::ESRCH) => Ok(Find::Moved),
            // One that has other rights than we have stays, but what it has started may be ours.
            Ok(()) | Err(_) => {
                self.known.insert(child, handle);
                Ok(Find::New)
            }
        }
    }

    /// Whether the number of a process that was found may mean another by now.
    fn is_gone(&self, pid: i32) -> bool {
        if pid == self.root {
            return is_reaped(self.handle);
        }
        self.known.get(&pid).is_none_or(|known| is_reaped(known.as_fd()))
    }

    /// Forgets the dead; whether there were any.
    fn forget_dead(&mut self) -> bool {
        let before = self.known.len();
        self.known.retain(|_, handle| !is_dead(handle.as_fd()));
        self.known.len() != before
    }
}

/// Whom a round has found.
enum Find {
    New,
    /// It has been dealt with.
    Known,
    /// With all of its threads, and so since before. It has no children.
    Dead,
    /// It is not there any more, or elsewhere.
    Moved,
}

/// What `/proc` says of a process or a thread.
#[derive(Debug, Clone, Copy)]
struct Stat {
    state: u8,
    parent: i32,
}

impl Stat {
    fn read(folder: &str) -> io::Result<Self> {
        let text = fs::read(format!("{folder}/stat"))?;
        Self::parse(&text).ok_or_else(|| ErrorKind::InvalidData.into())
    }

    /// The fields come after the name, which may hold anything, parentheses as well.
    fn parse(text: &[u8]) -> Option<Self> {
        let end = text.iter().rposition(|&byte| byte == b')')?;
        let rest = std::str::from_utf8(text.get(end + 1..)?).ok()?;
        let mut fields = rest.split_ascii_whitespace();
        let state = *fields.next()?.as_bytes().first()?;
        Some(Self { state, parent: fields.next()?.parse().ok()? })
    }

    /// Stopped by a signal, held by a debugger, or dead.
    fn is_still(self) -> bool {
        matches!(self.state, b'T' | b't') || self.is_dead()
    }

    fn is_dead(self) -> bool {
        matches!(self.state, b'Z' | b'X')
    }
}

/// The children of all threads of a process.
fn children(pid: i32) -> io::Result<Vec<i32>> {
    let folder = format!("/proc/{pid}/task");
    let mut children = Vec::new();
    for thread in numbers(&folder)? {
        match fs::read_to_string(format!("{folder}/{thread}/children")) {
            Ok(text) => children.extend(text.split_ascii_whitespace().flat_map(str::parse::<i32>)),
            // It has ended, and another has its children: its death, or theirs, is seen.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(children)
}

/// The names in a folder that are numbers.
fn numbers(folder: &str) -> io::Result<Vec<i32>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder)? {
        numbers.extend(entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok()));
    }
    Ok(numbers)
}

/// Whether a process has ended, with all of its threads.
fn is_dead(process: BorrowedFd<'_>) -> bool {
    poll::ended(&[process]).is_ok_and(|ended| ended == [true])
}

/// Whether somebody has waited for its end: its number may be another's.
fn is_reaped(process: BorrowedFd<'_>) -> bool {
    // The number 0 only asks.
    pidfd::signal(process, 0) == Err(Errno::ESRCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Child, Command};

    fn sleeper() -> (Child, i32, OwnedFd) {
        let child = Command::new("sleep").arg("1000").spawn().unwrap();
        let pid = child.id() as i32;
        (child, pid, pidfd::open(pid).unwrap())
    }

    fn end(mut child: Child) {
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn a_name_may_look_like_the_fields_behind_it() {
        let _watchdog = conc_tests::watchdog();
        let stat = Stat::parse(b"12 (a) Z 7 (b\xff) T 34 12 12 0").unwrap();
        assert_eq!((stat.state, stat.parent), (b'T', 34));
        assert!(stat.is_still() && !stat.is_dead());
        for bad in [&b"12 (a"[..], b"12 (a)", b"12 (a) T", b"12 (a) T x", b""] {
            assert!(Stat::parse(bad).is_none());
        }
    }

    /// It may take its time to stop, or to die.
    fn end_all_below(pid: i32, handle: &OwnedFd) {
        while end_below(pid, handle.as_fd()) != Left::Nobody {
            thread::yield_now();
        }
    }

    #[test]
    fn the_dead_have_nobody_below_them() {
        let _watchdog = conc_tests::watchdog();
        let (mut child, pid, handle) = sleeper();
        end_all_below(pid, &handle);
        assert!(!is_dead(handle.as_fd()), "stopped, and not ended");
        child.kill().unwrap();
        // Dead, and perhaps not yet: both have to work.
        end_all_below(pid, &handle);
        child.wait().unwrap();
        assert_eq!(end_below(pid, handle.as_fd()), Left::Nobody);
    }

    #[test]
    fn whoever_has_another_parent_is_left_alone() {
        let _watchdog = conc_tests::watchdog();
        let (one, other) = (sleeper(), sleeper());
        let mut hunt = Hunt::new(one.1, one.2.as_fd());
        assert!(matches!(hunt.end(one.1, other.1), Ok(Find::Moved)));
        // Whose number the parent's is, is not known.
        let own = fork::own_pid();
        assert!(matches!(hunt.end(own, other.1), Ok(Find::Moved)));
        assert!(!is_dead(other.2.as_fd()));
        // As if the root's number had been used again.
        let (gone, pid, handle) = sleeper();
        end(gone);
        let mut hunt = Hunt::new(own, handle.as_fd());
        assert!(is_reaped(handle.as_fd()) && pid != own);
        assert!(matches!(hunt.end(own, other.1), Ok(Find::Moved)));
        assert!(!is_dead(other.2.as_fd()));
        end(one.0);
        end(other.0);
    }

    #[test]
    fn who_ignores_a_signal_survives_it() {
        let _watchdog = conc_tests::watchdog();
        let own = fork::own_pid();
        assert!(survives(own, libc::SIGPIPE), "std ignores it");
        assert!(!survives(own, libc::SIGTERM) && !survives(i32::MAX, libc::SIGPIPE));
    }
}
