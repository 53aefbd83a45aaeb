//! Who has started whom, as `/proc` shows it.

use nix::unistd::Pid;
use std::fs;

/// The processes that have `parent` as their parent at the moment.
pub(crate) fn children_of(parent: Pid) -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let pids = names.filter_map(|name| name.parse().ok()).map(Pid::from_raw);
    pids.filter(|pid| parent_of(*pid) == Some(parent)).collect()
}

/// Field 4 of `/proc/PID/stat`; `None` if the process is gone.
fn parent_of(pid: Pid) -> Option<Pid> {
    parent_in(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The name in field 2 may hold anything, so counting begins after its closing bracket: state,
/// parent.
fn parent_in(stat: &str) -> Option<Pid> {
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(1)?.parse().ok().map(Pid::from_raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_is_found_behind_any_name() {
        assert_eq!(parent_in("7 (a) b (c) S 5 7 7 0"), Some(Pid::from_raw(5)));
        assert_eq!(parent_in("7"), None);
        let own = Pid::this();
        assert_eq!(parent_of(own), Some(Pid::parent()));
        assert!(!children_of(own).contains(&own));
    }
}
