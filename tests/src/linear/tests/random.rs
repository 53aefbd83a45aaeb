//! Random histories, broken at random, judged by all judges.

use super::brute::explains;
use crate::linear::{
    Call, Fifo, History, Operation, Order, Outcome, PerProducer, Redelivery, Rules, linearize,
    screen,
};
use crate::watchdog_for;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::sample::Index;
use proptest::test_runner::Config;
use std::collections::VecDeque;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(120);
/// Moments between two steps of the sequential queue.
const STEP: u64 = 10;

/// One step of the sequential queue.
#[derive(Debug, Clone, Copy)]
struct Step {
    thread: usize,
    operation: Kind,
    /// The call begins so much before its moment, and ends so much after it.
    stretch: (u64, u64),
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Put,
    Get,
    Close,
}

/// Something that may make it wrong.
#[derive(Debug, Clone)]
enum Damage {
    /// Two calls have each other's outcome, where they are of one kind.
    SwapOutcomes(Index, Index),
    /// A get says empty, a put says full.
    Deny(Index),
    /// A refused put says done; an empty get got the item of another call.
    Invent(Index, Index),
    /// A call happens later.
    Delay(Index, u64),
    /// A call happens in a moment.
    Shorten(Index),
    /// Nobody has seen a call.
    Forget(Index),
    /// The last call of a thread never returned.
    Kill(usize),
}

fn step(threads: usize, closes: u32) -> impl Strategy<Value = Step> {
    let kind = prop_oneof![
        8 => Just(Kind::Put),
        8 => Just(Kind::Get),
        closes => Just(Kind::Close),
    ];
    (0..threads, kind, (0..5 * STEP, 0..5 * STEP)).prop_map(|(thread, operation, stretch)| Step {
        thread,
        operation,
        stretch,
    })
}

fn damage() -> impl Strategy<Value = Damage> {
    let index = any::<Index>;
    prop_oneof![
        (index(), index()).prop_map(|(one, other)| Damage::SwapOutcomes(one, other)),
        index().prop_map(Damage::Deny),
        (index(), index()).prop_map(|(one, other)| Damage::Invent(one, other)),
        (index(), 0..8 * STEP).prop_map(|(call, time)| Damage::Delay(call, time)),
        index().prop_map(Damage::Shorten),
        index().prop_map(Damage::Forget),
        (0..3_usize).prop_map(Damage::Kill),
    ]
}

/// What a sequential queue answers, each call stretched around its moment as far as its thread's
/// other calls let it.
fn stretched(capacity: Option<usize>, steps: &[Step]) -> Vec<Call> {
    let mut items = VecDeque::new();
    let mut closed = false;
    let mut calls: Vec<Call> = Vec::new();
    for (n, step) in (1..).zip(steps) {
        let moment = n * STEP * 4;
        let (operation, outcome) = match step.operation {
            Kind::Put if closed => (Operation::Put(n), Outcome::Closed),
            Kind::Put if Some(items.len()) == capacity => (Operation::Put(n), Outcome::Full),
            Kind::Put => {
                items.push_back(n);
                (Operation::Put(n), Outcome::Done)
            }
            Kind::Get => match items.pop_front() {
                Some(item) => (Operation::Get, Outcome::Got(item)),
                None if closed => (Operation::Get, Outcome::Closed),
                None => (Operation::Get, Outcome::Empty),
            },
            Kind::Close => {
                closed = true;
                (Operation::Close, Outcome::Done)
            }
        };
        let mut invoked = moment - step.stretch.0.min(moment);
        if let Some(before) = calls.iter_mut().rev().find(|call| call.thread == step.thread) {
            // A thread does one thing at a time.
            before.returned = before.returned.min(moment - 2);
            invoked = invoked.max(before.returned + 1);
        }
        let returned = moment + step.stretch.1;
        let thread = step.thread;
        calls.push(Call { thread, operation, outcome: Some(outcome), invoked, returned });
    }
    calls
}

/// The last call of a thread never returns; whether it had an effect stays open.
fn kill(calls: &mut [Call], thread: usize) {
    if let Some(call) = calls.iter_mut().rev().find(|call| call.thread == thread) {
        (call.outcome, call.returned) = (None, Call::NEVER);
    }
}

fn break_it(calls: &mut Vec<Call>, damage: &Damage) {
    if calls.is_empty() {
        return;
    }
    let at = |index: &Index| index.index(calls.len());
    match damage {
        Damage::SwapOutcomes(one, other) => {
            let (one, other) = (at(one), at(other));
            let kind = |call: usize| std::mem::discriminant(&calls[call].operation);
            let live = |call: usize| calls[call].outcome.is_some();
            if kind(one) == kind(other) && live(one) && live(other) {
                let outcome = calls[one].outcome;
                calls[one].outcome = calls[other].outcome;
                calls[other].outcome = outcome;
            }
        }
        Damage::Deny(call) => {
            let call = at(call);
            if calls[call].outcome.is_some() {
                calls[call].outcome = Some(match calls[call].operation {
                    Operation::Put(_) => Outcome::Full,
                    Operation::Get => Outcome::Empty,
                    _ => Outcome::Done,
                });
            }
        }
        Damage::Invent(call, item) => {
            let (call, item) = (at(call), at(item));
            if calls[call].outcome.is_some() {
                calls[call].outcome = Some(match (calls[call].operation, calls[item].operation) {
                    (Operation::Get, Operation::Put(item)) => Outcome::Got(item),
                    (Operation::Get, _) => Outcome::Got(1_000),
                    _ => Outcome::Done,
                });
            }
        }
        Damage::Delay(call, time) => {
            let call = at(call);
            calls[call].invoked += time;
            calls[call].returned = calls[call].returned.saturating_add(*time);
        }
        Damage::Shorten(call) => {
            let call = at(call);
            if calls[call].outcome.is_some() {
                calls[call].returned = calls[call].invoked;
            }
        }
        Damage::Forget(call) => {
            let call = at(call);
            calls.remove(call);
        }
        Damage::Kill(thread) => kill(calls, *thread),
    }
}

proptest! {
    #![proptest_config(Config { cases: 400, failure_persistence: None, ..Config::default() })]

    /// What a queue did in one order is right, however long its calls took.
    #[test]
    fn right_histories_pass(
        steps in vec(step(4, 1), 0..60),
        capacity in prop_oneof![Just(None), (1..4_usize).prop_map(Some)],
        killed in vec(0..4_usize, 0..3),
    ) {
        let _watchdog = watchdog_for(PATIENCE);
        let mut calls = stretched(capacity, &steps);
        killed.into_iter().for_each(|thread| kill(&mut calls, thread));
        let history = History::new(calls);
        let (fifo, per_producer) = match capacity {
            Some(capacity) => (Fifo::bounded(capacity), PerProducer::bounded(capacity)),
            None => (Fifo::unbounded(), PerProducer::unbounded()),
        };
        prop_assert!(linearize(&fifo, &history).is_ok());
        // Fewer rules let more pass.
        prop_assert!(linearize(&per_producer, &history).is_ok());
        if capacity.is_none() {
            prop_assert!(linearize(&Redelivery::unbounded(), &without_end(&history)).is_ok());
        }
        for order in [Order::Global, Order::PerProducer] {
            let rules = Rules::new(order);
            let rules = capacity.map_or(rules, |capacity| rules.capacity(capacity));
            prop_assert_eq!(screen(&history, &rules), Ok(()));
            prop_assert_eq!(screen(&history, &rules.hints()), Ok(()));
            prop_assert_eq!(screen(&history, &rules.redelivers()), Ok(()));
        }
    }
}

/// Without those that were told of the end: where items are leased, it comes later.
fn without_end(history: &History) -> History {
    let told =
        |call: &&Call| (call.operation, call.outcome) != (Operation::Get, Some(Outcome::Closed));
    History::new(history.calls().iter().filter(told).copied().collect())
}

proptest! {
    #![proptest_config(Config { cases: 3_000, failure_persistence: None, ..Config::default() })]

    /// The search is right about whatever it is shown, and what the screen refuses is wrong.
    #[test]
    fn broken_histories_are_judged_as_by_brute_force(
        steps in vec(step(3, 1), 1..8),
        capacity in prop_oneof![Just(None), (1..3_usize).prop_map(Some)],
        damages in vec(damage(), 0..4),
    ) {
        let _watchdog = watchdog_for(PATIENCE);
        let mut calls = stretched(capacity, &steps);
        damages.iter().for_each(|damage| break_it(&mut calls, damage));
        let history = History::new(calls);
        let right = explains(capacity, &history);
        let fifo = capacity.map_or(Fifo::unbounded(), Fifo::bounded);
        prop_assert_eq!(linearize(&fifo, &history).is_ok(), right, "{}", history);
        let rules = Rules::new(Order::Global);
        let rules = capacity.map_or(rules, |capacity| rules.capacity(capacity));
        if let Err(violation) = screen(&history, &rules) {
            prop_assert!(!right, "{}: {}", violation, history);
        }
    }

    /// Where there is no limit, no close and no kill, the screen finds all that is wrong.
    #[test]
    fn the_screen_is_exact_for_plain_histories(
        steps in vec(step(4, 0), 1..8),
        damages in vec(damage(), 0..4),
    ) {
        let _watchdog = watchdog_for(PATIENCE);
        let mut calls = stretched(None, &steps);
        for damage in damages.iter().filter(|damage| !matches!(damage, Damage::Kill(_))) {
            break_it(&mut calls, damage);
        }
        // Without a limit there is no full queue.
        calls.retain(|call| call.outcome != Some(Outcome::Full));
        let history = History::new(calls);
        let right = explains(None, &history);
        let screened = screen(&history, &Rules::new(Order::Global));
        prop_assert_eq!(screened.is_ok(), right, "{:?}: {}", screened, history);
    }
}
