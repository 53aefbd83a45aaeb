//! The receiver's context: descriptors find back into a value while it is decoded.

use std::cell::RefCell;
use std::os::fd::OwnedFd;

thread_local! {
    /// What arrived with the message that this thread decodes, by place.
    static CONTEXT: RefCell<Vec<Option<OwnedFd>>> = const { RefCell::new(Vec::new()) };
}

/// Puts another context in force; the one that was.
fn exchange(context: Vec<Option<OwnedFd>>) -> Vec<Option<OwnedFd>> {
    // A thread past the destruction of its locals has no context: nothing is unpacked there.
    CONTEXT.try_with(|current| current.replace(context)).unwrap_or_default()
}

/// Puts the context around ours in force again, however ours ends. What was not unpacked is closed.
struct Outer(Vec<Option<OwnedFd>>);

impl Drop for Outer {
    fn drop(&mut self) {
        drop(exchange(std::mem::take(&mut self.0)));
    }
}

/// Runs `decode`, whose values [`unpack`] the `descriptors` that arrived with them.
///
/// See [`packing`](super::packing) for an example.
///
/// # Panics
///
/// If `decode` does.
pub fn unpacking<R>(descriptors: Vec<OwnedFd>, decode: impl FnOnce() -> R) -> R {
    let _outer = Outer(exchange(descriptors.into_iter().map(Some).collect()));
    decode()
}

/// The descriptor with this place in the message that this thread decodes right now.
///
/// `None`: none came along in this place, or it was asked for before. Bytes that somebody made up
/// ask for such.
#[must_use]
pub fn unpack(place: u32) -> Option<OwnedFd> {
    let place = usize::try_from(place).ok()?;
    let found = CONTEXT.try_with(|context| context.borrow_mut().get_mut(place)?.take());
    found.ok().flatten()
}

#[cfg(all(test, not(conc_loom)))]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::net::UnixStream;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    /// Whether all writing ends are closed. (Reads sleep until they are: a watchdog watches.)
    fn is_at_its_end(mut reader: UnixStream) -> bool {
        reader.read(&mut [0]).unwrap() == 0
    }

    #[test]
    fn each_place_is_unpacked_once() {
        let _watchdog = conc_tests::watchdog();
        let (reader, writer) = UnixStream::pair().unwrap();
        unpacking(vec![writer.into()], || {
            let writer = unpack(0);
            assert!(writer.is_some());
            assert!(unpack(0).is_none() && unpack(1).is_none() && unpack(u32::MAX).is_none());
        });
        assert!(unpack(0).is_none());
        assert!(is_at_its_end(reader));
    }

    #[test]
    fn what_nobody_unpacks_is_closed() {
        let _watchdog = conc_tests::watchdog();
        let (reader, writer) = UnixStream::pair().unwrap();
        unpacking(vec![writer.into()], || ());
        assert!(is_at_its_end(reader));
        let (reader, writer) = UnixStream::pair().unwrap();
        let panicking = || {
            unpacking(vec![writer.into()], || std::panic::resume_unwind(Box::new("within")));
        };
        assert!(catch_unwind(AssertUnwindSafe(panicking)).is_err());
        assert!(is_at_its_end(reader));
    }

    #[test]
    fn a_context_within_a_context_is_its_own() {
        let _watchdog = conc_tests::watchdog();
        let (reader, writer) = UnixStream::pair().unwrap();
        unpacking(vec![writer.into()], || {
            unpacking(Vec::new(), || assert!(unpack(0).is_none()));
            let panicking = || unpacking(Vec::new(), || std::panic::resume_unwind(Box::new(())));
            assert!(catch_unwind(panicking).is_err());
            assert!(unpack(0).is_some());
        });
        assert!(is_at_its_end(reader));
    }
}
