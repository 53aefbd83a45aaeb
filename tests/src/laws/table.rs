//! The checked-in table of which laws apply to which implementation.
//!
//! ```text
//! [InlineExecutor]
//! every_job_runs_once: applies
//! a_running_job_is_not_cancelled: needs PARALLEL
//! ```
//!
//! A law that silently stops applying proves nothing any more; here it shows as a difference.

use super::{Verdict, Verdicts};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::{env, fs};

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/laws.table");
const UPDATE: &str = "CONC_LAWS_UPDATE";
const TITLE: &str = "\
# Which laws apply to which implementation. Compared by the tests; after a change on purpose, write
# it anew with `CONC_LAWS_UPDATE=1 cargo test -p conc-tests` and read the difference.
";

/// Lines by implementation.
type Sections = BTreeMap<String, Vec<String>>;

/// What is different now, if anything is; or rewrites this implementation's part of the table, if
/// the environment says so.
pub(super) fn difference(verdicts: &Verdicts) -> Option<String> {
    // Tests of one binary run side by side; cargo runs binaries one after the other.
    static FILE: Mutex<()> = Mutex::new(());
    let _file = FILE.lock().unwrap_or_else(PoisonError::into_inner);
    let name = &verdicts.name;
    let now: Vec<_> = verdicts.laws.iter().map(line).collect();
    let mut sections = read(Path::new(TABLE));
    if env::var_os(UPDATE).is_some_and(|value| value == "1") {
        sections.insert(name.clone(), now);
        fs::write(TABLE, text(&sections)).expect("the table can be written");
        return None;
    }
    let known = sections.remove(name).unwrap_or_default();
    let gone = known.iter().filter(|line| !now.contains(line)).map(|line| format!("\n- {line}"));
    let new = now.iter().filter(|line| !known.contains(line)).map(|line| format!("\n+ {line}"));
    let difference: String = gone.chain(new).collect();
    (!difference.is_empty()).then(|| {
        format!(
            "other laws apply to {name} than {TABLE} says:{difference}\nIf that is right, run the \
             tests once with {UPDATE}=1 and check the table in.\n"
        )
    })
}

fn line((law, verdict): &(&str, Verdict)) -> String {
    match verdict {
        Verdict::NotApplicable(needs) => format!("{law}: {needs}"),
        Verdict::Held | Verdict::Broken(_) => format!("{law}: applies"),
    }
}

/// A missing table is an empty one.
fn read(path: &Path) -> Sections {
    let mut sections = Sections::new();
    let mut name = String::new();
    for line in fs::read_to_string(path).unwrap_or_default().lines() {
        if let Some(title) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            title.clone_into(&mut name);
        } else if !line.is_empty() && !line.starts_with('#') {
            sections.entry(name.clone()).or_default().push(line.to_owned());
        }
    }
    sections
}

fn text(sections: &Sections) -> String {
    sections.iter().fold(TITLE.to_owned(), |mut text, (name, lines)| {
        let _ = writeln!(text, "\n[{name}]\n{}", lines.join("\n"));
        text
    })
}
