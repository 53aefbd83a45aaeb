//! Producers send as fast as they can for some time, consumers check each message.

use super::super::clock;
use super::super::lane::{Lane, Receiver, Sender, Shape};
use super::super::ledger::Ledger;
use super::super::meeting::Meeting;
use super::super::message::{self, STOP, Tag};
use super::super::placement::Placement;
use super::super::sides::Side;
use crate::harness::{Bench, Case, Metric, Outcome, Sample, Scale, Unit};
use serde::{Deserialize, Serialize};
use std::iter;
use std::sync::Arc;
use std::time::Duration;

const TIME: Metric = Metric::new("time_per_message", Unit::Nanoseconds);
/// Of all sides together.
const CPU: Metric = Metric::new("cpu_per_message", Unit::Nanoseconds);

/// Between two looks at the clock, a producer sends so many bytes.
const STRIDE: usize = 1 << 14;

/// Who sends what to whom.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Flow {
    pub(in super::super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) shape: Shape,
    pub(super) placement: Placement,
}

/// What a side reports.
#[derive(Debug, Serialize, Deserialize)]
struct Report {
    begin: u64,
    end: u64,
    cpu: u64,
    work: Work,
}

#[derive(Debug, Serialize, Deserialize)]
enum Work {
    /// How many messages, and how many of them before the clock.
    Sent {
        all: u64,
        warm_up: u64,
    },
    Received(Ledger),
}

impl Flow {
    pub(super) fn case(&self) -> Case {
        let Self { name, about, .. } = *self;
        Case { name, about, ranked_by: TIME, contenders: Vec::new() }
    }

    /// Runs the flow through a queue of its own, in a process that has done nothing else.
    pub(in super::super) fn measure<L: Lane>(&self, bench: &Bench) -> Outcome {
        let Self { shape, .. } = *self;
        let [first, second] = self.placement.cpus()?;
        let time = time(bench);
        let lane = Arc::new(L::new(shape)?);
        let all = Meeting::new(shape.producers + shape.consumers);
        let producers = (0..shape.producers).map(|producer| {
            let lane = Arc::clone(&lane);
            Side::new(first, move || produce(&*lane, shape, producer, all, time))
        });
        let consumers = iter::repeat_with(|| {
            let lane = Arc::clone(&lane);
            Side::new(second, move || consume(&*lane, shape, all))
        });
        let sides = producers.chain(consumers.take(shape.consumers)).collect();
        Ok(samples(&L::SIDES.run(sides)?))
    }

    /// What a script is told: the shape, the placement and the seconds.
    pub(in super::super) fn arguments(&self, bench: &Bench) -> [String; 3] {
        let Shape { size, capacity, producers, consumers } = self.shape;
        let shape = format!("{size},{capacity},{producers},{consumers}");
        [shape, format!("{:?}", self.placement), time(bench).as_secs_f64().to_string()]
    }

    /// What a script has measured itself, in nanoseconds of a message.
    pub(in super::super) fn samples(time: f64, cpu: f64) -> Vec<Sample> {
        vec![TIME.sample(time), CPU.sample(cpu)]
    }
}

/// For how long producers send.
fn time(bench: &Bench) -> Duration {
    match bench.scale {
        Scale::Full => Duration::from_millis(200),
        Scale::Quick => Duration::from_millis(20),
    }
}

/// The end of a producer, and how far it has come.
struct Producer<S> {
    sender: S,
    index: usize,
    sent: u64,
}

impl<S: Sender> Producer<S> {
    fn send(&mut self, count: usize) {
        for _ in 0..count {
            let tag = Tag { producer: self.index, number: self.sent };
            self.sender.send(|bytes| message::fill(bytes, tag));
            self.sent += 1;
        }
    }

    /// Says to each consumer that no more will come from here.
    fn stop(&mut self, consumers: usize) {
        let tag = Tag { producer: self.index, number: STOP };
        for _ in 0..consumers {
            self.sender.send(|bytes| message::fill(bytes, tag));
        }
    }
}

fn produce<L: Lane>(lane: &L, shape: Shape, index: usize, all: Meeting, time: Duration) -> Report {
    let mut producer = Producer { sender: lane.sender(), index, sent: 0 };
    // Two laps: each place has been touched by both sides.
    producer.send(2 * shape.capacity);
    producer.stop(shape.consumers);
    let warm_up = producer.sent;
    all.meet();

    let (begin, cpu) = (clock::now(), L::SIDES.cpu_time());
    let until = begin + time.as_nanos() as u64;
    let stride = (STRIDE / shape.size).max(1);
    while clock::now() < until {
        producer.send(stride);
    }
    producer.stop(shape.consumers);
    let (end, cpu) = (clock::now(), L::SIDES.cpu_time() - cpu);
    // The other ends are still in use: this one must not go before.
    all.meet();
    Report { begin, end, cpu, work: Work::Sent { all: producer.sent, warm_up } }
}

fn consume<L: Lane>(lane: &L, shape: Shape, all: Meeting) -> Report {
    let mut receiver = lane.receiver();
    let mut ledger = Ledger::new(shape);
    receive(&mut receiver, shape, &mut ledger);
    all.meet();

    let (begin, cpu) = (clock::now(), L::SIDES.cpu_time());
    receive(&mut receiver, shape, &mut ledger);
    let (end, cpu) = (clock::now(), L::SIDES.cpu_time() - cpu);
    all.meet();
    Report { begin, end, cpu, work: Work::Received(ledger) }
}

/// Receives until as many stops have come as there are producers.
///
/// Whose stops they are does not matter: once all consumers have had so many, none is left, and so
/// nothing that was sent before.
fn receive(receiver: &mut impl Receiver, shape: Shape, ledger: &mut Ledger) {
    let mut running = shape.producers;
    while running > 0 {
        let tag = receiver.receive(message::read);
        if tag.number == STOP {
            running -= 1;
        } else {
            ledger.enter(tag);
        }
    }
}

/// # Panics
///
/// If messages have been lost, or came twice.
fn samples(reports: &[Report]) -> Vec<Sample> {
    let (mut sent, mut timed, mut ledgers) = (Vec::new(), 0, Vec::new());
    for report in reports {
        match &report.work {
            Work::Sent { all, warm_up } => {
                sent.push(*all);
                timed += all - warm_up;
            }
            Work::Received(ledger) => ledgers.push(ledger),
        }
    }
    Ledger::check(&ledgers, &sent);
    let begin = reports.iter().map(|report| report.begin).min().unwrap_or(0);
    let end = reports.iter().map(|report| report.end).max().unwrap_or(0);
    let cpu: u64 = reports.iter().map(|report| report.cpu).sum();
    let each = |whole: u64| whole as f64 / timed as f64;
    Flow::samples(each(end - begin), each(cpu))
}
