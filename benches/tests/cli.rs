//! The command line: what it lists, what it refuses.

use std::process::{Command, Output};

fn conc_bench(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_conc-bench")).args(arguments).output().unwrap()
}

#[test]
fn the_list_names_groups_cases_and_contenders() {
    let output = conc_bench(&["--list"]);
    assert!(output.status.success());
    let list = String::from_utf8(output.stdout).unwrap();
    #[cfg(target_os = "linux")]
    for name in ["spawn:", "parent_1gb:", "conc_executor", "procspawn"] {
        assert!(list.contains(name), "no {name} in\n{list}");
    }
    for name in ["thread_pool:", "tiny_submit:", "conc_submit", "limit_serial", "rusty_pool"] {
        assert!(list.contains(name), "no {name} in\n{list}");
    }
}

#[test]
fn what_does_not_exist_ends_with_code_2_and_says_what_exists() {
    for (arguments, known) in [
        (&["thread_pol"][..], "thread_pool"),
        (&["all", "--case", "tiny"], "tiny_submit"),
        (&["all", "--contender", "tokio"], "rayon"),
        (&["all", "--rounds", "0"], "--rounds"),
        (&[], "<GROUP>"),
    ] {
        let output = conc_bench(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(known), "{arguments:?}: {error}");
    }
}

#[test]
fn a_quick_run_writes_a_line_of_json_for_each_figure() {
    let file = format!("{}/figures.json", env!("CARGO_TARGET_TMPDIR"));
    let arguments = [
        "thread_pool",
        "--case",
        "tiny_map",
        "--contender",
        "limit_serial",
        "--quick",
        "--rounds",
        "2",
    ];
    let output = conc_bench(&[&arguments[..], &["--json", &file]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = std::fs::read_to_string(&file).unwrap();
    let first = lines.lines().next().unwrap();
    let begin = r#"{"group":"thread_pool","case":"tiny_map","contender":"limit_serial","metric":"time_per_job","unit":"ns","median":"#;
    assert!(first.starts_with(begin), "{first}");
    assert_eq!(lines.lines().count(), 3, "time, first and cpu:\n{lines}");
}

#[cfg(target_os = "linux")]
#[test]
fn pools_that_run_alone_end_with_all_their_processes() {
    let file = format!("{}/pools.json", env!("CARGO_TARGET_TMPDIR"));
    let arguments = ["pool", "--case", "payload_1mib", "--case", "recovery", "--case", "idle"];
    let options = ["--contender", "^(conc_|procspawn)", "--quick", "--rounds", "1"];
    let output = conc_bench(&[&arguments[..], &options, &["--json", &file]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(!table.contains("hangs"), "{table}");
    let lines = std::fs::read_to_string(&file).unwrap();
    for (case, contender, metric) in [
        ("payload_1mib", "conc_apply_bytes", "time_per_job"),
        ("recovery", "conc_apply", "time_per_job"),
        ("idle", "conc_pool", "cpu_parent"),
        ("idle", "conc_threads", "voluntary"),
    ] {
        let begin = format!(
            r#"{{"group":"pool","case":"{case}","contender":"{contender}","metric":"{metric}""#
        );
        assert!(lines.contains(&begin), "no {begin} in\n{lines}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn contenders_that_run_alone_give_their_figures() {
    let file = format!("{}/alone.json", env!("CARGO_TARGET_TMPDIR"));
    let contenders = "^(conc_fork_server|limit_fork_wait|procspawn)$";
    let arguments = ["spawn", "--case", "parent_10mb", "--case", "cold", "--case", "memory"];
    let options = ["--contender", contenders, "--quick", "--rounds", "1", "--json", &file];
    let output = conc_bench(&[&arguments[..], &options].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = std::fs::read_to_string(&file).unwrap();
    for (case, contender, metric) in [
        ("parent_10mb", "limit_fork_wait", "p99"),
        ("parent_10mb", "conc_fork_server", "start_to_result"),
        ("cold", "conc_fork_server", "start_to_result"),
        ("memory", "conc_fork_server", "server_unshared"),
    ] {
        let begin = format!(
            r#"{{"group":"spawn","case":"{case}","contender":"{contender}","metric":"{metric}""#
        );
        assert!(lines.contains(&begin), "no {begin} in\n{lines}");
    }
}
