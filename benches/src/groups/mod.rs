//! All groups. A new one is a folder here and a line in [`all`].

#[cfg(target_os = "linux")]
mod latency;
#[cfg(target_os = "linux")]
mod pool;
#[cfg(target_os = "linux")]
mod queue;
#[cfg(target_os = "linux")]
mod spawn;
mod thread_pool;

use crate::harness::Group;

/// Every group, in the order in which `all` runs them.
pub(crate) fn all() -> Vec<Group> {
    vec![
        thread_pool::group(),
        #[cfg(target_os = "linux")]
        spawn::group(),
        #[cfg(target_os = "linux")]
        pool::group(),
        #[cfg(target_os = "linux")]
        queue::group(),
        #[cfg(target_os = "linux")]
        latency::group(),
    ]
}
