//! Runs laws, and says how each went.

use super::Needs;
use crate::watchdog_over;
use bitflags::Flags;
use conc_core::job::caught;
use conc_core::{Capabilities, JoinError};
use std::fmt;
use std::time::Instant;

/// Makes a fresh subject.
pub type Make<'a, S> = &'a dyn Fn() -> S;

/// One law about subjects of type `S` with capabilities of type `C`.
#[derive(Debug)]
pub struct Law<S, C = Capabilities> {
    /// Its name.
    pub name: &'static str,
    /// Whom it applies to.
    pub needs: Needs<C>,
    /// Panics if the law is broken.
    pub body: fn(Make<'_, S>),
}

/// A [`Law`] that is named like its body.
macro_rules! law {
    ($body:ident, $needs:expr) => {
        $crate::laws::Law { name: stringify!($body), needs: $needs, body: $body }
    };
}
pub(super) use law;

/// How one law went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It applies, and the subject kept it.
    Held,
    /// It applies, and the subject broke it.
    Broken(JoinError),
    /// The subject does not have what the law needs; the text says what that is.
    NotApplicable(String),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held => f.write_str("held"),
            Self::Broken(how) => write!(f, "BROKEN: {how}"),
            Self::NotApplicable(needs) => write!(f, "not applicable ({needs})"),
        }
    }
}

/// How all laws went for one implementation.
#[derive(Debug)]
#[must_use = "verdicts that nobody compares with the table prove little"]
pub struct Verdicts {
    /// The implementation.
    pub name: String,
    /// Law by law.
    pub laws: Vec<(&'static str, Verdict)>,
}

/// Runs all of `laws` that apply to a subject with `capabilities`, each under its own watchdog and
/// each on subjects that it makes for itself. Prints how each went.
pub fn judge<S, C: Flags + Copy + fmt::Display>(
    name: &str,
    capabilities: C,
    laws: Vec<Law<S, C>>,
    make: Make<'_, S>,
) -> Verdicts {
    let laws = laws
        .into_iter()
        .map(|law| {
            let started = Instant::now();
            let verdict = judge_one(name, capabilities, &law, make);
            eprintln!("{name}: {}: {verdict} ({} ms)", law.name, started.elapsed().as_millis());
            (law.name, verdict)
        })
        .collect();
    Verdicts { name: name.to_owned(), laws }
}

fn judge_one<S, C: Flags + Copy + fmt::Display>(
    name: &str,
    capabilities: C,
    law: &Law<S, C>,
    make: Make<'_, S>,
) -> Verdict {
    if !law.needs.are_met_by(capabilities) {
        return Verdict::NotApplicable(law.needs.to_string());
    }
    let _watchdog = watchdog_over(&format!("law {} for {name}", law.name));
    match caught(|| (law.body)(make)) {
        Ok(()) => Verdict::Held,
        Err(how) => Verdict::Broken(how),
    }
}

impl Verdicts {
    /// Ends the test if a law is broken, or if other laws apply than `laws.table` says.
    ///
    /// # Panics
    ///
    /// In these cases.
    pub fn compare_with_table(&self) {
        let broken = self.laws.iter().filter_map(|(law, verdict)| match verdict {
            Verdict::Broken(how) => Some(format!("{} breaks {law}: {how}\n", self.name)),
            Verdict::Held | Verdict::NotApplicable(_) => None,
        });
        let complaints: String = broken.chain(super::table::difference(self)).collect();
        assert!(complaints.is_empty(), "{complaints}");
    }
}
