//! Messages in chunks: one chunk a message, which is enough to lose one or to use it twice.

use super::flaws::Flaw;
use super::judge::{self, Violation};
use super::replay::{Halted, Replay};
use super::world::{CHUNKS_AT, CHUNKS_MAX, Case, Message, Phase, Process, Role, World};
use crate::memory::Memory;
use crate::queue::protocol::{Position, Ring, chunks};

/// Where a process is that has to do with chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Chain {
    // A producer.
    Take { chunk: u8 },
    Fill,
    Name(Position),
    Bind(Position),
    Unbind(Position),
    // A consumer with a lease.
    Read { index: u32, message: Message },
    Locate { index: u32, message: Message },
    Ack { index: u32, message: Message, at: Position },
    Free(Position),
    // A survivor.
    Settle { chunk: u8, dead: usize, life: u64 },
}

impl Chain {
    /// The place whose lease is held.
    pub(super) const fn lease(self) -> Option<u32> {
        match self {
            Self::Read { index, .. } | Self::Locate { index, .. } | Self::Ack { index, .. } => {
                Some(index)
            }
            _ => None,
        }
    }
}

const fn word_of(chunk: u8) -> usize {
    CHUNKS_AT + chunk as usize
}

const fn content_of(chunk: u8) -> usize {
    CHUNKS_AT + CHUNKS_MAX + chunk as usize
}

fn owned(role: &Role, life: u64) -> u64 {
    chunks::owned(role.row, life as u32)
}

/// Makes the call of a phase; what it answered.
pub(super) fn act(
    case: &Case,
    ring: &Ring<'_, Replay<'_>>,
    role: &Role,
    me: &Process,
    phase: Chain,
    message: Message,
) -> Result<u64, Halted> {
    let memory = ring.memory;
    let exchange = |word, from, to| Ok(u64::from(memory.exchange(word, from, to)?.is_ok()));
    match phase {
        Chain::Take { chunk } => {
            let word = memory.load(word_of(chunk))?;
            let unused = match case.flaw {
                Some(Flaw::TakeBoundChunks) => word & 1 == 0,
                _ => ring.is_chunk_unused(word)?,
            };
            if !unused {
                return Ok(0);
            }
            exchange(word_of(chunk), word, owned(role, me.born))
        }
        Chain::Fill => {
            memory.store(content_of(me.chunk), u64::from(message) + 1)?;
            Ok(1)
        }
        Chain::Name(at) => {
            memory.store(ring.message(at.index()) + 1, me.chunk.into())?;
            Ok(1)
        }
        Chain::Bind(at) => exchange(word_of(me.chunk), owned(role, me.born), chunks::bound(at)),
        Chain::Unbind(at) => exchange(word_of(me.chunk), chunks::bound(at), owned(role, me.born)),
        Chain::Read { index, .. } => {
            let chunk = memory.load(ring.message(index) + 1)?;
            Ok(chunk << 32 | memory.load(content_of(chunk as u8))?)
        }
        Chain::Locate { index, .. } => Ok(ring.claimed_at(index)?.raw()),
        Chain::Ack { index, .. } => {
            ring.ack(index, role.row)?;
            Ok(1)
        }
        Chain::Free(at) => exchange(word_of(me.chunk), chunks::bound(at), chunks::FREE),
        Chain::Settle { chunk, dead, life } => {
            let of_the_dead = owned(&case.roles[dead], life);
            let found = memory.load(word_of(chunk))? == of_the_dead;
            if !found || case.flaw == Some(Flaw::ForgetChunks) {
                return Ok(0);
            }
            if memory.load(Case::life_of(case.roles[dead].row))? != life {
                return Ok(0);
            }
            exchange(word_of(chunk), of_the_dead, chunks::FREE)
        }
    }
}

/// Goes on to the next phase.
pub(super) fn apply(
    world: &mut World,
    me: &mut Process,
    phase: Chain,
    answer: u64,
) -> Result<Phase, Violation> {
    Ok(match phase {
        Chain::Take { chunk } if answer == 1 => {
            me.chunk = chunk;
            Phase::Chain(Chain::Fill)
        }
        Chain::Take { chunk } => {
            Phase::Chain(Chain::Take { chunk: (chunk + 1) % CHUNKS_MAX as u8 })
        }
        Chain::Fill => Phase::Claim(me.cursor),
        Chain::Name(at) => Phase::Chain(Chain::Bind(at)),
        Chain::Bind(at) if answer == 1 => Phase::Publish(at),
        Chain::Unbind(at) if answer == 1 => Phase::Release(at.index()),
        Chain::Bind(_) | Chain::Unbind(_) => {
            return judge::violated(world, "a chunk was taken from its producer");
        }
        Chain::Read { index, message } => {
            me.chunk = (answer >> 32) as u8;
            if answer & u64::from(u32::MAX) != u64::from(message) + 1 {
                return judge::violated(world, "a chunk was used twice");
            }
            Phase::Chain(Chain::Locate { index, message })
        }
        Chain::Locate { index, message } => {
            let at = Position::from_raw(answer);
            Phase::Chain(Chain::Ack { index, message, at })
        }
        Chain::Ack { message, at, .. } => {
            judge::acknowledge(world, message)?;
            Phase::Chain(Chain::Free(at))
        }
        Chain::Free(_) => Phase::Idle,
        Chain::Settle { chunk, dead, life } if usize::from(chunk) + 1 < CHUNKS_MAX => {
            Phase::Chain(Chain::Settle { chunk: chunk + 1, dead, life })
        }
        Chain::Settle { dead, life, .. } => Phase::Settle { index: 0, dead, life },
    })
}

/// The words of all chunks.
pub(super) fn words(world: &World) -> [u64; CHUNKS_MAX] {
    std::array::from_fn(|chunk| world.words[CHUNKS_AT + chunk])
}
