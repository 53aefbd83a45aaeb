//! Where everything of a ring lies in its segment: the control words, then the places.

use super::protocol::control;

const WORD: u64 = 8;
const LINE: u64 = 64;

/// The numbers that a ring is made of. They travel in the segment's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Numbers {
    /// How many messages fit.
    pub(crate) capacity: u32,
    /// Bytes of a place.
    pub(crate) room: u32,
    /// What a place is aligned to.
    pub(crate) align: u32,
    /// Publications have no fence of their own: all processes must know `membarrier`.
    pub(crate) asymmetric: bool,
    /// Which type the messages have: a number made of its name.
    pub(crate) of_type: u64,
}

impl Numbers {
    pub(crate) const fn to_parameters(self) -> [u64; 6] {
        [
            self.capacity as u64 | (self.room as u64) << 32,
            self.align as u64,
            self.asymmetric as u64,
            self.of_type,
            0,
            0,
        ]
    }

    /// The numbers of a segment; `None` if they cannot be a ring's.
    pub(crate) fn from_parameters(parameters: [u64; 6]) -> Option<Self> {
        let [sizes, align, asymmetric, of_type, ..] = parameters;
        let numbers = Self {
            capacity: (sizes & u64::from(u32::MAX)) as u32,
            room: (sizes >> 32) as u32,
            align: u32::try_from(align).ok()?,
            asymmetric: asymmetric != 0,
            of_type,
        };
        (numbers.to_parameters() == parameters).then_some(numbers)
    }
}

/// Where everything lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub(crate) numbers: Numbers,
    /// The first word of the first place.
    places: usize,
    /// Words from one place to the next.
    stride: usize,
    /// Bytes in all.
    pub(crate) length: u64,
}

impl Geometry {
    /// Lays a ring out; `None` if there is none of these numbers.
    pub(crate) fn new(numbers: Numbers) -> Option<Self> {
        // Places begin with a page and a whole number of lines.
        let aligned = numbers.align.is_power_of_two() && u64::from(numbers.align) <= LINE;
        if numbers.capacity == 0 || !aligned {
            return None;
        }
        let places = control::END as u64 * WORD;
        // The two sides of a ring that is nearly empty or full are next to each other: not in one
        // line of a cache.
        let stride = u64::from(numbers.room.max(1)).next_multiple_of(LINE);
        let length = stride.checked_mul(numbers.capacity.into())?.checked_add(places)?;
        usize::try_from(length).ok().filter(|&length| isize::try_from(length).is_ok())?;
        let word = |bytes: u64| (bytes / WORD) as usize;
        Some(Self { numbers, places: word(places), stride: word(stride), length })
    }

    /// The first word of a place.
    #[inline]
    pub(crate) const fn place(&self, index: u64) -> usize {
        self.places + index as usize * self.stride
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers() -> Numbers {
        Numbers { capacity: 3, room: 72, align: 16, asymmetric: true, of_type: 9 }
    }

    #[test]
    fn numbers_come_back_from_the_header() {
        let _watchdog = conc_tests::watchdog();
        let numbers = numbers();
        assert_eq!(Numbers::from_parameters(numbers.to_parameters()), Some(numbers));
        for (index, bit) in [(1, 40), (2, 1), (4, 0), (5, 0)] {
            let mut parameters = numbers.to_parameters();
            parameters[index] |= 1 << bit;
            assert_eq!(Numbers::from_parameters(parameters), None, "{index}");
        }
    }

    #[test]
    fn nonsense_is_no_ring() {
        let _watchdog = conc_tests::watchdog();
        assert!(Geometry::new(Numbers { capacity: 0, ..numbers() }).is_none());
        assert!(Geometry::new(Numbers { align: 3, ..numbers() }).is_none());
        assert!(Geometry::new(Numbers { align: 128, ..numbers() }).is_none());
        let huge = Numbers { capacity: u32::MAX, room: u32::MAX, ..numbers() };
        assert!(Geometry::new(huge).is_none());
    }

    #[test]
    fn places_have_lines_of_their_own() {
        let _watchdog = conc_tests::watchdog();
        let geometry = Geometry::new(numbers()).unwrap();
        let first = geometry.place(0);
        assert!(first >= control::END);
        assert_eq!(first % 8, 0);
        assert_eq!(geometry.place(1), first + 16);
        assert_eq!(geometry.length, geometry.place(3) as u64 * WORD);
    }
}
