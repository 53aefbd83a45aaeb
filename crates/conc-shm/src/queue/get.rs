//! Getting: the whole family.

use super::error::GetError;
use super::form::{Form, Reader, sealed};
use super::geometry::Happening;
use super::handle::Queue;
use super::raw::{Gone, Holes, Moment, Seen};
use conc_core::Deadline;
use std::time::{Duration, Instant};

type Copied<T, F> = <F as sealed::Form<T>>::Bytes;

impl<T, F: Form<T>> Queue<T, F> {
    /// Takes the next item if there is one.
    ///
    /// # Errors
    ///
    /// [`GetError::Empty`] if there is none, and those of [`get`](Self::get).
    #[inline]
    #[doc(alias = "get_nowait")]
    pub fn try_get(&self) -> Result<T, GetError> {
        if self.raw().is_forked() {
            return Err(GetError::Forked);
        }
        self.outcome(self.look(Holes::Wait))
    }

    /// Takes the next item; waits for one.
    ///
    /// If this process dies before this has returned, the item is lost, or somebody else gets it:
    /// at most once. See [`lease`](Self::lease) for at least once.
    ///
    /// # Errors
    ///
    /// The queue is closed and empty, everybody who could bring an item is gone, or the item is of
    /// another type: [`GetError`].
    #[inline]
    pub fn get(&self) -> Result<T, GetError> {
        self.get_until(None)
    }

    /// [`get`](Self::get), not beyond `timeout`.
    ///
    /// # Errors
    ///
    /// [`GetError::Empty`] if there was nothing in time, and those of [`get`](Self::get).
    pub fn get_timeout(&self, timeout: Duration) -> Result<T, GetError> {
        self.get_until(Deadline::after(timeout))
    }

    /// [`get`](Self::get), not beyond `deadline`.
    ///
    /// # Errors
    ///
    /// [`GetError::Empty`] if there was nothing in time, and those of [`get`](Self::get).
    pub fn get_deadline(&self, deadline: Instant) -> Result<T, GetError> {
        self.get_until(Some(Deadline::at(deadline)))
    }

    /// [`get`](Self::get), awaited.
    ///
    /// # Errors
    ///
    /// Those of [`get`](Self::get).
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it has taken nothing.
    pub async fn get_async(&self) -> Result<T, GetError> {
        if self.raw().is_forked() {
            return Err(GetError::Forked);
        }
        let looking = self.raw().looking(Happening::Message, |_| found(self.look(Holes::Pass)));
        let seen = looking.await.map_err(GetError::from)?;
        self.outcome(seen)
    }

    /// Takes what is there, `max` items at most; waits for the first.
    ///
    /// # Errors
    ///
    /// Those of [`get`](Self::get), for the first. An item that cannot be decoded ends the batch;
    /// if it is not the first, it is lost without a word.
    pub fn get_many(&self, max: usize) -> Result<Vec<T>, GetError> {
        let mut items = Vec::new();
        if max == 0 {
            return Ok(items);
        }
        items.push(self.get()?);
        while items.len() < max {
            match self.try_get() {
                Ok(item) => items.push(item),
                Err(_) => break,
            }
        }
        Ok(items)
    }

    #[inline]
    pub(super) fn get_until(&self, deadline: Option<Deadline>) -> Result<T, GetError> {
        if self.raw().is_forked() {
            return Err(GetError::Forked);
        }
        match self.look(Holes::Wait) {
            Seen::Got(copied) => <F as sealed::Form<T>>::from_bytes(copied),
            seen => self.get_slowly(seen, deadline),
        }
    }

    #[inline(never)]
    fn get_slowly(
        &self,
        seen: Seen<Copied<T, F>>,
        deadline: Option<Deadline>,
    ) -> Result<T, GetError> {
        if seen.is_final() {
            return self.outcome(seen);
        }
        let look = |moment| found(self.look(Holes::at(moment)));
        let seen = self.raw().wait(Happening::Message, deadline, look)?;
        self.outcome(seen)
    }

    #[inline]
    fn look(&self, holes: Holes) -> Seen<Copied<T, F>> {
        self.raw().try_take(self.cursors(), &mut Reader::<T, F>::new(), holes)
    }

    #[inline]
    fn outcome(&self, seen: Seen<Copied<T, F>>) -> Result<T, GetError> {
        match seen {
            Seen::Got(copied) => <F as sealed::Form<T>>::from_bytes(copied),
            Seen::Empty | Seen::Soon => Err(GetError::Empty),
            Seen::Closed => Err(GetError::Closed),
        }
    }
}

/// What ends a wait.
pub(super) fn found<G>(seen: Seen<G>) -> Option<Seen<G>> {
    seen.is_final().then_some(seen)
}

impl<G> Seen<G> {
    pub(super) const fn is_final(&self) -> bool {
        matches!(self, Self::Got(_) | Self::Closed)
    }
}

impl Holes {
    pub(super) const fn at(moment: Moment) -> Self {
        match moment {
            Moment::Awake => Self::Wait,
            Moment::BeforeSleep | Moment::Over => Self::Pass,
        }
    }
}

impl From<Gone> for GetError {
    fn from(gone: Gone) -> Self {
        match gone {
            Gone::TimedOut => Self::Empty,
            Gone::Abandoned => Self::Abandoned,
        }
    }
}
