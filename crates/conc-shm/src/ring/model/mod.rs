//! A search of all states of small rings: each access of each process in every order, deaths
//! before any of them, and the store buffers of processors.
//!
//! Stores wait in their process's buffer until it is drained, one by one, at any later time; reads
//! find their own. Exchanges drain the own buffer, the heavy fence everybody's, the light one
//! nothing: this is x86-64, where the compiler keeps the order of the program. The pause before a
//! sleep drains everybody's, too: that it is long enough is presumed. What weaker processors do
//! beyond that is loom's affair (`models`).

mod cases;

use super::protocol::{Cursor, End, Fences, Next, Published, Ring, Room, control};
use crate::memory::Memory;
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

/// Words of a message: with two, a torn one shows.
const MESSAGE: usize = 2;
const WORDS: usize = 7 + MESSAGE * 4;
const SLEEPER: u64 = 1;

/// A way in which the ring could be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
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
enum Op {
    /// Takes an end; from this process if it is dead.
    Take(End, Option<u8>),
    /// Puts the message of this number.
    Put(u8),
    /// Gets until the end.
    Get,
    /// Gets once.
    GetOnce,
    Close(End),
}

#[derive(Debug, Clone)]
struct Case {
    capacity: u64,
    programs: Vec<Vec<Op>>,
    deaths: u8,
    flaw: Option<Flaw>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Process {
    alive: bool,
    op: usize,
    cursor: Option<Cursor>,
    /// What the accesses of the present operation have answered.
    heard: Vec<u64>,
    /// The event's word, and what it was.
    asleep: Option<(usize, u64)>,
    buffer: Vec<(usize, u64)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    words: [u64; WORDS],
    processes: Vec<Process>,
    deaths: u8,
    receivers_died: u8,
    /// Messages whose put has returned, those that came back, those that were got.
    put: u8,
    back: u8,
    got: u8,
    last: u8,
}

/// The process makes no access now: it waits for its turn, or is dead.
#[derive(Debug)]
struct Halt;

enum Outcome {
    Taken(Cursor),
    Refused,
    Put(Cursor),
    Back,
    Got(Cursor, u8),
    Ended,
    Sleeps(Cursor, usize, u64),
    Torn,
    Closed,
}

/// What a process sees: answers that it has heard, then one fresh one.
struct View<'a> {
    world: RefCell<&'a mut World>,
    process: usize,
    heard: Vec<u64>,
    at: Cell<usize>,
    fresh: RefCell<Option<u64>>,
    flaw: Option<Flaw>,
}

fn compact(word: usize) -> usize {
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

impl World {
    fn drain(&mut self, process: usize) {
        for (word, value) in std::mem::take(&mut self.processes[process].buffer) {
            self.words[word] = value;
        }
    }

    fn read(&self, process: usize, word: usize) -> u64 {
        let own = self.processes[process].buffer.iter().rev().find(|(at, _)| *at == word);
        own.map_or(self.words[word], |(_, value)| *value)
    }
}

impl View<'_> {
    fn access(&self, access: impl FnOnce(&mut World, usize) -> u64) -> Result<u64, Halt> {
        let at = self.at.get();
        self.at.set(at + 1);
        if let Some(&answer) = self.heard.get(at) {
            return Ok(answer);
        }
        if self.fresh.borrow().is_some() {
            return Err(Halt);
        }
        let answer = access(&mut self.world.borrow_mut(), self.process);
        *self.fresh.borrow_mut() = Some(answer);
        Ok(answer)
    }

    fn locked(
        &self,
        word: usize,
        change: impl FnOnce(u64) -> (u64, Option<u64>),
    ) -> Result<u64, Halt> {
        self.access(|world, process| {
            world.drain(process);
            let (answer, new) = change(world.words[compact(word)]);
            if let Some(new) = new {
                world.words[compact(word)] = new;
            }
            answer
        })
    }

    fn drain_all(&self) -> Result<(), Halt> {
        let drain = |world: &mut World, _| {
            (0..world.processes.len()).for_each(|process| world.drain(process));
            0
        };
        self.access(drain).map(drop)
    }

    /// As [`crate::event::Event::prepare`].
    fn prepare(&self, event: usize) -> Result<u64, Halt> {
        let ticket = self.locked(event, |word| (word | SLEEPER, Some(word | SLEEPER)))?;
        // As `RawRing::announced`, whose time is enough: that is what is presumed.
        if self.flaw != Some(Flaw::Unsettled) {
            self.drain_all()?;
        }
        Ok(ticket)
    }

    /// As [`crate::event::Event::notify_one`]; its own transitions are loom's affair.
    fn notify(&self, event: usize) -> Result<(), Halt> {
        if self.load(event)? & SLEEPER != 0 {
            self.locked(event, |word| (0, Some((word + 2) & !SLEEPER)))?;
        }
        Ok(())
    }
}

impl Memory for View<'_> {
    type Halt = Halt;

    fn load(&self, word: usize) -> Result<u64, Halt> {
        self.access(|world, process| world.read(process, compact(word)))
    }

    fn store(&self, word: usize, value: u64) -> Result<(), Halt> {
        self.locked(word, |_| (0, Some(value))).map(drop)
    }

    fn exchange(&self, word: usize, old: u64, new: u64) -> Result<Result<(), u64>, Halt> {
        let seen = self.locked(word, |seen| (seen, (seen == old).then_some(new)))?;
        Ok(if seen == old { Ok(()) } else { Err(seen) })
    }

    fn add(&self, word: usize, value: u64) -> Result<u64, Halt> {
        self.locked(word, |seen| (seen, Some(seen + value)))
    }

    fn hint(&self, word: usize) -> Result<u64, Halt> {
        self.load(word)
    }

    fn set_hint(&self, word: usize, value: u64) -> Result<(), Halt> {
        let store = |world: &mut World, process: usize| {
            world.processes[process].buffer.push((compact(word), value));
            0
        };
        self.access(store).map(drop)
    }

    fn copy_in(&self, word: usize, bytes: &[u8]) -> Result<(), Halt> {
        let words =
            bytes.chunks_exact(8).map(|chunk| u64::from_ne_bytes(chunk.try_into().unwrap()));
        words.enumerate().try_for_each(|(at, value)| self.set_hint(word + at, value))
    }

    fn copy_out(&self, word: usize, bytes: &mut [u8]) -> Result<(), Halt> {
        for (at, chunk) in bytes.chunks_exact_mut(8).enumerate() {
            chunk.copy_from_slice(&self.load(word + at)?.to_ne_bytes());
        }
        Ok(())
    }
}

impl Fences for View<'_> {
    type Halt = Halt;

    fn light(&self) -> Result<(), Halt> {
        Ok(())
    }

    fn heavy(&self, _owner: u64) -> Result<(), Halt> {
        if self.flaw == Some(Flaw::NoHeavyFence) {
            return Ok(());
        }
        self.drain_all()
    }
}

fn place(index: u64) -> usize {
    control::END + index as usize * MESSAGE
}

impl View<'_> {
    fn run(&self, case: &Case, op: Op, cursor: Option<Cursor>) -> Result<Outcome, Halt> {
        let ring = Ring::new(self, self, case.capacity);
        match op {
            Op::Take(end, from) => self.take(&ring, end, from),
            Op::Put(message) => {
                let extra = u64::from(self.flaw == Some(Flaw::OneTooMany));
                let ring = Ring::new(self, self, case.capacity + extra);
                self.put(&ring, message, cursor.unwrap())
            }
            Op::Get | Op::GetOnce => self.get(&ring, cursor.unwrap()),
            Op::Close(end) => {
                ring.close(end, &cursor.unwrap())?;
                self.notify(control::MESSAGE)?;
                self.notify(control::PLACE)?;
                if end == End::Receiver {
                    ring.decide()?;
                }
                Ok(Outcome::Closed)
            }
        }
    }

    /// As `RawRing::take` and `RawRing::recover`.
    fn take(
        &self,
        ring: &Ring<'_, Self, Self>,
        end: End,
        from: Option<u8>,
    ) -> Result<Outcome, Halt> {
        let mine = self.process as u64 + 1;
        if let Some(from) = from {
            let _ = ring.hand_over(end, u64::from(from) + 1, 0)?;
            for event in [control::MESSAGE, control::PLACE] {
                self.add(event, 2)?;
            }
        }
        if ring.hand_over(end, 0, mine)?.is_err() {
            return Ok(Outcome::Refused);
        }
        let cursor = match self.flaw {
            Some(Flaw::BeginsAnew) => Cursor::START,
            _ => ring.begin(end)?,
        };
        Ok(Outcome::Taken(cursor))
    }

    fn put(
        &self,
        ring: &Ring<'_, Self, Self>,
        message: u8,
        mut cursor: Cursor,
    ) -> Result<Outcome, Halt> {
        match ring.room(&mut cursor)? {
            Room::Free => {}
            Room::Closed => return Ok(Outcome::Back),
            Room::Full => {
                let ticket = self.prepare(control::PLACE)?;
                match ring.room(&mut cursor)? {
                    Room::Full => return Ok(Outcome::Sleeps(cursor, control::PLACE, ticket)),
                    Room::Closed => return Ok(Outcome::Back),
                    Room::Free => {}
                }
            }
        }
        let at = place(cursor.index());
        let bytes = [u64::from(message); MESSAGE].map(u64::to_ne_bytes);
        let late = self.flaw == Some(Flaw::PublishedFirst);
        if !late {
            self.copy_in(at, bytes.as_flattened())?;
        }
        let published = if self.flaw == Some(Flaw::Unsealed) {
            self.set_hint(control::TAIL, cursor.at() + 1)?;
            ring.consume(&mut cursor);
            Published::In
        } else {
            ring.publish(&mut cursor)?
        };
        if late {
            self.copy_in(at, bytes.as_flattened())?;
        }
        if self.flaw != Some(Flaw::Silent) {
            self.notify(control::MESSAGE)?;
        }
        let is_in = published == Published::In || self.flaw == Some(Flaw::Optimistic);
        Ok(if is_in { Outcome::Put(cursor) } else { Outcome::Back })
    }

    fn get(&self, ring: &Ring<'_, Self, Self>, mut cursor: Cursor) -> Result<Outcome, Halt> {
        match ring.next(&mut cursor)? {
            Next::Message => {}
            Next::Closed => return Ok(Outcome::Ended),
            Next::Empty => {
                let ticket = self.prepare(control::MESSAGE)?;
                match ring.next(&mut cursor)? {
                    Next::Message => {}
                    Next::Closed => return Ok(Outcome::Ended),
                    Next::Empty => return Ok(Outcome::Sleeps(cursor, control::MESSAGE, ticket)),
                }
            }
        }
        let at = place(cursor.index());
        let mut bytes = [0; 8 * MESSAGE];
        let early = self.flaw == Some(Flaw::ReleasedFirst);
        ring.consume(&mut cursor);
        if early {
            ring.release(&cursor)?;
        }
        self.copy_out(at, &mut bytes)?;
        let mut words = bytes.chunks(8).map(|word| u64::from_ne_bytes(word.try_into().unwrap()));
        let first = words.next().unwrap();
        if words.any(|word| word != first) {
            return Ok(Outcome::Torn);
        }
        if !early {
            ring.release(&cursor)?;
        }
        self.notify(control::PLACE)?;
        Ok(Outcome::Got(cursor, first as u8))
    }
}

type Verdict = Result<(), &'static str>;

impl World {
    fn new(case: &Case) -> Self {
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

    fn op(&self, case: &Case, process: usize) -> Option<Op> {
        case.programs[process].get(self.processes[process].op).copied()
    }

    /// Whether a process can make an access.
    fn can_run(&self, case: &Case, process: usize) -> bool {
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

    fn run(&mut self, case: &Case, process: usize) -> Verdict {
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

    fn kill(&mut self, case: &Case, process: usize) {
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

    fn judge(&self, case: &Case) -> Verdict {
        let [tail, head] = [control::TAIL, control::HEAD].map(|word| self.words[compact(word)]);
        if tail < head || tail - head > case.capacity {
            return Err("more messages than places");
        }
        if self.back & self.got != 0 {
            return Err("a message that came back was got");
        }
        // Messages are put in the order of their places, and who is refused puts no more.
        let seal = self.words[compact(control::SEAL)];
        if seal >= 2 && u64::from(self.put.count_ones()) > seal - 2 {
            return Err("a message that was put is behind the end");
        }
        Ok(())
    }

    /// Nobody moves any more.
    fn judge_end(&self, case: &Case) -> Verdict {
        let [tail, head, seal] =
            [control::TAIL, control::HEAD, control::SEAL].map(|word| self.words[compact(word)]);
        for (index, state) in self.processes.iter().enumerate().filter(|(_, state)| state.alive) {
            let missed = match state.asleep {
                Some((control::MESSAGE, _)) => tail > head || seal != 0,
                Some((control::PLACE, _)) => tail - head < case.capacity || seal != 0,
                _ => false,
            };
            // Who was killed before it woke somebody is recovered where it has a successor.
            let orphan = self.deaths > 0
                && !case.programs.iter().flatten().any(|op| matches!(op, Op::Take(_, Some(_))));
            if missed && !orphan {
                return Err("a sleeper was missed");
            }
            // Somebody who gets all there is has got all that was put.
            if self.op(case, index) == Some(Op::Get)
                && (self.put & !self.got).count_ones() > self.receivers_died.into()
            {
                return Err("lost");
            }
        }
        Ok(())
    }
}

/// Looks at all states; how many there were.
fn search(case: &Case) -> Result<usize, &'static str> {
    let mut seen = HashSet::new();
    let mut open = vec![World::new(case)];
    while let Some(world) = open.pop() {
        let mut hasher = DefaultHasher::new();
        world.hash(&mut hasher);
        if !seen.insert(hasher.finish()) {
            continue;
        }
        world.judge(case)?;
        let mut stuck = true;
        for process in 0..world.processes.len() {
            if !world.processes[process].buffer.is_empty() {
                stuck = false;
                let mut next = world.clone();
                let (word, value) = next.processes[process].buffer.remove(0);
                next.words[word] = value;
                open.push(next);
            }
            if world.can_run(case, process) {
                stuck = false;
                let mut next = world.clone();
                next.run(case, process)?;
                open.push(next);
            }
            let succeeded =
                case.programs.iter().flatten().any(
                    |op| matches!(op, Op::Take(_, Some(from)) if usize::from(*from) == process),
                );
            if succeeded && world.processes[process].alive && world.deaths < case.deaths {
                let mut next = world.clone();
                next.kill(case, process);
                open.push(next);
            }
        }
        if stuck {
            world.judge_end(case)?;
        }
    }
    Ok(seen.len())
}
