//! What it costs to start a process, from the call to the typed result of a job that does nothing.
//!
//! `cargo bench -p conc-process`. Contenders:
//!
//! | name | what |
//! |---|---|
//! | `limit_fork_wait` | libc's `fork` of this very process, `_exit` there, `waitpid` here: no result |
//! | `command_true` | `std::process::Command` of the program `true`, which does nothing |
//! | `fork_server` | `Process::spawn` |
//! | `spawn` | a fresh copy of the program |
//! | `fork` | `Builder::fork` |

#![allow(clippy::print_stdout, reason = "a benchmark that prints its figures")]

use conc_process::{Builder, Process, StartMethod};
use std::hint::black_box;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Runs one round, and says nothing.
type Contender = (&'static str, fn());

const CONTENDERS: [Contender; 5] = [
    ("limit_fork_wait", fork_wait),
    ("command_true", command_true),
    ("fork_server", fork_server),
    ("spawn", spawn),
    ("fork", fork),
];

fn fork_wait() {
    // SAFETY: the copy ends at once.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        // SAFETY: as above.
        unsafe { libc::_exit(0) };
    }
    let mut status = 0;
    // SAFETY: `status` outlives the call.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
}

fn command_true() {
    let mut command = Command::new("true");
    assert!(command.stdin(Stdio::null()).status().unwrap().success());
}

fn fork_server() {
    assert_eq!(Process::spawn(|n: u32| n, 7).unwrap().join(), Ok(7));
}

fn spawn() {
    let builder = Builder::new().start_method(StartMethod::Spawn);
    assert_eq!(builder.spawn(|n: u32| n, 7).unwrap().join(), Ok(7));
}

fn fork() {
    // SAFETY: this process has one thread.
    assert_eq!(unsafe { Builder::new().fork(|| 7_u32) }.unwrap().join(), Ok(7));
}

fn median(rounds: u32, contender: fn()) -> Duration {
    let mut samples: Vec<Duration> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            contender();
            start.elapsed()
        })
        .collect();
    samples.sort_unstable();
    samples[samples.len() / 2]
}

/// Blocks of rounds in turn, so that what the machine does meanwhile meets all alike; one after
/// the other within a block, so that each has to bear its own remains.
fn compare(title: &str, rounds: u32) {
    const BLOCKS: usize = 5;
    println!("{title}");
    let mut medians = [[Duration::ZERO; BLOCKS]; CONTENDERS.len()];
    for block in 0..BLOCKS {
        for ((_, contender), medians) in CONTENDERS.iter().zip(&mut medians) {
            medians[block] = median(rounds / BLOCKS as u32, *contender);
        }
    }
    let limit = middle(&mut medians[0].clone());
    for ((name, _), medians) in CONTENDERS.iter().zip(&mut medians) {
        let time = middle(medians);
        let ratio = time.as_secs_f64() / limit.as_secs_f64();
        println!("  {name:<16} {time:>10.1?}  {ratio:>5.2} x limit_fork_wait");
    }
}

fn middle(samples: &mut [Duration]) -> Duration {
    samples.sort_unstable();
    samples[samples.len() / 2]
}

/// Kilobytes that a process alone holds, and shares with others.
fn memory(pid: u32) -> String {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let wanted =
        |line: &&str| ["Rss:", "Pss:", "Private_Dirty:"].iter().any(|key| line.starts_with(key));
    let lines: Vec<String> = rollup
        .lines()
        .filter(wanted)
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    lines.join(", ")
}

fn ballast(megabytes: usize) -> Vec<u8> {
    let mut ballast = vec![1_u8; megabytes << 20];
    ballast.iter_mut().step_by(4096).for_each(|byte| *byte = black_box(2));
    ballast
}

fn main() {
    let start = Instant::now();
    fork_server();
    println!("cold: {:.0?}, with the start of the server", start.elapsed());
    let idle = Process::spawn(|()| std::thread::park(), ()).unwrap();
    let server = Process::spawn(|()| std::os::unix::process::parent_id(), ()).unwrap();
    println!("server: {}", memory(server.join().unwrap()));
    println!("idle child: {}", memory(idle.pid()));
    idle.kill().unwrap();
    let ten = ballast(10);
    compare("parent_10mb", 1000);
    let thousand = ballast(1000);
    compare("parent_1gb", 50);
    black_box((ten, thousand));
}
