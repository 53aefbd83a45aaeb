//! Runs an example program and keeps what it said.

use std::ffi::OsStr;
use std::process::{Command, Output, Stdio};

/// An example program of the package whose test is running.
#[derive(Debug)]
pub struct Program {
    name: String,
    command: Command,
}

/// What a program said, and how it ended.
#[derive(Debug)]
pub struct Ran {
    name: String,
    output: Output,
}

impl Program {
    /// The example `name`; `cargo test` has built it beside the tests.
    ///
    /// # Panics
    ///
    /// If it is not there.
    #[must_use]
    pub fn example(name: &str) -> Self {
        // target/<profile>/deps/<test> is running; target/<profile>/examples/<name> is wanted.
        let mut path = std::env::current_exe().expect("the path of this test");
        path.pop();
        path.pop();
        path.extend(["examples", name]);
        assert!(path.exists(), "{} is not built: run the whole package's tests", path.display());
        let mut command = Command::new(path);
        // A backtrace of an expected panic helps nobody.
        command.stdin(Stdio::null()).env_remove("RUST_BACKTRACE");
        Self { name: name.to_owned(), command }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(args);
        self
    }

    /// Runs it to its end.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    #[must_use]
    pub fn run(mut self) -> Ran {
        let output = self.command.output().expect("an example can be started");
        Ran { name: self.name, output }
    }
}

impl Ran {
    /// What it printed, if it ended well; not whether cores are dumped, which is the machine's affair.
    ///
    /// # Panics
    ///
    /// If it did not.
    #[must_use]
    pub fn success(self) -> String {
        assert!(self.output.status.success(), "{} failed: {self:?}", self.name);
        let text = String::from_utf8(self.output.stdout).expect("programs print UTF-8");
        text.replace(" (core dumped)", "")
    }

    /// Its exit code.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        self.output.status.code()
    }

    /// What it wrote to stderr.
    #[must_use]
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }
}
