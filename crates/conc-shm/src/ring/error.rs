//! Why an end of a ring is not to be had.

use crate::{AttachError, Member};
use thiserror::Error;

/// Why an end of a ring is not to be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EndError {
    /// It is no ring, or not one of this type, or it cannot be attached.
    #[error(transparent)]
    Attach(#[from] AttachError),
    /// A living process has this end: this one, perhaps.
    #[error("process {pid} has this end of the ring")]
    Taken {
        /// Who.
        by: Member,
        /// The number of its process; 0 if it has just left.
        pid: u32,
    },
}
