//! Making a segment.

use super::attachment::{Attachment, Space, reserve};
use super::header::{CONTENT_AT, Form, Header, LIVE_AT, TABLE_AT};
use super::{Layout, Segment};
use crate::error::Doing;
use crate::local::Local;
use crate::members::{Hooks, Identity, Live, claim};
use crate::sys::file;
use crate::sys::fork_mark;
use crate::sys::mapping::Mapping;
use crate::sys::process::Namespaces;
use crate::sys::random;
use crate::{AttachError, CreateError};
use conc_core::sync::{AtomicBool, Mutex};
use nix::errno::Errno;
use std::os::fd::AsFd;
use std::ptr::NonNull;
use std::sync::Arc;

/// Bytes of a name.
const NAME_MAX: usize = 200;

pub(super) fn is_name(name: &str) -> bool {
    (1..=NAME_MAX).contains(&name.len()) && !name.starts_with('.') && !name.contains(['/', '\0'])
}

/// Refuses this crate's own kinds.
pub(super) fn foreign(layout: &Layout) -> Result<(), CreateError> {
    let kind = layout.kind;
    if kind.is_own() {
        return Err(CreateError::OwnKind { kind: kind.to_string().into() });
    }
    Ok(())
}

pub(super) fn create(
    layout: &Layout,
    name: Option<&str>,
    begin: impl FnOnce(NonNull<u8>),
) -> Result<Segment, CreateError> {
    if let Some(name) = name.filter(|name| !is_name(name)) {
        return Err(CreateError::BadName { name: name.into() });
    }
    let too_large = || CreateError::TooLarge { content_len: layout.content_len };
    let form = if name.is_some() { Form::Named } else { Form::Sealed };
    let id = random::bits_128().creating("get random bits")?;
    let namespaces = Namespaces::own().creating("ask for the namespaces")?;
    let me = Identity::own().creating("read /proc/self/stat")?;
    let header = Header::new(layout, form, id, namespaces).ok_or_else(too_large)?;
    let space = space(layout, &header, form)?;
    space.table().begin(me);
    let member = claim(space.table(), me, |row| space.reserve_row(row)).map_err(full)?;
    begin(space.content());
    space.table().publish();
    // Whoever of this process opens the name waits until its mapping is known.
    let mut segments = Local::get().segments.lock();
    match (form, name) {
        (Form::Named, Some(name)) => match file::give_name(space.file.as_fd(), name) {
            Err(Errno::EEXIST) => return Err(CreateError::NameTaken { name: name.into() }),
            other => other.creating("name the file")?,
        },
        _ => file::seal(space.file.as_fd()).creating("seal the file")?,
    }

    let attachment = Arc::new(Attachment {
        space,
        epoch: fork_mark::epoch(),
        me,
        member,
        name: name.map(Into::into),
        hooks: Hooks::default(),
        inherited: Mutex::new(None),
        kept_open: AtomicBool::new(false),
    });
    segments.insert(attachment.identity(), Arc::downgrade(&attachment));
    Ok(Segment { attachment })
}

/// A file with its pages and its header, which nobody else has yet.
fn space(layout: &Layout, header: &Header, form: Form) -> Result<Space, CreateError> {
    let too_large = || CreateError::TooLarge { content_len: layout.content_len };
    let checked = header.trusted().ok_or_else(too_large)?;
    let file = match form {
        Form::Sealed => file::anonymous().creating("make a file of memory")?,
        Form::Named => file::nameless().creating("make a file in /dev/shm")?,
    };
    match file::set_len(file.as_fd(), checked.file_len.get() as u64) {
        Err(Errno::EFBIG | Errno::EINVAL) => return Err(too_large()),
        other => other.creating("set the length of the file")?,
    }
    let header_range = 0..LIVE_AT + size_of::<Live>() as u64;
    // The first row that anybody uses is in the same page as the one that nobody does.
    let table_range = TABLE_AT..TABLE_AT + 1;
    let content_range = CONTENT_AT..CONTENT_AT + layout.reserve.min(layout.content_len);
    reserve(file.as_fd(), [header_range, table_range, content_range])?;
    let mapping = match Mapping::shared(file.as_fd(), checked.file_len) {
        Err(Errno::ENOMEM) => return Err(too_large()),
        other => other.creating("map the file")?,
    };
    let identity = file::facts(file.as_fd()).creating("ask for the file")?.identity;

    // SAFETY: the file is longer than a header, its start is aligned, and nobody else has it yet.
    unsafe { mapping.start().cast::<Header>().write(*header) };
    Ok(Space { mapping, file, identity, checked })
}

/// A new table has room: only memory can be wanting.
fn full(error: AttachError) -> CreateError {
    match error {
        AttachError::OutOfMemory(error) => error.into(),
        other => CreateError::System {
            what: "become the first member",
            source: std::io::Error::other(other),
        },
    }
}
