//! A getter that waits for a message that does not come for a long time.

use super::super::super::queue::lane::{Lane, Receiver, Sender};
use super::super::super::queue::meeting::Meeting;
use super::super::super::queue::message::{self, Tag};
use super::super::super::queue::placement::Placement;
use super::super::super::queue::sides::Side;
use super::super::link::SHAPE;
use super::super::rest;
use crate::harness::{Bench, Case, Contender, Group, Metric, Outcome, Sample, Scale, Unit};
use std::sync::Arc;
use std::time::Duration;

pub(in super::super) const NAME: &str = "idle_10s";

const CPU: Metric = Metric::new("getter_cpu", Unit::Microseconds);
const SWITCHES: Metric = Metric::new("voluntary", Unit::Switches);

const WARM_UP: u64 = 50;

pub(super) fn case() -> Case {
    Case {
        name: NAME,
        about: "a getter waits for 10 s, then one message comes",
        ranked_by: CPU,
        contenders: Vec::new(),
    }
}

/// Adds a queue whose getter sleeps.
pub(in super::super) fn add<L: Lane>(group: &mut Group, name: &'static str, how: &'static str) {
    group.add(NAME, Contender::alone(name, how, measure::<L>));
}

/// For how long no message comes.
pub(in super::super) fn time(bench: &Bench) -> Duration {
    match bench.scale {
        Scale::Full => Duration::from_secs(10),
        Scale::Quick => Duration::from_millis(500),
    }
}

/// Microseconds of CPU time, and how often the getter gave up its CPU.
pub(in super::super) fn samples([cpu, switches]: [f64; 2]) -> Vec<Sample> {
    vec![CPU.sample(cpu), SWITCHES.sample(switches)]
}

fn measure<L: Lane>(bench: &Bench) -> Outcome {
    let [first, second] = Placement::Apart.cpus()?;
    let time = time(bench);
    let lane = Arc::new(L::new(SHAPE)?);
    let other = Arc::clone(&lane);
    let both = Meeting::new(2);
    let sides = vec![
        Side::new(first, move || put(&*lane, both, time)),
        Side::new(second, move || get(&*other, both)),
    ];
    let reports = L::SIDES.run(sides)?;
    Ok(samples(reports[1]))
}

fn put<L: Lane>(lane: &L, both: Meeting, time: Duration) -> [f64; 2] {
    let mut sender = lane.sender();
    let mut send = |number| {
        sender.send(|bytes| message::fill(bytes, Tag { producer: 0, number }));
    };
    (0..WARM_UP).for_each(&mut send);
    both.meet();
    rest(time);
    send(WARM_UP);
    both.meet();
    [0.0; 2]
}

fn get<L: Lane>(lane: &L, both: Meeting) -> [f64; 2] {
    let mut receiver = lane.receiver();
    let mut receive = |number| {
        assert_eq!(receiver.receive(message::read), Tag { producer: 0, number });
    };
    (0..WARM_UP).for_each(&mut receive);
    both.meet();
    let (cpu, switches) = (L::SIDES.cpu_time(), L::SIDES.voluntary_switches());
    receive(WARM_UP);
    let cpu = (L::SIDES.cpu_time() - cpu) as f64 / 1e3;
    let switches = (L::SIDES.voluntary_switches() - switches) as f64;
    both.meet();
    [cpu, switches]
}
