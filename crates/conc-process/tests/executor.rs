//! A process for each job, held to what an executor promises.

#![cfg(feature = "auto-init")]

use conc_core::{
    Capabilities, Executor, InlineExecutor, Job, JoinError, SubmitError, as_completed,
};
use conc_process::{ProcessExecutor, current};
use conc_tests::watchdog;
use std::time::Duration;

fn square(n: u64) -> u64 {
    n * n
}

#[test]
fn it_computes_what_inline_computes() {
    let _watchdog = watchdog();
    let (executor, inline) = (ProcessExecutor::new(), InlineExecutor::new());
    let items = 0..20_u64;
    let expected: Vec<_> = inline.map(square, items.clone()).collect();
    assert_eq!(executor.map(square, items.clone()).collect::<Vec<_>>(), expected);
    let mut unordered: Vec<_> = executor.map_unordered(square, items.clone()).collect();
    unordered.sort_by_key(|(place, _)| *place);
    assert_eq!(unordered.into_iter().map(|(_, result)| result).collect::<Vec<_>>(), expected);
    let pairs = || items.clone().zip(1..);
    let sum = |a: u64, b: u64| a + b;
    let expected: Vec<_> = inline.starmap(sum, pairs()).collect();
    assert_eq!(executor.starmap(sum, pairs()).collect::<Vec<_>>(), expected);
}

#[test]
fn a_job_that_dies_takes_nothing_with_it() {
    let _watchdog = watchdog();
    let executor = ProcessExecutor::new();
    let fragile = |n: u32| match n {
        1 => panic!("one"),
        2 => std::process::abort(),
        3 => std::process::exit(9),
        n => n,
    };
    let results: Vec<_> = executor.map(fragile, 0..6).collect();
    assert_eq!(results[0], Ok(0));
    assert!(results[1].as_ref().unwrap_err().is_panic());
    assert!(matches!(&results[2], Err(JoinError::Killed { signal, .. }) if signal.number() == 6));
    assert!(matches!(results[3], Err(JoinError::Exited { code: 9, .. })));
    assert_eq!(results[4..], [Ok(4), Ok(5)]);
}

#[test]
fn jobs_run_at_the_same_time_and_can_be_killed() {
    let _watchdog = watchdog();
    let executor = ProcessExecutor::new();
    assert!(executor.capabilities().contains(Capabilities::PARALLEL | Capabilities::KILLS));
    assert!(executor.parallelism() >= 1);
    let forever = |()| std::thread::park();
    // More than can run at once: jobs that block do not stop the others.
    let blocked: Vec<Job<()>> = (0..executor.parallelism() * 2 + 1)
        .map(|_| executor.submit(forever, ()).unwrap())
        .collect();
    assert_eq!(executor.submit(square, 5).unwrap().join(), Ok(25));
    for job in &blocked {
        assert!(job.is_running() && !job.cancel());
        assert!(!job.wait_timeout(Duration::ZERO));
        job.kill().unwrap();
    }
    for (_, result) in as_completed(blocked) {
        assert!(matches!(result, Err(JoinError::Killed { .. })));
    }
}

#[test]
fn a_job_may_submit_jobs_to_any_depth() {
    let _watchdog = watchdog();
    fn fibonacci(n: u64) -> u64 {
        if n < 2 {
            return n;
        }
        let executor = ProcessExecutor::new();
        let left = executor.submit(fibonacci, n - 1).unwrap();
        let right = executor.submit(fibonacci, n - 2).unwrap();
        left.join().unwrap() + right.join().unwrap()
    }
    assert_eq!(ProcessExecutor::new().submit(fibonacci, 5).unwrap().join(), Ok(5));
}

#[test]
fn a_dropped_job_goes_on_and_shutdown_waits_for_it() {
    let _watchdog = watchdog();
    let path = std::env::temp_dir().join(format!("conc-executor-{}", std::process::id()));
    let executor = ProcessExecutor::new();
    let write = |path: String| std::fs::write(path, current().name()).unwrap();
    drop(executor.submit(write, path.to_str().unwrap().to_owned()).unwrap());
    executor.shutdown();
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(text.starts_with("Process-"), "{text}");
    assert!(matches!(executor.submit(square, 1), Err(SubmitError::Closed(1))));
    let refused: Vec<_> = executor.map(square, 0..3).collect();
    assert!(refused.iter().all(|result| *result == Err(JoinError::Cancelled)));
}

#[test]
fn a_function_that_cannot_travel_comes_back_with_its_argument() {
    let _watchdog = watchdog();
    unsafe extern "C" {
        fn getpid() -> i32;
    }
    let outside = getpid as *const ();
    // SAFETY: never called: it is refused.
    let outside = unsafe { std::mem::transmute::<*const (), fn(u8) -> i32>(outside) };
    let refused = ProcessExecutor::new().submit(outside, 7);
    assert!(matches!(refused, Err(SubmitError::NotPortable(7))));
}
