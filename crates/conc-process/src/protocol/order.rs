//! What a client asks of its server.

use super::Task;
use super::hello::Nonce;
use crate::sys::surroundings::{Environment, Limits};
use serde::{Deserialize, Serialize};
use std::os::fd::OwnedFd;

/// Bytes of an order with all that follows it; what is longer goes in a file.
pub(crate) const ORDER_LIMIT: usize = 32 * 1024;

/// Descriptors of an order.
pub(crate) const ORDER_DESCRIPTORS: usize = 64;

/// What a client asks of its server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Order {
    /// Make a process. Descriptors: a [`Parcel`]. A [`Preparation`] and the argument follow, unless
    /// they are in a file.
    Spawn(Envelope),
    /// Run a function in the server itself. Descriptors: the socket for the answer.
    Preload(u64),
    /// Let this child live on when the client ends.
    Detach(i32),
    /// Kill this child: nobody holds it.
    Kill(i32),
    /// End when the last child has ended.
    Retire,
}

/// What the server itself needs to know to make a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Envelope {
    /// Run a fresh copy of the program instead of a copy of the server.
    pub(crate) fresh: bool,
    /// End it when the client or the server ends.
    pub(crate) bound: bool,
    /// Make it the leader of its own process group.
    pub(crate) leader: bool,
    /// Which descriptors came along.
    pub(crate) has_body: bool,
    pub(crate) has_directory: bool,
    pub(crate) has_streams: [bool; 3],
}

/// The descriptors of an order, in the order in which they travel.
#[derive(Debug)]
pub(crate) struct Parcel {
    /// Where to report.
    pub(crate) channel: OwnedFd,
    /// The preparation and the argument, if they are not in the message.
    pub(crate) body: Option<OwnedFd>,
    /// The directory to start in.
    pub(crate) directory: Option<OwnedFd>,
    /// The standard streams.
    pub(crate) streams: [Option<OwnedFd>; 3],
    /// What else the child is to own.
    pub(crate) passed: Vec<OwnedFd>,
}

impl Parcel {
    /// Sorts descriptors as an envelope says. `None`: there are too few.
    pub(crate) fn sort(envelope: &Envelope, descriptors: Vec<OwnedFd>) -> Option<Self> {
        let mut rest = descriptors.into_iter();
        let mut next = |present: bool| match present.then(|| rest.next()) {
            None => Some(None),
            Some(None) => None,
            Some(descriptor) => Some(descriptor),
        };
        let channel = next(true)??;
        let body = next(envelope.has_body)?;
        let directory = next(envelope.has_directory)?;
        let [input, output, error] = envelope.has_streams;
        let streams = [next(input)?, next(output)?, next(error)?];
        Some(Self { channel, body, directory, streams, passed: rest.collect() })
    }
}

/// What the child has to know about itself and to do with itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Preparation {
    /// Shows a fresh copy of the program that these bytes are meant for it.
    pub(crate) nonce: Nonce,
    pub(crate) task: Task,
    pub(crate) name: String,
    /// The numbers of its ancestors' children: `1:2` is the second child of the first child.
    pub(crate) lineage: String,
    /// The number of the process that asked for it.
    pub(crate) parent: i32,
    /// The name of that process.
    pub(crate) parent_name: String,
    /// It may not have children.
    pub(crate) childless: bool,
    /// How many descriptors it was passed.
    pub(crate) passed: u32,
    /// How many descriptors wait in its channel: those that are in its argument, and perhaps a
    /// gate.
    pub(crate) baggage: u32,
    /// The mask for modes, if it is not the server's.
    pub(crate) umask: Option<u32>,
    pub(crate) mask: u64,
    /// The limits, if they are not the server's first ones.
    pub(crate) limits: Option<Limits>,
    /// The environment, if it is not the server's.
    pub(crate) environment: Option<Environment>,
}
