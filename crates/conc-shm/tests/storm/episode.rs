//! One queue, its workers, and who kills them.

use super::judge::judge;
use super::log::Logs;
use super::message::Message;
use super::worker::{Taking, Worker};
use crate::processes::Copy;
use conc_shm::queue::Queue;
use conc_tests::linear::{Call, Operation, Outcome};
use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// Survivors that did nothing between so many looks, while there is something to do, never will.
/// Looks and not time: a machine that stands still lets nobody look, either.
const STALL: u32 = 20_000;

/// More processes than are killed, for those that have done their work or have no paper left.
const SPARE: usize = 4;
const RECORDS: usize = 20_000;

/// Numbers that look random.
#[derive(Debug, Clone)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % limit
    }
}

/// How long workers live, and how long all of it goes on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) kills: usize,
    /// Calls of all together between two kills, at most.
    pub(crate) calls: u64,
    /// Messages that a producer puts in its life, at most.
    pub(crate) most: u64,
}

/// One queue and who works on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Episode {
    pub(crate) capacity: u32,
    pub(crate) producers: usize,
    pub(crate) consumers: usize,
    pub(crate) taking: Taking,
    pub(crate) pace: Pace,
}

/// What happened.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) kills: usize,
    pub(crate) stops: usize,
    pub(crate) calls: usize,
    /// Killed in the middle of a put; of these were in.
    pub(crate) puts: (usize, usize),
    /// Killed in the middle of a get or a lease.
    pub(crate) gets: usize,
    /// Messages that killed gets have taken with them.
    pub(crate) lost: usize,
    /// Messages that came again.
    pub(crate) again: usize,
    /// Histories that were searched for an order of all calls.
    pub(crate) explained: usize,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.kills += other.kills;
        self.stops += other.stops;
        self.calls += other.calls;
        self.puts = (self.puts.0 + other.puts.0, self.puts.1 + other.puts.1);
        self.gets += other.gets;
        self.lost += other.lost;
        self.again += other.again;
        self.explained += other.explained;
    }
}

struct Storm<'a, M: Message> {
    episode: Episode,
    queue: Queue<M, M::Form>,
    logs: &'a Logs,
    random: Random,
    /// Each with its number as a writer.
    workers: Vec<Option<(Copy, usize)>>,
    writers: usize,
    most_writers: usize,
    /// What the harness did.
    calls: Vec<Call>,
}

impl Episode {
    /// Lets the storm blow, and judges what was written.
    pub(crate) fn run<M: Message>(self, seed: u64) -> Tally {
        let workers = self.producers + self.consumers;
        let most_writers = workers + self.pace.kills + SPARE;
        // The last one is the harness's own.
        let logs = Logs::new(most_writers + 1, RECORDS);
        let queue: Queue<M, M::Form> = M::builder(self.capacity).build().unwrap();
        let mut storm = Storm {
            episode: self,
            queue,
            logs: &logs,
            random: Random(seed | 1),
            workers: (0..workers).map(|_| None).collect(),
            writers: 0,
            most_writers,
            calls: Vec::new(),
        };
        let mut tally = Tally::default();
        storm.blow(&mut tally);
        let calls = storm.drain();
        judge::<M>(self, &logs.entries(), calls, &mut tally);
        tally
    }
}

impl<M: Message> Storm<'_, M> {
    fn blow(&mut self, tally: &mut Tally) {
        (0..self.workers.len()).for_each(|place| self.start(place));
        while tally.kills < self.episode.pace.kills {
            let until = self.logs.now() + self.random.below(self.episode.pace.calls);
            self.progress(|storm| storm.logs.now() >= until);
            let place = self.random.below(self.workers.len() as u64) as usize;
            let Some((victim, number)) = self.workers[place].take() else { break };
            if tally.kills % 4 == 0 {
                victim.signal(Signal::SIGSTOP);
                look_at(&victim, WaitPidFlag::WSTOPPED | WaitPidFlag::WEXITED);
                tally.stops += 1;
                self.go_on_without();
                if tally.kills % 8 == 0 {
                    victim.signal(Signal::SIGCONT);
                }
            }
            let invoked = self.logs.tick();
            victim.signal(Signal::SIGKILL);
            // Who has done its work may have ended by itself.
            match victim.wait() {
                WaitStatus::Signaled(_, Signal::SIGKILL, _) => tally.kills += 1,
                other => assert!(matches!(other, WaitStatus::Exited(_, 0)), "{other:?}"),
            }
            self.done(Operation::Kill(number), invoked);
            if self.writers == self.most_writers {
                break;
            }
            self.start(place);
        }
    }

    /// A new process in the place of one that is gone.
    fn start(&mut self, place: usize) {
        assert!(self.writers < self.most_writers);
        let number = self.writers;
        self.writers += 1;
        let random = Random(self.random.below(u64::MAX) | 1);
        let Episode { producers, taking, pace, .. } = self.episode;
        let (queue, logs) = (&self.queue, self.logs);
        let copy = Copy::new(|| {
            let queue = Queue::attach(queue.as_fd().try_clone_to_owned().unwrap()).unwrap();
            let mut worker = Worker::<M> { queue, logs, number, random };
            if place < producers {
                worker.produce(pace.most);
            } else {
                worker.consume(taking);
            }
        });
        self.workers[place] = Some((copy, number));
    }

    /// Writes down what the harness did.
    fn done(&mut self, operation: Operation, invoked: u64) {
        let (thread, outcome) = (self.most_writers + 1, Some(Outcome::Done));
        let returned = self.logs.tick();
        self.calls.push(Call { thread, operation, outcome, invoked, returned });
    }

    /// Waits until the workers have come so far; replaces those that have done their work.
    fn progress(&mut self, far_enough: impl Fn(&Self) -> bool) {
        let (mut seen, mut looks) = (self.logs.now(), 0);
        while !far_enough(self) {
            // What ends a wait is a worker's end; the time-out only paces the looks.
            if !self.replace() {
                return;
            }
            self.pause();
            looks += 1;
            if self.logs.now() != seen {
                (seen, looks) = (self.logs.now(), 0);
            }
            assert!(looks < STALL, "stalled: {:?}, {:?}", self.episode, self.queue);
        }
    }

    /// Some milliseconds in which one stands still: the others may not. With one producer, or
    /// room for one message, they may have nothing to do.
    fn go_on_without(&mut self) {
        let until = Instant::now() + Duration::from_millis(2);
        while Instant::now() < until {
            self.pause();
        }
    }

    fn pause(&self) {
        let _ = nix::poll::poll(&mut [], 1_u8);
    }

    /// Replaces workers that have come to their end; `false`: none is left to take their place.
    fn replace(&mut self) -> bool {
        for place in 0..self.workers.len() {
            if self.has_ended(place) {
                self.reap(place);
                if self.writers == self.most_writers {
                    return false;
                }
                self.start(place);
            }
        }
        true
    }

    /// Producers end, consumers take what is left; what the harness did.
    fn drain(mut self) -> Vec<Call> {
        self.logs.end_producers();
        let producers = self.episode.producers;
        self.until_all_end(0..producers);
        let invoked = self.logs.tick();
        self.queue.close();
        self.done(Operation::Close, invoked);
        self.until_all_end(producers..self.workers.len());
        // Consumers that had done their work before the end have left something.
        let (logs, number) = (self.logs, self.most_writers);
        let random = Random(7);
        let mut last = Worker::<M> { queue: self.queue.clone(), logs, number, random };
        last.consume(self.episode.taking);
        assert!(self.queue.is_empty() && self.queue.leased() == 0, "{:?}", self.queue);
        self.calls
    }

    fn until_all_end(&mut self, places: std::ops::Range<usize>) {
        let (mut seen, mut looks) = (self.logs.now(), 0);
        while self.workers[places.clone()].iter().any(Option::is_some) {
            for place in 0..self.workers.len() {
                if self.workers[place].is_some() && self.has_ended(place) {
                    self.reap(place);
                    // A producer may wait for a consumer that has no paper left.
                    if !places.contains(&place) && self.writers < self.most_writers {
                        self.start(place);
                    }
                }
            }
            self.pause();
            looks += 1;
            if self.logs.now() != seen {
                (seen, looks) = (self.logs.now(), 0);
            }
            assert!(looks < STALL, "stalled: {:?}, {:?}", self.episode, self.queue);
        }
    }

    /// Whether nobody works there.
    fn has_ended(&self, place: usize) -> bool {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG;
        let worker = self.workers[place].as_ref();
        worker.is_none_or(|(copy, _)| look_at(copy, flags) != WaitStatus::StillAlive)
    }

    fn reap(&mut self, place: usize) {
        if let Some((copy, _)) = self.workers[place].take() {
            copy.join();
        }
    }
}

/// What a process has come to, left for the one who reaps it.
fn look_at(copy: &Copy, flags: WaitPidFlag) -> WaitStatus {
    let pid = Pid::from_raw(copy.pid() as i32);
    waitid(Id::Pid(pid), flags | WaitPidFlag::WNOWAIT).unwrap()
}
