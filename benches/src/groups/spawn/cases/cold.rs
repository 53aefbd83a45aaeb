//! The first process of a program.

use super::START_TO_RESULT;
use crate::harness::{Case, Outcome, Sample};
use std::time::Instant;

pub(in super::super) const NAME: &str = "cold";

pub(super) fn case() -> Case {
    Case {
        name: NAME,
        about: "the first process of a fresh program, with the start of the server if there is one",
        ranked_by: START_TO_RESULT,
        contenders: Vec::new(),
    }
}

/// `start` starts a process, waits for its result, and panics if that is wrong.
pub(in super::super) fn measure(start: impl FnOnce()) -> Outcome {
    let begin = Instant::now();
    start();
    Ok(vec![START_TO_RESULT.sample_time(begin.elapsed())])
}

/// What a contender has measured itself.
pub(in super::super) fn sample(micros: f64) -> Sample {
    START_TO_RESULT.sample(micros)
}
