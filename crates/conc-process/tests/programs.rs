//! Runs each example program and checks what it says.

#![cfg(feature = "auto-init")]

use conc_tests::watchdog;
use std::process::{Command, Stdio};

/// What a program says on stdout; it has to succeed.
fn run(name: &str) -> String {
    let own = std::env::current_exe().unwrap();
    // Tests lie in `deps`, next to `examples`.
    let path = own.parent().unwrap().parent().unwrap().join("examples").join(name);
    let output = Command::new(&path).stdin(Stdio::null()).output().unwrap_or_else(|error| {
        panic!("{}: {error}; plain `cargo test` builds it", path.display())
    });
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {}\n{text}\n{errors}", output.status);
    text
}

/// Runs a program that says these lines in this order, perhaps with others between them.
fn says(name: &str, lines: &[&str]) {
    let _watchdog = watchdog();
    let text = run(name);
    let mut rest = text.lines();
    for line in lines {
        assert!(rest.any(|said| said.contains(line)), "{name} does not say {line:?}:\n{text}");
    }
}

#[test]
fn hello_process() {
    says(
        "hello_process",
        &[
            "MainProcess: pid",
            "my parent is the fork server: true",
            "result: hello, world; hello, world",
        ],
    );
}

#[test]
fn stateful_process() {
    says("stateful_process", &["short counted [1, 2, 3]", "long counted [1, 2, 3, 4, 5]"]);
}

#[test]
fn daemon_process() {
    says(
        "daemon_process",
        &[
            "parent: SIGKILL",
            "daemon: ended with it",
            "detached: my parent is dead: true",
            "a childless process is refused a child: true",
        ],
    );
}

#[test]
fn terminate_process() {
    says(
        "terminate_process",
        &[
            "alive before: true",
            "exit status: SIGTERM",
            "alive after: false",
            "join says: killed by SIGTERM",
            "ignores SIGTERM: true",
            "but not: SIGKILL",
            "interrupted: killed by SIGINT",
            "by itself: exit code 3",
        ],
    );
}

#[test]
fn pool_map() {
    says(
        "pool_map",
        &[
            "default size: true",
            "apply: Ok(144)",
            "callback: Ok(169)",
            "apply_async: Ok(169)",
            "map: Ok([0, 1, 4, 9, 16, 25, 36, 49, 64, 81])",
            "imap of an endless source: [Ok(0), Ok(1), Ok(4)]",
            "imap_unordered, sorted: [(0, Ok(25)), (1, Ok(36)), (2, Ok(49))]",
            "starmap: Ok([1024, 81])",
            "after shutdown: the executor is shut down",
            "item 2: panicked: two is one too many",
            "item 4: killed by SIGABRT",
            "item 6: its process exited with code 6 and no result",
            "item 8: timed out and was ended",
            "died 3 times",
            "state of two workers: [101, 101, 102, 102, 103, 104]",
            "progress: 10 of Some(20)",
            "progress: 20 of Some(20)",
            "sum: 2470",
            "restarts: true",
            "after terminate: true",
        ],
    );
}

#[test]
fn limits() {
    says(
        "limits",
        &[
            "job 1: fine",
            "job 3: ended, it took more than three seconds",
            "job 4: fine",
            "job 5: ended, it had more than 128 MiB: true",
            "job 6: fine",
            "restarts: 2",
        ],
    );
}

#[test]
fn crawler() {
    says(
        "crawler",
        &[
            "60 pages, the last by name: Page 060",
            "not there: [\"page 61: status 404\"]",
            "jobs of the fetchers and of the parsers: [61, 60]",
        ],
    );
}

#[test]
fn who_am_i() {
    says(
        "who_am_i",
        &[
            "MainProcess (nobody's child)",
            "Process-1 (child of MainProcess)",
            "worker (child of MainProcess)",
            "Process-3:1 (child of Process-3)",
            "children: [\"idle\"]",
            "can run at once: ",
            "not more than the machine has: true",
        ],
    );
}

#[test]
fn isolation() {
    says(
        "isolation",
        &[
            "in the child: 123",
            "in the next: 101",
            "here: 100",
            "a crash is an error here: killed by SIGSEGV",
            "and we go on",
        ],
    );
}

#[test]
fn zombie_and_orphan() {
    says(
        "zombie_and_orphan",
        &[
            "ended, nobody waited: Z",
            "its status: exit code 0",
            "waited for: gone",
            "its result: 42",
            "a served child: exit code 0",
            "reaped by the server: true",
            "orphan: adopted by the server",
        ],
    );
}

#[test]
fn fork_per_request() {
    says(
        "fork_per_request",
        &[
            "process 0: served",
            "process 1: killed by SIGABRT",
            "process 2: served",
            "client got: request 0: GET /first HTTP/1.0",
            "client got: no answer",
            "client got: request 2: GET /third HTTP/1.0",
        ],
    );
}

#[test]
fn start_methods() {
    says(
        "start_methods",
        &["this process sees nothing", "ForkServer sees 42", "Spawn sees nothing", "Fork sees 7"],
    );
}

#[test]
fn process_states() {
    says(
        "process_states",
        &[
            "ready or running",
            "blocked (sleeping)",
            "stopped",
            "blocked (sleeping)",
            "exit code 0",
            "terminated and reaped",
            "terminated (zombie)",
        ],
    );
}

#[test]
fn master_worker() {
    says(
        "master_worker",
        &[
            "worker 2: 4",
            "worker 3: killed by SIGABRT",
            "worker 5: 25",
            "the master goes on",
            "the master and all its workers: killed by SIGABRT",
            "to be done again: [3]",
        ],
    );
}

#[test]
fn start_cost() {
    says("start_cost", &["the first process", "100 processes: ", "100 threads: "]);
}

#[test]
fn doctor() {
    says("doctor", &["needed:", "yes start method ForkServer", "better with:", "hold here"]);
}
