//! The first page of a segment: what never changes, and what whoever attaches checks.

use super::layout::{Kind, Layout};
use crate::AttachError;
use crate::sys::file::Facts;
use crate::sys::process::Namespaces;
use std::num::NonZeroUsize;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Where the words are that change: in the first page, behind the header.
pub(super) const LIVE_AT: u64 = 1 << 10;
/// Where the table of members begins. A multiple of every size of pages.
pub(super) const TABLE_AT: u64 = 1 << 16;
/// Where the content begins.
pub(super) const CONTENT_AT: u64 = 2 << 16;

const MAGIC: [u8; 8] = *b"conc-shm";

/// Version of this page and of the table. Together with what it looks like on another kind of
/// machine: bytes in another order are another number.
const FORMAT: u64 = 0x0001_0000_0000_0001 | (size_of::<usize>() as u64) << 8;

/// Who keeps the length of the file as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Its seals.
    Sealed = 1,
    /// The user: a file with a name cannot be sealed, but opened by its owner alone.
    Named = 2,
}

/// What never changes. All bytes are covered by `hash`, so that none can be wrong unseen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct Header {
    magic: [u8; 8],
    format: u64,
    hash: u64,
    form: u64,
    kind: [u8; 8],
    version: u32,
    recovers: u32,
    file_len: u64,
    content_len: u64,
    reserve: u64,
    parameters: [u64; 6],
    id: [u8; 16],
    pid_namespace: u64,
    time_namespace: u64,
}

const _: () = assert!(size_of::<Header>() == 152 && size_of::<Header>() as u64 <= LIVE_AT);

/// What a checked header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Checked {
    pub(super) kind: Kind,
    pub(super) recovers: bool,
    /// Of the whole file.
    pub(super) file_len: NonZeroUsize,
    pub(super) content_len: usize,
    pub(super) parameters: [u64; 6],
    pub(super) id: u128,
}

/// What the file of a header has to be like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surroundings {
    pub(super) facts: Facts,
    /// `None`: files of this kind know no seals.
    pub(super) sealed: Option<bool>,
    pub(super) namespaces: Namespaces,
}

impl Header {
    /// The header of a new segment; `None`: it would be too long.
    pub(super) fn new(layout: &Layout, form: Form, id: u128, here: Namespaces) -> Option<Self> {
        let mut header = Self {
            magic: MAGIC,
            format: FORMAT,
            hash: 0,
            form: form as u64,
            kind: layout.kind.name,
            version: layout.kind.version,
            recovers: layout.recovers.into(),
            file_len: file_len(layout.content_len)?,
            content_len: layout.content_len,
            reserve: layout.reserve.min(layout.content_len),
            parameters: layout.parameters,
            id: id.to_ne_bytes(),
            pid_namespace: here.pid,
            time_namespace: here.time,
        };
        header.hash = header.computed_hash();
        header.trusted().map(|_| header)
    }

    /// FNV-1a over everything but the hash itself.
    fn computed_hash(&self) -> u64 {
        let plain = Self { hash: 0, ..*self };
        plain.as_bytes().iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    }

    /// A header out of a file, of however many bytes there were.
    pub(super) fn copy_from(bytes: &[u8]) -> Result<Self, AttachError> {
        match Self::read_from_prefix(bytes) {
            Ok((header, _)) if header.magic == MAGIC => Ok(header),
            _ => Err(AttachError::NotASegment),
        }
    }

    /// Believes nothing.
    pub(super) fn check(&self, kind: Kind, around: &Surroundings) -> Result<Checked, AttachError> {
        if self.magic != MAGIC {
            return Err(AttachError::NotASegment);
        }
        if self.format != FORMAT {
            return Err(AttachError::Format { found: self.format, expected: FORMAT });
        }
        if self.hash != self.computed_hash() {
            return Err(AttachError::Damaged { what: "its hash" });
        }
        let kept = match (self.form, around.sealed) {
            (form, Some(sealed)) if form == Form::Sealed as u64 => sealed,
            (form, Some(_)) if form == Form::Named as u64 => around.facts.is_private,
            (_, None) => false,
            _ => return Err(AttachError::Damaged { what: "its form" }),
        };
        if !kept {
            return Err(AttachError::Unsealed);
        }
        if self.recovers > 1 {
            return Err(AttachError::Damaged { what: "its flags" });
        }
        if self.reserve > self.content_len || file_len(self.content_len) != Some(self.file_len) {
            return Err(AttachError::Damaged { what: "its lengths" });
        }
        if around.facts.len != self.file_len {
            let (found, expected) = (around.facts.len, self.file_len);
            return Err(AttachError::Length { found, expected });
        }
        self.expect(kind)?;
        if self.pid_namespace != around.namespaces.pid {
            return Err(AttachError::Namespace { what: "pid" });
        }
        if self.time_namespace != around.namespaces.time {
            return Err(AttachError::Namespace { what: "time" });
        }
        self.trusted().ok_or(AttachError::Damaged { what: "its lengths" })
    }

    fn expect(&self, kind: Kind) -> Result<(), AttachError> {
        let found = Kind { name: self.kind, version: self.version };
        expect(found, kind)
    }

    /// What a header says that was made or checked here.
    pub(super) fn trusted(&self) -> Option<Checked> {
        Some(Checked {
            kind: Kind { name: self.kind, version: self.version },
            recovers: self.recovers == 1,
            // No object is larger than `isize::MAX`.
            file_len: NonZeroUsize::new(isize::try_from(self.file_len).ok()?.unsigned_abs())?,
            content_len: usize::try_from(self.content_len).ok()?,
            parameters: self.parameters,
            id: u128::from_ne_bytes(self.id),
        })
    }
}

/// Whether a segment holds what was expected.
pub(super) fn expect(found: Kind, expected: Kind) -> Result<(), AttachError> {
    if found == expected {
        return Ok(());
    }
    let text = |kind: Kind| kind.to_string().into_boxed_str();
    Err(AttachError::Kind { found: text(found), expected: text(expected) })
}

/// The length of a file with so much content: whole pages of the largest size, so that every page
/// of the content belongs to it.
fn file_len(content_len: u64) -> Option<u64> {
    let rounded = content_len.checked_next_multiple_of(TABLE_AT)?;
    CONTENT_AT.checked_add(rounded).filter(|&len| i64::try_from(len).is_ok())
}
