//! A row of the table of members; see [the module](super) for its words.

use super::{Identity, Member};
use conc_core::sync::{AtomicU64, Ordering};

/// Words of the object's own in each row.
pub const SCRATCH_WORDS: usize = 6;

const FREE: u64 = 0;
const EXPECTED: u64 = 1;
const ALIVE: u64 = 2;

const STATE_BITS: u32 = 8;
const GENERATION_AT: u32 = 32;

const NOBODY: u64 = 0;
/// Says that the owner is a ticket.
const TICKET: u64 = 1 << 63;

/// A row of the table.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Row {
    owner: AtomicU64,
    word: AtomicU64,
    scratch: [AtomicU64; SCRATCH_WORDS],
}

const _: () = assert!(size_of::<Row>() == 64 && align_of::<Row>() == 64);

/// Whose a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// A process's.
    Process(Identity),
    /// Whoever comes with the ticket; who has sent it.
    Ticket(Identity),
}

/// What a row holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    /// Nothing yet, or nothing any more.
    Free,
    /// A ticket.
    Expected,
    /// A member.
    Alive,
}

/// A look at a row that is somebody's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) owner: Owner,
    pub(super) held: Held,
    pub(super) generation: u32,
    word: u64,
}

impl Seen {
    pub(super) fn member(&self, row: u16) -> Member {
        Member { row, generation: self.generation }
    }
}

fn pack(generation: u32, pid: i32, state: u64) -> u64 {
    u64::from(generation) << GENERATION_AT | (pid as u64) << STATE_BITS | state
}

fn generation(word: u64) -> u32 {
    (word >> GENERATION_AT) as u32
}

fn state(word: u64) -> u64 {
    word & ((1 << STATE_BITS) - 1)
}

fn ticket(generation: u32) -> u64 {
    TICKET | u64::from(generation)
}

impl Row {
    pub(super) fn scratch(&self, index: usize) -> Option<&AtomicU64> {
        self.scratch.get(index)
    }

    /// Whose it is and what it holds, of one and the same owner. `None`: nobody's.
    pub(super) fn look(&self) -> Option<Seen> {
        loop {
            // ORDERING(members.owner): Acquire. The words are as those before left them.
            let owner = self.owner.load(Ordering::Acquire);
            // ORDERING(members.word): Acquire. The scratch words are the generation's own.
            let word = self.word.load(Ordering::Acquire);
            // ORDERING: Acquire. Not for what is in it: the load below stays behind.
            let first = self.scratch[0].load(Ordering::Acquire);
            // ORDERING: Relaxed. If the row changed hands before the words were read, this sees it.
            if self.owner.load(Ordering::Relaxed) != owner {
                continue;
            }
            let owner = match owner {
                NOBODY => return None,
                _ if owner & TICKET != 0 => Owner::Ticket(Identity::from_bits(first)?),
                _ => Owner::Process(Identity::from_bits(owner)?),
            };
            let held = match state(word) {
                EXPECTED => Held::Expected,
                ALIVE => Held::Alive,
                _ => Held::Free,
            };
            return Some(Seen { owner, held, generation: generation(word), word });
        }
    }

    pub(super) fn is_alive(&self, of: u32) -> bool {
        // ORDERING(members.word): Acquire. What is read next is not older.
        let word = self.word.load(Ordering::Acquire);
        (state(word), generation(word)) == (ALIVE, of)
    }

    /// Makes a row that is nobody's one's own; its generation. It holds nothing yet.
    pub(super) fn take(&self, me: Identity) -> Option<u32> {
        self.hand_over(NOBODY, me.bits()).then(|| {
            // ORDERING: Relaxed. The exchange has seen what the last owner left.
            generation(self.word.load(Ordering::Relaxed))
        })
    }

    /// Makes a ticket's row one's own; once for each ticket. It holds the ticket.
    pub(super) fn take_ticket(&self, of: u32, me: Identity) -> bool {
        self.hand_over(ticket(of), me.bits())
    }

    /// Makes the row of a process that has died one's own, with what it holds.
    pub(super) fn inherit(&self, dead: Identity, me: Identity) -> bool {
        self.hand_over(dead.bits(), me.bits())
    }

    /// Gives back what was inherited, and not recovered.
    pub(super) fn disclaim(&self, me: Identity, dead: Identity) {
        self.hand_over(me.bits(), dead.bits());
    }

    fn hand_over(&self, from: u64, to: u64) -> bool {
        // ORDERING(members.owner): AcqRel. Sees what was done to the row before, and shows to the
        // next owner what is done by now. A failure tells nothing: Relaxed.
        self.owner.compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// The owner becomes a member.
    pub(super) fn come(&self, me: Identity, generation: u32) {
        for word in &self.scratch {
            // ORDERING: Relaxed. Nobody looks until the store below.
            word.store(0, Ordering::Relaxed);
        }
        // ORDERING(members.word): Release. The scratch words are zeroes.
        self.word.store(pack(generation, me.pid(), ALIVE), Ordering::Release);
    }

    /// The owner leaves the row to a ticket.
    pub(super) fn expect(&self, me: Identity, generation: u32) {
        // ORDERING: Relaxed. Nobody looks until the row is handed over.
        self.scratch[0].store(me.bits(), Ordering::Relaxed);
        // ORDERING(members.word): Release. Like the other stores; the hand-over would do.
        self.word.store(pack(generation, me.pid(), EXPECTED), Ordering::Release);
        self.hand_over(me.bits(), ticket(generation));
    }

    /// The generation is over; the row is still its owner's. `false`: somebody else did it.
    pub(super) fn free(&self, seen: Seen) -> bool {
        let free = pack(seen.generation.wrapping_add(1), 0, FREE);
        // ORDERING(members.word): Release. What was recovered is recovered for whoever finds that
        // the member is no more. A failure tells nothing: Relaxed.
        self.word.compare_exchange(seen.word, free, Ordering::Release, Ordering::Relaxed).is_ok()
    }

    /// Ends what a process has, which is this one or has died: the generation is over, the row is
    /// nobody's. `false`: somebody else ended it, or it held nothing.
    pub(super) fn end(&self, seen: Seen) -> bool {
        let Owner::Process(owner) = seen.owner else { return false };
        let ended = seen.held != Held::Free && self.free(seen);
        // Somebody who ended it may have died before this.
        self.hand_over(owner.bits(), NOBODY);
        ended
    }
}
