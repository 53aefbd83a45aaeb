//! What all forms of a job have in common: word, result, hooks.

use super::caught::quietly;
use super::state::{End, Snapshot, Word};
use crate::JoinError;
use crate::completion::sealed::Watcher;
use crate::sync::{Mutex, UnsafeCell};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

type Callback<T> = Box<dyn FnOnce(&Result<T, JoinError>) + Send>;

/// Everybody who wants to hear of the end.
struct Hooks<T> {
    callbacks: Vec<Callback<T>>,
    watchers: Vec<(Arc<dyn Watcher>, usize)>,
    waker: Option<Waker>,
}

impl<T> Default for Hooks<T> {
    fn default() -> Self {
        Self { callbacks: Vec::new(), watchers: Vec::new(), waker: None }
    }
}

/// Word, result and hooks of a job.
pub(super) struct Core<T> {
    pub(super) word: Word,
    /// Owned by whoever moved the word out of pending; from settling on by the `Job`'s holder.
    result: UnsafeCell<Option<Result<T, JoinError>>>,
    /// Boxed since most jobs have none.
    hooks: Mutex<Option<Box<Hooks<T>>>>,
}

// SAFETY:
// - `result` is the only field that is not `Sync` by itself. Its owner is unique at every moment
//   (invariants 1 and 2 of the word), and ownership passes with the edge `job.settle`.
// - Values of `T` change threads that way and are never shared, hence `T: Send` is enough.
unsafe impl<T: Send> Sync for Core<T> {}

impl<T> Core<T> {
    pub(super) fn pending() -> Self {
        Self { word: Word::pending(), result: UnsafeCell::new(None), hooks: Mutex::new(None) }
    }

    /// Stores the result, runs the callbacks in order, publishes, tells everybody who waits.
    ///
    /// # Safety
    ///
    /// The caller moved the word out of pending and has not settled it yet. After the call only
    /// the holder of the `Job` may touch the result.
    pub(super) unsafe fn settle(&self, result: Result<T, JoinError>, end: End) {
        // SAFETY: we own the result until we settle (this function's contract).
        self.result.with_mut(|slot| unsafe { *slot = Some(result) });
        if !self.word.settle_unhooked(end) {
            // SAFETY: the contract is ours; the word is still not settled.
            unsafe { self.settle_hooked(end) };
        }
    }

    /// # Safety
    ///
    /// As [`settle`](Self::settle), with the result stored.
    #[cold]
    unsafe fn settle_hooked(&self, end: End) {
        loop {
            let mut slot = self.hooks.lock();
            let hooks = slot.get_or_insert_default();
            let callbacks = std::mem::take(&mut hooks.callbacks);
            if callbacks.is_empty() {
                let Hooks { watchers, waker, .. } = std::mem::take(&mut **hooks);
                self.word.settle(end);
                drop(slot);
                if let Some(waker) = waker {
                    quietly(|| waker.wake());
                }
                for (watcher, index) in watchers {
                    watcher.settled(index);
                }
                return;
            }
            drop(slot);
            for callback in callbacks {
                self.result.with(|slot| {
                    // SAFETY: we own the result until we settle (this function's contract), so
                    // nobody writes it while it is borrowed.
                    let result = unsafe { (*slot).as_ref() };
                    run_callback(callback, result.expect("settle stored the result"));
                });
            }
        }
    }

    /// Takes the result of a settled job.
    ///
    /// # Safety
    ///
    /// The caller has seen the word settled and holds the `Job` exclusively.
    pub(super) unsafe fn take(&self) -> Result<T, JoinError> {
        // SAFETY: after settling the result belongs to the job's holder (contract).
        self.result.with_mut(|slot| unsafe { (*slot).take() }).expect("a result is taken once")
    }

    /// Runs `callback` when the job settles, or now if it has.
    ///
    /// # Safety
    ///
    /// The caller holds the `Job` exclusively.
    pub(super) unsafe fn on_finish(&self, callback: Callback<T>) {
        let mut slot = self.hooks.lock();
        if !self.word.hook().is_settled() {
            slot.get_or_insert_default().callbacks.push(callback);
            return;
        }
        drop(slot);
        self.result.with(|slot| {
            // SAFETY: after settling the result belongs to the job's holder (contract).
            let result = unsafe { (*slot).as_ref() };
            run_callback(callback, result.expect("a result that was taken has no callbacks"));
        });
    }

    /// Registers a watcher; `false` if the job has settled, and the watcher will not be told.
    pub(super) fn watch(&self, watcher: Arc<dyn Watcher>, index: usize) -> bool {
        let mut slot = self.hooks.lock();
        if self.word.hook().is_settled() {
            return false;
        }
        slot.get_or_insert_default().watchers.push((watcher, index));
        true
    }

    /// Forgets a watcher.
    pub(super) fn unwatch(&self, watcher: &Arc<dyn Watcher>) {
        if let Some(hooks) = self.hooks.lock().as_mut() {
            hooks.watchers.retain(|(known, _)| !Arc::ptr_eq(known, watcher));
        }
    }

    /// Whether the job has settled; if not, `context` will be woken.
    pub(super) fn poll(&self, context: &Context<'_>) -> Poll<()> {
        if self.word.load().is_settled() {
            return Poll::Ready(());
        }
        // Cloned before and dropped after the lock: both may run code of the user's, which may
        // come back to this job.
        let new = context.waker().clone();
        let mut slot = self.hooks.lock();
        if self.word.hook().is_settled() {
            return Poll::Ready(());
        }
        let old = slot.get_or_insert_default().waker.replace(new);
        drop(slot);
        drop(old);
        Poll::Pending
    }

    /// Whether a settled job failed.
    ///
    /// # Safety
    ///
    /// The caller has seen the word settled, and nobody takes the result meanwhile: a `Job` is
    /// borrowed.
    pub(super) unsafe fn failed(&self) -> bool {
        // SAFETY: settled and borrowed, so nobody writes (contract).
        self.result.with(|slot| unsafe { matches!(*slot, Some(Err(_))) })
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        self.word.load()
    }
}

/// A callback that panics has been reported by the panic hook; the job goes on.
fn run_callback<T>(callback: Callback<T>, result: &Result<T, JoinError>) {
    quietly(|| callback(result));
}
