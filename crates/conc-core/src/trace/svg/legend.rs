//! What the colours and symbols mean: only those that occur.

use super::layout::{Places, What};
use super::palette::{MIXED, Palette, symbol};
use super::text::{Px, Xml, fit, width};
use crate::trace::{MarkKind, Outcome};
use std::io::{self, Write};

/// Size of the text, height of a line, width of a sample, room after an entry.
const FONT: f64 = 12.0;
const LINE: f64 = 24.0;
const SAMPLE: f64 = 22.0;
const AFTER: f64 = 22.0;
/// Longer names are cut.
const WIDEST: f64 = 220.0;

pub(super) struct Legend {
    entries: Vec<Entry>,
}

struct Entry {
    sample: Sample,
    text: String,
}

enum Sample {
    Job(String),
    Jobs,
    Failed,
    Killed,
    Many,
    Mark(MarkKind),
}

impl Legend {
    pub(super) fn new(palette: &Palette<'_>, lanes: &[Places<'_>]) -> Self {
        let mut entries = Vec::new();
        let mut add = |sample, text: &str| entries.push(Entry { sample, text: text.to_owned() });
        let tiles = || lanes.iter().flat_map(|lane| &lane.rows).flatten();
        let spans = || lanes.iter().flat_map(|lane| &lane.lane.spans);
        for name in palette.names() {
            add(Sample::Job(palette.class(name)), &fit(name, FONT, WIDEST).unwrap_or_default());
        }
        if palette.names().next().is_none() && spans().next().is_some() {
            add(Sample::Jobs, "one colour per job name");
        }
        if spans().any(|span| span.outcome == Outcome::Failed) {
            add(Sample::Failed, "failed");
        }
        if spans().any(|span| span.outcome == Outcome::Killed) {
            add(Sample::Killed, "killed");
        }
        if tiles().any(|tile| matches!(tile.what, What::Many(_))) {
            add(Sample::Many, "many short jobs (height: share of the time)");
        }
        for (kind, text) in [
            (MarkKind::Death, "worker died"),
            (MarkKind::Restart, "worker restarted"),
            (MarkKind::Note, "note"),
        ] {
            if lanes.iter().flat_map(|lane| &lane.lane.marks).any(|mark| mark.kind == kind) {
                add(Sample::Mark(kind), text);
            }
        }
        Self { entries }
    }

    /// Where each entry goes in so much room, and the height of them all.
    fn flow(&self, room: f64) -> (Vec<(f64, f64)>, f64) {
        let (mut x, mut y) = (0.0, 0.0);
        let mut places = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            let entry = SAMPLE + 7.0 + width(&entry.text, FONT);
            if x > 0.0 && x + entry > room {
                (x, y) = (0.0, y + LINE);
            }
            places.push((x, y));
            x += entry + AFTER;
        }
        (places, if self.entries.is_empty() { 0.0 } else { y + LINE })
    }

    pub(super) fn height(&self, room: f64) -> f64 {
        self.flow(room).1
    }

    pub(super) fn write(&self, out: &mut impl Write, room: f64) -> io::Result<()> {
        for (entry, (x, y)) in self.entries.iter().zip(self.flow(room).0) {
            write!(out, "<g transform=\"translate({} {})\">", Px(x), Px(y))?;
            write_sample(out, &entry.sample)?;
            writeln!(
                out,
                "<text x=\"{}\" y=\"12.3\">{}</text></g>",
                SAMPLE + 7.0,
                Xml(&entry.text)
            )?;
        }
        Ok(())
    }
}

fn write_sample(out: &mut impl Write, sample: &Sample) -> io::Result<()> {
    let rect = "x=\".5\" y=\".5\" width=\"21\" height=\"15\" rx=\"3\"";
    match sample {
        Sample::Job(class) => write!(out, "<rect class=\"b {class}\" {rect}/>"),
        Sample::Jobs => out.write_all(
            b"<path class=\"c0\" d=\"M3 0H8V16H3Q0 16 0 13V3Q0 0 3 0\"/>\
              <path class=\"c2\" d=\"M8 0h6v16h-6z\"/>\
              <path class=\"c5\" d=\"M14 0H19Q22 0 22 3V13Q22 16 19 16H14z\"/>",
        ),
        Sample::Failed => {
            write!(out, "<rect class=\"f\" fill=\"#fff\" {rect}/><rect class=\"hatch\" {rect}/>")
        }
        Sample::Killed => {
            write!(out, "<rect class=\"k\" {rect}/><path class=\"x\" d=\"M8 5l6 6m0-6l-6 6\"/>")
        }
        Sample::Many => write!(
            out,
            "<path class=\"track\" d=\"M0 0h22v16h-22z\"/>\
             <path class=\"{MIXED}\" d=\"M0 16V9h4V6h5V3h5V7h4V11h4V16z\"/>",
        ),
        Sample::Mark(kind) => {
            let (class, strokes) = symbol(*kind);
            write!(
                out,
                "<g transform=\"translate(13 8)\"><circle class=\"disc {class}\" r=\"6.5\"/>\
                 <path class=\"sign\" d=\"{strokes}\"/></g>",
            )
        }
    }
}
