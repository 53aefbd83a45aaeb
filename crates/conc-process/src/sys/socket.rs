//! Pairs of sockets that keep the borders of messages and carry descriptors.

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, Shutdown, SockFlag, SockType, getsockopt, sendmsg,
    setsockopt, shutdown, socketpair, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};
use std::io::IoSlice;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// Descriptors that fit one message: `SCM_MAX_FD`, which no header has.
pub(crate) const MAX_DESCRIPTORS: usize = 253;

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

/// Takes no more messages: from now on, the peer's sends fail. What has arrived can be received.
pub(crate) fn close_inbox(socket: BorrowedFd<'_>) -> Result<(), Errno> {
    shutdown(socket.as_raw_fd(), Shutdown::Read)
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

/// Looks at the beginning of the next message, if there is one, and leaves it where it is.
pub(crate) fn peek(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<usize, Errno> {
    let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
    nix::sys::socket::recv(socket.as_raw_fd(), buffer, flags)
}

/// Room for the control messages of one message, aligned as the kernel wants it.
#[repr(C, align(8))]
struct Control([u8; CONTROL_LENGTH]);

const CONTROL_LENGTH: usize = {
    let numbers = MAX_DESCRIPTORS * size_of::<RawFd>();
    // SAFETY: the call only computes.
    unsafe { libc::CMSG_SPACE(numbers as libc::c_uint) as usize }
};

/// Receives one message.
///
/// By hand, because `nix` loses the descriptors that have arrived where others did not fit.
pub(crate) fn receive(
    socket: BorrowedFd<'_>,
    buffer: &mut [u8],
    mode: Mode,
) -> Result<Received, Errno> {
    let mut control = Control([0; CONTROL_LENGTH]);
    let mut slice = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: all zeroes are a valid `msghdr`.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &raw mut slice;
    header.msg_iovlen = 1;
    header.msg_control = (&raw mut control).cast();
    header.msg_controllen = CONTROL_LENGTH as _;
    let flags = libc::MSG_CMSG_CLOEXEC | mode.flags().bits();
    let length = loop {
        // SAFETY: the header points to buffers of the lengths it says, all of which outlive the
        // call. A call that fails has not changed the header.
        let result = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, flags) };
        match Errno::result(result) {
            Ok(length) => break usize::try_from(length).unwrap_or(0),
            Err(Errno::EINTR) => {}
            // A peer that died with unread messages: its end.
            Err(Errno::ECONNRESET) => {
                return Ok(Received { length: 0, descriptors: Vec::new(), truncated: false });
            }
            Err(error) => return Err(error),
        }
    };
    Ok(Received {
        length,
        // SAFETY: `recvmsg` has just filled the header and its control messages.
        descriptors: unsafe { take_descriptors(&header) },
        truncated: header.msg_flags & (libc::MSG_TRUNC | libc::MSG_CTRUNC) != 0,
    })
}

/// Takes ownership of all descriptors that came with a message.
///
/// # Safety
///
/// `recvmsg` has filled the header, its buffers still exist, and this is the first call for it.
unsafe fn take_descriptors(header: &libc::msghdr) -> Vec<OwnedFd> {
    let mut descriptors = Vec::new();
    // SAFETY: the kernel wrote whole control messages into the buffer, as long as the header says.
    let mut next = unsafe { libc::CMSG_FIRSTHDR(header) };
    // SAFETY: null, or a control message in the buffer.
    while let Some(part) = unsafe { next.as_ref() } {
        if (part.cmsg_level, part.cmsg_type) == (libc::SOL_SOCKET, libc::SCM_RIGHTS) {
            // SAFETY: the call only computes.
            let head = unsafe { libc::CMSG_LEN(0) } as usize;
            #[allow(clippy::unnecessary_cast, reason = "musl has a shorter type")]
            let length = part.cmsg_len as usize;
            let count = length.saturating_sub(head) / size_of::<RawFd>();
            // SAFETY: in the buffer, behind the head of its message.
            let first = unsafe { libc::CMSG_DATA(part) }.cast::<RawFd>();
            for place in 0..count {
                // SAFETY: the message holds so many numbers.
                let number = unsafe { first.add(place) };
                // SAFETY: as above, at whatever alignment.
                let fd = unsafe { number.read_unaligned() };
                // SAFETY: the kernel has just made this descriptor for us.
                descriptors.push(unsafe { OwnedFd::from_raw_fd(fd) });
            }
        }
        // SAFETY: as above.
        next = unsafe { libc::CMSG_NXTHDR(header, part) };
    }
    descriptors
}
