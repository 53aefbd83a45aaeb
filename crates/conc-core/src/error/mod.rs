//! One error type per operation, with the fact in it.

mod crash_report;
mod join_error;
mod signal;
mod submit_error;

pub use crash_report::CrashReport;
pub use join_error::JoinError;
pub use signal::Signal;
pub use submit_error::SubmitError;
