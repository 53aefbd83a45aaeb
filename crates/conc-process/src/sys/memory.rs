//! How much memory processes use.

use std::fs::File;
use std::io::Read;

/// Bytes of memory that a process has for itself: resident, and not of files or shared memory.
/// `None`: it has ended, or nobody can tell.
pub(crate) fn own_bytes(pid: i32) -> Option<u64> {
    let mut text = [0; 256];
    let length = File::open(format!("/proc/{pid}/statm")).ok()?.read(&mut text).ok()?;
    let text = std::str::from_utf8(text.get(..length)?).ok()?;
    let mut pages = text.split_ascii_whitespace().skip(1).map(str::parse::<u64>);
    let (resident, shared) = (pages.next()?.ok()?, pages.next()?.ok()?);
    Some(resident.saturating_sub(shared) * page_size())
}

/// How often the kernel has ended a process of this group, or of the system, for want of memory.
///
/// Counted before the process gets its signal. Of the group alone where the kernel can tell: what
/// happens in groups below it is not about us.
pub(crate) fn out_of_memory_kills() -> u64 {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let group = read("/proc/self/cgroup").as_deref().and_then(own_group).and_then(|group| {
        ["memory.events.local", "memory.events"]
            .iter()
            .find_map(|file| kills(&read(&format!("/sys/fs/cgroup{group}/{file}"))?))
    });
    group.or_else(|| kills(&read("/proc/vmstat")?)).unwrap_or(0)
}

/// The group of the second version in `/proc/self/cgroup`.
fn own_group(text: &str) -> Option<String> {
    text.lines().find_map(|line| line.strip_prefix("0::")).map(str::to_owned)
}

/// The count in a file of names and numbers.
fn kills(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

fn page_size() -> u64 {
    // SAFETY: the call takes a number.
    u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_memory() {
        let _watchdog = conc_tests::watchdog();
        let own = || own_bytes(std::process::id() as i32).unwrap();
        // Other tests of this process take and give memory meanwhile.
        let grew = (0..100).any(|_| {
            let before = own();
            let more = vec![1_u8; 32 << 20];
            let grown = own() >= before + (24 << 20);
            drop(more);
            grown
        });
        assert!(grew && own() > 0);
        assert_eq!(own_bytes(i32::MAX), None);
    }

    #[test]
    fn kills_are_counted_where_the_kernel_counts_them() {
        let _watchdog = conc_tests::watchdog();
        let events = "low 0\nhigh 7\nmax 12\noom 4\noom_kill 3\noom_group_kill 1\n";
        assert_eq!(kills(events), Some(3));
        assert_eq!(kills("nr_free_pages 88\noom_kill 12\ndrop_pagecache 0\n"), Some(12));
        assert_eq!(kills("low 0\nhigh 0\n"), None, "old kernels do not count");
        assert_eq!(kills("oom_kill many\n"), None);
        let groups = "5:memory:/old\n1:name=systemd:/old\n0::/user.slice/a.scope\n";
        assert_eq!(own_group(groups).as_deref(), Some("/user.slice/a.scope"));
        assert_eq!(own_group("4:memory:/old\n"), None);
    }
}
