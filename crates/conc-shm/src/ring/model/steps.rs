//! What senders and receivers do: the calls of the protocol, as the handles make them.

use super::view::{Halt, View};
use super::world::{Case, Flaw, MESSAGE, Op, place};
use crate::memory::Memory;
use crate::ring::protocol::{Cursor, End, Next, Published, Ring, Room, control};

pub(super) enum Outcome {
    Taken(Cursor),
    Refused,
    LetGo,
    Put(Cursor),
    Back,
    Got(Cursor, u8),
    Ended,
    Sleeps(Cursor, usize, u64),
    Torn,
    Closed,
}

impl View<'_> {
    pub(super) fn run(&self, case: &Case, op: Op, cursor: Option<Cursor>) -> Result<Outcome, Halt> {
        let ring = Ring::new(self, self, case.capacity);
        match op {
            Op::Take(end, from) => self.take(&ring, end, from),
            Op::LetGo(end) => {
                let _ = ring.hand_over(end, self.process as u64 + 1, 0)?;
                Ok(Outcome::LetGo)
            }
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
