//! Starting a worker.

use super::force::Force;
use super::lane::Lane;
use super::ring::Ring;
use super::settings::Settings;
use super::shared::Shared;
use super::state::{Life, Worker};
use super::stats::{Place, PoolWorkerStats};
use super::worker::{Briefing, Farewell, Founded, live};
use crate::client::Kin;
use crate::sys::socket;
use crate::{Builder, Process, Stdio};
use conc_core::courier::Keepsake;
use conc_core::trace::{MarkKind, Recorder};
use conc_core::{JoinError, PortableFd};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Instant;

/// A process that was started, and what the parent has of it.
struct Started {
    process: Process<Farewell>,
    lane: Lane,
    keepsakes: Vec<Keepsake>,
}

/// Starts a worker. The caller has counted it as starting.
pub(super) fn hire(shared: &Arc<Shared>) {
    let (number, seat) = take_seat(shared);
    let name = format!("{}_{seat}", shared.settings.name);
    let started = start(shared, number, &name);
    let mut state = shared.state.lock();
    state.starting -= 1;
    match started {
        Err(error) => {
            state.start_failed(1, error);
            state.seats[seat].is_taken = false;
        }
        Ok(Started { process, lane, keepsakes }) => {
            let kin: Arc<Kin> = Arc::clone(process.kin());
            let place = &mut state.seats[seat];
            place.figures.pid = Some(process.pid());
            if std::mem::replace(&mut place.was_taken, true) {
                place.figures.restarts += 1;
                if let Some(recorder) = &mut place.recorder {
                    recorder.mark(format!("pid {} takes over", process.pid()), MarkKind::Restart);
                }
            }
            state.workers.push(Worker {
                lane,
                force: Force::new(Arc::clone(&kin)),
                kin,
                seat,
                stage: Life::Starting,
                tasks: 0,
                idle_since: Instant::now(),
                busy_since: Instant::now(),
                stalled: false,
                keepsakes,
            });
            drop(state);
            let mut job = process.into_job();
            let theirs = Arc::clone(shared);
            job.on_finish(move |result| {
                theirs.ends.lock().push((number, result.clone()));
                theirs.call_foreman();
            });
        }
    }
}

/// A number for the worker, and the first free place.
fn take_seat(shared: &Shared) -> (u32, usize) {
    let mut state = shared.state.lock();
    let number = state.next_worker;
    state.next_worker = number.wrapping_add(1) & (u32::MAX >> 1);
    let free = state.seats.iter().position(|place| !place.is_taken);
    let seat = free.unwrap_or_else(|| {
        let seat = state.seats.len();
        let name = format!("worker {seat}");
        state.seats.push(Place {
            figures: PoolWorkerStats::default(),
            recorder: shared.settings.trace.then(|| Recorder::new(name, shared.born)),
            is_taken: false,
            was_taken: false,
        });
        seat
    });
    state.seats[seat].is_taken = true;
    (number, seat)
}

fn start(shared: &Shared, number: u32, name: &str) -> Result<Started, JoinError> {
    let ring = Ring::create().map_err(not_started)?;
    let (post, theirs) = socket::pair().map_err(not_started)?;
    let (founding, keepsakes) = brief(&shared.settings)?;
    let briefing = Briefing {
        ring: ring.try_clone_fd().map_err(not_started)?.into(),
        bell: shared.bell.as_fd().try_clone_to_owned().map_err(not_started)?.into(),
        post: theirs.into(),
        store: shared.store.as_fd().try_clone_to_owned().map_err(not_started)?.into(),
        founding,
    };
    let stderr = if shared.settings.shows_stderr { Stdio::default() } else { Stdio::captured() };
    let builder = Builder::new().name(name).stderr(stderr);
    let process = builder.spawn(live, briefing).map_err(not_started)?;
    Ok(Started {
        process,
        lane: Lane::new(number, ring, post, Arc::clone(&shared.store)),
        keepsakes,
    })
}

/// The initializer for one worker, and what is kept until it has arrived.
fn brief(settings: &Settings) -> Result<(Option<Founded>, Vec<Keepsake>), JoinError> {
    let Some((founding, brief)) = &settings.initializer else { return Ok((None, Vec::new())) };
    let encoded = conc_core::job::caught(brief)?;
    let encoded = encoded.map_err(|message| JoinError::NotEncoded { message })?;
    let (descriptors, keepsakes) = encoded.baggage.into_parts();
    let descriptors = descriptors.into_iter().map(PortableFd::new).collect();
    let founded = Founded { founding: *founding, bytes: encoded.bytes, descriptors };
    Ok((Some(founded), keepsakes))
}

fn not_started(error: impl std::fmt::Display) -> JoinError {
    JoinError::NotStarted { message: error.to_string().into() }
}
