//! The command line.

use clap::Parser;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Measures `conc` and its rivals in the same run, interleaved.
#[derive(Debug, Parser)]
#[command(name = "conc-bench")]
pub(crate) struct Arguments {
    /// The group to measure, or `all`
    #[arg(required_unless_present = "list")]
    pub(crate) group: Option<String>,

    /// Show groups, cases and contenders, and measure nothing
    #[arg(long)]
    pub(crate) list: bool,

    /// Fewer jobs and rounds: shows that everything runs, not how fast it is
    #[arg(long)]
    pub(crate) quick: bool,

    /// Write each figure as one line of JSON to FILE
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Timed rounds [default: 5, or 3 with --quick]
    #[arg(long, value_name = "N")]
    pub(crate) rounds: Option<NonZeroUsize>,

    /// Only the case of this name; may be given more than once
    #[arg(long = "case", value_name = "NAME")]
    pub(crate) cases: Vec<String>,

    /// Only contenders whose name contains this text or matches this regex
    #[arg(long, value_name = "REGEX")]
    pub(crate) contender: Option<String>,
}
