//! What happened when: what each worker of an executor did, as a picture.
//!
//! | file | holds |
//! |---|---|
//! | `timeline` | [`Timeline`], [`Lane`], [`Span`], [`Mark`], [`Outcome`]: plain data |
//! | `recorder` | [`Recorder`], [`Running`]: how a worker writes its lane |
//! | `label` | [`label`]: a job names itself |
//! | `chrome` | trace events for Perfetto and `chrome://tracing` |
//! | `svg` | [`Picture`]: one lane a worker, one box a job |
//!
//! # Examples
//!
//! ```
//! use conc_core::trace::{Outcome, Recorder, Running, Timeline, label};
//! use std::time::Instant;
//!
//! // What an executor does for each of its workers:
//! let mut recorder = Recorder::new("worker 1", Instant::now());
//! let running = Running::start();
//! label("parse main.rs"); // ... and this line is inside the job.
//! recorder.finish(running, "job", Outcome::Completed);
//!
//! // What its user asks for:
//! let timeline: Timeline = [recorder.into_lane()].into_iter().collect();
//! let mut picture = Vec::new();
//! timeline.write_svg(&mut picture)?;
//! assert!(String::from_utf8_lossy(&picture).contains("parse main.rs"));
//! # Ok::<(), std::io::Error>(())
//! ```

mod chrome;
mod label;
mod recorder;
mod svg;
mod timeline;

pub use label::{label, take_label};
pub use recorder::{Recorder, Running};
pub use svg::Picture;
pub use timeline::{Lane, Mark, MarkKind, Outcome, Span, Timeline};

use std::borrow::Cow;

/// The name of a job, a lane or a mark: most are literals.
type Name = Cow<'static, str>;
