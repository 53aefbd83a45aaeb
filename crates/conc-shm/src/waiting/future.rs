//! A future that looks, and waits where nothing is found.

use super::wakers::{Pending, wake_later, wake_no_more};
use super::{Gone, Host, Moment, is_abandoned};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Looks until `look` finds something.
#[derive(Debug)]
pub(crate) struct Looking<'a, H: Host, F> {
    host: &'a Arc<H>,
    happening: H::Happening,
    look: F,
    pending: Pending,
}

impl<H: Host, F> Unpin for Looking<'_, H, F> {}

/// A future of what `look` finds; `Err`: everybody else is gone, or this is a copy made by fork,
/// where `look` was not asked: whoever awaits it asks the host which.
pub(crate) fn looking<R, H: Host, F: FnMut(Moment) -> Option<R>>(
    host: &Arc<H>,
    happening: H::Happening,
    look: F,
) -> Looking<'_, H, F> {
    Looking { host, happening, look, pending: Pending::default() }
}

impl<R, H: Host, F: FnMut(Moment) -> Option<R>> Future for Looking<'_, H, F> {
    type Output = Result<R, Gone>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if this.host.segment().is_forked() {
            // Another thread may hold the locks for ever, and what is found is the original's.
            return Poll::Ready(Err(Gone::Abandoned));
        }
        let found = (this.look)(Moment::BeforeSleep).or_else(|| {
            // Announce, then look again: as a sleeper does.
            let ticket = this.host.event(this.happening).prepare();
            this.host.announced();
            let found = (this.look)(Moment::BeforeSleep);
            if found.is_none() {
                wake_later(this.host, this.happening, ticket, &mut this.pending, context.waker());
            }
            found
        });
        match found {
            Some(found) => {
                wake_no_more(&**this.host, this.happening, &mut this.pending, true);
                Poll::Ready(Ok(found))
            }
            None if is_abandoned(&**this.host, this.happening) => {
                wake_no_more(&**this.host, this.happening, &mut this.pending, true);
                // Whoever left may have put something as the last thing it did.
                let last = (this.look)(Moment::BeforeSleep).or_else(|| (this.look)(Moment::Over));
                Poll::Ready(last.ok_or(Gone::Abandoned))
            }
            None => Poll::Pending,
        }
    }
}

impl<H: Host, F> Drop for Looking<'_, H, F> {
    fn drop(&mut self) {
        if !self.host.segment().is_forked() {
            wake_no_more(&**self.host, self.happening, &mut self.pending, false);
        }
    }
}
