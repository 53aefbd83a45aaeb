//! What may never happen.

use super::world::{Case, Op, World, compact};
use crate::ring::protocol::control;

pub(super) type Verdict = Result<(), &'static str>;

pub(super) const MISSED: &str = "a sleeper was missed";

impl World {
    pub(super) fn judge(&self, case: &Case) -> Verdict {
        let [tail, head] = [control::TAIL, control::HEAD].map(|word| self.words[compact(word)]);
        if tail < head || tail - head > case.capacity {
            return Err("more messages than places");
        }
        if self.back & self.got != 0 {
            return Err("a message that came back was got");
        }
        // Messages are put in the order of their places, and who is refused puts no more.
        let seal = self.words[compact(control::SEAL)];
        if seal >= 2 && u64::from(self.put.count_ones()) > seal - 2 {
            return Err("a message that was put is behind the end");
        }
        Ok(())
    }

    /// Nobody moves any more.
    pub(super) fn judge_end(&self, case: &Case) -> Verdict {
        let [tail, head, seal] =
            [control::TAIL, control::HEAD, control::SEAL].map(|word| self.words[compact(word)]);
        for (index, state) in self.processes.iter().enumerate().filter(|(_, state)| state.alive) {
            let missed = match state.asleep {
                Some((control::MESSAGE, _)) => tail > head || seal != 0,
                Some((control::PLACE, _)) => tail - head < case.capacity || seal != 0,
                _ => false,
            };
            // Who was killed before it woke somebody is recovered where it has a successor.
            let orphan = self.deaths > 0
                && !case.programs.iter().flatten().any(|op| matches!(op, Op::Take(_, Some(_))));
            if missed && !orphan {
                return Err(MISSED);
            }
            // Somebody who gets all there is has got all that was put.
            if self.op(case, index) == Some(Op::Get)
                && (self.put & !self.got).count_ones() > self.receivers_died.into()
            {
                return Err("lost");
            }
        }
        Ok(())
    }
}
