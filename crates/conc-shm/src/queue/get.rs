//! Getting: the whole family.

use super::error::GetError;
use super::form::{Form, Reader};
use super::geometry::Happening;
use super::handle::Queue;
use super::raw::{Gone, Holes, Moment, Seen};
use conc_core::Deadline;
use std::time::{Duration, Instant};

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
        let mut reader = Reader::new();
        let seen = self.look(&mut reader, Holes::Wait);
        outcome(&mut reader, seen)
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
        let look = |_| {
            let mut reader = Reader::new();
            let seen = found(self.look(&mut reader, Holes::Pass))?;
            Some(outcome(&mut reader, seen))
        };
        let got = self.raw().looking(Happening::Message, look).await;
        got.map_err(|gone| self.gone(gone))?
    }

    /// Takes what is there, `max` items at most, and adds it to `into`; waits for the first. How
    /// many there were.
    ///
    /// # Errors
    ///
    /// Those of [`get`](Self::get). What was taken before is in `into`.
    pub fn get_many(&self, max: usize, into: &mut Vec<T>) -> Result<usize, GetError> {
        conc_core::queue::BlockingQueue::get_many(self, max, into)
    }

    /// Why a future found nothing: in a copy made by fork it does not even look.
    pub(super) fn gone(&self, gone: Gone) -> GetError {
        if self.raw().is_forked() { GetError::Forked } else { gone.into() }
    }

    #[inline]
    pub(super) fn get_until(&self, deadline: Option<Deadline>) -> Result<T, GetError> {
        if self.raw().is_forked() {
            return Err(GetError::Forked);
        }
        let mut reader = Reader::new();
        let mut seen = self.look(&mut reader, Holes::Ignore);
        if !seen.is_final() {
            seen = self.wait_for(&mut reader, deadline)?;
        }
        outcome(&mut reader, seen)
    }

    #[inline(never)]
    fn wait_for(
        &self,
        reader: &mut Reader<T, F>,
        deadline: Option<Deadline>,
    ) -> Result<Seen<()>, GetError> {
        let look = |moment| found(self.look(reader, Holes::at(moment)));
        Ok(self.raw().wait(Happening::Message, deadline, look)?)
    }

    #[inline]
    fn look(&self, reader: &mut Reader<T, F>, holes: Holes) -> Seen<()> {
        self.raw().try_take(self.cursors(), reader, holes)
    }
}

#[inline]
fn outcome<T, F: Form<T>>(reader: &mut Reader<T, F>, seen: Seen<()>) -> Result<T, GetError> {
    match seen {
        // SAFETY: taken with this reader.
        Seen::Got(()) => unsafe { reader.item() },
        Seen::Empty | Seen::Soon => Err(GetError::Empty),
        Seen::Closed => Err(GetError::Closed),
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
            Moment::Awake => Self::Ignore,
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
