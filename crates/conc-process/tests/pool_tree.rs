//! What ends with a worker that is ended by force: all that it has started, wherever it is.

#![cfg(feature = "auto-init")]

use conc_core::{JoinError, PortableFd};
use conc_process::{Pool, PoolBuilder};
use conc_tests::watchdog;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::thread;
use std::time::Duration;

fn pool(workers: usize) -> PoolBuilder {
    Pool::builder().workers(workers)
}

fn own_pid(_: ()) -> i32 {
    std::process::id() as i32
}

fn forever() -> ! {
    loop {
        thread::park();
    }
}

/// Runs `child` in a copy of this process, which never returns.
fn fork(child: impl FnOnce()) -> i32 {
    // SAFETY: this process has one thread, or the copy does only what survives the others.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0);
    if pid == 0 {
        // Nothing may return from here, a panic neither: then there would be two workers.
        let _ = catch_unwind(AssertUnwindSafe(child));
        // SAFETY: nothing of the copy runs afterwards.
        unsafe { libc::_exit(0) };
    }
    pid
}

fn wait_for(pid: i32) {
    // SAFETY: a null status is allowed.
    assert_eq!(unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) }, pid);
}

fn lead_session() {
    // SAFETY: the call takes nothing.
    assert!(unsafe { libc::setsid() } > 0);
}

/// Leaves the group, the session, and its parent; says so by a byte, and keeps the stream.
fn daemonize(stream: &UnixStream) {
    let child = fork(|| {
        lead_session();
        fork(|| {
            lead_session();
            (&*stream).write_all(b"!").unwrap();
            forever();
        });
    });
    wait_for(child);
}

/// Daemons, and one in the group, one in a session of its own that is no orphan, and one below it.
const HIDDEN: usize = 6;

fn hide(stream: &UnixStream) {
    (0..3).for_each(|_| daemonize(stream));
    let stay = || {
        (&*stream).write_all(b"!").unwrap();
        forever();
    };
    fork(stay);
    fork(|| {
        lead_session();
        fork(stay);
        stay();
    });
}

fn hide_and_stay(stream: PortableFd) {
    hide(&UnixStream::from(stream.into_inner()));
    forever();
}

fn hide_and_return(stream: PortableFd) -> i32 {
    hide(&UnixStream::from(stream.into_inner()));
    own_pid(())
}

fn eat(bytes: usize) {
    let eaten = vec![1_u8; bytes];
    std::hint::black_box(&eaten);
    forever();
}

/// Waits for so many to have hidden.
fn hidden(stream: &mut UnixStream, count: usize) {
    stream.read_exact(&mut vec![0; count]).unwrap();
}

/// Waits for all of them to have ended.
fn assert_closed(mut stream: UnixStream) {
    assert_eq!(stream.read_to_end(&mut Vec::new()).unwrap(), 0);
}

/// Nobody has closed his end.
fn assert_open(stream: &UnixStream) {
    stream.set_nonblocking(true).unwrap();
    let error = (&*stream).read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    stream.set_nonblocking(false).unwrap();
}

fn pair() -> (UnixStream, PortableFd) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (ours, PortableFd::new(theirs))
}

#[test]
fn all_that_a_job_has_started_ends_when_it_is_killed() {
    let _watchdog = watchdog();
    let pool = pool(1).build().unwrap();
    for _ in 0..5 {
        let (mut ours, theirs) = pair();
        let job = pool.submit(hide_and_stay, theirs).unwrap();
        hidden(&mut ours, HIDDEN);
        job.kill().unwrap();
        assert!(matches!(job.join(), Err(JoinError::Killed { .. })));
        assert_closed(ours);
    }
    assert!(pool.apply(own_pid, ()).is_ok());
}

#[test]
fn all_that_a_job_has_started_ends_with_its_time_out() {
    let _watchdog = watchdog();
    let pool = pool(1).build().unwrap();
    let (mut ours, theirs) = pair();
    pool.apply(hide_and_return, theirs).unwrap();
    hidden(&mut ours, HIDDEN);
    let late = pool.terms().timeout(Duration::from_millis(20));
    let job = late.submit(|()| -> () { forever() }, ()).unwrap();
    assert_eq!(job.join(), Err(JoinError::TimedOut));
    assert_closed(ours);
}

#[test]
fn all_that_a_job_has_started_ends_with_its_memory() {
    let _watchdog = watchdog();
    let pool = pool(1).memory_limit(64 << 20).build().unwrap();
    let (mut ours, theirs) = pair();
    pool.apply(hide_and_return, theirs).unwrap();
    hidden(&mut ours, HIDDEN);
    let job = pool.submit(eat, 256 << 20).unwrap();
    assert!(matches!(job.join(), Err(JoinError::MemoryLimit { .. })));
    assert_closed(ours);
}

/// Blocks SIGTERM, or ignores it.
fn close_ears(blocks: bool) {
    if blocks {
        // SAFETY: all zeroes are a valid set.
        let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
        // SAFETY: the set outlives the call.
        unsafe { libc::sigaddset(&raw mut set, libc::SIGTERM) };
        // SAFETY: the set outlives the call; nobody asks for the former mask.
        unsafe { libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) };
    } else {
        // SAFETY: no handler is installed.
        unsafe { libc::signal(libc::SIGTERM, libc::SIG_IGN) };
    }
}

fn hide_deaf((stream, blocks): (PortableFd, bool)) {
    close_ears(blocks);
    hide_and_stay(stream);
}

#[test]
fn all_that_a_job_has_started_ends_when_its_pool_is_terminated() {
    let _watchdog = watchdog();
    // One that dies of SIGTERM at once, and two that have to be killed.
    for deaf in [None, Some(true), Some(false)] {
        let pool = pool(2).grace(Duration::from_millis(50)).build().unwrap();
        let (mut ours, theirs) = pair();
        let job = match deaf {
            None => pool.submit(hide_and_stay, theirs).unwrap(),
            Some(blocks) => pool.submit(hide_deaf, (theirs, blocks)).unwrap(),
        };
        hidden(&mut ours, HIDDEN);
        pool.terminate();
        assert!(matches!(job.join(), Err(JoinError::Killed { .. })));
        assert_closed(ours);
    }
}

#[test]
fn what_an_idle_worker_has_started_ends_when_its_pool_is_terminated() {
    let _watchdog = watchdog();
    for _ in 0..5 {
        let pool = pool(2).build().unwrap();
        let (mut ours, theirs) = pair();
        pool.apply(hide_and_return, theirs).unwrap();
        hidden(&mut ours, HIDDEN);
        drop(pool);
        assert_closed(ours);
    }
}

#[test]
fn what_an_initializer_has_started_ends_when_its_pool_is_terminated() {
    let _watchdog = watchdog();
    let (mut ours, theirs) = pair();
    let found = |stream: PortableFd| hide(&UnixStream::from(stream.into_inner()));
    let pool = pool(1).initializer(found, theirs).build().unwrap();
    hidden(&mut ours, HIDDEN);
    pool.terminate();
    drop(pool);
    assert_closed(ours);
}

#[test]
fn a_stopped_worker_is_ended_with_all_that_it_has_started() {
    let _watchdog = watchdog();
    let pool = pool(1).build().unwrap();
    let pid = pool.apply(own_pid, ()).unwrap();
    let (mut ours, theirs) = pair();
    let job = pool.submit(hide_and_stay, theirs).unwrap();
    hidden(&mut ours, HIDDEN);
    // SAFETY: the call takes numbers only; the process runs a job of ours.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGSTOP) }, 0);
    job.kill().unwrap();
    assert!(matches!(job.join(), Err(JoinError::Killed { .. })));
    assert_closed(ours);
}

#[test]
fn what_threads_of_a_job_have_started_ends_with_it() {
    let _watchdog = watchdog();
    let pool = pool(1).build().unwrap();
    let start = |out: PortableFd| {
        let out = out.into_inner();
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let out = out.try_clone().unwrap();
                thread::spawn(move || {
                    let script = "setsid sh -c 'echo; exec sleep 1000' & wait";
                    Command::new("sh").args(["-c", script]).stdout(out).status()
                })
            })
            .collect();
        drop(out);
        threads.into_iter().for_each(|thread| drop(thread.join()));
    };
    let (mut ours, theirs) = pair();
    let job = pool.submit(start, theirs).unwrap();
    hidden(&mut ours, 4);
    job.kill().unwrap();
    assert!(job.join().is_err());
    assert_closed(ours);
}

/// Each has two, who replace each child that dies; and each has left its group.
fn multiply(stream: &UnixStream, generations: u32) -> ! {
    lead_session();
    (&*stream).write_all(b"!").unwrap();
    if generations == 0 {
        forever();
    }
    for _ in 0..2 {
        fork(|| multiply(stream, generations - 1));
    }
    // At most so many more, whatever happens.
    for _ in 0..8 {
        // SAFETY: a null status is allowed.
        if unsafe { libc::waitpid(-1, std::ptr::null_mut(), 0) } > 0 {
            fork(|| multiply(stream, 0));
        }
    }
    forever();
}

#[test]
fn children_that_replace_the_dead_end_as_well() {
    let _watchdog = watchdog();
    let pool = pool(2).build().unwrap();
    let bomb = |stream: PortableFd| {
        let stream = UnixStream::from(stream.into_inner());
        fork(|| multiply(&stream, 5));
        forever();
    };
    let (mut ours, theirs) = pair();
    let job = pool.submit::<_, ()>(bomb, theirs).unwrap();
    hidden(&mut ours, 63);
    job.kill().unwrap();
    assert!(job.join().is_err());
    // Those who were begun meanwhile may have said so.
    assert!(ours.read_to_end(&mut Vec::new()).is_ok());
    assert!(pool.apply(own_pid, ()).is_ok());
}

/// A line of generations, each of which starts the next and dies.
#[test]
fn who_flees_from_one_parent_to_the_next_is_caught() {
    let _watchdog = watchdog();
    let pool = pool(1).build().unwrap();
    let flee = |stream: PortableFd| {
        let stream = UnixStream::from(stream.into_inner());
        fork(|| {
            for generation in 0..150 {
                lead_session();
                // SAFETY: the copy has one thread, and goes on with the loop.
                if unsafe { libc::fork() } != 0 {
                    return;
                }
                if generation == 20 {
                    (&stream).write_all(b"!").unwrap();
                }
            }
            forever();
        });
        forever();
    };
    for _ in 0..5 {
        let (mut ours, theirs) = pair();
        let job = pool.submit::<_, ()>(flee, theirs).unwrap();
        hidden(&mut ours, 1);
        job.kill().unwrap();
        assert!(job.join().is_err());
        assert_closed(ours);
    }
}

#[test]
fn nobody_else_is_hit() {
    let _watchdog = watchdog();
    let pool = pool(2).build().unwrap();
    let mut own = Command::new("sleep").arg("1000").spawn().unwrap();
    // A daemon of a worker that goes on.
    let (mut ours, theirs) = pair();
    let daemon = |stream: PortableFd| {
        daemonize(&UnixStream::from(stream.into_inner()));
        own_pid(())
    };
    let other = pool.apply(daemon, theirs).unwrap();
    hidden(&mut ours, 1);
    for _ in 0..10 {
        // The daemon's worker is kept at work, so that the other gets what is killed.
        let held = hold(&pool, other);
        let (mut gone, theirs) = pair();
        let job = pool.submit(hide_and_stay, theirs).unwrap();
        hidden(&mut gone, HIDDEN);
        job.kill().unwrap();
        assert!(job.join().is_err());
        assert_closed(gone);
        drop(held);
    }
    assert_open(&ours);
    assert_eq!(own.try_wait().unwrap(), None);
    own.kill().unwrap();
    assert_eq!(own.wait().unwrap().signal(), Some(libc::SIGKILL));
    drop(pool);
    assert_closed(ours);
}

/// Keeps one worker at work until the other end is dropped.
fn hold(pool: &Pool, pid: i32) -> UnixStream {
    let wait = |stream: PortableFd| {
        let mut stream = UnixStream::from(stream.into_inner());
        stream.write_all(&own_pid(()).to_le_bytes()).unwrap();
        let _ = stream.read(&mut [0]);
    };
    loop {
        let (mut ours, theirs) = pair();
        drop(pool.submit(wait, theirs).unwrap());
        let mut holder = [0; 4];
        ours.read_exact(&mut holder).unwrap();
        if i32::from_le_bytes(holder) == pid {
            return ours;
        }
    }
}

#[test]
fn nobody_takes_the_ends_of_a_jobs_own_children() {
    let _watchdog = watchdog();
    let pool = pool(2).build().unwrap();
    let run = |code: i32| {
        let script = format!("(:) & exit {code}");
        Command::new("sh").args(["-c", &script]).status().map_err(drop).map(|s| s.code())
    };
    for result in pool.map(run, (0..400).map(|n| n % 100)).enumerate() {
        let (n, result) = result;
        assert_eq!(result, Ok(Ok(Some(n as i32 % 100))));
    }
    // Not even long after they have ended, by another job.
    let begin = |()| fork(|| ());
    let ask = |pid: i32| {
        let mut status = -1;
        // SAFETY: the status outlives the call.
        (unsafe { libc::waitpid(pid, &raw mut status, 0) }) == pid && status == 0
    };
    let pool = self::pool(1).build().unwrap();
    let children: Vec<_> = (0..50).map(|_| pool.apply(begin, ()).unwrap()).collect();
    (0..500).for_each(|_| drop(pool.apply(own_pid, ())));
    assert!(children.into_iter().all(|child| pool.apply(ask, child).unwrap()));
}

/// How many of a process's children have ended and were not waited for.
fn zombies(_: ()) -> usize {
    let me = std::process::id().to_string();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let stats =
        processes.filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok());
    let is_one = |stat: &String| {
        let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_ascii_whitespace().collect();
        fields[0] == "Z" && fields[1] == me
    };
    stats.filter(is_one).count()
}

#[test]
fn what_jobs_leave_behind_does_not_pile_up() {
    let _watchdog = watchdog();
    let pool = pool(1).build().unwrap();
    let leave = |()| {
        let child = fork(|| {
            fork(|| ());
        });
        wait_for(child);
    };
    let mut most = 0;
    for _ in 0..14 {
        (0..64).for_each(|_| pool.apply(leave, ()).unwrap());
        most = most.max(pool.apply(zombies, ()).unwrap());
    }
    // 256, and those of as many jobs as run between two looks.
    assert!((1..=320).contains(&most), "{most}");
    let restarts: u64 = pool.stats().workers.iter().map(|worker| worker.restarts).sum();
    assert!((2..=4).contains(&restarts), "{restarts}");
}
