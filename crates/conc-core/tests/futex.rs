//! The futex as the system has it: deadlines, signals, words shared by mappings.
#![cfg(all(target_os = "linux", not(conc_loom)))]

use conc_core::Deadline;
use conc_core::sync::{AtomicU32, Ordering};
use conc_core::sys::futex::{Scope, Wake, wait, wake};
use conc_tests::watchdog;
use std::os::unix::thread::JoinHandleExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

extern "C" fn ignore(_signal: libc::c_int) {}

#[test]
fn signals_neither_end_nor_stretch_a_bounded_wait() {
    let _watchdog = watchdog();
    // SAFETY: an all-zero action is a valid one.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = ignore as extern "C" fn(libc::c_int) as usize;
    // Without SA_RESTART: the system call really is interrupted.
    // SAFETY: the action is initialised, and its handler does nothing.
    let installed =
        unsafe { libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut()) };
    assert_eq!(installed, 0);

    const LIMIT: Duration = Duration::from_millis(100);
    let sleeper = std::thread::spawn(|| {
        let word = AtomicU32::new(0);
        let started = Instant::now();
        let outcome = wait(&word, 0, Deadline::after(LIMIT), Scope::Private);
        (outcome, started.elapsed())
    });
    while !sleeper.is_finished() {
        // SAFETY: the thread has not been joined, so its handle is valid.
        unsafe { libc::pthread_kill(sleeper.as_pthread_t(), libc::SIGUSR1) };
        std::thread::yield_now();
    }
    let (outcome, slept) = sleeper.join().unwrap();
    assert_eq!(outcome, Wake::TimedOut);
    assert!(slept >= LIMIT, "{slept:?} is early");
}

#[test]
fn a_deadline_far_away_is_accepted() {
    let _watchdog = watchdog();
    let word = Arc::new(AtomicU32::new(0));
    let sleeper = std::thread::spawn({
        let word = Arc::clone(&word);
        let century = Duration::from_secs(100 * 365 * 24 * 3600);
        move || {
            while word.load(Ordering::Acquire) == 0 {
                wait(&word, 0, Deadline::after(century), Scope::Private);
            }
        }
    });
    word.store(1, Ordering::Release);
    while !sleeper.is_finished() {
        wake(&raw const *word, 1, Scope::Private);
        std::thread::yield_now();
    }
    sleeper.join().unwrap();
}

/// The same page at two addresses, as two processes would see it.
fn two_mappings() -> [&'static AtomicU32; 2] {
    // SAFETY: a name that ends with a zero byte.
    let memory = unsafe { libc::memfd_create(c"conc_futex".as_ptr(), libc::MFD_CLOEXEC) };
    assert!(memory >= 0);
    // SAFETY: the descriptor is ours.
    assert_eq!(unsafe { libc::ftruncate(memory, 4096) }, 0);
    [(); 2].map(|()| {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping of a whole page that is never unmapped.
        let page =
            unsafe { libc::mmap(std::ptr::null_mut(), 4096, access, libc::MAP_SHARED, memory, 0) };
        assert_ne!(page, libc::MAP_FAILED);
        // SAFETY: page-aligned, zeroed, mapped for the rest of the program, only used atomically.
        unsafe { AtomicU32::from_ptr(page.cast()) }
    })
}

#[test]
fn a_shared_word_wakes_at_every_address() {
    let _watchdog = watchdog();
    let [here, there] = two_mappings();
    assert!(!std::ptr::eq(here, there));
    let sleeper = std::thread::spawn(move || {
        while there.load(Ordering::Acquire) == 0 {
            wait(there, 0, None, Scope::Shared);
        }
    });
    here.store(1, Ordering::Release);
    while !sleeper.is_finished() {
        wake(here, 1, Scope::Shared);
        std::thread::yield_now();
    }
    sleeper.join().unwrap();
}
