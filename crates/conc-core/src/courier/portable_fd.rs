//! A descriptor as a value of serde.

use super::{pack, unpack};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// A descriptor that travels inside a value to another process: a pipe's end, a socket, a file.
///
/// Whatever holds it is [`Wire`](crate::Wire), and can be an argument or a result of portable work.
/// The other process gets a descriptor of its own for the same open file; this one stays open for
/// as long as it is held. In worlds without borders, as a pool of threads, it simply moves.
///
/// # Errors
///
/// Where nobody carries descriptors, it cannot be encoded: in a file, say, or in the hands of
/// another encoder. At most 253 travel in one value.
///
/// # Examples
///
/// ```
/// use conc_core::{Executor, InlineExecutor, PortableFd};
/// use std::io::{Read, Write};
///
/// fn greet(to: PortableFd) {
///     std::fs::File::from(to).write_all(b"hello from wherever this runs").unwrap();
/// }
///
/// let (mut reader, writer) = std::os::unix::net::UnixStream::pair()?;
/// let job = InlineExecutor::new().submit(greet, PortableFd::new(writer)).unwrap();
/// let mut text = String::new();
/// reader.read_to_string(&mut text)?;
/// assert_eq!(text, "hello from wherever this runs");
/// # job.join().unwrap();
/// # std::io::Result::Ok(())
/// ```
///
/// # Python
///
/// `multiprocessing.reduction.DupFd`, and what pickles a `Connection` or a `socket`: there a thread
/// of the sender waits for the receiver to come and fetch it. Here it travels with the value.
#[doc(alias = "DupFd")]
#[doc(alias = "reduction")]
#[derive(Debug)]
pub struct PortableFd(OwnedFd);

impl PortableFd {
    /// Lets a descriptor travel.
    #[must_use]
    pub fn new(descriptor: impl Into<OwnedFd>) -> Self {
        Self(descriptor.into())
    }

    /// The descriptor.
    #[must_use]
    pub fn into_inner(self) -> OwnedFd {
        self.0
    }
}

impl From<OwnedFd> for PortableFd {
    fn from(descriptor: OwnedFd) -> Self {
        Self(descriptor)
    }
}

impl From<PortableFd> for OwnedFd {
    fn from(portable: PortableFd) -> Self {
        portable.0
    }
}

impl From<PortableFd> for std::fs::File {
    fn from(portable: PortableFd) -> Self {
        portable.0.into()
    }
}

impl AsFd for PortableFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for PortableFd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// As its place among the descriptors of the message.
impl Serialize for PortableFd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match pack(self.as_fd(), None) {
            Some(place) => serializer.serialize_u32(place),
            None => Err(S::Error::custom("a descriptor cannot travel here")),
        }
    }
}

impl<'de> Deserialize<'de> for PortableFd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let place = u32::deserialize(deserializer)?;
        let found = unpack(place).map(Self);
        found.ok_or_else(|| D::Error::custom("a descriptor did not travel with its value"))
    }
}

#[cfg(all(test, not(conc_loom)))]
mod tests {
    use super::*;
    use crate::courier::{packing, unpacking};
    use serde::de::IntoDeserializer;
    use serde::de::value::{Error, U32Deserializer};
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    fn at(place: u32) -> U32Deserializer<Error> {
        place.into_deserializer()
    }

    #[test]
    fn it_travels_as_its_place() {
        let _watchdog = conc_tests::watchdog();
        let (mut reader, writer) = UnixStream::pair().unwrap();
        let other = reader.try_clone().unwrap();
        let pair = (PortableFd::new(other), PortableFd::new(writer));
        let (bytes, baggage) = packing(|| postcard::to_stdvec(&pair).unwrap());
        assert_eq!(bytes, [0, 1]);
        let arrived = baggage.descriptors().iter().map(|fd| fd.try_clone().unwrap()).collect();
        drop((baggage, pair));
        let (_, writer): (PortableFd, PortableFd) =
            unpacking(arrived, || postcard::from_bytes(&bytes).unwrap());
        std::fs::File::from(writer).write_all(b"abc").unwrap();
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "abc", "and no writing end is left open");
    }

    #[test]
    fn twice_in_a_message_is_two() {
        let _watchdog = conc_tests::watchdog();
        let (reader, _writer) = UnixStream::pair().unwrap();
        let reader = PortableFd::new(reader);
        let (bytes, baggage) = packing(|| postcard::to_stdvec(&[&reader, &reader]).unwrap());
        assert_eq!((bytes.as_slice(), baggage.descriptors().len()), (&[0, 1][..], 2));
    }

    #[test]
    fn where_nobody_carries_it_says_so() {
        let _watchdog = conc_tests::watchdog();
        let (reader, _writer) = UnixStream::pair().unwrap();
        let reader = PortableFd::new(reader);
        let error = serde_json::to_string(&reader).unwrap_err();
        assert_eq!(error.to_string(), "a descriptor cannot travel here");
        let error = PortableFd::deserialize(at(0)).unwrap_err();
        assert_eq!(error.to_string(), "a descriptor did not travel with its value");
    }

    #[test]
    fn made_up_places_are_refused() {
        let _watchdog = conc_tests::watchdog();
        let (reader, _writer) = UnixStream::pair().unwrap();
        unpacking(vec![reader.into()], || {
            assert!(PortableFd::deserialize(at(1)).is_err());
            assert!(PortableFd::deserialize(at(u32::MAX)).is_err());
            assert!(PortableFd::deserialize(at(0)).is_ok());
            assert!(PortableFd::deserialize(at(0)).is_err());
        });
    }
}
