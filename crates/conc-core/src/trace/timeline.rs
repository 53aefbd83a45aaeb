//! What each worker did when: plain data.

use super::Picture;
use crate::JoinError;
use std::borrow::Cow;
use std::io;
use std::time::Duration;

/// What the workers of an executor did when.
///
/// All times count from one origin, which the executor chose; often the moment it was made.
///
/// # Examples
///
/// ```
/// use conc_core::trace::{Lane, Mark, MarkKind, Outcome, Span, Timeline};
/// use std::time::Duration;
///
/// let ms = Duration::from_millis;
/// let mut lane = Lane::new("worker 1");
/// lane.spans.push(Span::new("download", ms(0), ms(30), Outcome::Completed));
/// lane.spans.push(Span::new("unpack", ms(30), ms(45), Outcome::Killed));
/// lane.marks.push(Mark::new("out of memory", ms(75), MarkKind::Death));
///
/// let mut timeline = Timeline::new();
/// timeline.push_lane(lane);
/// timeline.push_lane(Lane::new("worker 2"));
/// assert_eq!(timeline.duration(), ms(75));
/// assert_eq!(timeline.busy(0), ms(75));
/// assert_eq!(timeline.busy(1), ms(0));
///
/// let mut json = Vec::new();
/// timeline.write_chrome(&mut json)?;
/// assert!(json.starts_with(b"{"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeline {
    /// The workers, in the order in which they are drawn.
    pub lanes: Vec<Lane>,
}

impl Timeline {
    /// A timeline without workers.
    #[must_use]
    pub const fn new() -> Self {
        Self { lanes: Vec::new() }
    }

    /// Adds a worker below the others.
    pub fn push_lane(&mut self, lane: Lane) {
        self.lanes.push(lane);
    }

    /// Whether nothing happened: no span and no mark in any lane.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lanes.iter().all(|lane| lane.spans.is_empty() && lane.marks.is_empty())
    }

    /// From the origin to the last thing that happened.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.lanes.iter().map(Lane::end).max().unwrap_or_default()
    }

    /// For how long the worker with this index ran jobs; zero if there is none.
    #[must_use]
    pub fn busy(&self, lane: usize) -> Duration {
        self.lanes.get(lane).map_or(Duration::ZERO, Lane::busy)
    }

    /// How many spans and marks happened, but were not kept.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.dropped).sum()
    }

    /// Writes Chrome's trace event format: JSON that opens in <https://ui.perfetto.dev> and in
    /// `chrome://tracing`.
    ///
    /// Written in large pieces; a file needs no buffer around it. Jobs that ran inside another job
    /// of their worker are drawn below it; those viewers may leave out jobs of one worker that
    /// overlap in any other way.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write_chrome(&self, out: impl io::Write) -> io::Result<()> {
        super::chrome::write(self, out)
    }

    /// Writes a [`Picture`] as it is by default.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write_svg(&self, out: impl io::Write) -> io::Result<()> {
        Picture::new(self).write(out)
    }
}

impl FromIterator<Lane> for Timeline {
    fn from_iter<I: IntoIterator<Item = Lane>>(lanes: I) -> Self {
        Self { lanes: lanes.into_iter().collect() }
    }
}

/// What one worker did.
///
/// Jobs may overlap: a worker that waits for a job of its own pool runs it inside the waiting one.
///
/// # Examples
///
/// ```
/// use conc_core::trace::{Lane, Outcome, Span};
/// use std::time::Duration;
///
/// let ms = Duration::from_millis;
/// let mut lane = Lane::new("worker 1");
/// lane.spans.push(Span::new("sum", ms(10), ms(40), Outcome::Completed));
/// lane.spans.push(Span::new("part of the sum", ms(20), ms(10), Outcome::Completed));
/// assert_eq!(lane.busy(), ms(40));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lane {
    /// The worker's name.
    pub name: Cow<'static, str>,
    /// The jobs it ran, in any order.
    pub spans: Vec<Span>,
    /// What else happened to it, in any order.
    pub marks: Vec<Mark>,
    /// How many spans and marks were not kept, for want of room.
    pub dropped: u64,
}

impl Lane {
    /// A worker that has done nothing.
    #[must_use]
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// For how long it ran jobs. Time in which jobs overlap counts once.
    #[must_use]
    pub fn busy(&self) -> Duration {
        let mut times: Vec<_> = self.spans.iter().map(|span| (span.start, span.end())).collect();
        times.sort_unstable();
        let (mut busy, mut seen) = (Duration::ZERO, Duration::ZERO);
        for (start, end) in times {
            busy = busy.saturating_add(end.saturating_sub(start.max(seen)));
            seen = seen.max(end);
        }
        busy
    }

    /// From the origin to the last thing that happened to it.
    fn end(&self) -> Duration {
        let spans = self.spans.iter().map(Span::end).max();
        let marks = self.marks.iter().map(|mark| mark.at).max();
        spans.max(marks).unwrap_or_default()
    }
}

/// One job, from its start to its end.
///
/// # Examples
///
/// ```
/// use conc_core::trace::{Outcome, Span};
/// use std::time::Duration;
///
/// let ms = Duration::from_millis;
/// let span = Span::new("resize cat.jpg", ms(10), ms(5), Outcome::Completed);
/// assert_eq!(span.end(), ms(15));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Span {
    /// The job's name, which also chooses its colour.
    pub name: Cow<'static, str>,
    /// When it started, counted from the timeline's origin.
    pub start: Duration,
    /// How long it ran.
    pub length: Duration,
    /// How it ended.
    pub outcome: Outcome,
}

impl Span {
    /// A job that started `start` after the origin and ran for `length`.
    #[must_use]
    pub fn new(
        name: impl Into<Cow<'static, str>>,
        start: Duration,
        length: Duration,
        outcome: Outcome,
    ) -> Self {
        Self { name: name.into(), start, length, outcome }
    }

    /// When it ended, counted from the timeline's origin.
    #[must_use]
    pub const fn end(&self) -> Duration {
        self.start.saturating_add(self.length)
    }
}

/// How a job ended.
///
/// # Examples
///
/// ```
/// use conc_core::JoinError;
/// use conc_core::trace::Outcome;
///
/// assert_eq!(Outcome::from(&JoinError::TimedOut), Outcome::Killed);
/// assert_eq!(Outcome::Killed.as_str(), "killed");
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// It came to its end and gave a result.
    #[default]
    Completed,
    /// It came to its end and gave none: it panicked, say.
    Failed,
    /// It never came to its end: its worker died, or was killed.
    Killed,
}

impl Outcome {
    /// One word for it, in small letters.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Killed => "killed",
        }
    }
}

impl From<&JoinError> for Outcome {
    fn from(error: &JoinError) -> Self {
        match error {
            JoinError::Panicked { .. }
            | JoinError::Cancelled
            | JoinError::Abandoned
            | JoinError::WouldDeadlock
            | JoinError::NotStarted { .. }
            | JoinError::Forked
            | JoinError::NotDecoded { .. }
            | JoinError::NotEncoded { .. } => Self::Failed,
            JoinError::Killed { .. }
            | JoinError::Exited { .. }
            | JoinError::TimedOut
            | JoinError::MemoryLimit { .. }
            | JoinError::OutOfMemory
            | JoinError::Exhausted { .. }
            | JoinError::ServerDied => Self::Killed,
        }
    }
}

/// Something that happened to a worker at one moment.
///
/// # Examples
///
/// ```
/// use conc_core::trace::{Mark, MarkKind};
/// use std::time::Duration;
///
/// let mark = Mark::new("SIGSEGV", Duration::from_millis(75), MarkKind::Death);
/// assert_eq!(mark.kind.as_str(), "death");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mark {
    /// What it was, in a few words.
    pub name: Cow<'static, str>,
    /// When it was, counted from the timeline's origin.
    pub at: Duration,
    /// What sort of thing it was.
    pub kind: MarkKind,
}

impl Mark {
    /// Something that happened `at` after the origin.
    #[must_use]
    pub fn new(name: impl Into<Cow<'static, str>>, at: Duration, kind: MarkKind) -> Self {
        Self { name: name.into(), at, kind }
    }
}

/// What sort of thing a [`Mark`] is.
///
/// # Examples
///
/// ```
/// use conc_core::trace::MarkKind;
///
/// let words = [MarkKind::Death, MarkKind::Restart, MarkKind::Note].map(MarkKind::as_str);
/// assert_eq!(words, ["death", "restart", "note"]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MarkKind {
    /// The worker died.
    Death,
    /// The worker was replaced, or went on with a clean slate.
    Restart,
    /// Something worth a note.
    Note,
}

impl MarkKind {
    /// One word for it, in small letters.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Death => "death",
            Self::Restart => "restart",
            Self::Note => "note",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Lane, Mark, MarkKind, Outcome, Span, Timeline};
    use std::time::Duration;

    fn lane(spans: &[(u64, u64)]) -> Lane {
        let ms = Duration::from_millis;
        let mut lane = Lane::new("w");
        lane.spans
            .extend(spans.iter().map(|&(a, b)| Span::new("j", ms(a), ms(b), Outcome::Completed)));
        lane
    }

    #[test]
    fn overlapping_jobs_count_once() {
        let _watchdog = conc_tests::watchdog();
        let busy = |spans| lane(spans).busy().as_millis();
        assert_eq!(busy(&[]), 0);
        assert_eq!(busy(&[(10, 5), (0, 10)]), 15);
        assert_eq!(busy(&[(2, 3), (0, 10), (20, 1)]), 11);
        assert_eq!(busy(&[(0, 10), (5, 10)]), 15);
    }

    #[test]
    fn a_timeline_ends_with_its_last_event() {
        let _watchdog = conc_tests::watchdog();
        let mut timeline: Timeline = [lane(&[(0, 50), (1, 2)]), lane(&[])].into_iter().collect();
        assert_eq!(timeline.duration(), Duration::from_millis(50));
        assert!(!timeline.is_empty());
        let mark = Mark::new("end", Duration::from_millis(70), MarkKind::Note);
        timeline.lanes[1].marks.push(mark);
        assert_eq!(timeline.duration(), Duration::from_millis(70));
    }

    #[test]
    fn nothing_is_nothing() {
        let _watchdog = conc_tests::watchdog();
        let mut timeline = Timeline::new();
        timeline.push_lane(Lane::new("idle"));
        assert!(timeline.is_empty());
        assert_eq!(timeline.duration(), Duration::ZERO);
        assert_eq!(timeline.busy(7), Duration::ZERO);
    }

    #[test]
    fn endless_spans_do_not_overflow() {
        let _watchdog = conc_tests::watchdog();
        let mut lane = lane(&[(5, 5)]);
        lane.spans.push(Span::new("j", Duration::MAX, Duration::MAX, Outcome::Killed));
        lane.spans.push(Span::new("j", Duration::ZERO, Duration::MAX, Outcome::Killed));
        assert_eq!(lane.busy(), Duration::MAX);
    }
}
