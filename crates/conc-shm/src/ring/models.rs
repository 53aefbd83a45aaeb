//! Models of the ring's orderings and of its sleeps, in fragments.
//!
//! `RUSTFLAGS="--cfg conc_loom" cargo test --release -p conc-shm --lib models`
//!
//! Messages lie in cells that nobody may touch at the same time: loom finds a race, a torn message
//! is one. All fences are whole ones here; that the light one may be nothing is judged by
//! `ring::model`, which has store buffers.

#[path = "protocol.rs"]
#[allow(dead_code, reason = "models use a part of it")]
mod protocol;

use crate::event::Event;
use crate::memory::Memory;
use conc_core::sync::{AtomicU64, Ordering, UnsafeCell, fence};
use conc_tests::model;
use loom::thread;
use protocol::{Cursor, End, Fences, Next, Published, Ring, Room, control};
use std::convert::Infallible;
use std::sync::Arc;

/// Places at most.
const PLACES: usize = 2;

struct Cells {
    words: [AtomicU64; 5],
    places: [UnsafeCell<u64>; PLACES],
    message: Event,
    place: Event,
}

// SAFETY: the places are what is judged: loom fails where two touch one at the same time.
unsafe impl Sync for Cells {}
// SAFETY: as above.
unsafe impl Send for Cells {}

impl Cells {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            words: [(); 5].map(|()| AtomicU64::new(0)),
            places: [(); PLACES].map(|()| UnsafeCell::new(0)),
            message: Event::new(),
            place: Event::new(),
        })
    }

    fn word(&self, word: usize) -> &AtomicU64 {
        match word {
            control::TAIL => &self.words[0],
            control::HEAD => &self.words[1],
            control::SEAL => &self.words[2],
            other => &self.words[3 + other - control::OWNERS],
        }
    }
}

impl Memory for Cells {
    type Halt = Infallible;

    fn load(&self, word: usize) -> Result<u64, Infallible> {
        Ok(self.word(word).load(Ordering::Acquire))
    }

    fn store(&self, word: usize, value: u64) -> Result<(), Infallible> {
        self.word(word).store(value, Ordering::Release);
        Ok(())
    }

    fn exchange(&self, word: usize, old: u64, new: u64) -> Result<Result<(), u64>, Infallible> {
        let word = self.word(word);
        let exchanged = word.compare_exchange(old, new, Ordering::AcqRel, Ordering::Acquire);
        Ok(exchanged.map(drop))
    }

    fn add(&self, word: usize, value: u64) -> Result<u64, Infallible> {
        Ok(self.word(word).fetch_add(value, Ordering::AcqRel))
    }

    fn hint(&self, word: usize) -> Result<u64, Infallible> {
        Ok(self.word(word).load(Ordering::Acquire))
    }

    fn set_hint(&self, word: usize, value: u64) -> Result<(), Infallible> {
        self.word(word).store(value, Ordering::Release);
        Ok(())
    }

    fn copy_in(&self, _word: usize, _bytes: &[u8]) -> Result<(), Infallible> {
        unreachable!("messages lie in cells");
    }

    fn copy_out(&self, _word: usize, _bytes: &mut [u8]) -> Result<(), Infallible> {
        unreachable!("messages lie in cells");
    }
}

impl Fences for Cells {
    type Halt = Infallible;

    fn light(&self) -> Result<(), Infallible> {
        // ORDERING(shm_ring.dekker): SeqCst. As in a ring with fences.
        fence(Ordering::SeqCst);
        Ok(())
    }

    fn heavy(&self, _owner: u64) -> Result<(), Infallible> {
        // ORDERING(shm_ring.dekker): SeqCst. As in a ring with fences.
        fence(Ordering::SeqCst);
        Ok(())
    }
}

struct Handle {
    cells: Arc<Cells>,
    capacity: u64,
    end: End,
    cursor: Cursor,
}

impl Handle {
    /// Takes an end that is free; `None`: it is not.
    fn take(cells: &Arc<Cells>, capacity: u64, end: End, owner: u64) -> Option<Self> {
        let ring = Ring::new(&**cells, &**cells, capacity);
        let Ok(taken) = ring.hand_over(end, 0, owner);
        taken.ok()?;
        let Ok(cursor) = ring.begin(end);
        Some(Self { cells: Arc::clone(cells), capacity, end, cursor })
    }

    fn let_go(self, owner: u64) {
        let ring = Ring::new(&*self.cells, &*self.cells, self.capacity);
        let Ok(gone) = ring.hand_over(self.end, owner, 0);
        gone.unwrap();
    }

    /// `false`: it is closed.
    fn put(&mut self, message: u64) -> bool {
        let Self { cells, capacity, cursor, .. } = self;
        let ring = Ring::new(&**cells, &**cells, *capacity);
        let wait = |cursor: &mut Cursor| loop {
            let Ok(room) = ring.room(cursor);
            if room != Room::Full {
                return room;
            }
            let ticket = cells.place.prepare();
            // ORDERING(shm_ring.dekker): SeqCst. As above.
            fence(Ordering::SeqCst);
            let Ok(room) = ring.room(cursor);
            if room != Room::Full {
                return room;
            }
            cells.place.wait(ticket, None);
        };
        if wait(cursor) == Room::Closed {
            return false;
        }
        // SAFETY: judged by loom.
        cells.places[cursor.index() as usize].with_mut(|place| unsafe { *place = message });
        let Ok(published) = ring.publish(cursor);
        cells.message.notify_one();
        published == Published::In
    }

    /// `None`: it is closed.
    fn get(&mut self) -> Option<u64> {
        let Self { cells, capacity, cursor, .. } = self;
        let ring = Ring::new(&**cells, &**cells, *capacity);
        let wait = |cursor: &mut Cursor| loop {
            let Ok(next) = ring.next(cursor);
            if next != Next::Empty {
                return next;
            }
            let ticket = cells.message.prepare();
            // ORDERING(shm_ring.dekker): SeqCst. As above.
            fence(Ordering::SeqCst);
            let Ok(next) = ring.next(cursor);
            if next != Next::Empty {
                return next;
            }
            cells.message.wait(ticket, None);
        };
        if wait(cursor) == Next::Closed {
            return None;
        }
        let place = cursor.index() as usize;
        // SAFETY: judged by loom.
        let message = cells.places[place].with(|place| unsafe { *place });
        ring.consume(cursor);
        let Ok(()) = ring.release(cursor);
        cells.place.notify_one();
        Some(message)
    }

    fn close(&self) {
        let ring = Ring::new(&*self.cells, &*self.cells, self.capacity);
        let Ok(()) = ring.close(self.end, &self.cursor);
        self.cells.message.notify_all();
        self.cells.place.notify_all();
        if self.end == End::Receiver {
            let Ok(()) = ring.decide();
        }
    }
}

fn ends(cells: &Arc<Cells>, capacity: u64) -> (Handle, Handle) {
    let sender = Handle::take(cells, capacity, End::Sender, 1).unwrap();
    (sender, Handle::take(cells, capacity, End::Receiver, 1).unwrap())
}

#[test]
fn both_sides_sleep_and_are_woken() {
    model("ring: two messages through one place", || {
        let (mut sender, mut receiver) = ends(&Cells::new(), 1);
        let receiving = thread::spawn(move || [receiver.get(), receiver.get()]);
        assert!(sender.put(1));
        assert!(sender.put(2));
        assert_eq!(receiving.join().unwrap(), [Some(1), Some(2)]);
    });
}

#[test]
fn a_place_is_used_again() {
    model("ring: three messages through two places", || {
        let (mut sender, mut receiver) = ends(&Cells::new(), 2);
        assert!(sender.put(1));
        let receiving = thread::spawn(move || [receiver.get(), receiver.get()]);
        assert!(sender.put(2));
        assert!(sender.put(3));
        assert_eq!(receiving.join().unwrap(), [Some(1), Some(2)]);
    });
}

#[test]
fn what_is_put_while_it_closes_is_got_or_comes_back() {
    model("ring: put, close by the receiver", || {
        let (mut sender, mut receiver) = ends(&Cells::new(), 2);
        let sending = thread::spawn(move || [sender.put(1), sender.put(2)]);
        receiver.close();
        let mut got = 0;
        while let Some(message) = receiver.get() {
            got += 1;
            assert_eq!(message, got);
        }
        let put = sending.join().unwrap();
        assert_eq!(put, [got > 0, got > 1]);
    });
}

/// Who finds nobody at the sender's end has no fence: the end's owner word is enough.
#[test]
fn what_successors_put_while_it_closes_is_got_or_comes_back() {
    model("ring: put, hand over, put, close by the receiver", || {
        let cells = Cells::new();
        let (mut sender, mut receiver) = ends(&cells, 2);
        let sending = thread::spawn(move || {
            let first = sender.put(1);
            sender.let_go(1);
            let mut next = Handle::take(&cells, 2, End::Sender, 2).unwrap();
            [first, next.put(2)]
        });
        // Nobody sleeps, and what wakes sleepers has a fence that must not help here.
        let ring = Ring::new(&*receiver.cells, &*receiver.cells, 2);
        let Ok(()) = ring.close(End::Receiver, &receiver.cursor);
        let Ok(()) = ring.decide();
        let mut got = 0;
        while let Some(message) = receiver.get() {
            got += 1;
            assert_eq!(message, got);
        }
        assert_eq!(sending.join().unwrap(), [got > 0, got > 1]);
    });
}

#[test]
fn the_end_is_not_slept_through() {
    model("ring: put, close by the sender", || {
        let (mut sender, mut receiver) = ends(&Cells::new(), 1);
        let receiving = thread::spawn(move || [receiver.get(), receiver.get()]);
        assert!(sender.put(1));
        sender.close();
        assert_eq!(receiving.join().unwrap(), [Some(1), None]);
    });
}

#[test]
fn a_new_owner_goes_on_where_the_last_one_was() {
    model("ring: put, hand over, put", || {
        let cells = Cells::new();
        let (mut sender, mut receiver) = ends(&cells, 2);
        let first = thread::spawn(move || {
            assert!(sender.put(1));
            sender.let_go(1);
        });
        let second = Handle::take(&cells, 2, End::Sender, 2).map(|mut sender| sender.put(2));
        assert_eq!(receiver.get(), Some(1));
        first.join().unwrap();
        if let Some(put) = second {
            assert!(put);
            assert_eq!(receiver.get(), Some(2));
        }
    });
}
