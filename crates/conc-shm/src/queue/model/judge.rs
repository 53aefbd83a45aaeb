//! What may never happen.

use super::chains;
use super::replay::AtRest;
use super::world::{
    Case, Life, MESSAGE, Message, Messages, PROCESSES_MAX, Phase, Process, Task, World, one,
};
use crate::queue::protocol::{ClaimWord, Returns, Ring, SlotWord, State};
use std::cell::RefCell;

/// What happened all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Violation(pub(super) String);

pub(super) fn violated<T>(world: &World, what: impl Into<String>) -> Result<T, Violation> {
    Err(Violation(format!("{} in {world:x?}", what.into())))
}

/// A put has returned.
pub(super) fn put(world: &mut World, message: Message) -> Result<(), Violation> {
    if world.ended && world.delivered & one(message) == 0 {
        return violated(world, "a put succeeded after a consumer was told of the end");
    }
    world.put |= one(message);
    Ok(())
}

/// A message was copied and taken.
pub(super) fn take(
    case: &Case,
    world: &mut World,
    index: u32,
    copy: [u64; MESSAGE],
) -> Result<(), Violation> {
    let message = whole(world, copy)?;
    if world.words[message_at(case, index)] != copy[0] {
        return violated(world, "the copy is not what was taken");
    }
    if world.delivered & one(message) != 0 {
        return violated(world, format!("message {message} was delivered twice"));
    }
    in_order(world, message)?;
    world.delivered |= one(message);
    world.leased &= !one(message);
    Ok(())
}

/// A message was leased.
pub(super) fn lease(case: &Case, world: &mut World, index: u32) -> Result<(), Violation> {
    let words = message_at(case, index);
    let last = world.words[words + case.message - 1];
    let message = whole(world, [world.words[words], last])?;
    if world.delivered & one(message) != 0 {
        return violated(world, format!("message {message} was leased after it was done"));
    }
    in_order(world, message)?;
    world.leased |= one(message);
    world.excepted |= one(message);
    Ok(())
}

/// A leased message was read.
pub(super) fn read(
    case: &Case,
    world: &World,
    process: usize,
    copy: [u64; MESSAGE],
) -> Result<Message, Violation> {
    let message = whole(world, copy)?;
    for (other, (state, role)) in world.processes.iter().zip(&case.roles).enumerate() {
        let (Phase::Work { index, message: held }
        | Phase::Ack { index, message: held }
        | Phase::Nack { index, message: held }) = state.phase
        else {
            continue;
        };
        // It may just have let go of it, and not know it yet.
        let word = world.slots(case).nth(index as usize).expect("a place of the case");
        let holds = word.state() == State::Leased && word.owner() == role.row;
        if other != process && held == message && holds && state.life == Life::Alive {
            return violated(world, format!("the lease of message {message} was stolen"));
        }
    }
    Ok(message)
}

/// A leased message is done.
pub(super) fn acknowledge(world: &mut World, message: Message) -> Result<(), Violation> {
    if world.delivered & one(message) != 0 {
        return violated(world, format!("message {message} was done twice"));
    }
    world.delivered |= one(message);
    world.leased &= !one(message);
    Ok(())
}

/// A leased message went back.
pub(super) fn give_back(world: &mut World, message: Message) {
    world.leased &= !one(message);
}

/// A consumer was told that there is nothing, or that nothing will come.
pub(super) fn empty(
    case: &Case,
    world: &mut World,
    me: &Process,
    closed: bool,
) -> Result<(), Violation> {
    if case.verdicts && !me.excused {
        return violated(world, "\"empty\" was never true");
    }
    if closed {
        if waiting(world) & !world.excepted != 0 {
            return violated(world, "\"closed\" although a message waits");
        }
        world.ended = true;
    }
    Ok(())
}

/// A producer was told that there is no room.
pub(super) fn full(case: &Case, world: &World, me: &Process) -> Result<(), Violation> {
    if case.verdicts && !me.excused {
        return violated(world, "\"full\" was never true");
    }
    Ok(())
}

/// Takes down for everybody in a call whether "no" would be true just now.
pub(super) fn note_moment(case: &Case, world: &mut World) {
    if !case.verdicts {
        return;
    }
    let empty = waiting(world) == 0;
    let used = used(case, world);
    let detours: [bool; PROCESSES_MAX] =
        std::array::from_fn(|process| is_on_a_detour(case, world, process));
    let detours_of_all = detours.iter().filter(|detour| **detour).count();
    for (at, role) in case.roles.iter().enumerate() {
        let of_others = detours_of_all - usize::from(detours[at]);
        world.processes[at].excused |= match role.task {
            Task::Consume(_) => empty,
            Task::Produce { .. } => used + of_others >= case.places as usize,
            Task::Recover | Task::Close => false,
        };
    }
}

/// A process is about to die, or to stop for ever: what it had in its hands goes with it.
pub(super) fn bereave(case: &Case, world: &mut World, process: usize, life: Life) {
    let index = match world.processes[process].phase {
        Phase::Read { index }
        | Phase::TellHead { index }
        | Phase::Work { index, .. }
        | Phase::Ack { index, .. }
        | Phase::Nack { index, .. } => index,
        Phase::Chain(chain) => match chain.lease() {
            Some(index) => index,
            None => return,
        },
        _ => return,
    };
    if life == Life::Stopped || case.returns == Returns::Lost {
        let number = world.words[message_at(case, index)];
        if let Some(message) = number.checked_sub(1).and_then(|number| u8::try_from(number).ok()) {
            world.lost |= one(message);
        }
    }
}

/// Whether everything has come to a good end.
pub(super) fn is_good_end(case: &Case, world: &World) -> bool {
    let done = world.processes.iter().zip(&case.roles).all(|(process, role)| match role.task {
        Task::Produce { .. } | Task::Close => {
            process.life != Life::Alive || process.phase == Phase::Unborn || process.left == 0
        }
        Task::Consume(_) => {
            process.life != Life::Alive
                || !matches!(
                    process.phase,
                    Phase::TellHead { .. }
                        | Phase::Read { .. }
                        | Phase::Work { .. }
                        | Phase::Ack { .. }
                        | Phase::Nack { .. }
                        | Phase::Chain(_)
                )
        }
        Task::Recover => true,
    });
    let survives = |wanted: fn(&Task) -> bool| {
        world
            .processes
            .iter()
            .zip(&case.roles)
            .any(|(process, role)| process.life == Life::Alive && wanted(&role.task))
    };
    assert!(survives(|task| matches!(task, Task::Consume(_))), "a case needs a consumer");
    done && world.put & !(world.delivered | world.lost) == 0
        && places_are_free(case, world)
        && (!case.chains() || chunks_are_unused(case, world))
}

/// Whether every chunk can be taken again.
fn chunks_are_unused(case: &Case, world: &World) -> bool {
    let (shape, mut words) = (case.shape(), world.words);
    let memory = AtRest(RefCell::new(&mut words));
    let ring = Ring::new(&memory, &shape);
    chains::words(world).iter().all(|word| {
        let Ok(unused) = ring.is_chunk_unused(*word);
        unused
    })
}

/// Whether nobody but stopped processes keeps a place.
fn places_are_free(case: &Case, world: &World) -> bool {
    let shape = case.shape();
    let stopped = |row| {
        world
            .processes
            .iter()
            .zip(&case.roles)
            .any(|(process, role)| process.life == Life::Stopped && role.row == row)
    };
    world.slots(case).enumerate().all(|(index, slot)| match slot.state() {
        State::Free => {
            let claim = ClaimWord::from_raw(world.words[shape.claims + index]);
            claim.lap() != slot.lap() || stopped(claim.owner())
        }
        State::Held | State::Leased => stopped(slot.owner()),
        _ => false,
    })
}

/// How many places are in use.
fn used(case: &Case, world: &World) -> usize {
    let shape = case.shape();
    let in_use = |(index, slot): &(usize, SlotWord)| {
        let claim = ClaimWord::from_raw(world.words[shape.claims + index]);
        slot.state() != State::Free || claim.lap() == slot.lap()
    };
    world.slots(case).enumerate().filter(in_use).count()
}

/// Whether a process has gone past a place, or given one up, and has not said so yet: until it has,
/// or was recovered, somebody may be told that one place fewer is there.
fn is_on_a_detour(case: &Case, world: &World, process: usize) -> bool {
    let Some(role) = case.roles.get(process) else { return false };
    let process = &world.processes[process];
    match process.life {
        Life::Alive | Life::Stopped => process.owes,
        Life::Dead => world.words[Case::life_of(role.row)] == process.born,
    }
}

fn waiting(world: &World) -> Messages {
    world.put & !(world.delivered | world.leased | world.lost)
}

fn message_at(case: &Case, index: u32) -> usize {
    let shape = case.shape();
    shape.slots + index as usize * shape.stride + shape.message
}

fn whole(world: &World, copy: [u64; MESSAGE]) -> Result<Message, Violation> {
    if copy[0] != copy[1] {
        return violated(world, format!("a torn message: {copy:?}"));
    }
    match copy[0].checked_sub(1).map(u8::try_from) {
        Some(Ok(message)) if message < 8 => Ok(message),
        _ => violated(world, "a message from nowhere"),
    }
}

/// Nothing overtakes a message that had been put before it.
fn in_order(world: &World, message: Message) -> Result<(), Violation> {
    let known = world.delivered | world.leased | world.excepted | world.lost;
    if world.excepted & one(message) == 0 && world.before[usize::from(message)] & !known != 0 {
        return violated(world, format!("message {message} overtook another"));
    }
    Ok(())
}
