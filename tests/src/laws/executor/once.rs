//! Every job runs once, and its result comes back.

use super::Subject;
use crate::laws::judge::law;
use crate::laws::scene::{Journal, note};
use crate::laws::{Law, Make, Needs};
use conc_core::{Executor, InlineExecutor};
use std::collections::BTreeMap;
use std::path::PathBuf;

pub(super) fn laws<E: Subject>() -> Vec<Law<E>> {
    vec![
        law!(every_job_runs_once, Needs::NOTHING),
        law!(results_are_those_of_the_inline_executor, Needs::NOTHING),
        law!(large_values_come_back_whole, Needs::NOTHING),
        law!(values_without_size_come_back, Needs::NOTHING),
        law!(it_runs_at_least_one_job_at_a_time, Needs::NOTHING),
        law!(executors_do_not_mix_their_jobs, Needs::NOTHING),
    ]
}

fn noted_square((journal, n): (PathBuf, u64)) -> u64 {
    note(&journal, n);
    n * n
}

fn every_job_runs_once<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let journal = Journal::new();
    let jobs: Vec<_> =
        (0..300).map(|n| executor.submit(noted_square, (journal.key(), n)).unwrap()).collect();
    for (n, job) in (0..).zip(jobs) {
        assert_eq!(job.join(), Ok(n * n));
    }
    assert_eq!(journal.sorted_entries(), (0..300).collect::<Vec<_>>());
}

type Shapes = (String, Option<Vec<i64>>, BTreeMap<u8, (char, f64)>, Result<bool, String>);

fn reshape((text, numbers, table, outcome): Shapes) -> Shapes {
    let numbers = numbers.map(|numbers| numbers.into_iter().rev().collect());
    let table = table.into_iter().map(|(key, (letter, x))| (key ^ 1, (letter, -x))).collect();
    (text.to_uppercase(), numbers, table, outcome.map(|flag| !flag))
}

fn results_are_those_of_the_inline_executor<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    let inline = InlineExecutor::new();
    for n in 0..20_u8 {
        let shapes: Shapes = (
            format!("schloß {n}"),
            (n % 3 > 0).then(|| (0..i64::from(n)).collect()),
            (0..n).map(|key| (key, ('ß', f64::from(key) / 3.0))).collect(),
            if n % 2 == 0 { Ok(true) } else { Err(n.to_string()) },
        );
        let expected = inline.submit(reshape, shapes.clone()).unwrap().join();
        assert_eq!(executor.submit(reshape, shapes).unwrap().join(), expected);
    }
}

fn rotate(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.rotate_left(1);
    bytes
}

fn large_values_come_back_whole<E: Subject>(make: Make<'_, E>) {
    const LEN: usize = 1 << 20;
    let executor = make();
    // The rotation shows a piece that is missing, doubled or out of place.
    let bytes = |seed: usize| (0..LEN).map(|n| (n * 31 + n / 251 + seed) as u8).collect::<Vec<_>>();
    let jobs: Vec<_> = (0..6).map(|seed| executor.submit(rotate, bytes(seed)).unwrap()).collect();
    for (seed, job) in jobs.into_iter().enumerate() {
        // No `assert_eq`: nobody wants to read the difference.
        assert!(job.join().unwrap() == rotate(bytes(seed)), "value {seed} is damaged");
    }
}

fn values_without_size_come_back<E: Subject>(make: Make<'_, E>) {
    let executor = make();
    for _ in 0..20 {
        assert_eq!(executor.submit(|()| (), ()).unwrap().join(), Ok(()));
        assert_eq!(executor.submit(rotate_nothing, Vec::new()).unwrap().join(), Ok(String::new()));
    }
    assert_eq!(executor.map(|()| (), [(); 50]).filter(Result::is_ok).count(), 50);
}

fn rotate_nothing(nothing: Vec<()>) -> String {
    assert!(nothing.is_empty());
    String::new()
}

fn it_runs_at_least_one_job_at_a_time<E: Subject>(make: Make<'_, E>) {
    assert!(make().parallelism() >= 1);
}

fn executors_do_not_mix_their_jobs<E: Subject>(make: Make<'_, E>) {
    let executors = [make(), make(), make()];
    let jobs: Vec<_> =
        (0..90_u64).map(|n| executors[n as usize % 3].submit(|n: u64| n + 1, n).unwrap()).collect();
    executors[1].shutdown_now();
    for (n, job) in (0..90_u64).zip(jobs) {
        let result = job.join();
        let cancelled = n % 3 == 1 && result == Err(conc_core::JoinError::Cancelled);
        assert!(cancelled || result == Ok(n + 1), "job {n}: {result:?}");
    }
    assert!(executors[2].submit(|n: u64| n, 1).is_ok());
}
