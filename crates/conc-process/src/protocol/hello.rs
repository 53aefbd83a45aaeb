//! The first words between client and server.

use crate::sys::fork;
use nix::errno::Errno;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// `argv[0]` of a copy of this program that is to be a fork server.
pub(crate) const SERVER_MARKER: &str = "conc-process: fork server";
/// `argv[0]` of a copy of this program that is to run one task.
pub(crate) const CHILD_MARKER: &str = "conc-process: child";

/// A number that nobody else knows.
pub(crate) type Nonce = [u8; 16];

/// A fresh nonce.
pub(crate) fn nonce() -> Result<Nonce, Errno> {
    let mut nonce = [0; 16];
    fork::random(&mut nonce)?;
    Ok(nonce)
}

/// A nonce as an argument.
pub(crate) fn hex(nonce: &Nonce) -> String {
    nonce.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Waits in the socket before the server starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hello {
    /// The same as in `argv[1]`.
    pub(crate) nonce: Nonce,
    /// The client's program: [`Image::fingerprint`](crate::sys::image::Image::fingerprint).
    pub(crate) fingerprint: u64,
    /// The client's number.
    pub(crate) client: i32,
}

/// The server's first message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// It serves, and shows that it has read the hello.
    Ready(Nonce),
    /// It cannot serve.
    Unfit(String),
}
