//! Handles of queues as values.

use super::form::Form;
use super::handle::Queue;
use crate::Segment;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A handle travels: see [`Segment`], which does it.
impl<T, F> Serialize for Queue<T, F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.raw().segment().serialize(serializer)
    }
}

impl<'de, T, F: Form<T>> Deserialize<'de> for Queue<T, F> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::of_segment(&Segment::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}
