//! Random sequences of calls by several handles, beside a model that is as simple as it can be.

#![cfg(not(conc_loom))]

mod items;
mod model;
mod pair;

use conc_shm::queue::{Builder, PutError, Queue};
use conc_tests::{watchdog, watchdog_for};
use items::Item;
use pair::{Deed, Pair};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::time::Duration;

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let any = 0..4_usize;
    let deed = prop_oneof![
        6 => any.clone().prop_map(Deed::Put),
        1 => any.clone().prop_map(Deed::PutInVain),
        4 => any.clone().prop_map(Deed::Get),
        1 => (any.clone(), 0..4_usize).prop_map(|(handle, most)| Deed::GetMany(handle, most)),
        2 => Just(Deed::TaskDone),
        3 => any.clone().prop_map(Deed::Lease),
        2 => any.clone().prop_map(Deed::Ack),
        2 => any.clone().prop_map(Deed::Nack),
        2 => any.clone().prop_map(Deed::Loan),
        2 => any.clone().prop_map(Deed::Publish),
        1 => any.clone().prop_map(Deed::DropLoan),
        1 => any.clone().prop_map(Deed::DeadLetter),
        1 => any.clone().prop_map(Deed::Clone),
        1 => any.prop_map(Deed::DropHandle),
    ];
    let end = prop_oneof![3 => Just(None), 1 => (0..60_usize).prop_map(Some)];
    (prop::collection::vec(deed, 0..80), end).prop_map(|(mut deeds, close)| {
        if let Some(at) = close {
            deeds.insert(at.min(deeds.len()), Deed::Close);
        }
        deeds
    })
}

fn holds<T: Item>() {
    let config = ProptestConfig { cases: 600, failure_persistence: None, ..Default::default() };
    let mut runner = TestRunner::new(config);
    let judged = runner.run(&(1..5_usize, deeds()), |(capacity, deeds)| {
        let mut pair = Pair::<T>::new(capacity);
        deeds.into_iter().for_each(|deed| pair.run(deed));
        pair.end();
        Ok(())
    });
    judged.unwrap();
}

/// A message that needs chunks takes one place, however it finds out.
#[test]
fn long_messages_take_one_place() {
    let _watchdog = watchdog();
    let queue: Queue<String> = Builder::new(2).inline_bytes(16).build().unwrap();
    queue.put("short".into()).unwrap();
    queue.try_put("long".repeat(100)).unwrap();
    assert!(matches!(queue.try_put("none".into()), Err(PutError::Full(_))));
}

/// Who has put a long message puts the next one into chunks, too.
#[test]
fn a_short_message_comes_whole_behind_a_long_one() {
    let _watchdog = watchdog();
    let queue: Queue<String> = Queue::bounded(2).unwrap();
    queue.put("long".repeat(1000)).unwrap();
    queue.put("short".into()).unwrap();
    assert_eq!(queue.get().unwrap(), "long".repeat(1000));
    assert_eq!(queue.get().unwrap(), "short");
}

#[test]
fn plain_messages_do_what_the_model_does() {
    let _watchdog = watchdog_for(Duration::from_secs(120));
    holds::<u64>();
}

#[test]
fn messages_in_place_do_what_the_model_does() {
    let _watchdog = watchdog_for(Duration::from_secs(120));
    holds::<[u64; 200]>();
}

#[test]
fn encoded_messages_do_what_the_model_does() {
    let _watchdog = watchdog_for(Duration::from_secs(120));
    holds::<String>();
}
