//! A segment, seen by somebody who is no member of it.
//!
//! Members count: who waits for others is told when the last of them is gone. Somebody who only
//! looks must not keep them waiting, and takes no row.

use super::attachment::Space;
use super::open;
use super::{Kind, SegmentId};
use crate::AttachError;
use crate::error::Doing;
use crate::members::MemberInfo;
use crate::sys::file;
use crate::sys::mapping::Mapping;
use std::os::fd::{AsFd, OwnedFd};
use std::ptr::NonNull;

/// A mapped segment of which this process is no member. Whoever has it only reads.
pub(crate) struct View(Space);

impl View {
    /// The segment of this name.
    pub(crate) fn open_named(name: &str, kind: Kind) -> Result<Self, AttachError> {
        Self::attach(open::named_file(name)?, kind)
    }

    /// The segment behind a descriptor.
    pub(crate) fn attach(file: OwnedFd, kind: Kind) -> Result<Self, AttachError> {
        let facts = file::facts(file.as_fd()).attaching("ask for the file")?;
        if !facts.is_regular {
            return Err(AttachError::NotASegment);
        }
        let checked = open::check(file.as_fd(), facts, kind)?;
        let mapping = Mapping::shared(file.as_fd(), checked.file_len).attaching("map the file")?;
        let space = Space { mapping, file, identity: facts.identity, checked };
        if !space.table().is_published() {
            return Err(AttachError::NotReady);
        }
        Ok(Self(space))
    }

    /// Members and tickets, for somebody who looks.
    pub(crate) fn members(&self) -> impl Iterator<Item = MemberInfo> {
        self.0.table().infos()
    }

    /// The first byte of the content; valid as long as this value.
    pub(crate) fn content(&self) -> NonNull<u8> {
        self.0.content()
    }

    pub(crate) fn content_len(&self) -> u64 {
        self.0.checked.content_len as u64
    }

    pub(crate) fn parameters(&self) -> [u64; 6] {
        self.0.checked.parameters
    }

    pub(crate) fn id(&self) -> SegmentId {
        SegmentId(self.0.checked.id)
    }
}
