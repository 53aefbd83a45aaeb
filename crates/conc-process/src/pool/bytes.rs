//! Encoded arguments, wherever they lie.

use super::store::Place;
use std::ops::Range;
use std::sync::Arc;

/// Encoded arguments on their way to a worker.
#[derive(Debug)]
pub(super) enum Bytes<'a> {
    /// So few that they go into the ring itself.
    Short(&'a [u8]),
    /// In the pool's store, within a place.
    Stored(Arc<Place>, Range<u64>),
    /// There was no room in the store.
    Heap(Vec<u8>),
}

impl Bytes<'_> {
    /// Out of the buffer in which they were encoded.
    pub(super) fn into_owned(self) -> Bytes<'static> {
        match self {
            Self::Short(bytes) => Bytes::Heap(bytes.to_vec()),
            Self::Stored(place, range) => Bytes::Stored(place, range),
            Self::Heap(bytes) => Bytes::Heap(bytes),
        }
    }

    /// As much of a range as there is; what is stored is not copied.
    pub(super) fn part(&self, range: Range<usize>) -> Bytes<'static> {
        let of = |bytes: &[u8]| {
            let range = range.start..range.end.min(bytes.len());
            Bytes::Heap(bytes.get(range).unwrap_or_default().to_vec())
        };
        match self {
            Self::Short(bytes) => of(bytes),
            Self::Heap(bytes) => of(bytes),
            Self::Stored(place, whole) => {
                let at = |offset: usize| whole.start.saturating_add(offset as u64).min(whole.end);
                Bytes::Stored(Arc::clone(place), at(range.start)..at(range.end))
            }
        }
    }
}
