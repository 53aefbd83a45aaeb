//! What an object does when a member dies or leaves.

use super::proof::is_dead;
use super::row::{Held, Owner};
use super::ticket;
use super::{Member, Members};
use crate::segment::Attachment;
use conc_core::sync::{AtomicU64, Mutex};
use std::ptr::NonNull;
use std::sync::{Arc, Weak};

/// Takes back what the dead held.
///
/// # Examples
///
/// ```
/// use conc_shm::{Kind, Layout, Member, Recover, Segment};
/// use std::sync::Arc;
///
/// struct Pool(Segment);
///
/// impl Recover for Pool {
///     fn recover(&self, dead: Member) {
///         for index in 0..512 {
///             let Ok(slot) = self.0.atomic_u64(index) else { return };
///             let owned = u64::from(dead.generation) << 16 | u64::from(dead.row);
///             // Whoever comes first gives it back; the slot names the generation, so that it
///             // cannot be a successor's.
///             let order = std::sync::atomic::Ordering::AcqRel;
///             let _ = slot.fetch_update(order, order, |now| (now == owned).then_some(0));
///         }
///     }
/// }
///
/// let kind = Kind { name: *b"slots   ", version: 1 };
/// let layout = Layout { recovers: true, ..Layout::new(kind, 4096) };
/// let segment = Segment::create(&layout)?;
/// let pool = Arc::new(Pool(segment.clone()));
/// let weak: std::sync::Weak<Pool> = Arc::downgrade(&pool);
/// segment.on_death(weak);
/// assert_eq!(segment.recover_dead(), 0);
/// # Ok::<(), conc_shm::CreateError>(())
/// ```
pub trait Recover: Send + Sync {
    /// Takes back what this member held.
    ///
    /// Several survivors may do so at once, and any of them may be killed in the middle: each
    /// step must be right whether or not it was taken before. Before each change ask
    /// [`is_current`](Members::is_current): if not, another survivor has finished, and the row may
    /// be somebody else's by now.
    ///
    /// Not called for members that leave: see [`Segment::on_leave`](crate::Segment::on_leave).
    fn recover(&self, dead: Member);
}

/// What is left of an attachment when this process leaves.
#[derive(Clone, Copy)]
pub struct Leaving<'a> {
    attachment: &'a Attachment,
}

impl<'a> Leaving<'a> {
    /// Who leaves.
    #[must_use]
    pub fn me(&self) -> Member {
        self.attachment.member()
    }

    /// The first byte of the content; valid as long as this value.
    #[must_use]
    pub fn content(&self) -> NonNull<u8> {
        self.attachment.content()
    }

    /// The object's own words in the row of this process.
    #[must_use]
    pub fn scratch(&self, index: usize) -> Option<&'a AtomicU64> {
        Members::new(self.attachment).scratch(self.me().row, index)
    }
}

impl std::fmt::Debug for Leaving<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Leaving").field("me", &self.me()).finish_non_exhaustive()
    }
}

type Leave = Box<dyn FnOnce(Leaving<'_>) + Send>;

/// What the objects of one attachment have asked for.
#[derive(Default)]
pub(crate) struct Hooks {
    death: Mutex<Vec<Weak<dyn Recover>>>,
    leave: Mutex<Option<Leave>>,
}

impl Hooks {
    fn add(&self, hook: Weak<dyn Recover>) {
        let mut death = self.death.lock();
        // Whoever makes and drops objects on one segment leaves nothing behind.
        death.retain(|hook| hook.strong_count() > 0);
        death.push(hook);
    }

    fn living(&self) -> Vec<Arc<dyn Recover>> {
        let mut death = self.death.lock();
        death.retain(|hook| hook.strong_count() > 0);
        death.iter().filter_map(Weak::upgrade).collect()
    }
}

impl Attachment {
    pub(crate) fn on_death(&self, recover: Weak<dyn Recover>) {
        // In a copy somebody may hold the lock for ever, and nobody would call.
        if !self.is_forked() {
            self.hooks.add(recover);
            self.come_into_inheritance();
        }
    }

    /// Recovers the member whose row this process has, and takes its place. Whoever asks
    /// meanwhile waits: what it did in that row would be taken for the dead one's.
    fn come_into_inheritance(&self) {
        let mut inherited = self.inherited.lock();
        if inherited.is_none() {
            return;
        }
        let (me, Member { row: number, generation }) = (self.me(), self.member());
        let Some(row) = self.table().row(number) else { return };
        if let Some(seen) = row.look().filter(|seen| seen.held == Held::Alive) {
            let dead = seen.member(number);
            self.hooks.living().iter().for_each(|hook| hook.recover(dead));
            row.free(seen);
        }
        row.come(me, generation);
        *inherited = None;
    }

    pub(crate) fn on_leave(&self, hook: Leave) -> bool {
        if self.is_forked() {
            return false;
        }
        let mut leave = self.hooks.leave.lock();
        let first = leave.is_none();
        if first {
            *leave = Some(hook);
        }
        first
    }

    /// The last handle of this process goes.
    pub(crate) fn leave(&self) {
        let hook = self.hooks.leave.lock().take();
        if let Some(hook) = hook {
            hook(Leaving { attachment: self });
        }
        if let Some(row) = self.table().row(self.member().row) {
            if let Some(dead) = self.inherited.lock().take() {
                return row.disclaim(self.me(), dead);
            }
            if let Some(seen) = row.look().filter(|seen| seen.owner == Owner::Process(self.me())) {
                row.end(seen);
            }
        }
    }

    pub(crate) fn recover_dead(&self) -> usize {
        if self.is_forked() {
            return 0;
        }
        let hooks = self.hooks.living();
        if self.recovers() && hooks.is_empty() {
            return 0;
        }
        let me = self.me();
        let mut count = 0;
        for (number, row) in self.table().rows() {
            let Some(seen) = row.look() else { continue };
            match seen.owner {
                Owner::Ticket(sender) => ticket::sweep(row, sender, seen.generation, me),
                Owner::Process(owner) if owner == me || !is_dead(owner) => {}
                Owner::Process(_) => {
                    if seen.held == Held::Alive {
                        let dead = seen.member(number);
                        hooks.iter().for_each(|hook| hook.recover(dead));
                    }
                    count += usize::from(row.end(seen) && seen.held == Held::Alive);
                }
            }
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Object;

    impl Recover for Object {
        fn recover(&self, _: Member) {}
    }

    #[test]
    fn objects_that_are_gone_leave_nothing_behind() {
        let _watchdog = conc_tests::watchdog();
        let hooks = Hooks::default();
        for _ in 0..100 {
            let object = Arc::new(Object);
            let weak: Weak<Object> = Arc::downgrade(&object);
            hooks.add(weak);
        }
        assert_eq!(hooks.death.lock().len(), 1);
        assert!(hooks.living().is_empty());
    }
}
