//! The one door to atomics, cells, locks and threads.
//!
//! Algorithms of this family take these items from here and from nowhere else, so that
//! `--cfg conc_loom` puts all of them under loom's scheduler. In an ordinary build the items are
//! those of `std` and `parking_lot`, and the wrappers compile to nothing.
//!
//! `Arc` is missing on purpose: reference counts are not what the models judge, and loom's own
//! `Arc` cannot hold a trait object.

/// A number that nothing else in this process got from here; never 0.
///
/// Not under loom: only uniqueness matters, and a model cannot have a counter that outlives it.
#[must_use]
pub fn unique_id() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    // ORDERING: Relaxed. Only uniqueness matters.
    NEXT.fetch_add(1, Ordering::Relaxed)
}

#[cfg(not(conc_loom))]
mod real {
    pub use std::hint::spin_loop;
    pub use std::sync::atomic::{
        AtomicBool, AtomicI32, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering,
        compiler_fence, fence,
    };
    pub use std::thread::yield_now;

    pub use parking_lot::{Condvar, Mutex, MutexGuard};

    /// `std`'s `UnsafeCell` with loom's way to reach inside.
    #[derive(Debug, Default)]
    #[repr(transparent)]
    pub struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        /// A cell that holds `value`.
        pub const fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }

        /// Lends a pointer for reading.
        #[inline]
        pub fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
            read(self.0.get())
        }

        /// Lends a pointer for writing.
        #[inline]
        pub fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
            write(self.0.get())
        }
    }
}

#[cfg(conc_loom)]
mod model {
    pub use loom::cell::UnsafeCell;
    pub use loom::hint::spin_loop;
    pub use loom::sync::MutexGuard;
    pub use loom::sync::atomic::{
        AtomicBool, AtomicI32, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    };
    pub use loom::thread::yield_now;
    use std::time::Instant;

    /// loom's mutex with `parking_lot`'s face: no poisoning.
    #[derive(Debug, Default)]
    pub struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        /// A free mutex around `value`.
        pub fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        /// Takes the lock.
        pub fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
        }

        /// Takes the lock if it is free.
        pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            self.0.try_lock().ok()
        }
    }

    /// loom's condition variable with `parking_lot`'s face.
    #[derive(Debug, Default)]
    pub struct Condvar(loom::sync::Condvar);

    /// Whether a bounded wait ran out of time.
    #[derive(Debug, Clone, Copy)]
    pub struct WaitTimeoutResult(bool);

    impl WaitTimeoutResult {
        /// `true` if the time was up.
        pub fn timed_out(self) -> bool {
            self.0
        }
    }

    impl Condvar {
        /// A condition that nobody waits for.
        pub fn new() -> Self {
            Self(loom::sync::Condvar::new())
        }

        /// Opens the lock, sleeps until notified, takes the lock again.
        pub fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
            // SAFETY:
            // - The guard is moved out and a guard of the same mutex is moved back in.
            // - `wait` does not unwind in between: a poisoned lock is taken all the same.
            unsafe {
                let taken = std::ptr::read(guard);
                let back = self.0.wait(taken).unwrap_or_else(std::sync::PoisonError::into_inner);
                std::ptr::write(guard, back);
            }
        }

        /// A bounded wait. The model has no clock: the time is up at once.
        pub fn wait_until<T>(
            &self,
            _guard: &mut MutexGuard<'_, T>,
            _deadline: Instant,
        ) -> WaitTimeoutResult {
            loom::thread::yield_now();
            WaitTimeoutResult(true)
        }

        /// Wakes one sleeper.
        pub fn notify_one(&self) {
            self.0.notify_one();
        }

        /// Wakes all sleepers.
        pub fn notify_all(&self) {
            self.0.notify_all();
        }
    }
}

#[cfg(conc_loom)]
pub use model::{
    AtomicBool, AtomicI32, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Condvar, Mutex,
    MutexGuard, Ordering, UnsafeCell, WaitTimeoutResult, fence, spin_loop, yield_now,
};
#[cfg(not(conc_loom))]
pub use real::{
    AtomicBool, AtomicI32, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Condvar, Mutex,
    MutexGuard, Ordering, UnsafeCell, compiler_fence, fence, spin_loop, yield_now,
};
