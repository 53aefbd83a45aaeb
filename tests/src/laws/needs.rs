//! What a law asks of its subject.

use bitflags::Flags;
use conc_core::Capabilities;
use std::fmt;

/// What a law asks of its subject, so that it applies. `C` are the capabilities of such subjects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs<C = Capabilities> {
    pub(super) with: Option<C>,
    pub(super) without: Option<C>,
}

impl<C: Copy> Needs<C> {
    /// The law applies to everybody.
    pub const NOTHING: Self = Self { with: None, without: None };

    /// All of these capabilities.
    #[must_use]
    pub const fn all(capabilities: C) -> Self {
        Self { with: Some(capabilities), without: None }
    }

    /// None of these in addition: the law is about those that lack them. Work that does not lack
    /// [`Capabilities::ISOLATES`] shares no memory with its submitter.
    ///
    /// # Panics
    ///
    /// If something was unwanted before.
    #[must_use]
    pub const fn but_not(self, capabilities: C) -> Self {
        assert!(self.without.is_none(), "all that is unwanted is named at once");
        Self { without: Some(capabilities), ..self }
    }
}

impl Needs {
    /// Jobs can be held up while the law goes on.
    pub const PARALLEL: Self = Self::all(Capabilities::PARALLEL);

    /// Jobs can be held up, and others wait behind them.
    pub const QUEUE: Self = Self::all(Capabilities::PARALLEL.union(Capabilities::CANCELS_QUEUED));

    /// What a subject must have.
    #[must_use]
    pub const fn capabilities(self) -> Capabilities {
        match self.with {
            Some(with) => with,
            None => Capabilities::empty(),
        }
    }
}

impl<C: Flags + Copy> Needs<C> {
    /// Whether a subject with these capabilities is held to the law.
    #[must_use]
    pub fn are_met_by(self, capabilities: C) -> bool {
        self.with.is_none_or(|with| capabilities.contains(with))
            && self.without.is_none_or(|without| !capabilities.intersects(without))
    }
}

impl<C: Flags + Copy + fmt::Display> fmt::Display for Needs<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "needs {}", self.with.unwrap_or(C::empty()))?;
        if let Some(without) = self.without {
            write!(f, ", not {without}")?;
        }
        Ok(())
    }
}
