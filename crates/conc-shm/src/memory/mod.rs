//! The memory that protocols run on: words, known by their index.
//!
//! A protocol between processes is written once, over [`Memory`], and runs on several memories:
//!
//! | implementation | what it is for |
//! |---|---|
//! | [`Mapped`] | the bytes of a segment, shared with other processes |
//! | `queue::model` (tests) | one access at a time, a death before any of them |
//! | `queue::loom` (tests) | loom's cells, for the orderings |
//!
//! # Orders
//!
//! The accesses are named for what protocols need, and there are few of them, so that every
//! memory can implement each of them exactly:
//!
//! | access | order |
//! |---|---|
//! | [`load`](Memory::load), [`exchange`](Memory::exchange), [`add`](Memory::add), [`store`](Memory::store) | sequentially consistent: there is one order of all of them that everybody agrees on |
//! | [`hint`](Memory::hint), [`set_hint`](Memory::set_hint) | acquire, release: whoever reads a hint sees what its writer had seen |
//! | [`copy_in`](Memory::copy_in), [`copy_out`](Memory::copy_out) | relaxed, word by word: may race, and is then worth nothing |
//!
//! On x86-64 a sequentially consistent load is an ordinary one.

#[cfg(not(conc_loom))]
mod mapped;

#[cfg(not(conc_loom))]
pub(crate) use mapped::Mapped;

/// Words that several processes share.
pub(crate) trait Memory {
    /// Why an access did not happen. Mapped memory has no reason: there this is `Infallible`, and
    /// the `?` after each access compiles to nothing. In a model the process dies here.
    type Halt;

    /// Reads a word.
    fn load(&self, word: usize) -> Result<u64, Self::Halt>;

    /// Writes a word.
    fn store(&self, word: usize, value: u64) -> Result<(), Self::Halt>;

    /// Changes a word from `old` to `new`; the inner error is what was there instead.
    fn exchange(&self, word: usize, old: u64, new: u64) -> Result<Result<(), u64>, Self::Halt>;

    /// Adds to a word, wrapping; what was there before.
    fn add(&self, word: usize, value: u64) -> Result<u64, Self::Halt>;

    /// Reads a word that is good for a guess.
    fn hint(&self, word: usize) -> Result<u64, Self::Halt>;

    /// Writes a word that is good for a guess.
    fn set_hint(&self, word: usize, value: u64) -> Result<(), Self::Halt>;

    /// Writes bytes, from the start of a word on. The rest of the last word may change.
    fn copy_in(&self, word: usize, bytes: &[u8]) -> Result<(), Self::Halt>;

    /// Reads bytes, from the start of a word on.
    fn copy_out(&self, word: usize, bytes: &mut [u8]) -> Result<(), Self::Halt>;

    /// The word will be written soon: a processor may fetch it.
    #[inline]
    fn write_soon(&self, _word: usize) {}

    /// The word will be read soon.
    #[inline]
    fn read_soon(&self, _word: usize) {}
}
