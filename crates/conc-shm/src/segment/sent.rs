//! Segments that this process has sent, and whose receivers have not come yet.

use super::Segment;
use crate::members::Ticket;
use conc_core::sync::Mutex;

/// Kept until somebody has come with the ticket: the receiver opens the descriptor in this
/// process.
#[derive(Debug, Default)]
pub(crate) struct Sent(Mutex<Vec<(Segment, Ticket)>>);

impl Sent {
    /// Keeps a segment; lets go of those that have arrived.
    pub(super) fn keep(&self, segment: &Segment, ticket: Ticket) {
        let mut sent = self.0.lock();
        let mut arrived = Vec::new();
        let mut at = 0;
        while let Some((segment, ticket)) = sent.get(at) {
            if segment.is_open(*ticket) {
                at += 1;
            } else {
                arrived.push(sent.swap_remove(at));
            }
        }
        sent.push((segment.clone(), ticket));
        drop(sent);
        // Not under the lock: one of them may be the last handle.
        drop(arrived);
    }
}
