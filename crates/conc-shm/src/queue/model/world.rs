//! Memory, processes, and what the judge knows.

use super::chains::Chain;
use super::flaws::Flaw;
use super::replay::{AtRest, Heard};
use crate::queue::protocol::{Lap, Position, Returns, Ring, Row, Shape, SlotWord, control};
use std::cell::RefCell;
use std::hash::{Hash, Hasher};

/// Words of a model's memory.
pub(super) const WORDS: usize = CHUNKS_AT + 2 * CHUNKS_MAX;
/// The words of the chunks, then what is in them.
pub(super) const CHUNKS_AT: usize = control::END + 4 * PLACES_MAX + PROCESSES_MAX;
/// Chunks of a model.
pub(super) const CHUNKS_MAX: usize = 2;
/// Places of a model's queue at most.
pub(super) const PLACES_MAX: usize = 3;
/// Words of a message at most: two, so that a torn one shows.
pub(super) const MESSAGE: usize = 2;
/// Processes of a model at most.
pub(super) const PROCESSES_MAX: usize = 6;

/// The number of a message, from 0.
pub(super) type Message = u8;
/// A set of messages, a bit each.
pub(super) type Messages = u16;

pub(super) const fn one(message: Message) -> Messages {
    1 << message
}

/// What a process is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Task {
    /// Puts so many messages, the first one with this number.
    Produce { first: Message, count: u8, kind: Produce },
    /// Takes messages for ever.
    Consume(Consume),
    /// Recovers whoever died, for ever.
    Recover,
    /// Closes the queue once.
    Close,
}

/// How a producer puts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Produce {
    /// A revoked message is put anew.
    Put,
    /// A revoked message is published where it is.
    Loan,
    /// The first claim is given up, then as `Put`.
    GiveUpOnce,
    /// The message lies in a chunk. Consumers of such messages lease.
    Chain,
}

/// How a consumer takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Consume {
    /// Copy and take.
    Get,
    /// Lease, work, acknowledge.
    Lease,
    /// Lease; send the message back the first time, acknowledge it later.
    NackOnce,
}

/// A process's part in the case.
#[derive(Debug, Clone, Copy)]
pub(super) struct Role {
    pub(super) task: Task,
    /// Its row of the process table.
    pub(super) row: Row,
    /// It comes to life when the row of a dead process was freed, and takes that row.
    pub(super) late: bool,
    pub(super) may_die: bool,
    pub(super) may_stop: bool,
}

/// Words that nobody writes in a case, so that reading them is no step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quiet {
    /// Newcomers get no help, which only makes them walk.
    pub(super) hints: bool,
    /// Nobody searches for room.
    pub(super) detours: bool,
    /// Nobody closes.
    pub(super) end: bool,
}

impl Quiet {
    pub(super) const fn covers(self, word: usize) -> bool {
        match word {
            control::CLOSED => self.end,
            control::HEAD | control::TAIL => self.hints,
            control::DETOURS => self.detours,
            _ => false,
        }
    }
}

/// A question to the model.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) places: u32,
    pub(super) roles: Vec<Role>,
    pub(super) deaths: u8,
    pub(super) stops: u8,
    pub(super) returns: Returns,
    pub(super) flaw: Option<Flaw>,
    /// Whether "empty" and "full" are judged; doubles the states.
    pub(super) verdicts: bool,
    /// Whether producers that are told "full" look at all places.
    pub(super) searches: bool,
    /// Whether producers and consumers tell newcomers where they are.
    pub(super) hints: bool,
    /// Words of a message: with two, a torn one shows.
    pub(super) message: usize,
}

impl Case {
    pub(super) fn new(places: u32, roles: Vec<Role>) -> Self {
        let returns = Returns::Again(0);
        Self {
            places,
            roles,
            deaths: 0,
            stops: 0,
            returns,
            flaw: None,
            verdicts: false,
            searches: false,
            hints: false,
            message: 1,
        }
    }

    /// Whether messages lie in chunks.
    pub(super) fn chains(&self) -> bool {
        self.roles
            .iter()
            .any(|role| matches!(role.task, Task::Produce { kind: Produce::Chain, .. }))
    }

    pub(super) fn quiet(&self) -> Quiet {
        let closes = self.roles.iter().any(|role| role.task == Task::Close);
        Quiet { hints: !self.hints, end: !closes, detours: !self.searches }
    }

    pub(super) fn shape(&self) -> Shape {
        Shape {
            places: self.places,
            claims: control::END,
            slots: control::END + PLACES_MAX,
            stride: 1 + MESSAGE,
            message: 1,
            hint_mask: 0,
        }
    }

    /// The word that says which life the owner of a row is in: odd is nobody's.
    pub(super) fn life_of(row: Row) -> usize {
        control::END + 4 * PLACES_MAX + usize::from(row) - 1
    }
}

/// Where a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Phase {
    /// Not there yet.
    Unborn,
    /// About to begin something.
    Idle,
    // A producer.
    Claim(Position),
    SeeDetours(Position),
    Room {
        at: Position,
        detours: u64,
    },
    Pass {
        at: Position,
        target: Position,
    },
    Write(Position),
    Publish(Position),
    GiveUp(Position),
    Release(u32),
    PublishLate(u32),
    TellTail,
    // A consumer.
    SeeReturns,
    SeeReady {
        index: u32,
        returns: u64,
    },
    CopyReady {
        index: u32,
        word: SlotWord,
        returns: u64,
    },
    TakeReady {
        index: u32,
        word: SlotWord,
        copy: [u64; MESSAGE],
        returns: u64,
    },
    SeeClosed,
    Look {
        closed: bool,
    },
    Copy {
        at: Position,
        word: SlotWord,
    },
    Take {
        at: Position,
        word: SlotWord,
        copy: [u64; MESSAGE],
    },
    LookBehind {
        at: Position,
        owner: Row,
        closed: bool,
    },
    StillHole {
        at: Position,
        owner: Row,
        closed: bool,
    },
    Revoke {
        at: Position,
        owner: Row,
    },
    TellHead {
        index: u32,
    },
    Read {
        index: u32,
    },
    Work {
        index: u32,
        message: Message,
    },
    Ack {
        index: u32,
        message: Message,
    },
    Nack {
        index: u32,
        message: Message,
    },
    /// Something with chunks.
    Chain(Chain),
    // A survivor.
    Settle {
        index: u32,
        dead: usize,
        life: u64,
    },
    Settled {
        dead: usize,
        life: u64,
    },
    FreeRow {
        dead: usize,
        life: u64,
    },
    /// Has nothing left to do.
    Done,
}

/// Whether a process goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Life {
    Alive,
    /// Stopped for ever; nobody may treat it as dead.
    Stopped,
    Dead,
}

/// A process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Process {
    pub(super) life: Life,
    pub(super) phase: Phase,
    pub(super) heard: Heard,
    /// Where it will look next.
    pub(super) cursor: Position,
    /// The returns that it has dealt with.
    pub(super) returns: u64,
    /// The detours by which all places were in use, and in turn.
    pub(super) detours: u64,
    /// Messages that it still has to put; what else it still has to do.
    pub(super) left: u8,
    /// Its row's life when it was born.
    pub(super) born: u64,
    /// The chunk that it has to do with.
    pub(super) chunk: u8,
    /// It has gone past a place, or given one up, and is about to count that.
    pub(super) owes: bool,
    /// During its present call there was a moment in which the answer "no" was true.
    pub(super) excused: bool,
}

/// All there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct World {
    pub(super) words: [u64; WORDS],
    /// So many of the processes have a role; the others are all alike.
    roles: u8,
    pub(super) processes: [Process; PROCESSES_MAX],
    pub(super) deaths: u8,
    pub(super) stops: u8,
    /// Messages whose put has returned.
    pub(super) put: Messages,
    /// Messages that somebody took, or acknowledged.
    pub(super) delivered: Messages,
    /// Messages that a consumer has in its hands.
    pub(super) leased: Messages,
    /// Messages that may be out of order: leased before, or published late.
    pub(super) excepted: Messages,
    /// Messages that died with their consumer.
    pub(super) lost: Messages,
    /// What had been put when the put of each message began.
    pub(super) before: [Messages; 8],
    /// A consumer was told that the queue is closed and empty.
    pub(super) ended: bool,
}

/// Leaves out what says nothing: most words are zero, and most places for processes empty.
impl Hash for World {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let in_use = self.words.iter().enumerate().filter(|(_, word)| **word != 0);
        in_use.clone().fold(0_u64, |set, (at, _)| set | 1 << at).hash(state);
        in_use.for_each(|(_, word)| word.hash(state));
        self.processes[..usize::from(self.roles)].iter().for_each(|process| process.hash(state));
        let Self { deaths, stops, put, delivered, leased, excepted, lost, before, ended, .. } =
            self;
        (deaths, stops, ended, put, delivered, leased, excepted, lost).hash(state);
        before.iter().for_each(|messages| messages.hash(state));
    }
}

const _: () = assert!(WORDS <= 64, "a set of words is a number");

impl World {
    pub(super) fn new(case: &Case) -> Self {
        assert!(case.places as usize <= PLACES_MAX && case.roles.len() <= PROCESSES_MAX);
        let start = Position::new(Lap::FIRST, 0);
        let nobody = Process {
            life: Life::Alive,
            phase: Phase::Done,
            heard: Heard::default(),
            cursor: start,
            returns: 0,
            detours: 0,
            left: 0,
            born: 0,
            chunk: 0,
            owes: false,
            excused: false,
        };
        let mut world = Self {
            words: [0; WORDS],
            roles: case.roles.len() as u8,
            processes: [nobody; PROCESSES_MAX],
            deaths: 0,
            stops: 0,
            put: 0,
            delivered: 0,
            leased: 0,
            excepted: 0,
            lost: 0,
            before: [0; 8],
            ended: false,
        };
        for (process, role) in world.processes.iter_mut().zip(&case.roles) {
            process.phase = if role.late { Phase::Unborn } else { Phase::Idle };
            process.left = match role.task {
                Task::Produce { count, .. } => count,
                Task::Consume(Consume::NackOnce) | Task::Close => 1,
                Task::Consume(_) | Task::Recover => 0,
            };
        }
        let shape = case.shape();
        let memory = AtRest(RefCell::new(&mut world.words));
        let Ok(()) = Ring::new(&memory, &shape).format(Lap::FIRST);
        world
    }

    /// The words of all places.
    pub(super) fn slots<'a>(&'a self, case: &'a Case) -> impl Iterator<Item = SlotWord> + 'a {
        let shape = case.shape();
        (0..case.places as usize)
            .map(move |index| SlotWord::from_raw(self.words[shape.slots + index * shape.stride]))
    }
}
