//! One thread of this process that recovers members as soon as they die.
//!
//! It waits for the pidfds of all members of the watched segments, looks for new members from time
//! to time, and ends when nothing is left to watch. It holds a segment only while it looks at it.

use super::proof::{Fate, fate};
use super::row::Owner;
use super::{Identity, Table};
use crate::segment::Attachment;
use crate::sys::bell::Bell;
use crate::sys::{poll, signals};
use conc_core::sync::Mutex;
use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::thread;

/// New members are looked for after so many milliseconds.
const RESCAN: u16 = 250;

/// What the thread watches.
#[derive(Default)]
pub(crate) struct Watcher {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// `Some` while the thread runs.
    bell: Option<Arc<Bell>>,
    watched: Vec<Weak<Attachment>>,
}

impl Watcher {
    /// Watches a segment, or looks at it at once if it is watched.
    pub(crate) fn watch(&'static self, attachment: &Arc<Attachment>) -> io::Result<()> {
        let mut state = self.state.lock();
        let new = Arc::downgrade(attachment);
        if !state.watched.iter().any(|known| Weak::ptr_eq(known, &new)) {
            state.watched.push(new);
        }
        if let Some(bell) = &state.bell {
            bell.ring();
            return Ok(());
        }
        let bell = Arc::new(Bell::new()?);
        let theirs = Arc::clone(&bell);
        let thread = thread::Builder::new().name("conc-shm-watch".to_owned());
        signals::blocked(|| thread.spawn(move || self.run(&theirs)))?;
        state.bell = Some(bell);
        Ok(())
    }

    /// Something that was watched may be gone.
    pub(crate) fn look_again(&self) {
        if let Some(bell) = &self.state.lock().bell {
            bell.ring();
        }
    }

    fn run(&self, bell: &Bell) {
        let mut known = Known::default();
        while let Some(segments) = self.segments() {
            known.update(segments.iter().flat_map(|segment| owners(segment.table())));
            for segment in segments {
                if owners(segment.table()).any(|owner| known.is_dead(owner)) {
                    // What an object does there is its own: it must not end this thread, which
                    // all others rely upon. The next look tries again.
                    let recovered = catch_unwind(AssertUnwindSafe(|| segment.recover_dead()));
                    if let Err(payload) = recovered {
                        std::mem::forget(payload);
                    }
                }
            }
            known.wait(bell);
            bell.hush();
        }
    }

    /// What is there to be watched. `None`: nothing, and the thread ends.
    fn segments(&self) -> Option<Vec<Arc<Attachment>>> {
        let mut state = self.state.lock();
        state.watched.retain(|segment| segment.strong_count() > 0);
        if state.watched.is_empty() {
            *state = State::default();
            return None;
        }
        let segments = state.watched.iter().filter_map(Weak::upgrade).collect();
        Some(segments)
    }
}

/// The processes that rows belong to, and those that have sent tickets.
fn owners(table: Table<'_>) -> impl Iterator<Item = Identity> {
    table.rows().filter_map(|(_, row)| {
        let (Owner::Process(process) | Owner::Ticket(process)) = row.look()?.owner;
        Some(process)
    })
}

/// Processes, and what is known about them.
#[derive(Default)]
struct Known(HashMap<Identity, Option<OwnedFd>>);

impl Known {
    /// Forgets who is not there any more; looks at who is new.
    fn update(&mut self, owners: impl Iterator<Item = Identity>) {
        let mut before = std::mem::take(&mut self.0);
        for owner in owners {
            if self.0.contains_key(&owner) {
                continue;
            }
            let seen = match before.remove(&owner) {
                Some(seen) => seen,
                None => match fate(owner) {
                    Fate::Alive(handle) => Some(handle),
                    Fate::Dead => None,
                    // The next look may tell more.
                    Fate::Unknown => continue,
                },
            };
            self.0.insert(owner, seen);
        }
    }

    fn is_dead(&self, owner: Identity) -> bool {
        matches!(self.0.get(&owner), Some(None))
    }

    /// Waits until somebody dies or rings, or it is time to look again.
    fn wait(&mut self, bell: &Bell) {
        let living: Vec<_> =
            self.0.iter().filter_map(|(&owner, handle)| Some((owner, handle.as_ref()?))).collect();
        let mut descriptors = vec![bell.as_fd()];
        descriptors.extend(living.iter().map(|(_, handle)| handle.as_fd()));
        let Ok(ready) = poll::readable(&descriptors, RESCAN) else {
            // More than the system lets one wait for: no news of anybody until the next look.
            let _ = poll::readable(&[bell.as_fd()], RESCAN);
            // Which asks about each anew: nobody else does while this thread runs.
            self.0.clear();
            return;
        };
        let ended = living.iter().zip(ready.into_iter().skip(1)).filter(|(_, ended)| *ended);
        let dead: Vec<_> = ended.map(|((owner, _), _)| *owner).collect();
        // Without its handle it is dead. Nobody waits for it again, even if it cannot be recovered.
        for owner in dead {
            self.0.insert(owner, None);
        }
    }
}
