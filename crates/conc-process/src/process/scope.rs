//! Processes that do not outlive a block.

use super::handle::forked;
use super::{Builder, Process};
use crate::SpawnError;
use crate::client::{Family, Kin};
use crate::sys::poll;
use conc_core::Wire;
use conc_core::executor::blocking;
use parking_lot::Mutex;
use std::fmt;
use std::os::fd::AsFd;
use std::sync::Arc;

/// Starts processes that do not outlive a block; see [`scope`].
pub struct Scope {
    children: Mutex<Vec<Arc<Kin>>>,
    family: &'static Family,
}

impl Default for Scope {
    fn default() -> Self {
        Self { children: Mutex::default(), family: Family::own() }
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Somebody may hold the lock; in a copy of this process, for ever.
        let children = self.children.try_lock().map(|children| children.len());
        f.debug_struct("Scope").field("children", &children).finish_non_exhaustive()
    }
}

impl Scope {
    /// Starts a process that the scope waits for.
    ///
    /// # Errors
    ///
    /// Why it could not be started.
    pub fn spawn<A: Wire, R: Wire>(
        &self,
        function: fn(A) -> R,
        argument: A,
    ) -> Result<Process<R>, SpawnError> {
        self.spawn_with(Builder::new(), function, argument)
    }

    /// [`spawn`](Self::spawn) with choices.
    ///
    /// # Errors
    ///
    /// Why it could not be started. And always in a copy of the process that has the scope.
    pub fn spawn_with<A: Wire, R: Wire>(
        &self,
        builder: Builder,
        function: fn(A) -> R,
        argument: A,
    ) -> Result<Process<R>, SpawnError> {
        if !self.family.is_own() {
            let what = "start a process in a scope of another process";
            return Err(SpawnError::System { what, source: forked() });
        }
        let process = builder.spawn(function, argument)?;
        self.children.lock().push(Arc::clone(process.kin()));
        Ok(process)
    }
}

/// Waits for its processes, however the block ends.
impl Drop for Scope {
    fn drop(&mut self) {
        if !self.family.is_own() {
            // A copy of the process that has them; they are not its own to wait for.
            return;
        }
        for child in self.children.get_mut().drain(..) {
            // Ended long ago, or soon: a process that was joined has to end, too.
            let _ = blocking(|| poll::readable([child.handle.as_fd()], None));
        }
    }
}

/// Runs `block` and then waits until every process that was started in the scope has ended,
/// joined or not, also when the block panics.
///
/// # Examples
///
/// ```
/// use conc_process::scope;
///
/// let sum = scope(|scope| -> Result<u32, Box<dyn std::error::Error>> {
///     let left = scope.spawn(|n: u32| n + 1, 1)?;
///     let right = scope.spawn(|n: u32| n + 1, 2)?;
///     scope.spawn(|()| println!("nobody joins me, and I am not lost"), ())?;
///     Ok(left.join()? + right.join()?)
/// });
/// assert_eq!(sum.unwrap(), 5);
/// ```
///
/// # Python
///
/// What the exit of the program does for children that are not daemons.
#[doc(alias = "active_children")]
pub fn scope<T>(block: impl FnOnce(&Scope) -> T) -> T {
    let scope = Scope::default();
    block(&scope)
}
