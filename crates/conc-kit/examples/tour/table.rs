//! Times side by side.

use std::fmt::Write as _;
use std::time::Duration;

/// A world's line in the table.
pub(crate) struct Row {
    pub(crate) world: String,
    pub(crate) time: Duration,
    /// The time of the first world.
    pub(crate) reference: Duration,
    pub(crate) bytes: u64,
    pub(crate) words: u64,
}

pub(crate) fn format(rows: &[Row]) -> String {
    let mut text = format!(
        "{:<14} {:>9} {:>9} {:>12} {:>14}\n",
        "world", "seconds", "speed-up", "MB/s", "words"
    );
    for row in rows {
        let seconds = row.time.as_secs_f64();
        let _ = writeln!(
            text,
            "{:<14} {:>9.3} {:>8.2}x {:>12.1} {:>14}",
            row.world,
            seconds,
            row.reference.as_secs_f64() / seconds,
            row.bytes as f64 / 1e6 / seconds,
            row.words,
        );
    }
    text
}
