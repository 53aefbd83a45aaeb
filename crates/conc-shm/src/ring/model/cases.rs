//! Which rings are searched, and which flaws have to be found.

use super::search::search;
use super::world::{Case, Flaw, Op};
use crate::ring::protocol::End;

fn case(capacity: u64, programs: &[&[Op]]) -> Case {
    let programs = programs.iter().map(|ops| ops.to_vec()).collect();
    Case { capacity, programs, deaths: 0, slices: false, flaw: None }
}

const SEND: Op = Op::Take(End::Sender, None);
const RECEIVE: Op = Op::Take(End::Receiver, None);
const fn instead(end: End, of: u8) -> Op {
    Op::Take(end, Some(of))
}

fn pair(capacity: u64) -> Case {
    case(capacity, &[&[SEND, Op::Put(1), Op::Put(2), Op::Put(3)], &[RECEIVE, Op::Get]])
}

fn sender_dies(capacity: u64) -> Case {
    let second = [instead(End::Sender, 0), Op::Put(3), Op::Put(4)];
    let programs: [&[Op]; 3] = [&[SEND, Op::Put(1), Op::Put(2)], &[RECEIVE, Op::Get], &second];
    Case { deaths: 1, ..case(capacity, &programs) }
}

fn receiver_dies(capacity: u64) -> Case {
    let second = [instead(End::Receiver, 1), Op::Get];
    let programs: [&[Op]; 3] =
        [&[SEND, Op::Put(1), Op::Put(2), Op::Put(3)], &[RECEIVE, Op::Get], &second];
    Case { deaths: 1, ..case(capacity, &programs) }
}

fn both_die() -> Case {
    let sender = [instead(End::Sender, 0), Op::Put(2)];
    let receiver = [instead(End::Receiver, 1), Op::Get];
    let programs: [&[Op]; 4] = [&[SEND, Op::Put(1)], &[RECEIVE, Op::Get], &sender, &receiver];
    Case { deaths: 2, ..case(1, &programs) }
}

fn receiver_closes(capacity: u64) -> Case {
    let receiver = [RECEIVE, Op::GetOnce, Op::Close(End::Receiver), Op::Get];
    case(capacity, &[&[SEND, Op::Put(1), Op::Put(2), Op::Put(3)], &receiver])
}

fn receiver_dies_while_it_closes() -> Case {
    let second = [instead(End::Receiver, 1), Op::Get];
    let programs: [&[Op]; 3] =
        [&[SEND, Op::Put(1), Op::Put(2)], &[RECEIVE, Op::Close(End::Receiver), Op::Get], &second];
    Case { deaths: 1, ..case(2, &programs) }
}

fn both_close() -> Case {
    let sender = [SEND, Op::Put(1), Op::Put(2), Op::Close(End::Sender), Op::Put(3)];
    let receiver = [RECEIVE, Op::GetOnce, Op::Close(End::Receiver), Op::Get];
    case(2, &[&sender, &receiver])
}

fn sender_dies_while_the_receiver_closes() -> Case {
    let second = [instead(End::Sender, 0), Op::Put(2)];
    let receiver = [RECEIVE, Op::Close(End::Receiver), Op::Get];
    Case { deaths: 1, ..case(1, &[&[SEND, Op::Put(1)], &receiver, &second]) }
}

fn sender_is_handed_over_while_the_receiver_closes() -> Case {
    let sender = [SEND, Op::Put(1), Op::LetGo(End::Sender)];
    let receiver = [RECEIVE, Op::Close(End::Receiver), Op::Get];
    case(2, &[&sender, &receiver, &[SEND, Op::Put(2)]])
}

#[test]
fn all_states_of_small_rings_are_right() {
    let _watchdog = conc_tests::watchdog_for(std::time::Duration::from_secs(600));
    let cases = [
        ("a pair, one place", pair(1)),
        ("a pair, two places", pair(2)),
        ("the sender dies, one place", sender_dies(1)),
        ("the sender dies, two places", sender_dies(2)),
        ("the receiver dies, one place", receiver_dies(1)),
        ("the receiver dies, two places", receiver_dies(2)),
        ("both die", both_die()),
        ("the receiver closes, one place", receiver_closes(1)),
        ("the receiver closes, two places", receiver_closes(2)),
        ("both close", both_close()),
        ("the receiver dies while it closes", receiver_dies_while_it_closes()),
        ("the sender dies while the receiver closes", sender_dies_while_the_receiver_closes()),
        ("handed over while it closes", sender_is_handed_over_while_the_receiver_closes()),
    ];
    for (name, case) in cases {
        let states = search(&case).unwrap_or_else(|what| panic!("{name}: {what}"));
        eprintln!("{name}: {states} states");
    }
}

/// Where a store takes longer to arrive than sleepers wait for it, they find it after a slice, and
/// nothing is lost.
#[test]
fn who_does_not_wait_for_stores_is_late_and_nothing_else() {
    let _watchdog = conc_tests::watchdog();
    for case in [pair(1), pair(2), receiver_closes(1), receiver_closes(2), both_close()] {
        let case = Case { flaw: Some(Flaw::Unsettled), slices: true, ..case };
        search(&case).unwrap_or_else(|what| panic!("{:?}: {what}", case.programs));
    }
}

/// Each flaw is found, or the search is worth nothing.
#[test]
fn every_flaw_is_found() {
    let _watchdog = conc_tests::watchdog();
    let flaws = [
        (Flaw::NoHeavyFence, receiver_closes(2), "a message that was put is behind the end"),
        (Flaw::Unsettled, pair(1), "a sleeper was missed"),
        (Flaw::Unsettled, receiver_closes(1), "a sleeper was missed"),
        (Flaw::PublishedFirst, pair(2), ""),
        (Flaw::ReleasedFirst, pair(1), ""),
        (Flaw::TakenAlive, receiver_dies(2), ""),
        (Flaw::BeginsAnew, receiver_dies(2), ""),
        (Flaw::OneTooMany, pair(1), ""),
        (Flaw::Unsealed, receiver_closes(2), ""),
        (Flaw::Optimistic, receiver_closes(2), ""),
        (Flaw::Silent, pair(1), ""),
    ];
    for (flaw, case, as_what) in flaws {
        let found = search(&Case { flaw: Some(flaw), ..case });
        eprintln!("{flaw:?}: {found:?}");
        let what = found.expect_err("a flaw that is not found");
        assert!(what.contains(as_what), "{flaw:?}: {what}");
    }
}
