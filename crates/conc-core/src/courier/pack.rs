//! The sender's context: descriptors leave a value while it is encoded.

use crate::job::quietly;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

/// Something that the sender keeps as long as a message is on its way; see
/// [`Baggage::into_parts`].
pub type Keepsake = Box<dyn Any + Send>;

/// What travels with an encoded value, besides its bytes. Most values have none, and pay for none.
#[derive(Debug, Default)]
pub struct Baggage(Option<Box<Contents>>);

#[derive(Debug, Default)]
struct Contents {
    descriptors: Vec<OwnedFd>,
    keepsakes: Vec<Keepsake>,
    error: Option<io::Error>,
}

impl Baggage {
    /// The descriptors, each in its place.
    #[must_use]
    #[inline]
    pub fn descriptors(&self) -> &[OwnedFd] {
        self.0.as_ref().map_or(&[], |contents| &contents.descriptors)
    }

    /// Whether somebody wants to know when the message has arrived.
    #[must_use]
    #[inline]
    pub fn has_keepsakes(&self) -> bool {
        self.0.as_ref().is_some_and(|contents| !contents.keepsakes.is_empty())
    }

    /// Whether there is nothing at all, nor was there an error.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The descriptors, and what is to be kept until the value was unpacked or never will be: a
    /// ticket, say, whose drop cancels it if the receiver ended without using it.
    ///
    /// A carrier drops a keepsake as soon as it knows, on whatever thread, and not before. One that
    /// cannot know forgets it.
    #[must_use]
    #[inline]
    pub fn into_parts(self) -> (Vec<OwnedFd>, Vec<Keepsake>) {
        match self.0 {
            None => (Vec::new(), Vec::new()),
            Some(mut contents) => {
                (std::mem::take(&mut contents.descriptors), std::mem::take(&mut contents.keepsakes))
            }
        }
    }

    /// Why a descriptor could not be packed: encoders tend to lose what a value tells them.
    #[must_use]
    pub fn error(&self) -> Option<&io::Error> {
        self.0.as_ref()?.error.as_ref()
    }
}

/// A keepsake that panics harms no carrier, nor other keepsakes.
impl Drop for Contents {
    fn drop(&mut self) {
        self.keepsakes.drain(..).for_each(|keepsake| quietly(move || drop(keepsake)));
    }
}

thread_local! {
    /// Whether this thread is in a context.
    static OPEN: Cell<bool> = const { Cell::new(false) };
    /// Whether something was packed in the innermost one.
    static ANY: Cell<bool> = const { Cell::new(false) };
    /// What that was.
    static PACKED: RefCell<Baggage> = const { RefCell::new(Baggage(None)) };
}

/// Takes what was packed in the innermost context.
#[inline]
fn take_packed() -> Baggage {
    if ANY.replace(false) { take_packed_now() } else { Baggage::default() }
}

#[cold]
fn take_packed_now() -> Baggage {
    // A thread past the destruction of its locals has nothing packed.
    PACKED.try_with(RefCell::take).unwrap_or_default()
}

/// Puts the context around ours in force again, however ours ends.
struct Outer {
    open: bool,
    packed: Baggage,
}

impl Outer {
    /// Takes the context around ours out of force.
    #[inline]
    fn leave() -> Self {
        // Outside of any context nothing is packed.
        let open = OPEN.replace(true);
        Self { open, packed: if open { take_packed() } else { Baggage::default() } }
    }
}

impl Drop for Outer {
    #[inline]
    fn drop(&mut self) {
        OPEN.set(self.open);
        // Left behind by a panic.
        let left = take_packed();
        if !self.packed.is_empty() {
            let packed = std::mem::take(&mut self.packed);
            ANY.set(true);
            // As in `take_packed_now`.
            let _ = PACKED.try_with(|current| current.replace(packed));
        }
        // Last: its keepsakes may pack as well, in the context that is in force now.
        drop(left);
    }
}

/// Runs `encode`, and collects the descriptors that its values [`pack`].
///
/// # Panics
///
/// If `encode` does; what was packed is closed and dropped.
///
/// # Examples
///
/// ```
/// use conc_core::courier::{pack, packing, unpack, unpacking};
/// use std::io::{Read, Write};
/// use std::os::fd::{AsFd, OwnedFd};
///
/// let (mut reader, writer) = std::os::unix::net::UnixStream::pair()?;
/// let (place, baggage) = packing(|| pack(writer.as_fd(), None));
/// drop(writer);
///
/// // A carrier would send these to another process.
/// let arrived = baggage.descriptors().iter().map(OwnedFd::try_clone).collect::<Result<_, _>>()?;
/// drop(baggage);
///
/// let writer = unpacking(arrived, || unpack(place.unwrap())).unwrap();
/// std::fs::File::from(writer).write_all(b"it has travelled")?;
/// let mut text = String::new();
/// reader.read_to_string(&mut text)?;
/// assert_eq!(text, "it has travelled");
/// # std::io::Result::Ok(())
/// ```
#[inline]
pub fn packing<R>(encode: impl FnOnce() -> R) -> (R, Baggage) {
    let _outer = Outer::leave();
    let result = encode();
    (result, take_packed())
}

/// Gives a copy of `descriptor` to the message that this thread encodes right now; its place there.
/// The `keepsake` stays with the sender until the message has arrived.
///
/// A value that is encoded twice takes two places.
///
/// `None`, and the keepsake is dropped: nobody carries descriptors here, or the system has none
/// left, which the carrier then [tells](Baggage::error). A value without another way to travel
/// answers with an error of its own.
#[must_use = "the receiver finds the descriptor by its place"]
pub fn pack(descriptor: BorrowedFd<'_>, keepsake: Option<Keepsake>) -> Option<u32> {
    // Outlives the borrow below: what its drop does is its own affair.
    let mut keepsake = keepsake;
    if !OPEN.get() {
        return None;
    }
    let packed = PACKED.try_with(|packed| {
        let mut packed = packed.borrow_mut();
        let baggage = packed.0.get_or_insert_default();
        let place = u32::try_from(baggage.descriptors.len()).ok()?;
        match descriptor.try_clone_to_owned() {
            Ok(copy) => baggage.descriptors.push(copy),
            Err(error) => {
                baggage.error = Some(error);
                ANY.set(true);
                return None;
            }
        }
        baggage.keepsakes.extend(keepsake.take());
        ANY.set(true);
        Some(place)
    });
    packed.ok().flatten()
}

#[cfg(all(test, not(conc_loom)))]
mod tests {
    use super::*;
    use std::fs::File;
    use std::os::fd::AsFd;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Arc;

    fn null() -> File {
        File::open("/dev/null").unwrap()
    }

    fn keepsake(of: &Arc<()>) -> Option<Keepsake> {
        Some(Box::new(Arc::clone(of)))
    }

    #[test]
    fn without_a_context_nothing_is_packed() {
        let _watchdog = conc_tests::watchdog();
        let kept = Arc::new(());
        assert_eq!(pack(null().as_fd(), keepsake(&kept)), None);
        assert_eq!(Arc::strong_count(&kept), 1, "the keepsake is dropped");
        let ((), baggage) = packing(|| ());
        assert!(baggage.descriptors().is_empty() && !baggage.has_keepsakes());
        assert_eq!(pack(null().as_fd(), None), None);
    }

    #[test]
    fn each_gets_a_place_and_keepsakes_stay() {
        let _watchdog = conc_tests::watchdog();
        let (file, kept) = (null(), Arc::new(()));
        let (places, baggage) = packing(|| {
            [keepsake(&kept), None, keepsake(&kept)].map(|keepsake| pack(file.as_fd(), keepsake))
        });
        assert_eq!(places, [Some(0), Some(1), Some(2)]);
        assert_eq!(baggage.descriptors().len(), 3);
        let (_, keepsakes) = baggage.into_parts();
        assert_eq!((keepsakes.len(), Arc::strong_count(&kept)), (2, 3));
        drop(keepsakes);
        assert_eq!(Arc::strong_count(&kept), 1);
    }

    /// A value that carries values itself while it is encoded.
    #[test]
    fn a_context_within_a_context_is_its_own() {
        let _watchdog = conc_tests::watchdog();
        let file = null();
        let ((), outer) = packing(|| {
            assert_eq!(pack(file.as_fd(), None), Some(0));
            let (place, inner) = packing(|| pack(file.as_fd(), None));
            assert_eq!((place, inner.descriptors().len()), (Some(0), 1));
            assert_eq!(pack(file.as_fd(), None), Some(1));
        });
        assert_eq!(outer.descriptors().len(), 2);
    }

    #[test]
    fn a_panic_ends_its_context_alone() {
        let _watchdog = conc_tests::watchdog();
        let (file, kept) = (null(), Arc::new(()));
        let ((), outer) = packing(|| {
            assert_eq!(pack(file.as_fd(), None), Some(0));
            let inner = AssertUnwindSafe(|| {
                packing(|| {
                    assert_eq!(pack(file.as_fd(), keepsake(&kept)), Some(0));
                    std::panic::resume_unwind(Box::new("within"))
                })
            });
            assert!(catch_unwind(inner).is_err());
            assert_eq!(Arc::strong_count(&kept), 1, "what was packed is dropped");
            assert_eq!(pack(file.as_fd(), None), Some(1));
        });
        assert_eq!(outer.descriptors().len(), 2);
        assert_eq!(pack(file.as_fd(), None), None);
    }

    /// Whoever is dropped by a context may pack and carry again.
    #[test]
    fn a_keepsake_may_do_anything_when_it_is_dropped() {
        let _watchdog = conc_tests::watchdog();
        struct Packs(File);
        impl Drop for Packs {
            fn drop(&mut self) {
                let _ = pack(self.0.as_fd(), None);
                assert_eq!(packing(|| pack(self.0.as_fd(), None)).0, Some(0));
            }
        }
        let file = null();
        let refused = pack(file.as_fd(), Some(Box::new(Packs(null()))));
        assert_eq!(refused, None);
        let panicking = || {
            packing(|| {
                assert_eq!(pack(file.as_fd(), Some(Box::new(Packs(null())))), Some(0));
                std::panic::resume_unwind(Box::new("within"))
            })
        };
        assert!(catch_unwind(AssertUnwindSafe(panicking)).is_err());
    }
}
