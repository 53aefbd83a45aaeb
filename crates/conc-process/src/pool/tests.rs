//! What cannot be brought about from outside.

use super::Pool;
use conc_core::sync::Ordering;
use conc_core::{JoinError, PortableFd, SubmitError};
use conc_tests::watchdog;
use std::io::Read;
use std::os::fd::AsRawFd;

/// A bug in the pool's own thread fails all jobs with the cause; nobody waits for ever.
#[test]
fn the_end_of_the_foreman_is_told() {
    let _watchdog = watchdog();
    let pool = Pool::builder().workers(1).build().unwrap();
    let (mut reader, writer) = std::os::unix::net::UnixStream::pair().unwrap();
    let hold = |writer: PortableFd| {
        while writer.as_raw_fd() >= 0 {
            std::thread::park();
        }
    };
    let running = pool.submit(hold, PortableFd::new(writer)).unwrap();
    while !running.is_running() {
        std::thread::yield_now();
    }
    let waiting: Vec<_> = (0..1_000_u64).map(|n| pool.submit(|n| n, n).unwrap()).collect();
    let mut map = pool.map(|n: u64| n, 0..100_u64);
    // ORDERING: Relaxed. A flag alone.
    pool.shared.is_sabotaged.store(1, Ordering::Relaxed);
    pool.shared.call_foreman();

    let is_told = |error: &JoinError| matches!(error, JoinError::NotStarted { message } if message.contains("sabotage"));
    assert!(map.all(|result| result.is_err()));
    let error = running.join().unwrap_err();
    assert!(is_told(&error), "{error}");
    for job in waiting {
        let error = job.join().unwrap_err();
        assert!(is_told(&error), "{error}");
    }
    let refused = pool.submit(|n: u64| n, 7).unwrap_err();
    assert!(matches!(&refused, SubmitError::NotStarted { work: 7, .. }), "{refused}");
    assert!(refused.to_string().contains("sabotage"), "{refused}");
    pool.shutdown();
    // The worker is dead: nobody holds the other end.
    assert_eq!(reader.read(&mut [0]).unwrap(), 0);
}
