//! Run a closure, turn its panic into an error.

use crate::JoinError;
use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::Once;

/// The last panic of a thread: what the hook alone can see.
struct Seen {
    message: Option<Box<str>>,
    location: Box<str>,
}

thread_local! {
    static LAST: Cell<Option<Seen>> = const { Cell::new(None) };
    /// Whether there may be something in it: what has nothing to be dropped is read for nothing.
    static HAS_LAST: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`; a panic becomes [`JoinError::Panicked`] with its message and location.
///
/// The first call puts a panic hook before the program's own (which still runs and prints). Only a
/// hook can see the location; if the program replaces the hook later, errors have none. A panic
/// whose payload is not text has no location either. The payload itself is dropped.
///
/// With `panic = "abort"` there is nothing to catch, and a panic ends the process.
///
/// # Errors
///
/// [`JoinError::Panicked`] if `work` panicked.
///
/// # Examples
///
/// ```
/// use conc_core::{JoinError, job::caught};
///
/// assert_eq!(caught(|| 42), Ok(42));
/// let Err(JoinError::Panicked { message, location }) = caught(|| panic!("no {}", "way")) else {
///     unreachable!("the closure panics");
/// };
/// assert_eq!(&*message, "no way");
/// assert!(location.is_some_and(|location| location.contains(':')));
/// ```
#[inline]
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, JoinError> {
    install_hook();
    // What an earlier panic left behind, caught by somebody else, is not ours.
    if HAS_LAST.replace(false) {
        let _ = LAST.try_with(|last| last.take());
    }
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| {
        let error = explain(&*payload);
        drop_payload(payload);
        error
    })
}

/// Runs code of the user's whose panic must stop nobody: callbacks, wakers, destructors. The panic
/// hook has reported it.
#[doc(hidden)]
pub fn quietly(run: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(run)) {
        drop_payload(payload);
    }
}

/// A payload may panic when it is dropped; what that panic carries is forgotten.
#[cold]
fn drop_payload(payload: Box<dyn Any + Send>) {
    if let Err(bomb) = catch_unwind(AssertUnwindSafe(move || drop(payload))) {
        std::mem::forget(bomb);
    }
}

#[cold]
fn explain(payload: &(dyn Any + Send)) -> JoinError {
    let message = text(payload);
    // `resume_unwind` calls no hook: only believe a location that belongs to this message.
    let seen = LAST.try_with(|last| last.take()).ok().flatten();
    let location = seen
        .filter(|seen| message.is_some() && seen.message.as_deref() == message)
        .map(|seen| seen.location);
    JoinError::Panicked { message: message.unwrap_or("payload is not text").into(), location }
}

fn text(payload: &(dyn Any + Send)) -> Option<&str> {
    payload
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}

#[inline]
fn install_hook() {
    if !INSTALL.is_completed() {
        install_hook_now();
    }
}

static INSTALL: Once = Once::new();

#[cold]
fn install_hook_now() {
    // `set_hook` panics on a panicking thread; then this error goes without its location.
    if std::thread::panicking() {
        return;
    }
    INSTALL.call_once(|| {
        let next = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            remember(info);
            next(info);
        }));
    });
}

fn remember(info: &PanicHookInfo<'_>) {
    let message = text(info.payload()).map(Box::from);
    let location = info.location().map_or_else(Box::default, |at| at.to_string().into());
    // The thread may be past the destruction of its locals.
    HAS_LAST.set(true);
    let _ = LAST.try_with(|last| last.set(Some(Seen { message, location })));
}
