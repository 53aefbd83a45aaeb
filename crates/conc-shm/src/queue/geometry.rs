//! Where everything of a queue lies in its segment.
//!
//! ```text
//!  control words │ events │ claim words │ places … │ chunk words │ links │ chunks …
//!  ──────────────── reserved at creation ─────────────────────────────── ─ extent by extent ─
//! ```
//!
//! A place is its slot word, a word with the length of the message, and room for the message. A
//! message that does not fit lies in *chunks*, linked to each other.

use super::protocol::{PLACES_MAX, Shape, control};

const WORD: u64 = 8;
/// Two lines of a cache: processors fetch lines in pairs.
const LINE: u64 = 128;
const PAGE: u64 = 4096;
/// A chunk's number is kept in so many bits.
pub(crate) const CHUNKS_MAX: u32 = 1 << 24;
/// Pages of chunks are reserved in portions of at least so many bytes.
const EXTENT: u64 = 1 << 20;

/// The numbers that a queue is made of. They travel in the segment's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Numbers {
    /// How many messages fit.
    pub(crate) places: u32,
    /// How long a message may be that needs no chunks.
    pub(crate) inline: u32,
    /// What a message's start is aligned to.
    pub(crate) align: u32,
    /// Bytes of a chunk.
    pub(crate) chunk: u32,
    /// How many chunks there are.
    pub(crate) chunks: u32,
    /// After so many leases a message is set aside; 0: never.
    pub(crate) leases: u8,
    /// Messages that a dead consumer had leased are lost.
    pub(crate) loses: bool,
    /// Gets are counted until they are done.
    pub(crate) joinable: bool,
    /// Which type the messages have: a number made of its name. 0: not said.
    pub(crate) of_type: u64,
}

impl Numbers {
    pub(crate) const fn to_parameters(self) -> [u64; 6] {
        [
            self.places as u64 | (self.inline as u64) << 32,
            self.chunk as u64 | (self.chunks as u64) << 32,
            self.align as u64,
            self.leases as u64 | (self.loses as u64) << 8 | (self.joinable as u64) << 9,
            self.of_type,
            0,
        ]
    }

    /// The numbers of a segment; `None` if they cannot be a queue's.
    pub(crate) fn from_parameters(parameters: [u64; 6]) -> Option<Self> {
        let [places, chunks, align, options, of_type, _] = parameters;
        let low = |word: u64| (word & u64::from(u32::MAX)) as u32;
        let high = |word: u64| (word >> 32) as u32;
        let numbers = Self {
            places: low(places),
            inline: high(places),
            chunk: low(chunks),
            chunks: high(chunks),
            align: u32::try_from(align).ok()?,
            leases: (options & 0xff) as u8,
            loses: options & 1 << 8 != 0,
            joinable: options & 1 << 9 != 0,
            of_type,
        };
        (numbers.to_parameters() == parameters && numbers.are_sound()).then_some(numbers)
    }

    pub(crate) fn are_sound(&self) -> bool {
        (1..=PLACES_MAX).contains(&self.places)
            && self.leases <= 127
            && self.align.is_power_of_two()
            && u64::from(self.align) <= LINE
            && self.chunks <= CHUNKS_MAX
            && (self.chunks == 0 || (self.chunk >= 64 && u64::from(self.chunk) % 64 == 0))
    }
}

/// Events, each on lines of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happening {
    /// A message came, or the end.
    Message = 0,
    /// A place became free, or the end.
    Place = 1,
    /// A chunk became free.
    Chunk = 2,
    /// A message is done with.
    Done = 3,
}

const HAPPENINGS: u64 = 4;

/// Where everything lies: words, unless it says bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub(crate) numbers: Numbers,
    pub(crate) shape: Shape,
    events: usize,
    /// One word a chunk: whose it is.
    pub(crate) chunk_words: usize,
    /// One word a chunk: which one comes next.
    pub(crate) links: usize,
    /// The first chunk.
    pub(crate) chunks: usize,
    /// Bytes that exist from the start.
    pub(crate) reserved: u64,
    /// Bytes in all.
    pub(crate) length: u64,
}

impl Geometry {
    /// Lays a queue out; `None` if no process could see so much.
    pub(crate) fn new(numbers: Numbers) -> Option<Self> {
        if !numbers.are_sound() {
            return None;
        }
        let align = u64::from(numbers.align).max(WORD);
        let message = (2 * WORD).next_multiple_of(align);
        let room = u64::from(numbers.inline).next_multiple_of(WORD);
        let stride = (message + room).next_multiple_of(LINE);
        let places = u64::from(numbers.places);
        let chunks = u64::from(numbers.chunks);

        let events = (control::END as u64 * WORD).next_multiple_of(LINE);
        let claims = events + HAPPENINGS * LINE;
        let slots = (claims + places * WORD).next_multiple_of(LINE);
        let chunk_words = slots.checked_add(places.checked_mul(stride)?)?;
        let links = chunk_words + chunks * WORD;
        let reserved = (links + chunks * WORD).next_multiple_of(PAGE);
        let length = reserved.checked_add(chunks.checked_mul(u64::from(numbers.chunk))?)?;
        // All offsets below are smaller than this one.
        usize::try_from(length).ok().filter(|&length| isize::try_from(length).is_ok())?;
        let word = |bytes: u64| (bytes / WORD) as usize;
        Some(Self {
            numbers,
            shape: Shape {
                places: numbers.places,
                claims: word(claims),
                slots: word(slots),
                stride: word(stride),
                message: word(message),
                hint_mask: 7,
            },
            events: word(events),
            chunk_words: word(chunk_words),
            links: word(links),
            chunks: word(reserved),
            reserved,
            length,
        })
    }

    /// The geometry of a segment's content; `None` if it cannot be a queue.
    pub(crate) fn of(parameters: [u64; 6], content_len: u64) -> Option<Self> {
        let geometry = Self::new(Numbers::from_parameters(parameters)?)?;
        (geometry.length == content_len).then_some(geometry)
    }

    pub(crate) const fn event(&self, happening: Happening) -> usize {
        self.events + happening as usize * (LINE / WORD) as usize
    }

    /// The word that says how many chunks have pages.
    pub(crate) const fn extent_word(&self) -> usize {
        control::EXTENT
    }

    /// The word with the length and the first chunk of a place's message.
    #[inline]
    pub(crate) const fn length_word(&self, index: u32) -> usize {
        self.shape.slots + index as usize * self.shape.stride + 1
    }

    /// The first word of a chunk.
    pub(crate) const fn chunk(&self, chunk: u32) -> usize {
        self.chunks + chunk as usize * (self.numbers.chunk as u64 / WORD) as usize
    }

    /// The bytes of the content in which these chunks lie.
    pub(crate) fn bytes_of(&self, chunks: std::ops::Range<u32>) -> std::ops::Range<u64> {
        let at = |chunk: u32| self.reserved + u64::from(chunk) * u64::from(self.numbers.chunk);
        at(chunks.start)..at(chunks.end)
    }

    /// So many chunks are reserved at once.
    pub(crate) fn chunks_of_an_extent(&self) -> u32 {
        let chunk = u64::from(self.numbers.chunk.max(1));
        u32::try_from(EXTENT.div_ceil(chunk)).unwrap_or(u32::MAX).max(1)
    }

    /// How long a message can be at most.
    pub(crate) fn message_max(&self) -> u64 {
        let chained = u64::from(self.numbers.chunk) * u64::from(self.numbers.chunks);
        chained.max(u64::from(self.numbers.inline)).min(u64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers() -> Numbers {
        Numbers {
            places: 3,
            inline: 240,
            align: 16,
            chunk: 4096,
            chunks: 7,
            leases: 5,
            loses: true,
            joinable: false,
            of_type: 9,
        }
    }

    #[test]
    fn numbers_come_back_from_the_header() {
        let _watchdog = conc_tests::watchdog();
        let numbers = numbers();
        assert_eq!(Numbers::from_parameters(numbers.to_parameters()), Some(numbers));
    }

    #[test]
    fn nonsense_is_no_queue() {
        let _watchdog = conc_tests::watchdog();
        for change in [
            (0, 0),
            (0, u64::from(u32::MAX)),
            (1, 1 | 1 << 32),
            (2, 3),
            (2, 1 << 20),
            (3, 128),
            (3, 1 << 40),
            (5, 1),
        ] {
            let mut parameters = numbers().to_parameters();
            parameters[change.0] = change.1;
            assert_eq!(Numbers::from_parameters(parameters), None, "{change:?}");
        }
    }

    #[test]
    fn nothing_overlaps() {
        let _watchdog = conc_tests::watchdog();
        let geometry = Geometry::new(numbers()).unwrap();
        let shape = geometry.shape;
        assert!(geometry.event(Happening::Done) < shape.claims);
        assert!(shape.claims + 3 <= shape.slots);
        assert_eq!(shape.slots % 16, 0);
        assert_eq!((shape.slots + shape.message) % 2, 0, "aligned to 16 bytes");
        assert!(shape.slots + 3 * shape.stride <= geometry.chunk_words);
        assert_eq!(geometry.chunk_words + 7, geometry.links);
        assert!(geometry.links + 7 <= geometry.chunks);
        assert_eq!(geometry.bytes_of(0..7).end, geometry.length);
        assert_eq!(geometry.message_max(), 7 * 4096);
    }
}
