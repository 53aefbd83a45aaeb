//! Why there is no segment, or no memory.

use std::io;
use thiserror::Error;

/// There is not enough memory for what was asked.
///
/// Nothing was killed, nothing changed for whoever has memory already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("cannot reserve {asked} bytes of memory: about {available} are left")]
pub struct OutOfMemory {
    /// Bytes that were asked for and did not exist yet.
    pub asked: u64,
    /// Bytes that could be had, as the system estimated it.
    pub available: u64,
}

impl From<OutOfMemory> for io::Error {
    fn from(error: OutOfMemory) -> Self {
        Self::new(io::ErrorKind::OutOfMemory, error)
    }
}

/// An access beyond the end of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{len} bytes at {offset} are not all within the segment's {content_len}")]
pub struct OutOfRange {
    /// Where the access began.
    pub offset: u64,
    /// How long it was.
    pub len: u64,
    /// How long the content is.
    pub content_len: u64,
}

/// Why a segment could not be created.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CreateError {
    /// There is not enough memory.
    #[error(transparent)]
    OutOfMemory(#[from] OutOfMemory),
    /// No file can be so long, or no process can see so much at once.
    #[error("a segment of {content_len} bytes is too large")]
    TooLarge {
        /// What was asked for.
        content_len: u64,
    },
    /// There is a segment, or something else, of this name.
    #[error("the name {name:?} is taken")]
    NameTaken {
        /// Which name.
        name: Box<str>,
    },
    /// A name is 1 to 200 bytes, without `/` and zeroes, and does not begin with a dot.
    #[error("{name:?} is no name for a segment")]
    BadName {
        /// Which name.
        name: Box<str>,
    },
    /// Only this crate's own objects have this kind: make one of those.
    #[error("a bare segment cannot hold {kind}")]
    OwnKind {
        /// Which kind.
        kind: Box<str>,
    },
    /// A system call failed.
    #[error("cannot {what}: {source}")]
    System {
        /// What could not be done.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// Why a segment could not be attached.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AttachError {
    /// The file is not one of ours.
    #[error("this file is no segment")]
    NotASegment,
    /// Its creator has not finished it, and maybe never will.
    #[error("the segment was never finished")]
    NotReady,
    /// Somebody could change its length, and kill all who use it.
    #[error("the file of the segment is not sealed")]
    Unsealed,
    /// It was written by another version of this crate, or on another kind of machine.
    #[error("the segment has format {found:#x} and this program has {expected:#x}")]
    Format {
        /// What the segment has.
        found: u64,
        /// What this program has.
        expected: u64,
    },
    /// It holds another kind of object.
    #[error("the segment holds {found} and not {expected}")]
    Kind {
        /// What it holds.
        found: Box<str>,
        /// What was expected.
        expected: Box<str>,
    },
    /// One of this crate's own objects lives there: attach that.
    #[error("{kind} is no bare segment")]
    OwnKind {
        /// Which kind.
        kind: Box<str>,
    },
    /// Its facts contradict each other: `what` is wrong.
    #[error("the segment is damaged: {what}")]
    Damaged {
        /// What is wrong.
        what: &'static str,
    },
    /// Its file does not have the length that it says.
    #[error("the file of the segment has {found} bytes and should have {expected}")]
    Length {
        /// What the file has.
        found: u64,
        /// What the segment says.
        expected: u64,
    },
    /// Process numbers or clocks mean something else here: the life of its members could not be
    /// judged.
    #[error("the segment was made in another {what} namespace")]
    Namespace {
        /// `pid` or `time`.
        what: &'static str,
    },
    /// Every row of the table of members is taken.
    #[error("the segment has {limit} members and takes no more")]
    TooManyMembers {
        /// How many it can have.
        limit: u16,
    },
    /// This is a copy, made by fork, of the process that the handle belongs to.
    #[error("the handle belongs to the process that this one was forked from")]
    Forked,
    /// The processes that could have handed it over do not have it any more.
    #[error("nobody has the segment any more who could hand it over")]
    Gone,
    /// There is no segment of this name.
    #[error("there is no segment of the name {name:?}")]
    NoSuchName {
        /// Which name.
        name: Box<str>,
    },
    /// There is not enough memory.
    #[error(transparent)]
    OutOfMemory(#[from] OutOfMemory),
    /// A system call failed.
    #[error("cannot {what}: {source}")]
    System {
        /// What could not be done.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// Names what failed.
pub(crate) trait Doing<T> {
    fn creating(self, what: &'static str) -> Result<T, CreateError>;
    fn attaching(self, what: &'static str) -> Result<T, AttachError>;
}

impl<T, E: Into<io::Error>> Doing<T> for Result<T, E> {
    fn creating(self, what: &'static str) -> Result<T, CreateError> {
        self.map_err(|error| CreateError::System { what, source: error.into() })
    }

    fn attaching(self, what: &'static str) -> Result<T, AttachError> {
        self.map_err(|error| AttachError::System { what, source: error.into() })
    }
}
