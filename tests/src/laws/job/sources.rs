//! Promises kept by hand, packages run on a thread, the inline executor.

use super::source::{JobSource, Lever, Outcome, scripted};
use crate::laws::Needs;
use conc_core::job::Package;
use conc_core::{Capabilities, Executor, InlineExecutor, Job, JoinError, Promise};
use std::thread;

/// What a source must have whose jobs stay pending.
const STEPS: Capabilities = Needs::QUEUE.capabilities();

/// Jobs of [`Promise`]s.
#[derive(Debug, Default)]
pub struct PromisedJobs;

impl JobSource for PromisedJobs {
    fn capabilities(&self) -> Capabilities {
        STEPS
    }

    fn ending(&self, outcome: Outcome<u64>) -> Job<u64> {
        let (promise, job) = Promise::new();
        thread::spawn(move || Box::new(promise).end(outcome));
        job
    }

    fn pending<T: Send + 'static>(&self) -> (Box<dyn Lever<T>>, Job<T>) {
        let (promise, job) = Promise::new();
        (Box::new(promise), job)
    }
}

impl<T: Send + 'static> Lever<T> for Promise<T> {
    fn begin(&mut self) -> bool {
        self.start()
    }

    fn end(self: Box<Self>, outcome: Outcome<T>) {
        let result = match outcome {
            Outcome::Value(value) => Ok(value),
            Outcome::Panic(message) => {
                Err(JoinError::Panicked { message: message.into(), location: None })
            }
        };
        let _ = self.finish(result);
    }
}

/// Jobs of [`Package`]s, each of which runs on a thread of its own.
#[derive(Debug, Default)]
pub struct PackagedJobs;

impl JobSource for PackagedJobs {
    fn capabilities(&self) -> Capabilities {
        STEPS
    }

    fn ending(&self, outcome: Outcome<u64>) -> Job<u64> {
        let (lever, job) = self.pending();
        lever.end(outcome);
        job
    }

    fn pending<T: Send + 'static>(&self) -> (Box<dyn Lever<T>>, Job<T>) {
        let (lever, job) = scripted(|work| {
            let package = Package::new(0, work);
            let runnable = package.runnable();
            let start = || drop(thread::spawn(|| runnable.run()));
            (Box::new(start), package.into_job())
        });
        (Box::new(lever), job)
    }
}

/// Jobs of the [`InlineExecutor`]: all of them have ended when they are handed out.
#[derive(Debug, Default)]
pub struct InlineJobs;

impl JobSource for InlineJobs {
    fn capabilities(&self) -> Capabilities {
        InlineExecutor::new().capabilities()
    }

    fn ending(&self, outcome: Outcome<u64>) -> Job<u64> {
        let (value, panic) = match outcome {
            Outcome::Value(value) => (value, None),
            Outcome::Panic(message) => (0, Some(message.to_owned())),
        };
        let work = |(value, panic): (u64, Option<String>)| match panic {
            None => value,
            Some(message) => panic!("{message}"),
        };
        InlineExecutor::new().submit(work, (value, panic)).expect("it is open")
    }
}
