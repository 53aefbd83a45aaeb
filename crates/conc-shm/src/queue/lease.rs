//! Leases: at least once.

use super::error::GetError;
use super::form::{Encoded, Form, Plain, sealed};
use super::geometry::Happening;
use super::get::found;
use super::handle::Queue;
use super::raw::{Holes, Leased, RawQueue, Seen};
use crate::shared::Shared;
use conc_core::Deadline;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A message that this process works on. It stays in its place until it is
/// [acknowledged](Self::ack).
///
/// Dropped without that, or if the process dies, the message [comes back](Self::nack): to
/// whoever asks next, ahead of the line, and counted.
///
/// A lease that is leaked keeps its place until the process ends.
#[must_use = "a lease that is dropped gives its message back"]
pub struct Lease<T, F = Encoded> {
    /// `None`: acknowledged or given back.
    raw: Option<Arc<RawQueue>>,
    leased: Leased,
    value: Value<T>,
    form: PhantomData<F>,
}

enum Value<T> {
    Own(T),
    InPlace(NonNull<T>),
}

// SAFETY:
// - What lies in place is plain data that nobody else touches while it is leased.
// - It stays mapped as long as the lease has its queue.
unsafe impl<T: Send, F> Send for Lease<T, F> {}
// SAFETY: as above, and through `&Lease` there is only `&T`.
unsafe impl<T: Sync, F> Sync for Lease<T, F> {}

impl<T, F: Form<T> + Leasing<T>> Queue<T, F> {
    /// Leases the next message if there is one.
    ///
    /// # Errors
    ///
    /// [`GetError::Empty`] if there is none, and those of [`lease`](Self::lease).
    pub fn try_lease(&self) -> Result<Lease<T, F>, GetError> {
        if self.raw().is_forked() {
            return Err(GetError::Forked);
        }
        self.leased_or(self.raw().try_lease(self.cursors(), Holes::Wait))
    }

    /// Leases the next message; waits for one.
    ///
    /// At least once: if this process dies before it has [acknowledged](Lease::ack) the message,
    /// somebody else gets it, ahead of the line.
    ///
    /// # Errors
    ///
    /// As for [`get`](Self::get). A message that cannot be decoded is set aside as a
    /// [dead letter](Self::dead_letters).
    pub fn lease(&self) -> Result<Lease<T, F>, GetError> {
        self.lease_until(None)
    }

    /// [`lease`](Self::lease), not beyond `timeout`.
    ///
    /// # Errors
    ///
    /// [`GetError::Empty`] if there was nothing in time, and those of [`lease`](Self::lease).
    pub fn lease_timeout(&self, timeout: Duration) -> Result<Lease<T, F>, GetError> {
        self.lease_until(Deadline::after(timeout))
    }

    /// [`lease`](Self::lease), not beyond `deadline`.
    ///
    /// # Errors
    ///
    /// [`GetError::Empty`] if there was nothing in time, and those of [`lease`](Self::lease).
    pub fn lease_deadline(&self, deadline: Instant) -> Result<Lease<T, F>, GetError> {
        self.lease_until(Some(Deadline::at(deadline)))
    }

    /// [`lease`](Self::lease), awaited.
    ///
    /// # Errors
    ///
    /// Those of [`lease`](Self::lease).
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it has leased nothing.
    pub async fn lease_async(&self) -> Result<Lease<T, F>, GetError> {
        if self.raw().is_forked() {
            return Err(GetError::Forked);
        }
        let look = |_| found(self.raw().try_lease(self.cursors(), Holes::Pass));
        let seen = self.raw().looking(Happening::Message, look).await?;
        self.leased_or(seen)
    }

    /// Leases a message that was [set aside](super::Builder::max_deliveries), if there is one:
    /// acknowledged, it is gone, given back, it is set aside again.
    ///
    /// # Errors
    ///
    /// It cannot be decoded, and stays where it is.
    pub fn try_lease_dead_letter(&self) -> Result<Option<Lease<T, F>>, GetError> {
        if self.raw().is_forked() {
            return Err(GetError::Forked);
        }
        self.raw().try_lease_dead().map(|leased| self.opened(leased)).transpose()
    }

    fn lease_until(&self, deadline: Option<Deadline>) -> Result<Lease<T, F>, GetError> {
        if self.raw().is_forked() {
            return Err(GetError::Forked);
        }
        let look = |moment| found(self.raw().try_lease(self.cursors(), Holes::at(moment)));
        let seen = self.raw().wait(Happening::Message, deadline, look)?;
        self.leased_or(seen)
    }

    fn leased_or(&self, seen: Seen<Leased>) -> Result<Lease<T, F>, GetError> {
        match seen {
            Seen::Got(leased) => self.opened(leased),
            Seen::Empty | Seen::Soon => Err(GetError::Empty),
            Seen::Closed => Err(GetError::Closed),
        }
    }

    fn opened(&self, leased: Leased) -> Result<Lease<T, F>, GetError> {
        let opening = Opening { raw: self.raw(), leased };
        let value = F::open(self.raw(), leased.index)?;
        std::mem::forget(opening);
        let raw = Some(Arc::clone(self.raw()));
        Ok(Lease { raw, leased, value: value.0, form: PhantomData })
    }
}

/// A leased message that is not decoded yet: set aside if that fails or panics.
struct Opening<'a> {
    raw: &'a RawQueue,
    leased: Leased,
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        self.raw.set_aside(self.leased.index);
    }
}

impl<T, F> Lease<T, F> {
    /// How often the message was leased, this time included; counted up to 127.
    #[must_use]
    #[doc(alias = "delivery_count")]
    pub const fn deliveries(&self) -> u8 {
        self.leased.times
    }

    /// The work is done: the message is gone, its place is free.
    pub fn ack(mut self) {
        if let Some(raw) = self.raw.take() {
            raw.acknowledge(self.leased.index);
        }
    }

    /// Gives the message back: somebody else gets it, ahead of the line; after
    /// [`max_deliveries`](super::Builder::max_deliveries) it is set aside instead.
    pub fn nack(self) {}
}

impl<T, F> Deref for Lease<T, F> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.value {
            Value::Own(value) => value,
            // SAFETY:
            // - The place is leased by us: nobody writes there until we let go of it.
            // - It holds a `T`, since the queue was made for `T`, and any bytes are a valid one.
            // - It is mapped as long as `raw` is there, which is until `self` goes.
            Value::InPlace(place) => unsafe { place.as_ref() },
        }
    }
}

impl<T, F> Drop for Lease<T, F> {
    fn drop(&mut self) {
        if let Some(raw) = self.raw.take() {
            raw.give_back(self.leased.index);
        }
    }
}

impl<T: fmt::Debug, F> fmt::Debug for Lease<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("value", &**self)
            .field("deliveries", &self.leased.times)
            .finish_non_exhaustive()
    }
}

/// How a form shows a leased message.
#[expect(private_bounds, reason = "sealed, as `Form`")]
pub trait Leasing<T>: opening::Opens<T> {}

impl<T, F: opening::Opens<T>> Leasing<T> for F {}

/// A message that was opened.
pub(crate) struct Opened<T>(Value<T>);

impl<T> fmt::Debug for Opened<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").finish_non_exhaustive()
    }
}

mod opening {
    use super::{GetError, Opened, RawQueue};

    pub(crate) trait Opens<T> {
        fn open(raw: &RawQueue, index: u32) -> Result<Opened<T>, GetError>;
    }
}

impl<T> opening::Opens<T> for Encoded
where
    Self: sealed::Form<T>,
{
    fn open(raw: &RawQueue, index: u32) -> Result<Opened<T>, GetError> {
        let bytes = <Self as sealed::Form<T>>::read(raw, index);
        <Self as sealed::Form<T>>::from_bytes(bytes).map(|value| Opened(Value::Own(value)))
    }
}

impl<T: Shared> opening::Opens<T> for Plain {
    fn open(raw: &RawQueue, index: u32) -> Result<Opened<T>, GetError> {
        Ok(Opened(Value::InPlace(raw.in_place(index))))
    }
}
