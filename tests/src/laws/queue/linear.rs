//! Histories look as if one thing happened after the other.

use super::{QueueCapabilities, QueueLaw, QueueNeeds, QueueSource};
use crate::laws::Make;
use crate::laws::judge::law;
use crate::linear::{Clock, Fifo, History, Order, Outcome, Rules, linearize, screen};
use conc_core::QueueCore;
use std::sync::Barrier;
use std::thread;

pub(super) fn laws<S: QueueSource>() -> Vec<QueueLaw<S>> {
    let crowds = QueueNeeds::CROWDS.and(QueueCapabilities::BOUNDED);
    let linear = crowds.and(QueueCapabilities::FIFO).and(QueueCapabilities::LINEARIZABLE);
    vec![
        law!(short_histories_are_linearizable, linear),
        law!(short_histories_with_a_close_are_linearizable, linear),
        law!(long_histories_show_no_violation, linear),
        law!(long_histories_keep_the_order_of_each_producer, crowds.and(QueueCapabilities::FIFO)),
    ]
}

/// Numbers that look random, and are the same in each run.
fn scattered(seed: u64) -> u64 {
    let mixed = (seed ^ seed >> 31).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 32
}

/// Three threads put and get as they like, by calls that never wait.
fn played<Q: QueueCore<Item = u64> + Sync>(queue: &Q, round: u64, calls: u64) -> History {
    let (clock, start) = (Clock::default(), Barrier::new(3));
    let threads = thread::scope(|scope| {
        let players = [0, 1, 2].map(|thread| {
            let (clock, start) = (&clock, &start);
            scope.spawn(move || {
                let mut scribe = clock.scribe(thread);
                start.wait();
                for n in 0..calls {
                    let choice = scattered(round << 40 | (thread as u64) << 32 | n);
                    match choice % 16 {
                        0..8 => scribe.try_put(queue, (thread as u64) << 32 | n),
                        _ => scribe.try_get(queue),
                    };
                }
                scribe
            })
        });
        players.map(|player| player.join().unwrap())
    });
    History::of(threads)
}

fn short_histories_are_linearizable<S: QueueSource>(make: Make<'_, S>) {
    for round in 0..300 {
        let capacity = 1 + round as usize % 3;
        let history = played(&make().bounded(capacity), round, 7);
        // A refused put has seen what is being written as well, which nobody can get yet.
        let told = history.calls().iter().filter(|call| call.outcome != Some(Outcome::Full));
        let history = History::new(told.copied().collect());
        if let Err(refused) = linearize(&Fifo::bounded(capacity), &history) {
            panic!("capacity {capacity}: {refused}");
        }
    }
}

fn short_histories_with_a_close_are_linearizable<S: QueueSource>(make: Make<'_, S>) {
    for round in 0..300 {
        let (clock, queue, start) = (Clock::default(), make().bounded(2), Barrier::new(3));
        let threads = thread::scope(|scope| {
            let (clock, queue, start) = (&clock, &queue, &start);
            let putter = scope.spawn(move || {
                let mut scribe = clock.scribe(0);
                start.wait();
                for n in 0..5 {
                    scribe.try_put(queue, n);
                }
                scribe
            });
            let getter = scope.spawn(move || {
                let mut scribe = clock.scribe(1);
                start.wait();
                for _ in 0..7 {
                    scribe.try_get(queue);
                }
                scribe
            });
            let mut scribe = clock.scribe(2);
            start.wait();
            for _ in 0..round % 3 {
                scribe.try_get(queue);
            }
            scribe.close(queue);
            while scribe.try_get(queue) != Outcome::Closed {}
            [putter.join().unwrap(), getter.join().unwrap(), scribe]
        });
        if let Err(refused) = linearize(&Fifo::bounded(2), &History::of(threads)) {
            panic!("round {round}: {refused}");
        }
    }
}

fn screened<S: QueueSource>(make: Make<'_, S>, order: Order) {
    for (round, capacity) in (0..).zip([1, 2, 5, 100]) {
        let history = played(&make().bounded(capacity), round, 20_000);
        let rules = match order {
            Order::Global => Rules::new(order).capacity(capacity),
            Order::PerProducer => Rules::new(order).hints(),
        };
        if let Err(violation) = screen(&history, &rules) {
            panic!("capacity {capacity}: {violation}");
        }
    }
}

fn long_histories_show_no_violation<S: QueueSource>(make: Make<'_, S>) {
    screened(make, Order::Global);
}

fn long_histories_keep_the_order_of_each_producer<S: QueueSource>(make: Make<'_, S>) {
    screened(make, Order::PerProducer);
}
