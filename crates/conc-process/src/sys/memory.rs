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
pub(crate) fn out_of_memory_kills() -> u64 {
    let group = std::fs::read_to_string("/proc/self/cgroup").ok().and_then(|text| {
        let path = text.lines().find_map(|line| line.strip_prefix("0::"))?.to_owned();
        count(&format!("/sys/fs/cgroup{path}/memory.events"))
    });
    group.or_else(|| count("/proc/vmstat")).unwrap_or(0)
}

fn count(path: &str) -> Option<u64> {
    let text = std::fs::read_to_string(path).ok()?;
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
}
