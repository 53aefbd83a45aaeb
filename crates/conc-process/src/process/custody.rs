//! What is kept here while an argument is on its way.
//!
//! With the descriptors of such an argument travels one that nobody unpacks: the *gate*. Wherever
//! the message ends (decoded, or with the process, the server, the order that was to bring it), the
//! kernel closes the gate with it, and this process sees that.

use crate::SpawnError;
use crate::client::Family;
use crate::error::Doing;
use crate::supervisor::Watch;
use crate::sys::{files, poll};
use conc_core::courier::Keepsake;
use conc_core::job::quietly;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Has these kept as long as the gate exists, which is to travel with the message. `None`: there is
/// nothing to keep.
pub(super) fn entrust(keepsakes: Vec<Keepsake>) -> Result<Option<OwnedFd>, SpawnError> {
    if keepsakes.is_empty() {
        return Ok(None);
    }
    let (closed, gate) = files::pipe().doing("make a pipe")?;
    let trustee = Box::new(Trustee { closed, keepsakes });
    Family::own().supervisor.add(trustee, None).doing("start a thread")?;
    Ok(Some(gate))
}

/// Keeps them as long as the gate exists. In a copy of this process there is none: they stand for
/// what is the original's.
struct Trustee {
    /// Readable when nobody has the gate any more.
    closed: OwnedFd,
    keepsakes: Vec<Keepsake>,
}

impl Watch for Trustee {
    fn descriptor(&self) -> BorrowedFd<'_> {
        self.closed.as_fd()
    }

    fn look(&mut self) -> bool {
        poll::ended(&[self.closed.as_fd()]) != Ok(vec![false])
    }
}

impl Drop for Trustee {
    fn drop(&mut self) {
        for keepsake in self.keepsakes.drain(..) {
            quietly(move || drop(keepsake));
        }
    }
}
