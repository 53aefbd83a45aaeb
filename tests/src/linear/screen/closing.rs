//! Before and after the close.

use super::life::Life;
use super::{Rules, Violation};
use crate::linear::{Call, History, Operation, Outcome};

pub(super) fn check(history: &History, lives: &[Life], rules: &Rules) -> Result<(), Violation> {
    let calls = history.calls();
    let closes = || calls.iter().filter(|call| call.operation == Operation::Close);
    let closed_from = closes().map(|call| call.invoked).min().unwrap_or(Call::NEVER);
    let closed_by = closes().map(|call| call.returned).min().unwrap_or(Call::NEVER);
    for call in calls {
        match (call.operation, call.outcome) {
            (Operation::Put(_), Some(Outcome::Done)) if call.invoked > closed_by => {
                return Err(Violation::NotOpen(*call));
            }
            (_, Some(Outcome::Full | Outcome::Empty))
                if call.invoked > closed_by && !rules.hints && !rules.redelivers =>
            {
                return Err(Violation::NotOpen(*call));
            }
            (_, Some(Outcome::Closed)) if call.returned < closed_from => {
                return Err(Violation::NotClosed(*call));
            }
            _ => {}
        }
    }
    let ends = calls
        .iter()
        .filter(|call| call.operation == Operation::Get && call.outcome == Some(Outcome::Closed));
    let Some(end) = ends.min_by_key(|call| call.returned) else { return Ok(()) };
    // Nothing goes in after the close, so what is there later was there.
    let after = |life: &&Life| life.entered() && life.got_from > end.returned;
    match lives.iter().find(after) {
        Some(life) => Err(Violation::AfterTheEnd { item: life.item, closed: *end }),
        None => Ok(()),
    }
}
