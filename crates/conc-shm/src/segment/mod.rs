//! Sealed memory that processes share.
//!
//! # Layout
//!
//! | at | holds |
//! |---|---|
//! | 0 | [`header`]: what never changes, checked by whoever attaches |
//! | 1 KiB | the words of the table as a whole, and whether the segment is complete |
//! | 64 KiB | the table of members: 1,024 rows of 64 bytes |
//! | 128 KiB | the content, up to the end of the file |
//!
//! Pages exist where somebody reserved them: the first of header and table, and what the object
//! asks for.

mod access;
mod attachment;
mod create;
mod header;
mod id;
mod layout;
mod open;
mod sent;
mod travel;
mod view;

pub(crate) use attachment::Attachment;
pub use id::SegmentId;
pub use layout::{Kind, Layout};
pub(crate) use sent::Sent;
pub(crate) use travel::{deserialize_own, serialize_own};
pub(crate) use view::View;

use crate::local::Local;
use crate::members::{Leaving, Member, Members, Recover, Ticket};
use crate::sys::file;
use crate::{AttachError, CreateError, OutOfMemory};
use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::{Arc, Weak};

/// Memory that processes share.
///
/// A handle: clones stand for the same mapping, and so does everything that this process attaches
/// of the same segment. With the last of them the process leaves: its row in the table of members
/// is free, the memory is unmapped.
///
/// # What if a process dies
///
/// Its row stays until a survivor has [recovered](Self::recover_dead) it. The memory exists as
/// long as one process maps it or holds a descriptor of it.
///
/// # Fork
///
/// In a copy of this process that fork made, its handles are inert: they read and write the
/// memory, but belong to the original. [`attach`](Self::attach) anew there, with a descriptor from
/// [`try_clone_fd`](Self::try_clone_fd). A process that replaces its program by exec stays a
/// member until it ends.
///
/// # Examples
///
/// ```
/// use conc_shm::{Kind, Layout, Segment};
///
/// let kind = Kind { name: *b"example ", version: 1 };
/// let segment = Segment::create(&Layout::new(kind, 1 << 20))?;
/// assert!(!segment.members().others_alive());
/// assert_eq!(segment.content_len(), 1 << 20);
/// # Ok::<(), conc_shm::CreateError>(())
/// ```
///
/// # Python
///
/// `SharedMemory`, which has a name and outlives its processes.
#[doc(alias = "SharedMemory")]
#[derive(Clone)]
pub struct Segment {
    attachment: Arc<Attachment>,
}

impl Segment {
    /// A new segment, without a name, full of zeroes. This process is its first member.
    ///
    /// # Errors
    ///
    /// [`CreateError::OutOfMemory`] if the layout's reserve cannot be had,
    /// [`CreateError::TooLarge`], [`CreateError::OwnKind`], or what the system said.
    pub fn create(layout: &Layout) -> Result<Self, CreateError> {
        create::foreign(layout)?;
        create::create(layout, None, |_| {})
    }

    /// A new segment with a name, which any process of this user can open.
    ///
    /// The name appears when the segment is complete, and stays, even if all processes die, until
    /// somebody takes it away: [`unlink`](Self::unlink).
    ///
    /// # Errors
    ///
    /// [`CreateError::NameTaken`], [`CreateError::BadName`], and those of
    /// [`create`](Self::create).
    pub fn create_named(name: &str, layout: &Layout) -> Result<Self, CreateError> {
        create::foreign(layout)?;
        create::create(layout, Some(name), |_| {})
    }

    /// A new segment whose content `begin` prepares before anybody else can see it.
    pub(crate) fn create_with(
        layout: &Layout,
        name: Option<&str>,
        begin: impl FnOnce(NonNull<u8>),
    ) -> Result<Self, CreateError> {
        create::create(layout, name, begin)
    }

    /// Attaches a segment that came as a descriptor.
    ///
    /// If this process has attached it already, it is the same mapping.
    ///
    /// # Errors
    ///
    /// Whatever is not understood completely, holds another kind of object, or could change its
    /// length, is refused: see [`AttachError`]. So are the kinds of this crate's own objects,
    /// [`AttachError::OwnKind`].
    pub fn attach(descriptor: OwnedFd, kind: Kind) -> Result<Self, AttachError> {
        open::attach(descriptor, kind.foreign()?, None)
    }

    /// Attaches a segment that came as a descriptor and a [`Ticket`]: this process becomes the
    /// member that the sender expected. A ticket that is void, used or cancelled makes no
    /// difference to [`attach`](Self::attach).
    ///
    /// # Errors
    ///
    /// Those of [`attach`](Self::attach).
    pub fn attach_expected(
        descriptor: OwnedFd,
        kind: Kind,
        ticket: Ticket,
    ) -> Result<Self, AttachError> {
        open::attach(descriptor, kind.foreign()?, Some(ticket))
    }

    /// Attaches a segment by its name.
    ///
    /// # Errors
    ///
    /// [`AttachError::NoSuchName`], and those of [`attach`](Self::attach).
    pub fn open_named(name: &str, kind: Kind) -> Result<Self, AttachError> {
        open::open_named(name, kind.foreign()?)
    }

    /// [`attach`](Self::attach), for an object of this crate.
    pub(crate) fn attach_own(descriptor: OwnedFd, kind: Kind) -> Result<Self, AttachError> {
        debug_assert!(kind.is_own(), "{kind}: nobody else is kept out");
        open::attach(descriptor, kind, None)
    }

    /// [`open_named`](Self::open_named), for an object of this crate.
    pub(crate) fn open_own(name: &str, kind: Kind) -> Result<Self, AttachError> {
        debug_assert!(kind.is_own(), "{kind}: nobody else is kept out");
        open::open_named(name, kind)
    }

    /// Takes this segment's name away. Who has attached it keeps it.
    ///
    /// # Errors
    ///
    /// [`NotFound`](io::ErrorKind::NotFound) if it has no name, or somebody else took it away,
    /// even if the name belongs to another segment by now.
    pub fn unlink(&self) -> io::Result<()> {
        let name = self.attachment.name().ok_or(io::ErrorKind::NotFound)?;
        if file::behind_name(name)? != self.attachment.identity() {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(file::take_name(name)?)
    }

    /// Takes a name away, whatever is behind it: for what a crash has left, or another version of
    /// a program.
    ///
    /// # Errors
    ///
    /// What the system said; [`InvalidInput`](io::ErrorKind::InvalidInput) if it is no name.
    pub fn unlink_name(name: &str) -> io::Result<()> {
        if !create::is_name(name) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Ok(file::take_name(name)?)
    }

    /// The first byte of the content, aligned to a page.
    ///
    /// Other processes write there. Whoever accesses it races with them, and uses atomics, or
    /// knows why nobody does. Valid as long as a handle of this process exists.
    #[must_use]
    pub fn content(&self) -> NonNull<u8> {
        self.attachment.content()
    }

    /// Bytes of the content.
    #[must_use]
    pub fn content_len(&self) -> u64 {
        self.attachment.checked().content_len as u64
    }

    /// What the layout said at creation.
    #[must_use]
    pub fn parameters(&self) -> [u64; 6] {
        self.attachment.checked().parameters
    }

    /// What lives here.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.attachment.checked().kind
    }

    /// Which segment this is.
    #[must_use]
    pub fn id(&self) -> SegmentId {
        SegmentId(self.attachment.checked().id)
    }

    /// Makes the pages of this part of the content exist. What exists stays as it is; any member
    /// may ask, any number of times.
    ///
    /// # Errors
    ///
    /// There is not enough memory. Part of the range may exist then.
    ///
    /// # Panics
    ///
    /// If the range is not within the content.
    pub fn reserve(&self, range: Range<u64>) -> Result<(), OutOfMemory> {
        self.attachment.reserve(range)
    }

    /// A second descriptor of the segment, to be sent to another process.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn try_clone_fd(&self) -> io::Result<OwnedFd> {
        self.as_fd().try_clone_to_owned()
    }

    /// Which member this process is.
    #[must_use]
    pub fn me(&self) -> Member {
        self.attachment.member()
    }

    /// This is the copy, made by fork, of a process that attached the segment: the handle is
    /// inert.
    #[inline]
    #[must_use]
    pub fn is_forked(&self) -> bool {
        self.attachment.is_forked()
    }

    /// The processes that have attached it.
    #[must_use]
    pub fn members(&self) -> Members<'_> {
        Members::new(&self.attachment)
    }

    /// Counts on somebody who is not there yet: the handle goes to another process, which
    /// [attaches](Self::attach_expected) with this ticket.
    ///
    /// Until then [`others_alive`](Members::others_alive) counts it, unless it is
    /// [cancelled](Self::cancel) or this process dies.
    ///
    /// # Errors
    ///
    /// [`AttachError::TooManyMembers`]; [`AttachError::OutOfMemory`], for another page of the
    /// table; [`AttachError::Forked`].
    pub fn expect(&self) -> Result<Ticket, AttachError> {
        self.attachment.expect()
    }

    /// Nobody comes with this ticket any more; `false`: somebody did, or it was void.
    pub fn cancel(&self, ticket: Ticket) -> bool {
        self.attachment.cancel(ticket)
    }

    /// Whether somebody may still come with this ticket.
    pub(crate) fn is_open(&self, ticket: Ticket) -> bool {
        self.attachment.is_open(ticket)
    }

    /// Whose `recover` is called for members that died; as long as it lives.
    pub fn on_death(&self, recover: Weak<dyn Recover>) {
        self.attachment.on_death(recover);
    }

    /// Calls `leave` once, when the last handle of this process goes, before its row is free: not
    /// in a copy made by fork, nor when the process ends. `false`: there is such a hook already,
    /// of another object of this process in the same segment.
    pub fn on_leave(&self, leave: Box<dyn FnOnce(Leaving) + Send>) -> bool {
        self.attachment.on_leave(leave)
    }

    /// Looks whether members have died, takes back what they held, and frees their rows; how many
    /// were freed by this call.
    ///
    /// Any survivor may call it at any time, several at once; each may be killed in the middle.
    /// Does nothing in a copy made by fork, and nothing while the object's [`Recover`] is missing
    /// that the layout asked for.
    #[must_use = "how many were freed by this call"]
    pub fn recover_dead(&self) -> usize {
        self.attachment.recover_dead()
    }

    /// Another process comes, and dies at once.
    #[cfg(test)]
    pub(crate) fn bury(&self) -> Member {
        let somebody = self.attachment.me().predecessor();
        let come = |row| self.attachment.reserve_row(row);
        crate::members::claim(self.attachment.table(), somebody, come).expect("a row is free")
    }

    /// Somebody will come: no handle of this process ever finds that everybody else is gone.
    pub(crate) fn keep_open(&self) {
        self.attachment.keep_open();
    }

    pub(crate) fn is_kept_open(&self) -> bool {
        self.attachment.is_kept_open()
    }

    /// Lets a thread of this process recover members as soon as they die. Called again, it looks
    /// for new members at once instead of a quarter of a second later.
    ///
    /// One thread, `conc-shm-watch`, serves all segments of this process, and ends with the last
    /// of them. In a copy made by fork this does nothing.
    ///
    /// # Errors
    ///
    /// The thread could not be started.
    pub fn watch(&self) -> io::Result<()> {
        if self.is_forked() {
            return Ok(());
        }
        Local::get().watcher.watch(&self.attachment)
    }
}

impl AsFd for Segment {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.attachment.descriptor()
    }
}

impl std::fmt::Debug for Segment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Segment")
            .field("id", &self.id().to_string())
            .field("kind", &self.kind().to_string())
            .field("content_len", &self.content_len())
            .field("me", &self.me())
            .field("forked", &self.is_forked())
            .finish_non_exhaustive()
    }
}
