//! Laws, scenarios and house rules of the `conc` family.

#[cfg(conc_loom)]
mod model;
mod watchdog;

#[cfg(conc_loom)]
pub use model::model;
pub use watchdog::{Watchdog, watchdog, watchdog_for};
