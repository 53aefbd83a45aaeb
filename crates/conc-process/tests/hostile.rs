//! Starts that are not ours, and programs that cannot be started again.

#![cfg(feature = "auto-init")]
#![allow(clippy::print_stdout, reason = "processes under test talk to it")]

use conc_process::{Builder, Process, SpawnError};
use conc_tests::laws::scene::Scratch;
use conc_tests::watchdog;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, send, socketpair};
use std::ffi::CString;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const SERVER: &str = "conc-process: fork server";
const CHILD: &str = "conc-process: child";

/// This test program, which lists its tests if it runs its `main`.
fn program(path: &Path, marker: &str, nonce: &str) -> Command {
    let mut command = Command::new(path);
    // The harness sees the nonce as a filter that fits nothing; so it is asked for its list only.
    command.arg0(marker).arg(nonce).arg("--list").stdin(Stdio::null());
    command
}

fn own() -> PathBuf {
    std::env::current_exe().unwrap()
}

fn ran_main(output: &Output) -> bool {
    output.status.success() && String::from_utf8_lossy(&output.stdout).contains("0 tests")
}

/// The bytes of a hello, as far as a forger can guess them: a nonce and two numbers.
fn hello(nonce: u8) -> Vec<u8> {
    let mut bytes = vec![nonce; 16];
    bytes.extend([1, 2]);
    bytes
}

/// Whether everybody may run this test program, so that it can be started as anybody.
fn is_for_everybody() -> bool {
    let mode = std::fs::metadata(own()).unwrap().permissions().mode();
    mode & 0o005 == 0o005
}

/// Whether a copy of this program runs as its owner where it lies, if it is to: not on a file
/// system without such rights, and not where new ones are refused.
fn runs_as_its_owner(copy: &Path) -> bool {
    let path = CString::new(copy.as_os_str().as_bytes()).unwrap();
    // SAFETY: all zeroes are a valid record.
    let mut system: libc::statvfs = unsafe { std::mem::zeroed() };
    // SAFETY: a path that ends with a zero, and a record; both outlive the call.
    assert_eq!(unsafe { libc::statvfs(path.as_ptr(), &raw mut system) }, 0);
    // SAFETY: the call takes numbers.
    let none_are_new = unsafe { libc::prctl(libc::PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) } == 1;
    system.f_flag & libc::ST_NOSUID == 0 && !none_are_new
}

/// Whether an attempt failed for want of power: root in a container may not do everything.
fn is_powerless(error: &std::io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EPERM | libc::EINVAL))
}

fn sockets() -> (OwnedFd, OwnedFd) {
    socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC).unwrap()
}

#[test]
fn a_forged_marker_alone_means_nothing() {
    let _watchdog = watchdog();
    for marker in [SERVER, CHILD] {
        let output = program(&own(), marker, &"ab".repeat(16)).output().unwrap();
        assert!(ran_main(&output), "{output:?}");
    }
}

#[test]
fn a_marker_with_a_silent_socket_is_refused() {
    let _watchdog = watchdog();
    let (_ours, theirs) = sockets();
    let output = program(&own(), SERVER, &"ab".repeat(16)).stdin(theirs).output().unwrap();
    assert_eq!(output.status.code(), Some(71));
    assert!(output.stdout.is_empty(), "main did not run");
}

#[test]
fn a_wrong_nonce_is_refused() {
    let _watchdog = watchdog();
    for bytes in [hello(0xab), b"garbage".to_vec(), vec![0xff; 255]] {
        let (ours, theirs) = sockets();
        send(ours.as_raw_fd(), &bytes, MsgFlags::empty()).unwrap();
        let output = program(&own(), SERVER, &"cd".repeat(16)).stdin(theirs).output().unwrap();
        assert_eq!(output.status.code(), Some(71), "{output:?}");
        assert!(output.stdout.is_empty(), "main did not run");
    }
}

#[test]
fn a_hello_of_another_program_is_answered_with_no() {
    let _watchdog = watchdog();
    let (ours, theirs) = sockets();
    send(ours.as_raw_fd(), &hello(0xab), MsgFlags::empty()).unwrap();
    let output = program(&own(), SERVER, &"ab".repeat(16)).stdin(theirs).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let mut answer = [0; 200];
    let length = nix::sys::socket::recv(ours.as_raw_fd(), &mut answer, MsgFlags::empty()).unwrap();
    let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
    assert!(answer.contains("another program"), "{answer}");
}

/// `AT_SECURE`: somebody else's rights are not lent to whoever holds a socket.
#[test]
fn a_program_with_borrowed_rights_is_never_a_server() {
    let _watchdog = watchdog();
    // SAFETY: the call takes nothing.
    if unsafe { libc::geteuid() } != 0 {
        eprintln!("NOT TRIED, only root can make a program that runs as somebody else");
        return;
    }
    let copy = own().with_file_name(format!("setuid-{}", std::process::id()));
    std::fs::copy(own(), &copy).unwrap();
    match std::os::unix::fs::chown(&copy, Some(65534), None) {
        Ok(()) if runs_as_its_owner(&copy) => {}
        Err(error) if !is_powerless(&error) => panic!("{error}"),
        refused => {
            std::fs::remove_file(&copy).unwrap();
            eprintln!("NOT TRIED, no program runs as somebody else here: {refused:?}");
            return;
        }
    }
    std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o4755)).unwrap();
    let (ours, theirs) = sockets();
    send(ours.as_raw_fd(), &hello(0xab), MsgFlags::empty()).unwrap();
    let output = loop {
        let theirs = theirs.try_clone().unwrap();
        match program(&copy, SERVER, &"ab".repeat(16)).stdin(theirs).output() {
            // Another test's fork holds the copy open for writing, for a moment.
            Err(error) if error.raw_os_error() == Some(libc::ETXTBSY) => {}
            other => break other,
        }
    };
    std::fs::remove_file(&copy).unwrap();
    assert!(ran_main(&output.unwrap()));
}

/// A program that is not what `/proc/self/exe` says, and one that cannot see `/proc` at all.
#[test]
fn a_program_that_cannot_be_started_again_says_so() {
    let _watchdog = watchdog();
    // SAFETY: the call takes nothing.
    if unsafe { libc::geteuid() } != 0 {
        eprintln!("NOT TRIED, only root can change the root directory");
        return;
    }
    fn without_proc(empty: String) -> Option<String> {
        if let Err(error) = std::os::unix::fs::chroot(empty) {
            assert!(is_powerless(&error), "{error}");
            return None;
        }
        match Process::spawn(|()| (), ()).unwrap_err() {
            SpawnError::System { what, .. } => Some(what.to_owned()),
            other => Some(other.to_string()),
        }
    }
    let scratch = Scratch::new();
    let empty = scratch.join(".").to_str().unwrap().to_owned();
    match Process::spawn(without_proc, empty).unwrap().join().unwrap() {
        Some(what) => assert_eq!(what, "read /proc"),
        None => eprintln!("NOT TRIED, this root may not change the root directory"),
    }
}

/// A library that a foreign program loaded: to start that program again would run its `main`.
#[test]
fn a_library_in_a_foreign_program_is_refused() {
    let _watchdog = watchdog();
    // Here this test program is the foreign one. In a process of its own: the library has a copy
    // of the crate that would install its handlers.
    fn load(path: String) -> String {
        let path = CString::new(path).unwrap();
        // SAFETY: the library's constructors only look around.
        let library = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
        assert!(!library.is_null(), "the library can be loaded");
        // SAFETY: a name that ends with a zero.
        let function = unsafe { libc::dlsym(library, c"conc_try_to_spawn".as_ptr()) };
        assert!(!function.is_null());
        // SAFETY: the library defines it so.
        let function =
            unsafe { std::mem::transmute::<*mut libc::c_void, extern "C" fn() -> i32>(function) };
        match function() {
            1 => "no bootstrap".to_owned(),
            other => format!("{other}"),
        }
    }
    let examples = own().parent().unwrap().parent().unwrap().join("examples");
    let path = examples.join("libforeign_library.so").to_str().unwrap().to_owned();
    assert!(Path::new(&path).exists(), "{path}: plain `cargo test` builds it");
    assert_eq!(Process::spawn(load, path).unwrap().join().as_deref(), Ok("no bootstrap"));
}

#[test]
fn rights_that_changed_get_a_server_of_their_own() {
    let _watchdog = watchdog();
    // SAFETY: the call takes nothing.
    if unsafe { libc::geteuid() } != 0 {
        eprintln!("NOT TRIED, only root can become somebody else");
        return;
    }
    if !is_for_everybody() {
        eprintln!("NOT TRIED, others may not run this program");
        return;
    }
    fn changing(_: ()) -> bool {
        // SAFETY: the calls take numbers.
        let uid = |()| unsafe { libc::getuid() };
        let old = Process::spawn(|()| std::thread::park(), ()).unwrap();
        assert_eq!(Process::spawn(uid, ()).unwrap().join(), Ok(0));
        // SAFETY: as above; this process has one thread.
        if unsafe { libc::setresuid(54321, 54321, 0) } != 0 {
            let error = std::io::Error::last_os_error();
            assert!(is_powerless(&error), "{error}");
            return false;
        }
        assert_eq!(Process::spawn(uid, ()).unwrap().join(), Ok(54321));
        // The old server serves its own to the end.
        assert!(old.is_alive());
        // SAFETY: as above.
        assert_eq!(unsafe { libc::setresuid(0, 0, 0) }, 0);
        old.kill().unwrap();
        assert_eq!(old.wait_exit().unwrap().signal().unwrap().number(), 9);
        assert_eq!(Builder::new().spawn(uid, ()).unwrap().join(), Ok(0));
        true
    }
    if !Process::spawn(changing, ()).unwrap().join().unwrap() {
        eprintln!("NOT TRIED, this root may not become somebody else");
    }
}

/// A child that writes nonsense to its channel changes nothing for anybody.
#[test]
fn nonsense_on_the_channel_is_ignored() {
    let _watchdog = watchdog();
    fn talk_nonsense(n: u32) -> u32 {
        // The place of the channel in a child.
        let channel = 3;
        for message in [&b""[..], &[0xff; 9000], b"\x09", &[5, 0xff, 0xff, 0xff, 0xff, 0x0f]] {
            // An empty message looks like the end of the stream.
            send(channel, message, MsgFlags::empty()).unwrap();
        }
        n + 1
    }
    let bystander = Process::spawn(|()| std::thread::park(), ()).unwrap();
    for n in 0..20 {
        assert_eq!(Process::spawn(talk_nonsense, n).unwrap().join(), Ok(n + 1));
    }
    assert!(bystander.is_alive());
    bystander.kill().unwrap();
}
