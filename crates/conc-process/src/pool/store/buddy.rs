//! Which bytes of a range are free: Knuth's buddy system.
//!
//! Blocks are powers of two. One that is too large is halved; a half that comes back joins its
//! other half if that is free as well. Both take a step for each doubling, however many blocks there
//! are.
//!
//! D. E. Knuth, The Art of Computer Programming, volume 1, section 2.5, algorithms R and S.

use std::collections::BTreeSet;

/// The binary logarithm of the smallest block's bytes, and of the largest's.
const SMALLEST: u32 = 8;
const LARGEST: u32 = 26;

/// Bytes of the largest block.
pub(super) const LARGEST_BLOCK: u64 = 1 << LARGEST;

/// Which blocks are free.
#[derive(Debug)]
pub(super) struct Buddy {
    /// Where free blocks begin, by size. Sorted: what was used before is used again, and the rest
    /// never exists.
    free: [BTreeSet<u64>; (LARGEST - SMALLEST + 1) as usize],
}

/// A block that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) at: u64,
    order: u32,
}

impl Block {
    pub(super) fn len(self) -> u64 {
        1 << self.order
    }
}

impl Buddy {
    /// Everything up to `len` is free, a multiple of the largest block.
    pub(super) fn new(len: u64) -> Self {
        let mut buddy = Self { free: std::array::from_fn(|_| BTreeSet::new()) };
        buddy.of(LARGEST).extend((0..len / LARGEST_BLOCK).map(|block| block * LARGEST_BLOCK));
        buddy
    }

    /// A block of at least `len` bytes, if there is one.
    pub(super) fn take(&mut self, len: u64) -> Option<Block> {
        let order = len.max(1).checked_next_power_of_two()?.ilog2().max(SMALLEST);
        let (mut found, at) =
            (order..=LARGEST).find_map(|order| self.of(order).pop_first().map(|at| (order, at)))?;
        while found > order {
            found -= 1;
            self.of(found).insert(at + (1 << found));
        }
        Some(Block { at, order })
    }

    /// Gives all of a block back but its beginning of `len` bytes.
    pub(super) fn shrink(&mut self, block: Block, len: u64) -> Block {
        let mut block = block;
        while block.order > SMALLEST && len <= block.len() / 2 {
            block.order -= 1;
            self.give_back(Block { at: block.at + block.len(), order: block.order });
        }
        block
    }

    /// Gives a block back.
    pub(super) fn give_back(&mut self, Block { mut at, mut order }: Block) {
        while order < LARGEST && self.of(order).remove(&(at ^ 1 << order)) {
            at &= !(1 << order);
            order += 1;
        }
        self.of(order).insert(at);
    }

    fn of(&mut self, order: u32) -> &mut BTreeSet<u64> {
        &mut self.free[(order - SMALLEST) as usize]
    }
}

#[cfg(all(test, not(conc_loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn halves_find_each_other_again() {
        let _watchdog = conc_tests::watchdog();
        let mut buddy = Buddy::new(LARGEST_BLOCK);
        let blocks: Vec<_> = (0..4).map(|_| buddy.take(200).unwrap()).collect();
        assert_eq!(blocks.iter().map(|block| block.at).collect::<Vec<_>>(), [0, 256, 512, 768]);
        assert!(buddy.take(LARGEST_BLOCK).is_none());
        blocks.into_iter().for_each(|block| buddy.give_back(block));
        assert_eq!(buddy.take(LARGEST_BLOCK).map(|block| block.at), Some(0));
        assert!(buddy.take(1).is_none() && buddy.take(u64::MAX).is_none());
    }

    #[test]
    fn what_is_cut_off_is_free() {
        let _watchdog = conc_tests::watchdog();
        let mut buddy = Buddy::new(LARGEST_BLOCK);
        let block = buddy.take(LARGEST_BLOCK).unwrap();
        let block = buddy.shrink(block, 1000);
        assert_eq!((block.at, block.len()), (0, 1024));
        assert_eq!(buddy.take(1024).map(|block| block.at), Some(1024));
        assert_eq!(buddy.take(LARGEST_BLOCK / 2).map(|block| block.at), Some(LARGEST_BLOCK / 2));
    }

    /// Whatever is taken and given back, no two live blocks overlap; in the end all is free.
    #[test]
    fn blocks_never_overlap() {
        let _watchdog = conc_tests::watchdog();
        let steps = prop::collection::vec((0_u64..1 << 22, 0_usize..64), 200);
        proptest!(|(steps in steps)| {
            let mut buddy = Buddy::new(2 * LARGEST_BLOCK);
            let mut live: Vec<Block> = Vec::new();
            for (len, which) in steps {
                if which % 3 > 0 {
                    let Some(block) = buddy.take(len) else { continue };
                    let block = buddy.shrink(block, len / 3);
                    let end = block.at + block.len();
                    prop_assert!(end <= 2 * LARGEST_BLOCK && block.len() >= len / 3);
                    let apart = |other: &Block| end <= other.at || other.at + other.len() <= block.at;
                    prop_assert!(live.iter().all(apart), "{:?} among {:?}", block, live);
                    live.push(block);
                } else if !live.is_empty() {
                    buddy.give_back(live.swap_remove(which % live.len()));
                }
            }
            live.into_iter().for_each(|block| buddy.give_back(block));
            let whole = [LARGEST_BLOCK; 3].map(|len| buddy.take(len).is_some());
            prop_assert_eq!(whole, [true, true, false]);
        });
    }
}
