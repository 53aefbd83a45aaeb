//! Which processes have attached a segment, and the proof that one has died.
//!
//! # Layout
//!
//! A table of 1,024 rows of 64 bytes; row 0 is nobody's, so that 0 means *none* in the words of
//! objects. A row holds ([`row`]):
//!
//! | word | bits |
//! |---|---|
//! | `owner` | 0: nobody. Highest bit 0: a process, start time (41) and number (22). Highest bit 1: a ticket, its generation (32) |
//! | `word` | generation (32), number of the process (24), state (8) |
//! | `scratch` | six words of the object's own, zeroes at the start of each generation; for a ticket, the first is its sender |
//!
//! Beside the table are words of it as a whole: how many rows were ever used, so that nobody reads
//! pages that do not exist; a count of claims, so that a scan knows that it missed one; whether
//! more than one process was ever there.
//!
//! # States
//!
//! *Free*, *expected* (a ticket is under way), *alive*.
//!
//! # Transitions
//!
//! | from | to | by |
//! |---|---|---|
//! | free, owner nobody | free, owner P | P, one exchange of `owner` |
//! | free, owner P | alive, owner P | P |
//! | free, owner P | expected, then owner ticket | P |
//! | expected, owner ticket | expected, owner P | one exchange of `owner` by P: whoever redeems it, cancels it, or has proved that its sender is dead |
//! | expected, owner P | alive, same generation | P |
//! | alive or expected, owner P | free, next generation | P; or, after its death is proved and the object has recovered, any survivor: one exchange of `word` |
//! | free, owner P | free, owner nobody | the same: one exchange of `owner` |
//! | alive, owner P, and no row is nobody's | alive, owner Q, same generation | Q, after the death of P is proved: one exchange of `owner`. Q recovers what P held when the object can, and becomes the member of the next generation; or gives the row back |
//!
//! # Invariants
//!
//! - A row whose owner is nobody is free. While its owner lives, nobody else changes a row.
//! - The generation of a row changes once for each member or ticket that it held. Whoever knows a
//!   member (row and generation) can tell whether it still is one.
//! - An exchange of `word` by a survivor that was stopped in the middle and wakes up later finds
//!   another generation, and fails. One of `owner` names a process that has died, and therefore
//!   never claims a row again, or a ticket, whose generation never comes again.
//! - A row's owner leaves, or dies. In both cases the object has taken back what the member held
//!   before the generation changes.

mod hooks;
mod identity;
mod info;
mod proof;
mod row;
mod table;
mod ticket;
mod watcher;

pub(crate) use hooks::Hooks;
pub use hooks::{Leaving, Recover};
pub(crate) use identity::Identity;
pub use info::{MemberInfo, MemberState};
pub(crate) use row::Row;
pub use row::SCRATCH_WORDS;
pub(crate) use table::{Live, Table, claim, succeed};
pub use ticket::Ticket;
pub(crate) use ticket::redeem;
pub(crate) use watcher::Watcher;

use crate::segment::Attachment;
use conc_core::sync::{AtomicU64, Ordering};
use row::Held;
use serde::{Deserialize, Serialize};

/// Rows that can be used, 1 to this.
const ROWS: u16 = 1023;

/// A process, as the others of a segment know it: row and generation. No two processes that were
/// ever attached to one segment have both in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Member {
    /// Its row in the table, 1 to 1,023.
    pub row: u16,
    /// Which of those that had this row.
    pub generation: u32,
}

/// The processes that have attached a segment.
///
/// # Examples
///
/// ```
/// use conc_shm::{Kind, Layout, MemberState, Segment};
///
/// let kind = Kind { name: *b"example ", version: 1 };
/// let segment = Segment::create(&Layout::new(kind, 4096))?;
/// let all: Vec<_> = segment.members().iter().collect();
/// assert_eq!(all[0].member, segment.me());
/// assert_eq!(all[0].pid, std::process::id());
/// assert_eq!(all[0].state, MemberState::Alive);
/// # Ok::<(), conc_shm::CreateError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Members<'a> {
    attachment: &'a Attachment,
}

impl<'a> Members<'a> {
    pub(crate) fn new(attachment: &'a Attachment) -> Self {
        Self { attachment }
    }

    /// Whether the row still is this member's: it has not left, and nobody has finished recovering
    /// it. Whoever recovers asks before each change.
    #[must_use]
    pub fn is_current(self, member: Member) -> bool {
        self.attachment.table().row(member.row).is_some_and(|row| row.is_alive(member.generation))
    }

    /// A word of the object's own in the row of a member, [`SCRATCH_WORDS`] a row; zero when the
    /// member came. `None` if there is no such row or word.
    ///
    /// It belongs to whoever has the row *now*: a recoverer that was overtaken may be looking at
    /// the successor's.
    #[must_use]
    pub fn scratch(self, row: u16, index: usize) -> Option<&'a AtomicU64> {
        let attachment: &'a Attachment = self.attachment;
        attachment.table().row(row)?.scratch(index)
    }

    /// The sum of a word of the object's own over all members. Asks nobody whether they live: what
    /// the dead have left counts until they are recovered.
    pub(crate) fn sum(self, index: usize) -> u64 {
        let attachment: &'a Attachment = self.attachment;
        let of_a_member = |row: &Row| {
            // A ticket's words are its own.
            let before = row.look().filter(|seen| seen.held == Held::Alive)?;
            // ORDERING(queue.unfinished): Acquire. What is done is seen with its count.
            let value = row.scratch(index)?.load(Ordering::Acquire);
            // If the row changed hands meanwhile, so did what it counts.
            row.is_alive(before.generation).then_some(value)
        };
        attachment.table().rows().filter_map(|(_, row)| of_a_member(row)).sum()
    }

    /// Whether another process is attached, or expected: one that was not proved to be dead.
    ///
    /// Asks the system about each until one is found.
    #[must_use]
    pub fn others_alive(self) -> bool {
        let (me, own) = (self.attachment.me(), self.attachment.member());
        self.attachment.table().any_other(own, me)
    }

    /// Whether another process than its creator was ever attached.
    #[must_use]
    pub fn ever_others(self) -> bool {
        self.attachment.table().ever_others()
    }

    /// All members and tickets, for somebody who looks: they may change meanwhile.
    pub fn iter(self) -> impl Iterator<Item = MemberInfo> + 'a {
        let attachment: &'a Attachment = self.attachment;
        attachment.table().infos()
    }
}

impl std::fmt::Debug for Members<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
