//! Looks for what no queue may do, in long histories of items that all differ.
//!
//! | file | what it is about |
//! |---|---|
//! | `life` | each item: invented, refused, twice, got before it was put, lost |
//! | `order` | got in another order than put |
//! | `fill` | empty, full, too full |
//! | `closing` | before and after the close |
//!
//! Each looks at what is certain: an item is inside *for certain* from the end of its put to the
//! begin of its get, and *possibly* from the begin of its put to the end of its get. A get that was
//! killed may have taken whatever nobody got, from its begin on.

mod closing;
mod fill;
mod life;
mod order;
mod rules;

pub use rules::{Order, Rules, Violation};

use super::History;

/// Looks for what no queue may do. What it finds is a violation for certain; that it finds nothing
/// is no proof.
///
/// # Errors
///
/// The first violation that it comes across.
///
/// # Panics
///
/// If the history puts an item twice: items must differ.
pub fn screen(history: &History, rules: &Rules) -> Result<(), Violation> {
    let lives = life::lives(history, rules)?;
    order::check(&lives, rules)?;
    closing::check(history, &lives, rules)?;
    fill::check(history, &lives, rules)
}
