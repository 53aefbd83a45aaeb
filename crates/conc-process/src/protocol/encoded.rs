//! A value on its way: bytes, and the descriptors that it holds.
//!
//! The descriptors travel in a message of their own, a [`Frame::Baggage`](super::Frame), ahead of
//! the bytes; if there are none, there is no such message. Those of an argument wait in the child's
//! channel from before the order is sent until the child decodes its argument, so that the server
//! never has them, and they vanish with the channel. If the sender has something to keep meanwhile,
//! one more travels behind them: the gate, closed when the argument is decoded or has vanished.

use crate::sys::socket::MAX_DESCRIPTORS;
use conc_core::JoinError;
use conc_core::courier::{self, Baggage};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::os::fd::OwnedFd;

/// An encoded value, and what travels with it.
#[derive(Debug)]
pub(crate) struct Encoded {
    pub(crate) bytes: Vec<u8>,
    pub(crate) baggage: Baggage,
}

/// Encodes a value.
pub(crate) fn encode<T: Serialize>(value: &T) -> Result<Encoded, Box<str>> {
    let (bytes, baggage) = courier::packing(|| postcard::to_stdvec(value));
    let bytes = bytes.map_err(|error| match baggage.error() {
        Some(cause) => format!("a descriptor in it cannot be copied: {cause}"),
        None => error.to_string(),
    })?;
    match too_many_descriptors(&baggage) {
        Some(message) => Err(message),
        None => Ok(Encoded { bytes, baggage }),
    }
}

/// What to say of a value with more descriptors than one message carries.
pub(crate) fn too_many_descriptors(baggage: &Baggage) -> Option<Box<str>> {
    let count = baggage.descriptors().len();
    // One place is the gate's.
    let limit = MAX_DESCRIPTORS - usize::from(baggage.has_keepsakes());
    (count > limit)
        .then(|| format!("{count} descriptors are in it, and at most {limit} fit").into())
}

/// Decodes a value that came with these descriptors.
pub(crate) fn decode<T: DeserializeOwned>(
    bytes: &[u8],
    descriptors: Vec<OwnedFd>,
) -> Result<T, JoinError> {
    courier::unpacking(descriptors, || postcard::from_bytes(bytes))
        .map_err(|error| JoinError::NotDecoded { message: error.to_string().into() })
}

/// An argument that has arrived.
#[derive(Debug)]
pub(crate) struct Argument<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) descriptors: Vec<OwnedFd>,
}
