//! A future that looks, and waits where nothing is found.

use super::{Moment, Pending, RawQueue};
use crate::queue::geometry::Happening;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Looks until `look` finds something.
#[derive(Debug)]
pub(crate) struct Looking<'a, F> {
    raw: &'a Arc<RawQueue>,
    happening: Happening,
    look: F,
    pending: Pending,
}

impl<F> Unpin for Looking<'_, F> {}

impl RawQueue {
    /// A future of what `look` finds; `Err`: everybody else is gone.
    pub(crate) fn looking<R, F: FnMut(Moment) -> Option<R>>(
        self: &Arc<Self>,
        happening: Happening,
        look: F,
    ) -> Looking<'_, F> {
        Looking { raw: self, happening, look, pending: Pending::default() }
    }
}

impl<R, F: FnMut(Moment) -> Option<R>> Future for Looking<'_, F> {
    type Output = Result<R, super::Gone>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let found = (this.look)(Moment::BeforeSleep).or_else(|| {
            // Announce, then look again: as a sleeper does.
            let ticket = this.raw.event(this.happening).prepare();
            let found = (this.look)(Moment::BeforeSleep);
            if found.is_none() {
                let waker = context.waker();
                this.raw.wake_later(this.happening, ticket, &mut this.pending, waker);
            }
            found
        });
        match found {
            Some(found) => {
                this.raw.wake_no_more(this.happening, &mut this.pending, true);
                Poll::Ready(Ok(found))
            }
            None if this.raw.is_abandoned() => {
                this.raw.wake_no_more(this.happening, &mut this.pending, true);
                // Whoever left may have put something as the last thing it did.
                let last = (this.look)(Moment::BeforeSleep).or_else(|| (this.look)(Moment::Over));
                Poll::Ready(last.ok_or(super::Gone::Abandoned))
            }
            None => Poll::Pending,
        }
    }
}

impl<F> Drop for Looking<'_, F> {
    fn drop(&mut self) {
        self.raw.wake_no_more(self.happening, &mut self.pending, false);
    }
}
