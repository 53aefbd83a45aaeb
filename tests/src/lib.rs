//! Laws, scenarios and house rules of the `conc` family.

#[cfg(all(unix, not(conc_loom)))]
pub mod laws;
#[cfg(not(conc_loom))]
pub mod linear;
#[cfg(conc_loom)]
mod model;
mod program;
#[cfg(target_os = "linux")]
mod stopped;
mod watchdog;

#[cfg(conc_loom)]
pub use model::model;
pub use program::{Program, Ran};
#[cfg(target_os = "linux")]
pub use stopped::await_stopped;
pub use watchdog::{Watchdog, watchdog, watchdog_for, watchdog_over};
