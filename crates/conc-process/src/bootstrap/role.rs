//! What a start of this program was meant to be.

use crate::protocol::{CHILD_MARKER, Hello, Preparation, SERVER_MARKER, hex};
use crate::sys::socket::Mode;
use crate::sys::{files, fork, socket};
use std::os::fd::{AsFd, BorrowedFd};

/// Exit code of a copy that was called to serve and then not told whom.
pub(crate) const REFUSED: i32 = 71;

/// What a start of this program was meant to be, if it was not an ordinary one.
#[derive(Debug)]
pub(super) enum Role {
    /// A fork server for the client on descriptor 0.
    Server(Hello),
    /// A fresh child that finds its task in a file.
    Child { preparation: Box<Preparation>, body: Vec<u8>, argument: usize },
}

impl Role {
    /// The role, if this start is ours. Does not return if it is half ours.
    pub(super) fn recognise(program: &[u8], nonce: &[u8]) -> Option<Self> {
        let recognise = match program {
            _ if program == SERVER_MARKER.as_bytes() => Self::server,
            _ if program == CHILD_MARKER.as_bytes() => Self::child,
            _ => return None,
        };
        if fork::is_privileged_start() {
            return None;
        }
        recognise(nonce)
    }

    fn server(nonce: &[u8]) -> Option<Self> {
        let client = files::standard(0);
        if !socket::is_ours(client) {
            return None;
        }
        let hello = read_hello(client).filter(|hello| hex(&hello.nonce).as_bytes() == nonce);
        Some(Self::Server(hello.unwrap_or_else(|| fork::quit(REFUSED))))
    }

    fn child(nonce: &[u8]) -> Option<Self> {
        if !socket::is_ours(crate::child::channel()) {
            return None;
        }
        let fitting = || {
            // SAFETY: our server put a file there, and nothing else runs yet that could own it.
            let file = unsafe { files::take(crate::child::BODY) };
            let body = files::read_memory(file).ok()?;
            let (preparation, rest) = postcard::take_from_bytes::<Preparation>(&body).ok()?;
            let argument = body.len() - rest.len();
            (hex(&preparation.nonce).as_bytes() == nonce).then_some(Self::Child {
                preparation: Box::new(preparation),
                body,
                argument,
            })
        };
        Some(fitting().unwrap_or_else(|| fork::quit(REFUSED)))
    }

    /// Plays the role to its end.
    pub(super) fn play(self) -> ! {
        match self {
            Self::Server(hello) => crate::server::serve(&hello),
            Self::Child { preparation, body, argument } => {
                crate::child::run_fresh(&preparation, body.get(argument..).unwrap_or_default())
            }
        }
    }
}

/// The hello was sent before this program started: it is there, or it never comes.
fn read_hello(client: BorrowedFd<'_>) -> Option<Hello> {
    let mut buffer = [0; 256];
    let received = socket::receive(client.as_fd(), &mut buffer, Mode::Try).ok()?;
    postcard::from_bytes(buffer.get(..received.length)?).ok()
}
