//! What this machine offers, and which promises hold on it.
//!
//! Each line is found out by trying, not by comparing version numbers.

#![allow(clippy::print_stdout, reason = "a program that shows something")]

use conc_process::{Builder, Process, StartMethod, cpu_count, isolate};
use std::fs::read_to_string;
use std::os::fd::{AsFd, AsRawFd};

/// One finding: what was tried, how it went, what hangs on it.
struct Finding {
    what: &'static str,
    holds: bool,
    promise: &'static str,
}

fn tried(what: &'static str, promise: &'static str, holds: bool) -> Finding {
    Finding { what, holds, promise }
}

/// The features that whole promises rest on.
fn required() -> Vec<Finding> {
    let spawn = |method| {
        let process = Builder::new().start_method(method).spawn(|n: u32| n + 1, 1);
        process.is_ok_and(|process| process.join() == Ok(2))
    };
    let crash = isolate(|()| std::process::abort(), ()).map(|(): ()| ());
    vec![
        tried("/proc is mounted", "anything at all", read_to_string("/proc/self/stat").is_ok()),
        tried("start method ForkServer", "processes, fast", spawn(StartMethod::ForkServer)),
        tried("start method Spawn", "processes, fresh", spawn(StartMethod::Spawn)),
        tried("a crash is an error", "isolation", crash.is_err()),
    ]
}

/// What makes a promise hold better, or faster.
fn helpful() -> Vec<Finding> {
    let process = Process::spawn(|()| std::thread::park(), ()).ok();
    let group = process.as_ref().is_some_and(|process| signals_group(process.as_fd()));
    if let Some(process) = process {
        let _ = process.kill();
    }
    let report = isolate(|()| trap(), ());
    let frames = report
        .err()
        .and_then(|error| error.join_error()?.crash_report().map(|report| report.backtrace.len()));
    vec![
        tried("pidfd signals to groups (6.9)", "groups are killed without races", group),
        tried("frames of a crash", "a backtrace in the error", frames.is_some_and(|n| n > 0)),
        tried("close_range (5.9)", "descriptors are closed in one call", closes_ranges()),
        tried("cgroup v2, writable", "exact limits for memory and trees", delegated_cgroup()),
    ]
}

/// Dies of a fault.
fn trap() {
    // SAFETY: it is not, which is the point.
    unsafe { std::ptr::null_mut::<u8>().write_volatile(1) };
}

fn signals_group(process: std::os::fd::BorrowedFd<'_>) -> bool {
    let none = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: signal 0 is never delivered; a null record is allowed.
    let result =
        unsafe { libc::syscall(libc::SYS_pidfd_send_signal, process.as_raw_fd(), 0, none, 1 << 2) };
    result == 0
}

fn closes_ranges() -> bool {
    // SAFETY: nothing has such a number.
    unsafe { libc::syscall(libc::SYS_close_range, u32::MAX, u32::MAX, 0) == 0 }
}

fn delegated_cgroup() -> bool {
    let own = read_to_string("/proc/self/cgroup").unwrap_or_default();
    let path = own.lines().find_map(|line| line.strip_prefix("0::"));
    path.is_some_and(|path| {
        let directory = format!("/sys/fs/cgroup{path}");
        let controllers = read_to_string(format!("{directory}/cgroup.controllers"));
        let writable =
            std::fs::metadata(&directory).is_ok_and(|data| !data.permissions().readonly());
        controllers.is_ok_and(|list| list.contains("memory")) && writable
    })
}

fn print(findings: &[Finding]) -> bool {
    for Finding { what, holds, promise } in findings {
        println!("  {} {what:<32} {promise}", if *holds { "yes" } else { " no" });
    }
    findings.iter().all(|finding| finding.holds)
}

fn main() {
    let kernel = read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    println!("kernel {}, {} can run at once", kernel.trim(), cpu_count());
    println!("needed:");
    let all = print(&required());
    println!("better with:");
    print(&helpful());
    let status = read_to_string("/proc/self/status").unwrap_or_default();
    for key in ["NoNewPrivs:", "Seccomp:"] {
        if let Some(line) = status.lines().find(|line| line.starts_with(key)) {
            println!("  {line}");
        }
    }
    let yama = read_to_string("/proc/sys/kernel/yama/ptrace_scope");
    println!("  ptrace scope: {}", yama.as_deref().map_or("none", str::trim));
    println!("{}", if all { "all promises of this crate hold here" } else { "not fit" });
    std::process::exit(i32::from(!all));
}
