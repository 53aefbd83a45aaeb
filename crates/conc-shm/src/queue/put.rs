//! Putting: the whole family.

use super::error::PutError;
use super::form::{Form, NotWritten, sealed};
use super::geometry::Happening;
use super::handle::Queue;
use super::raw::{Chain, Gone, Moment, NoChunks, NoPlace, Place, Search};
use crate::OutOfMemory;
use conc_core::Deadline;
use conc_core::queue::PutManyError;
use std::time::{Duration, Instant};

/// How an item goes in, or does not.
enum Way {
    /// It is in.
    In,
    /// There was no room.
    Wait,
    /// It needs chunks, and is these bytes.
    Large(Vec<u8>),
    Stop(Stop),
}

/// Why an item does not go in.
enum Stop {
    Full,
    Closed,
    Abandoned,
    TooLarge,
    Bad(Box<str>),
    OutOfMemory(OutOfMemory),
}

/// How long a caller waits.
#[derive(Clone, Copy)]
enum Wait {
    Never,
    Until(Option<Deadline>),
}

impl<T, F: Form<T>> Queue<T, F> {
    /// Puts an item if there is room.
    ///
    /// # Errors
    ///
    /// [`PutError::Full`] if there is none, and those of [`put`](Self::put).
    #[inline]
    #[doc(alias = "put_nowait")]
    pub fn try_put(&self, item: T) -> Result<(), PutError<T>> {
        self.put_within(item, Wait::Never)
    }

    /// Puts an item; waits for room.
    ///
    /// The item is all in or not at all, whenever this process dies; once this has returned, the
    /// item is delivered as long as one process holds the queue.
    ///
    /// # Errors
    ///
    /// The queue is closed, everybody who could make room is gone, the item is too large, cannot
    /// be encoded, or the machine has no memory for it: [`PutError`]. The item comes back.
    #[inline]
    pub fn put(&self, item: T) -> Result<(), PutError<T>> {
        self.put_within(item, Wait::Until(None))
    }

    /// [`put`](Self::put), not beyond `timeout`.
    ///
    /// # Errors
    ///
    /// [`PutError::Full`] if there was no room in time, and those of [`put`](Self::put).
    pub fn put_timeout(&self, item: T, timeout: Duration) -> Result<(), PutError<T>> {
        self.put_within(item, Wait::Until(Deadline::after(timeout)))
    }

    /// [`put`](Self::put), not beyond `deadline`.
    ///
    /// # Errors
    ///
    /// [`PutError::Full`] if there was no room in time, and those of [`put`](Self::put).
    pub fn put_deadline(&self, item: T, deadline: Instant) -> Result<(), PutError<T>> {
        self.put_within(item, Wait::Until(Some(Deadline::at(deadline))))
    }

    /// [`put`](Self::put), awaited.
    ///
    /// # Errors
    ///
    /// Those of [`put`](Self::put).
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, the item was not put, and is dropped with the future.
    pub async fn put_async(&self, item: T) -> Result<(), PutError<T>>
    where
        T: Send,
    {
        if self.raw().is_forked() {
            return Err(PutError::Forked(item));
        }
        let mut item = item;
        // Borrowed for itself alone: a future that is sent may hold what is not to be shared.
        let own = &mut item;
        let look = move |moment: Moment| self.attempt(own, moment.into()).unless_waiting();
        let stop = match self.raw().looking(Happening::Place, look).await {
            Ok(Way::In | Way::Wait) => return Ok(()),
            Ok(Way::Large(bytes)) => match self.put_bytes_async(bytes).await {
                Ok(()) => return Ok(()),
                Err(stop) => stop,
            },
            Ok(Way::Stop(stop)) => stop,
            Err(gone) => gone.into(),
        };
        if self.raw().is_forked() {
            return Err(PutError::Forked(item));
        }
        Err(self.stopped(stop, item))
    }

    /// Puts one item after the other; waits for room.
    ///
    /// # Errors
    ///
    /// What [`put`](Self::put) says of the first item that was not put. That item, and those that
    /// were not looked at, come back.
    pub fn put_many<I: IntoIterator<Item = T>>(
        &self,
        items: I,
    ) -> Result<(), PutManyError<PutError<T>, I::IntoIter>> {
        let mut rest = items.into_iter();
        let mut accepted = 0;
        while let Some(item) = rest.next() {
            if let Err(error) = self.put(item) {
                return Err(PutManyError { accepted, error, rest });
            }
            accepted += 1;
        }
        Ok(())
    }

    #[inline]
    fn put_within(&self, item: T, wait: Wait) -> Result<(), PutError<T>> {
        if self.raw().is_forked() {
            return Err(PutError::Forked(item));
        }
        match self.attempt(&item, Search::End) {
            Way::In => Ok(()),
            way => self.put_slowly(item, way, wait),
        }
    }

    pub(super) fn put_until(&self, item: T, deadline: Option<Deadline>) -> Result<(), PutError<T>> {
        self.put_within(item, Wait::Until(deadline))
    }

    #[cold]
    fn put_slowly(&self, item: T, way: Way, wait: Wait) -> Result<(), PutError<T>> {
        let way = match (way, wait) {
            (Way::Wait, Wait::Never) => {
                let way = self.attempt(&item, Search::Everywhere);
                way.unless_waiting().unwrap_or(Way::Stop(Stop::Full))
            }
            (Way::Wait, Wait::Until(deadline)) => {
                let look = |moment: Moment| self.attempt(&item, moment.into()).unless_waiting();
                let waited = self.raw().wait(Happening::Place, deadline, look);
                waited.unwrap_or_else(|gone| Way::Stop(gone.into()))
            }
            (way, _) => way,
        };
        let put = match way {
            Way::In | Way::Wait => Ok(()),
            Way::Stop(stop) => Err(stop),
            Way::Large(bytes) => self.put_bytes(&bytes, wait),
        };
        put.map_err(|stop| self.stopped(stop, item))
    }

    /// One attempt to put an item into a place.
    #[inline]
    fn attempt(&self, item: &T, search: Search) -> Way {
        if self.expects_large() {
            match self.bytes_of(item) {
                Err(stop) => return Way::Stop(stop),
                Ok(bytes) if self.expects_large() => return Way::Large(bytes),
                // This one is short: a place will do.
                Ok(_) => {}
            }
        }
        loop {
            let place = match self.raw().try_claim(self.cursors(), search) {
                Ok(place) => place,
                Err(NoPlace::Full) => return Way::Wait,
                Err(NoPlace::Closed) => return Way::Stop(Stop::Closed),
            };
            match <F as sealed::Form<T>>::write(self.raw(), place.index(), item) {
                Ok(()) => {}
                Err(NotWritten::TooLong) => return self.attempt_chained(item, place),
                Err(NotWritten::Bad(message)) => return Way::Stop(Stop::Bad(message)),
            }
            if place.publish(|| {}).is_ok() {
                return Way::In;
            }
        }
    }

    /// An item that is too long for its place keeps the place if there are chunks. Given up, the
    /// place would be out of turn.
    #[cold]
    fn attempt_chained(&self, item: &T, place: Place<'_>) -> Way {
        let bytes = match self.bytes_of(item) {
            Ok(bytes) => bytes,
            Err(stop) => return Way::Stop(stop),
        };
        let published = match self.chain(&bytes) {
            Some(Ok(mut chain)) => self.publish_in(place, &mut chain).is_ok(),
            Some(Err(stop)) => return Way::Stop(stop),
            None => false,
        };
        if published { Way::In } else { Way::Large(bytes) }
    }

    fn put_bytes(&self, bytes: &[u8], wait: Wait) -> Result<(), Stop> {
        let raw = self.raw();
        let chain = |_: Moment| self.chain(bytes);
        let mut chain = match wait {
            Wait::Never => chain(Moment::Awake).unwrap_or(Err(Stop::Full))?,
            Wait::Until(deadline) => raw.wait(Happening::Chunk, deadline, chain)??,
        };
        let publish = |moment: Moment| self.publish_chain(&mut chain, moment.into());
        let published = match wait {
            Wait::Never => Some(publish).and_then(|mut publish| publish(Moment::Over)),
            Wait::Until(deadline) => Some(raw.wait(Happening::Place, deadline, publish)?),
        };
        published.unwrap_or(Err(Stop::Full))
    }

    async fn put_bytes_async(&self, bytes: Vec<u8>) -> Result<(), Stop> {
        let raw = self.raw();
        let mut chain = raw.looking(Happening::Chunk, |_| self.chain(&bytes)).await??;
        let publish = |moment: Moment| self.publish_chain(&mut chain, moment.into());
        raw.looking(Happening::Place, publish).await?
    }

    /// An item as bytes that may lie in chunks.
    fn bytes_of(&self, item: &T) -> Result<Vec<u8>, Stop> {
        let bytes = <F as sealed::Form<T>>::to_bytes(item).map_err(Stop::Bad)?;
        let numbers = &self.raw().geometry().numbers;
        // The next one is tried in its place again if this one would have fitted there.
        let is_large = bytes.len() > numbers.inline as usize;
        self.expect_large(is_large);
        let room = u64::from(numbers.chunk) * u64::from(numbers.chunks);
        if is_large && bytes.len() as u64 > room.min(u32::MAX.into()) {
            return Err(Stop::TooLarge);
        }
        Ok(bytes)
    }

    /// One attempt to get chunks; `None`: there are not enough.
    fn chain(&self, bytes: &[u8]) -> Option<Result<Chain<'_>, Stop>> {
        if self.raw().is_closed() {
            return Some(Err(Stop::Closed));
        }
        // The length was compared with what fits.
        match self.raw().try_chain(bytes.len() as u32) {
            Ok(chain) => {
                chain.write(bytes);
                Some(Ok(chain))
            }
            Err(NoChunks::Full) => None,
            Err(NoChunks::OutOfMemory(cause)) => Some(Err(Stop::OutOfMemory(cause))),
        }
    }

    /// One attempt to give a chain a place in the line.
    fn publish_chain(&self, chain: &mut Chain<'_>, search: Search) -> Option<Result<(), Stop>> {
        loop {
            let place = match self.raw().try_claim(self.cursors(), search) {
                Ok(place) => place,
                Err(NoPlace::Full) => return None,
                Err(NoPlace::Closed) => return Some(Err(Stop::Closed)),
            };
            if self.publish_in(place, chain).is_ok() {
                return Some(Ok(()));
            }
        }
    }

    /// Publishes a chain in this place; `Err`: the line went past, and the place is gone.
    fn publish_in(&self, place: Place<'_>, chain: &mut Chain<'_>) -> Result<(), ()> {
        let at = place.position();
        self.raw().set_length(at.index(), chain.length(), Some(chain.first()));
        chain.bind(at);
        place.publish(|| chain.unbind(at))?;
        chain.forget();
        Ok(())
    }

    fn stopped(&self, stop: Stop, item: T) -> PutError<T> {
        match stop {
            Stop::Full => PutError::Full(item),
            Stop::Closed => PutError::Closed(item),
            Stop::Abandoned => PutError::Abandoned(item),
            Stop::TooLarge => {
                PutError::TooLarge { item, limit: self.raw().geometry().message_max() }
            }
            Stop::Bad(message) => PutError::NotEncoded { item, message },
            Stop::OutOfMemory(cause) => PutError::OutOfMemory { item, cause },
        }
    }
}

impl Way {
    fn unless_waiting(self) -> Option<Self> {
        (!matches!(self, Self::Wait)).then_some(self)
    }
}

impl From<Gone> for Stop {
    fn from(gone: Gone) -> Self {
        match gone {
            Gone::TimedOut => Self::Full,
            Gone::Abandoned => Self::Abandoned,
        }
    }
}
