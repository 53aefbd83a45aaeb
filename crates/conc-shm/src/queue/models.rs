//! Models of the queue's orderings and of its event, in fragments.
//!
//! `RUSTFLAGS="--cfg conc_loom" cargo test --release -p conc-shm --lib models`
//!
//! The search in `queue::model` has seen every order of accesses and every death, in a memory
//! where all see the same. Here memory is weak: an access that is not ordered may be seen late.
//! Messages are written and read without any order of their own, so that only the protocol can
//! make them whole.
//!
//! The thread that writes is the main one: loom 0.7 remembers one access of each word, and does
//! not go back before a look of the other thread if the writer has looked since.

#[path = "protocol/mod.rs"]
mod protocol;

use crate::event::Event;
use crate::memory::Memory;
use conc_core::sync::{AtomicU64, Ordering, fence};
use conc_tests::model;
use loom::thread;
use protocol::{
    Claim, Lap, Look, Pass, Position, Published, Returns, Ring, Room, Row, Shape, SlotWord, control,
};
use std::cell::Cell;
use std::sync::Arc;

const PLACES: u32 = 2;
const CLAIMS: usize = control::END;
const SLOTS: usize = CLAIMS + PLACES as usize;
const WORDS: usize = SLOTS + 3 * PLACES as usize;
/// Where the first process row's life is told; the last word.
const SHAPE: Shape =
    Shape { places: PLACES, claims: CLAIMS, slots: SLOTS, stride: 3, message: 1, hint_mask: 0 };

/// Cells under loom. Only the words of the protocol are atomics of the model: the rest of the
/// control words would only make it larger.
struct Cells {
    words: Vec<AtomicU64>,
    message: Event,
    place: Event,
}

impl Cells {
    fn new() -> Arc<Self> {
        let cells = Arc::new(Self {
            words: (0..WORDS).map(|_| AtomicU64::new(0)).collect(),
            message: Event::new(),
            place: Event::new(),
        });
        let all = Mortal::new(&cells, u32::MAX);
        Ring::new(&all, &SHAPE).format(Lap::FIRST).unwrap();
        cells
    }
}

/// What a process sees of the cells: it dies before its so-many-th access.
struct Mortal<'a> {
    cells: &'a Cells,
    left: Cell<u32>,
}

/// It has died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Dead;

impl<'a> Mortal<'a> {
    fn new(cells: &'a Cells, accesses: u32) -> Self {
        Self { cells, left: Cell::new(accesses) }
    }

    fn word(&self, word: usize) -> Result<&'a AtomicU64, Dead> {
        let left = self.left.get().checked_sub(1).ok_or(Dead)?;
        self.left.set(left);
        Ok(&self.cells.words[word])
    }
}

impl Memory for Mortal<'_> {
    type Halt = Dead;

    fn load(&self, word: usize) -> Result<u64, Dead> {
        let word = self.word(word)?;
        // Loom takes sequentially consistent accesses for acquire and release. What the protocol
        // needs beyond that is that a look does not come before a change that it follows.
        fence(Ordering::SeqCst);
        Ok(word.load(Ordering::Acquire))
    }

    fn store(&self, word: usize, value: u64) -> Result<(), Dead> {
        self.word(word)?.store(value, Ordering::Release);
        Ok(())
    }

    fn exchange(&self, word: usize, old: u64, new: u64) -> Result<Result<(), u64>, Dead> {
        let word = self.word(word)?;
        let exchanged = word.compare_exchange(old, new, Ordering::AcqRel, Ordering::Acquire);
        Ok(exchanged.map(drop))
    }

    fn add(&self, word: usize, value: u64) -> Result<u64, Dead> {
        Ok(self.word(word)?.fetch_add(value, Ordering::AcqRel))
    }

    fn hint(&self, word: usize) -> Result<u64, Dead> {
        Ok(self.word(word)?.load(Ordering::Acquire))
    }

    fn set_hint(&self, word: usize, value: u64) -> Result<(), Dead> {
        self.word(word)?.store(value, Ordering::Release);
        Ok(())
    }

    fn copy_in(&self, word: usize, bytes: &[u8]) -> Result<(), Dead> {
        for (at, chunk) in bytes.chunks_exact(8).enumerate() {
            let value = u64::from_ne_bytes(chunk.try_into().unwrap());
            self.word(word + at)?.store(value, Ordering::Relaxed);
        }
        Ok(())
    }

    fn copy_out(&self, word: usize, bytes: &mut [u8]) -> Result<(), Dead> {
        for (at, chunk) in bytes.chunks_exact_mut(8).enumerate() {
            chunk.copy_from_slice(&self.word(word + at)?.load(Ordering::Relaxed).to_ne_bytes());
        }
        Ok(())
    }
}

const START: Position = Position::new(Lap::FIRST, 0);

/// Puts a message of two equal words; `false`: there was no room.
fn try_put(memory: &Mortal<'_>, from: Position, me: Row, message: u64) -> Result<bool, Dead> {
    let ring = Ring::new(memory, &SHAPE);
    let mut at = from;
    loop {
        match ring.claim(at, me)? {
            Claim::Again(next) => at = next,
            Claim::Carried => {}
            Claim::Full | Claim::Closed => return Ok(false),
            Claim::Mine(mine) => {
                let bytes = [message; 2].map(u64::to_ne_bytes);
                memory.copy_in(ring.message(mine.index()), bytes.as_flattened())?;
                if ring.publish(mine)? == Published::InLine {
                    memory.cells.message.notify_one();
                    return Ok(true);
                }
                ring.release(mine.index(), me)?;
                at = mine.next(PLACES);
            }
        }
    }
}

/// [`try_put`] that looks at all places before it says that there is no room.
fn try_put_anywhere(memory: &Mortal<'_>, me: Row, message: u64) -> Result<bool, Dead> {
    let ring = Ring::new(memory, &SHAPE);
    let mut at = START;
    while !try_put(memory, at, me, message)? {
        // Before the first detour, the end of the line says it all.
        if ring.detours()? == 0 {
            return Ok(false);
        }
        at = match ring.room()? {
            Room::None { .. } => return Ok(false),
            Room::Moved => at,
            Room::At(target) => {
                while at.is_before(target) {
                    match ring.pass(at)? {
                        Pass::Passed => at = at.next(PLACES),
                        Pass::Moved => {}
                        Pass::Open | Pass::Blocked => break,
                    }
                }
                at
            }
        };
    }
    Ok(true)
}

/// What a consumer found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Got {
    Message(u64),
    Nothing,
    Hole(Position, Row),
}

fn try_get(memory: &Mortal<'_>, from: Position) -> Result<Got, Dead> {
    let ring = Ring::new(memory, &SHAPE);
    let mut at = from;
    loop {
        match ring.look(at)? {
            Look::Empty => return Ok(Got::Nothing),
            Look::Hole(owner) => return Ok(Got::Hole(at, owner)),
            Look::Passed(next) => at = next,
            Look::Message(word) => {
                let mut bytes = [0; 16];
                memory.copy_out(ring.message(at.index()), &mut bytes)?;
                if ring.take(at.index(), word, word.freed())? {
                    let (first, last) = bytes.split_at(8);
                    assert_eq!(first, last, "a torn message was taken");
                    memory.cells.place.notify_one();
                    return Ok(Got::Message(u64::from_ne_bytes(first.try_into().unwrap())));
                }
            }
        }
    }
}

/// Takes what is left, as the last one in the room.
fn drain(cells: &Cells) -> Vec<u64> {
    let memory = Mortal::new(cells, u32::MAX);
    let mut messages = Vec::new();
    while let Got::Message(message) = try_get(&memory, START).unwrap() {
        messages.push(message);
    }
    messages
}

#[test]
fn a_message_is_seen_whole() {
    model("queue: put, get", || {
        let cells = Cells::new();
        let consumer = thread::spawn({
            let cells = Arc::clone(&cells);
            move || try_get(&Mortal::new(&cells, u32::MAX), START).unwrap()
        });
        assert!(try_put(&Mortal::new(&cells, u32::MAX), START, 1, 7).unwrap());
        let got = consumer.join().unwrap();
        let left = drain(&cells);
        match got {
            Got::Message(message) => assert_eq!((message, left), (7, vec![])),
            _ => assert_eq!(left, [7]),
        }
    });
}

#[test]
fn a_place_is_used_again_while_a_slow_consumer_reads() {
    model("queue: put again, get twice", || {
        let cells = Cells::new();
        let all = Mortal::new(&cells, u32::MAX);
        assert!(try_put(&all, START, 1, 1).unwrap());
        assert!(try_put(&all, START, 1, 2).unwrap());
        let consumer = thread::spawn({
            let cells = Arc::clone(&cells);
            move || try_get(&Mortal::new(&cells, u32::MAX), START).unwrap()
        });
        let first = try_get(&all, START).unwrap();
        // Into the place that was just freed, while the other consumer may be reading it.
        let put = try_put(&all, START, 1, 3).unwrap();
        let mut all = vec![first, consumer.join().unwrap()];
        all.extend(drain(&cells).into_iter().map(Got::Message));
        let expected = [1, 2, 3].map(Got::Message);
        all.sort_by_key(|got| format!("{got:?}"));
        assert!(put);
        assert_eq!(all, expected);
    });
}

#[test]
fn two_producers_get_two_places() {
    model("queue: put, put", || {
        let cells = Cells::new();
        let other = thread::spawn({
            let cells = Arc::clone(&cells);
            move || try_put(&Mortal::new(&cells, u32::MAX), START, 2, 2)
        });
        assert!(try_put(&Mortal::new(&cells, u32::MAX), START, 1, 1).unwrap());
        assert!(other.join().unwrap().unwrap());
        let mut all = drain(&cells);
        all.sort_unstable();
        assert_eq!(all, [1, 2]);
    });
}

#[test]
fn a_revoked_producer_finds_out() {
    model("queue: publish, revoke", || {
        let cells = Cells::new();
        let all = Mortal::new(&cells, u32::MAX);
        let ring = Ring::new(&all, &SHAPE);
        assert_eq!(ring.claim(START, 1).unwrap(), Claim::Mine(START));
        assert!(try_put(&all, START, 2, 2).unwrap());
        let producer = thread::spawn({
            let cells = Arc::clone(&cells);
            move || {
                let memory = Mortal::new(&cells, u32::MAX);
                let ring = Ring::new(&memory, &SHAPE);
                let bytes = [1_u64; 2].map(u64::to_ne_bytes);
                memory.copy_in(ring.message(0), bytes.as_flattened()).unwrap();
                if ring.publish(START).unwrap() == Published::Revoked {
                    ring.release(0, 1).unwrap();
                    assert!(try_put(&memory, START.next(PLACES), 1, 1).unwrap());
                }
            }
        });
        let mut got = Vec::new();
        for _ in 0..2 {
            match try_get(&all, START).unwrap() {
                Got::Message(message) => got.push(message),
                Got::Hole(at, owner) => drop(ring.revoke(at, owner).unwrap()),
                Got::Nothing => {}
            }
        }
        producer.join().unwrap();
        got.extend(drain(&cells));
        got.sort_unstable();
        assert_eq!(got, [1, 2]);
    });
}

#[test]
fn a_sleeper_is_woken() {
    model("queue: put, blocked get", || {
        let cells = Cells::new();
        let consumer = thread::spawn({
            let cells = Arc::clone(&cells);
            move || {
                let memory = Mortal::new(&cells, u32::MAX);
                loop {
                    let ticket = cells.message.prepare();
                    if let Got::Message(message) = try_get(&memory, START).unwrap() {
                        return message;
                    }
                    cells.message.wait(ticket, None);
                }
            }
        });
        assert!(try_put(&Mortal::new(&cells, u32::MAX), START, 1, 9).unwrap());
        assert_eq!(consumer.join().unwrap(), 9);
    });
}

#[test]
fn a_sleeper_that_died_costs_nobody_a_wake_up() {
    model("event: a dead sleeper, a living one", || {
        let cells = Cells::new();
        // It announced itself and died before it slept: nothing but its announcement is left.
        let _ = cells.message.prepare();
        let consumer = thread::spawn({
            let cells = Arc::clone(&cells);
            move || {
                let memory = Mortal::new(&cells, u32::MAX);
                loop {
                    let ticket = cells.message.prepare();
                    if let Got::Message(message) = try_get(&memory, START).unwrap() {
                        return message;
                    }
                    cells.message.wait(ticket, None);
                }
            }
        });
        assert!(try_put(&Mortal::new(&cells, u32::MAX), START, 1, 9).unwrap());
        assert_eq!(consumer.join().unwrap(), 9);
    });
}

#[test]
fn a_place_that_becomes_free_wakes_a_producer() {
    model("queue: get, blocked put", || {
        let cells = Cells::new();
        let all = Mortal::new(&cells, u32::MAX);
        assert!(try_put(&all, START, 1, 1).unwrap());
        assert!(try_put(&all, START, 1, 2).unwrap());
        let producer = thread::spawn({
            let cells = Arc::clone(&cells);
            move || {
                let memory = Mortal::new(&cells, u32::MAX);
                loop {
                    let ticket = cells.place.prepare();
                    if try_put(&memory, START, 2, 3).unwrap() {
                        return;
                    }
                    cells.place.wait(ticket, None);
                }
            }
        });
        assert_eq!(try_get(&all, START).unwrap(), Got::Message(1));
        producer.join().unwrap();
        assert_eq!(drain(&cells), [2, 3]);
    });
}

/// The line goes past a message while somebody takes it.
#[test]
fn a_message_is_overdue_and_taken() {
    model("queue: put further on, get", || {
        let cells = Cells::new();
        let all = Mortal::new(&cells, u32::MAX);
        let ring = Ring::new(&all, &SHAPE);
        assert!(try_put(&all, START, 1, 1).unwrap());
        let second = START.next(PLACES);
        assert_eq!(ring.claim(second, 1).unwrap(), Claim::Mine(second));
        ring.give_up(second, 1).unwrap();
        let consumer = thread::spawn({
            let cells = Arc::clone(&cells);
            move || try_get(&Mortal::new(&cells, u32::MAX), START).unwrap()
        });
        assert!(try_put_anywhere(&all, 1, 2).unwrap(), "one of two places is free");
        assert_eq!(consumer.join().unwrap(), Got::Message(1));
        assert!(try_put_anywhere(&all, 1, 3).unwrap());
        assert!(!try_put_anywhere(&all, 1, 4).unwrap());
        assert_eq!(drain(&cells), [2, 3]);
    });
}

/// Room that is not where the line ends wakes a producer, too.
#[test]
fn a_place_that_is_given_up_wakes_a_producer() {
    model("queue: give up, blocked put", || {
        let cells = Cells::new();
        let all = Mortal::new(&cells, u32::MAX);
        let ring = Ring::new(&all, &SHAPE);
        assert!(try_put(&all, START, 1, 1).unwrap());
        let second = START.next(PLACES);
        assert_eq!(ring.claim(second, 1).unwrap(), Claim::Mine(second));
        let producer = thread::spawn({
            let cells = Arc::clone(&cells);
            move || {
                let memory = Mortal::new(&cells, u32::MAX);
                loop {
                    let ticket = cells.place.prepare();
                    if try_put_anywhere(&memory, 2, 2).unwrap() {
                        return;
                    }
                    cells.place.wait(ticket, None);
                }
            }
        });
        ring.give_up(second, 1).unwrap();
        cells.place.notify_one();
        producer.join().unwrap();
        assert_eq!(drain(&cells), [1, 2]);
    });
}

/// Who closes and then finds nothing claimed has seen the last message.
#[test]
fn closed_and_empty_is_the_end() {
    model("queue: put, close", || {
        let cells = Cells::new();
        let producer = thread::spawn({
            let cells = Arc::clone(&cells);
            move || try_put(&Mortal::new(&cells, u32::MAX), START, 1, 5).unwrap()
        });
        let all = Mortal::new(&cells, u32::MAX);
        Ring::new(&all, &SHAPE).close().unwrap();
        let got = try_get(&all, START).unwrap();
        let put = producer.join().unwrap();
        if got == Got::Nothing {
            assert!(!put, "a message was put after the end");
        }
    });
}

/// The producer dies before each access after its claim; a survivor recovers while a consumer looks.
#[test]
fn a_death_before_any_access_of_a_put() {
    for accesses in 3..7 {
        model(&format!("queue: put dies before access {accesses}"), move || {
            let cells = Cells::new();
            let dead = try_put(&Mortal::new(&cells, accesses), START, 1, 1);
            let consumer = thread::spawn({
                let cells = Arc::clone(&cells);
                move || try_get(&Mortal::new(&cells, u32::MAX), START).unwrap()
            });
            let all = Mortal::new(&cells, u32::MAX);
            let ring = Ring::new(&all, &SHAPE);
            ring.recover(1, Returns::Again(0), || Ok(true)).unwrap();
            let got = consumer.join().unwrap();
            let mut messages: Vec<_> = drain(&cells);
            if let Got::Message(message) = got {
                messages.push(message);
            }
            // All or nothing; and if the put returned, all.
            assert!(messages.is_empty() || messages == [1]);
            assert!(dead.is_err() || messages == [1]);
            assert!(try_put(&all, START, 2, 2).unwrap() && try_put(&all, START, 2, 3).unwrap());
            assert_eq!(drain(&cells), [2, 3], "all places are free again");
        });
    }
}

/// A lease is taken back while its holder's last exchange is still on its way to others.
#[test]
fn a_lease_of_the_dead_comes_back_once() {
    model("queue: recover, recover, get", || {
        let cells = Cells::new();
        let all = Mortal::new(&cells, u32::MAX);
        assert!(try_put(&all, START, 1, 4).unwrap());
        let ring = Ring::new(&all, &SHAPE);
        let full = SlotWord::full(Lap::FIRST);
        assert!(ring.take(0, full, full.leased_by(3)).unwrap());
        let survivors: Vec<_> = (0..2)
            .map(|_| {
                let cells = Arc::clone(&cells);
                thread::spawn(move || {
                    let memory = Mortal::new(&cells, u32::MAX);
                    let ring = Ring::new(&memory, &SHAPE);
                    ring.settle(0, 3, Returns::Again(0), || Ok(true)).unwrap();
                })
            })
            .collect();
        for survivor in survivors {
            survivor.join().unwrap();
        }
        let word = ring.ready(0).unwrap().expect("it is back");
        assert_eq!(word.taken(), 1);
        assert!(ring.take(0, word, word.freed()).unwrap());
    });
}
