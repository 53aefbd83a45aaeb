//! Segments as values: in arguments and results of jobs, and in messages of other queues.
//!
//! # How a segment travels
//!
//! Where somebody [carries descriptors](conc_core::courier), as processes of this family do with
//! arguments and results, the segment's descriptor travels with the message. Elsewhere, in shared
//! memory say, the message tells where the descriptor can be had: the receiver opens it through
//! `/proc` from the sender, or from another member of the segment if the sender is gone.
//!
//! Either way a [`Ticket`] says that somebody is expected, so that who waits for the receiver does
//! not find itself alone. Where nobody carries, the sender keeps the segment until the receiver
//! has come, so that there is something to open.

use super::{Kind, Segment, SegmentId, open};
use crate::AttachError;
use crate::error::Doing;
use crate::local::Local;
use crate::members::Ticket;
use crate::sys::file;
use conc_core::courier;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// Members that are named in a message, beside its sender.
const OTHERS: usize = 4;

/// A segment on its way.
#[derive(Serialize, Deserialize)]
struct Traveller {
    id: SegmentId,
    kind: Kind,
    ticket: Option<Ticket>,
    way: Way,
}

#[derive(Serialize, Deserialize)]
enum Way {
    /// The descriptor is in this place of the message's baggage.
    Carried(u32),
    /// The descriptor is to be had from these processes.
    Fetched { file: (u64, u64), sender: (u32, i32), others: Vec<u32> },
}

impl Segment {
    fn depart(&self) -> Result<Traveller, &'static str> {
        if self.is_forked() {
            return Err("the handle belongs to the process that this one was forked from");
        }
        let (id, kind) = (self.id(), self.kind());
        // With all rows taken nobody can be expected, and nobody could come.
        let ticket = self.expect().ok();
        let keepsake = ticket.map(|ticket| {
            Box::new(Unredeemed { segment: self.clone(), ticket }) as courier::Keepsake
        });
        if let Some(place) = courier::pack(self.as_fd(), keepsake) {
            return Ok(Traveller { id, kind, ticket, way: Way::Carried(place) });
        }
        // Nobody carries: the ticket above went with its keepsake.
        let ticket = self.expect().ok();
        if let Some(ticket) = ticket {
            Local::get().sent.keep(self, ticket);
        }
        let own = std::process::id();
        let others = self.members().iter().map(|info| info.pid).filter(|pid| *pid != own);
        let way = Way::Fetched {
            file: self.attachment.identity(),
            sender: (own, self.as_fd().as_raw_fd()),
            others: others.take(OTHERS).collect(),
        };
        Ok(Traveller { id, kind, ticket, way })
    }

    fn arrive(traveller: Traveller) -> Result<Self, AttachError> {
        let Traveller { id, kind, ticket, way } = traveller;
        let descriptor = match way {
            Way::Carried(place) => courier::unpack(place).ok_or(AttachError::NotASegment)?,
            Way::Fetched { file, sender, others } => fetch(file, sender, &others)?,
        };
        let segment = open::attach(descriptor, kind, ticket)?;
        // A number of an inode may have been given again.
        if segment.id() == id { Ok(segment) } else { Err(AttachError::NotASegment) }
    }
}

/// Opens the file in one of the processes that should have it.
fn fetch(
    wanted: file::Identity,
    (sender, number): (u32, i32),
    others: &[u32],
) -> Result<OwnedFd, AttachError> {
    if let Some(attached) = Local::get().descriptor_of(wanted) {
        return attached.attaching("copy the descriptor");
    }
    if let Some(found) = file::open_in(sender, number, wanted) {
        return Ok(found);
    }
    let mut processes = std::iter::once(&sender).chain(others);
    processes.find_map(|process| file::find_in(*process, wanted)).ok_or(AttachError::Gone)
}

/// Cancels the ticket of a message that never arrived.
struct Unredeemed {
    segment: Segment,
    ticket: Ticket,
}

impl Drop for Unredeemed {
    fn drop(&mut self) {
        self.segment.cancel(self.ticket);
    }
}

/// [`Serialize`], for an object of this crate.
pub(crate) fn serialize_own<S: Serializer>(
    segment: &Segment,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    segment.depart().map_err(ser::Error::custom)?.serialize(serializer)
}

/// [`Deserialize`], for an object of this crate: of one of its kinds, whichever.
pub(crate) fn deserialize_own<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Segment, D::Error> {
    let traveller = Traveller::deserialize(deserializer)?;
    if !traveller.kind.is_own() {
        let message = format_args!("{} is no object of this crate", traveller.kind);
        return Err(de::Error::custom(message));
    }
    Segment::arrive(traveller).map_err(de::Error::custom)
}

impl Serialize for Segment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.kind().foreign().map_err(ser::Error::custom)?;
        serialize_own(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Segment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let traveller = Traveller::deserialize(deserializer)?;
        traveller.kind.foreign().map_err(de::Error::custom)?;
        Self::arrive(traveller).map_err(de::Error::custom)
    }
}
