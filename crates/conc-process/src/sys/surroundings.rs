//! What a child inherits from its parent, read in one go.

use super::files;
use nix::errno::Errno;
use serde::{Deserialize, Serialize};
use std::collections::hash_map::DefaultHasher;
use std::ffi::{CString, c_char};
use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;

/// How many resources have limits.
const RESOURCES: usize = 16;

/// A soft and a hard limit for each resource, by the kernel's numbers.
pub(crate) type Limits = [(u64, u64); RESOURCES];

/// An environment: names and values.
pub(crate) type Environment = Vec<(Vec<u8>, Vec<u8>)>;

/// The resource that counts open files.
pub(crate) const OPEN_FILES: usize = libc::RLIMIT_NOFILE as usize;

/// What a child inherits from its parent, of the calling thread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Surroundings {
    /// Users, groups, capabilities, seccomp, `no_new_privs`: what only a new server can take over.
    pub(crate) privileges: u64,
    /// The mask for the modes of new files.
    pub(crate) umask: u32,
    /// The blocked signals.
    pub(crate) mask: u64,
    /// The limits.
    pub(crate) limits: Limits,
    /// The current directory, by device and inode.
    pub(crate) directory: (u64, u64),
    /// The environment, as a number.
    pub(crate) environment: u64,
    /// What is behind the standard output and error.
    pub(crate) streams: [(u64, u64); 2],
}

impl Surroundings {
    /// Those of the calling thread.
    pub(crate) fn now() -> Result<Self, Errno> {
        let status = Status::read()?;
        Ok(Self {
            privileges: status.privileges,
            umask: status.umask,
            mask: status.mask,
            limits: limits()?,
            directory: directory(),
            environment: fingerprint(),
            streams: [files::identity(files::standard(1)), files::identity(files::standard(2))],
        })
    }
}

/// The lines of interest in the kernel's text about a thread.
struct Status {
    privileges: u64,
    umask: u32,
    mask: u64,
}

impl Status {
    fn read() -> Result<Self, Errno> {
        let mut text = [0; 4096];
        let length = File::open("/proc/thread-self/status")
            .and_then(|mut file| file.read(&mut text))
            .map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)))?;
        Ok(Self::parse(text.get(..length).unwrap_or_default()))
    }

    fn parse(text: &[u8]) -> Self {
        let mut privileges = DefaultHasher::new();
        let mut status = Self { privileges: 0, umask: 0o022, mask: 0 };
        for line in text.split(|&byte| byte == b'\n') {
            let Some(colon) = line.iter().position(|&byte| byte == b':') else { continue };
            let (key, value) = line.split_at(colon);
            let number = |radix| {
                let value = std::str::from_utf8(value.get(1..)?).ok()?;
                u64::from_str_radix(value.trim(), radix).ok()
            };
            match key {
                b"Umask" => status.umask = number(8).map_or(0o022, |mask| mask as u32 & 0o777),
                b"SigBlk" => status.mask = number(16).unwrap_or(0),
                b"Uid" | b"Gid" | b"Groups" | b"NoNewPrivs" | b"Seccomp" | b"Seccomp_filters"
                | b"CapInh" | b"CapPrm" | b"CapEff" | b"CapBnd" | b"CapAmb" => {
                    line.hash(&mut privileges);
                }
                _ => {}
            }
        }
        status.privileges = privileges.finish();
        status
    }
}

/// A limit as the kernel has it, whatever libc makes of it.
#[repr(C)]
struct Limit {
    soft: u64,
    hard: u64,
}

/// Reads a limit of this process into `old`, or sets it to `new`.
fn prlimit(resource: usize, new: Option<&Limit>, old: Option<&mut Limit>) -> Result<(), Errno> {
    let new = new.map_or(std::ptr::null(), std::ptr::from_ref);
    let old = old.map_or(std::ptr::null_mut(), std::ptr::from_mut);
    // SAFETY: each pointer is null or valid for the call.
    let result = unsafe { libc::syscall(libc::SYS_prlimit64, 0, resource, new, old) };
    Errno::result(result).map(drop)
}

/// The limits of this process.
pub(crate) fn limits() -> Result<Limits, Errno> {
    let mut limits = [(0, 0); RESOURCES];
    for (resource, limit) in limits.iter_mut().enumerate() {
        let mut both = Limit { soft: 0, hard: 0 };
        prlimit(resource, None, Some(&mut both))?;
        *limit = (both.soft, both.hard);
    }
    Ok(limits)
}

/// Sets one limit of this process.
pub(crate) fn set_limit(resource: usize, (soft, hard): (u64, u64)) -> Result<(), Errno> {
    prlimit(resource, Some(&Limit { soft, hard }), None)
}

/// The current directory, by device and inode.
fn directory() -> (u64, u64) {
    nix::sys::stat::stat(".").map_or((0, 0), |stat| (stat.st_dev, stat.st_ino))
}

/// The environment of this process.
pub(crate) fn environment() -> Environment {
    std::env::vars_os()
        .map(|(name, value)| (name.as_bytes().to_owned(), value.as_bytes().to_owned()))
        .collect()
}

fn fingerprint() -> u64 {
    let mut hasher = DefaultHasher::new();
    for (name, value) in std::env::vars_os() {
        name.hash(&mut hasher);
        value.hash(&mut hasher);
    }
    hasher.finish()
}

unsafe extern "C" {
    /// POSIX: whoever replaces the environment as a whole stores to this.
    static mut environ: *mut *mut c_char;
}

/// Replaces the environment of this process. As a whole: what sets single variables takes no names
/// that begin with `=`, though a process can inherit such.
///
/// # Safety
///
/// This process has one thread.
pub(crate) unsafe fn set_environment(environment: &Environment) -> Result<(), Errno> {
    let mut lines = Vec::with_capacity(environment.len() + 1);
    for (name, value) in environment {
        let line = CString::new([name, &b"="[..], value].concat()).map_err(|_| Errno::EINVAL)?;
        // For as long as the process lives, like every environment.
        lines.push(line.into_raw());
    }
    lines.push(std::ptr::null_mut());
    // SAFETY: one thread (contract). The array ends with a null pointer; it and its texts are
    // never freed.
    unsafe { environ = lines.leak().as_mut_ptr() };
    Ok(())
}
