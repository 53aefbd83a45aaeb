//! Anonymous and named files of memory, their seals, their pages.

use nix::errno::Errno;
use nix::fcntl::{AtFlags, FallocateFlags, FcntlArg, OFlag, SealFlag, fallocate, fcntl, open};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, stat};
use nix::sys::uio::pread;
use nix::unistd::{ftruncate, geteuid, linkat, unlink};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// Where named files of memory are.
const NAMES: &str = "/dev/shm";

/// Pages are taken in steps of so many bytes: a step that a signal interrupts starts anew.
const STEP: u64 = 16 << 20;

/// What an attached segment must have: nobody changes its length.
const SEALS: SealFlag = SealFlag::F_SEAL_SHRINK.union(SealFlag::F_SEAL_GROW);

/// An anonymous file that can be sealed, and never executed where the kernel can promise that.
pub(crate) fn anonymous() -> Result<OwnedFd, Errno> {
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let safer = flags | MFdFlags::from_bits_retain(libc::MFD_NOEXEC_SEAL);
    match memfd_create(c"conc-shm", safer) {
        // Before Linux 6.3.
        Err(Errno::EINVAL) => memfd_create(c"conc-shm", flags),
        other => other,
    }
}

/// A file without a name yet, in the folder of names; only this user may open it.
pub(crate) fn nameless() -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_TMPFILE | OFlag::O_RDWR | OFlag::O_CLOEXEC;
    open(NAMES, flags, Mode::S_IRUSR | Mode::S_IWUSR)
}

/// Gives a nameless file its name; `EEXIST` if there is one.
pub(crate) fn give_name(file: BorrowedFd<'_>, name: &str) -> Result<(), Errno> {
    let from = format!("/proc/self/fd/{}", file.as_raw_fd());
    let here = nix::fcntl::AT_FDCWD;
    linkat(here, from.as_str(), here, &path(name), AtFlags::AT_SYMLINK_FOLLOW)
}

/// Opens a named file.
pub(crate) fn open_name(name: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_RDWR | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    open(&path(name), flags, Mode::empty())
}

/// Takes a name away; who has the file keeps it.
pub(crate) fn take_name(name: &str) -> Result<(), Errno> {
    unlink(&path(name))
}

/// Which file has this name.
pub(crate) fn behind_name(name: &str) -> Result<Identity, Errno> {
    stat(&path(name)).map(|stat| Facts::from(stat).identity)
}

/// Opens a file that another process has open under this number, if it is the wanted one.
pub(crate) fn open_in(process: u32, number: i32, wanted: Identity) -> Option<OwnedFd> {
    let path = format!("/proc/{process}/fd/{number}");
    let is_wanted = |facts: Facts| (facts.identity == wanted).then_some(());
    // Looked at before it is opened: to open a device or a pipe may do something.
    is_wanted(stat(path.as_str()).map(Facts::from).ok()?)?;
    let flags = OFlag::O_RDWR | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
    let file = open(path.as_str(), flags, Mode::empty()).ok()?;
    is_wanted(facts(file.as_fd()).ok()?)?;
    Some(file)
}

/// Opens a file that another process has open somewhere.
pub(crate) fn find_in(process: u32, wanted: Identity) -> Option<OwnedFd> {
    let folder = std::fs::read_dir(format!("/proc/{process}/fd")).ok()?;
    folder.filter_map(Result::ok).find_map(|entry| {
        let number = entry.file_name().to_str()?.parse().ok()?;
        open_in(process, number, wanted)
    })
}

fn path(name: &str) -> std::path::PathBuf {
    Path::new(NAMES).join(name)
}

/// Device and inode.
pub(crate) type Identity = (u64, u64);

/// What is known about a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) identity: Identity,
    pub(crate) len: u64,
    /// Bytes that have pages.
    pub(crate) reserved: u64,
    pub(crate) is_regular: bool,
    /// It is this user's, and nobody else may open it.
    pub(crate) is_private: bool,
}

impl From<FileStat> for Facts {
    fn from(stat: FileStat) -> Self {
        let kind = SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits());
        Self {
            identity: (stat.st_dev, stat.st_ino),
            len: u64::try_from(stat.st_size).unwrap_or(0),
            reserved: u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512),
            is_regular: kind == SFlag::S_IFREG,
            is_private: stat.st_uid == geteuid().as_raw() && stat.st_mode & 0o077 == 0,
        }
    }
}

/// What the system says about an open file.
pub(crate) fn facts(file: BorrowedFd<'_>) -> Result<Facts, Errno> {
    fstat(file).map(Facts::from)
}

/// Sets the length, once. A limit for files is an error here, and not a signal.
pub(crate) fn set_len(file: BorrowedFd<'_>, len: u64) -> Result<(), Errno> {
    let (soft, _) = getrlimit(Resource::RLIMIT_FSIZE)?;
    if len > soft {
        return Err(Errno::EFBIG);
    }
    ftruncate(file, i64::try_from(len).map_err(|_| Errno::EFBIG)?)
}

/// From now on nobody changes the length, nor the seals.
pub(crate) fn seal(file: BorrowedFd<'_>) -> Result<(), Errno> {
    fcntl(file, FcntlArg::F_ADD_SEALS(SEALS | SealFlag::F_SEAL_SEAL)).map(drop)
}

/// Whether a file of memory is sealed; an error if it is no file of memory.
pub(crate) fn is_sealed(file: BorrowedFd<'_>) -> Result<bool, Errno> {
    let seals = fcntl(file, FcntlArg::F_GET_SEALS)?;
    Ok(SealFlag::from_bits_retain(seals).contains(SEALS))
}

/// Makes pages exist for this range, which lies in the file. What exists stays as it is.
pub(crate) fn reserve(file: BorrowedFd<'_>, mut start: u64, end: u64) -> Result<(), Errno> {
    while start < end {
        let len = (end - start).min(STEP);
        let offset = i64::try_from(start).map_err(|_| Errno::EFBIG)?;
        match fallocate(file, FallocateFlags::empty(), offset, len as i64) {
            Ok(()) => start += len,
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads from the start of a file; how many bytes there were.
pub(crate) fn read_start(file: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<usize, Errno> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match pread(file, rest, i64::try_from(filled).unwrap_or(i64::MAX)) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
