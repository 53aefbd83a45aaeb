//! What can be chosen about a process before it starts.

use super::custody;
use super::handle::{Process, Streams};
use super::stderr::{Tail, TailWatch};
use super::stdio::Stdio;
use crate::client::{Family, Launch, Launched, launch};
use crate::error::Doing;
use crate::protocol::{Encoded, Task, encode};
use crate::sys::files;
use crate::sys::surroundings::{Environment, environment};
use crate::{SpawnError, bootstrap};
use conc_core::Wire;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

/// Where the memory of a new process comes from.
///
/// The third method of Python, a copy of the caller itself, is [`Builder::fork`]: it is unsafe.
///
/// # Python
///
/// `set_start_method`, one for the whole program. Here each builder has its own, and there is no
/// global state.
#[doc(alias = "set_start_method")]
#[doc(alias = "get_context")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum StartMethod {
    /// A copy of the fork server: fast, however big this process is, and warm with what
    /// [`preload`](crate::preload) made. The default.
    #[doc(alias = "forkserver")]
    #[default]
    ForkServer,
    /// A fresh copy of the program: its own address layout, nothing preloaded. The fork server
    /// only starts it.
    #[doc(alias = "spawn")]
    Spawn,
}

impl StartMethod {
    /// All methods, the default first.
    #[doc(alias = "get_all_start_methods")]
    pub const ALL: [Self; 2] = [Self::ForkServer, Self::Spawn];
}

/// What can be chosen about a process before it starts.
///
/// What is not chosen is as this process has it *when it spawns*: directory, environment, umask,
/// limits, blocked signals, rights. Of descriptors a process gets nothing but its streams and what
/// was [passed](Self::pass).
///
/// **Everything else is as this process had it when its fork server started**, at the first spawn
/// or [`preload`](crate::preload): namespaces, processor affinity, niceness and scheduling policy,
/// `oom_score_adj`, the Landlock domain, which signals are ignored. What this process changes of
/// these later does not reach its processes: in particular, a process may see more than a caller
/// that has confined itself since. Confine before the first spawn, or in the function itself.
/// (Copies by [`fork`](Self::fork) are as the caller is, in all of this.)
///
/// # Examples
///
/// ```
/// use conc_process::{Builder, Stdio};
/// use std::io::Read;
///
/// let mut process = Builder::new()
///     .name("greeter")
///     .env("GREETING", "hello")
///     .stdout(Stdio::piped())
///     .spawn(|who: String| println!("{}, {who}", std::env::var("GREETING").unwrap()), "you".into())?;
/// let mut text = String::new();
/// process.take_stdout().unwrap().read_to_string(&mut text)?;
/// process.join()?;
/// assert_eq!(text, "hello, you\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Python
///
/// `Process(name=…, daemon=…)`; the rest is `subprocess`' there.
#[derive(Debug)]
#[must_use = "a builder does nothing until it spawns"]
pub struct Builder {
    pub(super) name: Option<String>,
    method: StartMethod,
    pub(super) directory: Option<PathBuf>,
    clear: bool,
    changes: Vec<(OsString, Option<OsString>)>,
    pub(super) umask: Option<u32>,
    streams: [Stdio; 3],
    passed: Vec<OwnedFd>,
    pub(super) leader: bool,
    pub(super) bound: bool,
    pub(super) childless: bool,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// The defaults: see each method.
    pub fn new() -> Self {
        Self {
            name: None,
            method: StartMethod::default(),
            directory: None,
            clear: false,
            changes: Vec::new(),
            umask: None,
            streams: Default::default(),
            passed: Vec::new(),
            leader: true,
            bound: true,
            childless: false,
        }
    }

    /// The name, for [`Process::name`], [`current`](crate::current) and `ps` (which shows 15
    /// bytes). Otherwise `Process-1`, or `Process-1:2` for the second child of the first child.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Where the memory of the process comes from.
    pub fn start_method(mut self, method: StartMethod) -> Self {
        self.method = method;
        self
    }

    /// The directory to start in.
    #[doc(alias = "cwd")]
    pub fn current_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Sets a variable of its environment.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.changes.push((name.as_ref().to_owned(), Some(value.as_ref().to_owned())));
        self
    }

    /// Removes a variable from its environment.
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.changes.push((name.as_ref().to_owned(), None));
        self
    }

    /// Empties its environment, but for what is set after this call.
    pub fn env_clear(mut self) -> Self {
        self.clear = true;
        self.changes.clear();
        self
    }

    /// The mask for the modes of its new files.
    pub fn umask(mut self, mask: u32) -> Self {
        self.umask = Some(mask & 0o777);
        self
    }

    /// Where its input comes from; null if not chosen.
    ///
    /// **Not [`Stdio::inherit`] if the input is a terminal**: the process is in a process group in
    /// the background, and the terminal *stops* it (SIGTTIN) when it reads. Then it neither goes on
    /// nor ends, and `join` waits until somebody kills it. Nor does [`no_group`](Self::no_group)
    /// help: the fork server's group is one in the background, too. Read here, and hand over what
    /// was read: as the argument, or through [`Stdio::piped`].
    pub fn stdin(mut self, stdin: impl Into<Stdio>) -> Self {
        self.streams[0] = stdin.into();
        self
    }

    /// Where its output goes; inherited if not chosen.
    pub fn stdout(mut self, stdout: impl Into<Stdio>) -> Self {
        self.streams[1] = stdout.into();
        self
    }

    /// Where its errors go; inherited if not chosen.
    pub fn stderr(mut self, stderr: impl Into<Stdio>) -> Self {
        self.streams[2] = stderr.into();
        self
    }

    /// Gives the process a descriptor, which it finds with [`take_passed`](crate::take_passed), in
    /// the order of these calls. To hand one over as a part of the argument, wrap it in a
    /// [`PortableFd`](conc_core::PortableFd).
    #[doc(alias = "pass_fds")]
    pub fn pass(mut self, descriptor: impl Into<OwnedFd>) -> Self {
        self.passed.push(descriptor.into());
        self
    }

    /// Lets the process be a member of the fork server's process group instead of leading its own.
    ///
    /// Neither gets Ctrl-C from a terminal: that reaches the parent alone, which decides.
    pub fn no_group(mut self) -> Self {
        self.leader = false;
        self
    }

    /// Lets the process live on when this process ends, however it ends.
    ///
    /// # Python
    ///
    /// There is no such thing: a program waits for children that are not daemons.
    pub fn detached(mut self) -> Self {
        self.bound = false;
        self
    }

    /// Forbids the process to start processes of its own: that is [`SpawnError::NotAllowed`]
    /// there.
    ///
    /// # Python
    ///
    /// What `daemon=True` implies.
    #[doc(alias = "daemon")]
    pub fn childless(mut self) -> Self {
        self.childless = true;
        self
    }

    /// Starts the process: it calls `function` with `argument`, and ends.
    ///
    /// Argument and result may hold descriptors: see [`PortableFd`](conc_core::PortableFd).
    ///
    /// # Errors
    ///
    /// Why it could not be started. Then there is no process, and nothing is left of the attempt.
    pub fn spawn<A: Wire, R: Wire>(
        self,
        function: fn(A) -> R,
        argument: A,
    ) -> Result<Process<R>, SpawnError> {
        let argument = encode(&argument).map_err(|message| SpawnError::NotEncoded { message })?;
        bootstrap::ensure()?;
        let task = Task::new(function).ok_or(SpawnError::NotPortable)?;
        self.spawn_task(task, argument)
    }

    /// The part of [`spawn`](Self::spawn) that does not depend on types.
    pub(crate) fn spawn_task<R: Wire>(
        self,
        task: Task,
        argument: Encoded,
    ) -> Result<Process<R>, SpawnError> {
        let environment = self.environment()?;
        let directory = match &self.directory {
            Some(path) => Some(files::directory(path).doing("open the directory")?),
            None => None,
        };
        let (streams, held) = open(self.streams)?;
        let (descriptors, keepsakes) = argument.baggage.into_parts();
        let gate = custody::entrust(keepsakes)?;
        let baggage: Vec<_> = descriptors.iter().chain(&gate).map(AsFd::as_fd).collect();
        let Launched { kin, mut reception } = launch(Launch {
            task,
            argument: &argument.bytes,
            baggage: &baggage,
            name: self.name.as_deref(),
            fresh: self.method == StartMethod::Spawn,
            bound: self.bound,
            leader: self.leader,
            childless: self.childless,
            umask: self.umask,
            directory,
            environment,
            streams,
            passed: self.passed,
        })?;
        reception.tail = held.tail;
        Ok(Process::new(kin, reception, held.streams))
    }

    /// The chosen environment. `None`: this process's own.
    pub(super) fn environment(&self) -> Result<Option<Environment>, SpawnError> {
        if !self.clear && self.changes.is_empty() {
            return Ok(None);
        }
        let mut chosen = if self.clear { Vec::new() } else { environment() };
        for (name, value) in &self.changes {
            let name = name.as_bytes();
            let wrong = |text: &[u8]| text.contains(&0);
            let unusable = name.is_empty() || name.contains(&b'=') || wrong(name);
            if unusable || value.as_ref().is_some_and(|value| wrong(value.as_bytes())) {
                let source = std::io::ErrorKind::InvalidInput.into();
                return Err(SpawnError::System { what: "use such an environment", source });
            }
            chosen.retain(|(known, _)| known != name);
            if let Some(value) = value {
                chosen.push((name.to_owned(), value.as_bytes().to_owned()));
            }
        }
        Ok(Some(chosen))
    }

    /// The streams of a process that is a copy of this one.
    pub(super) fn take_streams(&mut self) -> [Stdio; 3] {
        std::mem::take(&mut self.streams)
    }
}

/// What stays here of the streams of a process.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) streams: Streams,
    pub(super) tail: Option<Arc<Tail>>,
}

/// Opens the streams: what the child gets, what stays here.
pub(super) fn open(streams: [Stdio; 3]) -> Result<([Option<OwnedFd>; 3], Held), SpawnError> {
    let [stdin, stdout, stderr] = streams;
    let what = "open a standard stream";
    let stdin = stdin.open(0).doing(what)?;
    let stdout = stdout.open(1).doing(what)?;
    let stderr = stderr.open(2).doing(what)?;
    let tail = match stderr.captured {
        None => None,
        Some(pipe) => {
            let tail = Arc::new(Tail::new(pipe).doing(what)?);
            let watch = Box::new(TailWatch(Arc::clone(&tail)));
            Family::own().supervisor.add(watch, None).doing("start a thread")?;
            Some(tail)
        }
    };
    let held = Streams {
        stdin: stdin.caller.map(Into::into),
        stdout: stdout.caller.map(Into::into),
        stderr: stderr.caller.map(Into::into),
    };
    Ok(([stdin.child, stdout.child, stderr.child], Held { streams: held, tail }))
}
