//! The entry of `.init_array`.

use super::READY;
use super::role::Role;
use crate::sys::image::{Constructor, Image};
use conc_core::sync::Ordering;
use std::ffi::{CStr, c_char, c_int};

#[used]
#[unsafe(link_section = ".init_array")]
static HOOK: Constructor = at_start;

/// Ties the entry to the code that needs it: a linker leaves out objects of a library that nothing
/// refers to.
pub(super) fn keep() {
    std::hint::black_box(&HOOK);
}

/// Called by the loader before `main`.
extern "C" fn at_start(count: c_int, arguments: *const *const c_char, env: *const *const c_char) {
    // A library that somebody loads calls its entries, too; but starting that program again would
    // run its `main`, which is not ours.
    if !Image::own().has_code(at_start as *const () as usize) {
        return;
    }
    // ORDERING: Relaxed. There is one thread.
    let ready = || READY.store(true, Ordering::Relaxed);
    let mut lines = CommandLine::new(count, arguments);
    let Some(role) = Role::recognise(lines.next(), lines.next()) else { return ready() };
    // Not ready yet: one that starts a process would do so in each server, without end.
    for constructor in Image::own().constructors_after(at_start) {
        constructor(count, arguments, env);
    }
    ready();
    role.play();
}

/// The arguments, as the loader passes them.
#[cfg(target_env = "gnu")]
struct CommandLine {
    left: c_int,
    next: *const *const c_char,
}

#[cfg(target_env = "gnu")]
impl CommandLine {
    fn new(count: c_int, arguments: *const *const c_char) -> Self {
        Self { left: count, next: arguments }
    }

    /// The next argument; empty at the end.
    fn next(&mut self) -> &'static [u8] {
        if self.left <= 0 || self.next.is_null() {
            return &[];
        }
        self.left -= 1;
        // SAFETY: glibc passes an array of so many pointers to every entry.
        let argument = unsafe { *self.next };
        // SAFETY: the array ends with a null pointer, so there is a next place.
        self.next = unsafe { self.next.add(1) };
        if argument.is_null() {
            return &[];
        }
        // SAFETY: each points to a text that ends with a zero and lives as long as the process.
        unsafe { CStr::from_ptr(argument) }.to_bytes()
    }
}

/// The arguments, as the kernel shows them: other libraries pass nothing to their entries.
#[cfg(not(target_env = "gnu"))]
struct CommandLine {
    rest: &'static [u8],
}

#[cfg(not(target_env = "gnu"))]
impl CommandLine {
    fn new(_count: c_int, _arguments: *const *const c_char) -> Self {
        let bytes = std::fs::read("/proc/self/cmdline").unwrap_or_default();
        Self { rest: bytes.leak() }
    }

    /// The next argument; empty at the end.
    fn next(&mut self) -> &'static [u8] {
        let mut parts = self.rest.splitn(2, |&byte| byte == 0);
        let argument = parts.next().unwrap_or_default();
        self.rest = parts.next().unwrap_or_default();
        argument
    }
}
