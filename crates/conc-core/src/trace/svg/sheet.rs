//! The page: headline, axis, lanes and legend, and how much room each of them has.

use super::axis;
use super::draw::Pen;
use super::layout::{Places, Scale};
use super::legend::Legend;
use super::palette::{self, Palette};
use super::text::{self, Px, Xml, count, fit, human, percent};
use crate::trace::{Outcome, Timeline};
use std::io::{self, Write};
use std::time::Duration;

/// Around everything.
const MARGIN: f64 = 24.0;
/// As wide as a bold font of 20 pixels.
const TITLE_FONT: f64 = 23.0;
/// From the upper edge to the first lane.
const HEAD: f64 = 104.0;
/// From the last lane to the legend, and from there to the lower edge.
const FOOT: f64 = 50.0;
const TAIL: f64 = 14.0;
/// Names of lanes: their size, the most room for them, and between them and the boxes.
const LANE_FONT: f64 = 13.0;
const LANE_ROOM: f64 = 180.0;
const LANE_GAP: f64 = 14.0;
/// The column of percentages at the right.
const BUSY_ROOM: f64 = 58.0;
/// Ticks of the axis are at least so far apart.
const TICK_ROOM: f64 = 95.0;

/// Many lanes are drawn smaller.
#[derive(Debug, Clone, Copy)]
struct Size {
    row: f64,
    gap: f64,
    font: f64,
}

impl Size {
    const fn of(rows: usize) -> Self {
        match rows {
            0..=12 => Self { row: 30.0, gap: 16.0, font: 12.0 },
            13..=32 => Self { row: 24.0, gap: 12.0, font: 11.0 },
            _ => Self { row: 18.0, gap: 8.0, font: 10.0 },
        }
    }
}

/// Where the boxes begin and how long a second is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    width: u32,
    left: f64,
    pub(super) scale: Scale,
}

impl Frame {
    pub(super) fn new(timeline: &Timeline, width: u32) -> Self {
        let left = MARGIN + lane_room(timeline) + LANE_GAP;
        let plot = f64::from(width) - left - BUSY_ROOM - MARGIN;
        Self { width, left, scale: Scale::new(timeline.duration(), plot) }
    }
}

/// How wide the names of lanes are.
fn lane_room(timeline: &Timeline) -> f64 {
    let widths = timeline.lanes.iter().map(|lane| text::width(&lane.name, LANE_FONT));
    // Whole pixels: columns of many jobs have sharp edges then.
    widths.fold(0.0, f64::max).min(LANE_ROOM).ceil()
}

/// A page whose parts have their places.
pub(super) struct Sheet<'t> {
    timeline: &'t Timeline,
    frame: Frame,
    size: Size,
    palette: Palette<'t>,
    legend: Legend,
    places: Vec<Places<'t>>,
}

impl<'t> Sheet<'t> {
    pub(super) fn new(timeline: &'t Timeline, frame: Frame, places: Vec<Places<'t>>) -> Self {
        let palette = Palette::new(timeline);
        let legend = Legend::new(&palette, &places);
        let size = Size::of(places.iter().map(|lane| lane.rows.len()).sum());
        Self { timeline, frame, size, palette, legend, places }
    }

    pub(super) fn write(&self, out: &mut impl Write, title: &str) -> io::Result<()> {
        let width = self.frame.width;
        let room = f64::from(width) - 2.0 * MARGIN;
        let bottom = HEAD + self.lanes_height();
        let height = (bottom + FOOT + self.legend.height(room) + TAIL).ceil();
        writeln!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"conc\" role=\"img\" \
             aria-label=\"{}\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\">",
            Xml(title),
        )?;
        palette::write_style(out)?;
        writeln!(out, "<rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>")?;
        self.write_head(out, title, room)?;
        self.write_axis(out, bottom)?;
        self.write_lanes(out)?;
        writeln!(out, "<g transform=\"translate({MARGIN} {})\">", Px(bottom + FOOT))?;
        self.legend.write(out, room)?;
        out.write_all(b"</g>\n</svg>\n")
    }

    fn write_head(&self, out: &mut impl Write, title: &str, room: f64) -> io::Result<()> {
        let title = fit(title, TITLE_FONT, room).unwrap_or_default();
        writeln!(out, "<text class=\"title\" x=\"{MARGIN}\" y=\"42\">{}</text>", Xml(&title))?;
        let subtitle = self.subtitle();
        writeln!(out, "<text class=\"sub\" x=\"{MARGIN}\" y=\"66\">{}</text>", Xml(&subtitle))?;
        if !self.places.is_empty() {
            let right = f64::from(self.frame.width) - MARGIN;
            let y = HEAD - 12.0;
            writeln!(out, "<text class=\"quiet end\" x=\"{right}\" y=\"{y}\">busy</text>")?;
        }
        Ok(())
    }

    /// What there is to know at one look.
    fn subtitle(&self) -> String {
        let timeline = self.timeline;
        let spans = || timeline.lanes.iter().flat_map(|lane| &lane.spans);
        let total = timeline.duration();
        let lanes = timeline.lanes.len();
        let busy: f64 = (0..lanes).map(|lane| share(timeline.busy(lane), total)).sum();
        let mut parts = vec![
            count(spans().count() as u64, "job"),
            count(lanes as u64, "lane"),
            human(total, 3),
            format!("{} busy", percent(busy / lanes.max(1) as f64)),
        ];
        for outcome in [Outcome::Failed, Outcome::Killed] {
            let number = spans().filter(|span| span.outcome == outcome).count() as u64;
            if number > 0 {
                parts.push(format!("{} {}", text::grouped(number), outcome.as_str()));
            }
        }
        if timeline.dropped() > 0 {
            parts.push(format!("{} more not recorded", text::grouped(timeline.dropped())));
        }
        parts.join("  ·  ")
    }

    fn write_axis(&self, out: &mut impl Write, bottom: f64) -> io::Result<()> {
        if self.places.is_empty() {
            return Ok(());
        }
        let total = self.timeline.duration();
        let top = HEAD - 4.0;
        for (at, text) in axis::ticks(total, (self.frame.scale.width / TICK_ROOM) as usize) {
            let x = Px(self.frame.left + self.frame.scale.x(at));
            writeln!(
                out,
                "<path class=\"grid\" d=\"M{x} {top}V{}\"/>\
                 <text class=\"quiet mid\" x=\"{x}\" y=\"{}\">{text}</text>",
                Px(bottom + 6.0),
                Px(bottom + 22.0),
            )?;
        }
        Ok(())
    }

    fn write_lanes(&self, out: &mut impl Write) -> io::Result<()> {
        let mut top = HEAD;
        for lane in &self.places {
            self.write_lane(out, lane, top)?;
            top += lane.rows.len() as f64 * self.size.row + self.size.gap;
        }
        Ok(())
    }

    fn write_lane(&self, out: &mut impl Write, places: &Places<'_>, top: f64) -> io::Result<()> {
        let height = places.rows.len() as f64 * self.size.row;
        let base = Px(height / 2.0 + LANE_FONT * 0.36);
        let name = fit(&places.lane.name, LANE_FONT, LANE_ROOM).unwrap_or_default();
        let total = self.timeline.duration();
        let busy = places.lane.busy();
        writeln!(
            out,
            "<g transform=\"translate({} {})\" font-size=\"{}\">\
             <text class=\"lane end\" x=\"-{LANE_GAP}\" y=\"{base}\">{}<title>{}</title></text>\
             <text class=\"lane end\" x=\"{}\" y=\"{base}\">{}<title>{}, busy {} of {}</title></text>",
            Px(self.frame.left),
            Px(top),
            self.size.font,
            Xml(&name),
            Xml(&places.lane.name),
            Px(self.frame.scale.width + BUSY_ROOM),
            percent(share(busy, total)),
            count(places.lane.spans.len() as u64, "job"),
            human(busy, 3),
            human(total, 3),
        )?;
        writeln!(
            out,
            "<rect class=\"track\" x=\"-2\" y=\"-2\" width=\"{}\" height=\"{}\" rx=\"5\"/>",
            Px(self.frame.scale.width + 4.0),
            Px(height + 4.0),
        )?;
        let mut pen = Pen {
            out,
            palette: &self.palette,
            scale: self.frame.scale,
            row_height: self.size.row,
            font: self.size.font,
        };
        pen.lane(places)?;
        pen.marks(places)?;
        out.write_all(b"</g>\n")
    }

    fn lanes_height(&self) -> f64 {
        let rows: usize = self.places.iter().map(|lane| lane.rows.len()).sum();
        let gaps = self.places.len().saturating_sub(1) as f64;
        rows as f64 * self.size.row + gaps * self.size.gap
    }
}

fn share(part: Duration, whole: Duration) -> f64 {
    if whole.is_zero() { 0.0 } else { part.as_secs_f64() / whole.as_secs_f64() }
}
