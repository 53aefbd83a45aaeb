//! What a dying process can still say.
//!
//! A handler for the signals of a crash runs on a stack of its own, tells whoever listens, and
//! then lets the signal do what it would have done: the exit status and the core file are those of
//! the crash itself.

use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use std::ffi::{c_int, c_void};
use std::sync::OnceLock;

/// The signals that mean a crash.
const CRASHES: [Signal; 6] = [
    Signal::SIGSEGV,
    Signal::SIGBUS,
    Signal::SIGILL,
    Signal::SIGFPE,
    Signal::SIGTRAP,
    Signal::SIGABRT,
];

/// Room for the handler: unwinding needs a few pages.
const STACK: usize = 128 * 1024;

/// Frames that are kept.
const MAX_FRAMES: usize = 64;

/// Finding the frames may take so long, in seconds: the crash may have broken what they are found
/// by.
const PATIENCE: libc::c_uint = 2;

/// A crash, as its handler sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crash<'a> {
    /// The number of the signal.
    pub(crate) signal: i32,
    /// The address whose access faulted, where the kernel knows one.
    pub(crate) address: Option<u64>,
    /// Return addresses, innermost first.
    pub(crate) frames: &'a [usize],
}

/// Called in the handler, first without frames and then with them: must be safe in a signal
/// handler, so it may not allocate.
type Tell = fn(Crash<'_>);

static TELL: OnceLock<Tell> = OnceLock::new();

/// Installs the handler in this process; children by fork inherit it. A signal that the program
/// handles itself is left alone.
pub(crate) fn install(tell: Tell) -> Result<(), Errno> {
    TELL.get_or_init(|| tell);
    let stack: &'static mut [u8] = Box::leak(vec![0; STACK].into_boxed_slice());
    let stack =
        libc::stack_t { ss_sp: stack.as_mut_ptr().cast(), ss_flags: 0, ss_size: stack.len() };
    // SAFETY: the stack is never freed, and nothing else uses it.
    Errno::result(unsafe { libc::sigaltstack(&raw const stack, std::ptr::null_mut()) })?;
    let flags = SaFlags::SA_SIGINFO | SaFlags::SA_ONSTACK | SaFlags::SA_RESETHAND;
    let action = SigAction::new(SigHandler::SigAction(crashed), flags, SigSet::empty());
    for signal in CRASHES {
        if super::signals::is_default(signal as i32) {
            // SAFETY: the handler does only what a signal handler may do.
            unsafe { sigaction(signal, &action) }?;
        }
    }
    // The frames are found with tables that are loaded when they are first needed: now, not then.
    let mut frames = [0; MAX_FRAMES];
    trace(&mut frames);
    Ok(())
}

extern "C" fn crashed(number: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel passes a valid record, which nobody changes.
    let info = unsafe { &*info };
    // Codes above zero are the kernel's own; others are signals that somebody sent.
    let is_fault = info.si_code > 0 && !matches!(number, libc::SIGABRT | libc::SIGTRAP);
    // SAFETY: the kernel fills the address of a fault.
    let address = is_fault.then(|| unsafe { info.si_addr() }.addr() as u64);
    let Some(tell) = TELL.get() else { return };
    tell(Crash { signal: number, address, frames: &[] });
    arm();
    let mut frames = [0; MAX_FRAMES];
    let count = trace(&mut frames);
    let frames = frames.get(..count).unwrap_or_default();
    // The handler's own frames are of no interest.
    let skip = program_counter(context)
        .and_then(|pc| frames.iter().position(|&frame| frame == pc))
        .unwrap_or(0);
    tell(Crash { signal: number, address, frames: frames.get(skip..).unwrap_or_default() });
    // SAFETY: the call takes a number.
    unsafe { libc::alarm(0) };
    // Blocked until this handler returns, then it does what it does by itself.
    // SAFETY: the call takes a number.
    unsafe { libc::raise(number) };
}

/// Finding frames may hang in a process that is broken enough: then SIGALRM ends it, whatever the
/// process had made of that signal.
fn arm() {
    // SAFETY: numbers only, and allowed in a signal handler.
    unsafe { libc::signal(libc::SIGALRM, libc::SIG_DFL) };
    // SAFETY: all zeroes are a valid set.
    let mut alarm: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set outlives the call, which is allowed in a signal handler.
    unsafe { libc::sigaddset(&raw mut alarm, libc::SIGALRM) };
    // SAFETY: the set outlives the call; nobody asks for the former mask.
    unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const alarm, std::ptr::null_mut()) };
    // SAFETY: the call takes a number.
    unsafe { libc::alarm(PATIENCE) };
}

#[cfg(feature = "backtrace")]
fn trace(frames: &mut [usize; MAX_FRAMES]) -> usize {
    let mut count = 0;
    // SAFETY: called once per process before it forks, and then in the handler of a crash, where
    // there is nothing left to lose; `alarm` bounds it.
    unsafe {
        backtrace::trace_unsynchronized(|frame| {
            if let Some(place) = frames.get_mut(count) {
                *place = frame.ip().addr();
                count += 1;
            }
            count < MAX_FRAMES
        });
    }
    count
}

#[cfg(not(feature = "backtrace"))]
fn trace(_frames: &mut [usize; MAX_FRAMES]) -> usize {
    0
}

/// Where the program was when the signal came.
#[cfg(target_arch = "x86_64")]
fn program_counter(context: *mut c_void) -> Option<usize> {
    let context = context.cast::<libc::ucontext_t>();
    // SAFETY: the kernel passes a valid context to a handler with SA_SIGINFO.
    let registers = unsafe { &(*context).uc_mcontext.gregs };
    registers.get(usize::try_from(libc::REG_RIP).ok()?).map(|&pc| pc as usize)
}

/// Where the program was when the signal came.
#[cfg(target_arch = "aarch64")]
fn program_counter(context: *mut c_void) -> Option<usize> {
    let context = context.cast::<libc::ucontext_t>();
    // SAFETY: the kernel passes a valid context to a handler with SA_SIGINFO.
    usize::try_from(unsafe { (*context).uc_mcontext.pc }).ok()
}

/// Where the program was when the signal came.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn program_counter(_context: *mut c_void) -> Option<usize> {
    None
}
