//! The JSON line of a figure.

use super::Report;
use serde::Serialize;

/// One metric of one contender, as the JSON file holds it.
#[derive(Debug, Serialize)]
struct Figure<'a> {
    group: &'a str,
    case: &'a str,
    contender: &'a str,
    metric: &'a str,
    unit: &'a str,
    median: f64,
    min: f64,
    max: f64,
    rounds: usize,
}

impl Report {
    /// One line for each figure.
    pub(crate) fn json_lines(&self, group: &str) -> String {
        let mut lines = String::new();
        for row in &self.rows {
            for summary in row.summaries() {
                let figure = Figure {
                    group,
                    case: self.case,
                    contender: row.name,
                    metric: summary.metric.name,
                    unit: summary.metric.unit.name(),
                    median: summary.median,
                    min: summary.min,
                    max: summary.max,
                    rounds: summary.rounds,
                };
                let line =
                    serde_json::to_string(&figure).expect("names and numbers can be encoded");
                lines.push_str(&line);
                lines.push('\n');
            }
        }
        lines
    }
}
