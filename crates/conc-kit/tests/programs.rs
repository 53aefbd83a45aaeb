//! Runs the example programs and checks what they print.
#![cfg(not(conc_loom))]

use conc_tests::{Program, watchdog};

#[test]
fn executors_prints_the_same_in_every_world() {
    let _watchdog = watchdog();
    let output = Program::example("executors").run().success();
    let worlds: Vec<_> = output.trim().split("\n\n").collect();
    assert_eq!(worlds.len(), 4, "four paragraphs expected, got {output}");
    let body = |world: &str| world.split_once('\n').map(|(_, body)| body.to_owned());
    assert!(worlds.iter().all(|world| body(world) == body(worlds[0])), "{output}");
    for line in [
        "== inline: NESTS",
        "== threads: PARALLEL | CANCELS_QUEUED | BLOCKING | NESTS",
        "== processes: PARALLEL | ISOLATES | KILLS | BLOCKING | NESTS",
        "== pool of processes: PARALLEL | ISOLATES | KILLS | CANCELS_QUEUED",
        "submit, join        Ok([3, 5])",
        "on_finish           Ok([6])",
        "map                 1: panicked: nothing to measure",
        "map                 2: [1, 1]",
        "map, endless        Ok([1001, 2001, 3001])",
        "starmap             Ok([1024, 81])",
        "as_completed        [(0, Ok([1])), (1, Ok([2])), (2, Ok([3]))]",
        "wait_all            Ok([4]) Ok(144)",
        "shutdown            \"too late\" came back",
    ] {
        assert!(output.lines().any(|printed| printed == line), "{line} is missing in\n{output}");
    }
}

#[test]
fn fib_race_counts_right_and_refuses_nonsense() {
    let _watchdog = watchdog();
    let output = Program::example("fib_race").args(["10", "20"]).run().success();
    let counted: Vec<_> = output
        .lines()
        .skip(1)
        .map_while(|line| {
            let mut columns = line.split_whitespace();
            Some((columns.next()?.parse::<u64>().ok()?, columns.next()?.parse::<u64>().ok()?))
        })
        .collect();
    assert_eq!(counted.len(), 11);
    assert_eq!((counted[0], counted[10]), ((10, 55), (20, 6765)));
    assert!(output.lines().last().is_some_and(|line| line.contains("speed-up")));

    for nonsense in [&["many"][..], &["9", "3"], &["1", "2000"]] {
        let refused = Program::example("fib_race").args(nonsense).run();
        assert_eq!(refused.code(), Some(2));
        assert!(refused.stderr().contains("usage"));
    }
}

#[test]
fn queues_are_full_empty_late_and_closed() {
    let _watchdog = watchdog();
    let output = Program::example("queues").run().success();
    let vocabulary = "
  put 1, 2, 3
  put_nowait(4): the queue is full; 4 came back
  qsize 3, empty false, full true
  put(4, timeout): the queue is full; too early: false
  get: [1, 2, 3]
  get_nowait: the queue is empty
  get(timeout): the queue is empty; too early: false
  qsize 0, empty true, full false
  put(6) after close: the queue is closed; 6 came back
  get what was put before: Some(5)
  get after that: the queue is closed and empty
";
    let between = "
  the other process ended, since the queue is closed and empty
  100 answers, in order: true
  and no more, since the queue is empty, and all other processes are gone
";
    let expected = format!(
        "a queue of encoded items:{vocabulary}a queue of plain data:{vocabulary}\
         between processes:{between}"
    );
    assert_eq!(output, expected);
}

#[test]
fn producers_and_consumers_count_right() {
    let _watchdog = watchdog();
    for (args, made, consumers) in [(&[][..], 20, 4), (&["5", "3"], 50, 3), (&["1", "1"], 10, 1)] {
        let output = Program::example("producer_consumer").args(args).run().success();
        let (until_none, until_closed) = output.split_once("until the queue is closed:").unwrap();
        let all = format!("made {made}, eaten {made}; each exactly once: true");
        for half in [until_none, until_closed] {
            assert!(half.contains(&all), "{output}");
            assert_eq!(half.matches(" ate ").count(), consumers, "{output}");
        }
        assert!(until_none.contains("left over: 1 item, None"), "{output}");
        assert!(until_closed.contains("left over: 0 items"), "{output}");
    }
    for nonsense in [&["0"][..], &["many"], &["1", "2", "3"]] {
        let refused = Program::example("producer_consumer").args(nonsense).run();
        assert_eq!(refused.code(), Some(2));
        assert!(refused.stderr().contains("usage"));
    }
}

#[test]
fn joins_end_whoever_dies() {
    let _watchdog = watchdog();
    let output = Program::example("joinable_queue").run().success();
    let expected = "\
three consumers, ten items:
  join returned; done: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]; unfinished: 0
  task_done once more: more items are done with than were got
two consumers that lease, one item that kills:
  item 1, delivery 1
  item 2, delivery 1
  item 3, delivery 2
  item 4, delivery 1
  item 5, delivery 1
  the consumers: fine, killed by SIGABRT
a consumer that dies with what it got:
  join returned; the consumer: killed by SIGABRT; the item is lost
";
    assert_eq!(output, expected);
}

#[test]
fn the_tour_agrees_and_draws() {
    let _watchdog = watchdog();
    let folder = Folder::new("tour_agrees");
    std::fs::create_dir_all(folder.path("deep/er")).unwrap();
    std::fs::write(folder.path("one.txt"), "to be or not to be\n").unwrap();
    std::fs::write(folder.path("deep/er/two.txt"), "that is the question").unwrap();
    std::fs::write(folder.path("empty"), "").unwrap();
    let out = folder.path("out");

    let output = Program::example("tour")
        .arg(folder.path("."))
        .args(["--workers", "2", "--out"])
        .arg(&out)
        .run()
        .success();
    assert!(output.starts_with("3 files, 0.0 MB"), "{output}");
    for world in ["inline", "threads (2)", "processes", "pool (2)"] {
        let row = output.lines().find(|line| line.starts_with(world)).expect(world);
        assert!(row.ends_with("10"), "ten words: {row}");
    }
    assert!(output.contains("All worlds agree on every file."));
    let crash = output.lines().find(|line| line.starts_with("failed: ")).expect("one file fails");
    assert!(crash.ends_with("poison.txt: killed by SIGABRT"), "{crash}");
    assert!(output.contains("The other 3 files are complete, and equal to those above."));
    assert!(output.contains("A second producer went on: "), "{output}");
    assert!(output.contains("All 20000 came once, in order, and whole."), "{output}");

    for casualty in [
        "aborts.txt: killed by SIGABRT",
        "never_ends.txt: timed out and was ended",
        "eats_memory.txt: ended for its memory: ",
        "is_killed.txt: killed by SIGKILL",
        "All other 3 files are complete, and equal to those above.",
        "4 restarts; 2 workers, as before.",
    ] {
        assert!(output.contains(casualty), "{casualty} is missing in\n{output}");
    }
    let picture = std::fs::read_to_string(out.join("pool.svg")).unwrap();
    for drawn in ["SIGABRT", "timed out", "takes over", "one.txt"] {
        assert!(picture.contains(drawn), "{drawn} is not in the picture");
    }

    let picture = std::fs::read_to_string(out.join("timeline.svg")).unwrap();
    assert!(picture.starts_with("<svg") && picture.contains("worker_"), "{picture}");
    let trace = std::fs::read_to_string(out.join("trace.json")).unwrap();
    let trace: serde_json::Value = serde_json::from_str(&trace).expect("well-formed JSON");
    let spans = trace["traceEvents"].as_array().expect("a list of events");
    let named = |name| spans.iter().filter(|span| span["name"] == name).count();
    assert_eq!((named("one.txt"), named("two.txt"), named("empty")), (1, 1, 1));
}

#[test]
fn the_tour_says_what_it_cannot_read() {
    let _watchdog = watchdog();
    let folder = Folder::new("tour_cannot_read");
    for (dir, complaint) in [
        (folder.path("nowhere"), "cannot read the folder"),
        (folder.path("file"), "is not a folder"),
        (folder.path("bare"), "holds no files"),
    ] {
        std::fs::write(folder.path("file"), "x").unwrap();
        std::fs::create_dir_all(folder.path("bare")).unwrap();
        let refused = Program::example("tour").arg(&dir).run();
        assert_eq!(refused.code(), Some(2), "{refused:?}");
        assert!(refused.stderr().contains(complaint), "{refused:?}");
        assert!(refused.stderr().contains(dir.file_name().unwrap().to_str().unwrap()));
    }
    let help = Program::example("tour").arg("--help").run().success();
    assert!(help.contains("Usage: tour [OPTIONS] [DIR]"), "{help}");
}

/// A folder of a test's own, removed with it.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("conc_{test}_{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
