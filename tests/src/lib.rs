//! Laws, scenarios and house rules of the `conc` family.

mod watchdog;

pub use watchdog::{Watchdog, watchdog, watchdog_for};
