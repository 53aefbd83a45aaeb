//! A picture: one lane a worker, one box a job.
//!
//! | file | holds |
//! |---|---|
//! | `sheet` | headline, axis, lanes, legend on one page |
//! | `layout` | rows, boxes, marks: what goes where, what is drawn as one |
//! | `draw` | boxes and marks as elements |
//! | `axis` | round steps of time |
//! | `palette` | colours and the style sheet |
//! | `legend` | what the colours mean |
//! | `text` | escape, measure, cut; numbers and times |

mod axis;
mod draw;
mod layout;
mod legend;
mod palette;
mod sheet;
mod text;

use super::Timeline;
use sheet::{Frame, Sheet};
use std::io::{self, BufWriter, Write};

const WIDTH: u32 = 1_200;
/// Narrower leaves no room for boxes.
const LEAST_WIDTH: u32 = 400;

/// A [`Timeline`] as an SVG picture: one lane a worker, one box a job.
///
/// The picture needs nothing but itself: no script, no font, no style sheet. Names and exact times
/// show when the pointer rests on a box. Its size stays small for any number of jobs: those too
/// narrow to be seen are drawn together, as columns whose heights tell how busy the worker was.
///
/// # Examples
///
/// ```
/// use conc_core::trace::{Lane, Outcome, Picture, Span, Timeline};
/// use std::time::Duration;
///
/// let mut lane = Lane::new("worker 1");
/// lane.spans.push(Span::new("sum", Duration::ZERO, Duration::from_secs(1), Outcome::Completed));
/// let timeline: Timeline = [lane].into_iter().collect();
///
/// let mut svg = Vec::new();
/// Picture::new(&timeline).title("One sum").width(800).write(&mut svg)?;
/// assert!(svg.starts_with(b"<svg "));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a picture is drawn by write"]
pub struct Picture<'t> {
    timeline: &'t Timeline,
    title: String,
    width: u32,
}

impl<'t> Picture<'t> {
    /// A picture of `timeline`, 1200 pixels wide.
    pub fn new(timeline: &'t Timeline) -> Self {
        Self { timeline, title: "Timeline".to_owned(), width: WIDTH }
    }

    /// The headline.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// The width in pixels; at least 400. The height follows from the number of lanes.
    pub const fn width(mut self, px: u32) -> Self {
        self.width = if px < LEAST_WIDTH { LEAST_WIDTH } else { px };
        self
    }

    /// Draws it. Written in large pieces; a file needs no buffer around it.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write(&self, out: impl io::Write) -> io::Result<()> {
        let mut out = BufWriter::new(out);
        let timeline = self.timeline;
        let frame = Frame::new(timeline, self.width);
        let rows = layout::rows(timeline, &frame.scale);
        let places = layout::places(timeline, &rows, &frame.scale);
        Sheet::new(timeline, frame, places).write(&mut out, &self.title)?;
        out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::Picture;
    use crate::trace::{Lane, Mark, MarkKind, Outcome, Span, Timeline};
    use std::time::Duration;

    fn svg(picture: &Picture<'_>) -> String {
        let mut out = Vec::new();
        picture.write(&mut out).expect("memory takes everything");
        let text = String::from_utf8(out).expect("text");
        assert_well_formed(&text);
        text
    }

    /// Tags are closed in order, attributes quoted, references known.
    fn assert_well_formed(text: &str) {
        let mut open = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('<') {
            assert!(!before.contains('>') || open.last() == Some(&"style"), "{before}");
            for reference in before.split('&').skip(1) {
                assert!(
                    ["amp;", "lt;", "gt;", "quot;", "#39;"]
                        .iter()
                        .any(|r| reference.starts_with(r))
                );
            }
            let (tag, after) = after.split_once('>').expect("a tag ends");
            rest = after;
            if let Some(name) = tag.strip_prefix('/') {
                assert_eq!(open.pop(), Some(name));
                continue;
            }
            assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
            if !tag.ends_with('/') {
                open.push(tag.split(' ').next().expect("a name"));
            }
        }
        assert!(open.is_empty() && rest.trim().is_empty());
    }

    #[test]
    fn hostile_names_leave_the_picture_well_formed() {
        let _watchdog = conc_tests::watchdog();
        let name = "</text><script>alert('\"&\0')</script>";
        let mut lane = Lane::new(name);
        let second = Duration::from_secs(1);
        for (start, outcome) in (0..).zip([Outcome::Completed, Outcome::Failed, Outcome::Killed]) {
            lane.spans.push(Span::new(name, second * start, second, outcome));
        }
        for kind in [MarkKind::Death, MarkKind::Restart, MarkKind::Note] {
            lane.marks.push(Mark::new(name, second, kind));
        }
        let timeline = [lane].into_iter().collect();
        let text = svg(&Picture::new(&timeline).title(name));
        assert!(!text.contains("<script") && !text.contains('\0'), "{text}");
        for word in ["failed", "killed", "worker died", "worker restarted", "note"] {
            assert!(text.contains(word), "{word}");
        }
    }

    #[test]
    fn a_picture_of_nothing_is_a_picture() {
        let _watchdog = conc_tests::watchdog();
        let mut timeline = Timeline::new();
        assert!(svg(&Picture::new(&timeline)).contains("0 jobs"));
        timeline.push_lane(Lane::new(""));
        timeline.lanes[0].spans.push(Span::new(
            "",
            Duration::ZERO,
            Duration::ZERO,
            Outcome::Failed,
        ));
        assert!(svg(&Picture::new(&timeline).width(0)).contains("1 job "));
        timeline.lanes[0].spans[0].length = Duration::MAX;
        let text = svg(&Picture::new(&timeline));
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    }

    #[test]
    fn a_hundred_thousand_jobs_make_a_small_picture() {
        let _watchdog = conc_tests::watchdog();
        let tick = Duration::from_micros(10);
        let lanes = (0..4).map(|number| {
            let mut lane = Lane::new(format!("worker {number}"));
            lane.spans.extend((0..25_000).map(|n| {
                Span::new(format!("job {n}"), tick * n, tick * 3 / 4, Outcome::Completed)
            }));
            lane.spans[12_345].outcome = Outcome::Killed;
            lane
        });
        let text = svg(&Picture::new(&lanes.collect()));
        assert!(text.len() < 200_000, "{}", text.len());
        // All are counted, none is forgotten.
        let counted: u64 = text
            .lines()
            .filter_map(|line| line.strip_prefix("<g class=\"many\"><title>")?.split_once(" job"))
            .map(|(count, _)| count.replace(',', "").parse::<u64>().expect("a number"))
            .sum();
        assert_eq!(counted, 100_000);
        assert_eq!(text.matches("· 1 killed").count(), 4);
        assert!(text.contains("100,000 jobs") && text.contains("75 % busy"), "{}", &text[..3_000]);
    }

    #[test]
    fn what_was_not_kept_is_told() {
        let _watchdog = conc_tests::watchdog();
        let mut lane = Lane::new("w");
        lane.dropped = 1_234;
        let text = svg(&Picture::new(&[lane].into_iter().collect()));
        assert!(text.contains("1,234 more not recorded"), "{text}");
    }
}
