//! Boxes and marks as elements.

use super::layout::{Places, Scale, Tally, Tile, What};
use super::palette::{MIXED, Palette, symbol};
use super::text::{Px, Xml, count, fit, human, percent};
use crate::trace::{Mark, MarkKind, Outcome, Span};
use std::io::{self, Write};

/// Digits of a length, and of a moment.
const LENGTH: usize = 3;
const MOMENT: usize = 5;
/// Boxes that are narrower have neither an outline nor round corners: they would be all outline.
const OUTLINED: f64 = 4.0;
/// The cross in the box of a job that was killed, and its room.
const CROSS: f64 = 4.0;
const CROSS_ROOM: f64 = 18.0;
/// Between a box and its text.
const PADDING: f64 = 5.0;
/// The least height of a box of many jobs that take hardly any time.
const LEAST_HEIGHT: f64 = 2.0;
/// How much of a box of many jobs is painted red or dark if some of them failed or were killed.
const STRIPE: f64 = 4.0;

/// Draws on one lane, whose left upper corner is at the origin.
pub(super) struct Pen<'p, W> {
    pub(super) out: &'p mut W,
    pub(super) palette: &'p Palette<'p>,
    pub(super) scale: Scale,
    pub(super) row_height: f64,
    pub(super) font: f64,
}

impl<W: Write> Pen<'_, W> {
    pub(super) fn lane(&mut self, places: &Places<'_>) -> io::Result<()> {
        for (row, tiles) in places.rows.iter().enumerate() {
            let top = row as f64 * self.row_height;
            for tile in tiles {
                match tile.what {
                    What::One(span) => self.one(tile, span, top)?,
                    What::Many(spans) => self.many(tile, spans, top)?,
                }
            }
        }
        Ok(())
    }

    fn one(&mut self, tile: &Tile<'_>, span: &Span, top: f64) -> io::Result<()> {
        let width = tile.right - tile.left;
        let name = self.palette.class(&span.name);
        let (class, ended) = match span.outcome {
            Outcome::Killed => ("k".to_owned(), " · killed"),
            Outcome::Failed if width < OUTLINED => ("bad".to_owned(), " · failed"),
            Outcome::Failed => (format!("f {name}"), " · failed"),
            Outcome::Completed if width < OUTLINED => (name, ""),
            Outcome::Completed => (format!("b {name}"), ""),
        };
        self.rectangle(&class, tile.left, tile.right, top, self.row_height)?;
        write!(
            self.out,
            "<title>{}{ended} · {} · from {} to {}</title></rect>",
            Xml(&span.name),
            human(span.length, LENGTH),
            human(span.start, MOMENT),
            human(span.end(), MOMENT),
        )?;
        if span.outcome == Outcome::Failed && width >= OUTLINED {
            self.rectangle("hatch", tile.left, tile.right, top, self.row_height)?;
            self.out.write_all(b"</rect>")?;
        }
        self.inside(tile, span, top)?;
        self.out.write_all(b"\n")
    }

    /// What is written in a box.
    fn inside(&mut self, tile: &Tile<'_>, span: &Span, top: f64) -> io::Result<()> {
        let middle = top + self.row_height / 2.0;
        let mut room = tile.right - tile.left;
        let class = match span.outcome {
            Outcome::Completed => "in",
            Outcome::Failed => "in halo",
            Outcome::Killed => "in on",
        };
        if span.outcome == Outcome::Killed && room >= CROSS_ROOM {
            room -= CROSS_ROOM - PADDING;
            let x = tile.right - CROSS_ROOM / 2.0;
            write!(
                self.out,
                "<path class=\"x\" d=\"M{} {}l{d} {d}m0-{d}l-{d} {d}\"/>",
                Px(x - CROSS),
                Px(middle - CROSS),
                d = CROSS * 2.0,
            )?;
        }
        let Some(text) = fit(&span.name, self.font, room - 2.0 * PADDING) else { return Ok(()) };
        write!(
            self.out,
            "<text class=\"{class}\" x=\"{}\" y=\"{}\">{}</text>",
            Px(tile.left + PADDING),
            Px(middle + self.font * 0.36),
            Xml(&text),
        )
    }

    fn many(&mut self, tile: &Tile<'_>, spans: &[&Span], top: f64) -> io::Result<()> {
        let tally = Tally::new(spans);
        let class = tally.name.map_or_else(|| MIXED.to_owned(), |name| self.palette.class(name));
        let share = self.scale.x(tally.busy) / (tile.right - tile.left);
        let height = (share.min(1.0) * self.row_height).max(LEAST_HEIGHT);
        let bottom = top + self.row_height;
        write!(
            self.out,
            "<g class=\"many\"><title>{}{}{}{} · busy {} from {} to {}</title>",
            count(spans.len() as u64, "job"),
            Xml(&tally.name.map_or_else(String::new, |name| format!(" · {name}"))),
            Xml(&some(tally.failed, "failed")),
            Xml(&some(tally.killed, "killed")),
            percent(share),
            human(tally.from, MOMENT),
            human(tally.to, MOMENT),
        )?;
        self.column(&class, tile, bottom - height, height)?;
        // However few they are.
        if tally.killed > 0 {
            self.column("k", tile, bottom - STRIPE, STRIPE)?;
        }
        if tally.failed > 0 {
            self.column("bad", tile, top, STRIPE)?;
        }
        self.out.write_all(b"</g>\n")
    }

    fn column(&mut self, class: &str, tile: &Tile<'_>, top: f64, height: f64) -> io::Result<()> {
        write!(
            self.out,
            // Both edges as they are: neighbours round them alike, and leave no gap.
            "<path class=\"{class}\" d=\"M{left} {}H{}v{}H{left}z\"/>",
            Px(top),
            Px(tile.right),
            Px(height),
            left = Px(tile.left),
        )
    }

    /// An open rectangle: its title comes next.
    fn rectangle(
        &mut self,
        class: &str,
        left: f64,
        right: f64,
        top: f64,
        height: f64,
    ) -> io::Result<()> {
        // Half an outline inside, so that neighbours do not share it.
        let inset = if right - left < OUTLINED { 0.0 } else { 0.5 };
        write!(
            self.out,
            "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"",
            Px(left + inset),
            Px(top + inset),
            Px(right - left - 2.0 * inset),
            Px(height - 2.0 * inset),
        )?;
        if inset > 0.0 {
            write!(self.out, " rx=\"{}\"", Px((right - left).min(12.0) / 4.0))?;
        }
        self.out.write_all(b">")
    }

    /// Draws the marks of a lane over its boxes.
    pub(super) fn marks(&mut self, places: &Places<'_>) -> io::Result<()> {
        let height = places.rows.len() as f64 * self.row_height;
        // A worker restarts right after it died: no line may cross the other's disc.
        for (x, marks) in &places.marks {
            let class = marks.first().map_or("", |mark| symbol(mark.kind).0);
            let end = Px(height + 2.0);
            writeln!(self.out, "<path class=\"line {class}\" d=\"M{} -2V{end}\"/>", Px(*x))?;
        }
        for (x, marks) in &places.marks {
            self.mark(*x, marks, height)?;
        }
        Ok(())
    }

    fn mark(&mut self, x: f64, marks: &[&Mark], height: f64) -> io::Result<()> {
        let [first, others @ ..] = marks else { return Ok(()) };
        let (class, strokes) = symbol(first.kind);
        // One above, the other below, for the same reason.
        let y = if first.kind == MarkKind::Restart { height + 2.0 } else { -2.0 };
        let when = human(first.at, MOMENT);
        let x = Px(x);
        write!(self.out, "<g><title>{} · {}", Xml(&first.name), first.kind.as_str())?;
        if others.is_empty() {
            write!(self.out, " at {when}")?;
        } else {
            write!(self.out, " · the first of {} from {when}", count(marks.len() as u64, "mark"))?;
        }
        writeln!(
            self.out,
            "</title><g transform=\"translate({x} {})\"><circle class=\"disc {class}\" r=\"6.5\"/>\
             <path class=\"sign\" d=\"{strokes}\"/></g></g>",
            Px(y),
        )
    }
}

fn some(number: u64, what: &str) -> String {
    if number == 0 { String::new() } else { format!(" · {number} {what}") }
}
