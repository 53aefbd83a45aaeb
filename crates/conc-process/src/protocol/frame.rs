//! What server and child report about one child.

use conc_core::JoinError;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Bytes of an encoded result that fit a frame; longer ones go in a file.
pub(crate) const VALUE_LIMIT: usize = 8 * 1024;
/// Bytes of a frame with its value.
pub(crate) const FRAME_LIMIT: usize = VALUE_LIMIT + 1024;
/// Bytes of a text in a frame.
const TEXT_LIMIT: usize = VALUE_LIMIT / 4;

/// What server and child report about one child, in any order but for [`Frame::Ended`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Frame<'a> {
    /// The server: it runs, this is its number. Descriptor: its pidfd.
    Started(i32),
    /// The server: it could not be made.
    Refused(Refusal, i32),
    /// The child: it could not make itself ready.
    Unprepared { step: Cow<'a, str>, errno: i32 },
    /// The child: the function returned; the encoded value follows.
    Value,
    /// The child: the function returned. Descriptor: a file with the encoded value.
    ValueInFile,
    /// The child: the function panicked.
    Panicked { message: Cow<'a, str>, location: Option<Cow<'a, str>> },
    /// The child: the argument cannot be decoded.
    NotDecoded(Cow<'a, str>),
    /// The child: the result cannot be encoded.
    NotEncoded(Cow<'a, str>),
    /// The child's crash handler. Frames are offsets from the executable's base.
    Crashed { signal: i32, address: Option<u64>, frames: Cow<'a, [u64]> },
    /// The server: the child is dead and reaped; its raw wait status.
    Ended(i32),
    /// The child: these are in the value that follows. The client, ahead of the order: these are in
    /// the argument. Descriptors: those.
    Baggage,
}

/// Why a process could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Refusal {
    /// Descriptors were lost on the way: the server has too many open.
    Descriptors,
    /// The order makes no sense.
    Malformed,
    /// The system has no process for us.
    Fork,
    /// A function that warms the server failed.
    Preload,
}

impl Frame<'_> {
    /// The frame as a message.
    pub(crate) fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).unwrap_or_default()
    }

    /// The frame for an error of the task itself.
    pub(crate) fn of(error: &JoinError) -> Frame<'_> {
        match error {
            JoinError::Panicked { message, location } => {
                Frame::Panicked { message: cut(message), location: location.as_deref().map(cut) }
            }
            JoinError::NotDecoded { message } => Frame::NotDecoded(cut(message)),
            JoinError::NotEncoded { message } => Frame::NotEncoded(cut(message)),
            other => Frame::NotEncoded(Cow::Owned(other.to_string())),
        }
    }
}

/// As much of a text as fits a frame.
fn cut(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(text.get(..text.floor_char_boundary_at(TEXT_LIMIT)).unwrap_or_default())
}

/// `str::floor_char_boundary` is newer than our oldest compiler.
trait Boundary {
    fn floor_char_boundary_at(&self, limit: usize) -> usize;
}

impl Boundary for str {
    fn floor_char_boundary_at(&self, limit: usize) -> usize {
        (0..=limit.min(self.len())).rev().find(|&at| self.is_char_boundary(at)).unwrap_or(0)
    }
}
