//! What producers, consumers, survivors and closers do, one phase a call.

use super::chains::{self, Chain};
use super::flaws::{self, Flaw};
use super::judge::{self, Violation};
use super::replay::{Halted, Replay};
use super::world::{
    Case, Consume, Life, MESSAGE, Message, Phase, Process, Produce, Role, Task, World, one,
};
use crate::memory::Memory;
use crate::queue::protocol::{
    Claim, Look, Pass, Published, Ring, Room, Settled, SlotWord, State, control,
};

/// What a phase's call answered.
#[derive(Debug, Clone, Copy)]
enum Answer {
    Nothing,
    Claim(Claim),
    Room(Room),
    Pass(Pass),
    Published(Published),
    Number(u64),
    Bool(bool),
    Ready(Option<SlotWord>),
    Copy([u64; MESSAGE]),
    Look(Look),
    Returned,
    Settled(Settled),
}

/// All worlds that one access of `process` leads to.
pub(super) fn successors(
    case: &Case,
    world: &World,
    process: usize,
    out: &mut Vec<Box<World>>,
) -> Result<(), Violation> {
    if world.processes[process].life != Life::Alive {
        return Ok(());
    }
    for mut begun in beginnings(case, world, process) {
        // A phase may end with the answers that it had: go on to the next access.
        loop {
            let phase = begun.processes[process].phase;
            if matches!(phase, Phase::Idle | Phase::Done | Phase::Unborn) {
                break;
            }
            let (answer, acted) = call(case, &mut begun, process);
            if let Ok(answer) = answer {
                apply(case, &mut begun, process, answer)?;
                begun.processes[process].heard = super::replay::Heard::default();
            }
            if acted {
                break;
            }
        }
        judge::note_moment(case, &mut begun);
        out.push(begun);
    }
    Ok(())
}

/// What a process may begin now; one world where it is in the middle of something.
fn beginnings(case: &Case, world: &World, process: usize) -> Vec<Box<World>> {
    let me = &world.processes[process];
    let role = &case.roles[process];
    let begin = |phase: Phase| {
        let mut begun = Box::new(world.clone());
        begun.processes[process].phase = phase;
        begun.processes[process].excused = false;
        judge::note_moment(case, &mut begun);
        begun
    };
    match (me.phase, role.task) {
        (Phase::Done, _) => Vec::new(),
        (Phase::Unborn, _) => {
            let life = Case::life_of(role.row);
            if world.words[life] % 2 == 0 {
                return Vec::new();
            }
            // Taking a row is one exchange; it is made here.
            let mut born = Box::new(world.clone());
            born.words[life] += 1;
            born.processes[process].born = born.words[life];
            born.processes[process].phase = Phase::Idle;
            vec![born]
        }
        (Phase::Idle, Task::Produce { first, count, .. }) => {
            if me.left == 0 {
                return Vec::new();
            }
            let chain = Phase::Chain(Chain::Take { chunk: 0 });
            let mut begun = begin(if chained(role) { chain } else { Phase::Claim(me.cursor) });
            begun.before[usize::from(first + count - me.left)] = world.put;
            vec![begun]
        }
        (Phase::Idle, Task::Consume(_)) => vec![begin(Phase::SeeReturns)],
        (Phase::Idle, Task::Close) => {
            if me.left == 0 {
                Vec::new()
            } else {
                vec![begin(Phase::SeeClosed)]
            }
        }
        (Phase::Idle, Task::Recover) => burials(case, world).into_iter().map(begin).collect(),
        // What a consumer does about a hole that keeps a message back: have patience, or not.
        (Phase::Revoke { .. }, _) if me.heard == super::replay::Heard::default() => {
            let mut patient = Box::new(world.clone());
            let closed = false;
            patient.processes[process].phase = Phase::Look { closed };
            let mut both = vec![patient];
            if case.flaw != Some(Flaw::NeverRevoke) {
                both.push(Box::new(world.clone()));
            }
            both
        }
        _ => vec![Box::new(world.clone())],
    }
}

/// The first steps for each process that is taken for dead.
fn burials(case: &Case, world: &World) -> Vec<Phase> {
    let buries = |life| match life {
        Life::Dead => true,
        Life::Stopped | Life::Alive => case.flaw == Some(Flaw::BuryTheStopped),
    };
    let is_next = |dead: &usize| {
        let row = Case::life_of(case.roles[*dead].row);
        buries(world.processes[*dead].life)
            && world.words[row] == world.processes[*dead].born
            && !matches!(case.roles[*dead].task, Task::Recover | Task::Close)
    };
    let first = |dead: usize| {
        let life = world.processes[dead].born;
        if case.chains() {
            Phase::Chain(Chain::Settle { chunk: 0, dead, life })
        } else {
            Phase::Settle { index: 0, dead, life }
        }
    };
    (0..case.roles.len()).filter(is_next).map(first).collect()
}

/// Makes the call of the present phase, as far as one access goes.
fn call(case: &Case, world: &mut World, process: usize) -> (Result<Answer, Halted>, bool) {
    let role = &case.roles[process];
    let phase = world.processes[process].phase;
    let me = world.processes[process];
    let message = next_message(role, me.left);
    let shape = case.shape();
    let memory = Replay::new(world, process, case.quiet());
    let ring = Ring::new(&memory, &shape);
    let answer = match phase {
        Phase::Chain(chain) => {
            chains::act(case, &ring, role, &me, chain, message).map(Answer::Number)
        }
        _ => act(case, &ring, role, phase, me.cursor, message),
    };
    let (acted, owes) = (memory.has_acted(), memory.owes_a_count());
    world.processes[process].owes = owes;
    (answer, acted)
}

#[expect(clippy::too_many_lines, reason = "a table: one line a phase")]
fn act(
    case: &Case,
    ring: &Ring<'_, Replay<'_>>,
    role: &Role,
    phase: Phase,
    cursor: crate::queue::protocol::Position,
    message: Message,
) -> Result<Answer, Halted> {
    let me = role.row;
    let flawed = |flaw| case.flaw == Some(flaw);
    Ok(match phase {
        Phase::Unborn | Phase::Idle | Phase::Done | Phase::Chain(_) => Answer::Nothing,
        Phase::Claim(at) => Answer::Claim(if flawed(Flaw::ClaimOfLastLapOnly) {
            flaws::claim_of_last_lap_only(ring, at, me)?
        } else if flawed(Flaw::LookBeforeClaim) {
            flaws::look_before_claim(ring, at, me)?
        } else {
            ring.claim(at, me)?
        }),
        Phase::SeeDetours(_) => Answer::Number(ring.detours()?),
        Phase::Room { .. } => Answer::Room(ring.room()?),
        Phase::Pass { at, .. } => Answer::Pass(match case.flaw {
            Some(Flaw::CarryWhatWaits) => flaws::carry_what_waits(ring, at)?,
            Some(Flaw::PassWhatIsOpen) => flaws::pass_what_is_open(ring, at)?,
            _ => ring.pass(at)?,
        }),
        Phase::Write(at) => {
            let bytes = [u64::from(message) + 1; MESSAGE].map(u64::to_ne_bytes);
            let bytes = &bytes.as_flattened()[..8 * case.message];
            ring.memory.copy_in(ring.message(at.index()), bytes)?;
            Answer::Nothing
        }
        Phase::Publish(at) => Answer::Published(if flawed(Flaw::PublishBlindly) {
            flaws::publish_blindly(ring, at)?
        } else {
            ring.publish(at)?
        }),
        Phase::GiveUp(at) => {
            ring.give_up(at, me)?;
            Answer::Nothing
        }
        Phase::Release(index) => {
            if !flawed(Flaw::GiveAwayRevoked) {
                ring.release(index, me)?;
            }
            Answer::Nothing
        }
        Phase::PublishLate(index) => {
            ring.publish_late(index, me)?;
            Answer::Nothing
        }
        Phase::TellTail => {
            ring.tell_tail(cursor)?;
            Answer::Nothing
        }
        Phase::TellHead { .. } => {
            ring.tell_head(cursor)?;
            Answer::Nothing
        }
        Phase::SeeReturns => Answer::Number(ring.returns()?),
        Phase::SeeReady { index, .. } => Answer::Ready(ring.ready(index)?),
        Phase::CopyReady { index, .. } => Answer::Copy(copy(case, ring, index)?),
        Phase::TakeReady { index, word, .. } => {
            Answer::Bool(ring.take(index, word, taken(role, word))?)
        }
        Phase::SeeClosed => match role.task {
            Task::Close => {
                ring.close()?;
                Answer::Nothing
            }
            _ => Answer::Bool(ring.is_closed()?),
        },
        Phase::Look { .. } => Answer::Look(ring.look(cursor)?),
        Phase::Copy { at, .. } => Answer::Copy(copy(case, ring, at.index())?),
        Phase::Take { at, word, .. } => Answer::Bool(match role.task {
            Task::Consume(Consume::Get) if flawed(Flaw::TakeBlindly) => {
                flaws::take_blindly(ring, at, word)?
            }
            _ => ring.take(at.index(), word, taken(role, word))?,
        }),
        Phase::LookBehind { at, .. } => Answer::Bool(ring.message_behind(at)?),
        Phase::StillHole { at, .. } => Answer::Bool(
            flawed(Flaw::BelieveFirstLook) || ring.place(at.index())? == SlotWord::free(at.lap()),
        ),
        Phase::Revoke { at, owner } => Answer::Bool(if flawed(Flaw::GiveAwayRevoked) {
            flaws::give_away(ring, at)?
        } else {
            ring.revoke(at, owner)?
        }),
        Phase::Read { index } => Answer::Copy(copy(case, ring, index)?),
        Phase::Work { .. } => Answer::Number(ring.memory.load(control::CLOSED)?),
        Phase::Ack { index, .. } => {
            ring.ack(index, me)?;
            Answer::Nothing
        }
        Phase::Nack { index, .. } => {
            if flawed(Flaw::ReturnInSilence) {
                flaws::return_in_silence(ring, index)?;
            } else {
                ring.nack(index, me, 0)?;
            }
            Answer::Returned
        }
        Phase::Settle { index, dead, life } => {
            let row = case.roles[dead].row;
            if flawed(Flaw::ForgetHoles) && ring.place(index)?.state() == State::Free {
                return Ok(Answer::Settled(Settled::Nothing));
            }
            let current = || {
                if flawed(Flaw::RecoverStrangers) {
                    return Ok(true);
                }
                Ok(ring.memory.load(Case::life_of(row))? == life)
            };
            Answer::Settled(ring.settle(index, row, case.returns, current)?)
        }
        Phase::Settled { .. } => {
            ring.settled()?;
            Answer::Nothing
        }
        Phase::FreeRow { dead, life } => {
            let row = Case::life_of(case.roles[dead].row);
            Answer::Bool(ring.memory.exchange(row, life, life + 1)?.is_ok())
        }
    })
}

/// The word of a message that this consumer takes.
fn taken(role: &Role, word: SlotWord) -> SlotWord {
    if is_get(role) { word.freed() } else { word.leased_by(role.row) }
}

fn copy(case: &Case, ring: &Ring<'_, Replay<'_>>, index: u32) -> Result<[u64; MESSAGE], Halted> {
    let mut bytes = [0; 8 * MESSAGE];
    ring.memory.copy_out(ring.message(index), &mut bytes[..8 * case.message])?;
    let words = [0, 8].map(|at| u64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap()));
    Ok(if case.message == 1 { [words[0]; MESSAGE] } else { words })
}

/// The message that a producer with so much left is at.
fn next_message(role: &Role, left: u8) -> Message {
    match role.task {
        Task::Produce { first, count, .. } => first + count - left,
        _ => 0,
    }
}

/// Goes on to the next phase, and lets the judge know.
#[expect(clippy::too_many_lines, reason = "a table: one entry a phase")]
fn apply(case: &Case, world: &mut World, process: usize, answer: Answer) -> Result<(), Violation> {
    let role = &case.roles[process];
    let mut me = world.processes[process];
    let places = case.places;
    me.phase = match (me.phase, answer) {
        (Phase::Claim(_), Answer::Claim(claim)) => match claim {
            Claim::Mine(at) => match role.task {
                Task::Produce { kind: Produce::GiveUpOnce, count, .. } if me.left == count => {
                    Phase::GiveUp(at)
                }
                _ => Phase::Write(at),
            },
            Claim::Again(at) => {
                me.cursor = at;
                Phase::Claim(at)
            }
            Claim::Carried => Phase::Claim(me.cursor),
            Claim::Full if case.searches => Phase::SeeDetours(me.cursor),
            Claim::Full => refused(role, &mut me),
            Claim::Closed => {
                me.left = 0;
                Phase::Idle
            }
        },
        (Phase::SeeDetours(_), Answer::Number(detours)) if detours == me.detours => {
            judge::full(case, world, &me)?;
            refused(role, &mut me)
        }
        (Phase::SeeDetours(at), Answer::Number(detours)) => Phase::Room { at, detours },
        (Phase::Room { at, detours }, Answer::Room(room)) => match room {
            Room::At(target) if at.is_before(target) => Phase::Pass { at, target },
            Room::At(_) | Room::Moved => Phase::Claim(at),
            Room::None { in_turn } => {
                if in_turn || case.flaw == Some(Flaw::ForgetDetours) {
                    me.detours = detours;
                }
                judge::full(case, world, &me)?;
                refused(role, &mut me)
            }
        },
        (Phase::Pass { at, target }, Answer::Pass(pass)) => {
            let next = at.next(places);
            me.cursor = if pass == Pass::Passed { next } else { at };
            match pass {
                Pass::Passed if next.is_before(target) => Phase::Pass { at: next, target },
                Pass::Passed | Pass::Open => Phase::Claim(me.cursor),
                Pass::Moved => Phase::Pass { at, target },
                // The oldest one is still being written: for as long, that is an answer.
                Pass::Blocked => refused(role, &mut me),
            }
        }
        (Phase::Write(at), _) if chained(role) => Phase::Chain(Chain::Name(at)),
        (Phase::Write(at), _) => Phase::Publish(at),
        (Phase::GiveUp(at), _) => {
            me.cursor = at.next(places);
            // The message that was given up counts as never begun.
            me.left -= 1;
            Phase::Idle
        }
        (Phase::Publish(at), Answer::Published(published)) => {
            me.cursor = at.next(places);
            match (published, role.task) {
                (Published::InLine, _) => Phase::TellTail,
                (_, Task::Produce { kind: Produce::Loan, .. }) => Phase::PublishLate(at.index()),
                _ if chained(role) => Phase::Chain(Chain::Unbind(at)),
                _ => Phase::Release(at.index()),
            }
        }
        (Phase::TellTail, _) => {
            judge::put(world, next_message(role, me.left))?;
            me.left -= 1;
            Phase::Idle
        }
        (Phase::Release(_), _) => Phase::Claim(me.cursor),
        (Phase::PublishLate(_), _) => {
            let message = next_message(role, me.left);
            world.excepted |= one(message);
            judge::put(world, message)?;
            me.left -= 1;
            Phase::Idle
        }
        (Phase::SeeReturns, Answer::Number(returns)) => {
            if returns == me.returns {
                Phase::SeeClosed
            } else {
                Phase::SeeReady { index: 0, returns }
            }
        }
        (Phase::SeeReady { index, returns }, Answer::Ready(ready)) => match ready {
            Some(word) if is_get(role) => Phase::CopyReady { index, word, returns },
            Some(word) => Phase::TakeReady { index, word, copy: [0; MESSAGE], returns },
            None if index + 1 < places => Phase::SeeReady { index: index + 1, returns },
            // All were looked at, and none is left of those that had come back by then.
            None => {
                me.returns = returns;
                Phase::SeeClosed
            }
        },
        (Phase::CopyReady { index, word, returns }, Answer::Copy(copy)) => {
            Phase::TakeReady { index, word, copy, returns }
        }
        (Phase::TakeReady { index, copy, returns, .. }, Answer::Bool(taken)) => {
            if !taken {
                // Look at it again, and do not count the returns as dealt with.
                Phase::SeeReady { index, returns }
            } else if is_get(role) {
                judge::take(case, world, index, copy)?;
                Phase::Idle
            } else {
                judge::lease(case, world, index)?;
                Phase::Read { index }
            }
        }
        (Phase::SeeClosed, Answer::Bool(closed)) => Phase::Look { closed },
        (Phase::SeeClosed, _) => {
            me.left = 0;
            Phase::Idle
        }
        (Phase::Look { closed }, Answer::Look(look)) => match look {
            Look::Message(word) if is_get(role) => Phase::Copy { at: me.cursor, word },
            Look::Message(word) => Phase::Take { at: me.cursor, word, copy: [0; MESSAGE] },
            Look::Passed(at) => {
                me.cursor = at;
                Phase::Look { closed }
            }
            Look::Hole(owner) => Phase::LookBehind { at: me.cursor, owner, closed },
            Look::Empty => {
                judge::empty(case, world, &me, closed)?;
                Phase::Idle
            }
        },
        (Phase::Copy { at, word }, Answer::Copy(copy)) => Phase::Take { at, word, copy },
        (Phase::Take { at, copy, .. }, Answer::Bool(taken)) => {
            if !taken {
                Phase::SeeReturns
            } else {
                me.cursor = at.next(places);
                if is_get(role) {
                    judge::take(case, world, at.index(), copy)?;
                } else {
                    judge::lease(case, world, at.index())?;
                }
                Phase::TellHead { index: at.index() }
            }
        }
        (Phase::LookBehind { at, owner, closed }, Answer::Bool(behind)) => {
            // On a closed queue a hole is all that is left: nobody waits for its producer.
            if behind || closed {
                Phase::Revoke { at, owner }
            } else {
                Phase::StillHole { at, owner, closed }
            }
        }
        (Phase::StillHole { .. }, Answer::Bool(still)) => {
            if still {
                judge::empty(case, world, &me, false)?;
                Phase::Idle
            } else {
                Phase::SeeReturns
            }
        }
        (Phase::Revoke { .. }, _) => Phase::SeeReturns,
        (Phase::TellHead { .. }, _) if is_get(role) => Phase::Idle,
        (Phase::TellHead { index }, _) => Phase::Read { index },
        (Phase::Read { index }, Answer::Copy(copy)) => {
            let message = judge::read(case, world, process, copy)?;
            if case.chains() {
                Phase::Chain(Chain::Read { index, message })
            } else {
                Phase::Work { index, message }
            }
        }
        (Phase::Work { index, message }, _) => match role.task {
            Task::Consume(Consume::NackOnce) if me.left > 0 => {
                me.left = 0;
                Phase::Nack { index, message }
            }
            _ => Phase::Ack { index, message },
        },
        (Phase::Ack { message, .. }, _) => {
            judge::acknowledge(world, message)?;
            Phase::Idle
        }
        (Phase::Nack { message, .. }, _) => {
            judge::give_back(world, message);
            Phase::Idle
        }
        (Phase::Settle { index, dead, life }, Answer::Settled(settled)) => match settled {
            Settled::Moved => Phase::Settle { index, dead, life },
            Settled::Overtaken => Phase::Idle,
            Settled::Nothing | Settled::Done => {
                if index + 1 < places {
                    Phase::Settle { index: index + 1, dead, life }
                } else {
                    Phase::Settled { dead, life }
                }
            }
        },
        (Phase::Settled { dead, life }, _) => Phase::FreeRow { dead, life },
        (Phase::FreeRow { .. }, _) => Phase::Idle,
        (Phase::Chain(chain), Answer::Number(answer)) => {
            chains::apply(world, &mut me, chain, answer)?
        }
        (phase, answer) => unreachable!("{answer:?} is no answer to {phase:?}"),
    };
    world.processes[process] = me;
    Ok(())
}

/// Where a producer goes on that was told "full": one that has its chunk waits.
fn refused(role: &Role, me: &mut Process) -> Phase {
    if !chained(role) {
        return Phase::Idle;
    }
    me.excused = false;
    Phase::Claim(me.cursor)
}

fn chained(role: &Role) -> bool {
    matches!(role.task, Task::Produce { kind: Produce::Chain, .. })
}

fn is_get(role: &Role) -> bool {
    matches!(role.task, Task::Consume(Consume::Get))
}
