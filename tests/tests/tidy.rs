//! House rules that no lint can see.
#![cfg(not(conc_loom))]

use conc_tests::watchdog;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The one module that may name atomics and cells.
const DOOR: &str = "conc-core/src/sync.rs";
/// What it keeps.
const BEHIND_THE_DOOR: [&str; 5] = [
    "core::sync::atomic",
    "std::sync::atomic",
    "core::cell::UnsafeCell",
    "std::cell::UnsafeCell",
    "loom::sync",
];
/// Whose calls only `sys` modules may name. Numbers of signals and errors are no calls.
const SYSTEM: [&str; 3] = ["libc::", "nix::", "rustix::"];
const NO_CALL: &str = "nix::errno::Errno";
const LINES_MAX: usize = 600;
/// Who may depend on whom. A new line here is a decision for docs/ARCHITECTURE.md.
const LAYERS: [(&str, &[&str]); 5] = [
    ("conc-core", &[]),
    ("conc-thread", &["conc-core"]),
    ("conc-shm", &["conc-core"]),
    ("conc-process", &["conc-core", "conc-shm", "conc-thread"]),
    ("conc-kit", &["conc-core", "conc-thread", "conc-shm", "conc-process"]),
];
/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 5] = ["util", "utils", "helper", "helpers", "common"];

#[test]
fn dependencies_point_down() {
    let _watchdog = watchdog();
    for folder in folders(&root().join("crates")) {
        let name = folder.file_name().unwrap().to_str().unwrap();
        let (_, allowed) = LAYERS
            .iter()
            .find(|(known, _)| *known == name)
            .unwrap_or_else(|| panic!("{name} has no place among the layers"));
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        let (_, tail) = manifest.split_once("\n[dependencies]").unwrap_or_default();
        let section = tail.split("\n[").next().unwrap_or_default();
        for line in section.lines().filter(|line| line.starts_with("conc-")) {
            let dependency = line.split(['.', ' ', '=']).next().unwrap_or_default();
            assert!(allowed.contains(&dependency), "{name} must not depend on {dependency}");
        }
    }
}

#[test]
fn files_are_short_and_named_for_what_they_hold() {
    let _watchdog = watchdog();
    for (path, text) in sources(&["crates", "tests", "benches"]) {
        let lines = text.lines().count();
        assert!(lines <= LINES_MAX, "{}: {lines} lines, split it", path.display());
        let stem = path.file_stem().unwrap().to_str().unwrap();
        assert!(!EMPTY_NAMES.contains(&stem), "{}: what is in it?", path.display());
    }
}

/// Chains of `let` came with Rust 1.88; no lint knows.
#[test]
fn the_oldest_compiler_reads_all_of_it() {
    let _watchdog = watchdog();
    for (path, text) in library_sources() {
        let heads = ["if let ", "while let "].map(|head| text.match_indices(head));
        for (place, _) in heads.into_iter().flatten() {
            let rest = &text[place..];
            let head = &rest[..rest.find(['{', '}', ';']).unwrap_or(rest.len())];
            assert!(!head.contains("&& "), "{}: a chain of let: {head}", path.display());
        }
        assert!(!text.contains("&& let "), "{}: a chain of let", path.display());
    }
}

#[test]
fn atomics_come_through_the_door() {
    let _watchdog = watchdog();
    for (path, text) in library_sources() {
        // Tests judge from outside, and count with what std has.
        let (code, _) = text.split_once("\nmod tests {").unwrap_or((&text, ""));
        if path.ends_with(DOOR) || path.ends_with("sys/futex/model.rs") {
            continue;
        }
        for (number, line) in code_lines(code) {
            for name in BEHIND_THE_DOOR {
                let place = path.display();
                assert!(!line.contains(name), "{place}:{number}: use conc_core::sync, not {name}");
            }
        }
    }
}

#[test]
fn only_sys_modules_name_the_system() {
    let _watchdog = watchdog();
    for (path, text) in library_sources() {
        if path.iter().any(|part| part == "sys")
            || path.ends_with("sys.rs")
            || path.ends_with("tests.rs")
        {
            continue;
        }
        // Tests may do to the system what they have to.
        let (code, _) = text.split_once("\nmod tests {").unwrap_or((&text, ""));
        for (number, line) in code_lines(code) {
            let line = line.replace(NO_CALL, "");
            for name in SYSTEM {
                let calls = line.match_indices(name).any(|(at, _)| {
                    let whole = !line[..at].ends_with(char::is_alphanumeric);
                    let next = &line[at + name.len()..];
                    whole && next.starts_with(|letter: char| letter.is_ascii_lowercase())
                });
                let place = path.display();
                assert!(!calls, "{place}:{number}: calls of {name} belong into a sys module");
            }
        }
    }
}

/// Every edge has two ends: a store that publishes and a load that sees.
#[test]
fn ordering_edges_are_paired() {
    let _watchdog = watchdog();
    let mut ends: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (_, text) in library_sources() {
        for line in text.lines() {
            let Some((_, tail)) = line.split_once("ORDERING(") else { continue };
            let Some((edge, rest)) = tail.split_once("):") else { continue };
            let (publishes, sees) = ends.entry(edge.to_owned()).or_default();
            let both = rest.contains("AcqRel") || rest.contains("SeqCst");
            *publishes += usize::from(both || rest.contains("Release"));
            *sees += usize::from(both || rest.contains("Acquire"));
        }
    }
    assert!(!ends.is_empty(), "no edge is named: is this looking in the right place?");
    for (edge, (publishes, sees)) in ends {
        assert!(publishes > 0 && sees > 0, "{edge}: {publishes} release, {sees} acquire");
    }
}

/// Whoever picks an ordering says why, at most a few lines above.
#[test]
fn orderings_have_reasons() {
    let _watchdog = watchdog();
    const NEAR: usize = 9;
    for (path, text) in library_sources() {
        let (code, _) = text.split_once("\nmod tests {").unwrap_or((&text, ""));
        if path.ends_with(DOOR) || path.ends_with("models.rs") {
            continue;
        }
        let lines: Vec<_> = code.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if !code.contains("Ordering::") || code.trim_start().starts_with("use ") {
                continue;
            }
            let near = &lines[at.saturating_sub(NEAR)..=at];
            let place = path.display();
            assert!(
                near.iter().any(|line| line.contains("// ORDERING")),
                "{place}:{}: an ordering without a reason",
                at + 1
            );
        }
    }
}

/// A test that hangs is ended and named.
#[test]
fn every_test_has_a_watchdog() {
    let _watchdog = watchdog();
    for (path, text) in sources(&["crates", "tests"]) {
        let lines: Vec<_> = text.lines().collect();
        for (at, line) in lines.iter().enumerate().filter(|(_, line)| line.trim() == "#[test]") {
            let body = lines[at..].iter().take(8);
            let guarded = body.into_iter().any(|line| {
                line.contains("watchdog") || line.contains("model(") || line.contains("says(")
            });
            assert!(guarded, "{}:{}: {line} without a watchdog", path.display(), at + 1);
        }
    }
}

#[test]
fn the_licences_lie_in_every_crate() {
    let _watchdog = watchdog();
    for folder in folders(&root().join("crates")) {
        for name in ["LICENSE-MIT", "LICENSE-APACHE"] {
            let own = fs::read(folder.join(name));
            let own = own.unwrap_or_else(|error| panic!("{}/{name}: {error}", folder.display()));
            assert_eq!(own, fs::read(root().join(name)).unwrap());
        }
        let readme = folder.join("README.md");
        assert!(readme.exists(), "{} is missing", readme.display());
    }
}

/// Tests that a page names exist: `file::test`, under the folder that it says, or in `conc-process`.
#[test]
fn pages_name_tests_that_exist() {
    let _watchdog = watchdog();
    let page = fs::read_to_string(root().join("docs/POOL.md")).unwrap();
    let (all, mut named, mut missing) = (sources(&["crates", "tests"]), 0, Vec::new());
    for name in page.split('`').skip(1).step_by(2) {
        let Some((file, test)) = name.split_once("::") else { continue };
        let is_name =
            |text: &str| text.chars().all(|c| c.is_ascii_lowercase() || "/_0123456789".contains(c));
        if !is_name(file) || !is_name(test) {
            continue;
        }
        let folder = match file.split_once('/') {
            None if file == "laws" => "tests/src/laws".to_owned(),
            Some(("tests", file)) => format!("tests/tests/{file}.rs"),
            Some(("src", file)) => format!("crates/conc-process/src/{file}.rs"),
            Some((crate_name, file)) => format!("crates/conc-{crate_name}/tests/{file}.rs"),
            None => format!("crates/conc-process/tests/{file}.rs"),
        };
        let function = format!("fn {test}");
        let has_it = |(path, text): &(PathBuf, String)| {
            path.strip_prefix(root()).unwrap().starts_with(&folder)
                && text.match_indices(&function).any(|(at, _)| {
                    let rest = text[at + function.len()..].chars().next();
                    matches!(rest, Some('(' | '<'))
                })
        };
        named += 1;
        if !all.iter().any(has_it) {
            missing.push(name);
        }
    }
    assert!(missing.is_empty(), "there are no such tests: {missing:#?}");
    assert!(named > 50, "no tests found: is this looking for the right form?");
}

/// What an issue asks for and nobody has written yet must not look written.
#[test]
fn nothing_is_left_to_do_in_silence() {
    let _watchdog = watchdog();
    for (path, text) in sources(&["crates", "benches"]) {
        for (number, line) in code_lines(&text) {
            for mark in ["todo!(", "unimplemented!(", "#[ignore"] {
                assert!(!line.contains(mark), "{}:{number}: {mark}", path.display());
            }
        }
    }
}

fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.lines()).filter(|(_, line)| !line.trim_start().starts_with("//"))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn folders(of: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(of).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_dir()).collect()
}

/// Rust files under `src` of the published crates.
fn library_sources() -> impl Iterator<Item = (PathBuf, String)> {
    let all = sources(&["crates"]);
    all.into_iter().filter(|(path, _)| path.iter().any(|part| part == "src"))
}

fn sources(tops: &[&str]) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut left: Vec<_> = tops.iter().map(|top| root().join(top)).collect();
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
                left.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push((path.clone(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(found.len() > 10, "no sources found: is this looking in the right place?");
    found
}
