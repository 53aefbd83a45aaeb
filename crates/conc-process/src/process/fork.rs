//! Processes that are copies of the caller.

use super::builder::{Builder, open};
use super::{Process, Reception};
use crate::SpawnError;
use crate::child;
use crate::client::{Family, Identity, Kin, Parent, child_name};
use crate::error::Doing;
use crate::protocol::{Verdict, encode};
use crate::supervisor::Watch;
use crate::sys::files::{self, OnExec};
use crate::sys::fork::Side;
use crate::sys::{fork, pidfd, poll, socket, surroundings};
use conc_core::Wire;
use conc_core::job::caught;
use conc_core::sync::AtomicBool;
use nix::errno::Errno;
use parking_lot::Mutex;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

/// Exit code of a child that could not make itself ready.
const UNPREPARED: i32 = 71;

impl Builder {
    /// Copies this process; the copy calls `work` and ends. Only the calling thread exists there.
    ///
    /// Nothing travels to the copy: `work` may capture anything, and sees this process's memory as
    /// it is now. Its result travels back. The copy inherits every open descriptor. The start
    /// method, [`childless`](Self::childless) excepted, and [`pass`](Self::pass) mean nothing here.
    /// When the result was sent, the copy ends at once, without flushing and without handlers for
    /// the end: those are the caller's. Handlers of signals are the caller's, too: where `std` has
    /// one, a crash is told by its signal alone.
    ///
    /// In the copy, the handles of this family that were made before the fork are inert: `join`
    /// says [`JoinError::Forked`](conc_core::JoinError::Forked), and nothing that is done to them
    /// reaches the processes that they stand for. A [`Job`](conc_core::Job) from before the fork
    /// must not be waited for there.
    ///
    /// # Safety
    ///
    /// If other threads run, `work` may not need anything that one of them may have held at the
    /// moment of the fork: the locks of stdout and stderr (`println!`, and the message of a
    /// panic), of loggers, of thread pools and runtimes, and everybody's mutexes. With glibc,
    /// allocating is safe. The guards that this thread holds exist twice afterwards.
    ///
    /// # Errors
    ///
    /// Why it could not be started.
    ///
    /// # Examples
    ///
    /// ```
    /// use conc_process::Builder;
    ///
    /// let table = vec![1, 2, 3];
    /// // SAFETY: `work` only adds up numbers.
    /// let process = unsafe { Builder::new().fork(|| table.iter().sum::<i32>()) }?;
    /// assert_eq!(process.join(), Ok(6));
    /// # Ok::<(), conc_process::SpawnError>(())
    /// ```
    ///
    /// # Python
    ///
    /// The start method `fork`, the default on Linux before 3.14, and the reason why it no longer
    /// is.
    pub unsafe fn fork<R: Wire>(
        mut self,
        work: impl FnOnce() -> R,
    ) -> Result<Process<R>, SpawnError> {
        let family = Family::own();
        if family.identity.childless {
            return Err(SpawnError::NotAllowed);
        }
        let (name, lineage) = child_name(family, self.name.as_deref());
        let environment = self.environment()?;
        let directory = match &self.directory {
            Some(path) => Some(files::directory(path).doing("open the directory")?),
            None => None,
        };
        let (streams, held) = open(self.take_streams())?;
        let (ours, theirs) = socket::pair().doing("make a socket")?;
        let caller = pidfd::open(fork::own_pid()).doing("open a handle of this process")?;
        let copy = Copy {
            identity: Identity {
                name: name.clone(),
                lineage,
                childless: self.childless,
                ..Identity::default()
            },
            parent_name: family.identity.name.clone(),
            parent: fork::own_pid(),
            environment,
            directory,
            streams,
            caller,
            channel: theirs,
        };
        // SAFETY: the caller's contract.
        match unsafe { fork::fork() }.map_err(refused)? {
            Side::Child => copy.live(&self, work),
            Side::Parent(pid) => {
                if self.leader {
                    // The child does the same; whoever comes first. It may be dead.
                    let _ = fork::lead_group(pid);
                }
                let handle = hold(pid).map_err(refused)?;
                let kin = Arc::new(Kin {
                    pid,
                    name,
                    handle,
                    leader: self.leader,
                    ours: true,
                    detached: AtomicBool::new(!self.bound),
                    reaped: Mutex::new(None),
                });
                family.add(Arc::clone(&kin));
                let mut reception = Reception::reaping(ours, Arc::clone(&kin));
                reception.tail = held.tail;
                Ok(Process::new(kin, reception, held.streams))
            }
        }
    }
}

/// A handle of the copy that was just made. If there is none to be had, there is no copy either.
fn hold(pid: i32) -> Result<OwnedFd, Errno> {
    pidfd::open(pid).inspect_err(|&errno| {
        // Otherwise it has ended, and the system has reaped it: this process ignores SIGCHLD.
        if errno != Errno::ESRCH {
            // Until it is reaped, the number is its own.
            let _ = fork::kill(pid, libc::SIGKILL);
            fork::reap(pid);
        }
    })
}

fn refused(errno: Errno) -> SpawnError {
    SpawnError::System { what: "fork", source: errno.into() }
}

/// What the copy of the caller needs.
struct Copy {
    identity: Identity,
    parent_name: String,
    parent: i32,
    environment: Option<surroundings::Environment>,
    directory: Option<OwnedFd>,
    streams: [Option<OwnedFd>; 3],
    caller: OwnedFd,
    channel: OwnedFd,
}

impl Copy {
    /// The life of the copy.
    fn live<R: Wire>(mut self, builder: &Builder, work: impl FnOnce() -> R) -> ! {
        let Ok(channel) = self.prepare(builder) else { fork::quit(UNPREPARED) };
        let verdict = Verdict::of(caught(|| encode(&work())));
        let failed = matches!(verdict, Verdict::Failed(_));
        child::report(channel, verdict);
        fork::quit(if failed { child::PANICKED } else { 0 })
    }

    fn prepare(&mut self, builder: &Builder) -> Result<BorrowedFd<'static>, Errno> {
        // SAFETY: `self` is never dropped: the copy ends before.
        let channel = unsafe { files::at(self.channel.as_raw_fd()) };
        // SAFETY: as above.
        let caller = unsafe { files::at(self.caller.as_raw_fd()) };
        let mut identity = std::mem::take(&mut self.identity);
        let name = std::mem::take(&mut self.parent_name);
        identity.parent = Some(Parent::new(self.parent, name, caller));
        if builder.leader {
            fork::lead_group(0)?;
        }
        if let Some(directory) = &self.directory {
            files::enter(directory.as_fd())?;
        }
        if self.streams[0].is_none() {
            self.streams[0] = Some(files::null()?);
        }
        for (stream, number) in self.streams.iter().zip(0..) {
            if let Some(stream) = stream {
                // SAFETY: nothing owns the standard descriptors.
                unsafe { files::put(stream.as_fd(), number, OnExec::Keep) }?;
            }
        }
        if let Some(umask) = builder.umask {
            fork::set_umask(umask);
        }
        if let Some(environment) = &self.environment {
            // SAFETY: the copy has one thread.
            unsafe { surroundings::set_environment(environment) }?;
        }
        fork::set_name(&identity.name);
        Family::install(identity);
        child::set_channel(channel.as_raw_fd());
        child::listen_for_crashes()?;
        if builder.bound {
            // The kernel's own way is bound to the thread that forked, which may end.
            let leader = builder.leader;
            let watch = move || {
                // An error means that nobody will tell: better dead than lost.
                let _ = poll::readable([caller], None);
                if leader {
                    // This process is one of them.
                    let _ = fork::kill_group(fork::own_pid(), libc::SIGKILL);
                }
                fork::quit(UNPREPARED)
            };
            let thread = std::thread::Builder::new().name("conc-lifeline".to_owned());
            thread.spawn(watch).map_err(|_| Errno::EAGAIN)?;
        }
        Ok(channel)
    }
}

/// Reaps a copy of the caller that nobody waits for.
pub(super) fn let_go(family: &Family, kin: &Arc<Kin>) {
    if matches!(kin.reap(), Ok(None)) {
        // Without a thread it is reaped when somebody asks for the children.
        let _ = family.supervisor.add(Box::new(Reaper(Arc::clone(kin))), None);
    }
}

struct Reaper(Arc<Kin>);

impl Watch for Reaper {
    fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.handle.as_fd()
    }

    fn look(&mut self) -> bool {
        !matches!(self.0.reap(), Ok(None))
    }
}

#[cfg(all(test, feature = "auto-init"))]
mod tests {
    use super::*;
    use crate::isolate;

    /// With no descriptor to be had, however long it is waited for one.
    #[test]
    fn a_copy_that_cannot_be_held_is_reaped() {
        let _watchdog = conc_tests::watchdog();
        fn holding(_: ()) {
            // SAFETY: this process has one thread.
            let Side::Parent(pid) = unsafe { fork::fork() }.unwrap() else {
                // Ends by force only.
                let _ = poll::readable([], None);
                fork::quit(0)
            };
            let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            // SAFETY: the limit outlives the call.
            assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const none) }, 0);
            assert_eq!(hold(pid).unwrap_err(), Errno::EMFILE);
            // SAFETY: a null status is allowed.
            let left = unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) };
            assert_eq!((left, Errno::last()), (-1, Errno::ECHILD));
        }
        isolate(holding, ()).unwrap();
    }
}
