//! The tests: what is searched, and what must be found out.

use super::flaws::Flaw;
use super::search::{Failure, search};
use super::world::{Case, Consume, Message, Produce, Role, Task};
use crate::queue::protocol::{Returns, Row};
use std::time::Duration;

const fn role(task: Task, row: Row) -> Role {
    Role { task, row, late: false, may_die: true, may_stop: false }
}

const fn produce(row: Row, first: Message, count: u8) -> Role {
    role(Task::Produce { first, count, kind: Produce::Put }, row)
}

const fn consume(row: Row, kind: Consume) -> Role {
    role(Task::Consume(kind), row)
}

/// The last of its kind never dies: somebody has to tell the tale.
const fn lasting(role: Role) -> Role {
    Role { may_die: false, ..role }
}

const fn stoppable(role: Role) -> Role {
    Role { may_die: false, may_stop: true, ..role }
}

const fn recover(row: Row) -> Role {
    role(Task::Recover, row)
}

fn passes(name: &str, case: &Case) {
    match search(case) {
        Ok(searched) => {
            let (states, ends) = (searched.states, searched.good_ends);
            eprintln!("{name}: {states} states, {ends} good ends");
            assert!(ends > 0 && states > 20, "{name}: nothing was searched");
        }
        Err(failure) => panic!("{name}: {failure:x?}"),
    }
}

fn is_found_out(flaw: Flaw, case: &Case) {
    let flawed = Case { flaw: Some(flaw), ..case.clone() };
    let searched = std::panic::catch_unwind(|| search(&flawed));
    let Ok(searched) = searched else {
        eprintln!("{flaw:?}: an assertion of the protocol");
        return;
    };
    match searched {
        Err(Failure::Violated(violation)) => {
            let (what, _) = violation.0.split_once(" in ").unwrap_or((&violation.0, ""));
            eprintln!("{flaw:?}: {what}");
        }
        Err(Failure::Stuck { states, stuck, .. }) => {
            eprintln!("{flaw:?}: {stuck} of {states} states never come to a good end");
        }
        other => panic!("{flaw:?} was not found out: {other:?}"),
    }
}

fn watchdog() -> conc_tests::Watchdog {
    conc_tests::watchdog_for(Duration::from_secs(1_200))
}

fn two_and_two(kind: Consume, counts: [u8; 2]) -> Vec<Role> {
    vec![
        produce(1, 0, counts[0]),
        produce(2, counts[0], counts[1]),
        consume(3, kind),
        lasting(consume(4, kind)),
        lasting(recover(5)),
    ]
}

#[test]
fn nobody_dies() {
    let _watchdog = watchdog();
    for kind in [Consume::Get, Consume::Lease] {
        let case = Case { verdicts: true, ..Case::new(2, two_and_two(kind, [1, 1])) };
        passes(&format!("2 places, 2 messages, {kind:?}"), &case);
    }
    let alone = vec![lasting(produce(1, 0, 4)), lasting(consume(2, Consume::Get))];
    let case = Case { verdicts: true, searches: true, ..Case::new(2, alone) };
    passes("2 places, 4 messages of one", &case);
}

/// Places that become free in any order: "full" is so.
fn out_of_turn(places: u32, producers: [Role; 2], consumers: &[Consume]) -> Case {
    let mut roles = producers.to_vec();
    roles.extend((3..).zip(consumers).map(|(row, kind)| lasting(consume(row, *kind))));
    Case { verdicts: true, searches: true, ..Case::new(places, roles) }
}

fn gives_up(row: Row, first: Message, count: u8) -> Role {
    role(Task::Produce { first, count, kind: Produce::GiveUpOnce }, row)
}

#[test]
fn full_is_so_beside_places_that_were_given_up() {
    let _watchdog = watchdog();
    for places in [2, 3] {
        let producers = [lasting(gives_up(1, 0, 3)), lasting(produce(2, 3, 2))];
        let case = out_of_turn(places, producers, &[Consume::Get]);
        passes(&format!("{places} places, one given up"), &case);
    }
    let producers = [gives_up(1, 0, 2), lasting(produce(2, 2, 2))];
    let mut case = Case { deaths: 1, ..out_of_turn(2, producers, &[Consume::Get]) };
    case.roles.push(lasting(recover(4)));
    passes("2 places, one given up, a death", &case);
}

#[test]
fn full_is_so_beside_leases_that_end_in_any_order() {
    let _watchdog = watchdog();
    let leases = [Consume::Lease, Consume::Lease];
    let producers = [lasting(produce(1, 0, 2)), lasting(produce(2, 2, 1))];
    passes("2 places, leases", &out_of_turn(2, producers, &leases));
    let alone = vec![
        lasting(produce(1, 0, 6)),
        lasting(consume(2, Consume::Lease)),
        lasting(consume(3, Consume::Lease)),
    ];
    let case = Case { verdicts: true, searches: true, ..Case::new(3, alone) };
    passes("3 places, leases of one producer's", &case);
    let producers = [lasting(produce(1, 0, 1)), lasting(gives_up(2, 1, 2))];
    let case = out_of_turn(2, producers, &[Consume::Lease, Consume::NackOnce]);
    passes("leases, a nack and a place given up", &case);
}

#[test]
fn full_is_so_beside_a_producer_that_stops() {
    let _watchdog = watchdog();
    let producers = [stoppable(produce(1, 0, 1)), lasting(gives_up(2, 1, 3))];
    let case = Case { stops: 1, ..out_of_turn(3, producers, &[Consume::Get]) };
    passes("3 places, a stop", &case);
}

#[test]
fn full_is_so_beside_the_end() {
    let _watchdog = watchdog();
    let producers = [lasting(gives_up(1, 0, 2)), lasting(produce(2, 2, 2))];
    let mut case = out_of_turn(2, producers, &[Consume::Get]);
    case.roles.push(lasting(role(Task::Close, 4)));
    passes("2 places, one given up, closed", &case);
}

#[test]
fn full_is_so_for_newcomers_and_loans() {
    let _watchdog = watchdog();
    let producers = [lasting(gives_up(1, 0, 2)), lasting(produce(2, 2, 2))];
    let case = Case { hints: true, ..out_of_turn(2, producers, &[Consume::Get]) };
    passes("2 places, one given up, with hints", &case);
    let loan = role(Task::Produce { first: 0, count: 1, kind: Produce::Loan }, 1);
    let producers = [lasting(loan), lasting(gives_up(2, 1, 3))];
    for places in [2, 3] {
        let case = out_of_turn(places, producers, &[Consume::Get]);
        passes(&format!("{places} places, a loan and one given up"), &case);
    }
}

/// A producer on the way past others, or a consumer of a message that the line went past.
#[test]
fn full_is_so_beside_a_death_on_the_way() {
    let _watchdog = watchdog();
    let producers = [lasting(gives_up(1, 0, 1)), produce(2, 1, 2)];
    let mut case = out_of_turn(2, producers, &[Consume::Get]);
    case.roles.extend([consume(4, Consume::Lease), lasting(recover(5))]);
    passes("2 places, one given up, a death", &Case { deaths: 1, ..case });
}

#[test]
fn full_is_so_beside_a_death_that_costs_its_message() {
    let _watchdog = watchdog();
    let producers = [lasting(gives_up(1, 0, 1)), lasting(produce(2, 1, 2))];
    let mut case = out_of_turn(2, producers, &[]);
    case.roles.extend([consume(3, Consume::Lease), lasting(consume(4, Consume::Get))]);
    case.roles.push(lasting(recover(5)));
    passes("one given up, a loss", &Case { deaths: 1, returns: Returns::Lost, ..case });
}

/// Sizes of the notes, and beyond: two producers, two consumers, a survivor.
#[test]
fn a_death_before_any_access() {
    let _watchdog = watchdog();
    for (places, counts, deaths, kind) in [
        (2, [1, 1], 1, Consume::Get),
        (2, [1, 1], 2, Consume::Get),
        (2, [1, 1], 1, Consume::Lease),
        (2, [1, 1], 2, Consume::Lease),
        (2, [2, 1], 1, Consume::Get),
        (1, [2, 1], 2, Consume::Get),
        (1, [2, 1], 2, Consume::Lease),
    ] {
        let case = Case { deaths, ..Case::new(places, two_and_two(kind, counts)) };
        passes(&format!("{places} places, {counts:?} messages, {deaths} deaths, {kind:?}"), &case);
    }
}

/// The longest history of the notes: two survivors that may die of their work, three deaths.
#[test]
fn survivors_die_too() {
    let _watchdog = watchdog();
    for kind in [Consume::Get, Consume::Lease] {
        let roles = vec![
            produce(1, 0, 2),
            consume(2, kind),
            lasting(consume(3, kind)),
            recover(4),
            lasting(recover(5)),
        ];
        passes(&format!("three deaths, {kind:?}"), &Case { deaths: 3, ..Case::new(2, roles) });
    }
}

#[test]
fn a_stop_before_any_access() {
    let _watchdog = watchdog();
    for kind in [Consume::Get, Consume::Lease] {
        let roles = vec![
            stoppable(produce(1, 0, 1)),
            produce(2, 1, 2),
            stoppable(consume(3, kind)),
            lasting(consume(4, kind)),
            lasting(recover(5)),
        ];
        let roles: Vec<_> = roles.into_iter().map(|role| Role { may_die: false, ..role }).collect();
        passes(&format!("a stop, {kind:?}"), &Case { stops: 1, ..Case::new(2, roles) });
    }
}

#[test]
fn a_stop_and_a_death() {
    let _watchdog = watchdog();
    let roles = vec![
        stoppable(produce(1, 0, 1)),
        produce(2, 1, 1),
        lasting(consume(3, Consume::Get)),
        lasting(recover(4)),
    ];
    passes("a stop and a death", &Case { stops: 1, deaths: 1, ..Case::new(2, roles) });
}

#[test]
fn messages_come_back() {
    let _watchdog = watchdog();
    let roles = |other| {
        vec![
            lasting(produce(1, 0, 2)),
            consume(2, Consume::NackOnce),
            lasting(consume(3, other)),
            lasting(recover(4)),
        ]
    };
    for other in [Consume::Get, Consume::Lease] {
        let case = Case { deaths: 1, verdicts: true, ..Case::new(2, roles(other)) };
        passes(&format!("a nack and a death, beside {other:?}"), &case);
    }
    let lost = Case { deaths: 1, returns: Returns::Lost, ..Case::new(2, roles(Consume::Lease)) };
    passes("a death that costs its message", &lost);
}

#[test]
fn loans_and_places_given_up() {
    let _watchdog = watchdog();
    for kind in [Produce::Loan, Produce::GiveUpOnce] {
        let roles = vec![
            role(Task::Produce { first: 0, count: 2, kind }, 1),
            lasting(produce(2, 2, 1)),
            lasting(consume(3, Consume::Get)),
            lasting(recover(4)),
        ];
        passes(&format!("{kind:?}"), &Case { deaths: 1, ..Case::new(2, roles) });
    }
}

#[test]
fn the_end_is_the_end() {
    let _watchdog = watchdog();
    let roles = vec![
        produce(1, 0, 1),
        produce(2, 1, 1),
        lasting(role(Task::Close, 3)),
        lasting(consume(4, Consume::Get)),
        lasting(recover(5)),
    ];
    passes("a queue that is closed", &Case { deaths: 1, ..Case::new(2, roles) });
}

/// A newcomer gets the row of a dead process while a slow survivor is still at it.
#[test]
fn rows_are_used_again() {
    let _watchdog = watchdog();
    let mut heir = lasting(produce(1, 1, 1));
    heir.late = true;
    let roles = vec![
        produce(1, 0, 1),
        heir,
        lasting(consume(2, Consume::Get)),
        lasting(recover(3)),
        lasting(recover(4)),
    ];
    passes("a row with a second life", &Case { deaths: 1, ..Case::new(2, roles) });
}

#[test]
fn messages_are_never_torn() {
    let _watchdog = watchdog();
    let roles = vec![
        lasting(produce(1, 0, 3)),
        consume(2, Consume::Get),
        lasting(consume(3, Consume::Get)),
    ];
    let case = Case { message: 2, hints: true, verdicts: true, ..Case::new(2, roles) };
    passes("messages of two words, with hints", &Case { deaths: 1, ..case });
}

#[test]
fn three_places() {
    let _watchdog = watchdog();
    let roles = vec![
        produce(1, 0, 2),
        lasting(produce(2, 2, 2)),
        lasting(consume(3, Consume::Get)),
        lasting(recover(4)),
    ];
    passes("three places", &Case { deaths: 1, ..Case::new(3, roles) });
}

fn chained(places: u32, deaths: u8) -> Case {
    let roles = vec![
        role(Task::Produce { first: 0, count: 2, kind: Produce::Chain }, 1),
        lasting(role(Task::Produce { first: 2, count: 1, kind: Produce::Chain }, 2)),
        consume(3, Consume::Lease),
        lasting(consume(4, Consume::Lease)),
        lasting(recover(5)),
    ];
    Case { deaths, ..Case::new(places, roles) }
}

/// Two chunks, three messages: chunks go round, whoever dies with them.
#[test]
fn messages_in_chunks() {
    let _watchdog = watchdog();
    passes("chunks, 1 place, a death", &chained(1, 1));
    let mut case = chained(2, 1);
    case.roles.remove(2);
    passes("chunks, 2 places, a death of a producer", &case);
    // Beside somebody who gives a place up.
    let mut case = Case { verdicts: true, searches: true, ..chained(2, 0) };
    case.roles[0] = lasting(role(Task::Produce { first: 0, count: 1, kind: Produce::Chain }, 1));
    case.roles[2] = lasting(gives_up(3, 3, 1));
    case.roles.pop();
    passes("chunks, 2 places, one given up", &case);
    case.roles.push(lasting(recover(5)));
    case.roles[1].may_die = true;
    passes("chunks, 2 places, one given up, a death", &Case { deaths: 1, ..case });
}

/// A search that finds nothing must be able to find something.
#[test]
fn broken_protocols_are_found_out() {
    let _watchdog = watchdog();
    let stop = |count| {
        let roles = vec![
            Role { may_die: false, ..stoppable(produce(1, 0, 1)) },
            lasting(produce(2, 1, count)),
            lasting(consume(3, Consume::Get)),
        ];
        Case { stops: 1, ..Case::new(2, roles) }
    };
    is_found_out(Flaw::ClaimOfLastLapOnly, &stop(4));
    is_found_out(Flaw::NeverRevoke, &stop(2));
    let alive = Case::new(2, two_and_two(Consume::Get, [2, 1]));
    is_found_out(Flaw::PublishBlindly, &alive);
    is_found_out(Flaw::TakeBlindly, &alive);
    is_found_out(Flaw::GiveAwayRevoked, &alive);
    is_found_out(Flaw::BelieveFirstLook, &Case { verdicts: true, ..alive.clone() });
    is_found_out(Flaw::BuryTheStopped, &alive);
    is_found_out(Flaw::ForgetHoles, &Case { deaths: 1, ..Case::new(1, alive.roles.clone()) });
    let nack = vec![
        lasting(produce(1, 0, 1)),
        lasting(consume(2, Consume::NackOnce)),
        lasting(consume(3, Consume::Get)),
    ];
    is_found_out(Flaw::ReturnInSilence, &Case::new(1, nack));
    let closing = vec![
        lasting(produce(1, 0, 1)),
        lasting(role(Task::Close, 2)),
        lasting(consume(3, Consume::Get)),
    ];
    is_found_out(Flaw::LookBeforeClaim, &Case::new(1, closing));
    let given_up = [lasting(gives_up(1, 0, 3)), lasting(produce(2, 3, 2))];
    let full = out_of_turn(2, given_up, &[Consume::Get]);
    is_found_out(Flaw::CarryWhatWaits, &full);
    is_found_out(Flaw::PassWhatIsOpen, &full);
    let leases = [lasting(produce(1, 0, 3)), lasting(produce(2, 3, 1))];
    let leases = out_of_turn(3, leases, &[Consume::Lease, Consume::Lease]);
    is_found_out(Flaw::ForgetDetours, &leases);
    is_found_out(Flaw::TakeBoundChunks, &chained(1, 0));
    is_found_out(Flaw::ForgetChunks, &chained(1, 1));
    let mut heir = lasting(produce(1, 1, 1));
    heir.late = true;
    let reused = vec![
        produce(1, 0, 1),
        heir,
        lasting(consume(2, Consume::Get)),
        lasting(recover(3)),
        lasting(recover(4)),
    ];
    is_found_out(Flaw::RecoverStrangers, &Case { deaths: 1, ..Case::new(2, reused) });
}
