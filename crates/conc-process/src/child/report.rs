//! The frames that a child sends, the last of them out of a crash.

use crate::protocol::{Encoded, FRAME_LIMIT, Frame, VALUE_LIMIT, Verdict};
use crate::sys::crash::{self, Crash};
use crate::sys::image::Image;
use crate::sys::socket::Mode;
use crate::sys::{files, fork, socket};
use conc_core::sync::{AtomicI32, Ordering};
use nix::errno::Errno;
use std::borrow::Cow;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, RawFd};
use std::time::Duration;

/// Where this process reports; -1: nowhere.
static CHANNEL: AtomicI32 = AtomicI32::new(-1);

/// From now on this process reports here.
pub(crate) fn set_channel(number: RawFd) {
    // ORDERING: Relaxed. Set before the task starts, by the only thread.
    CHANNEL.store(number, Ordering::Relaxed);
}

/// Makes this process and its children report crashes, and panics that abort.
pub(crate) fn listen_for_crashes() -> Result<(), Errno> {
    crash::install(tell)?;
    // The first call installs a panic hook: here once, not in every child.
    let _ = conc_core::job::caught(|| ());
    #[cfg(panic = "abort")]
    tell_before_abort();
    Ok(())
}

/// Runs in a signal handler: allocates nothing.
fn tell(crash: Crash<'_>) {
    // ORDERING: Relaxed. As above.
    let number = CHANNEL.load(Ordering::Relaxed);
    if number < 0 {
        return;
    }
    let mut offsets = [0; 64];
    let known = crash.frames.iter().zip(&mut offsets);
    let count =
        known.map(|(&frame, offset)| *offset = Image::own().offset_of(frame).unwrap_or(0)).count();
    let frame = Frame::Crashed {
        signal: crash.signal,
        address: crash.address,
        frames: Cow::Borrowed(offsets.get(..count).unwrap_or_default()),
    };
    let mut buffer = [0; 1024];
    if let Ok(message) = postcard::to_slice(&frame, &mut buffer) {
        // SAFETY: the channel of a child stays open to its end.
        let channel = unsafe { files::at(number) };
        // A crash that cannot be told is still a crash.
        let _ = socket::send_plain(channel, message, Mode::Try);
    }
}

/// With `panic = "abort"` nobody can catch a panic, so that the hook has the last word.
#[cfg(panic = "abort")]
fn tell_before_abort() {
    let next = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        // ORDERING: Relaxed. As above.
        let number = CHANNEL.load(Ordering::Relaxed);
        if number >= 0 {
            let payload = info.payload();
            let message = payload
                .downcast_ref::<&'static str>()
                .copied()
                .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
            let error = conc_core::JoinError::Panicked {
                message: message.unwrap_or("payload is not text").into(),
                location: info.location().map(|at| at.to_string().into()),
            };
            // SAFETY: the channel of a child stays open to its end.
            let channel = unsafe { files::at(number) };
            // A panic that cannot be told still ends the process.
            let _ = socket::send(channel, &Frame::of(&error).encode(), &[], Mode::Try);
        }
        next(info);
    }));
}

/// Sends how the task ended. A client that is gone does not want to know.
pub(crate) fn report(channel: BorrowedFd<'_>, verdict: Verdict) {
    let sent = match verdict {
        Verdict::Failed(error) => {
            socket::send(channel, &Frame::of(&error).encode(), &[], Mode::Block)
        }
        Verdict::Value(value) => match send_value(channel, &value) {
            Ok(()) => {
                // This process ends before anybody can know whether it was decoded.
                let (_, keepsakes) = value.baggage.into_parts();
                std::mem::forget(keepsakes);
                Ok(())
            }
            Err(why) => {
                let frame = Frame::NotEncoded(Cow::Owned(why));
                socket::send(channel, &frame.encode(), &[], Mode::Block)
            }
        },
    };
    let _ = sent;
}

/// Sends a value; says why it cannot be sent.
fn send_value(channel: BorrowedFd<'_>, value: &Encoded) -> Result<(), String> {
    let Encoded { bytes, baggage } = value;
    let count = baggage.descriptors().len();
    if count > 0 {
        let descriptors: Vec<_> = baggage.descriptors().iter().map(AsFd::as_fd).collect();
        socket::send(channel, &Frame::Baggage.encode(), &descriptors, Mode::Block)
            .map_err(|errno| format!("{count} descriptors: {errno}"))?;
    }
    let failed = |errno| format!("{} bytes: {errno}", bytes.len());
    if bytes.len() <= VALUE_LIMIT {
        let mut message = Frame::Value.encode();
        message.extend_from_slice(bytes);
        debug_assert!(message.len() <= FRAME_LIMIT, "a value that is short enough fits");
        match socket::send(channel, &message, &[], Mode::Block) {
            Err(Errno::EMSGSIZE) => {}
            other => return other.map_err(failed),
        }
    }
    // A file, not a stream of frames: this process can end though nobody has read it.
    let file = files::memory(bytes).map_err(failed)?;
    socket::send(channel, &Frame::ValueInFile.encode(), &[file.as_fd()], Mode::Block)
        .map_err(failed)
}

/// Threads that the task left behind may hold the streams for so long.
const FLUSHING: Duration = Duration::from_secs(1);

/// Writes out what the standard streams hold back.
///
/// Not at any price: a thread that the task left behind may hold the lock of a stream for ever.
pub(crate) fn flush() {
    if fork::thread_count() == Some(1) {
        return flush_now();
    }
    let (done, flushed) = std::sync::mpsc::channel();
    let flushing = std::thread::Builder::new().spawn(move || {
        flush_now();
        // Too late is as good as never.
        let _ = done.send(());
    });
    if flushing.is_ok() {
        let _ = flushed.recv_timeout(FLUSHING);
    }
}

fn flush_now() {
    // Broken streams do not turn a result into an error.
    let _ = std::io::stdout().flush();
    let _ = std::io::stderr().flush();
}
