//! What has arrived about one child.

use super::ExitStatus;
use super::stderr::Tail;
use crate::client::{Family, Kin, Server};
use crate::protocol::{FRAME_LIMIT, Frame, Refusal, decode};
use crate::sys::socket::{Mode, Received};
use crate::sys::{files, poll, socket};
use conc_core::wait::Patience;
use conc_core::{CrashReport, Deadline, JoinError, Signal, Wire};
use nix::errno::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

/// A process takes about so long to start. Giving way meanwhile costs less than to fall asleep and
/// be woken, and keeps a processor awake for the process.
const START: Duration = Duration::from_micros(100);

/// More messages than this do not fit the buffer of a socket, so that one more is the end.
const EMPTY_LIMIT: usize = 512;

/// A server that dies closes its channels a moment before its handle says so.
const DYING: Duration = Duration::from_millis(100);

/// How the task ended, if the child lived to tell.
#[derive(Debug)]
enum Outcome {
    Value(Vec<u8>),
    ValueInFile(OwnedFd),
    Failed(JoinError),
}

/// The first news of a child.
#[derive(Debug)]
pub(crate) enum Launching {
    NotYet,
    /// It runs: its number and its handle.
    Started(i32, OwnedFd),
    /// It runs, but there was no room for its handle.
    Unheld(i32),
    Refused(Refusal, i32),
    /// Nobody will say anything any more.
    Ended,
}

/// A crash, as the child's handler told it.
#[derive(Debug)]
struct Crash {
    signal: Signal,
    address: Option<u64>,
    frames: Vec<u64>,
}

/// What has arrived about one child, and the channel for more.
#[derive(Debug)]
pub(crate) struct Reception {
    channel: OwnedFd,
    /// Who made it and reaps it.
    server: Option<Arc<Server>>,
    outcome: Option<Outcome>,
    /// The descriptors that are in the value, which has yet to come.
    baggage: Vec<OwnedFd>,
    crash: Option<Crash>,
    status: Option<ExitStatus>,
    /// Nobody will say anything any more.
    ended: bool,
    /// Empty messages after everybody else had closed the channel.
    empty: usize,
    /// The child, once it is known to run.
    kin: Option<Arc<Kin>>,
    /// How it ended nobody knows: somebody else reaped it.
    lost: bool,
    /// The last lines of its stderr, if these are kept.
    pub(crate) tail: Option<Arc<Tail>>,
    /// Nobody writes to its stderr any more.
    silent: bool,
}

impl Reception {
    pub(crate) fn new(channel: OwnedFd, server: Option<Arc<Server>>) -> Self {
        Self {
            channel,
            server,
            outcome: None,
            baggage: Vec::new(),
            crash: None,
            status: None,
            ended: false,
            empty: 0,
            kin: None,
            lost: false,
            tail: None,
            silent: false,
        }
    }

    /// For a child that no server reaps.
    pub(crate) fn reaping(channel: OwnedFd, child: Arc<Kin>) -> Self {
        Self { kin: Some(child), ..Self::new(channel, None) }
    }

    pub(crate) fn channel(&self) -> BorrowedFd<'_> {
        self.channel.as_fd()
    }

    /// Whether [`conclude`](Self::conclude) knows how the task ended.
    pub(crate) fn is_settled(&self) -> bool {
        self.outcome.is_some() || self.is_over()
    }

    /// Whether the process has ended.
    pub(crate) fn is_over(&self) -> bool {
        self.status.is_some() || self.lost || self.ended && self.server.is_some()
    }

    /// The child runs.
    pub(crate) fn set_kin(&mut self, kin: Arc<Kin>) {
        self.kin = Some(kin);
    }

    /// Who tells how the child ended, and whose death says that nobody will.
    pub(crate) fn server(&self) -> Option<&Arc<Server>> {
        self.server.as_ref()
    }

    /// Lets the child live on when this process ends.
    pub(crate) fn detach(&self, pid: i32) -> Result<(), Errno> {
        self.server.as_ref().map_or(Err(Errno::EOPNOTSUPP), |server| server.detach(pid))
    }

    pub(crate) fn status(&self) -> Option<ExitStatus> {
        self.status
    }

    /// Takes in what has arrived, without waiting.
    pub(crate) fn look(&mut self) {
        self.drain();
        self.listen();
        match &self.server {
            _ if self.is_over() => {}
            Some(server) => {
                let dead = server.has_died() && self.kin.as_ref().is_none_or(|kin| kin.has_ended());
                if dead {
                    // What they said between our look and their end.
                    self.drain();
                    self.ended = true;
                }
            }
            None => self.reap(),
        }
    }

    /// Keeps the captured stderr from filling up. The supervisor does, too, but may be busy: with
    /// the callback, for one, that waits here.
    fn listen(&mut self) {
        if let Some(tail) = self.tail.as_ref().filter(|_| !self.silent) {
            self.silent = tail.drain();
        }
    }

    /// The end of a child that no server reaps.
    fn reap(&mut self) {
        match self.kin.as_ref().map(|kin| kin.reap()) {
            Some(Ok(None)) => {}
            Some(Ok(status)) => {
                // What it said between our look and its end.
                self.drain();
                self.status = status;
            }
            None | Some(Err(_)) => {
                // Somebody else has reaped it; what it said before is here all the same.
                self.drain();
                self.lost = true;
            }
        }
    }

    fn drain(&mut self) {
        while !self.ended && self.status.is_none() {
            match self.receive(Mode::Try) {
                Ok(_) => {}
                Err(Errno::EAGAIN) => return,
                Err(_) => self.ended = true,
            }
        }
    }

    /// Waits until it is [settled](Self::is_settled).
    pub(crate) fn settle(&mut self) {
        // Short work ends before a sleeper would have been woken twice.
        let mut patience = Patience::yielding(START);
        while !self.is_settled() && patience.pause() {
            match self.receive(Mode::Try) {
                Ok(_) | Err(Errno::EAGAIN) => {}
                Err(_) => self.ended = true,
            }
        }
        if !self.is_settled() {
            self.wait(None, Self::is_settled);
        }
    }

    /// Waits for news before the child is known to run; `false` if the deadline came first.
    pub(crate) fn await_start(&mut self, deadline: Option<Deadline>) -> Result<bool, Errno> {
        let mut patience = Patience::yielding(START);
        while patience.pause() {
            if poll::ended(&[self.channel()])? == [true] {
                return Ok(true);
            }
        }
        let handle = self.server.as_ref().map_or(self.channel(), |server| server.handle());
        Ok(poll::readable([self.channel(), handle], deadline)?.contains(&true))
    }

    /// Takes in what has arrived before the child is known to run.
    pub(crate) fn receive_start(&mut self) -> Result<Launching, Errno> {
        match self.receive(Mode::Try) {
            Err(Errno::EAGAIN) if self.server.as_ref().is_some_and(|server| server.has_died()) => {
                // Nothing was there, and nothing will come; but it may have come in between.
                let last = self.receive(Mode::Try);
                Ok(last.ok().flatten().unwrap_or(Launching::Ended))
            }
            Err(Errno::EAGAIN) => Ok(Launching::NotYet),
            Ok(None) if self.ended => Ok(Launching::Ended),
            Ok(None) => Ok(Launching::NotYet),
            Ok(Some(news)) => Ok(news),
            Err(error) => Err(error),
        }
    }

    fn receive(&mut self, mode: Mode) -> Result<Option<Launching>, Errno> {
        let mut buffer = [0; FRAME_LIMIT];
        let received = socket::receive(self.channel.as_fd(), &mut buffer, mode)?;
        let Received { length, descriptors, truncated } = received;
        if length == 0 {
            // An empty message looks like the end, but is only a child's nonsense.
            self.empty += usize::from(poll::has_hung_up(self.channel.as_fd())?);
            self.ended = self.empty > EMPTY_LIMIT;
            return Ok(None);
        }
        let bytes = buffer.get(..length).unwrap_or_default();
        let Ok((frame, rest)) = postcard::take_from_bytes::<Frame<'_>>(bytes) else {
            // Bytes without meaning change nothing.
            return Ok(None);
        };
        if truncated {
            if let Frame::Started(pid) = frame {
                return Ok(Some(Launching::Unheld(pid)));
            }
            self.fail(JoinError::NotDecoded {
                message: "no descriptor is free for what the process sent".into(),
            });
            return Ok(None);
        }
        Ok(self.take_in(frame, rest, descriptors))
    }

    fn take_in(
        &mut self,
        frame: Frame<'_>,
        rest: &[u8],
        descriptors: Vec<OwnedFd>,
    ) -> Option<Launching> {
        let first = |descriptors: Vec<OwnedFd>| descriptors.into_iter().next();
        match frame {
            Frame::Started(pid) => {
                return first(descriptors).map(|handle| Launching::Started(pid, handle));
            }
            Frame::Refused(why, errno) => return Some(Launching::Refused(why, errno)),
            Frame::Ended(status) => self.status = Some(ExitStatus::from_raw(status)),
            Frame::Crashed { signal, address, frames } => {
                self.crash = Some(Crash {
                    signal: Signal::new(signal),
                    address,
                    frames: frames.into_owned(),
                });
            }
            // The first word counts.
            _ if self.outcome.is_some() => {}
            Frame::Value => self.outcome = Some(Outcome::Value(rest.to_owned())),
            Frame::ValueInFile => self.outcome = first(descriptors).map(Outcome::ValueInFile),
            Frame::Baggage if self.baggage.is_empty() => self.baggage = descriptors,
            Frame::Baggage => self.fail(JoinError::NotDecoded {
                message: "the process sent descriptors twice".into(),
            }),
            Frame::Panicked { message, location } => self.fail(JoinError::Panicked {
                message: message.into(),
                location: location.map(Into::into),
            }),
            Frame::NotDecoded(message) => {
                self.fail(JoinError::NotDecoded { message: message.into() });
            }
            Frame::NotEncoded(message) => {
                self.fail(JoinError::NotEncoded { message: message.into() });
            }
            Frame::Unprepared { step, errno } => self.fail(JoinError::NotStarted {
                message: format!("cannot {step}: {}", Errno::from_raw(errno).desc()).into(),
            }),
        }
        None
    }

    fn fail(&mut self, error: JoinError) {
        self.outcome.get_or_insert(Outcome::Failed(error));
    }

    /// Waits until `enough` of the child is known; `false` if the deadline came first.
    pub(crate) fn wait(&mut self, deadline: Option<Deadline>, enough: fn(&Self) -> bool) -> bool {
        loop {
            self.look();
            if enough(self) {
                return true;
            }
            // Who writes to stderr without end would keep the poll below from telling.
            if deadline.is_some_and(Deadline::is_past) {
                return false;
            }
            let channel = self.channel.as_fd();
            // Who else has news: the server's death; then the child's.
            let death = match (&self.server, &self.kin) {
                (Some(server), Some(kin)) if server.has_died() => kin.handle.as_fd(),
                (Some(server), _) => server.handle(),
                (None, Some(kin)) => kin.handle.as_fd(),
                (None, None) => channel,
            };
            // A channel without another end has no more news, and says so without end.
            let channel = if self.ended { death } else { channel };
            let stderr = self.tail.as_ref().filter(|_| !self.silent);
            let stderr = stderr.map_or(death, |tail| tail.pipe());
            let found = poll::readable([channel, death, stderr], deadline)
                .map(|found| found.contains(&true));
            match found {
                Ok(true) => {}
                Ok(false) => return false,
                Err(_) => {
                    self.ended = true;
                    self.lost = true;
                }
            }
        }
    }

    /// How the task ended. It is settled.
    pub(crate) fn conclude<R: Wire>(self) -> Result<R, JoinError> {
        match self.outcome {
            Some(Outcome::Value(bytes)) => decode(&bytes, self.baggage),
            Some(Outcome::ValueInFile(file)) => match files::read_memory(file) {
                Ok(bytes) => decode(&bytes, self.baggage),
                Err(errno) => Err(JoinError::NotDecoded { message: errno.desc().into() }),
            },
            Some(Outcome::Failed(error)) => Err(error),
            None => Err(self.explain()),
        }
    }

    /// Why there is no outcome.
    fn explain(self) -> JoinError {
        let server = self.server.as_ref().filter(|_| self.status.is_none());
        if let Some(server) = server.filter(|server| is_dying(server)) {
            // So that nobody who has heard of it asks it for more.
            server.bury(Family::own());
            return JoinError::ServerDied;
        }
        let told = self.crash.as_ref().map(|crash| crash.signal);
        let mut report = CrashReport::new();
        if let Some(crash) = self.crash {
            report.fault_address = crash.address;
            report.backtrace =
                crash.frames.iter().map(|&frame| super::symbols::name(frame)).collect();
        }
        if let Some(tail) = self.tail {
            report.stderr_tail = tail.text();
        }
        let report = (!report.is_empty()).then(|| Box::new(report));
        let Some(status) = self.status else {
            // The word of its end was lost: the child had filled its channel with nonsense, or
            // somebody else reaped it. That is nobody else's harm: the server serves the others.
            return match told {
                Some(signal) => JoinError::Killed { signal, core: false, report },
                None => JoinError::Abandoned,
            };
        };
        match status.signal() {
            // The crash, and not what ended the search for its frames.
            Some(signal) => JoinError::Killed {
                signal: told.unwrap_or(signal),
                core: status.core_dumped(),
                report,
            },
            None => JoinError::Exited { code: status.code().unwrap_or(-1), report },
        }
    }
}

/// Whether a server has died, or is about to.
fn is_dying(server: &Server) -> bool {
    poll::readable([server.handle()], Deadline::after(DYING)) == Ok([true])
}
