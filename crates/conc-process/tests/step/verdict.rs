//! What must be true after a worker's death.

use super::diary::Page;
use conc_core::JoinError;
use std::collections::BTreeMap;
use std::fmt;

/// What became of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    /// Another worker ran it.
    Elsewhere,
    /// It is lost, and its job says so.
    Lost,
    /// The victim ran it, and what it gave has arrived.
    Kept,
}

/// One death, and what came of it.
pub(crate) struct Seen {
    pub(crate) victim: u32,
    /// What the jobs said: who ran them.
    pub(crate) told: Vec<Result<u32, JoinError>>,
    /// How often each had begun and ended when the victim died.
    pub(crate) before: Page,
    /// The same when all were over.
    pub(crate) after: Page,
}

impl Seen {
    /// What became of each part. What must be true of any death alone, is.
    pub(crate) fn fates(&self, retried: bool) -> Vec<Fate> {
        let fates: Vec<_> = (0..self.told.len()).map(|part| self.fate(part, retried)).collect();
        // In the order in which the victim takes them.
        assert!(fates.is_sorted_by(|earlier, later| earlier >= later), "{fates:?}");
        let lost = fates.iter().filter(|&&fate| fate == Fate::Lost).count();
        assert!(lost <= 1, "a death costs one: {fates:?}");
        fates
    }

    /// How many the victim had begun for certain, and did not bring to an end that was seen.
    pub(crate) fn lost(&self, fates: &[Fate]) -> u64 {
        let parts = fates.iter().zip(&self.before);
        let lost = parts.filter(|(fate, [begun, _])| match fate {
            Fate::Elsewhere => *begun > 0,
            Fate::Lost => true,
            Fate::Kept => false,
        });
        lost.count() as u64
    }

    fn fate(&self, part: usize, retried: bool) -> Fate {
        let ([begun, ended], after) = (self.before[part], self.after[part]);
        assert!(begun <= 1 && ended <= begun, "part {part} ran twice");
        match &self.told[part] {
            Ok(worker) if *worker == self.victim => {
                assert_eq!([begun, ended], [1, 1], "a result of part {part} before its end");
                assert_eq!(after, [1, 1], "part {part} was kept, and ran again");
                Fate::Kept
            }
            Ok(_) => {
                assert!(retried || begun == 0, "part {part} had begun, and ran again");
                assert_eq!(after, [begun + 1, ended + 1], "part {part} ran elsewhere once");
                Fate::Elsewhere
            }
            Err(JoinError::Killed { signal, .. }) if !retried => {
                assert_eq!(signal.number(), libc::SIGKILL);
                assert_eq!(after, [begun, ended], "part {part} is lost, and ran again");
                Fate::Lost
            }
            Err(error) => panic!("part {part}: {error:?}"),
        }
    }
}

/// What became of the parts, by the number of steps that the victim had taken.
#[derive(Default)]
pub(crate) struct Verdict(BTreeMap<usize, Vec<Fate>>);

impl Verdict {
    pub(crate) fn knows(&self, steps: usize) -> bool {
        self.0.contains_key(&steps)
    }

    pub(crate) fn add(&mut self, steps: usize, fates: Vec<Fate>) {
        self.0.insert(steps, fates);
    }

    pub(crate) fn steps(&self) -> impl Iterator<Item = usize> {
        self.0.keys().copied()
    }

    /// Neighbours between which something changes.
    pub(crate) fn edges(&self) -> Vec<(usize, usize)> {
        let neighbours = self.0.iter().zip(self.0.iter().skip(1));
        neighbours
            .filter(|((_, fates), (_, next))| fates != next)
            .map(|((steps, _), (next, _))| (*steps, *next))
            .collect()
    }

    /// Asserts that each part is first run elsewhere, then lost, then kept: and says where.
    pub(crate) fn phases(&self, parts: usize, retried: bool) -> Vec<Phases> {
        (0..parts).map(|part| self.phases_of(part, retried)).collect()
    }

    fn phases_of(&self, part: usize, retried: bool) -> Phases {
        let fates = || self.0.iter().map(|(steps, fates)| (*steps, fates[part]));
        for ((steps, fate), (next, later)) in fates().zip(fates().skip(1)) {
            let place = || format!("part {part}: {fate:?} at {steps}, {later:?} at {next}");
            assert!(fate <= later, "{}", place());
        }
        let first = |wanted| {
            let found = fates().find(|(_, fate)| *fate == wanted).map(|(steps, _)| steps);
            found.unwrap_or_else(|| panic!("part {part} is never {wanted:?}"))
        };
        assert_eq!(first(Fate::Elsewhere), 0);
        let lost = (!retried).then(|| first(Fate::Lost));
        Phases { lost, kept: first(Fate::Kept) }
    }
}

/// From which step on a part is lost, and from which it is kept.
pub(crate) struct Phases {
    lost: Option<usize>,
    kept: usize,
}

impl fmt::Display for Phases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.lost {
            Some(lost) => write!(f, "lost from {lost}, kept from {}", self.kept),
            None => write!(f, "kept from {}", self.kept),
        }
    }
}
