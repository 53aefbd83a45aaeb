//! Broken variants of the protocol: a search that does not find them out finds nothing.

use super::replay::{Halted, Replay};
use crate::memory::Memory;
use crate::queue::protocol::{
    Claim, ClaimWord, Pass, Position, Published, Ring, Row, SlotWord, State,
};

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    /// A claim word must be of the very last lap. A place that was carried along is then never
    /// claimed again, and the line ends there. (The one defect that the prototype of this design
    /// had; kill storms did not find it.)
    ClaimOfLastLapOnly,
    /// A claimed place is published by a plain store, whatever happened meanwhile.
    PublishBlindly,
    /// A message is taken by a plain store: the copy is not validated.
    TakeBlindly,
    /// Nobody revokes the place of a slow producer.
    NeverRevoke,
    /// A revoked place is given to the next producer at once.
    GiveAwayRevoked,
    /// Survivors do not look for claimed places of the dead.
    ForgetHoles,
    /// Survivors do not ask whether the row still is the dead one's.
    RecoverStrangers,
    /// A message that comes back is not counted.
    ReturnInSilence,
    /// A producer looks whether the queue is closed before it claims, and not after.
    LookBeforeClaim,
    /// A hole with nothing behind it is "empty" without a second look.
    BelieveFirstLook,
    /// A chunk whose message is not over is taken.
    TakeBoundChunks,
    /// Survivors do not free the chunks of a producer that died in the middle.
    ForgetChunks,
    /// A producer that died is declared dead while it is only stopped.
    BuryTheStopped,
    /// A message that waits is carried along like a lease.
    CarryWhatWaits,
    /// On the way to a free place, one that has become free since is gone past.
    PassWhatIsOpen,
    /// "Full" is believed as long as no detour is made, although one was made before.
    ForgetDetours,
}

/// Positions as this project's own words, for variants.
fn slot(ring: &Ring<'_, Replay<'_>>, index: u32) -> usize {
    ring.shape.slots + index as usize * ring.shape.stride
}

/// A claim that wants the word of the very last lap.
pub(super) fn claim_of_last_lap_only(
    ring: &Ring<'_, Replay<'_>>,
    at: Position,
    me: Row,
) -> Result<Claim, Halted> {
    let word = ring.place(at.index())?;
    if word == SlotWord::free(at.lap()) {
        let at_word = ring.shape.claims + at.index() as usize;
        let claim = ClaimWord::from_raw(ring.memory.load(at_word)?);
        let next = at.next(ring.shape.places);
        if claim.lap() != at.lap().previous() {
            return Ok(Claim::Again(next));
        }
        let mine = ClaimWord::new(at.lap(), me).raw();
        return Ok(match ring.memory.exchange(at_word, claim.raw(), mine)? {
            Ok(()) => Claim::Mine(at),
            Err(_) => Claim::Again(next),
        });
    }
    ring.claim(at, me)
}

/// A claim that looks for the end of the queue too early.
pub(super) fn look_before_claim(
    ring: &Ring<'_, Replay<'_>>,
    at: Position,
    me: Row,
) -> Result<Claim, Halted> {
    if ring.is_closed()? {
        return Ok(Claim::Closed);
    }
    let word = ring.place(at.index())?;
    if word == SlotWord::free(at.lap()) {
        let at_word = ring.shape.claims + at.index() as usize;
        let claim = ClaimWord::from_raw(ring.memory.load(at_word)?);
        let next = at.next(ring.shape.places);
        if !claim.lap().is_before(at.lap()) {
            return Ok(Claim::Again(next));
        }
        let mine = ClaimWord::new(at.lap(), me).raw();
        return Ok(match ring.memory.exchange(at_word, claim.raw(), mine)? {
            Ok(()) => Claim::Mine(at),
            Err(_) => Claim::Again(next),
        });
    }
    ring.claim(at, me)
}

/// Publishes whatever happened.
pub(super) fn publish_blindly(
    ring: &Ring<'_, Replay<'_>>,
    at: Position,
) -> Result<Published, Halted> {
    ring.memory.store(slot(ring, at.index()), SlotWord::full(at.lap()).raw())?;
    Ok(Published::InLine)
}

/// Takes whatever happened.
pub(super) fn take_blindly(
    ring: &Ring<'_, Replay<'_>>,
    at: Position,
    word: SlotWord,
) -> Result<bool, Halted> {
    ring.memory.store(slot(ring, at.index()), word.freed().raw())?;
    Ok(true)
}

/// Gives the place of a slow producer to the next one.
pub(super) fn give_away(ring: &Ring<'_, Replay<'_>>, at: Position) -> Result<bool, Halted> {
    let free = SlotWord::free(at.lap());
    let exchanged = ring.memory.exchange(slot(ring, at.index()), free.raw(), free.freed().raw())?;
    Ok(exchanged.is_ok())
}

/// Sends a message back and tells nobody.
pub(super) fn return_in_silence(ring: &Ring<'_, Replay<'_>>, index: u32) -> Result<State, Halted> {
    loop {
        let word = ring.place(index)?;
        let place = slot(ring, index);
        if ring.memory.exchange(place, word.raw(), word.ready().raw())?.is_ok() {
            return Ok(State::Ready);
        }
    }
}

/// Goes past a message as if it were leased.
pub(super) fn carry_what_waits(ring: &Ring<'_, Replay<'_>>, at: Position) -> Result<Pass, Halted> {
    let word = ring.place(at.index())?;
    if word.state() != State::Full || !word.lap().is_before(at.lap()) {
        return ring.pass(at);
    }
    let carried = word.carried_to(at.lap()).raw();
    let _ = ring.memory.exchange(slot(ring, at.index()), word.raw(), carried)?;
    Ok(Pass::Passed)
}

/// Does not look whether there is anything to go past.
pub(super) fn pass_what_is_open(ring: &Ring<'_, Replay<'_>>, at: Position) -> Result<Pass, Halted> {
    ring.pass(at).map(|pass| if pass == Pass::Open { Pass::Passed } else { pass })
}
