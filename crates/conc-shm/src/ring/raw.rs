//! The ring without the type of its messages: what this process has of it.

use super::error::EndError;
use super::form::{Form, PREFIX, sealed};
use super::geometry::{Geometry, Numbers};
use super::protocol::{Cursor, End, Fences, Ring, control};
use crate::event::Event;
use crate::members::{Leaving, Recover};
use crate::memory::Mapped;
use crate::segment::{Kind, Layout, Segment};
use crate::shared::Shared;
use crate::sys::barrier;
use crate::waiting::{Host, Presence, Wakers};
use crate::{AttachError, CreateError, Member};
use conc_core::sync::{Ordering, fence};
use conc_core::wait::Patience;
use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd};
use std::ptr::NonNull;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// What a segment with a ring says that it is.
pub(crate) const KIND: Kind = Kind { name: *b"ring    ", version: 2 };

/// So long a sender that does something takes to see that the ring is closing.
const SENDER_ANSWERS: Duration = Duration::from_micros(100);

/// What can be waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happening {
    /// A message came, or the end.
    Message,
    /// A place became free, or the end.
    Place,
}

const ALL: [Happening; 2] = [Happening::Message, Happening::Place];

impl Happening {
    const fn word(self) -> usize {
        match self {
            Self::Message => control::MESSAGE,
            Self::Place => control::PLACE,
        }
    }

    /// Who makes it happen.
    const fn cause(self) -> End {
        match self {
            Self::Message => End::Sender,
            Self::Place => End::Receiver,
        }
    }
}

/// A ring, as this process has attached it.
#[derive(Debug)]
pub(crate) struct RawRing {
    memory: Mapped,
    segment: Segment,
    geometry: Geometry,
    fence: Fence,
    /// How this process signs.
    mine: u64,
    /// Futures that wait for messages, and for places.
    wakers: [Wakers; 2],
    presence: Presence,
}

/// How the processes of a ring see each other in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fence {
    /// Who closes has the fence for both, and who sleeps waits a little before.
    Asymmetric {
        /// How this process signs.
        mine: u64,
    },
    /// Each has its own.
    Full,
}

impl Fence {
    /// In between the announcement of a sleep, and a look for what the other one has counted.
    fn settle(self) {
        match self {
            Self::Asymmetric { .. } => barrier::settle(),
            // ORDERING(shm_ring.dekker): SeqCst. Announce the sleep, then look.
            Self::Full => fence(Ordering::SeqCst),
        }
    }
}

impl Fences for Fence {
    type Halt = Infallible;

    #[inline]
    fn light(&self) -> Result<(), Infallible> {
        match self {
            Self::Asymmetric { .. } => barrier::light(),
            // ORDERING(shm_ring.dekker): SeqCst. Count, then look who closes, or sleeps.
            Self::Full => fence(Ordering::SeqCst),
        }
        Ok(())
    }

    fn heavy(&self, owner: u64) -> Result<(), Infallible> {
        match *self {
            Self::Asymmetric { mine } if owner == mine => barrier::heavy_here(),
            Self::Asymmetric { .. } => barrier::heavy(),
            // ORDERING(shm_ring.dekker): SeqCst. Announce the end, then look.
            Self::Full => fence(Ordering::SeqCst),
        }
        Ok(())
    }
}

impl RawRing {
    pub(crate) fn create(numbers: Numbers) -> Result<Arc<Self>, CreateError> {
        let too_large = CreateError::TooLarge { content_len: u64::MAX };
        let geometry = Geometry::new(numbers).ok_or(too_large)?;
        // A page of zeroes is a ring that is empty and open.
        let layout = Layout {
            parameters: numbers.to_parameters(),
            recovers: true,
            ..Layout::new(KIND, geometry.length)
        };
        Ok(Self::over(&Segment::create_with(&layout, None, |_| {})?, geometry))
    }

    /// The ring behind a segment, of this type.
    pub(crate) fn attach<T, F: Form<T>>(segment: &Segment) -> Result<Arc<Self>, AttachError> {
        let damaged = AttachError::Damaged { what: "the numbers of the ring" };
        let geometry = Numbers::from_parameters(segment.parameters())
            .and_then(Geometry::new)
            .filter(|geometry| geometry.length == segment.content_len())
            .ok_or(damaged)?;
        if geometry.numbers.of_type != number_of_type::<T, F>() {
            return Err(AttachError::Kind {
                found: "a ring of another type".into(),
                expected: format!("a ring of {}", std::any::type_name::<T>()).into(),
            });
        }
        // Two types of one name look the same, but what is out of their places cannot be theirs.
        let numbers = geometry.numbers;
        let places = (u64::from(numbers.room), u64::from(numbers.align));
        let (fits, expected) = match <F as sealed::Form<T>>::fixed() {
            Some((size, align)) => (places == (size as u64, align as u64), (size, align)),
            None => {
                (numbers.room as usize >= PREFIX && places.1 == PREFIX as u64, (PREFIX, PREFIX))
            }
        };
        if !fits {
            let text = |size, align| format!("a ring of {size} bytes, aligned to {align}").into();
            return Err(AttachError::Kind {
                found: text(places.0, places.1),
                expected: text(expected.0 as u64, expected.1 as u64),
            });
        }
        if geometry.numbers.asymmetric {
            let what = "have a fence for other processes, too (see Builder::fenced)";
            barrier::check().map_err(|error| AttachError::System { what, source: error.into() })?;
        }
        Ok(Self::over(segment, geometry))
    }

    fn over(segment: &Segment, geometry: Geometry) -> Arc<Self> {
        let mine = signature(segment.me());
        let asymmetric = geometry.numbers.asymmetric;
        let raw = Arc::new(Self {
            memory: Mapped::new(segment),
            segment: segment.clone(),
            geometry,
            fence: if asymmetric { Fence::Asymmetric { mine } } else { Fence::Full },
            mine,
            wakers: [Wakers::new(), Wakers::new()],
            presence: Presence::new(),
        });
        let weak: Weak<Self> = Arc::downgrade(&raw);
        segment.on_death(weak);
        // Nothing of ours is in the ring by then: an end keeps the segment. The other end may wait
        // for us all the same.
        let _ = segment.on_leave(Box::new(wake_all));
        raw
    }

    #[inline]
    pub(crate) const fn ring(&self) -> Ring<'_, Mapped, Fence> {
        Ring::new(&self.memory, &self.fence, self.geometry.numbers.capacity as u64)
    }

    pub(crate) const fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    #[inline]
    pub(crate) fn is_forked(&self) -> bool {
        self.segment.is_forked()
    }

    #[inline]
    pub(crate) fn notify(&self, happening: Happening) {
        self.event(happening).notify_one();
    }

    pub(crate) fn close(&self, end: End, cursor: &Cursor) {
        let Ok(()) = self.ring().close(end, cursor);
        for happening in ALL {
            self.event(happening).notify_all();
        }
        if end == End::Receiver {
            let Ok(owner) = self.ring().owner(End::Sender);
            // Another process that is about says faster where the end is than it is found out.
            if owner != self.mine && owner != 0 && self.fence != Fence::Full {
                let mut patience = Patience::yielding(SENDER_ANSWERS);
                while self.is_closing() && patience.pause() {}
            }
            let Ok(()) = self.ring().decide();
        }
    }

    fn is_closing(&self) -> bool {
        let Ok(closing) = self.ring().is_closing();
        closing
    }

    /// Both ends of a ring that nobody else has.
    pub(crate) fn take_new(&self) {
        for end in [End::Sender, End::Receiver] {
            let Ok(taken) = self.ring().hand_over(end, 0, self.mine);
            debug_assert!(taken.is_ok());
        }
    }

    /// Makes an end this process's, unless a living one has it.
    pub(crate) fn take(&self, end: End) -> Result<(), EndError> {
        let members = self.segment.members();
        loop {
            let Ok(taken) = self.ring().hand_over(end, 0, self.mine);
            let Err(owner) = taken else { return Ok(()) };
            let by = signer(owner);
            if !members.is_current(by) {
                // It has left without a word, and so never comes back.
                let Ok(_) = self.ring().hand_over(end, owner, 0);
                continue;
            }
            let _ = self.segment.recover_dead();
            let Ok(now) = self.ring().owner(end);
            if now == owner {
                let pid = members.iter().find(|info| info.member == by).map_or(0, |info| info.pid);
                return Err(EndError::Taken { by, pid });
            }
        }
    }

    /// The handle of an end goes.
    pub(crate) fn let_go(&self, end: End) {
        if !self.is_forked() {
            let Ok(_) = self.ring().hand_over(end, self.mine, 0);
        }
    }

    /// A place that the protocol says is ours.
    #[inline]
    pub(crate) const fn place(&self, index: u64) -> Place<'_> {
        Place { raw: self, word: self.geometry.place(index), alone: PhantomData }
    }
}

impl Host for RawRing {
    type Happening = Happening;

    #[inline]
    fn event(&self, happening: Happening) -> &Event {
        let place = self.memory.pointer(happening.word()).cast::<Event>();
        // SAFETY:
        // - The word is an event's own, aligned, inside the mapping, which lives as long as `self`.
        // - An event is one atomic of 32 bits: any bytes are valid, all accesses are atomic.
        unsafe { place.as_ref() }
    }

    fn wakers(&self, happening: Happening) -> &Wakers {
        &self.wakers[happening as usize]
    }

    fn segment(&self) -> &Segment {
        &self.segment
    }

    fn presence(&self) -> &Presence {
        &self.presence
    }

    fn announced(&self) {
        self.fence.settle();
    }

    fn is_alone(&self, happening: Happening) -> bool {
        let Ok(partner) = self.ring().owner(happening.cause());
        // Another thread of this process may be the partner.
        partner != self.mine && !self.segment.members().others_alive()
    }
}

impl Recover for RawRing {
    fn recover(&self, dead: Member) {
        if self.is_forked() {
            return;
        }
        for end in [End::Sender, End::Receiver] {
            // The signature has a generation, so it is nobody else's.
            let Ok(_) = self.ring().hand_over(end, signature(dead), 0);
        }
        for happening in ALL {
            self.event(happening).notify_all_always();
            self.wakers(happening).nudge();
        }
    }
}

fn wake_all(leaving: Leaving<'_>) {
    for happening in ALL {
        // SAFETY: each ring has these words; the content is mapped until we have left.
        let place = unsafe { leaving.content().cast::<u64>().add(happening.word()) };
        // SAFETY: as in `RawRing::event`.
        let event: &Event = unsafe { place.cast().as_ref() };
        event.notify_all_always();
    }
}

/// How a process signs that it owns an end; never 0, since rows begin with 1.
fn signature(member: Member) -> u64 {
    u64::from(member.generation) << 16 | u64::from(member.row)
}

const fn signer(signature: u64) -> Member {
    Member { row: signature as u16, generation: (signature >> 16) as u32 }
}

/// A number for the type of the messages, so that a ring is not attached as one of another type by
/// mistake. Two types of one name in different programs look the same.
pub(crate) fn number_of_type<T, F>() -> u64 {
    let names = [std::any::type_name::<T>(), std::any::type_name::<F>()];
    // FNV-1a: the same in every program.
    names.iter().flat_map(|name| name.bytes()).fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// A place that belongs to one end of the ring, and is used by nobody else meanwhile.
pub(crate) struct Place<'a> {
    raw: &'a RawRing,
    word: usize,
    /// As if it were the bytes.
    alone: PhantomData<&'a mut [u8]>,
}

impl Place<'_> {
    #[inline]
    fn start(&self) -> NonNull<u8> {
        self.raw.memory.pointer(self.word)
    }

    /// Copies a message in, that is not longer than the place.
    #[inline]
    pub(crate) fn copy_in(self, bytes: &[u8]) {
        debug_assert!(bytes.len() <= self.raw.geometry.numbers.room as usize);
        // SAFETY:
        // - The place has room for it (above), and is mapped as long as the ring is.
        // - It is ours: nobody reads or writes there.
        unsafe { self.start().copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len()) };
    }

    /// Copies a message out.
    #[inline]
    pub(crate) fn copy_out<T: Shared>(self) -> T {
        // SAFETY:
        // - The ring was made for `T`, so the place has room for one and is aligned for it.
        // - It is ours: nobody writes there. Any bytes are a valid `T`.
        unsafe { self.in_place::<T>().read() }
    }

    /// The message where it lies.
    #[inline]
    pub(crate) fn in_place<T: Shared>(self) -> NonNull<T> {
        debug_assert!(size_of::<T>() <= self.raw.geometry.numbers.room as usize);
        self.start().cast()
    }

    /// All bytes of the place.
    #[inline]
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        let room = self.raw.geometry.numbers.room as usize;
        let bytes = NonNull::slice_from_raw_parts(self.start(), room);
        // SAFETY:
        // - The place is mapped as long as the ring, which is borrowed.
        // - It is ours: nobody else reads or writes there. Any bytes are valid.
        unsafe { { bytes }.as_mut() }
    }
}

/// What both ends say alike.
impl RawRing {
    pub(crate) const fn capacity(&self) -> usize {
        self.geometry.numbers.capacity as usize
    }

    pub(crate) fn len(&self) -> usize {
        let Ok(len) = self.ring().len();
        len as usize
    }

    pub(crate) fn is_closed(&self) -> bool {
        let Ok(closed) = self.ring().is_closed();
        closed
    }

    pub(crate) fn keep_open(&self) {
        self.segment.keep_open();
    }

    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.segment.as_fd()
    }

    pub(crate) fn describe(&self, out: &mut fmt::DebugStruct<'_, '_>) -> fmt::Result {
        out.field("capacity", &self.capacity())
            .field("len", &self.len())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}
