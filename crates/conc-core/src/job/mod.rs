//! A submitted piece of work and its result.
//!
//! | file | holds |
//! |---|---|
//! | `handle` | [`Job`]: join, wait, await, cancel |
//! | `promise` | [`Promise`], [`Control`]: the executor's end |
//! | `package` | [`Package`]: a piece of work and its job in one allocation |
//! | `call` | [`Call`], [`PortableCall`]: what can be run once |
//! | `core` | word, result and hooks of every job |
//! | `state` | the word: states, transitions, invariants |
//! | `caught` | run a closure, turn its panic into an error |

mod call;
mod caught;
mod core;
mod handle;
mod package;
mod promise;
mod state;

#[doc(hidden)]
pub use self::call::{Call, PortableCall};
pub use self::caught::{caught, quietly};
pub use self::handle::{Job, KillError};
#[doc(hidden)]
pub use self::package::{Package, Ran, Runnable, Work};
#[doc(hidden)]
pub use self::promise::Pledge;
pub use self::promise::{Control, Promise};

use self::core::Core;

/// The shared part of a job, whatever is behind it.
trait Cell<T>: Send + Sync {
    fn core(&self) -> &Core<T>;

    /// The queued work, if this thread might run it.
    fn work(&self) -> Option<&dyn Work> {
        None
    }

    /// Moves the job out of pending without running it.
    fn cancel(&self) -> bool;

    fn kill(&self) -> Result<(), KillError> {
        Err(KillError::Unsupported)
    }

    fn is_running(&self) -> bool {
        self.core().snapshot().is_running()
    }
}
