//! What a number means.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The unit of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Unit {
    Nanoseconds,
    Microseconds,
    Milliseconds,
    Ratio,
    Threads,
    Kibibytes,
    /// Context switches.
    Switches,
}

/// A name and a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    pub(crate) unit: Unit,
}

/// One number of one round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) metric: Metric,
    pub(crate) value: f64,
}

impl Unit {
    /// As in tables and JSON lines.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Nanoseconds => "ns",
            Self::Microseconds => "us",
            Self::Milliseconds => "ms",
            Self::Ratio => "ratio",
            Self::Threads => "threads",
            Self::Kibibytes => "KiB",
            Self::Switches => "switches",
        }
    }

    fn of(self, duration: Duration) -> f64 {
        let per_second = match self {
            Self::Nanoseconds => 1e9,
            Self::Microseconds => 1e6,
            Self::Milliseconds => 1e3,
            Self::Ratio | Self::Threads | Self::Kibibytes | Self::Switches => {
                panic!("{} is no unit of time", self.name())
            }
        };
        duration.as_secs_f64() * per_second
    }
}

impl Metric {
    pub(crate) const fn new(name: &'static str, unit: Unit) -> Self {
        Self { name, unit }
    }

    /// A sample of this metric.
    pub(crate) fn sample(self, value: f64) -> Sample {
        Sample { metric: self, value }
    }

    /// A sample of time in this metric's unit.
    ///
    /// # Panics
    ///
    /// If the unit is none of time.
    pub(crate) fn sample_time(self, duration: Duration) -> Sample {
        self.sample(self.unit.of(duration))
    }
}
