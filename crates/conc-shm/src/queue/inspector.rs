//! Looking at a queue without taking part.

use super::geometry::Geometry;
use super::protocol::{Look, Position, Ring, Row, State, control};
use super::raw::KIND;
use crate::memory::{Mapped, Memory};
use crate::segment::View;
use crate::{AttachError, MemberInfo, MemberState, SegmentId};
use std::fmt;
use std::os::fd::OwnedFd;

/// Somebody who looks at a queue, whatever the type of its items, and changes nothing: no message
/// is got, nobody is woken or recovered, and nobody is kept waiting. An inspector is no member of
/// the queue's segment, so whoever waits for the last of the others does not wait for it.
///
/// It keeps the memory mapped, and with it the messages.
///
/// # Examples
///
/// ```
/// use conc_shm::queue::{Inspector, Queue};
/// use std::os::fd::AsFd;
///
/// let queue: Queue<String> = Queue::bounded(10)?;
/// queue.put("one".into())?;
/// queue.put("two".into())?;
/// let lease = queue.lease()?;
///
/// let inspector = Inspector::attach(queue.as_fd().try_clone_to_owned()?)?;
/// let now = inspector.snapshot();
/// assert_eq!((now.capacity, now.waiting, now.leases.len()), (10, 1, 1));
/// let holder = now.member(now.leases[0].row).expect("somebody holds it");
/// assert_eq!(holder.pid, std::process::id());
///
/// lease.ack();
/// assert_eq!(inspector.snapshot().gets_since(&now), 0, "it was taken before");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Inspector {
    // Reads the mapping that `view` keeps.
    memory: Mapped,
    geometry: Geometry,
    view: View,
}

/// What an [`Inspector`] saw: one place after the other, while everybody goes on. Exact if nothing
/// moves meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot {
    /// How many messages fit.
    pub capacity: usize,
    /// Messages that wait, in line or next in line: the depth.
    pub waiting: usize,
    /// Messages that somebody works on.
    pub leases: Vec<LeaseInfo>,
    /// Messages that were [set aside](super::Builder::max_deliveries).
    pub dead_letters: usize,
    /// Places that somebody has taken to put a message, and has not published.
    pub writers: Vec<WriterInfo>,
    /// Messages that were lost with their consumers, where those are
    /// [not to come back](super::Builder::leases_die_with_their_holder).
    pub lost: u64,
    /// Whether it takes no more messages.
    pub is_closed: bool,
    /// How many places in the line producers have taken since the queue was made.
    pub tail: u64,
    /// How many places in the line consumers are past.
    pub head: u64,
    /// All members and tickets.
    pub members: Vec<MemberInfo>,
}

/// A message that somebody works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeaseInfo {
    /// In which place it lies, below the capacity.
    pub place: usize,
    /// The row of the member that holds it: see [`Snapshot::member`].
    pub row: u16,
    /// How often it was leased, this time included; counted up to 127.
    pub deliveries: u8,
}

/// A place that is being written into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct WriterInfo {
    /// Which place, below the capacity.
    pub place: usize,
    /// The row of the member that writes: see [`Snapshot::member`].
    pub row: u16,
    /// It was slow, or holds a loan: the line went past it.
    pub is_overtaken: bool,
}

impl Inspector {
    /// Looks at the queue of this name.
    ///
    /// # Errors
    ///
    /// There is none, or it is something else: [`AttachError`].
    pub fn open(name: &str) -> Result<Self, AttachError> {
        Self::over(View::open_named(name, KIND)?)
    }

    /// Looks at the queue behind a descriptor; it may come from `/proc/<pid>/fd`, opened for
    /// reading and writing.
    ///
    /// # Errors
    ///
    /// It is not a queue: [`AttachError`].
    pub fn attach(descriptor: OwnedFd) -> Result<Self, AttachError> {
        Self::over(View::attach(descriptor, KIND)?)
    }

    fn over(view: View) -> Result<Self, AttachError> {
        let damaged = AttachError::Damaged { what: "the numbers of the queue" };
        let geometry = Geometry::of(view.parameters(), view.content_len()).ok_or(damaged)?;
        // SAFETY: the content has this length and begins with a page; the view beside the value
        // keeps it mapped.
        let memory = unsafe { Mapped::unborn(view.content(), geometry.length) };
        Ok(Self { memory, geometry, view })
    }

    /// Which queue this is.
    #[must_use]
    pub fn id(&self) -> SegmentId {
        self.view.id()
    }

    /// What is to be seen now. Looks at each place, and asks the system about each member.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let ring = Ring::new(&self.memory, &self.geometry.shape);
        let places = self.geometry.numbers.places;
        let Ok(is_closed) = ring.is_closed();
        let Ok(lost) = self.memory.load(control::LOST);
        let mut now = Snapshot {
            capacity: places as usize,
            waiting: 0,
            leases: Vec::new(),
            dead_letters: 0,
            writers: Vec::new(),
            lost,
            is_closed,
            tail: 0,
            head: 0,
            members: Vec::new(),
        };
        // The hints in shared memory would do, but are written at every eighth place only.
        let (mut tail, mut waiting) = (None::<Position>, None::<Position>);
        for index in 0..places {
            let place = index as usize;
            let Ok(claimed) = ring.claimed_at(index);
            let behind = claimed.next(places);
            tail = Some(tail.map_or(behind, |tail| tail.or_later(behind)));
            let Ok(word) = ring.place(index);
            let at = Position::new(word.lap(), index);
            let mut writes = |row: Row, is_overtaken| {
                now.writers.push(WriterInfo { place, row, is_overtaken });
            };
            let is_in_line = match word.state() {
                State::Free => match ring.look(at) {
                    Ok(Look::Hole(row)) => {
                        writes(row, false);
                        true
                    }
                    Ok(_) => false,
                },
                State::Held => {
                    writes(word.owner(), true);
                    false
                }
                State::Full => {
                    now.waiting += 1;
                    true
                }
                State::Ready => {
                    now.waiting += 1;
                    false
                }
                State::Leased => {
                    let deliveries = u8::try_from(word.taken()).unwrap_or(u8::MAX);
                    now.leases.push(LeaseInfo { place, row: word.owner(), deliveries });
                    false
                }
                State::Dead => {
                    now.dead_letters += 1;
                    false
                }
            };
            if is_in_line && waiting.is_none_or(|first| at.is_before(first)) {
                waiting = Some(at);
            }
        }
        let number = |at: Position| {
            let laps = at.lap().previous().raw();
            laps.wrapping_mul(places.into()).wrapping_add(at.index().into())
        };
        now.tail = tail.map_or(0, number);
        now.head = waiting.map_or(now.tail, number);
        now.members = self.view.members().collect();
        now
    }
}

impl Snapshot {
    /// The member in this row.
    #[must_use]
    pub fn member(&self, row: u16) -> Option<&MemberInfo> {
        self.members.iter().find(|info| info.member.row == row)
    }

    /// Places that are in use.
    #[must_use]
    pub fn used(&self) -> usize {
        self.waiting + self.leases.len() + self.dead_letters + self.writers.len()
    }

    /// Members that live, stopped ones included.
    #[must_use]
    pub fn living(&self) -> usize {
        let lives =
            |info: &&MemberInfo| matches!(info.state, MemberState::Alive | MemberState::Stopped);
        self.members.iter().filter(lives).count()
    }

    /// Messages that were put since an earlier snapshot. A place that somebody keeps for longer
    /// than its turn counts each time the line goes past it.
    #[must_use]
    pub const fn puts_since(&self, earlier: &Self) -> u64 {
        self.tail.saturating_sub(earlier.tail)
    }

    /// Messages that were got or leased since an earlier snapshot, counted as
    /// [puts](Self::puts_since) are. Those that came back do not count again.
    #[must_use]
    pub const fn gets_since(&self, earlier: &Self) -> u64 {
        self.head.saturating_sub(earlier.head)
    }
}

impl fmt::Debug for Inspector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inspector")
            .field("id", &self.id().to_string())
            .field("now", &self.snapshot())
            .finish_non_exhaustive()
    }
}
