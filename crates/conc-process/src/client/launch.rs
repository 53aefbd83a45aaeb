//! One order, from a builder to a running child.

use super::server::{Server, patience};
use super::{Family, Kin, stream};
use crate::SpawnError;
use crate::error::Doing;
use crate::process::{Launching, Reception};
use crate::protocol::{
    Envelope, FRAME_LIMIT, Frame, ORDER_DESCRIPTORS, ORDER_LIMIT, Order, Preparation, Refusal,
    Task, nonce,
};
use crate::sys::socket::Mode;
use crate::sys::surroundings::{Environment, Surroundings, environment};
use crate::sys::{files, fork, pidfd, socket};
use conc_core::Deadline;
use conc_core::sync::AtomicBool;
use nix::errno::Errno;
use parking_lot::Mutex;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

/// A child that is to be made.
#[derive(Debug)]
pub(crate) struct Launch<'a> {
    pub(crate) task: Task,
    /// The encoded argument, and the descriptors that are in it, or wait with them.
    pub(crate) argument: &'a [u8],
    pub(crate) baggage: &'a [BorrowedFd<'a>],
    pub(crate) name: Option<&'a str>,
    pub(crate) fresh: bool,
    pub(crate) bound: bool,
    pub(crate) leader: bool,
    pub(crate) childless: bool,
    pub(crate) umask: Option<u32>,
    pub(crate) directory: Option<OwnedFd>,
    /// `None`: as this process has it.
    pub(crate) environment: Option<Environment>,
    /// `None`: null for the input, as this process has it for the outputs.
    pub(crate) streams: [Option<OwnedFd>; 3],
    pub(crate) passed: Vec<OwnedFd>,
}

/// A child that runs.
#[derive(Debug)]
pub(crate) struct Launched {
    pub(crate) kin: Arc<Kin>,
    pub(crate) reception: Reception,
}

/// How often an order that no server has seen is sent to a new one.
const ATTEMPTS: usize = 3;

/// Makes a child by way of the fork server.
pub(crate) fn launch(launch: Launch<'_>) -> Result<Launched, SpawnError> {
    let family = Family::own();
    if family.identity.childless {
        return Err(SpawnError::NotAllowed);
    }
    let now = Surroundings::now().doing("read /proc")?;
    let (name, lineage) = child_name(family, launch.name);
    for _ in 0..ATTEMPTS {
        let server = Server::get(family, &now)?;
        let (message, parcel) = write(&launch, &server, &now, &name, &lineage)?;
        // The channel is one of them.
        if parcel.len() >= ORDER_DESCRIPTORS {
            return Err(Errno::E2BIG).doing("pass so many descriptors");
        }
        let spare = family.spare.lock().take();
        let (channel, theirs) = spare.map_or_else(socket::pair, Ok).doing("make a socket")?;
        if !launch.baggage.is_empty() {
            // They wait for the child in its channel.
            socket::send(channel.as_fd(), &Frame::Baggage.encode(), launch.baggage, Mode::Try)
                .doing("send the descriptors that are in the argument")?;
        }
        let mut descriptors = vec![theirs.as_fd()];
        descriptors.extend(parcel.iter().map(AsFd::as_fd));
        match server.order(&message, &descriptors) {
            Ok(()) => {}
            // It is busy, and has not taken the order.
            Err(Errno::EAGAIN) => return Err(too_late()),
            // It has not seen the order: a new one will.
            Err(Errno::EPIPE | Errno::ECONNRESET | Errno::ENOTCONN) => {
                server.replace(family);
                continue;
            }
            Err(error) => {
                return Err(SpawnError::System {
                    what: "send an order to the fork server",
                    source: error.into(),
                });
            }
        }
        drop(theirs);
        // While the server works; without one, the next child makes its own.
        let next = socket::pair().ok();
        *family.spare.lock() = next;
        let mut reception = Reception::new(channel, Some(Arc::clone(&server)));
        return match await_start(family, &server, &mut reception, name, &launch) {
            Ok(kin) => Ok(Launched { kin, reception }),
            Err(error) => {
                abandon(&server, &reception);
                Err(error)
            }
        };
    }
    Err(SpawnError::ServerDied)
}

/// The child's name and the numbers of its line.
pub(crate) fn child_name(family: &Family, asked: Option<&str>) -> (String, String) {
    let number = family.next_number();
    let lineage = match family.identity.lineage.as_str() {
        "" => number.to_string(),
        above => format!("{above}:{number}"),
    };
    let name = asked.map_or_else(|| format!("Process-{lineage}"), str::to_owned);
    (name, lineage)
}

/// The order as a message, and the descriptors that go with it after the channel.
fn write<'l>(
    launch: &'l Launch<'_>,
    server: &Server,
    now: &Surroundings,
    name: &str,
    lineage: &str,
) -> Result<(Vec<u8>, Vec<Descriptor<'l>>), SpawnError> {
    let base = &server.base;
    let environment = match &launch.environment {
        Some(chosen) => Some(chosen.clone()),
        None if now.environment != base.environment => Some(environment()),
        None => None,
    };
    let preparation = Preparation {
        nonce: if launch.fresh { nonce().doing("get a random number")? } else { [0; 16] },
        task: launch.task,
        name: name.to_owned(),
        lineage: lineage.to_owned(),
        parent: fork::own_pid(),
        parent_name: Family::own().identity.name.clone(),
        childless: launch.childless,
        passed: u32::try_from(launch.passed.len()).unwrap_or(u32::MAX),
        baggage: u32::try_from(launch.baggage.len()).unwrap_or(u32::MAX),
        umask: Some(launch.umask.unwrap_or(now.umask)).filter(|&umask| umask != base.umask),
        mask: now.mask,
        limits: (now.limits != base.limits).then_some(now.limits),
        environment,
    };
    let directory = match &launch.directory {
        Some(chosen) => Some(Descriptor::Lent(chosen.as_fd())),
        None if now.directory != base.directory => Some(Descriptor::Made(
            files::directory(".".as_ref()).doing("open the current directory")?,
        )),
        None => None,
    };
    let mut streams = [None, None, None];
    let chosen = launch.streams.iter().zip(&mut streams).zip(0..);
    for ((chosen, stream_slot), number) in chosen {
        *stream_slot = match chosen {
            Some(chosen) => Some(Descriptor::Lent(chosen.as_fd())),
            // What is behind our streams may have changed since the server started.
            None if number > 0 && changed(now, base, number) => {
                Some(Descriptor::Made(stream(number).doing("share a standard stream")?))
            }
            None => None,
        };
    }
    let encoding =
        |error: postcard::Error| SpawnError::NotEncoded { message: error.to_string().into() };
    let mut body = postcard::to_stdvec(&preparation).map_err(encoding)?;
    let in_file = launch.fresh || body.len() + launch.argument.len() > ORDER_LIMIT - 256;
    body.extend_from_slice(launch.argument);
    let envelope = Envelope {
        fresh: launch.fresh,
        bound: launch.bound,
        leader: launch.leader,
        has_body: in_file,
        has_directory: directory.is_some(),
        has_streams: [streams[0].is_some(), streams[1].is_some(), streams[2].is_some()],
    };
    let mut message = postcard::to_stdvec(&Order::Spawn(envelope)).map_err(encoding)?;
    let file = if in_file {
        Some(Descriptor::Made(files::memory(&body).doing("make a file for the argument")?))
    } else {
        message.extend_from_slice(&body);
        None
    };
    let passed = launch.passed.iter().map(|fd| Descriptor::Lent(fd.as_fd()));
    let descriptors =
        file.into_iter().chain(directory).chain(streams.into_iter().flatten()).chain(passed);
    Ok((message, descriptors.collect()))
}

fn changed(now: &Surroundings, base: &Surroundings, number: i32) -> bool {
    let place = usize::from(number == 2);
    now.streams.get(place) != base.streams.get(place)
}

/// A descriptor that travels with an order.
enum Descriptor<'a> {
    Lent(BorrowedFd<'a>),
    Made(OwnedFd),
}

impl AsFd for Descriptor<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Lent(fd) => *fd,
            Self::Made(fd) => fd.as_fd(),
        }
    }
}

/// A server that is busy, with a preload perhaps, fails a spawn; it is not dead.
fn too_late() -> SpawnError {
    SpawnError::Refused { what: "make the process in time", source: Errno::ETIMEDOUT.into() }
}

/// No channel's buffer holds so many messages.
const MOST_MESSAGES: usize = 1024;

/// Gives up a child that may have been made: nobody would hold it.
///
/// Either the server has said already that the child runs; then it is killed here. Or the server
/// finds that nobody hears it, and kills the child or does not make it.
fn abandon(server: &Server, reception: &Reception) {
    // A peer that is gone says nothing either.
    let _ = socket::close_inbox(reception.channel());
    let mut buffer = [0; FRAME_LIMIT];
    for _ in 0..MOST_MESSAGES {
        let Ok(received) = socket::receive(reception.channel(), &mut buffer, Mode::Try) else {
            return;
        };
        let bytes = buffer.get(..received.length).unwrap_or_default();
        if let Ok((Frame::Started(pid), _)) = postcard::take_from_bytes::<Frame<'_>>(bytes) {
            match received.descriptors.first() {
                // It may have ended.
                Some(handle) => drop(pidfd::signal(handle.as_fd(), libc::SIGKILL)),
                None => server.kill(pid),
            }
        }
    }
}

/// Waits until the server says that the child runs.
fn await_start(
    family: &Family,
    server: &Arc<Server>,
    reception: &mut Reception,
    name: String,
    launch: &Launch<'_>,
) -> Result<Arc<Kin>, SpawnError> {
    let deadline = Deadline::after(patience());
    loop {
        match reception.await_start(deadline) {
            Ok(true) => {}
            Ok(false) => return Err(too_late()),
            Err(errno) => return Err(errno).doing("wait for the fork server"),
        }
        match reception.receive_start().doing("hear from the fork server")? {
            Launching::NotYet => {}
            Launching::Started(pid, handle) => {
                let kin = Arc::new(Kin {
                    pid,
                    name,
                    handle,
                    leader: launch.leader,
                    ours: false,
                    detached: AtomicBool::new(!launch.bound),
                    reaped: Mutex::new(None),
                });
                family.add(Arc::clone(&kin));
                reception.set_kin(Arc::clone(&kin));
                return Ok(kin);
            }
            Launching::Unheld(pid) => {
                server.kill(pid);
                return Err(Errno::EMFILE).doing("hold the handle of the process");
            }
            Launching::Refused(why, errno) => {
                let what = match why {
                    Refusal::Descriptors => "open what the process needs",
                    Refusal::Malformed => "understand the order",
                    Refusal::Fork | Refusal::Preload => "fork",
                };
                return Err(SpawnError::Refused {
                    what,
                    source: io::Error::from_raw_os_error(errno),
                });
            }
            Launching::Ended => {
                // Everybody else has closed the channel: the server is dead, or could not take
                // the order for want of descriptors.
                return Err(if server.goes_on() {
                    SpawnError::Refused { what: "take the order", source: Errno::EMFILE.into() }
                } else {
                    server.bury(family);
                    SpawnError::ServerDied
                });
            }
        }
    }
}

#[cfg(all(test, feature = "auto-init"))]
mod tests {
    use crate::client::server::TEST_PATIENCE;
    use crate::{Process, SpawnError};
    use conc_core::PortableFd;
    use std::io::Read;
    use std::os::unix::net::UnixStream;
    use std::os::unix::process::parent_id;
    use std::time::Duration;

    /// A spawn that waits too long fails by itself; server and siblings live.
    #[test]
    fn a_busy_server_is_not_killed() {
        let _watchdog = conc_tests::watchdog();
        fn busy(_: ()) {
            let sibling = Process::spawn(|()| std::thread::park(), ()).unwrap();
            let server = Process::spawn(|()| parent_id(), ()).unwrap().join().unwrap();
            // The server stops, as if it worked.
            // SAFETY: the call takes numbers only.
            unsafe { libc::kill(server as i32, libc::SIGSTOP) };
            conc_tests::await_stopped(server as i32);
            TEST_PATIENCE.set(Duration::from_millis(50));
            let (mut ours, theirs) = UnixStream::pair().unwrap();
            match Process::spawn(|_: PortableFd| (), PortableFd::new(theirs)) {
                Err(SpawnError::Refused { source, .. }) => {
                    assert_eq!(source.raw_os_error(), Some(libc::ETIMEDOUT));
                }
                other => panic!("{other:?}"),
            }
            TEST_PATIENCE.set(Duration::from_secs(20));
            // SAFETY: as above.
            unsafe { libc::kill(server as i32, libc::SIGCONT) };
            assert_eq!(Process::spawn(|()| parent_id(), ()).unwrap().join(), Ok(server));
            assert!(sibling.is_alive());
            assert_eq!(ours.read(&mut [0]).unwrap(), 0, "nobody has what it was to bring");
            // The one that nobody took was not made.
            let path = format!("/proc/{server}/task/{server}/children");
            let children = std::fs::read_to_string(path).unwrap();
            // The reaping of the one that told us the number may take its time.
            assert!(children.split_whitespace().count() <= 2, "{children}");
        }
        Process::spawn(busy, ()).unwrap().join().unwrap();
    }
}
