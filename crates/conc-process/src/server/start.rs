//! From the exec to the first order.

use super::Server;
use super::offspring::Offspring;
use crate::child;
use crate::client::Family;
use crate::protocol::{Answer, Hello, ORDER_LIMIT};
use crate::sys::files::{self, OnExec};
use crate::sys::image::Image;
use crate::sys::socket::Mode;
use crate::sys::surroundings::{self, OPEN_FILES};
use crate::sys::{fork, pidfd, signals, socket};
use nix::errno::Errno;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::OnceLock;

/// Where the server holds its end of the socket to the client; a child's channel replaces it.
const ORDERS: i32 = child::CHANNEL;

/// The limit on open files that children are to have again.
static FILES: OnceLock<(u64, u64)> = OnceLock::new();

/// Gives this child the limit on open files that the server was started with.
pub(crate) fn restore_limit() -> Result<(), Errno> {
    FILES.get().map_or(Ok(()), |&limit| surroundings::set_limit(OPEN_FILES, limit))
}

/// Makes this process a server, or tells the client why it cannot be one.
pub(super) fn start(hello: &Hello) -> Result<Server, ()> {
    let (answer, server) = match arrange(hello) {
        Ok(server) => (Answer::Ready(hello.nonce), Some(server)),
        Err(why) => (Answer::Unfit(why), None),
    };
    let bytes = postcard::to_stdvec(&answer).map_err(drop)?;
    let place = server.as_ref().map_or(files::standard(0), |_| orders());
    socket::send(place, &bytes, &[], Mode::Try).map_err(drop)?;
    server.ok_or(())
}

fn orders() -> BorrowedFd<'static> {
    // SAFETY: put there once, and never closed.
    unsafe { files::at(ORDERS) }
}

fn arrange(hello: &Hello) -> Result<Server, String> {
    let doing = |what: &'static str| move |errno: Errno| format!("{what}: {errno}");
    if hello.fingerprint != Image::own().fingerprint() {
        return Err("/proc/self/exe is another program".to_owned());
    }
    match fork::thread_count() {
        Some(1) => {}
        Some(many) => return Err(format!("{many} threads run before main")),
        None => return Err("/proc is not mounted".to_owned()),
    }
    files::fill_standard();
    let client = watch(hello.client)
        // Away from the places that have a meaning.
        .and_then(|handle| files::duplicate_above(handle.as_fd(), child::BODY))
        .map_err(doing("watch the parent"))?;
    // The socket last: until then errors are told by way of its first place.
    let first = files::standard(0);
    let moved = files::duplicate_above(first, child::BODY).map_err(doing("move the socket"))?;
    let close = OnExec::Close;
    // SAFETY: nothing of ours runs yet; what the number meant before, it was inherited by mistake.
    unsafe { files::put(client.as_fd(), child::CLIENT, close) }.map_err(doing("place"))?;
    // SAFETY: as above.
    unsafe { files::put(moved.as_fd(), ORDERS, close) }.map_err(doing("place"))?;
    // Whatever the client's other threads left open at the wrong moment ends here.
    std::mem::forget((moved, client));
    // SAFETY: this process owns nothing beyond.
    unsafe { files::close_from(child::BODY) };
    let null = files::null().map_err(doing("open /dev/null"))?;
    signals::ignore_broken_pipes().map_err(doing("ignore SIGPIPE"))?;
    signals::keep_dead_children().map_err(doing("keep dead children"))?;
    let dead = signals::DeadChildren::watch().map_err(doing("watch for dead children"))?;
    fork::adopt_orphans().map_err(doing("adopt orphans"))?;
    child::listen_for_crashes().map_err(doing("listen for crashes"))?;
    fork::set_name("conc-forkserver");
    // What every child would do for the first time is done here, once.
    Family::watch_forks();
    child::flush();
    let limits = surroundings::limits().map_err(doing("read limits"))?;
    let files @ (_, hard) = limits[OPEN_FILES];
    FILES.get_or_init(|| files);
    surroundings::set_limit(OPEN_FILES, (hard, hard)).map_err(doing("raise a limit"))?;
    // SAFETY: nothing owns the standard descriptors.
    unsafe { files::put(null.as_fd(), 0, OnExec::Keep) }.map_err(doing("set stdin"))?;
    Ok(Server {
        pid: fork::own_pid(),
        // SAFETY: put there above, and never closed.
        client: unsafe { files::at(child::CLIENT) },
        orders: Some(orders()),
        retired: false,
        dead,
        children: Offspring::default(),
        buffer: vec![0; ORDER_LIMIT + 4096],
    })
}

/// The client's handle: it is our parent before and after we opened it, so it is the one.
fn watch(client: i32) -> Result<std::os::fd::OwnedFd, Errno> {
    if fork::parent_pid() != client {
        return Err(Errno::ESRCH);
    }
    let handle = pidfd::open(client)?;
    if fork::parent_pid() != client {
        return Err(Errno::ESRCH);
    }
    Ok(handle)
}
