//! Jobs are futures.

use super::Subject;
use crate::laws::judge::law;
use crate::laws::scene::{Gate, Journal, WakeCount, block_on, note, pass, poll_once};
use crate::laws::{Law, Make, Needs};
use conc_core::{JobSet, Waitable, wait_all_async, wait_first_async};
use std::future::Future;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

pub(super) fn laws<E: Subject>() -> Vec<Law<E>> {
    vec![
        law!(awaiting_gives_the_result, Needs::NOTHING),
        law!(awaiting_is_woken_by_the_end, Needs::PARALLEL),
        law!(a_dropped_future_loses_nothing_else, Needs::PARALLEL),
        law!(who_gives_up_awaiting_may_still_join, Needs::PARALLEL),
        law!(several_jobs_can_be_awaited, Needs::NOTHING),
        law!(a_dropped_wait_for_several_loses_nothing, Needs::PARALLEL),
    ]
}

fn held_up((gate, journal, n): (PathBuf, PathBuf, u64)) -> u64 {
    pass(&gate, n);
    note(&journal, n);
    n
}

fn awaiting_gives_the_result<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    block_on(async {
        for n in 0..200_u64 {
            assert_eq!(executor.submit(|n: u64| n * n, n).unwrap().await, Ok(n * n));
        }
        let error = executor.submit(|n: u64| -> u64 { panic!("no {n}") }, 1).unwrap().await;
        assert!(error.unwrap_err().to_string().contains("no 1"));
    });
}

fn awaiting_is_woken_by_the_end<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let (gate, journal) = (Gate::new(), Journal::new());
    let mut job = executor.submit(held_up, (gate.key(), journal.key(), 1)).unwrap();
    let visitor = gate.visitor();
    let first = Arc::new(WakeCount::default());
    assert_eq!(poll_once(&mut job, &first), Poll::Pending);
    assert_eq!(first.get(), 0, "nothing has happened");
    visitor.let_go();
    // The waker of the last poll counts.
    assert_eq!(block_on(&mut job), Ok(1));
    assert!(job.is_finished(), "its result has been taken");
}

fn a_dropped_future_loses_nothing_else<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let (gate, journal) = (Gate::new(), Journal::new());
    let submit = |n| executor.submit(held_up, (gate.key(), journal.key(), n)).unwrap();
    let mut dropped = submit(1);
    let visitor = gate.visitor();
    assert!(poll_once(&mut dropped, &Arc::default()).is_pending());
    drop(dropped);
    let kept = executor.submit(|n: u64| n, 3).unwrap();
    visitor.let_go();
    assert_eq!(block_on(kept), Ok(3));
    executor.shutdown();
    assert_eq!(journal.entries(), [1], "the work went on");
}

fn who_gives_up_awaiting_may_still_join<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let (gate, journal) = (Gate::new(), Journal::new());
    let mut job = executor.submit(held_up, (gate.key(), journal.key(), 1)).unwrap();
    let visitor = gate.visitor();
    let count = Arc::default();
    assert!(poll_once(&mut &mut job, &count).is_pending());
    visitor.let_go();
    assert_eq!(job.join(), Ok(1));
}

fn several_jobs_can_be_awaited<E: Subject>(make: Make<'_, E>) {
    let executors = [make(), make()];
    let jobs: Vec<_> =
        (0..40_u64).map(|n| executors[n as usize % 2].submit(|n: u64| n, n).unwrap()).collect();
    block_on(async {
        let waited: Vec<&dyn Waitable> = jobs.iter().map(|job| job as _).collect();
        let first = wait_first_async(&waited).await.unwrap();
        assert!(jobs[first].is_finished());
        wait_all_async(&waited).await;
        assert!(jobs.iter().all(conc_core::Job::is_finished));
        assert_eq!(wait_first_async(&[]).await, None);
        let mut set: JobSet<_> = jobs.into_iter().collect();
        let mut places = Vec::new();
        while let Some((place, result)) = set.next_finished_async().await {
            assert_eq!(result, Ok(place as u64));
            places.push(place);
        }
        places.sort_unstable();
        assert_eq!(places, (0..40).collect::<Vec<_>>());
    });
}

fn a_dropped_wait_for_several_loses_nothing<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let (gate, journal) = (Gate::new(), Journal::new());
    let job = executor.submit(held_up, (gate.key(), journal.key(), 7)).unwrap();
    let visitor = gate.visitor();
    let poll = |future: &mut dyn FnMut(&mut Context<'_>) -> bool| {
        assert!(future(&mut Context::from_waker(Waker::noop())), "it runs");
    };
    {
        let jobs: [&dyn Waitable; 1] = [&job];
        let mut all = pin!(wait_all_async(&jobs));
        poll(&mut |context| all.as_mut().poll(context).is_pending());
        let mut first = pin!(wait_first_async(&jobs));
        poll(&mut |context| first.as_mut().poll(context).is_pending());
    }
    let mut set = JobSet::from_iter([job]);
    {
        let mut next = pin!(set.next_finished_async());
        poll(&mut |context| next.as_mut().poll(context).is_pending());
    }
    visitor.let_go();
    assert_eq!(set.next_finished(), Some((0, Ok(7))));
}
