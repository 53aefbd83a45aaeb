//! The fork server: a copy of this program that never reaches `main`.
//!
//! One thread from its birth, so that a fork copies no lock that somebody holds; small, so that a
//! fork is fast however big the client is. It makes processes as it is told, tells the client of
//! their ends, and ends them when the client ends.
//!
//! # States
//!
//! | state | when | ends |
//! |---|---|---|
//! | serving | the client holds its socket | |
//! | retired | the client lives, but wants no more of it | when the last child and its orphans have ended |
//! | orphaned | the client is dead | when the last detached child has ended; bound ones and their orphans it kills |
//!
//! # Invariants
//!
//! 1. A child is reaped only here, and only after its pidfd was opened; so no number is mistaken.
//! 2. If the server dies, its bound children get SIGKILL from the kernel (`PR_SET_PDEATHSIG`: the
//!    thread that made them is the server's only one).
//! 3. Orders that were sent before the client died are read before its children are ended.
//!
//! | file | holds |
//! |---|---|
//! | `start` | from the exec to the first order |
//! | `offspring` | the children that live |

mod offspring;
mod start;

pub(crate) use start::restore_limit;

use crate::child;
use crate::protocol::{Address, Frame, Hello, ORDER_LIMIT, Order, Parcel, Refusal};
use crate::sys::files::{self, OnExec};
use crate::sys::fork::Side;
use crate::sys::signals::DeadChildren;
use crate::sys::socket::{Mode, Received};
use crate::sys::{fork, pidfd, poll, socket};
use conc_core::job::caught;
use nix::errno::Errno;
use offspring::Offspring;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// A server at work.
struct Server {
    /// Our own number.
    pid: i32,
    client: BorrowedFd<'static>,
    /// `None`: the client closed its end.
    orders: Option<BorrowedFd<'static>>,
    retired: bool,
    dead: DeadChildren,
    children: Offspring,
    buffer: Vec<u8>,
}

/// Serves the client that sent `hello`, and ends.
pub(crate) fn serve(hello: &Hello) -> ! {
    match start::start(hello) {
        Ok(server) => server.run(),
        Err(()) => fork::quit(1),
    }
}

impl Server {
    fn run(mut self) -> ! {
        loop {
            let orders = self.orders.unwrap_or(self.client);
            let waits = [orders, self.client, self.dead.as_fd()];
            let found = if self.children.is_told() {
                poll::readable(waits, None)
            } else {
                poll::either(waits, self.children.untold())
            };
            let Ok([_, client_ended, have_died]) = found else { fork::quit(1) };
            if client_ended {
                self.end();
            }
            self.obey();
            if have_died {
                self.dead.drain();
                self.children.bury();
            }
            self.children.tell();
            // A client that dies closes its socket first: then its orphans wait for us.
            let done = self.retired && self.children.is_empty() && self.children.is_told();
            if done && !self.children.has_orphans() {
                fork::quit(0);
            }
        }
    }

    /// Obeys what orders there are.
    fn obey(&mut self) {
        while let Some(orders) = self.orders {
            match socket::receive(orders, &mut self.buffer, Mode::Try) {
                Ok(Received { length: 0, .. }) => (self.orders, self.retired) = (None, true),
                Ok(received) => self.handle(received),
                Err(Errno::EAGAIN) => return,
                // Descriptors or memory have run out: whoever sent this order learns of it by the
                // end of its channel.
                Err(_) => return,
            }
        }
    }

    fn handle(&mut self, received: Received) {
        let Received { length, descriptors, truncated } = received;
        let bytes = std::mem::take(&mut self.buffer);
        let message = bytes.get(..length).unwrap_or_default();
        if truncated {
            refuse(descriptors.first(), Refusal::Descriptors, Errno::EMFILE);
        } else {
            match postcard::take_from_bytes::<Order>(message) {
                Ok((order, body)) => self.carry_out(order, descriptors, body),
                Err(_) => refuse(descriptors.first(), Refusal::Malformed, Errno::EBADMSG),
            }
        }
        self.buffer = bytes;
    }

    fn carry_out(&mut self, order: Order, descriptors: Vec<OwnedFd>, body: &[u8]) {
        match order {
            Order::Retire => self.retired = true,
            Order::Detach(pid) => self.children.detach(pid),
            Order::Kill(pid) => self.children.kill(pid),
            Order::Preload(function) => self.preload(Address::at(function), &descriptors),
            Order::Spawn(envelope) => {
                let Some(parcel) = Parcel::sort(&envelope, descriptors) else { return };
                // The client has given it up meanwhile.
                if poll::has_hung_up(parcel.channel.as_fd()) == Ok(true) {
                    return;
                }
                // SAFETY: this process has one thread.
                match unsafe { fork::fork() } {
                    Ok(Side::Child) => child::enter(self.pid, &envelope, parcel, body),
                    Ok(Side::Parent(pid)) => {
                        if envelope.leader {
                            // The child does the same; whoever comes first. It may be dead.
                            let _ = fork::lead_group(pid);
                        }
                        self.adopt(pid, envelope.bound, parcel.channel);
                    }
                    Err(errno) => refuse(Some(&parcel.channel), Refusal::Fork, errno),
                }
            }
        }
    }

    /// Tells the client of a new child. The child is not reaped yet, whatever it did.
    fn adopt(&mut self, pid: i32, bound: bool, channel: OwnedFd) {
        match pidfd::open(pid) {
            Ok(handle) => {
                let frame = Frame::Started(pid).encode();
                match socket::send(channel.as_fd(), &frame, &[handle.as_fd()], Mode::Try) {
                    Ok(()) => self.children.add(pid, bound, Some(channel)),
                    Err(errno) => self.disown(pid, &channel, errno),
                }
            }
            Err(errno) => self.disown(pid, &channel, errno),
        }
    }

    /// Nobody could hold this child: as if it had not been made.
    fn disown(&mut self, pid: i32, channel: &OwnedFd, errno: Errno) {
        self.children.add(pid, true, None);
        self.children.kill(pid);
        refuse(Some(channel), Refusal::Descriptors, errno);
    }

    /// Runs a function here, so that all children find what it made.
    fn preload(&self, function: Address, descriptors: &[OwnedFd]) {
        // The client has died: what it said after this counts more.
        if descriptors.first().is_some_and(|fd| poll::has_hung_up(fd.as_fd()) == Ok(true)) {
            return;
        }
        // The function may never return, and nobody but us would see the client die.
        match self.start_watcher() {
            Ok(watcher) => {
                preload(function, descriptors);
                // It is reaped with the children. It may be dead.
                let _ = pidfd::signal(watcher.as_fd(), libc::SIGKILL);
            }
            Err(errno) => refuse(descriptors.first(), Refusal::Fork, errno),
        }
    }

    /// Makes a process that kills this one when the client dies; its handle. It dies with us.
    fn start_watcher(&self) -> Result<OwnedFd, Errno> {
        // SAFETY: this process has one thread.
        match unsafe { fork::fork() }? {
            Side::Child => watch_client(self.pid),
            Side::Parent(pid) => pidfd::open(pid).inspect_err(|_| {
                // Not reaped yet.
                let _ = fork::kill(pid, libc::SIGKILL);
            }),
        }
    }

    /// The client is dead.
    fn end(mut self) -> ! {
        // It may have said before that a child is to live on; or asked for one, which dies with it.
        self.obey();
        self.children.kill_bound();
        // There is one, and what would not let us in does not make us stay.
        let _ = files::enter_root();
        // We may outlive the client with a child that does: whoever reads from its streams waits
        // for their end. The first of ours is /dev/null.
        for stream in [1, 2] {
            // SAFETY: nothing owns the standard descriptors.
            let _ = unsafe { files::put(files::standard(0), stream, OnExec::Keep) };
        }
        loop {
            self.children.bury();
            let orphans = self.children.kill_orphans();
            if self.children.is_empty() && !orphans {
                fork::quit(0);
            }
            if poll::readable([self.dead.as_fd()], None).is_err() {
                fork::quit(1);
            }
            self.dead.drain();
        }
    }
}

/// Says no, to whoever listens.
fn refuse(channel: Option<&OwnedFd>, why: Refusal, errno: Errno) {
    if let Some(channel) = channel {
        let frame = Frame::Refused(why, errno as i32);
        // A client that is gone does not care.
        let _ = socket::send(channel.as_fd(), &frame.encode(), &[], Mode::Try);
    }
}

/// Waits for the client's death and kills the server, our parent.
fn watch_client(server: i32) -> ! {
    let client = files::standard(0);
    // SAFETY: put there at the start, and not closed before it is copied.
    let handle = unsafe { files::at(child::CLIENT) };
    // SAFETY: nothing owns the standard descriptors.
    let placed = unsafe { files::put(handle, 0, OnExec::Close) };
    // SAFETY: nothing that goes on in this process owns a descriptor.
    unsafe { files::close_from(1) };
    fork::set_name("conc-watcher");
    let bound = fork::bind_to(server) == Ok(true);
    if placed.is_ok() && bound && poll::readable([client], None).is_ok() {
        // It lives, or we would be dead: the number is its own.
        let _ = fork::kill(server, libc::SIGKILL);
    }
    fork::quit(0)
}

/// Calls the function and says how it went.
fn preload(function: Address, descriptors: &[OwnedFd]) {
    let Some(channel) = descriptors.first() else { return };
    let Some(code) = function.locate() else {
        return refuse(descriptors.first(), Refusal::Malformed, Errno::EBADMSG);
    };
    let code = std::ptr::with_exposed_provenance::<()>(code);
    // SAFETY: the client runs this very program and made the address from an `fn()`; it is code of
    // this program.
    let function = unsafe { std::mem::transmute::<*const (), fn()>(code) };
    let outcome = caught(function);
    child::flush();
    let frame = match &outcome {
        Err(error) => Frame::of(error),
        // A second thread would make every later fork unsafe.
        Ok(()) if fork::thread_count() != Some(1) => {
            Frame::Refused(Refusal::Preload, Errno::EDEADLK as i32)
        }
        Ok(()) => Frame::Value,
    };
    // A client that is gone does not care.
    let _ = socket::send(channel.as_fd(), &frame.encode(), &[], Mode::Try);
}

const _: () = assert!(ORDER_LIMIT < 128 * 1024, "an order fits a socket's buffer");
