//! Pending, running, finished or cancelled, and no way back.

use super::{JobSource, Outcome};
use crate::laws::judge::law;
use crate::laws::{Law, Make, Needs};
use conc_core::{Job, JoinError, KillError};
use std::sync::Arc;

pub(super) fn laws<S: JobSource>() -> Vec<Law<S>> {
    vec![
        law!(a_job_waits_runs_and_finishes, Needs::QUEUE),
        law!(a_pending_job_can_be_cancelled, Needs::QUEUE),
        law!(a_running_job_cannot_be_cancelled, Needs::QUEUE),
        law!(a_finished_job_stays_finished, Needs::NOTHING),
        law!(what_a_cancelled_job_owned_goes_at_once, Needs::QUEUE),
        law!(a_job_whose_runner_goes_away_ends, Needs::QUEUE),
        law!(a_job_says_what_stage_it_is_in, Needs::QUEUE),
        law!(jobs_of_threads_are_not_killed, Needs::QUEUE),
        law!(nobody_kills_what_has_ended, Needs::NOTHING),
    ]
}

/// Finished, running, cancelled: what a job says of itself.
fn stage<T>(job: &Job<T>) -> (bool, bool, bool) {
    (job.is_finished(), job.is_running(), job.is_cancelled())
}

const PENDING: (bool, bool, bool) = (false, false, false);
const RUNNING: (bool, bool, bool) = (false, true, false);
const FINISHED: (bool, bool, bool) = (true, false, false);
const CANCELLED: (bool, bool, bool) = (true, false, true);

fn a_job_waits_runs_and_finishes<S: JobSource>(make: Make<'_, S>) {
    for (outcome, well) in [(Outcome::Value(1), true), (Outcome::Panic("no"), false)] {
        let (mut lever, job) = make().pending();
        assert_eq!(stage(&job), PENDING);
        assert!(lever.begin() && lever.begin(), "beginning again changes nothing");
        assert_eq!(stage(&job), RUNNING);
        lever.end(outcome);
        job.wait();
        assert_eq!(stage(&job), FINISHED);
        assert_eq!(job.join().is_ok(), well);
    }
}

fn a_pending_job_can_be_cancelled<S: JobSource>(make: Make<'_, S>) {
    let (mut lever, job) = make().pending();
    assert!(job.cancel());
    assert_eq!(stage(&job), CANCELLED);
    assert!(job.cancel(), "again");
    assert!(!lever.begin(), "it never runs");
    lever.end(Outcome::Value(1));
    assert_eq!(stage(&job), CANCELLED);
    assert_eq!(job.join(), Err(JoinError::Cancelled));
}

fn a_running_job_cannot_be_cancelled<S: JobSource>(make: Make<'_, S>) {
    let (lever, job) = make().running();
    assert!(!job.cancel());
    assert_eq!(stage(&job), RUNNING);
    lever.end(Outcome::Value(1));
    assert_eq!(job.join(), Ok(1));
}

fn a_finished_job_stays_finished<S: JobSource>(make: Make<'_, S>) {
    for outcome in [Outcome::Value(1), Outcome::Panic("no")] {
        let job = make().ending(outcome);
        job.wait();
        for _ in 0..3 {
            assert!(!job.cancel());
            assert_eq!(stage(&job), FINISHED);
        }
        assert_eq!(job.join().is_ok(), outcome == Outcome::Value(1));
    }
}

fn what_a_cancelled_job_owned_goes_at_once<S: JobSource>(make: Make<'_, S>) {
    let owned = Arc::new(());
    let (lever, mut job) = make().pending::<()>();
    let witness = Arc::clone(&owned);
    job.on_finish(move |_| drop(witness));
    assert_eq!(Arc::strong_count(&owned), 2);
    assert!(job.cancel());
    assert_eq!(Arc::strong_count(&owned), 1, "the callback ran and is gone");
    drop((lever, job));
}

fn a_job_whose_runner_goes_away_ends<S: JobSource>(make: Make<'_, S>) {
    let (lever, job) = make().pending::<u64>();
    drop(lever);
    let result = job.join();
    assert!(
        matches!(result, Err(JoinError::Abandoned | JoinError::Cancelled)),
        "nothing ran: {result:?}"
    );
    let (lever, job) = make().running::<u64>();
    drop(lever);
    let result = job.join();
    assert!(
        matches!(result, Err(JoinError::Abandoned | JoinError::Panicked { .. })),
        "it ran: {result:?}"
    );
}

fn a_job_says_what_stage_it_is_in<S: JobSource>(make: Make<'_, S>) {
    let says = |job: &Job<u64>, stage: &str| {
        let text = format!("{job:?}");
        assert!(text.contains(stage), "{text} is {stage}");
    };
    let (mut lever, job) = make().pending();
    says(&job, "pending");
    lever.begin();
    says(&job, "running");
    lever.end(Outcome::Value(1));
    job.wait();
    says(&job, "finished");
    let (_lever, job) = make().pending();
    job.cancel();
    says(&job, "cancelled");
}

fn jobs_of_threads_are_not_killed<S: JobSource>(make: Make<'_, S>) {
    let (mut lever, job) = make().pending();
    assert_eq!(job.kill(), Err(KillError::Unsupported));
    assert_eq!(stage(&job), PENDING);
    lever.begin();
    assert_eq!(job.kill(), Err(KillError::Unsupported));
    assert_eq!(stage(&job), RUNNING);
    lever.end(Outcome::Value(1));
    assert_eq!(job.join(), Ok(1));
}

fn nobody_kills_what_has_ended<S: JobSource>(make: Make<'_, S>) {
    let job = make().ending(Outcome::Value(1));
    job.wait();
    assert_eq!(job.kill(), Err(KillError::Finished));
    assert_eq!(job.join(), Ok(1));
}
