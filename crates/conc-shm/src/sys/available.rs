//! How much memory is left for this process.
//!
//! Pages of a shared file are taken from the system and from every control group above this
//! process. Whoever asks for more wakes the OOM killer, so it pays to look first.

use std::fs;
use std::path::{Path, PathBuf};

/// Where control groups are mounted, in both versions.
const GROUPS: &str = "/sys/fs/cgroup";

/// Bytes that can be had; an estimate. What the system does not tell does not count.
pub(crate) fn available() -> u64 {
    let system = number_in("/proc/meminfo", "MemAvailable:").map(|kilobytes| kilobytes << 10);
    let groups = limits().into_iter().filter_map(|limit| limit.left());
    groups.chain(system).min().unwrap_or(u64::MAX)
}

/// A control group that bounds memory.
struct Limit {
    folder: PathBuf,
    most: &'static str,
    used: &'static str,
    prefix: &'static str,
}

impl Limit {
    fn left(&self) -> Option<u64> {
        let read = |name| fs::read_to_string(self.folder.join(name)).ok();
        let number = |name| read(name)?.trim().parse::<u64>().ok();
        let most = number(self.most)?;
        let used = number(self.used)?;
        // Cached files make room when asked.
        let statistics = self.folder.join("memory.stat");
        let cached: u64 = ["inactive_file", "active_file"]
            .iter()
            .filter_map(|name| number_in(&statistics, &format!("{}{name} ", self.prefix)))
            .sum();
        Some(most.saturating_sub(used.saturating_sub(cached)))
    }
}

/// The groups of this process and those above, in either version.
fn limits() -> Vec<Limit> {
    let mut limits = Vec::new();
    for line in fs::read_to_string("/proc/self/cgroup").unwrap_or_default().lines() {
        let mut fields = line.splitn(3, ':');
        let (Some(_), Some(kinds), Some(path)) = (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let second = kinds.is_empty();
        if !second && !kinds.split(',').any(|kind| kind == "memory") {
            continue;
        }
        let root = Path::new(GROUPS).join(if second { "" } else { "memory" });
        let mut folder = Some(Path::new(path.trim_start_matches('/')));
        while let Some(relative) = folder {
            limits.push(Limit {
                folder: root.join(relative),
                most: if second { "memory.max" } else { "memory.limit_in_bytes" },
                used: if second { "memory.current" } else { "memory.usage_in_bytes" },
                prefix: if second { "" } else { "total_" },
            });
            folder = relative.parent();
        }
    }
    limits
}

/// The number behind `key` at the start of a line.
fn number_in(path: impl AsRef<Path>, key: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let tail = text.lines().find_map(|line| line.strip_prefix(key))?;
    tail.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use conc_tests::watchdog;

    #[test]
    fn some_is_left_and_not_everything() {
        let _watchdog = watchdog();
        let left = available();
        assert!(left > 0 && left < u64::MAX, "{left}");
    }
}
