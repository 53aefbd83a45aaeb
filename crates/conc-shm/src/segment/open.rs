//! Attaching a segment that somebody else has made.

use super::attachment::{Attachment, Space};
use super::header::{self, Checked, Header, Surroundings};
use super::{Kind, Segment, create};
use crate::AttachError;
use crate::error::Doing;
use crate::local::Local;
use crate::members::{Hooks, Identity, Ticket, claim, redeem, succeed};
use crate::sys::file::{self, Facts};
use crate::sys::fork_mark;
use crate::sys::mapping::Mapping;
use crate::sys::process::Namespaces;
use conc_core::sync::{AtomicBool, Mutex};
use nix::errno::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Weak};

pub(super) fn open_named(name: &str, kind: Kind) -> Result<Segment, AttachError> {
    enter(named_file(name)?, kind, None, Some(name))
}

/// Opens what has this name, whatever it is.
pub(super) fn named_file(name: &str) -> Result<OwnedFd, AttachError> {
    let missing = || AttachError::NoSuchName { name: name.into() };
    if !create::is_name(name) {
        return Err(missing());
    }
    match file::open_name(name) {
        Err(Errno::ENOENT) => Err(missing()),
        other => other.attaching("open the file"),
    }
}

pub(super) fn attach(
    file: OwnedFd,
    kind: Kind,
    ticket: Option<Ticket>,
) -> Result<Segment, AttachError> {
    enter(file, kind, ticket, None)
}

fn enter(
    file: OwnedFd,
    kind: Kind,
    ticket: Option<Ticket>,
    name: Option<&str>,
) -> Result<Segment, AttachError> {
    let facts = file::facts(file.as_fd()).attaching("ask for the file")?;
    if !facts.is_regular {
        return Err(AttachError::NotASegment);
    }
    let mut segments = Local::get().segments.lock();
    if let Some(attachment) = segments.get(&facts.identity).and_then(Weak::upgrade) {
        // Not under the lock: what is dropped below may be the last handle.
        drop(segments);
        header::expect(attachment.checked().kind, kind)?;
        let segment = Segment { attachment };
        if let Some(ticket) = ticket {
            // Whom it expected is a member already.
            segment.cancel(ticket);
        }
        return Ok(segment);
    }
    let checked = check(file.as_fd(), facts, kind)?;
    let me = Identity::own().attaching("read /proc/self/stat")?;
    let mapping = Mapping::shared(file.as_fd(), checked.file_len).attaching("map the file")?;
    let space = Space { mapping, file, identity: facts.identity, checked };
    let table = space.table();
    if !table.is_published() {
        return Err(AttachError::NotReady);
    }
    let (member, inherited) = match ticket.and_then(|ticket| redeem(table, me, ticket)) {
        Some(member) => (member, None),
        None => match claim(table, me, |row| space.reserve_row(row)) {
            Ok(member) => (member, None),
            // Without survivors nobody has freed the rows of the dead.
            Err(full @ AttachError::TooManyMembers { .. }) => {
                succeed(table, me, space.checked.recovers).ok_or(full)?
            }
            Err(error) => return Err(error),
        },
    };
    let attachment = Arc::new(Attachment {
        space,
        epoch: fork_mark::epoch(),
        me,
        member,
        name: name.map(Into::into),
        hooks: Hooks::default(),
        inherited: Mutex::new(inherited),
        kept_open: AtomicBool::new(false),
    });
    segments.insert(facts.identity, Arc::downgrade(&attachment));
    Ok(Segment { attachment })
}

/// Judges a private copy of the file's first bytes: they may change while one looks.
pub(super) fn check(
    file: BorrowedFd<'_>,
    facts: Facts,
    kind: Kind,
) -> Result<Checked, AttachError> {
    let mut bytes = [0; size_of::<Header>()];
    let length = file::read_start(file, &mut bytes).attaching("read the file")?;
    let header = Header::copy_from(bytes.get(..length).unwrap_or_default())?;
    let sealed = match file::is_sealed(file) {
        Ok(sealed) => Some(sealed),
        Err(Errno::EINVAL) => None,
        Err(error) => return Err(error).attaching("ask for the seals"),
    };
    let namespaces = Namespaces::own().attaching("ask for the namespaces")?;
    header.check(kind, &Surroundings { facts, sealed, namespaces })
}
