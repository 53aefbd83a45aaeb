//! What `--list` shows.

use super::{Entry, Selected};
use std::io::{self, Write};

/// Writes groups, cases and contenders with what each of them does.
pub(crate) fn write_list(out: &mut impl Write, selected: &[Selected<'_>]) -> io::Result<()> {
    let names = selected.iter().flat_map(|s| s.contenders.iter().map(|c| c.name.len()));
    let width = names.max().unwrap_or(0);
    let mut group_before = None;
    for Selected { group, case, contenders } in selected {
        if group_before.replace(group.name) != Some(group.name) {
            writeln!(out, "{}: {}", group.name, group.about)?;
        }
        writeln!(out, "\n  {}: {}", case.name, case.about)?;
        for contender in contenders {
            let absent = if matches!(contender.entry, Entry::Absent) { "(skipped) " } else { "" };
            writeln!(out, "    {:width$}  {absent}{}", contender.name, contender.how)?;
        }
    }
    Ok(())
}
