//! Leases: at least once.

use super::error::GetError;
use super::form::{Encoded, Form, Plain, sealed};
use super::geometry::Happening;
use super::get::found;
use super::handle::Queue;
use super::raw::{Holes, Leased, RawQueue, Seen};
use crate::shared::Shared;
use conc_core::{Deadline, Wire};
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
pub struct Lease<T, F: Leasing<T> = Encoded> {
    /// `None`: acknowledged or given back.
    raw: Option<Arc<RawQueue>>,
    leased: Leased,
    held: F::Held,
    of: PhantomData<fn() -> T>,
}

/// A leased message where it lies.
#[derive(Debug)]
pub(crate) struct InPlace<T>(NonNull<T>);

// SAFETY: what lies in place is plain data that nobody else touches while it is leased, and it
// stays mapped as long as the lease has its queue.
unsafe impl<T: Send> Send for InPlace<T> {}
// SAFETY: as above, and through `&InPlace` there is only `&T`.
unsafe impl<T: Sync> Sync for InPlace<T> {}

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
        let seen = self.raw().looking(Happening::Message, look).await;
        self.leased_or(seen.map_err(|gone| self.gone(gone))?)
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
        let held = F::open(self.raw(), leased.index)?;
        std::mem::forget(opening);
        let raw = Some(Arc::clone(self.raw()));
        Ok(Lease { raw, leased, held, of: PhantomData })
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

impl<T, F: Leasing<T>> Lease<T, F> {
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

impl<T, F: Leasing<T>> Deref for Lease<T, F> {
    type Target = T;

    fn deref(&self) -> &T {
        F::show(&self.held)
    }
}

impl<T, F: Leasing<T>> Drop for Lease<T, F> {
    fn drop(&mut self) {
        if let Some(raw) = self.raw.take() {
            raw.give_back(self.leased.index);
        }
    }
}

impl<T: fmt::Debug, F: Leasing<T>> fmt::Debug for Lease<T, F> {
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

mod opening {
    use super::{GetError, RawQueue};

    pub(crate) trait Opens<T> {
        /// What a lease has of the message.
        type Held;

        fn open(raw: &RawQueue, index: u32) -> Result<Self::Held, GetError>;
        fn show(held: &Self::Held) -> &T;
    }
}

impl<T: Wire> opening::Opens<T> for Encoded {
    type Held = T;

    fn open(raw: &RawQueue, index: u32) -> Result<T, GetError> {
        let mut buffer = <Self as sealed::Form<T>>::buffer();
        <Self as sealed::Form<T>>::read(raw, index, &mut buffer);
        // SAFETY: read just now, once, and nobody else writes to what is leased.
        unsafe { <Self as sealed::Form<T>>::item(&mut buffer) }
    }

    fn show(held: &T) -> &T {
        held
    }
}

impl<T: Shared> opening::Opens<T> for Plain {
    type Held = InPlace<T>;

    fn open(raw: &RawQueue, index: u32) -> Result<InPlace<T>, GetError> {
        Ok(InPlace(raw.in_place(index)))
    }

    fn show(held: &InPlace<T>) -> &T {
        // SAFETY:
        // - The place is leased by us: nobody writes there until we let go of it.
        // - It holds a `T`, since the queue was made for `T`, and any bytes are a valid one.
        // - It is mapped as long as the lease has its queue.
        unsafe { held.0.as_ref() }
    }
}
