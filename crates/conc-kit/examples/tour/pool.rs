//! The pool of processes: the same files, and then the worst that can happen to it.

use crate::digest::{Digest, digest};
use conc_kit::JoinError;
use conc_kit::process::{Pool, PoolBuildError};
use conc_kit::trace::{Timeline, label};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// A file may take so long ...
const PATIENCE: Duration = Duration::from_secs(5);
/// ... and so much memory.
const MEMORY: u64 = 128 << 20;

/// Files whose handlers do what their names say.
const ROUGH: [&str; 4] = ["aborts.txt", "never_ends.txt", "eats_memory.txt", "is_killed.txt"];

/// A pool of processes, with limits, that writes down what it does.
pub(crate) fn build(workers: Option<usize>) -> Result<Pool, PoolBuildError> {
    let pool = Pool::builder().name("worker").timeout(PATIENCE).memory_limit(MEMORY).trace();
    match workers {
        Some(workers) => pool.workers(workers).build(),
        None => pool.build(),
    }
}

/// [`digest`] with four bugs.
fn digest_with_bugs(path: String) -> Digest {
    let name = path.rsplit('/').next().unwrap_or(&path).to_owned();
    match ROUGH.iter().position(|bug| *bug == name) {
        None => return digest(path),
        Some(_) => label(name.clone()),
    }
    let mut eaten = Vec::new();
    match name.as_str() {
        "aborts.txt" => std::process::abort(),
        // Twice as much as it may, and keeps it.
        "eats_memory.txt" => loop {
            if eaten.len() < 256 {
                eaten.push(vec![1_u8; 1 << 20]);
            } else {
                std::thread::park();
            }
        },
        "is_killed.txt" => {
            // Somebody else, in the middle of the work: a shell, which everybody has.
            let killed = Command::new("sh").args(["-c", "kill -9 $PPID"]).status();
            unreachable!("SIGKILL does not come back: {killed:?}")
        }
        _ => loop {
            std::thread::park();
        },
    }
}

/// How one of the rough files ended.
pub(crate) struct Casualty {
    pub(crate) name: &'static str,
    pub(crate) error: Option<JoinError>,
}

/// What came of the files, with four more among them: those of the good files in order, and how
/// each of the bad ones ended.
pub(crate) fn rough(
    pool: &Pool,
    mut files: Vec<String>,
    out: &Path,
) -> (Vec<Result<Digest, JoinError>>, Vec<Casualty>) {
    let step = files.len() / (ROUGH.len() + 1);
    for (place, name) in ROUGH.iter().enumerate() {
        files.insert((place + 1) * step + place, out.join(name).display().to_string());
    }
    let bug = |path: &str| ROUGH.iter().copied().find(|name| path.ends_with(name));
    let bugs: Vec<_> = files.iter().map(|path| bug(path)).collect();
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for (bug, result) in bugs.into_iter().zip(pool.map(digest_with_bugs, files)) {
        match bug {
            None => good.push(result),
            Some(name) => bad.push(Casualty { name, error: result.err() }),
        }
    }
    (good, bad)
}

/// What the processes did when, with their deaths and restarts.
pub(crate) fn timeline(pool: &Pool) -> Timeline {
    pool.timeline()
}
