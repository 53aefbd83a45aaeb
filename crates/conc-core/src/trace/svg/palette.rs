//! Colours: of jobs by their names, of everything else by what it means.

use crate::trace::{MarkKind, Timeline};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Paul Tol's light scheme: apart from each other for all eyes, and dark text is readable on each.
const JOBS: [&str; 8] =
    ["#77AADD", "#EE8866", "#EEDD88", "#FFAABB", "#99DDFF", "#44BB99", "#BBCC33", "#AAAA00"];

/// Many short jobs of different names.
pub(super) const MIXED: &str = "m";

/// Which colour which job has.
pub(super) struct Palette<'t> {
    /// Empty if the names are more than the colours.
    named: BTreeMap<&'t str, usize>,
}

impl<'t> Palette<'t> {
    /// A job has the colour of its name in every picture. Where a picture has no more names than
    /// there are colours, none is used twice: a name whose colour is taken gets the next one.
    pub(super) fn new(timeline: &'t Timeline) -> Self {
        let mut named = BTreeMap::new();
        for span in timeline.lanes.iter().flat_map(|lane| &lane.spans) {
            named.insert(&*span.name, 0);
            if named.len() > JOBS.len() {
                return Self { named: BTreeMap::new() };
            }
        }
        let mut taken = [false; JOBS.len()];
        for (name, colour) in &mut named {
            *colour =
                (home(name)..).map(|place| place % JOBS.len()).find(|&at| !taken[at]).unwrap_or(0);
            taken[*colour] = true;
        }
        Self { named }
    }

    /// The class of a job's box.
    pub(super) fn class(&self, name: &str) -> String {
        format!("c{}", self.named.get(name).copied().unwrap_or_else(|| home(name)))
    }

    /// The names for a legend, if each has its own colour.
    pub(super) fn names(&self) -> impl Iterator<Item = &'t str> {
        self.named.keys().copied()
    }
}

/// FNV-1a: the same for all builds and machines, which std does not promise of its hashers.
fn home(name: &str) -> usize {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    // The low bits of FNV are its weak ones.
    (hash >> 40) as usize % JOBS.len()
}

/// The class of a mark and the strokes of its symbol, on a disc with a radius of 6.
pub(super) const fn symbol(kind: MarkKind) -> (&'static str, &'static str) {
    match kind {
        MarkKind::Death => ("death", "M-2.4-2.4 2.4 2.4M-2.4 2.4 2.4-2.4"),
        MarkKind::Restart => ("restart", "M2.6-1.6A3.1 3.1 0 1 0 3.1.6M3-3.6V-1.2H.7"),
        MarkKind::Note => ("note", "M0-3.1V-2.9M0-.8V3"),
    }
}

/// The style sheet. All rules are inside one class: pictures get pasted into pages.
pub(super) fn write_style(out: &mut impl Write) -> io::Result<()> {
    const RULES: &str = "
.conc{background:#fff;font-size:12px}
.conc text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',Arial,sans-serif;fill:#1f2933}
.conc .title{font-size:20px;font-weight:600}
.conc .sub{font-size:13px;fill:#52606d}
.conc .quiet{font-size:11px;fill:#616e7c}
.conc .lane{font-size:13px}
.conc .in{pointer-events:none}
.conc .end{text-anchor:end}
.conc .mid{text-anchor:middle}
.conc .track{fill:#b9c6d3;fill-opacity:.22}
.conc .grid{stroke:#d3dbe3;fill:none}
.conc .b{stroke:#1f2933;stroke-opacity:.28}
.conc .b:hover,.conc .f:hover,.conc .k:hover{stroke:#000;stroke-opacity:1;stroke-width:2}
.conc .f{stroke:#b3001b;stroke-width:2}
.conc .hatch{fill:url(#conc-hatch);pointer-events:none}
.conc .halo{paint-order:stroke;stroke:#fff;stroke-opacity:.8;stroke-width:3;stroke-linejoin:round}
.conc .k{fill:#323a45}
.conc .on{fill:#fff}
.conc .x{stroke:#fff;stroke-width:2;stroke-linecap:round;fill:none;pointer-events:none}
.conc .many{shape-rendering:crispEdges}
.conc .bad{fill:#b3001b}
.conc .m{fill:#8a97a6}
.conc .disc{stroke:#fff;stroke-width:1.5}
.conc .sign{fill:none;stroke:#fff;stroke-width:1.6;stroke-linecap:round;stroke-linejoin:round}
.conc .line{stroke-width:2}
.conc .death{fill:#b3001b;stroke:#b3001b}
.conc .restart{fill:#00695c;stroke:#00695c}
.conc .note{fill:#3f51b5;stroke:#3f51b5}
";
    out.write_all(b"<style>")?;
    out.write_all(RULES.as_bytes())?;
    for (number, colour) in JOBS.iter().enumerate() {
        writeln!(out, ".conc .c{number}{{fill:{colour}}}")?;
    }
    out.write_all(
        b"</style>\n<defs><pattern id=\"conc-hatch\" width=\"7\" height=\"7\" \
          patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
          <path d=\"M1.5 0V7\" stroke=\"#b3001b\" stroke-width=\"2\" stroke-opacity=\".55\"/>\
          </pattern></defs>\n",
    )
}

#[cfg(test)]
mod tests {
    use super::{JOBS, Palette, home};
    use crate::trace::{Lane, Outcome, Span, Timeline};
    use std::collections::BTreeSet;
    use std::time::Duration;

    fn timeline(names: impl Iterator<Item = String>) -> Timeline {
        let mut lane = Lane::new("w");
        lane.spans.extend(
            names.map(|name| Span::new(name, Duration::ZERO, Duration::ZERO, Outcome::Completed)),
        );
        [lane].into_iter().collect()
    }

    #[test]
    fn colours_are_the_same_in_every_build() {
        let _watchdog = conc_tests::watchdog();
        let homes = ["", "job", "parse main.rs", "ünï"].map(home);
        // Others than these repaint everybody's pictures.
        assert_eq!(homes, [4, 4, 3, 4]);
    }

    #[test]
    fn few_names_have_a_colour_each() {
        let _watchdog = conc_tests::watchdog();
        let few = timeline((0..JOBS.len()).map(|n| format!("job {n}")));
        let palette = Palette::new(&few);
        let classes: BTreeSet<_> = palette.names().map(|name| palette.class(name)).collect();
        assert_eq!(classes.len(), JOBS.len());
    }

    #[test]
    fn many_names_share_all_colours() {
        let _watchdog = conc_tests::watchdog();
        let many = timeline((0..100).map(|n| format!("job {n}")));
        let palette = Palette::new(&many);
        assert_eq!(palette.names().count(), 0);
        let classes: BTreeSet<_> = (0..100).map(|n| palette.class(&format!("job {n}"))).collect();
        assert_eq!(classes.len(), JOBS.len());
    }
}
