//! Members that are expected.

use super::proof::is_dead;
use super::row::{Owner, Row};
use super::table::{Table, take};
use super::{Identity, Member};
use crate::AttachError;
use crate::segment::Attachment;
use serde::{Deserialize, Serialize};

/// Somebody is expected to attach a segment: travels with the descriptor.
///
/// Void when its sender's process is dead, or when it was cancelled.
///
/// # Examples
///
/// ```
/// use conc_shm::{Kind, Layout, Segment};
///
/// let kind = Kind { name: *b"example ", version: 1 };
/// let segment = Segment::create(&Layout::new(kind, 4096))?;
/// let ticket = segment.expect()?;
/// assert!(segment.members().others_alive());
/// assert!(segment.cancel(ticket));
/// assert!(!segment.members().others_alive());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ticket {
    row: u16,
    generation: u32,
}

impl Attachment {
    pub(crate) fn expect(&self) -> Result<Ticket, AttachError> {
        if self.is_forked() {
            return Err(AttachError::Forked);
        }
        let me = self.me();
        let (row, Member { row: number, generation }) =
            take(self.table(), me, |row| self.reserve_row(row))?;
        row.expect(me, generation);
        self.table().count_claim(me);
        Ok(Ticket { row: number, generation })
    }

    /// Whether somebody may still come with the ticket.
    pub(crate) fn is_open(&self, ticket: Ticket) -> bool {
        let seen = self.table().row(ticket.row).and_then(Row::look);
        seen.is_some_and(|seen| {
            matches!(seen.owner, Owner::Ticket(_)) && seen.generation == ticket.generation
        })
    }

    pub(crate) fn cancel(&self, ticket: Ticket) -> bool {
        let row = self.table().row(ticket.row);
        !self.is_forked() && row.is_some_and(|row| void(row, ticket.generation, self.me()))
    }
}

/// Becomes the member that was expected; `None` if the ticket is void.
pub(crate) fn redeem(table: Table<'_>, me: Identity, ticket: Ticket) -> Option<Member> {
    let Ticket { row: number, generation } = ticket;
    let row = table.row(number)?;
    row.take_ticket(generation, me).then(|| {
        row.come(me, generation);
        table.count_claim(me);
        Member { row: number, generation }
    })
}

/// Ends a ticket that nobody has redeemed; `false`: somebody has, or it is void already.
fn void(row: &Row, generation: u32, me: Identity) -> bool {
    row.take_ticket(generation, me)
        && row.look().is_some_and(|seen| seen.owner == Owner::Process(me) && row.end(seen))
}

/// Ends a ticket whose sender is dead.
pub(super) fn sweep(row: &Row, sender: Identity, generation: u32, me: Identity) {
    if is_dead(sender) {
        void(row, generation, me);
    }
}
