//! In which form messages lie in a ring.

use super::raw::Place;
use crate::queue::{Encoded, GetError, Plain};
use crate::shared::Shared;
use conc_core::Wire;

/// In which form messages lie in a ring: [`Encoded`] or [`Plain`].
#[expect(private_bounds, reason = "sealed: what a form does is this crate's own affair")]
pub trait Form<T>: sealed::Form<T> {}

impl<T: Wire> Form<T> for Encoded {}
impl<T: Shared> Form<T> for Plain {}

/// Why a message is not in its place.
pub(crate) enum NotWritten {
    TooLong,
    /// It cannot be encoded.
    Bad(Box<str>),
}

/// Bytes before an encoded message: its length.
pub(crate) const PREFIX: usize = 8;

pub(crate) mod sealed {
    use super::{GetError, NotWritten, Place};

    pub(crate) trait Form<T>: 'static {
        /// Bytes of a place and their alignment, if the type says so.
        fn fixed() -> Option<(usize, usize)>;

        /// Writes into a place that is the sender's.
        fn write(place: Place<'_>, item: &T) -> Result<(), NotWritten>;

        /// Reads from a place that is the receiver's.
        fn read(place: Place<'_>) -> Result<T, GetError>;
    }
}

impl<T: Shared> sealed::Form<T> for Plain {
    fn fixed() -> Option<(usize, usize)> {
        Some((size_of::<T>(), align_of::<T>()))
    }

    #[inline]
    fn write(place: Place<'_>, item: &T) -> Result<(), NotWritten> {
        place.copy_in(item.as_bytes());
        Ok(())
    }

    #[inline]
    fn read(place: Place<'_>) -> Result<T, GetError> {
        Ok(place.copy_out())
    }
}

impl<T: Wire> sealed::Form<T> for Encoded {
    fn fixed() -> Option<(usize, usize)> {
        None
    }

    #[inline]
    fn write(mut place: Place<'_>, item: &T) -> Result<(), NotWritten> {
        let (length, room) = place.bytes_mut().split_at_mut(PREFIX);
        match postcard::to_slice(item, room) {
            Ok(written) => {
                length.copy_from_slice(&(written.len() as u64).to_ne_bytes());
                Ok(())
            }
            Err(postcard::Error::SerializeBufferFull) => Err(NotWritten::TooLong),
            Err(error) => Err(NotWritten::Bad(error.to_string().into())),
        }
    }

    #[inline]
    fn read(mut place: Place<'_>) -> Result<T, GetError> {
        let (length, room) = place.bytes_mut().split_at(PREFIX);
        let length = length.try_into().map_or(0, u64::from_ne_bytes);
        let message = room.get(..length as usize).unwrap_or(room);
        postcard::from_bytes(message)
            .map_err(|error| GetError::NotDecoded { message: error.to_string().into() })
    }
}
