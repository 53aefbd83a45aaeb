//! Memory, processes, and what they are there for.

use super::judge::Verdict;
use super::steps::Outcome;
use super::view::View;
use crate::ring::protocol::{Cursor, End, control};
use std::cell::{Cell, RefCell};

/// Words of a message: with two, a torn one shows.
pub(super) const MESSAGE: usize = 2;
pub(super) const WORDS: usize = 7 + MESSAGE * 4;
pub(super) const SLEEPER: u64 = 1;

/// A way in which the ring could be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    /// Who closes has no fence.
    NoHeavyFence,
    /// Who sleeps does not wait until all stores have arrived.
    Unsettled,
    /// The message is written after it is published.
    PublishedFirst,
    /// The place is given back before it is read.
    ReleasedFirst,
    /// An end is taken from a living owner.
    TakenAlive,
    /// A new owner begins where the ring did.
    BeginsAnew,
    /// The sender believes in one place more.
    OneTooMany,
    /// The sender does not look at the seal after it has published.
    Unsealed,
    /// The sender says that a message is in which is behind the end.
    Optimistic,
    /// The sender wakes nobody.
    Silent,
}

/// What a process does, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Op {
    /// Takes an end; from this process if it is dead.
    Take(End, Option<u8>),
    LetGo(End),
    /// Puts the message of this number.
    Put(u8),
    /// Gets until the end.
    Get,
    /// Gets once.
    GetOnce,
    Close(End),
}

#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) capacity: u64,
    pub(super) programs: Vec<Vec<Op>>,
    pub(super) deaths: u8,
    /// Sleepers look for themselves after a while.
    pub(super) slices: bool,
    pub(super) flaw: Option<Flaw>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Process {
    pub(super) alive: bool,
    pub(super) op: usize,
    pub(super) cursor: Option<Cursor>,
    /// What the accesses of the present operation have answered.
    pub(super) heard: Vec<u64>,
    /// The event's word, and what it was.
    pub(super) asleep: Option<(usize, u64)>,
    pub(super) buffer: Vec<(usize, u64)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) words: [u64; WORDS],
    pub(super) processes: Vec<Process>,
    pub(super) deaths: u8,
    pub(super) receivers_died: u8,
    /// Messages whose put has returned, those that came back, those that were got.
    pub(super) put: u8,
    pub(super) back: u8,
    pub(super) got: u8,
    pub(super) last: u8,
}

pub(super) fn compact(word: usize) -> usize {
    match word {
        control::MESSAGE => 2,
        control::SEAL => 3,
        control::PLACE => 4,
        control::TAIL => 5,
        control::HEAD => 6,
        word if word < 2 => word,
        word => 7 + word - control::END,
    }
}

pub(super) fn place(index: u64) -> usize {
    control::END + index as usize * MESSAGE
}

impl World {
    pub(super) fn new(case: &Case) -> Self {
        let process = Process {
            alive: true,
            op: 0,
            cursor: None,
            heard: Vec::new(),
            asleep: None,
            buffer: Vec::new(),
        };
        Self {
            words: [0; WORDS],
            processes: vec![process; case.programs.len()],
            deaths: 0,
            receivers_died: 0,
            put: 0,
            back: 0,
            got: 0,
            last: 0,
        }
    }

    pub(super) fn op(&self, case: &Case, process: usize) -> Option<Op> {
        case.programs[process].get(self.processes[process].op).copied()
    }

    /// Whether a process can make an access.
    pub(super) fn can_run(&self, case: &Case, process: usize) -> bool {
        let state = &self.processes[process];
        let awake = state.asleep.is_none_or(|(word, ticket)| self.words[compact(word)] != ticket);
        let may = match self.op(case, process) {
            None => false,
            Some(Op::Take(_, Some(from))) => {
                !self.processes[usize::from(from)].alive || case.flaw == Some(Flaw::TakenAlive)
            }
            Some(_) => true,
        };
        state.alive && awake && may
    }

    pub(super) fn run(&mut self, case: &Case, process: usize) -> Verdict {
        let op = self.op(case, process).unwrap();
        self.processes[process].asleep = None;
        let heard = self.processes[process].heard.clone();
        let cursor = self.processes[process].cursor;
        let view = View {
            world: RefCell::new(self),
            process,
            heard,
            at: Cell::new(0),
            fresh: RefCell::new(None),
            flaw: case.flaw,
        };
        let outcome = view.run(case, op, cursor);
        let fresh = view.fresh.into_inner();
        let state = &mut self.processes[process];
        let Ok(outcome) = outcome else {
            state.heard.extend(fresh);
            return Ok(());
        };
        state.heard.clear();
        state.op += usize::from(!matches!((op, &outcome), (Op::Get, Outcome::Got(..))));
        match outcome {
            Outcome::Taken(cursor) => state.cursor = Some(cursor),
            Outcome::Refused => state.op = usize::MAX,
            Outcome::LetGo => state.cursor = None,
            Outcome::Sleeps(cursor, event, ticket) => {
                state.op -= 1;
                state.cursor = Some(cursor);
                state.asleep = Some((event, ticket));
            }
            Outcome::Put(cursor) => {
                state.cursor = Some(cursor);
                let Op::Put(message) = op else { unreachable!() };
                self.put |= 1 << message;
            }
            Outcome::Back => {
                let Op::Put(message) = op else { unreachable!() };
                self.back |= 1 << message;
            }
            Outcome::Got(cursor, message) => {
                state.cursor = Some(cursor);
                if message <= self.last {
                    return Err("twice, or out of order");
                }
                self.last = message;
                self.got |= 1 << message;
            }
            Outcome::Ended if self.put & !self.got != 0 && self.receivers_died == 0 => {
                return Err("the end before a message that was put");
            }
            Outcome::Ended | Outcome::Closed => {}
            Outcome::Torn => return Err("torn"),
        }
        Ok(())
    }

    pub(super) fn kill(&mut self, case: &Case, process: usize) {
        // What was executed reaches memory before anybody can prove the death.
        self.drain(process);
        let receives = case.programs[process]
            .iter()
            .any(|op| matches!(op, Op::Take(End::Receiver, _) | Op::Get | Op::GetOnce));
        self.deaths += 1;
        self.receivers_died += u8::from(receives);
        self.processes[process].alive = false;
        self.processes[process].asleep = None;
        self.processes[process].heard.clear();
    }

    pub(super) fn drain(&mut self, process: usize) {
        for (word, value) in std::mem::take(&mut self.processes[process].buffer) {
            self.words[word] = value;
        }
    }

    pub(super) fn read(&self, process: usize, word: usize) -> u64 {
        let own = self.processes[process].buffer.iter().rev().find(|(at, _)| *at == word);
        own.map_or(self.words[word], |(_, value)| *value)
    }
}
