//! The table as a whole.

use super::proof::is_dead;
use super::row::{Held, Owner, Row};
use super::{Identity, Member, ROWS, ticket};
use crate::{AttachError, OutOfMemory};
use conc_core::sync::{AtomicU64, Ordering};
use std::ptr::NonNull;

/// Rows of the smallest page.
const ROWS_A_PAGE: u16 = (4096 / size_of::<Row>()) as u16;

/// What `ready` holds when a segment is complete.
const READY: u64 = u64::from_ne_bytes(*b"complete");

/// The words that are not of one row.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Live {
    ready: AtomicU64,
    /// The creator.
    first: AtomicU64,
    /// 1 when another process than the creator has come.
    others: AtomicU64,
    /// Rows from 1 to this were ever used; their pages exist.
    used: AtomicU64,
    /// Rows that were ever taken.
    claims: AtomicU64,
}

const _: () = assert!(size_of::<Live>() == 64);

/// The table of a mapped segment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table<'a> {
    live: &'a Live,
    rows: NonNull<Row>,
}

impl<'a> Table<'a> {
    /// # Safety
    ///
    /// Both are valid for `'a`: the words, and rows 0 to [`ROWS`].
    pub(crate) unsafe fn new(live: NonNull<Live>, rows: NonNull<Row>) -> Self {
        // SAFETY: the caller's contract.
        Self { live: unsafe { live.as_ref() }, rows }
    }

    /// The creator is here; nobody else is.
    pub(crate) fn begin(self, creator: Identity) {
        // ORDERING: Relaxed. `publish` comes later.
        self.live.first.store(creator.bits(), Ordering::Relaxed);
    }

    /// The segment is complete.
    pub(crate) fn publish(self) {
        // ORDERING(segment.ready): Release. All that its creator has written.
        self.live.ready.store(READY, Ordering::Release);
    }

    pub(crate) fn is_published(self) -> bool {
        // ORDERING(segment.ready): Acquire. The header that was read before does not change; what
        // is read from here on is what the creator has written.
        self.live.ready.load(Ordering::Acquire) == READY
    }

    /// A row that was ever used.
    pub(super) fn row(self, number: u16) -> Option<&'a Row> {
        (1..=self.used()).contains(&number).then(|| self.row_unchecked(number))
    }

    /// All rows that were ever used.
    pub(super) fn rows(self) -> impl Iterator<Item = (u16, &'a Row)> {
        (1..=self.used()).map(move |number| (number, self.row_unchecked(number)))
    }

    fn row_unchecked(self, number: u16) -> &'a Row {
        debug_assert!(number <= ROWS);
        // SAFETY: the table has this row (contract of `new`; callers count to `ROWS`).
        let row = unsafe { self.rows.add(number.into()) };
        // SAFETY: as above; a row is atomics, for which any bytes are valid.
        unsafe { row.as_ref() }
    }

    fn used(self) -> u16 {
        // ORDERING(members.used): Acquire. The pages of these rows exist.
        let used = self.live.used.load(Ordering::Acquire);
        u16::try_from(used).map_or(ROWS, |used| used.min(ROWS))
    }

    fn raise(self, row: u16) {
        // ORDERING(members.used): Release. The row's page exists.
        self.live.used.fetch_max(row.into(), Ordering::Release);
    }

    /// Tells those who scan that they may have missed somebody.
    pub(super) fn count_claim(self, me: Identity) {
        // ORDERING: Relaxed. Written once, and never changed.
        if self.live.first.load(Ordering::Relaxed) != me.bits() {
            // ORDERING: Relaxed. Nothing is read because of it.
            self.live.others.store(1, Ordering::Relaxed);
        }
        // ORDERING(members.count): Release. The row is taken.
        self.live.claims.fetch_add(1, Ordering::Release);
    }

    pub(super) fn ever_others(self) -> bool {
        // ORDERING: Relaxed. As above.
        self.live.others.load(Ordering::Relaxed) != 0
    }

    /// Whether a row other than `own` is that of a living process, or of a ticket that is valid.
    pub(super) fn any_other(self, own: Member, me: Identity) -> bool {
        loop {
            // ORDERING(members.count): Acquire. Whoever was counted is seen below.
            let before = self.live.claims.load(Ordering::Acquire);
            let mut others = self.rows().filter(|&(number, _)| number != own.row);
            let found = others.any(|(_, row)| match row.look().map(|seen| seen.owner) {
                None => false,
                // A handle of this process that comes or goes is not another process.
                Some(Owner::Process(owner)) => owner != me && !is_dead(owner),
                Some(Owner::Ticket(sender)) => sender == me || !is_dead(sender),
            });
            // ORDERING(members.count): Acquire. The scan is over.
            if found || self.live.claims.load(Ordering::Acquire) == before {
                return found;
            }
        }
    }
}

/// Becomes a member. `reserve` makes the page of a row exist.
pub(crate) fn claim(
    table: Table<'_>,
    me: Identity,
    reserve: impl Fn(u16) -> Result<(), OutOfMemory>,
) -> Result<Member, AttachError> {
    let (row, member) = take(table, me, reserve)?;
    row.come(me, member.generation);
    table.count_claim(me);
    Ok(member)
}

/// Becomes a member where all rows are taken, in the place of one that has died. `Some`: whose row
/// it was; what it held is not recovered, and the row is the dead one's until it is.
///
/// `recovers`: nobody but the object may free a member's row.
pub(crate) fn succeed(
    table: Table<'_>,
    me: Identity,
    recovers: bool,
) -> Option<(Member, Option<Identity>)> {
    for (number, row) in table.rows() {
        let Some(seen) = row.look() else { continue };
        match seen.owner {
            Owner::Ticket(sender) => ticket::sweep(row, sender, seen.generation, me),
            Owner::Process(owner) if owner == me || !is_dead(owner) => continue,
            Owner::Process(owner) if seen.held == Held::Alive && recovers => {
                if !row.inherit(owner, me) {
                    continue;
                }
                // Nobody changes the row now, but for survivors that have recovered already.
                if row.look().is_some_and(|now| now.held == Held::Alive) {
                    table.count_claim(me);
                    let generation = seen.generation.wrapping_add(1);
                    return Some((Member { row: number, generation }, Some(owner)));
                }
                row.disclaim(me, owner);
                row.end(seen);
            }
            Owner::Process(_) => {
                row.end(seen);
            }
        }
        if let Some(generation) = row.take(me) {
            row.come(me, generation);
            table.count_claim(me);
            return Some((Member { row: number, generation }, None));
        }
    }
    None
}

/// Takes a row that is nobody's; it holds nothing yet.
pub(super) fn take<'a>(
    table: Table<'a>,
    me: Identity,
    reserve: impl Fn(u16) -> Result<(), OutOfMemory>,
) -> Result<(&'a Row, Member), AttachError> {
    for number in 1..=ROWS {
        if number > table.used() {
            // The first page exists from the beginning.
            if number % ROWS_A_PAGE == 0 {
                reserve(number)?;
            }
            table.raise(number);
        }
        let row = table.row_unchecked(number);
        if let Some(generation) = row.take(me) {
            return Ok((row, Member { row: number, generation }));
        }
    }
    Err(AttachError::TooManyMembers { limit: ROWS })
}
