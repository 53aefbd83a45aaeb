//! One record for each process: who it is, its server, its children.
//!
//! # Invariants
//!
//! 1. A process made by `fork` starts with an empty record, whatever the state of its parent's was:
//!    the handler of the fork only forgets a pointer. So no lock of the parent's is ever taken in
//!    the child, and handles that were made before the fork know that they are not ours.

use super::server::Server;
use crate::process::ExitStatus;
use crate::supervisor::Supervisor;
use crate::sys::{files, fork, pidfd, poll};
use conc_core::sync::{AtomicBool, AtomicPtr, AtomicU64, Ordering};
use nix::errno::Errno;
use parking_lot::Mutex;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Once};

/// The process that asked for this one.
#[derive(Debug, Clone)]
pub(crate) struct Parent {
    pub(crate) pid: i32,
    pub(crate) name: String,
    pub(crate) handle: BorrowedFd<'static>,
}

impl Parent {
    pub(crate) fn new(pid: i32, name: String, handle: BorrowedFd<'static>) -> Self {
        Self { pid, name, handle }
    }
}

/// Who this process is.
#[derive(Debug, Default)]
pub(crate) struct Identity {
    pub(crate) name: String,
    /// The numbers of its ancestors' children; empty in the program itself.
    pub(crate) lineage: String,
    pub(crate) parent: Option<Parent>,
    pub(crate) childless: bool,
    pub(crate) passed: Vec<OwnedFd>,
}

/// A child, as all who know of it share it.
#[derive(Debug)]
pub(crate) struct Kin {
    pub(crate) pid: i32,
    pub(crate) name: String,
    pub(crate) handle: OwnedFd,
    pub(crate) leader: bool,
    /// Whoever waits for it has to reap it, too: no server does.
    pub(crate) ours: bool,
    pub(crate) detached: AtomicBool,
    /// How it ended, if it is ours and reaped.
    pub(crate) reaped: Mutex<Option<ExitStatus>>,
}

impl Kin {
    /// Reaps it, if it is ours and has ended; how it ended.
    pub(crate) fn reap(&self) -> Result<Option<ExitStatus>, Errno> {
        let mut reaped = self.reaped.lock();
        if self.ours && reaped.is_none() {
            let status = pidfd::reap(self.handle.as_fd())?;
            *reaped = status.map(ExitStatus::from_raw);
        }
        Ok(*reaped)
    }

    /// Whether the process has ended, reaped or not.
    pub(crate) fn has_ended(&self) -> bool {
        poll::ended(&[self.handle.as_fd()]).is_ok_and(|ended| ended == [true])
    }

    /// Sends a signal; nothing happens if it has ended.
    pub(crate) fn signal(&self, signal: i32) -> std::io::Result<()> {
        match pidfd::signal(self.handle.as_fd(), signal) {
            Err(Errno::ESRCH) => Ok(()),
            other => other.map_err(Into::into),
        }
    }

    /// Sends a signal to its whole process group.
    pub(crate) fn signal_group(&self, signal: i32) -> std::io::Result<()> {
        if !self.leader {
            return self.signal(signal);
        }
        match pidfd::signal_group(self.handle.as_fd(), signal) {
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            // Before Linux 6.9. While it has not ended, the number is its own.
            Err(Errno::EINVAL) if !self.has_ended() => match fork::kill_group(self.pid, signal) {
                Err(Errno::ESRCH) | Ok(()) => Ok(()),
                Err(error) => Err(error.into()),
            },
            Err(Errno::EINVAL) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// What a process keeps in order to have children.
#[derive(Debug)]
pub(crate) struct Family {
    pub(crate) identity: Identity,
    pub(crate) passed: Mutex<Vec<OwnedFd>>,
    pub(crate) server: Mutex<Option<Arc<Server>>>,
    /// Former servers that may still have children.
    pub(crate) retired: Mutex<Vec<Arc<Server>>>,
    /// The thread that waits for jobs, while there are any.
    pub(crate) supervisor: Arc<Supervisor>,
    /// A channel for the next child, made while the last one started.
    pub(crate) spare: Mutex<Option<(OwnedFd, OwnedFd)>>,
    /// Functions that warm each new server.
    pub(crate) preloads: Mutex<Vec<u64>>,
    children: Mutex<Children>,
    count: AtomicU64,
}

#[derive(Debug, Default)]
struct Children {
    known: Vec<Arc<Kin>>,
    /// The dead are looked for when so many are known.
    sweep_at: usize,
}

/// Fewer than this are not worth a look.
const FIRST_SWEEP: usize = 32;

static FAMILY: AtomicPtr<Family> = AtomicPtr::new(std::ptr::null_mut());

extern "C" fn forget() {
    // ORDERING: Relaxed. The child of a fork has one thread.
    FAMILY.store(std::ptr::null_mut(), Ordering::Relaxed);
}

impl Family {
    /// The record of this process.
    pub(crate) fn own() -> &'static Self {
        // ORDERING(family.publish): Acquire. Who sees the pointer sees what it points to.
        let known = FAMILY.load(Ordering::Acquire);
        // SAFETY: records are never freed.
        match unsafe { known.as_ref() } {
            Some(family) => family,
            None => Self::install(Identity { name: "MainProcess".into(), ..Default::default() }),
        }
    }

    /// Makes a record, unless another thread was faster.
    #[cold]
    pub(crate) fn install(mut identity: Identity) -> &'static Self {
        Self::watch_forks();
        let passed = std::mem::take(&mut identity.passed);
        let family = Box::into_raw(Box::new(Self {
            identity,
            passed: Mutex::new(passed),
            server: Mutex::new(None),
            retired: Mutex::new(Vec::new()),
            supervisor: Arc::default(),
            spare: Mutex::new(None),
            preloads: Mutex::new(Vec::new()),
            children: Mutex::default(),
            count: AtomicU64::new(0),
        }));
        let nobody = std::ptr::null_mut();
        // ORDERING(family.publish): Release, to show what the pointer points to; Acquire, to see
        // what another thread's points to.
        let outcome = FAMILY.compare_exchange(nobody, family, Ordering::AcqRel, Ordering::Acquire);
        let winner = match outcome {
            Ok(_) => family,
            Err(other) => {
                // SAFETY: made above, and nobody saw it.
                drop(unsafe { Box::from_raw(family) });
                other
            }
        };
        // SAFETY: a record that was published is never freed.
        unsafe { &*winner }
    }

    /// Lets every fork of this process forget the record. In a server, once for all children.
    pub(crate) fn watch_forks() {
        static AT_FORK: Once = Once::new();
        AT_FORK.call_once(|| fork::on_fork(forget));
    }

    /// Whether this record is that of the process that runs.
    pub(crate) fn is_own(&self) -> bool {
        // ORDERING: Relaxed. Only compared.
        std::ptr::eq(FAMILY.load(Ordering::Relaxed), self)
    }

    /// The number of the next child, counted from 1.
    pub(crate) fn next_number(&self) -> u64 {
        // ORDERING: Relaxed. Only the count matters.
        self.count.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Remembers a child; now and then forgets the dead.
    pub(crate) fn add(&self, child: Arc<Kin>) {
        let mut children = self.children.lock();
        if children.known.len() >= children.sweep_at {
            children.sweep();
            children.sweep_at = (children.known.len() * 2).max(FIRST_SWEEP);
        }
        children.known.push(child);
    }

    /// Forgets a child.
    pub(crate) fn remove(&self, child: &Arc<Kin>) {
        let mut children = self.children.lock();
        if let Some(place) = children.known.iter().rposition(|known| Arc::ptr_eq(known, child)) {
            children.known.swap_remove(place);
        }
    }

    /// The children that live.
    pub(crate) fn living(&self) -> Vec<Arc<Kin>> {
        let mut children = self.children.lock();
        children.sweep();
        children.known.clone()
    }
}

impl Children {
    fn sweep(&mut self) {
        let handles: Vec<_> = self.known.iter().map(|child| child.handle.as_fd()).collect();
        let Ok(ended) = poll::ended(&handles) else { return };
        let mut ended = ended.into_iter();
        self.known.retain(|child| {
            let ended = ended.next().unwrap_or(false);
            if ended {
                // One that somebody else has reaped is gone as well.
                let _ = child.reap();
            }
            !ended
        });
    }
}

/// A copy of a standard stream of this process, to be given to a child.
pub(crate) fn stream(number: i32) -> Result<OwnedFd, nix::errno::Errno> {
    files::duplicate(files::standard(number))
}
