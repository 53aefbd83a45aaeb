//! What is going on in a queue: how deep it is, who holds what, who is dead.
//!
//! Usage: `inspector NAME`, for a queue with a name; `inspector --pid PID [--fd FD]`, for one that
//! a process has. It looks every second until nobody has the queue any more, or `--once`. It is no
//! member of the queue: it takes nothing, wakes nobody, and nobody waits for it.

#![allow(clippy::print_stdout, reason = "a program that shows something")]

use clap::Parser;
use conc_shm::queue::{Inspector, Snapshot};
use conc_shm::{MemberInfo, MemberState};
use std::error::Error;
use std::fs::{self, OpenOptions};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Shows what is going on in a queue, without taking part.
#[derive(Debug, Parser)]
#[command(name = "inspector")]
struct Options {
    /// The name of the queue.
    #[arg(required_unless_present = "pid", conflicts_with = "pid")]
    name: Option<String>,
    /// A process that has the queue.
    #[arg(long)]
    pid: Option<u32>,
    /// Under which number the process has it; without it, all queues of the process.
    #[arg(long, requires = "pid")]
    fd: Option<u32>,
    /// Looks once, and not every second.
    #[arg(long)]
    once: bool,
}

fn main() -> ExitCode {
    match inspect(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("inspector: {error}");
            ExitCode::FAILURE
        }
    }
}

fn inspect(options: &Options) -> Result<(), Box<dyn Error>> {
    let mut queues = find(options)?;
    let mut before: Vec<Option<(Instant, Snapshot)>> = vec![None; queues.len()];
    // Nobody sends: this is a clock.
    let (_sender, clock) = mpsc::channel::<()>();
    while !queues.is_empty() {
        for (queue, before) in queues.iter().zip(&mut before) {
            let (at, now) = (Instant::now(), queue.snapshot());
            println!("queue {}", queue.id());
            show(&now);
            if let Some((then, earlier)) = before {
                show_rates(&now, earlier, at - *then);
            }
            show_members(&now);
            *before = Some((at, now));
        }
        if options.once {
            return Ok(());
        }
        let lives = |before: &Option<(Instant, Snapshot)>| {
            before.as_ref().is_some_and(|(_, seen)| seen.living() > 0)
        };
        let mut alive = before.iter().map(lives).collect::<Vec<_>>().into_iter();
        queues.retain(|_| alive.next().unwrap_or(false));
        before.retain(lives);
        if !queues.is_empty() {
            let _ = clock.recv_timeout(Duration::from_secs(1));
        }
    }
    println!("nobody is left");
    Ok(())
}

fn find(options: &Options) -> Result<Vec<Inspector>, Box<dyn Error>> {
    if let Some(name) = &options.name {
        return Ok(vec![Inspector::open(name)?]);
    }
    let pid = options.pid.ok_or("whose queue?")?;
    let folder = PathBuf::from(format!("/proc/{pid}/fd"));
    let open = |path: PathBuf| -> Result<Inspector, Box<dyn Error>> {
        // Only files of memory: to open a pipe or a device may do something.
        let target = fs::read_link(&path)?;
        if !target.starts_with("/dev/shm") && !target.to_string_lossy().starts_with("/memfd:") {
            return Err(format!("{} is no memory", path.display()).into());
        }
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        Ok(Inspector::attach(OwnedFd::from(file))?)
    };
    if let Some(number) = options.fd {
        return Ok(vec![open(folder.join(number.to_string()))?]);
    }
    let entries = fs::read_dir(&folder)?.filter_map(Result::ok);
    let queues: Vec<_> = entries.filter_map(|entry| open(entry.path()).ok()).collect();
    if queues.is_empty() {
        return Err(format!("process {pid} has no queue").into());
    }
    Ok(queues)
}

fn show(now: &Snapshot) {
    println!(
        "  {} of {} places in use: {} waiting, {} leased, {} set aside, {} being written",
        now.used(),
        now.capacity,
        now.waiting,
        now.leases.len(),
        now.dead_letters,
        now.writers.len(),
    );
    println!("  {}", if now.is_closed { "closed" } else { "open" });
    if now.lost > 0 {
        println!("  {} lost with their consumers", now.lost);
    }
}

fn show_rates(now: &Snapshot, earlier: &Snapshot, between: Duration) {
    let rate = |count: u64| count as f64 / between.as_secs_f64();
    let (put, got) = (rate(now.puts_since(earlier)), rate(now.gets_since(earlier)));
    println!("  {put:.0} put/s, {got:.0} got/s");
}

fn show_members(now: &Snapshot) {
    for MemberInfo { member, pid, state, .. } in &now.members {
        let state = match state {
            MemberState::Alive => "alive",
            MemberState::Stopped => "stopped",
            MemberState::Dead => "dead, not recovered yet",
            MemberState::Expected => "has sent a handle that has not arrived",
            _ => "in a state that this program does not know",
        };
        println!("  row {}: process {pid}, {state}", member.row);
        for lease in now.leases.iter().filter(|lease| lease.row == member.row) {
            println!("    works on place {}, delivery {}", lease.place, lease.deliveries);
        }
        for writer in now.writers.iter().filter(|writer| writer.row == member.row) {
            let overtaken = if writer.is_overtaken { ", the line went past" } else { "" };
            println!("    writes into place {}{overtaken}", writer.place);
        }
    }
}
