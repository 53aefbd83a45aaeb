//! How a copy of this program becomes a server before its `main` runs.
//!
//! The loader calls the entries of a program's `.init_array` before `main`. Ours looks at
//! `argv[0]`; in an ordinary start it returns at once. In a copy that this family started, it calls
//! the constructors that come after it, and serves; `main` is never reached.
//!
//! What makes a start ours, all of it together:
//!
//! 1. `argv[0]` is the marker, which nobody types by accident.
//! 2. The kernel gave the program no more rights than its caller has (`AT_SECURE` is 0).
//! 3. Descriptor 0 is a socket of the right kind.
//! 4. In that socket waits a hello, whose nonce equals the one in `argv[1]`.
//!
//! If 1 to 3 do not hold, the program runs as if this crate were not there. If only 4 fails, the
//! program exits: someone who holds the other end waits for a server, and running `main` for him
//! would start who knows what.

#[cfg(feature = "auto-init")]
mod hook;
mod role;

use crate::SpawnError;
use crate::sys::image::Image;
use conc_core::sync::{AtomicBool, Ordering};
use role::Role;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

/// Whether this program, started again, would become a server.
static READY: AtomicBool = AtomicBool::new(false);

/// Becomes a fork server, if this program was started to be one; otherwise returns.
///
/// Only needed without the feature `auto-init` (on by default), for programs that want no code
/// before `main`: call it first thing in `main`, before there are threads. More calls do no harm.
///
/// # Examples
///
/// ```
/// conc_process::init();
/// // The program proper.
/// ```
///
/// # Python
///
/// `if __name__ == '__main__'` and `freeze_support()`.
#[doc(alias = "freeze_support")]
pub fn init() {
    // ORDERING: Relaxed. A flag about the program itself; nothing is published with it.
    if READY.load(Ordering::Relaxed) || !Image::own().has_code(init as *const () as usize) {
        return;
    }
    let arguments: Vec<OsString> = std::env::args_os().take(2).collect();
    let argument = |place: usize| arguments.get(place).map_or(&[][..], |text| text.as_bytes());
    let role = Role::recognise(argument(0), argument(1));
    READY.store(true, Ordering::Relaxed);
    if let Some(role) = role {
        role.play();
    }
}

/// Whether this program, started again, would become a server; says why not.
pub(crate) fn ensure() -> Result<(), SpawnError> {
    #[cfg(feature = "auto-init")]
    hook::keep();
    // ORDERING: Relaxed. As above.
    if READY.load(Ordering::Relaxed) {
        return Ok(());
    }
    Err(SpawnError::NoBootstrap)
}
