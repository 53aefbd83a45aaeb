//! Handles of queues as values.

use super::form::Form;
use super::handle::Queue;
use crate::segment::{deserialize_own, serialize_own};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A handle travels: see [`Segment`](crate::Segment), which does it.
impl<T, F> Serialize for Queue<T, F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_own(self.raw().segment(), serializer)
    }
}

impl<'de, T, F: Form<T>> Deserialize<'de> for Queue<T, F> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::of_segment(&deserialize_own(deserializer)?).map_err(de::Error::custom)
    }
}
