//! Messages that show whether they are whole.

use conc_shm::queue::{Builder, Encoded, Form, Leasing, Plain};
use std::fmt::Debug;

/// A message that carries an item, and shows whether all of it is that item's.
pub(crate) trait Message: Debug + 'static {
    type Form: Form<Self> + Leasing<Self>
    where
        Self: Sized;

    /// Whether a `get` leases it for a moment, so that it comes back if the getter is killed.
    const TAKEN_FIRST: bool;

    fn builder(capacity: u32) -> Builder {
        Builder::new(capacity)
    }

    fn new(item: u64) -> Self;

    /// The item, if the message is whole.
    fn item(&self) -> Option<u64>;
}

fn mixed(item: u64, place: usize) -> u64 {
    let odd = item.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (place as u64) << 17;
    odd.rotate_left(23).wrapping_mul(0xd1b5_4a32_d192_ed03)
}

/// Plain data of 64 bytes.
pub(crate) type Small = [u64; 8];

impl Message for Small {
    type Form = Plain;

    const TAKEN_FIRST: bool = false;

    fn new(item: u64) -> Self {
        std::array::from_fn(|place| if place == 0 { item } else { mixed(item, place) })
    }

    fn item(&self) -> Option<u64> {
        (*self == Self::new(self[0])).then_some(self[0])
    }
}

/// An encoded message that lies in its place.
pub(crate) type Mixed = (u64, Vec<u64>);

impl Message for Mixed {
    type Form = Encoded;

    const TAKEN_FIRST: bool = false;

    fn new(item: u64) -> Self {
        (item, (0..item as usize % 12).map(|place| mixed(item, place)).collect())
    }

    fn item(&self) -> Option<u64> {
        (*self == <Self as Message>::new(self.0)).then_some(self.0)
    }
}

/// An encoded message of which most need one to five chunks.
pub(crate) type Chained = (u64, String);

impl Message for Chained {
    type Form = Encoded;

    const TAKEN_FIRST: bool = true;

    fn builder(capacity: u32) -> Builder {
        // Chunks run out before places do.
        Builder::new(capacity).inline_bytes(48).chunk_bytes(128).byte_budget(128 * 40)
    }

    fn new(item: u64) -> Self {
        let letter = char::from(b'a' + (item % 26) as u8).to_string();
        (item, letter.repeat(20 + (item % 7) as usize * 90))
    }

    fn item(&self) -> Option<u64> {
        (*self == <Self as Message>::new(self.0)).then_some(self.0)
    }
}
