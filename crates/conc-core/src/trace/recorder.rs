//! How a worker writes its lane.

use super::{Lane, Mark, MarkKind, Name, Outcome, Span, label, take_label};
use std::borrow::Cow;
use std::time::Instant;

/// So many spans are kept for a worker if nobody says otherwise: about 64 MB.
const LIMIT: usize = 1_000_000;

/// Writes one worker's [`Lane`]; an executor keeps one for each worker.
///
/// Costs two looks at the clock and no allocation a job, except that the lane grows. It grows to
/// a limit: the first so many spans are kept, what comes later is only counted, and pictures say
/// so.
///
/// # Examples
///
/// ```
/// use conc_core::trace::{MarkKind, Outcome, Recorder};
/// use std::time::Instant;
///
/// let origin = Instant::now();
/// let mut recorder = Recorder::new("worker 1", origin).limit(1);
/// for _ in 0..3 {
///     let started = Instant::now();
///     // Run a job.
///     recorder.finish_span("job", started, Outcome::Completed);
/// }
/// recorder.mark("going home", MarkKind::Note);
///
/// let lane = recorder.into_lane();
/// assert_eq!((lane.spans.len(), lane.marks.len(), lane.dropped), (1, 1, 2));
/// ```
#[derive(Debug, Clone)]
pub struct Recorder {
    lane: Lane,
    origin: Instant,
    limit: usize,
}

impl Recorder {
    /// A recorder of a worker; times will count from `origin`.
    #[must_use]
    pub fn new(lane_name: impl Into<Cow<'static, str>>, origin: Instant) -> Self {
        Self { lane: Lane::new(lane_name), origin, limit: LIMIT }
    }

    /// Keeps at most so many spans, and as many marks; a million of each by default.
    #[must_use]
    pub const fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Writes down the end of a job that [`Running::start`] saw start. It has the name that it
    /// gave itself with [`label`], or else `unnamed`.
    pub fn finish(
        &mut self,
        running: Running,
        unnamed: impl Into<Cow<'static, str>>,
        outcome: Outcome,
    ) {
        let ended = Instant::now();
        let started = running.started;
        let name = running.stop().unwrap_or_else(|| unnamed.into());
        self.record_span(name, started, ended, outcome);
    }

    /// Writes down a job that ends now.
    pub fn finish_span(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        started: Instant,
        outcome: Outcome,
    ) {
        self.record_span(name, started, Instant::now(), outcome);
    }

    /// Writes down a job that has ended. What was before the origin counts as at the origin.
    pub fn record_span(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        started: Instant,
        ended: Instant,
        outcome: Outcome,
    ) {
        if self.lane.spans.len() >= self.limit {
            self.lane.dropped += 1;
            return;
        }
        let start = started.saturating_duration_since(self.origin);
        let end = ended.saturating_duration_since(self.origin);
        self.lane.spans.push(Span::new(name, start, end.saturating_sub(start), outcome));
    }

    /// Writes down something that happens now.
    pub fn mark(&mut self, name: impl Into<Cow<'static, str>>, kind: MarkKind) {
        self.mark_at(name, Instant::now(), kind);
    }

    /// Writes down something that happened at a given moment.
    pub fn mark_at(&mut self, name: impl Into<Cow<'static, str>>, at: Instant, kind: MarkKind) {
        if self.lane.marks.len() >= self.limit {
            self.lane.dropped += 1;
            return;
        }
        self.lane.marks.push(Mark::new(name, at.saturating_duration_since(self.origin), kind));
    }

    /// What is written so far.
    #[must_use]
    pub fn lane(&self) -> Lane {
        self.lane.clone()
    }

    /// What was written.
    #[must_use]
    pub fn into_lane(self) -> Lane {
        self.lane
    }
}

/// A job that runs on this thread, from before its first instruction to after its last.
///
/// Jobs nest: a worker that waits for a job may run it in place. The inner job starts without a
/// label and gives the outer one its label back.
///
/// # Examples
///
/// ```
/// use conc_core::trace::{Outcome, Recorder, Running, label};
/// use std::time::Instant;
///
/// let mut recorder = Recorder::new("worker 1", Instant::now());
/// let outer = Running::start();
/// label("outer");
/// let inner = Running::start();
/// recorder.finish(inner, "inner, without a label", Outcome::Completed);
/// recorder.finish(outer, "job", Outcome::Completed);
///
/// let names: Vec<_> = recorder.into_lane().spans.into_iter().map(|span| span.name).collect();
/// assert_eq!(names, ["inner, without a label", "outer"]);
/// ```
#[derive(Debug)]
#[must_use = "the job is written down by Recorder::finish"]
pub struct Running {
    started: Instant,
    outer: Option<Name>,
}

impl Running {
    /// A job that starts now, on this thread, without a label.
    pub fn start() -> Self {
        let outer = take_label();
        Self { outer, started: Instant::now() }
    }

    /// When it started.
    #[must_use]
    pub const fn started(&self) -> Instant {
        self.started
    }

    /// Ends it without writing it down; its label, if it has one.
    #[must_use = "the label goes with it"]
    pub fn stop(self) -> Option<Cow<'static, str>> {
        let own = take_label();
        if let Some(outer) = self.outer {
            label(outer);
        }
        own
    }
}

#[cfg(test)]
mod tests {
    use super::{Recorder, Running};
    use crate::trace::{MarkKind, Outcome, label, take_label};
    use std::time::{Duration, Instant};

    #[test]
    fn times_count_from_the_origin() {
        let _watchdog = conc_tests::watchdog();
        let early = Instant::now();
        let at = |ms| early + Duration::from_millis(ms);
        let mut recorder = Recorder::new("w", at(100));
        recorder.record_span("in", at(130), at(150), Outcome::Failed);
        recorder.record_span("across", at(50), at(120), Outcome::Completed);
        recorder.record_span("backwards", at(150), at(130), Outcome::Completed);
        recorder.mark_at("before", at(0), MarkKind::Note);
        let lane = recorder.lane();
        let spans: Vec<_> = lane
            .spans
            .iter()
            .map(|span| (span.start.as_millis(), span.length.as_millis()))
            .collect();
        assert_eq!(spans, [(30, 20), (0, 20), (50, 0)]);
        assert_eq!(lane.marks[0].at, Duration::ZERO);
        assert_eq!(lane, recorder.into_lane());
    }

    #[test]
    fn memory_is_bounded_and_the_rest_is_counted() {
        let _watchdog = conc_tests::watchdog();
        let mut recorder = Recorder::new("w", Instant::now()).limit(2);
        for _ in 0..5 {
            recorder.finish(Running::start(), "job", Outcome::Completed);
            recorder.mark("note", MarkKind::Note);
        }
        let lane = recorder.into_lane();
        assert_eq!((lane.spans.len(), lane.marks.len(), lane.dropped), (2, 2, 6));
    }

    #[test]
    fn a_job_does_not_inherit_a_label() {
        let _watchdog = conc_tests::watchdog();
        label("left behind by somebody");
        let mut recorder = Recorder::new("w", Instant::now());
        recorder.finish(Running::start(), "job", Outcome::Completed);
        assert_eq!(recorder.lane().spans[0].name, "job");
        // Not ours: it goes back.
        assert_eq!(take_label().as_deref(), Some("left behind by somebody"));
    }
}
