//! Where the boxes go.
//!
//! A lane has a row, and more where its jobs overlap. In a row, jobs that are too narrow to be
//! seen are gathered in columns of a few pixels: such a box tells how many jobs it stands for, and
//! its height which share of its time they take. If that still leaves too many boxes, wider jobs
//! are gathered, too. So the size of a picture does not grow with the number of jobs, and none of
//! them goes missing.

use crate::trace::{Lane, Mark, MarkKind, Outcome, Span, Timeline};
use std::cmp::Reverse;
use std::time::Duration;

/// Jobs of a lane that overlap more deeply than this are drawn over each other.
const MOST_ROWS: usize = 8;
/// Rows may overlap by so many pixels: clocks that are read one after the other.
const SLACK: f64 = 0.1;
/// Narrower boxes are gathered.
const NARROW: f64 = 0.5;
/// More boxes are too many: gather wider ones.
const MOST_BOXES: usize = 4_000;
/// So many columns for all rows, while columns are neither narrower nor wider than these.
const COLUMNS: f64 = 1_500.0;
const NARROWEST_COLUMN: f64 = 4.0;
const WIDEST_COLUMN: f64 = 16.0;
/// Nothing is drawn narrower.
const HAIR: f64 = 1.0;
/// Marks of one kind that are closer are drawn as one.
const MARK_ROOM: f64 = 14.0;

/// Turns times into places.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    total: f64,
    pub(super) width: f64,
}

impl Scale {
    pub(super) fn new(total: Duration, width: f64) -> Self {
        Self { total: total.max(Duration::from_nanos(1)).as_secs_f64(), width }
    }

    pub(super) fn x(&self, at: Duration) -> f64 {
        at.as_secs_f64() / self.total * self.width
    }

    fn width_of(&self, span: &Span) -> f64 {
        self.x(span.end()) - self.x(span.start)
    }
}

/// A box: from where to where, and what it stands for.
#[derive(Debug)]
pub(super) struct Tile<'t> {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) what: What<'t>,
}

#[derive(Debug)]
pub(super) enum What<'t> {
    One(&'t Span),
    Many(&'t [&'t Span]),
}

/// Everything of one lane that has a place.
#[derive(Debug)]
pub(super) struct Places<'t> {
    pub(super) lane: &'t Lane,
    /// Never empty.
    pub(super) rows: Vec<Vec<Tile<'t>>>,
    pub(super) marks: Vec<(f64, Vec<&'t Mark>)>,
}

/// The jobs of one lane, sorted by their start, apart where they overlap.
pub(super) type Rows<'t> = Vec<Vec<&'t Span>>;

/// Tells the jobs of each lane apart that overlap.
pub(super) fn rows<'t>(timeline: &'t Timeline, scale: &Scale) -> Vec<Rows<'t>> {
    timeline.lanes.iter().map(|lane| rows_of(lane, scale)).collect()
}

fn rows_of<'t>(lane: &'t Lane, scale: &Scale) -> Rows<'t> {
    let mut spans: Vec<_> = lane.spans.iter().collect();
    // The outer job first: it is drawn above the ones that it contains.
    spans.sort_by_key(|span| (span.start, Reverse(span.length)));
    let mut rows: Rows<'t> = vec![Vec::new()];
    let mut ends = vec![0.0];
    for span in spans {
        let start = scale.x(span.start) + SLACK;
        let row = ends.iter().position(|&end| end <= start).unwrap_or_else(|| {
            if rows.len() < MOST_ROWS {
                rows.push(Vec::new());
                ends.push(0.0);
            }
            rows.len() - 1
        });
        ends[row] = scale.x(span.end()).max(ends[row]);
        rows[row].push(span);
    }
    rows
}

/// Gives everything its place.
pub(super) fn places<'t>(
    timeline: &'t Timeline,
    rows: &'t [Rows<'t>],
    scale: &Scale,
) -> Vec<Places<'t>> {
    let count = rows.iter().map(Vec::len).sum::<usize>() as f64;
    let column = (scale.width * count / COLUMNS).clamp(NARROWEST_COLUMN, WIDEST_COLUMN);
    let mut narrow = NARROW;
    loop {
        let tiles: Vec<Vec<_>> = rows
            .iter()
            .map(|rows| rows.iter().map(|row| tiles(row, scale, narrow, column)).collect())
            .collect();
        let boxes: usize = tiles.iter().flatten().map(Vec::len).sum();
        if boxes <= MOST_BOXES || narrow >= column {
            let lanes = timeline.lanes.iter().zip(tiles);
            return lanes
                .map(|(lane, rows)| Places { lane, rows, marks: marks(lane, scale) })
                .collect();
        }
        narrow *= 2.0;
    }
}

fn tiles<'t>(row: &'t [&'t Span], scale: &Scale, narrow: f64, column: f64) -> Vec<Tile<'t>> {
    let column_of = |span: &Span| (scale.x(span.start) / column).floor();
    let mut tiles = Vec::new();
    let mut rest = row;
    // Where the last box ends.
    let mut edge = 0.0_f64;
    while let Some(&first) = rest.first() {
        let same =
            |span: &&&Span| scale.width_of(span) < narrow && column_of(span) == column_of(first);
        let group = rest.iter().take_while(same).count().max(1);
        let (group, after) = rest.split_at(group);
        rest = after;
        let start = scale.x(first.start);
        let tile = if let &[span] = group {
            let right = scale.x(span.end()).max(start + HAIR).min(scale.width);
            Tile { left: start.min(right - HAIR), right, what: What::One(span) }
        } else {
            // The whole column, so that a run of columns is a curve, but nobody else's place.
            let next = after.first().map_or(scale.width, |span| scale.x(span.start));
            let end = group.iter().map(|span| scale.x(span.end())).fold(0.0, f64::max);
            let left = (column * column_of(first)).max(edge.min(start));
            let right = (column * (column_of(first) + 1.0)).min(next).max(end).max(left + HAIR);
            Tile {
                left: left.min(scale.width - HAIR),
                right: right.min(scale.width),
                what: What::Many(group),
            }
        };
        edge = edge.max(tile.right);
        tiles.push(tile);
    }
    tiles
}

/// Marks by their places, each kind apart, crowds together.
fn marks<'t>(lane: &'t Lane, scale: &Scale) -> Vec<(f64, Vec<&'t Mark>)> {
    let mut places: Vec<(f64, Vec<&Mark>)> = Vec::new();
    // Deaths last: they are drawn over the others.
    for kind in [MarkKind::Note, MarkKind::Restart, MarkKind::Death] {
        let mut marks: Vec<_> = lane.marks.iter().filter(|mark| mark.kind == kind).collect();
        marks.sort_by_key(|mark| mark.at);
        let mut crowd = f64::NEG_INFINITY;
        for mark in marks {
            let x = scale.x(mark.at);
            match places.last_mut() {
                Some((_, marks)) if x - crowd < MARK_ROOM => marks.push(mark),
                _ => {
                    crowd = x;
                    places.push((x, vec![mark]));
                }
            }
        }
    }
    places
}

/// What there is to say of many jobs in one box.
#[derive(Debug)]
pub(super) struct Tally<'t> {
    /// The name of all of them, if they share one.
    pub(super) name: Option<&'t str>,
    pub(super) from: Duration,
    pub(super) to: Duration,
    pub(super) busy: Duration,
    pub(super) failed: u64,
    pub(super) killed: u64,
}

impl<'t> Tally<'t> {
    pub(super) fn new(spans: &[&'t Span]) -> Self {
        let count = |outcome| spans.iter().filter(|span| span.outcome == outcome).count() as u64;
        let name = spans.first().map(|span| &*span.name);
        Self {
            name: name.filter(|&name| spans.iter().all(|span| span.name == name)),
            from: spans.iter().map(|span| span.start).min().unwrap_or_default(),
            to: spans.iter().map(|span| span.end()).max().unwrap_or_default(),
            busy: spans.iter().fold(Duration::ZERO, |sum, span| sum.saturating_add(span.length)),
            failed: count(Outcome::Failed),
            killed: count(Outcome::Killed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST_BOXES, MOST_ROWS, Places, Scale, What, places, rows};
    use crate::trace::{Lane, Mark, MarkKind, Outcome, Span, Timeline};
    use std::time::Duration;

    const WIDTH: f64 = 1_000.0;

    fn timeline(spans: impl IntoIterator<Item = (u64, u64)>) -> Timeline {
        let mut lane = Lane::new("w");
        let us = Duration::from_micros;
        lane.spans.extend(
            spans.into_iter().map(|(a, b)| Span::new("j", us(a), us(b), Outcome::Completed)),
        );
        [lane].into_iter().collect()
    }

    /// The numbers of jobs in the boxes of each row, after a look at each box.
    fn boxes(timeline: &Timeline) -> Vec<Vec<usize>> {
        let scale = Scale::new(timeline.duration(), WIDTH);
        let rows = rows(timeline, &scale);
        let places = places(timeline, &rows, &scale);
        assert_nothing_is_outside(&places, &scale);
        let sizes = places.iter().flat_map(|lane| &lane.rows).map(|row| {
            row.iter().map(|tile| match tile.what {
                What::One(_) => 1,
                What::Many(spans) => spans.len(),
            })
        });
        sizes.map(Iterator::collect).collect()
    }

    /// Each job is inside its box, and each box inside the picture.
    fn assert_nothing_is_outside(places: &[Places<'_>], scale: &Scale) {
        const DUST: f64 = 1e-6;
        for tile in places.iter().flat_map(|lane| &lane.rows).flatten() {
            assert!(tile.left >= -DUST && tile.right <= WIDTH + DUST, "{tile:?}");
            assert!(tile.right - tile.left >= 0.99, "{tile:?}");
            let spans = match &tile.what {
                What::One(span) => std::slice::from_ref(span),
                What::Many(spans) => *spans,
            };
            for span in spans {
                assert!(tile.left <= scale.x(span.start) + DUST, "{tile:?}");
                assert!(tile.right >= scale.x(span.end()) - DUST, "{tile:?}");
            }
        }
    }

    /// Numbers that look random and are the same each time.
    fn noise(seed: u64) -> impl FnMut(u64) -> u64 {
        let mut state = seed;
        move |below| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % below
        }
    }

    #[test]
    fn wide_jobs_have_a_box_each() {
        let _watchdog = conc_tests::watchdog();
        assert_eq!(boxes(&timeline([(0, 10), (10, 10), (25, 75)])), [[1, 1, 1]]);
        assert_eq!(boxes(&timeline([])), [[0; 0]]);
        assert_eq!(boxes(&timeline([(0, 0)])), [[1]]);
    }

    #[test]
    fn jobs_inside_jobs_have_rows_of_their_own() {
        let _watchdog = conc_tests::watchdog();
        let nested = timeline([(20, 5), (10, 50), (15, 20), (60, 40), (0, 10)]);
        assert_eq!(boxes(&nested), [vec![1, 1, 1], vec![1], vec![1]]);
        let deep = timeline((0..20).map(|depth| (depth, 100 - 2 * depth)));
        assert_eq!(boxes(&deep).len(), MOST_ROWS);
    }

    #[test]
    fn narrow_jobs_are_gathered_and_wide_ones_stay() {
        let _watchdog = conc_tests::watchdog();
        let crumbs = (0..1_000).map(|n| (n * 10, 5)).chain([(10_000, 90_000)]);
        let row = boxes(&timeline(crumbs)).remove(0);
        assert_eq!(row.last(), Some(&1));
        assert_eq!(row.iter().sum::<usize>(), 1_001);
        assert!(row.len() < 30, "{row:?}");
    }

    #[test]
    fn jobs_that_are_just_wide_enough_do_not_make_too_many_boxes() {
        let _watchdog = conc_tests::watchdog();
        let mut timeline = timeline((0..1_500).map(|n| (n * 4, 4)));
        let lane = timeline.lanes[0].clone();
        timeline.lanes.resize(50, lane);
        let boxes = boxes(&timeline);
        assert!(boxes.iter().map(Vec::len).sum::<usize>() <= MOST_BOXES);
        assert_eq!(boxes.iter().flatten().sum::<usize>(), 75_000);
    }

    #[test]
    fn any_mess_stays_inside_the_picture() {
        let _watchdog = conc_tests::watchdog();
        for seed in 0..200 {
            let mut noise = noise(seed);
            let longest = 1 << noise(14);
            let spans: Vec<_> =
                (0..noise(400)).map(|_| (noise(10_000), noise(longest) * noise(2))).collect();
            let boxes = boxes(&timeline(spans.iter().copied()));
            assert_eq!(boxes.iter().flatten().sum::<usize>(), spans.len());
        }
    }

    #[test]
    fn crowds_of_marks_are_one() {
        let _watchdog = conc_tests::watchdog();
        let mut timeline = timeline([(0, 100_000)]);
        for n in 0..50_000 {
            let at = Duration::from_micros(n * 2);
            timeline.lanes[0].marks.push(Mark::new("ENOMEM", at, MarkKind::Death));
        }
        timeline.lanes[0].marks.push(Mark::new("again", Duration::ZERO, MarkKind::Restart));
        let scale = Scale::new(timeline.duration(), WIDTH);
        let marks = super::marks(&timeline.lanes[0], &scale);
        assert!(marks.len() < 120, "{}", marks.len());
        assert_eq!(marks.iter().map(|(_, marks)| marks.len()).sum::<usize>(), 50_001);
        assert_eq!(marks[0].1.len(), 1);
    }
}
