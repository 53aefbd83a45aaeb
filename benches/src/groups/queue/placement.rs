//! Which CPU a side runs on.

use crate::harness::Missing;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// The calling thread.
const SELF: Pid = Pid::from_raw(0);

/// Where the two sides run. "First" and "second" are CPUs that this process may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::groups) enum Placement {
    /// The first side on the first CPU, the second on the second.
    Apart,
    /// Both on the first CPU.
    Together,
    /// Wherever the system likes.
    Free,
}

/// A CPU, or none in particular.
pub(in crate::groups) type Cpu = Option<usize>;

impl Placement {
    /// The CPUs of both sides.
    ///
    /// # Errors
    ///
    /// If there are too few.
    pub(in crate::groups) fn cpus(self) -> Result<[Cpu; 2], Missing> {
        let usable = sched_getaffinity(SELF).expect("Linux tells");
        let mut usable = (0..CpuSet::count()).filter(|cpu| usable.is_set(*cpu) == Ok(true));
        let first = usable.next();
        match self {
            Self::Free => Ok([None, None]),
            Self::Together => Ok([first, first]),
            Self::Apart => match usable.next() {
                Some(second) => Ok([first, Some(second)]),
                None => Err(Missing("it takes two CPUs".to_owned())),
            },
        }
    }
}

/// Binds the calling thread.
///
/// # Panics
///
/// If the CPU has gone.
pub(super) fn bind(cpu: Cpu) {
    let Some(cpu) = cpu else { return };
    let mut only = CpuSet::new();
    only.set(cpu).expect("one of those that there are");
    sched_setaffinity(SELF, &only).expect("one of those that may be used");
}
