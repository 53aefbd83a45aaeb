//! What is in a message: who sent it, its number, and words that follow from them.

/// Between the words of a message.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
const WORD: usize = size_of::<u64>();
const NUMBER_BITS: u32 = 48;
/// The number of a message that says that no more will come.
pub(in crate::groups) const STOP: u64 = (1 << NUMBER_BITS) - 1;

/// Whose message this is, and which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::groups) struct Tag {
    pub(in crate::groups) producer: usize,
    pub(in crate::groups) number: u64,
}

/// Writes a message, each byte of it.
#[inline]
pub(in crate::groups) fn fill(bytes: &mut [u8], tag: Tag) {
    let mut word = (tag.producer as u64) << NUMBER_BITS | tag.number;
    for place in bytes.chunks_exact_mut(WORD) {
        place.copy_from_slice(&word.to_ne_bytes());
        word = word.wrapping_add(STEP);
    }
}

/// Reads a message, each byte of it.
///
/// # Panics
///
/// If it is not what [`fill`] wrote.
#[inline]
pub(in crate::groups) fn read(bytes: &[u8]) -> Tag {
    let first = word(&bytes[..WORD]);
    let (mut expected, mut torn) = (first, 0);
    // The first one again, and no branch for each: so several are read at a time, and from where
    // the copy has just put several at a time.
    for word in bytes.chunks_exact(WORD).map(word) {
        torn |= word ^ expected;
        expected = expected.wrapping_add(STEP);
    }
    assert_eq!(torn, 0, "a torn message");
    Tag { producer: (first >> NUMBER_BITS) as usize, number: first & STOP }
}

fn word(bytes: &[u8]) -> u64 {
    u64::from_ne_bytes(bytes.try_into().expect("chunks are whole"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let mut bytes = [0; 64];
        for tag in [Tag { producer: 1, number: 70_000 }, Tag { producer: 0, number: STOP }] {
            fill(&mut bytes, tag);
            assert_eq!(read(&bytes), tag);
        }
    }

    #[test]
    #[should_panic(expected = "torn")]
    fn half_of_another_message_is_seen() {
        let (mut bytes, mut other) = ([0; 64], [0; 64]);
        fill(&mut bytes, Tag { producer: 0, number: 1 });
        fill(&mut other, Tag { producer: 0, number: 2 });
        bytes[32..].copy_from_slice(&other[32..]);
        read(&bytes);
    }
}
