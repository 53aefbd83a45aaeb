//! When descriptors or processes run out: a typed error, nothing lost, and afterwards all is well.

#![cfg(feature = "auto-init")]

use conc_process::{Process, SpawnError};
use conc_tests::watchdog;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::parent_id;

fn seven(_: ()) -> u32 {
    7
}

/// Sets a limit of another process; gives the former one.
fn limit(pid: u32, resource: libc::__rlimit_resource_t, soft: u64) -> u64 {
    let mut old = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: a valid record.
    let asked = unsafe { libc::prlimit(pid as i32, resource, std::ptr::null(), &raw mut old) };
    assert_eq!(asked, 0);
    let new = libc::rlimit { rlim_cur: soft, rlim_max: old.rlim_max };
    // SAFETY: a valid record.
    let set = unsafe { libc::prlimit(pid as i32, resource, &raw const new, std::ptr::null_mut()) };
    assert_eq!(set, 0);
    old.rlim_cur
}

/// Waits until a server has no children; a watchdog watches.
fn await_childless(server: u32) {
    let path = format!("/proc/{server}/task/{server}/children");
    while !std::fs::read_to_string(&path).unwrap().is_empty() {
        std::thread::yield_now();
    }
}

/// Never ends by itself: one that survives is found.
fn forever(_: ()) {
    loop {
        std::thread::park();
    }
}

fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// One after the other descriptor is missing, wherever it is needed.
#[test]
fn descriptors_of_the_caller_run_out() {
    let _watchdog = watchdog();
    fn starving(warm: bool) {
        if warm {
            Process::spawn(seven, ()).unwrap().join().unwrap();
        }
        let before = open_files();
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        let mut refused = 0;
        for spare in 0..16 {
            // The listing above had one open.
            setrlimit(Resource::RLIMIT_NOFILE, before as u64 - 1 + spare, hard).unwrap();
            match Process::spawn(forever, ()) {
                Ok(process) => {
                    process.kill().unwrap();
                    assert!(process.wait_exit().is_some());
                }
                Err(SpawnError::System { .. } | SpawnError::Refused { .. }) => refused += 1,
                Err(SpawnError::ServerStart { .. }) => refused += 1,
                Err(other) => panic!("with {spare} to spare: {other:?}"),
            }
        }
        setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
        assert!((1..16).contains(&refused), "{refused}");
        // Those that could not be held have ended.
        let server = Process::spawn(|()| parent_id(), ()).unwrap().join().unwrap();
        await_childless(server);
        // The server's socket and handle, and a channel for the next process.
        assert!(open_files() <= before + 4, "{} were open, {} are", before, open_files());
    }
    for warm in [false, true] {
        Process::spawn(starving, warm).unwrap().join().unwrap();
    }
}

#[test]
fn descriptors_of_the_server_run_out() {
    let _watchdog = watchdog();
    fn starving(_: ()) {
        let server = Process::spawn(|()| parent_id(), ()).unwrap();
        let server = server.join().unwrap();
        let mut refused = 0;
        for spare in 0..12 {
            let old = limit(server, libc::RLIMIT_NOFILE, 5 + spare);
            match Process::spawn(forever, ()) {
                Ok(process) => {
                    process.kill().unwrap();
                    assert!(process.wait_exit().is_some());
                }
                Err(SpawnError::Refused { .. }) => refused += 1,
                Err(other) => panic!("with {spare} to spare: {other:?}"),
            }
            limit(server, libc::RLIMIT_NOFILE, old);
        }
        assert!((1..12).contains(&refused), "{refused}");
        await_childless(server);
        assert_eq!(Process::spawn(|()| parent_id(), ()).unwrap().join(), Ok(server));
    }
    Process::spawn(starving, ()).unwrap().join().unwrap();
}

/// Injected by a limit on processes, which the kernel checks where it makes one.
#[test]
fn a_fork_fails() {
    let _watchdog = watchdog();
    fn failing(_: ()) -> bool {
        // SAFETY: the calls take numbers. Root has no such limit.
        let is_root = unsafe { libc::geteuid() } == 0;
        // SAFETY: as above.
        if is_root && unsafe { libc::setresuid(54322, 54322, 54322) } != 0 {
            let error = std::io::Error::last_os_error();
            // Root in a container may not do everything.
            assert!(matches!(error.raw_os_error(), Some(libc::EPERM | libc::EINVAL)), "{error}");
            return false;
        }
        // No server yet: starting it fails.
        let own = std::process::id();
        let old = limit(own, libc::RLIMIT_NPROC, 0);
        let error = Process::spawn(seven, ()).unwrap_err();
        assert!(
            matches!(error, SpawnError::System { what: "start the fork server", .. }),
            "{error}"
        );
        limit(own, libc::RLIMIT_NPROC, old);

        let server = Process::spawn(|()| parent_id(), ()).unwrap().join().unwrap();
        let old = limit(server, libc::RLIMIT_NPROC, 0);
        for _ in 0..10 {
            match Process::spawn(seven, ()).unwrap_err() {
                SpawnError::Refused { what: "fork", source } => {
                    assert_eq!(source.raw_os_error(), Some(libc::EAGAIN));
                }
                other => panic!("{other}"),
            }
        }
        limit(server, libc::RLIMIT_NPROC, old);
        assert_eq!(Process::spawn(|()| parent_id(), ()).unwrap().join(), Ok(server));
        true
    }
    let own = std::env::current_exe().unwrap();
    let is_for_everybody = own.metadata().unwrap().permissions().mode() & 0o005 == 0o005;
    // SAFETY: the call takes nothing.
    if unsafe { libc::geteuid() } == 0 && !is_for_everybody {
        eprintln!("NOT TRIED, others may not run this program");
    } else if !Process::spawn(failing, ()).unwrap().join().unwrap() {
        eprintln!("NOT TRIED, this root may not become somebody else");
    }
}
