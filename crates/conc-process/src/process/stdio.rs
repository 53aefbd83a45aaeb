//! Where the standard streams of a process lead.

use crate::client::stream;
use crate::sys::files;
use nix::errno::Errno;
use std::fs::File;
use std::os::fd::OwnedFd;

/// Where a standard stream of a process leads.
///
/// # Python
///
/// The input of a child is always null there, the outputs are always inherited.
#[derive(Debug, Default)]
pub struct Stdio(Kind);

#[derive(Debug, Default)]
enum Kind {
    #[default]
    Default,
    Null,
    Inherit,
    Pipe,
    Capture,
    File(OwnedFd),
}

/// The two ends of a stream.
#[derive(Debug, Default)]
pub(super) struct Ends {
    /// `None`: as it is in every child.
    pub(super) child: Option<OwnedFd>,
    /// What the caller holds of a pipe.
    pub(super) caller: Option<OwnedFd>,
    /// What is kept for the crash report.
    pub(super) captured: Option<OwnedFd>,
}

impl Stdio {
    /// Nothing to read, and what is written is lost. The default of the input.
    #[must_use]
    pub const fn null() -> Self {
        Self(Kind::Null)
    }

    /// Where the same stream of this process leads. The default of the outputs.
    ///
    /// As the input, a terminal stops the process that reads: see
    /// [`stdin`](crate::Builder::stdin).
    #[must_use]
    pub const fn inherit() -> Self {
        Self(Kind::Inherit)
    }

    /// A pipe whose other end the [`Process`](crate::Process) holds.
    #[must_use]
    pub const fn piped() -> Self {
        Self(Kind::Pipe)
    }

    /// For stderr: read by the family itself, and its last lines are in the crash report. For
    /// another stream: null.
    #[must_use]
    pub const fn captured() -> Self {
        Self(Kind::Capture)
    }

    /// Makes the two ends of stream `number`.
    pub(super) fn open(self, number: i32) -> Result<Ends, Errno> {
        let to_child = |child| Ends { child: Some(child), ..Ends::default() };
        Ok(match self.0 {
            Kind::Default => Ends::default(),
            Kind::Null => to_child(files::null()?),
            Kind::Inherit => to_child(stream(number)?),
            Kind::File(file) => to_child(file),
            Kind::Capture if number == 2 => {
                let (read, write) = files::pipe()?;
                Ends { captured: Some(read), ..to_child(write) }
            }
            Kind::Capture => to_child(files::null()?),
            Kind::Pipe => {
                let (read, write) = files::pipe()?;
                let (child, caller) = if number == 0 { (read, write) } else { (write, read) };
                Ends { caller: Some(caller), ..to_child(child) }
            }
        })
    }
}

/// Into or out of this file.
impl From<File> for Stdio {
    fn from(file: File) -> Self {
        Self(Kind::File(file.into()))
    }
}

/// Into or out of whatever this is.
impl From<OwnedFd> for Stdio {
    fn from(fd: OwnedFd) -> Self {
        Self(Kind::File(fd))
    }
}
