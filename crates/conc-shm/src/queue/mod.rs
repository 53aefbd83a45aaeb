//! A queue between processes that survives the death of any of them.
mod builder;
mod error;
mod form;
mod geometry;
mod get;
mod handle;
mod lease;
mod loan;
#[cfg(test)]
mod model;
mod protocol;
mod put;
mod raw;
mod traits;
mod travel;

pub use builder::Builder;
pub use error::{GetError, JoinQueueError, PutError, TaskDoneError};
pub use form::{Encoded, Form, Plain};
pub use handle::{PlainQueue, Queue};
pub use lease::{Lease, Leasing};
pub use loan::Loan;
