//! The client's end of a fork server.

use super::Family;
use crate::error::Doing;
use crate::process::ExitStatus;
use crate::protocol::{
    Address, Answer, FRAME_LIMIT, Frame, Hello, ORDER_LIMIT, Order, SERVER_MARKER, hex, nonce,
};
use crate::sys::image::Image;
use crate::sys::socket::Mode;
use crate::sys::surroundings::Surroundings;
use crate::sys::{fork, pidfd, poll, socket};
use crate::{SpawnError, bootstrap};
use conc_core::Deadline;
use nix::errno::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// A server that says nothing for so long at its start is not one; an order that takes longer
/// fails.
const PATIENCE: Duration = Duration::from_secs(20);

#[cfg(test)]
thread_local! {
    /// The patience of this thread's spawns.
    pub(super) static TEST_PATIENCE: std::cell::Cell<Duration> =
        const { std::cell::Cell::new(PATIENCE) };
}

/// How long a spawn waits for its server.
pub(super) fn patience() -> Duration {
    #[cfg(test)]
    return TEST_PATIENCE.get();
    #[cfg(not(test))]
    PATIENCE
}

/// One that closes its socket without a word ends within such a time.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A fork server, as its client sees it.
#[derive(Debug)]
pub(crate) struct Server {
    socket: OwnedFd,
    /// Readable when it has died. Signals and reaps it, too: its number may be another's by then,
    /// if somebody else has reaped it.
    handle: OwnedFd,
    /// What this process was like when it started the server; children inherit it.
    pub(crate) base: Surroundings,
}

impl Server {
    /// The server of this process, started or replaced if need be.
    pub(crate) fn get(family: &Family, now: &Surroundings) -> Result<Arc<Self>, SpawnError> {
        let mut current = family.server.lock();
        if let Some(server) = &*current {
            if server.base.privileges == now.privileges {
                return Ok(Arc::clone(server));
            }
            // Rights can only be inherited: the old server serves its children to their ends.
            server.retire(family);
        }
        family.retired.lock().retain(|server| !server.has_ended());
        let server = Arc::new(Self::start(now)?);
        for &function in &*family.preloads.lock() {
            if let Err(error) = server.preload(function) {
                // Nobody has seen it.
                end(server.handle());
                return Err(error);
            }
        }
        *current = Some(Arc::clone(&server));
        Ok(server)
    }

    /// Forgets a server that has died; one that lives stays what it is.
    pub(crate) fn bury(self: &Arc<Self>, family: &Family) {
        if !self.has_died() {
            return;
        }
        let mut current = family.server.lock();
        if current.as_ref().is_some_and(|known| Arc::ptr_eq(known, self)) {
            *current = None;
        }
        // Somebody else may have reaped it.
        let _ = pidfd::reap(self.handle());
    }

    /// Forgets a server that takes no orders any more. If it lives, it serves its children to
    /// their ends.
    pub(super) fn replace(self: &Arc<Self>, family: &Family) {
        if self.goes_on() {
            self.dismiss(family);
        } else {
            self.bury(family);
        }
    }

    fn start(now: &Surroundings) -> Result<Self, SpawnError> {
        bootstrap::ensure()?;
        let (socket, theirs) = socket::pair().doing("make a socket")?;
        let hello = Hello {
            nonce: nonce().doing("get a random number")?,
            fingerprint: Image::own().fingerprint(),
            client: fork::own_pid(),
        };
        let greeting = postcard::to_stdvec(&hello)
            .map_err(|error| SpawnError::NotEncoded { message: error.to_string().into() })?;
        socket::send(socket.as_fd(), &greeting, &[], Mode::Try).doing("greet the fork server")?;
        socket::bound_sends(socket.as_fd(), PATIENCE).doing("set up a socket")?;
        let mut process = Command::new("/proc/self/exe")
            .arg0(SERVER_MARKER)
            .arg(hex(&hello.nonce))
            .stdin(theirs)
            .process_group(0)
            .spawn()
            .doing("start the fork server")?;
        let handle = match pidfd::open(process.id() as i32) {
            Ok(handle) => handle,
            Err(errno) => {
                // Nobody could hold it. It finds that nobody hears it, and ends.
                drop(socket);
                let _ = process.wait();
                return Err(errno).doing("hold the fork server");
            }
        };
        match await_answer(socket.as_fd(), handle.as_fd(), &hello) {
            Ok(()) => Ok(Self { socket, handle, base: now.clone() }),
            Err(reason) => {
                // Whatever became of it, it is not a server. If it ended by itself, how?
                let last_words = if reason.ended { LAST_WORDS } else { Duration::ZERO };
                let ended = poll::readable([handle.as_fd()], Deadline::after(last_words));
                let ended = ended == Ok([true]);
                let status = end(handle.as_fd()).filter(|_| ended).map(ExitStatus::from_raw);
                Err(SpawnError::ServerStart { reason: reason.text.into(), status })
            }
        }
    }

    /// Lets a child live on when this process ends.
    pub(crate) fn detach(&self, pid: i32) -> Result<(), Errno> {
        let order = postcard::to_stdvec(&Order::Detach(pid)).map_err(|_| Errno::EINVAL)?;
        self.order(&order, &[])
    }

    /// Ends a child whose handle was lost on the way.
    pub(super) fn kill(&self, pid: i32) {
        if let Ok(order) = postcard::to_stdvec(&Order::Kill(pid)) {
            // A busy server takes it later. If it is dead, the child is.
            while self.order(&order, &[]) == Err(Errno::EAGAIN) {}
        }
    }

    /// Sends an order. `EPIPE` and its like: it is dead and has not seen it.
    pub(crate) fn order(&self, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> Result<(), Errno> {
        debug_assert!(bytes.len() <= ORDER_LIMIT, "longer orders travel in a file");
        socket::send(self.socket.as_fd(), bytes, descriptors, Mode::Block)
    }

    /// Warms the server.
    fn preload(&self, function: u64) -> Result<(), SpawnError> {
        let (channel, theirs) = socket::pair().doing("make a socket")?;
        let order = postcard::to_stdvec(&Order::Preload(function))
            .map_err(|error| SpawnError::NotEncoded { message: error.to_string().into() })?;
        self.order(&order, &[theirs.as_fd()]).map_err(|errno| match errno {
            Errno::EAGAIN => SpawnError::Refused { what: "take the order", source: errno.into() },
            _ => SpawnError::ServerDied,
        })?;
        drop(theirs);
        let mut buffer = [0; FRAME_LIMIT];
        let received = loop {
            // A copy of the server, made by the function, may hold the channel beyond its death.
            let found = poll::readable([channel.as_fd(), self.handle()], None);
            let [_, dead] = found.doing("wait for the fork server")?;
            match socket::receive(channel.as_fd(), &mut buffer, Mode::Try) {
                Err(Errno::EAGAIN) if dead => return Err(SpawnError::ServerDied),
                Err(Errno::EAGAIN) => {}
                other => break other.doing("hear from the fork server")?,
            }
        };
        let answer = buffer.get(..received.length).unwrap_or_default();
        match postcard::from_bytes::<Frame<'_>>(answer) {
            Ok(Frame::Value) => Ok(()),
            Ok(Frame::Panicked { message, .. }) => Err(SpawnError::ServerStart {
                reason: format!("a preloaded function panicked: {message}").into(),
                status: None,
            }),
            Ok(Frame::Refused(_, errno)) if errno == Errno::EDEADLK as i32 => {
                Err(SpawnError::ServerStart {
                    reason: "a preloaded function left threads behind".into(),
                    status: None,
                })
            }
            _ => Err(SpawnError::ServerDied),
        }
    }

    /// Lets the server serve its children to their ends and then end itself.
    fn retire(self: &Arc<Self>, family: &Family) {
        if let Ok(order) = postcard::to_stdvec(&Order::Retire) {
            // If it is dead, it has retired.
            let _ = self.order(&order, &[]);
        }
        family.retired.lock().push(Arc::clone(self));
    }

    /// Forgets a server without harm to its children.
    fn dismiss(self: &Arc<Self>, family: &Family) {
        let mut current = family.server.lock();
        if current.as_ref().is_some_and(|known| Arc::ptr_eq(known, self)) {
            *current = None;
            self.retire(family);
        }
    }

    /// Readable when it has died.
    pub(crate) fn handle(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }

    /// Whether it has died. That a channel has no other end any more proves nothing, nor does it
    /// if there is one: a copy of this process by `fork` may hold it.
    pub(crate) fn has_died(&self) -> bool {
        poll::ended(&[self.handle.as_fd()]).is_ok_and(|ended| ended == [true])
    }

    /// Whether it goes on, though it has closed the channel of a child that it was to make.
    ///
    /// One that dies closes its descriptors in no order that could be relied on.
    pub(super) fn goes_on(&self) -> bool {
        poll::readable([self.handle.as_fd()], Deadline::after(LAST_WORDS)) == Ok([false])
    }

    /// Whether it has ended; if so, it is reaped.
    fn has_ended(&self) -> bool {
        !matches!(pidfd::reap(self.handle()), Ok(None))
    }
}

/// Kills and reaps a server that serves nobody; its raw wait status.
fn end(server: BorrowedFd<'_>) -> Option<i32> {
    // It may have ended.
    let _ = pidfd::signal(server, libc::SIGKILL);
    let _ = poll::readable([server], None);
    // Somebody else may have reaped it.
    pidfd::reap(server).ok().flatten()
}

/// Why a server did not answer well.
struct Silence {
    text: String,
    /// It closed its end.
    ended: bool,
}

fn await_answer(
    socket: BorrowedFd<'_>,
    process: BorrowedFd<'_>,
    hello: &Hello,
) -> Result<(), Silence> {
    let silent = |text: &str, ended| Err(Silence { text: text.to_owned(), ended });
    match poll::readable([socket, process], Deadline::after(PATIENCE)) {
        Ok(found) if found.contains(&true) => {}
        _ => return silent("it said nothing", false),
    }
    let mut buffer = [0; 1024];
    let length = match socket::receive(socket, &mut buffer, Mode::Try) {
        Ok(received) if received.length > 0 => received.length,
        _ => return silent("it ended before it was ready", true),
    };
    match postcard::from_bytes::<Answer>(buffer.get(..length).unwrap_or_default()) {
        Ok(Answer::Ready(nonce)) if nonce == hello.nonce => Ok(()),
        Ok(Answer::Unfit(why)) => silent(&why, false),
        _ => silent("it said something else", false),
    }
}

/// Runs `function` in the fork server, once: every process that is started later finds what it
/// made, shared copy-on-write.
///
/// A server that replaces a dead one runs it again. The function must not leave threads behind.
/// Processes started with [`StartMethod::Spawn`](crate::StartMethod::Spawn) are fresh and see
/// nothing of it.
///
/// # Errors
///
/// The server cannot be started, or the function panicked or left threads behind: then it is
/// forgotten, and the next spawn starts a fresh server.
///
/// # Examples
///
/// ```
/// use conc_process::{Process, preload};
/// use std::sync::OnceLock;
///
/// static DICTIONARY: OnceLock<Vec<String>> = OnceLock::new();
///
/// fn load() {
///     DICTIONARY.get_or_init(|| vec!["loaded once".to_owned()]);
/// }
///
/// preload(load)?;
/// let process = Process::spawn(|()| DICTIONARY.get().map(Vec::len), ())?;
/// assert_eq!(process.join(), Ok(Some(1)));
/// assert!(DICTIONARY.get().is_none(), "loaded in the server, not here");
/// # Ok::<(), conc_process::SpawnError>(())
/// ```
///
/// # Python
///
/// `set_forkserver_preload`, which takes names of modules and ignores errors.
#[doc(alias = "set_forkserver_preload")]
pub fn preload(function: fn()) -> Result<(), SpawnError> {
    bootstrap::ensure()?;
    let family = Family::own();
    let address = Address::of(function as usize).ok_or(SpawnError::NotPortable)?;
    let now = Surroundings::now().doing("read /proc")?;
    let server = Server::get(family, &now)?;
    let outcome = server.preload(address.offset());
    match outcome {
        Ok(()) => family.preloads.lock().push(address.offset()),
        Err(SpawnError::ServerDied) => server.replace(family),
        // It has not run the function.
        Err(SpawnError::Refused { .. } | SpawnError::System { .. }) => {}
        Err(_) => server.dismiss(family),
    }
    outcome
}
