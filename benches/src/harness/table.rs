//! The table of a case: contenders by median, with a ratio to each named one.

use super::report::Summary;
use super::{Contender, Metric, Report, Row};
use std::io::{self, Write};

/// Cells in columns; the first column is flush left, all others flush right.
#[derive(Debug, Default)]
struct Grid {
    /// A heading may have several lines.
    headings: Vec<Vec<String>>,
    rows: Vec<Vec<String>>,
}

impl Report {
    /// Writes the table, and below it who was skipped and who was disturbed.
    pub(crate) fn write_table(&self, out: &mut impl Write, group: &str) -> io::Result<()> {
        writeln!(out, "\n{group} / {}: {}", self.case, self.about)?;
        let rows = self.sorted();
        if !rows.is_empty() {
            self.grid(&rows).write(out)?;
        }
        for (name, reason) in &self.skipped {
            writeln!(out, "  skipped {name}: {reason}")?;
        }
        let disturbed: Vec<_> = rows.iter().filter_map(|row| disturbed(row)).collect();
        if !disturbed.is_empty() {
            writeln!(out, "  disturbed by other processes: {}", disturbed.join(", "))?;
        }
        Ok(())
    }

    /// The fastest first; whoever lacks the metric comes last.
    fn sorted(&self) -> Vec<&Row> {
        let key = |row: &Row| self.rank(row).map_or(f64::INFINITY, |summary| summary.median);
        let mut rows: Vec<_> = self.rows.iter().collect();
        rows.sort_by(|a, b| key(a).total_cmp(&key(b)));
        rows
    }

    fn rank(&self, row: &Row) -> Option<Summary> {
        row.summary(self.ranked_by)
    }

    fn grid(&self, rows: &[&Row]) -> Grid {
        let others = self.other_metrics(rows);
        // Ours are compared with others, not with each other.
        let named: Vec<_> = rows.iter().filter(|row| !Contender::is_ours(row.name)).collect();
        let mut grid = Grid::default();
        grid.heading("contender", "");
        grid.heading(self.ranked_by.name, self.ranked_by.unit.name());
        grid.heading("[min..max]", "");
        for metric in &others {
            grid.heading(metric.name, metric.unit.name());
        }
        for row in &named {
            let (system, rest) = row.name.split_once('_').unwrap_or((row.name, ""));
            grid.heading(&format!("x {system}"), rest);
        }
        for row in rows {
            let mark = if row.disturbed() == row.rounds.len() { " (disturbed)" } else { "" };
            let rank = self.rank(row);
            let mut cells = vec![format!("{}{mark}", row.name)];
            cells.push(cell(rank.map(|summary| summary.median)));
            cells.push(rank.map_or_else(String::new, |summary| {
                format!("[{}..{}]", number(summary.min), number(summary.max))
            }));
            cells.extend(others.iter().map(|metric| cell(row.summary(*metric).map(|s| s.median))));
            cells.extend(named.iter().map(|other| {
                let (Some(own), Some(other)) = (rank, self.rank(other)) else {
                    return String::new();
                };
                ratio(own.median / other.median)
            }));
            grid.rows.push(cells);
        }
        grid
    }

    /// All metrics but the one that ranks, in the order of appearance.
    fn other_metrics(&self, rows: &[&Row]) -> Vec<Metric> {
        let mut metrics = Vec::new();
        for summary in rows.iter().flat_map(|row| row.summaries()) {
            if summary.metric != self.ranked_by && !metrics.contains(&summary.metric) {
                metrics.push(summary.metric);
            }
        }
        metrics
    }
}

/// What the reader must know of a row with disturbed rounds.
fn disturbed(row: &Row) -> Option<String> {
    let (name, disturbed, all) = (row.name, row.disturbed(), row.rounds.len());
    match disturbed {
        0 => None,
        _ if disturbed == all => Some(format!("{name} (every round: not to be trusted)")),
        _ => Some(format!("{name} ({disturbed} of {all} rounds: left out)")),
    }
}

impl Grid {
    fn heading(&mut self, first: &str, second: &str) {
        self.headings.push(vec![first.to_owned(), second.to_owned()]);
    }

    fn width(&self, column: usize) -> usize {
        let heading = self.headings[column].iter().map(String::len);
        let cells = self.rows.iter().map(|row| row[column].len());
        heading.chain(cells).max().unwrap_or(0)
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let widths: Vec<_> = (0..self.headings.len()).map(|column| self.width(column)).collect();
        for line in 0..2 {
            let cells: Vec<_> = self.headings.iter().map(|heading| &*heading[line]).collect();
            write_line(out, &widths, &cells)?;
        }
        for row in &self.rows {
            let cells: Vec<_> = row.iter().map(String::as_str).collect();
            write_line(out, &widths, &cells)?;
        }
        Ok(())
    }
}

fn write_line(out: &mut impl Write, widths: &[usize], cells: &[&str]) -> io::Result<()> {
    let mut line = format!("  {:width$}", cells[0], width = widths[0]);
    for (cell, width) in cells.iter().zip(widths).skip(1) {
        line.push_str(&format!("  {cell:>width$}"));
    }
    writeln!(out, "{}", line.trim_end())
}

fn cell(value: Option<f64>) -> String {
    value.map_or_else(String::new, number)
}

/// Two decimals, unless they would say nothing. Nothing is so many times nothing.
fn ratio(value: f64) -> String {
    match value {
        endless if !endless.is_finite() => String::new(),
        small if small < 0.01 => format!("{small:.4}"),
        large if large >= 100.0 => format!("{large:.0}"),
        _ => format!("{value:.2}"),
    }
}

/// Three digits that say something, and no more.
fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size < 1.0 => format!("{value:.3}"),
        size if size < 10.0 => format!("{value:.2}"),
        size if size < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Round, Unit};
    use super::*;

    const TIME: Metric = Metric::new("time_per_job", Unit::Nanoseconds);

    fn row(name: &'static str, value: f64, is_disturbed: bool) -> Row {
        Row { name, rounds: vec![Round { samples: vec![TIME.sample(value)], is_disturbed }] }
    }

    #[test]
    fn rows_are_sorted_and_ratios_name_their_rival() {
        let report = Report {
            case: "tiny",
            about: "as small as can be",
            ranked_by: TIME,
            rows: vec![row("threadpool", 400.0, false), row("conc_submit", 300.0, true)],
            skipped: vec![("cpython_Pool", "python3 is not there".to_owned())],
        };
        let mut table = Vec::new();
        report.write_table(&mut table, "pool").unwrap();
        let table = String::from_utf8(table).unwrap();
        let expected = "
pool / tiny: as small as can be
  contender                time_per_job  [min..max]  x threadpool
                                     ns
  conc_submit (disturbed)           300  [300..300]          0.75
  threadpool                        400  [400..400]          1.00
  skipped cpython_Pool: python3 is not there
  disturbed by other processes: conc_submit (every round: not to be trusted)
";
        assert_eq!(table, expected);
    }
}
