//! Which laws a queue is held to, by its types.

use super::{ChannelQueues, QueueCapabilities, QueueLaw, QueueSource};
use super::{await_get, await_put, await_race, batch, capacity, close, close_blocked};
use super::{count, failure, get, handles, join, linear, mixed, order, put, timeout, values};
use crate::laws::{Law, Make, Verdicts, judge};
use conc_core::{AsyncQueue, BlockingQueue, JoinableQueue};
use std::fmt;

/// The laws of queues, for those that a source makes.
///
/// What a queue's type does not have is not applicable; it is in the table all the same, so that
/// nobody forgets to say [`blocking`](Self::blocking), or [`everything`](Self::everything).
#[must_use = "laws are to be judged by"]
pub struct QueueLaws<S: QueueSource> {
    found: QueueCapabilities,
    blocking: Vec<QueueLaw<S>>,
    joinable: Vec<QueueLaw<S>>,
    asynchronous: Vec<QueueLaw<S>>,
    mixed: Vec<QueueLaw<S>>,
}

impl<S: QueueSource> QueueLaws<S> {
    /// Those about what never waits.
    pub fn new() -> Self {
        Self {
            found: QueueCapabilities::empty(),
            blocking: names_of(blocking()),
            joinable: names_of(joinable()),
            asynchronous: names_of(asynchronous()),
            mixed: names_of(mixed::laws()),
        }
    }

    /// Those about waiting, too.
    pub fn blocking(self) -> Self
    where
        S::Queue: BlockingQueue,
    {
        let found = self.found | QueueCapabilities::BLOCKING;
        Self { found, blocking: blocking(), ..self }
    }

    /// Those about joining, too.
    pub fn joinable(self) -> Self
    where
        S::Queue: JoinableQueue,
    {
        let found = self.found | QueueCapabilities::JOINABLE;
        Self { found, joinable: joinable(), ..self }
    }

    /// Those about awaiting, too.
    pub fn asynchronous(self) -> Self
    where
        S::Queue: AsyncQueue,
    {
        let found = self.found | QueueCapabilities::ASYNC;
        Self { found, asynchronous: asynchronous(), ..self }
    }

    /// All of them.
    pub fn everything(self) -> Self
    where
        S::Queue: JoinableQueue + AsyncQueue,
    {
        Self { mixed: mixed::laws(), ..self.blocking().joinable().asynchronous() }
    }

    /// Holds the queues of the sources that `make` makes to all laws that apply to them.
    pub fn judge(self, name: &str, make: Make<'_, S>) -> Verdicts {
        let groups = [core(), self.blocking, self.joinable, self.asynchronous, self.mixed];
        let laws = groups.into_iter().flatten().collect();
        let declared = make().capabilities().difference(QueueCapabilities::TYPED);
        judge(name, declared | self.found, laws, make)
    }
}

impl<S: QueueSource> Default for QueueLaws<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: QueueSource> fmt::Debug for QueueLaws<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueLaws").field("found", &self.found).finish_non_exhaustive()
    }
}

fn core<S: QueueSource>() -> Vec<QueueLaw<S>> {
    [
        order::laws(),
        count::laws(),
        capacity::laws(),
        failure::laws(),
        close::laws(),
        handles::laws(),
        values::laws(),
        linear::laws(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn blocking<S: QueueSource<Queue: BlockingQueue>>() -> Vec<QueueLaw<S>> {
    [get::laws(), put::laws(), timeout::laws(), close_blocked::laws(), batch::laws()]
        .into_iter()
        .flatten()
        .collect()
}

fn joinable<S: QueueSource<Queue: JoinableQueue>>() -> Vec<QueueLaw<S>> {
    join::laws()
}

fn asynchronous<S: QueueSource<Queue: AsyncQueue>>() -> Vec<QueueLaw<S>> {
    [await_get::laws(), await_put::laws(), await_race::laws()].into_iter().flatten().collect()
}

/// Laws that are written for a type with more traits, by name.
fn names_of<S: QueueSource>(laws: Vec<QueueLaw<ChannelQueues>>) -> Vec<QueueLaw<S>> {
    let name = |law: QueueLaw<ChannelQueues>| Law {
        name: law.name,
        needs: law.needs,
        body: |_| unreachable!("the queue's type does not have what this law needs"),
    };
    laws.into_iter().map(name).collect()
}
