//! Look again for a moment, then sleep; and find out who is gone.

use super::{Gone, Host, Moment};
use crate::event::SLICE;
use conc_core::Deadline;
use conc_core::sync::{Ordering, spin_loop};
use conc_core::wait::Patience;
use std::time::{Duration, Instant};

/// So often a waiter looks, with one pause of the processor between two looks, before it looks at
/// the clock: a partner on another core answers within this.
const SPINS: u32 = 100;

/// Then it gives way for so long, which is about what it takes to wake a sleeper on another core.
/// With less, two partners of whom one slept once keep each other asleep: who waits for a sleeper
/// to wake falls asleep over it.
const YIELDS: Duration = Duration::from_micros(40);

/// Whether anybody is left is asked no more often than this: the answer takes system calls.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// Looks until `look` finds something, sleeping in between until `happening`.
pub(crate) fn wait<H: Host, R>(
    host: &H,
    happening: H::Happening,
    deadline: Option<Deadline>,
    mut look: impl FnMut(Moment) -> Option<R>,
) -> Result<R, Gone> {
    loop {
        // What is there is taken without a look at the clock, on a single processor, too.
        let spins = if many_processors() { SPINS } else { 1 };
        for _ in 0..spins {
            if let Some(found) = look(Moment::Awake) {
                return Ok(found);
            }
            spin_loop();
        }
        let mut patience = Patience::yielding(YIELDS);
        while patience.pause() {
            if let Some(found) = look(Moment::Awake) {
                return Ok(found);
            }
            if deadline.is_some_and(Deadline::is_past) {
                break;
            }
        }
        if let Some(found) = look(Moment::BeforeSleep) {
            return Ok(found);
        }
        if deadline.is_some_and(Deadline::is_past) {
            return Err(Gone::TimedOut);
        }
        watch(host);
        if is_abandoned(host, happening) {
            // Whoever left may have put something as the last thing it did.
            return look(Moment::BeforeSleep).ok_or(Gone::Abandoned);
        }
        let event = host.event(happening);
        let ticket = event.prepare();
        host.announced();
        if let Some(found) = look(Moment::BeforeSleep) {
            return Ok(found);
        }
        let slice = Deadline::after(SLICE);
        let until = match (slice, deadline) {
            (Some(slice), Some(deadline)) => Some(slice.min(deadline)),
            (slice, deadline) => slice.or(deadline),
        };
        if !event.wait(ticket, until) {
            look_after(host);
        }
    }
}

/// Lets a thread of this process look after the dead, from the first sleep on.
pub(crate) fn watch<H: Host>(host: &H) {
    let watched = &host.presence().watched;
    // ORDERING: Relaxed. Asking twice does no harm.
    if !watched.load(Ordering::Relaxed) && host.segment().watch().is_ok() {
        // ORDERING: Relaxed. As above.
        watched.store(true, Ordering::Relaxed);
    }
}

/// A sleep was in vain. Without the thread, which could not be started, each sleeper looks after
/// the dead itself, four times a second; all of them would look at all members.
pub(crate) fn look_after<H: Host>(host: &H) {
    // ORDERING: Relaxed. At worst somebody looks in vain.
    if !host.presence().watched.load(Ordering::Relaxed) {
        let _ = host.segment().recover_dead();
    }
}

/// Whether nobody is left who could make it happen, and there was somebody.
pub(crate) fn is_abandoned<H: Host>(host: &H, happening: H::Happening) -> bool {
    let presence = host.presence();
    if host.segment().is_kept_open() || !host.segment().members().ever_others() {
        return false;
    }
    let now = millis();
    // ORDERING: Relaxed. A guess at worst asks once more.
    let asked = presence.asked.load(Ordering::Relaxed);
    if asked != 0 && now.saturating_sub(asked) < ASK_EVERY.as_millis() as u64 {
        return false;
    }
    if !host.is_alone(happening) {
        // Only this answer spares others the question: who is alone must not sleep over it.
        // ORDERING: Relaxed. As above.
        presence.asked.store(now, Ordering::Relaxed);
        return false;
    }
    // What the dead had comes back first.
    let _ = host.segment().recover_dead();
    true
}

fn many_processors() -> bool {
    use std::sync::OnceLock;
    static MANY: OnceLock<bool> = OnceLock::new();
    *MANY.get_or_init(|| std::thread::available_parallelism().is_ok_and(|count| count.get() > 1))
}

/// Milliseconds of a clock that never goes back; never 0.
fn millis() -> u64 {
    use std::sync::OnceLock;
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    let origin = *ORIGIN.get_or_init(Instant::now);
    u64::try_from(origin.elapsed().as_millis()).unwrap_or(u64::MAX - 1) + 1
}
