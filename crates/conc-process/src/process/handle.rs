//! The handle of a process.

use super::{Builder, ExitStatus, Reception};
use crate::SpawnError;
use crate::client::{Family, Kin};
use conc_core::executor::blocking;
use conc_core::sync::Ordering;
use conc_core::{Deadline, JoinError, Wire};
use parking_lot::Mutex;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{ChildStderr, ChildStdin, ChildStdout};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A process that runs a function of this program, and the way to its result.
///
/// It ends when the function returns, when somebody ends it, and when this process ends, unless it
/// was [detached](Self::detach). Dropping the handle changes nothing about it: it goes on, and the
/// fork server reaps it.
///
/// [`AsFd`] gives a *pidfd*: readable when the process has ended, and never mistaken for another
/// process.
///
/// `.await` is [`into_job`](Self::into_job).
///
/// # Memory ordering
///
/// Processes share no memory unless they say so. What a process wrote to files or shared memory
/// before its function returned can be read after `join`.
///
/// # If the holder dies
///
/// If this process dies, even by SIGKILL, its bound processes end, and what they started in their
/// process groups. If the fork server dies, they end, too: `join` says [`JoinError::ServerDied`].
/// (A process that changes its user ends with this process, but no longer with the server: the
/// kernel drops `PR_SET_PDEATHSIG` then.)
///
/// **If only the server is killed by SIGKILL, the commands that its processes had started may
/// survive**: the kernel ends the processes themselves, and nobody is left who would end their
/// groups.
///
/// # In a copy of this process
///
/// In a process that [`fork`](Builder::fork) made, a handle from before the fork is inert: it
/// belongs to the original. `join` says [`JoinError::Forked`]; nothing is ever finished, no wait
/// waits, no status is known; signals and `detach` are errors; a drop changes nothing. Only what
/// does no harm still tells the truth: [`pid`](Self::pid), [`name`](Self::name),
/// [`is_alive`](Self::is_alive).
///
/// # Examples
///
/// ```
/// use conc_process::Process;
///
/// let process = Process::spawn(|n: u64| n * n, 12)?;
/// assert_ne!(process.pid(), std::process::id());
/// assert_eq!(process.join(), Ok(144));
/// # Ok::<(), conc_process::SpawnError>(())
/// ```
///
/// A closure that captures is refused by the compiler:
///
/// ```compile_fail,E0308
/// let offset = 5;
/// conc_process::Process::spawn(|n: u64| n + offset, 1);
/// ```
///
/// # Python
///
/// `multiprocessing.Process`, started at once. Its exception is lost there; here `join` gives the
/// result or says why there is none. A function that returns a value instead of a class with
/// `run`. `os.getppid()` of it is the fork server; [`parent`](crate::parent) is who asked for it.
#[doc(alias = "multiprocessing")]
#[doc(alias = "sentinel")]
pub struct Process<R> {
    kin: Arc<Kin>,
    family: &'static Family,
    reception: Mutex<Box<Reception>>,
    streams: Streams,
    result: PhantomData<fn() -> R>,
}

/// The caller's ends of the pipes to a process.
#[derive(Debug, Default)]
pub(super) struct Streams {
    pub(super) stdin: Option<ChildStdin>,
    pub(super) stdout: Option<ChildStdout>,
    pub(super) stderr: Option<ChildStderr>,
}

impl<R: Wire> Process<R> {
    /// Starts a process that calls `function` with `argument`, and ends. [`Builder`] has the
    /// choices.
    ///
    /// # Errors
    ///
    /// Why it could not be started.
    #[doc(alias = "start")]
    pub fn spawn<A: Wire>(function: fn(A) -> R, argument: A) -> Result<Self, SpawnError> {
        Builder::new().spawn(function, argument)
    }

    /// Waits for the result.
    ///
    /// Returns as soon as the result is here; the process itself may need another moment to end.
    /// Who needs that moment to be over calls [`wait_exit`](Self::wait_exit) first.
    ///
    /// The caller's ends of pipes that were not taken are closed first, so that the process does
    /// not wait for them.
    ///
    /// # Errors
    ///
    /// Why there is no result: it panicked, was killed, exited.
    pub fn join(mut self) -> Result<R, JoinError> {
        if !self.family.is_own() {
            return Err(JoinError::Forked);
        }
        self.streams = Streams::default();
        if !self.reception.get_mut().is_settled() {
            blocking(|| self.reception.get_mut().settle());
        }
        self.take().conclude()
    }

    /// The result, if it is here; otherwise the process comes back.
    ///
    /// # Errors
    ///
    /// The process itself, still running.
    pub fn try_join(self) -> Result<Result<R, JoinError>, Self> {
        // Who tries until it succeeds would never end in a copy.
        if !self.family.is_own() || self.is_finished() { Ok(self.join()) } else { Err(self) }
    }
}

impl<R> Process<R> {
    pub(super) fn new(kin: Arc<Kin>, reception: Reception, streams: Streams) -> Self {
        let reception = Mutex::new(Box::new(reception));
        Self { kin, family: Family::own(), reception, streams, result: PhantomData }
    }

    /// Takes the handle apart. The reception is settled, or somebody else goes on with it.
    pub(super) fn take(self) -> Reception {
        self.family.remove(&self.kin);
        let mut this = std::mem::ManuallyDrop::new(self);
        let Self { kin, family: _, reception, streams, result: _ } = &mut *this;
        // SAFETY: `this` is never used again nor dropped, so that each field moves out once.
        let reception = *unsafe { std::ptr::read(reception) }.into_inner();
        // SAFETY: as above.
        drop(unsafe { std::ptr::read(streams) });
        // SAFETY: as above.
        drop(unsafe { std::ptr::read(kin) });
        reception
    }

    pub(crate) fn kin(&self) -> &Arc<Kin> {
        &self.kin
    }

    /// The child, for what only its holder may do to it.
    fn own_kin(&self) -> io::Result<&Kin> {
        if self.family.is_own() { Ok(&self.kin) } else { Err(forked()) }
    }

    pub(super) fn family(&self) -> &'static Family {
        self.family
    }

    /// The number of the process.
    #[doc(alias = "ident")]
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.kin.pid as u32
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.kin.name
    }

    /// Whether [`join`](Self::join) would not wait: the result is here, or will never come.
    ///
    /// Always `false` in a copy of the process that holds the handle.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        if !self.family.is_own() {
            return false;
        }
        // While somebody else waits for it, it is not.
        let Some(mut reception) = self.reception.try_lock() else { return false };
        reception.look();
        reception.is_settled()
    }

    /// Whether the process exists and runs.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        !self.kin.has_ended()
    }

    /// Waits until [`join`](Self::join) would not wait.
    pub fn wait(&self) {
        self.wait_until(None, Reception::is_settled);
    }

    /// Waits until [`join`](Self::join) would not wait, at most so long; whether it came to that.
    #[must_use]
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.wait_until(Deadline::after(timeout), Reception::is_settled)
    }

    /// Waits until [`join`](Self::join) would not wait, at most until then; whether it came to
    /// that.
    #[must_use]
    pub fn wait_deadline(&self, deadline: Instant) -> bool {
        self.wait_until(Some(Deadline::at(deadline)), Reception::is_settled)
    }

    fn wait_until(&self, deadline: Option<Deadline>, enough: fn(&Reception) -> bool) -> bool {
        // Another thread may wait already, and holds the lock meanwhile.
        let lock = || match deadline {
            None => Some(self.reception.lock()),
            Some(deadline) => self.reception.try_lock_until(deadline.instant()),
        };
        self.family.is_own()
            && blocking(|| lock().is_some_and(|mut reception| reception.wait(deadline, enough)))
    }

    /// Waits until the process has ended and was reaped: its number means nothing any more. `None`
    /// if nobody knows how it ended, because the fork server died before it could tell.
    #[doc(alias = "exitcode")]
    #[must_use]
    pub fn wait_exit(&self) -> Option<ExitStatus> {
        if !self.wait_until(None, Reception::is_over) {
            return None;
        }
        self.reception.lock().status()
    }

    /// How it ended, if it has and this is known.
    #[doc(alias = "exitcode")]
    #[must_use]
    pub fn exit_status(&self) -> Option<ExitStatus> {
        if !self.family.is_own() {
            return None;
        }
        let mut reception = self.reception.try_lock()?;
        reception.look();
        reception.status()
    }

    /// Asks it to end: SIGTERM. Nothing happens if it has ended.
    ///
    /// # Errors
    ///
    /// What the system said: usually that it runs under other rights by now. And always in a copy
    /// of the process that holds the handle.
    pub fn terminate(&self) -> io::Result<()> {
        self.own_kin()?.signal(libc::SIGTERM)
    }

    /// Ends it: SIGKILL. Nothing happens if it has ended.
    ///
    /// # Errors
    ///
    /// As [`terminate`](Self::terminate).
    pub fn kill(&self) -> io::Result<()> {
        self.own_kin()?.signal(libc::SIGKILL)
    }

    /// Interrupts it, as Ctrl-C would: SIGINT. Nothing happens if it has ended, or ignores SIGINT:
    /// what a shell without job control starts in the background does, and its children inherit it.
    ///
    /// # Errors
    ///
    /// As [`terminate`](Self::terminate).
    pub fn interrupt(&self) -> io::Result<()> {
        self.own_kin()?.signal(libc::SIGINT)
    }

    /// Sends it any signal. Nothing happens if it has ended.
    ///
    /// # Errors
    ///
    /// As [`terminate`](Self::terminate), and for numbers that are no signals.
    pub fn signal(&self, signal: conc_core::Signal) -> io::Result<()> {
        self.own_kin()?.signal(signal.number())
    }

    /// Ends it and all commands that it started in its process group: SIGKILL.
    ///
    /// # Errors
    ///
    /// As [`terminate`](Self::terminate).
    #[doc(alias = "killpg")]
    pub fn kill_group(&self) -> io::Result<()> {
        self.own_kin()?.signal_group(libc::SIGKILL)
    }

    /// Asks it and all commands that it started in its process group to end: SIGTERM.
    ///
    /// # Errors
    ///
    /// As [`terminate`](Self::terminate).
    pub fn terminate_group(&self) -> io::Result<()> {
        self.own_kin()?.signal_group(libc::SIGTERM)
    }

    /// Lets it live on when this process ends. Its result is lost.
    ///
    /// The fork server stays with it to the end; if somebody kills the server, a process that was
    /// detached in this way ends. One that was [started detached](Builder::detached) does not
    /// mind.
    ///
    /// # Errors
    ///
    /// The fork server is dead, and with it the process. Or the process is a
    /// [copy of the caller](Builder::fork), which can only be started detached. Or this process
    /// is a copy of the one that holds the handle.
    pub fn detach(mut self) -> io::Result<()> {
        let pid = self.own_kin()?.pid;
        // ORDERING: Relaxed. A remark about the child, for `children`.
        if self.kin.detached.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        let outcome = self.reception.get_mut().detach(pid);
        if outcome.is_err() {
            // ORDERING: Relaxed. As above.
            self.kin.detached.store(false, Ordering::Relaxed);
        }
        Ok(outcome?)
    }

    /// The caller's end of its input, if that is a pipe.
    pub fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.streams.stdin.take()
    }

    /// The caller's end of its output, if that is a pipe.
    pub fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.streams.stdout.take()
    }

    /// The caller's end of its errors, if that is a pipe.
    pub fn take_stderr(&mut self) -> Option<ChildStderr> {
        self.streams.stderr.take()
    }
}

/// The pidfd: readable when the process has ended.
impl<R> AsFd for Process<R> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.kin.handle.as_fd()
    }
}

/// What a handle says in a copy of the process that holds it.
pub(crate) fn forked() -> io::Error {
    io::Error::other(JoinError::Forked)
}

/// Does not end the process.
impl<R> Drop for Process<R> {
    fn drop(&mut self) {
        if !self.family.is_own() {
            return;
        }
        if self.reception.get_mut().is_over() {
            self.family.remove(&self.kin);
        } else if self.kin.ours {
            super::fork::let_go(self.family, &self.kin);
        }
    }
}

impl<R> fmt::Debug for Process<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("pid", &self.kin.pid)
            .field("name", &self.kin.name)
            .field("status", &self.exit_status())
            .finish_non_exhaustive()
    }
}
