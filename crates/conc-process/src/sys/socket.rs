//! Pairs of sockets that keep the borders of messages and carry descriptors.

use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, getsockopt,
    recvmsg, sendmsg, setsockopt, socketpair, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// Descriptors that fit one message.
pub(crate) const MAX_DESCRIPTORS: usize = 64;

/// Whether a call may sleep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Until it can go on.
    Block,
    /// Not at all: `EAGAIN`.
    Try,
}

impl Mode {
    fn flags(self) -> MsgFlags {
        match self {
            Self::Block => MsgFlags::empty(),
            Self::Try => MsgFlags::MSG_DONTWAIT,
        }
    }
}

/// What [`receive`] got.
#[derive(Debug)]
pub(crate) struct Received {
    /// Bytes of the message; 0 at the end.
    pub(crate) length: usize,
    /// The descriptors that came with it.
    pub(crate) descriptors: Vec<OwnedFd>,
    /// Bytes or descriptors did not fit and are lost.
    pub(crate) truncated: bool,
}

/// Two connected sockets, closed on exec.
pub(crate) fn pair() -> Result<(OwnedFd, OwnedFd), Errno> {
    socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)
}

/// Whether a descriptor is a socket as [`pair`] makes them.
pub(crate) fn is_ours(socket: BorrowedFd<'_>) -> bool {
    getsockopt(&socket, sockopt::SockType) == Ok(SockType::SeqPacket)
}

/// Lets no `send` on this socket sleep longer.
pub(crate) fn bound_sends(socket: BorrowedFd<'_>, longest: Duration) -> Result<(), Errno> {
    let longest = TimeVal::seconds(longest.as_secs().try_into().unwrap_or(i64::MAX));
    setsockopt(&socket, sockopt::SendTimeout, &longest)
}

/// Sends one message, whole or not at all. A peer that is gone is `EPIPE`, never a signal.
pub(crate) fn send(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    descriptors: &[BorrowedFd<'_>],
    mode: Mode,
) -> Result<(), Errno> {
    if descriptors.is_empty() {
        return send_plain(socket, bytes, mode);
    }
    let raw: Vec<RawFd> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
    let control = &[ControlMessage::ScmRights(&raw)];
    let flags = MsgFlags::MSG_NOSIGNAL | mode.flags();
    loop {
        match sendmsg::<()>(socket.as_raw_fd(), &[IoSlice::new(bytes)], control, flags, None) {
            Ok(_) => return Ok(()),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
}

/// [`send`] without descriptors. Allocates nothing: a signal handler may call it.
pub(crate) fn send_plain(socket: BorrowedFd<'_>, bytes: &[u8], mode: Mode) -> Result<(), Errno> {
    let flags = MsgFlags::MSG_NOSIGNAL | mode.flags();
    loop {
        match nix::sys::socket::send(socket.as_raw_fd(), bytes, flags) {
            Ok(_) => return Ok(()),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Receives one message.
pub(crate) fn receive(
    socket: BorrowedFd<'_>,
    buffer: &mut [u8],
    mode: Mode,
) -> Result<Received, Errno> {
    let mut control = cmsg_space!([RawFd; MAX_DESCRIPTORS]);
    let flags = MsgFlags::MSG_CMSG_CLOEXEC | mode.flags();
    loop {
        let mut slices = [IoSliceMut::new(buffer)];
        let message =
            match recvmsg::<()>(socket.as_raw_fd(), &mut slices, Some(&mut control), flags) {
                Err(Errno::EINTR) => continue,
                // A peer that died with unread messages: its end.
                Err(Errno::ECONNRESET) => {
                    return Ok(Received { length: 0, descriptors: Vec::new(), truncated: false });
                }
                other => other?,
            };
        let mut descriptors = Vec::new();
        for part in message.cmsgs()? {
            if let ControlMessageOwned::ScmRights(received) = part {
                // SAFETY: the kernel has just made these descriptors for us.
                descriptors
                    .extend(received.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }));
            }
        }
        let truncated = message.flags.intersects(MsgFlags::MSG_TRUNC | MsgFlags::MSG_CTRUNC);
        return Ok(Received { length: message.bytes, descriptors, truncated });
    }
}
