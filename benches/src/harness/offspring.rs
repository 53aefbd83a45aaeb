//! Runs programs, and outlives them and everything that they have started.

use std::io;
use std::process::{Command, Output};
use std::time::Duration;
use thiserror::Error;

/// Far longer than any run takes on a slow and busy machine, and shorter than the patience of the
/// watchdog, which ends everything.
const PATIENCE: Duration = Duration::from_secs(90);

/// Why there is no output.
#[derive(Debug, Error)]
pub(super) enum Failure {
    #[error("cannot be run: {0}")]
    NotRun(#[from] io::Error),
    #[error("hangs, or something that it has started does: no end after {0:?}")]
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "nothing is bounded there"))]
    Hangs(Duration),
}

/// Starts a program and waits until it and everything that it has started is gone: what follows
/// runs undisturbed, and all CPU time counts as this program's own. Whatever is left when patience
/// ends is killed.
pub(super) fn output(command: &mut Command) -> Result<Output, Failure> {
    output_within(PATIENCE, command)
}

/// There must be no children but those of `command`: contenders run one after another.
#[cfg(target_os = "linux")]
fn output_within(patience: Duration, command: &mut Command) -> Result<Output, Failure> {
    use nix::errno::Errno;
    use nix::sys::prctl;
    use nix::sys::wait::wait;
    use std::sync::mpsc;
    use std::thread;

    // From here on, descendants whose parent ends become children of this process.
    prctl::set_child_subreaper(true).expect("Linux has had it since 3.4");
    let (alive, gone) = mpsc::channel();
    let executioner = thread::spawn(move || kill_late(patience, &gone));
    let output = command.stdin(std::process::Stdio::null()).output();
    while !matches!(wait(), Err(Errno::ECHILD)) {}
    drop(alive);
    let hung = executioner.join().expect("it does not panic");
    if hung { Err(Failure::Hangs(patience)) } else { Ok(output?) }
}

/// Kills all children if nobody is `gone` in time, and the children of those, until somebody is;
/// says whether it had to.
#[cfg(target_os = "linux")]
fn kill_late(patience: Duration, gone: &std::sync::mpsc::Receiver<()>) -> bool {
    use super::descent::children_of;
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;
    use std::sync::mpsc::RecvTimeoutError;

    /// So often somebody looks who has become a child by the death of its parent.
    const PAUSE: Duration = Duration::from_millis(10);

    let mut left = patience;
    while gone.recv_timeout(left) == Err(RecvTimeoutError::Timeout) {
        for child in children_of(Pid::this()) {
            // It may have ended by itself in this moment.
            let _ = kill(child, Signal::SIGKILL);
        }
        left = PAUSE;
    }
    left != patience
}

#[cfg(not(target_os = "linux"))]
fn output_within(_: Duration, command: &mut Command) -> Result<Output, Failure> {
    Ok(command.output()?)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn shell(script: &str, patience: Duration) -> Result<Output, Failure> {
        output_within(patience, Command::new("sh").args(["-c", script]))
    }

    /// One test: what runs at the same moment would be waited for, and killed, by the other.
    #[test]
    fn what_hangs_is_killed_with_all_that_it_has_started() {
        let complete = shell("sleep 0.1 & echo done", Duration::from_secs(30)).unwrap();
        assert_eq!(complete.stdout, b"done\n");
        let short = Duration::from_millis(100);
        // Neither the program, nor what holds its output, nor what has left its session.
        for script in ["exec sleep 1000", "sleep 1000 & echo done", "setsid sleep 1000 >&- 2>&- &"]
        {
            assert!(matches!(shell(script, short), Err(Failure::Hangs(_))), "{script}");
        }
        let missing = output(&mut Command::new("/there/is/no/such/program"));
        assert!(matches!(missing, Err(Failure::NotRun(_))));
    }
}
