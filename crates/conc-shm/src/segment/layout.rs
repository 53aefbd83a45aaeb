//! What an object asks of its segment.

use crate::AttachError;
use serde::{Deserialize, Serialize};

/// What lives in a segment. Who attaches says what is expected.
///
/// # Examples
///
/// ```
/// const GRID: conc_shm::Kind = conc_shm::Kind { name: *b"grid    ", version: 3 };
/// assert_eq!(GRID.to_string(), "grid, version 3");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Kind {
    /// Its name, padded with spaces.
    pub name: [u8; 8],
    /// The version of its layout: any other is refused.
    pub version: u32,
}

/// Names of this crate's own kinds, of whatever version.
const OWN: [[u8; 8]; 2] = [*b"queue   ", *b"ring    "];

impl Kind {
    /// An object of this crate lives there. It hands out references to its content, or believes
    /// its words: nobody else reads or writes there.
    pub(crate) fn is_own(self) -> bool {
        OWN.contains(&self.name)
    }

    /// Refuses this crate's own kinds.
    pub(super) fn foreign(self) -> Result<Self, AttachError> {
        if self.is_own() {
            return Err(AttachError::OwnKind { kind: self.to_string().into() });
        }
        Ok(self)
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, version {}", self.name.trim_ascii_end().escape_ascii(), self.version)
    }
}

/// What an object asks of its segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// What lives there.
    pub kind: Kind,
    /// Bytes of the whole range of addresses. Costs nothing until it is reserved.
    pub content_len: u64,
    /// So many bytes at its start exist from the beginning; the whole, at most.
    pub reserve: u64,
    /// The object's own numbers: whoever attaches gets them as they were at creation.
    pub parameters: [u64; 6],
    /// A member that died leaves something to take back: without a [`Recover`](crate::Recover) of
    /// the object, nobody frees its row.
    pub recovers: bool,
}

impl Layout {
    /// Plain memory, all of it reserved: nothing has to be taken back from the dead.
    #[must_use]
    pub const fn new(kind: Kind, content_len: u64) -> Self {
        Self { kind, content_len, reserve: content_len, parameters: [0; 6], recovers: false }
    }
}
