//! What an executor is to the threads it owns.

use crate::job::Work;
use std::cell::RefCell;
use std::rc::Rc;

/// What came of asking a host to run work in place of waiting for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Help {
    /// It ran.
    Ran,
    /// It did not run here: sleep, somebody will run it.
    Sleep,
    /// It cannot run here, and nobody else is left who could run it.
    WouldDeadlock,
}

/// What an executor is to a thread it owns: asked when work on that thread is about to wait.
///
/// A pool uses it to run the awaited job in place, and to add a thread for one that sleeps.
pub trait Host {
    /// The number of the executor; its queued work carries it as [`Work::home`].
    fn id(&self) -> u64;

    /// Runs `work`, which belongs to this executor, in place of waiting for it.
    fn help(&self, work: &dyn Work) -> Help;

    /// This thread is going to sleep inside a job. May be nested.
    fn before_block(&self);

    /// This thread woke again. Once for each [`before_block`](Self::before_block).
    fn after_block(&self);
}

impl dyn Host {
    /// Makes `host` the host of the current thread until the guard is dropped.
    pub fn enter(host: Rc<dyn Host>) -> HostGuard {
        HostGuard { before: CURRENT.replace(Some(host)) }
    }

    /// Lends the host of the current thread, if it has one.
    ///
    /// Lent, not given: the thread takes its host apart when it ends.
    pub fn with_current<R>(ask: impl FnOnce(&dyn Host) -> R) -> Option<R> {
        // The thread may be past the destruction of its locals.
        let host = CURRENT.try_with(|current| current.borrow().clone()).ok().flatten();
        host.map(|host| ask(&*host))
    }
}

thread_local! {
    static CURRENT: RefCell<Option<Rc<dyn Host>>> = const { RefCell::new(None) };
}

/// Restores the thread's former host when it is dropped.
#[must_use = "the host is forgotten when this is dropped"]
pub struct HostGuard {
    before: Option<Rc<dyn Host>>,
}

impl Drop for HostGuard {
    fn drop(&mut self) {
        let _ = CURRENT.try_with(|current| current.replace(self.before.take()));
    }
}

impl std::fmt::Debug for HostGuard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostGuard").field("nested", &self.before.is_some()).finish()
    }
}

/// Runs something that may sleep for long, and lets the executor of this thread know.
///
/// A pool of threads starts another thread for the time if work is waiting, so that a job that
/// sleeps in a file, a socket or a foreign lock does not cost the pool a worker. On a thread that
/// belongs to no executor this is a plain call. All waits of this family do it by themselves.
///
/// # Examples
///
/// ```
/// let text = conc_core::executor::blocking(|| "read from somewhere slow");
/// # assert_eq!(text.len(), 24);
/// ```
pub fn blocking<R>(wait: impl FnOnce() -> R) -> R {
    struct Awake;
    impl Drop for Awake {
        fn drop(&mut self) {
            <dyn Host>::with_current(|host| host.after_block());
        }
    }
    let _awake = Awake;
    <dyn Host>::with_current(|host| host.before_block());
    wait()
}
