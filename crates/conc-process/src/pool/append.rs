//! Encoding a value behind bytes that are there.

use postcard::ser_flavors::Flavor;
use serde::Serialize;

/// Encodes a value behind what is there. After an error, whatever was written stays.
#[inline]
pub(super) fn append<T: Serialize>(to: &mut Vec<u8>, value: &T) -> postcard::Result<()> {
    postcard::serialize_with_flavor(value, Behind(to))
}

/// Writes whole slices at once: postcard's own way to extend goes byte by byte.
struct Behind<'v>(&'v mut Vec<u8>);

impl Flavor for Behind<'_> {
    type Output = ();

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}
