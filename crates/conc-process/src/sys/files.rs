//! Anonymous files, pipes, `/dev/null`, closing and moving descriptors.

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl, open};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::stat::{Mode, fstat};
use nix::unistd::{chdir, fchdir, pipe2};
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;

/// An anonymous file with these contents.
pub(crate) fn memory(contents: &[u8]) -> Result<OwnedFd, Errno> {
    let mut file = File::from(memfd_create(c"conc-process", MFdFlags::MFD_CLOEXEC)?);
    file.write_all(contents).map_err(|error| errno(&error))?;
    Ok(file.into())
}

/// Reads an anonymous file from its beginning.
pub(crate) fn read_memory(file: OwnedFd) -> Result<Vec<u8>, Errno> {
    let mut file = File::from(file);
    let length = file.metadata().map_err(|error| errno(&error))?.len();
    let mut contents = Vec::new();
    contents
        .try_reserve_exact(usize::try_from(length).map_err(|_| Errno::EFBIG)?)
        .map_err(|_| Errno::ENOMEM)?;
    file.rewind().map_err(|error| errno(&error))?;
    file.read_to_end(&mut contents).map_err(|error| errno(&error))?;
    Ok(contents)
}

fn errno(error: &std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO))
}

/// A pipe: the end to read, the end to write.
pub(crate) fn pipe() -> Result<(OwnedFd, OwnedFd), Errno> {
    pipe2(OFlag::O_CLOEXEC)
}

/// `/dev/null`, for both directions.
pub(crate) fn null() -> Result<OwnedFd, Errno> {
    open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())
}

/// A directory, to be entered later.
pub(crate) fn directory(path: &Path) -> Result<OwnedFd, Errno> {
    open(path, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
}

/// Makes an open directory the current one.
pub(crate) fn enter(directory: BorrowedFd<'_>) -> Result<(), Errno> {
    fchdir(directory)
}

/// Holds no directory that somebody may want to unmount.
pub(crate) fn enter_root() -> Result<(), Errno> {
    chdir("/")
}

/// Which file is behind a descriptor: device and inode. (0, 0) if there is none.
pub(crate) fn identity(fd: BorrowedFd<'_>) -> (u64, u64) {
    fstat(fd).map_or((0, 0), |stat| (stat.st_dev, stat.st_ino))
}

/// One of the three standard descriptors, even where `std` does not own it.
pub(crate) fn standard(number: RawFd) -> BorrowedFd<'static> {
    debug_assert!((0..=2).contains(&number), "the standard descriptors are 0, 1 and 2");
    // SAFETY: nothing owns the standard descriptors, so nothing closes them; a program that does
    // so by hand gets an error from the calls below, not undefined behaviour.
    unsafe { BorrowedFd::borrow_raw(number) }
}

/// A second descriptor of the same file, above the standard ones.
pub(crate) fn duplicate(fd: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    duplicate_above(fd, 3)
}

/// A second descriptor of the same file, with this number or a higher one.
pub(crate) fn duplicate_above(fd: BorrowedFd<'_>, lowest: RawFd) -> Result<OwnedFd, Errno> {
    let copy = fcntl(fd, FcntlArg::F_DUPFD_CLOEXEC(lowest))?;
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// Whether a descriptor survives an exec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnExec {
    Keep,
    Close,
}

/// Puts a copy of `fd` in place `number`.
///
/// # Safety
///
/// Nothing in this process may own the descriptor `number`, unless it is `fd` itself.
pub(crate) unsafe fn put(fd: BorrowedFd<'_>, number: RawFd, on_exec: OnExec) -> Result<(), Errno> {
    if fd.as_raw_fd() == number {
        return set_on_exec(fd, on_exec);
    }
    let flags = match on_exec {
        OnExec::Keep => 0,
        OnExec::Close => libc::O_CLOEXEC,
    };
    loop {
        // SAFETY: nobody owns the descriptor that this replaces (contract).
        match Errno::result(unsafe { libc::dup3(fd.as_raw_fd(), number, flags) }) {
            Ok(_) => return Ok(()),
            Err(Errno::EINTR | Errno::EBUSY) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Says whether a descriptor survives an exec.
pub(crate) fn set_on_exec(fd: BorrowedFd<'_>, on_exec: OnExec) -> Result<(), Errno> {
    let flags = match on_exec {
        OnExec::Keep => FdFlag::empty(),
        OnExec::Close => FdFlag::FD_CLOEXEC,
    };
    fcntl(fd, FcntlArg::F_SETFD(flags)).map(drop)
}

/// A descriptor that was put in a known place.
///
/// # Safety
///
/// It stays open for as long as the process lives.
pub(crate) unsafe fn at(number: RawFd) -> BorrowedFd<'static> {
    // SAFETY: the caller's contract.
    unsafe { BorrowedFd::borrow_raw(number) }
}

/// Opens `/dev/null` in the place of each standard descriptor that is closed, as `std` does.
pub(crate) fn fill_standard() {
    for number in 0..=2 {
        if fcntl(standard(number), FcntlArg::F_GETFD).is_err() {
            // The lowest free number is this one. It stays open on purpose.
            let _ = null().map(std::os::fd::IntoRawFd::into_raw_fd);
        }
    }
}

/// Takes ownership of a descriptor that was put in a known place.
///
/// # Safety
///
/// The descriptor is open, and nothing else owns it.
pub(crate) unsafe fn take(number: RawFd) -> OwnedFd {
    // SAFETY: the caller's contract.
    unsafe { OwnedFd::from_raw_fd(number) }
}

/// Closes all descriptors from `first` on.
///
/// # Safety
///
/// Nothing that goes on running in this process may own one of them.
pub(crate) unsafe fn close_from(first: RawFd) {
    let Ok(start) = libc::c_uint::try_from(first) else { return };
    // SAFETY: the caller's contract; the call takes numbers only.
    let result = unsafe { libc::syscall(libc::SYS_close_range, start, libc::c_uint::MAX, 0) };
    if result == 0 {
        return;
    }
    // Before Linux 5.9: one by one, as far as descriptors can go.
    for number in first..i32::try_from(open_limit()).unwrap_or(i32::MAX) {
        // SAFETY: the caller's contract.
        unsafe { libc::close(number) };
    }
}

fn open_limit() -> u64 {
    nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE)
        .map_or(1024, |(soft, _)| soft)
}

/// Makes reads return at once.
pub(crate) fn set_nonblocking(fd: impl AsFd) -> Result<(), Errno> {
    fcntl(fd, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map(drop)
}
