//! Run a closure, turn its panic into an error.

use crate::JoinError;
use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::Once;

/// The last panic of a thread: what the hook alone can see.
struct Seen {
    message: Option<Box<str>>,
    location: Box<str>,
}

thread_local! {
    static LAST: RefCell<Option<Seen>> = const { RefCell::new(None) };
}

/// Runs `work`; a panic becomes [`JoinError::Panicked`] with its message and location.
///
/// The first call puts a panic hook before the program's own (which still runs and prints). Only a
/// hook can see the location; if the program replaces the hook later, errors have none.
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
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, JoinError> {
    install_hook();
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| explain(&*payload))
}

#[cold]
fn explain(payload: &(dyn Any + Send)) -> JoinError {
    let message = text(payload);
    // `resume_unwind` calls no hook: only believe a location that belongs to this message.
    let seen = LAST.with_borrow_mut(Option::take);
    let location = seen.filter(|seen| seen.message.as_deref() == message).map(|seen| seen.location);
    JoinError::Panicked { message: message.unwrap_or("payload is not text").into(), location }
}

fn text(payload: &(dyn Any + Send)) -> Option<&str> {
    payload
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}

fn install_hook() {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        // `set_hook` panics on a panicking thread; then errors go without their location.
        if std::thread::panicking() {
            return;
        }
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
    // The thread may be past the destruction of its locals, or panicking inside the borrow.
    let _ = LAST.try_with(|last| {
        if let Ok(mut last) = last.try_borrow_mut() {
            *last = Some(Seen { message, location });
        }
    });
}
