//! What every implementation of a trait is held to.
//!
//! A law is a function that is generic over its subject: it makes fresh subjects, uses them, and
//! panics if one breaks the law. A law says which capabilities it needs; [`judge`] runs those that
//! apply, and [`Verdicts::compare_with_table`] makes sure that no law ever stops applying unseen.
//!
//! | to | use |
//! |---|---|
//! | judge an executor | [`judge_executor`] |
//! | judge the jobs that come out of something | [`judge_jobs`], [`JobSource`] |
//! | judge a queue | [`QueueLaws`], [`QueueSource`] |
//! | judge something else | [`Law`], [`judge`] |
//!
//! # Work that runs anywhere
//!
//! Laws of executors hand over function pointers with arguments that travel, and share no memory
//! with them: the same bodies judge threads and processes. What a job did is read in a
//! [`Journal`](scene::Journal), where it is held up at a [`Gate`](scene::Gate); both are files.

mod executor;
mod job;
mod judge;
mod needs;
mod queue;
pub mod scene;
mod table;

pub use executor::{Subject, executor_laws, judge_executor};
pub use job::{
    InlineJobs, JobSource, Lever, Outcome, PackagedJobs, PromisedJobs, ScriptedLever, job_laws,
    judge_jobs, scripted,
};
pub use judge::{Law, Make, Verdict, Verdicts, judge};
pub use needs::Needs;
pub use queue::{
    ChannelQueue, ChannelQueues, Mint, QueueCapabilities, QueueLaw, QueueLaws, QueueNeeds,
    QueueSource, Token, TokenQueue,
};
