//! What a law asks of its subject.

use conc_core::Capabilities;
use std::fmt;

/// What a law asks of its subject, so that it applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    with: Capabilities,
    without: Capabilities,
}

impl Needs {
    /// The law applies to everybody.
    pub const NOTHING: Self = Self::all(Capabilities::empty());

    /// Jobs can be held up while the law goes on.
    pub const PARALLEL: Self = Self::all(Capabilities::PARALLEL);

    /// Jobs can be held up, and others wait behind them.
    pub const QUEUE: Self = Self::all(Capabilities::PARALLEL.union(Capabilities::CANCELS_QUEUED));

    /// All of these capabilities.
    #[must_use]
    pub const fn all(capabilities: Capabilities) -> Self {
        Self { with: capabilities, without: Capabilities::empty() }
    }

    /// None of these in addition: the law is about those that lack them. Work that does not lack
    /// [`Capabilities::ISOLATES`] shares no memory with its submitter.
    #[must_use]
    pub const fn but_not(self, capabilities: Capabilities) -> Self {
        Self { without: self.without.union(capabilities), ..self }
    }

    /// What a subject must have.
    #[must_use]
    pub const fn capabilities(self) -> Capabilities {
        self.with
    }

    /// Whether a subject with these capabilities is held to the law.
    #[must_use]
    pub fn are_met_by(self, capabilities: Capabilities) -> bool {
        capabilities.contains(self.with) && !capabilities.intersects(self.without)
    }
}

impl fmt::Display for Needs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "needs {}", self.with)?;
        if !self.without.is_empty() {
            write!(f, ", not {}", self.without)?;
        }
        Ok(())
    }
}
