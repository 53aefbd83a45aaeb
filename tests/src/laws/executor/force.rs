//! Jobs that abort or are killed.

use super::Subject;
use crate::laws::judge::law;
use crate::laws::scene::{Gate, Occupied, pass};
use crate::laws::{Law, Make, Needs};
use conc_core::{Capabilities, JoinError, KillError};
use std::path::PathBuf;

pub(super) fn laws<E: Subject>() -> Vec<Law<E>> {
    vec![
        law!(
            killing_is_refused_where_it_cannot_be_done,
            Needs::PARALLEL.but_not(Capabilities::KILLS)
        ),
        law!(what_has_ended_is_not_killed, Needs::NOTHING),
        law!(
            a_running_job_can_be_killed,
            Needs::all(Capabilities::PARALLEL.union(Capabilities::KILLS))
        ),
        law!(
            a_job_that_aborts_takes_nothing_else_with_it,
            Needs::all(Capabilities::PARALLEL.union(Capabilities::ISOLATES))
        ),
    ]
}

fn wait(gate: PathBuf) {
    pass(&gate, 0);
}

fn killing_is_refused_where_it_cannot_be_done<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let gate = Gate::new();
    let job = executor.submit(wait, gate.key()).unwrap();
    let visitor = gate.visitor();
    assert_eq!(job.kill(), Err(KillError::Unsupported));
    assert!(job.is_running());
    visitor.let_go();
    assert_eq!(job.join(), Ok(()));
}

fn what_has_ended_is_not_killed<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let job = executor.submit(|n: u64| n, 1).unwrap();
    job.wait();
    assert_eq!(job.kill(), Err(KillError::Finished));
    assert_eq!(job.join(), Ok(1));
}

fn a_running_job_can_be_killed<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let gate = Gate::new();
    let job = executor.submit(wait, gate.key()).unwrap();
    let visitor = gate.visitor();
    assert_eq!(job.kill(), Ok(()));
    let result = job.join();
    assert!(matches!(result, Err(JoinError::Killed { .. })), "{result:?}");
    drop(visitor);
    assert_eq!(Occupied::all_of(&executor).workers(), executor.parallelism());
}

fn a_job_that_aborts_takes_nothing_else_with_it<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let occupied = Occupied::all_of(&executor);
    let others: Vec<_> = (0..20_u64)
        .map(|n| {
            let abort = |n: u64| if n % 5 == 2 { std::process::abort() } else { n };
            executor.submit(abort, n).unwrap()
        })
        .collect();
    occupied.release().into_iter().for_each(|job| assert!(job.join().is_ok()));
    for (job, n) in others.into_iter().zip(0..) {
        let result = job.join();
        let killed = matches!(result, Err(JoinError::Killed { .. }));
        assert!(if n % 5 == 2 { killed } else { result == Ok(n) }, "job {n}: {result:?}");
    }
    assert_eq!(Occupied::all_of(&executor).workers(), executor.parallelism(), "all are replaced");
}
