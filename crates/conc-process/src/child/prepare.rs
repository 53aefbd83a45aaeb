//! From the fork to the task.

use super::{BODY, CHANNEL, CLIENT, PANICKED, PASSED, channel, report};
use crate::client::{Family, Identity, Parent};
use crate::protocol::{Argument, CHILD_MARKER, Envelope, Frame, Parcel, Preparation, Verdict, hex};
use crate::sys::files::{self, OnExec};
use crate::sys::socket::{Mode, Received};
use crate::sys::{fork, signals, socket, surroundings};
use conc_core::JoinError;
use nix::errno::Errno;
use std::borrow::Cow;
use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// Exit code of a child that could not make itself ready.
const UNPREPARED: i32 = 71;

/// A step that failed.
type Failure = (&'static str, Errno);

/// Names a step for the error.
trait Step<T> {
    fn step(self, name: &'static str) -> Result<T, Failure>;
}

impl<T> Step<T> for Result<T, Errno> {
    fn step(self, name: &'static str) -> Result<T, Failure> {
        self.map_err(|errno| (name, errno))
    }
}

/// A child of the fork server, right after the fork.
pub(crate) fn enter(server: i32, envelope: &Envelope, parcel: Parcel, inline: &[u8]) -> ! {
    let told = parcel.channel.as_raw_fd();
    match prepare(server, envelope, parcel, inline) {
        Ok((preparation, body, argument)) => {
            run(&preparation, body.get(argument..).unwrap_or_default())
        }
        Err((step, errno)) => {
            let frame = Frame::Unprepared { step: Cow::Borrowed(step), errno: errno as i32 };
            for place in [CHANNEL, told] {
                // SAFETY: in this process nothing closes descriptors any more; one of the two is
                // the channel.
                let place = unsafe { files::at(place) };
                if socket::is_ours(place) {
                    // Without a channel nobody can be told.
                    let _ = socket::send(place, &frame.encode(), &[], Mode::Try);
                }
            }
            fork::quit(UNPREPARED)
        }
    }
}

/// Everything up to the task. Gives the preparation, its bytes, and where the argument starts.
fn prepare<'b>(
    server: i32,
    envelope: &Envelope,
    mut parcel: Parcel,
    inline: &'b [u8],
) -> Result<(Preparation, Cow<'b, [u8]>, usize), Failure> {
    if envelope.bound && !fork::bind_to(server).step("bind to the parent's life")? {
        fork::quit(UNPREPARED);
    }
    if envelope.leader {
        fork::lead_group(0).step("lead a process group")?;
    }
    let file = if envelope.fresh { None } else { parcel.body.take() };
    let body = match file {
        Some(file) => Cow::Owned(files::read_memory(file).step("read the order")?),
        None if envelope.fresh => {
            let file = parcel.body.as_ref().ok_or(("find the order", Errno::EBADMSG))?;
            let copy = file.try_clone().map_err(|_| ("read the order", Errno::EMFILE))?;
            Cow::Owned(files::read_memory(copy).step("read the order")?)
        }
        None => Cow::Borrowed(inline),
    };
    let (preparation, rest) = postcard::take_from_bytes::<Preparation>(&body)
        .map_err(|_| ("understand the order", Errno::EBADMSG))?;
    let argument = body.len() - rest.len();
    place_descriptors(envelope, parcel)?;
    adjust(&preparation)?;
    if envelope.fresh {
        let arguments = [CHILD_MARKER.to_owned(), hex(&preparation.nonce)]
            .map(|text| CString::new(text).unwrap_or_default());
        return Err(("start a fresh copy of the program", fork::exec_self(&arguments)));
    }
    Ok((preparation, body, argument))
}

/// Puts the descriptors in their places and closes all others.
fn place_descriptors(envelope: &Envelope, parcel: Parcel) -> Result<(), Failure> {
    let Parcel { channel, body, directory, streams, passed } = parcel;
    if let Some(directory) = directory {
        files::enter(directory.as_fd()).step("enter the directory")?;
    }
    let on_exec = if envelope.fresh { OnExec::Keep } else { OnExec::Close };
    for (stream, number) in streams.into_iter().zip(0..) {
        if let Some(stream) = stream {
            // SAFETY: nothing owns the standard descriptors.
            unsafe { files::put(stream.as_fd(), number, OnExec::Keep) }.step("set a stream")?;
        }
    }
    let count = RawFd::try_from(passed.len()).map_err(|_| ("pass descriptors", Errno::E2BIG))?;
    let end = PASSED + count;
    // First out of the way, so that no place is taken by what still has to move.
    let away = |fd: OwnedFd| files::duplicate_above(fd.as_fd(), end).step("pass descriptors");
    let moved: Vec<OwnedFd> = passed.into_iter().map(away).collect::<Result<_, _>>()?;
    let body = body.map(away).transpose()?;
    let channel = if count > 0 || body.is_some() { away(channel)? } else { channel };
    let place = |fd: &OwnedFd, number: RawFd| {
        // SAFETY: the owners of all other descriptors belong to the server, whose code does not
        // run in this process any more.
        unsafe { files::put(fd.as_fd(), number, on_exec) }.step("place descriptors")
    };
    place(&channel, CHANNEL)?;
    if let Some(body) = &body {
        place(body, BODY)?;
    }
    for (fd, number) in moved.iter().zip(PASSED..) {
        place(fd, number)?;
    }
    if envelope.fresh {
        // SAFETY: the server put the client's pidfd there.
        files::set_on_exec(unsafe { files::at(CLIENT) }, on_exec).step("place descriptors")?;
    }
    // From here on the numbers belong to their places, not to these owners.
    std::mem::forget((channel, body, moved));
    // SAFETY: as above.
    unsafe { files::close_from(if count == 0 && !envelope.fresh { BODY } else { end }) };
    Ok(())
}

/// Limits, umask, environment, signals, name.
fn adjust(preparation: &Preparation) -> Result<(), Failure> {
    match &preparation.limits {
        None => crate::server::restore_limit().step("set limits")?,
        Some(limits) => {
            let now = surroundings::limits().step("set limits")?;
            for (resource, (limit, now)) in limits.iter().zip(now).enumerate() {
                if *limit != now {
                    surroundings::set_limit(resource, *limit).step("set limits")?;
                }
            }
        }
    }
    if let Some(umask) = preparation.umask {
        fork::set_umask(umask);
    }
    if let Some(environment) = &preparation.environment {
        // SAFETY: a child of the single-threaded server has one thread.
        unsafe { surroundings::set_environment(environment) }.step("set the environment")?;
    }
    signals::set_mask(preparation.mask);
    fork::set_name(&preparation.name);
    Ok(())
}

/// A fresh copy of the program, before its `main`.
pub(crate) fn run_fresh(preparation: &Preparation, argument: &[u8]) -> ! {
    let close = |place| {
        // SAFETY: our server put the channel and the client's pidfd there.
        files::set_on_exec(unsafe { files::at(place) }, OnExec::Close)
    };
    let ready = signals::ignore_broken_pipes()
        .and_then(|()| close(CHANNEL))
        .and_then(|()| close(CLIENT))
        .and_then(|()| super::listen_for_crashes());
    if let Err(errno) = ready {
        let frame = Frame::Unprepared { step: Cow::Borrowed("start"), errno: errno as i32 };
        // Without a channel nobody can be told.
        let _ = socket::send(channel(), &frame.encode(), &[], Mode::Try);
        fork::quit(UNPREPARED)
    }
    fork::set_name(&preparation.name);
    run(preparation, argument)
}

/// Runs the task and ends.
fn run(preparation: &Preparation, argument: &[u8]) -> ! {
    super::set_channel(CHANNEL);
    let passed = (PASSED..).take(preparation.passed as usize).map(|number| {
        // SAFETY: the descriptors were put there for the task, and nothing else owns them.
        let fd = unsafe { files::take(number) };
        // Commands that the task starts do not get what the task was passed.
        let _ = files::set_on_exec(fd.as_fd(), OnExec::Close);
        fd
    });
    Family::install(Identity {
        name: preparation.name.clone(),
        lineage: preparation.lineage.clone(),
        // SAFETY: the client's pidfd stays in its place.
        parent: Some(Parent::new(preparation.parent, preparation.parent_name.clone(), unsafe {
            files::at(CLIENT)
        })),
        childless: preparation.childless,
        passed: passed.collect(),
    });
    let verdict = match fetch(channel(), preparation.baggage) {
        Err(message) => Verdict::Failed(JoinError::NotDecoded { message: message.into() }),
        Ok(descriptors) => {
            let argument = Argument { bytes: argument, descriptors };
            preparation.task.run(argument).unwrap_or_else(|| {
                Verdict::Failed(JoinError::NotDecoded { message: "no such function".into() })
            })
        }
    };
    let code = match &verdict {
        Verdict::Value(_) => 0,
        Verdict::Failed(error) if error.is_panic() => PANICKED,
        Verdict::Failed(_) => 1,
    };
    super::flush();
    report(channel(), verdict);
    fork::exit(code)
}

/// The descriptors that are in the argument. They were sent before the order was.
fn fetch(channel: BorrowedFd<'_>, count: u32) -> Result<Vec<OwnedFd>, &'static str> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let mut buffer = [0; 16];
    let received = socket::receive(channel, &mut buffer, Mode::Try);
    let Received { length, descriptors, truncated } =
        received.map_err(|_| "its descriptors have not arrived")?;
    let message = buffer.get(..length).unwrap_or_default();
    if truncated {
        return Err("no descriptor is free for those that are in it");
    }
    let fits = u32::try_from(descriptors.len()) == Ok(count);
    match postcard::from_bytes::<Frame<'_>>(message) {
        Ok(Frame::Baggage) if fits => Ok(descriptors),
        _ => Err("other descriptors have arrived than are in it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_numbers_of_descriptors_are_refused() {
        let _watchdog = conc_tests::watchdog();
        let (ours, theirs) = socket::pair().unwrap();
        let fetch = |count| fetch(theirs.as_fd(), count);
        let send = |frame: Frame<'_>, count| {
            let descriptors = vec![ours.as_fd(); count];
            socket::send(ours.as_fd(), &frame.encode(), &descriptors, Mode::Try).unwrap();
        };
        assert!(fetch(1).is_err(), "none has arrived");
        assert_eq!(fetch(0).unwrap().len(), 0);
        for (sent, said) in [(0, 1), (1, 2), (2, 1), (253, u32::MAX)] {
            send(Frame::Baggage, sent);
            assert!(fetch(said).is_err(), "{sent} are not {said}");
        }
        send(Frame::Value, 1);
        assert!(fetch(1).is_err(), "these are not in an argument");
        send(Frame::Baggage, 253);
        assert_eq!(fetch(253).unwrap().len(), 253);
        drop(ours);
        assert!(fetch(1).is_err());
    }
}
