//! The work, as two addresses and an argument.

use super::{Argument, Encoded, decode, encode};
use crate::sys::image::Image;
use conc_core::job::caught;
use conc_core::{JoinError, Wire};
use serde::{Deserialize, Serialize};

/// A place in the code of the main executable, the same in every process that runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Address(u64);

impl Address {
    /// The place of a code address. `None`: it is not in the main executable.
    pub(crate) fn of(code: usize) -> Option<Self> {
        Image::own().offset_of(code).map(Self)
    }

    /// The place with this offset, unchecked until it is [located](Self::locate).
    pub(crate) const fn at(offset: u64) -> Self {
        Self(offset)
    }

    /// The distance from the base of the executable.
    pub(crate) const fn offset(self) -> u64 {
        self.0
    }

    /// The address in this process. `None`: there is no code.
    pub(crate) fn locate(self) -> Option<usize> {
        Image::own().address_at(self.0)
    }
}

/// Decodes the argument, calls the function, encodes the result.
type Entry = fn(usize, Argument<'_>) -> Verdict;

/// How a task ended.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// The function returned this value.
    Value(Encoded),
    /// There is no value.
    Failed(JoinError),
}

impl Verdict {
    /// The verdict on a function that ran and whose result was encoded.
    pub(crate) fn of(outcome: Result<Result<Encoded, Box<str>>, JoinError>) -> Self {
        match outcome {
            Ok(Ok(value)) => Self::Value(value),
            Ok(Err(message)) => Self::Failed(JoinError::NotEncoded { message }),
            Err(panic) => Self::Failed(panic),
        }
    }
}

/// A function, and the code that knows the types of its argument and result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Task {
    entry: Address,
    function: Address,
}

impl Task {
    /// The task of calling `function`. `None`: it is not in the main executable.
    pub(crate) fn new<A: Wire, R: Wire>(function: fn(A) -> R) -> Option<Self> {
        let entry: Entry = enter::<A, R>;
        Some(Self {
            entry: Address::of(entry as usize)?,
            function: Address::of(function as usize)?,
        })
    }

    /// The task of calling a function of two arguments with a pair.
    pub(crate) fn of_two<A: Wire, B: Wire, R: Wire>(function: fn(A, B) -> R) -> Option<Self> {
        let entry: Entry = enter_two::<A, B, R>;
        Some(Self {
            entry: Address::of(entry as usize)?,
            function: Address::of(function as usize)?,
        })
    }

    /// Runs the task in this process. `None`: its addresses are not code of this program.
    pub(crate) fn run(self, argument: Argument<'_>) -> Option<Verdict> {
        let entry = std::ptr::with_exposed_provenance::<()>(self.entry.locate()?);
        let function = self.function.locate()?;
        // SAFETY:
        // - Requests come from a process that runs this very program (its fingerprint was
        //   compared) over a socket that only it holds, and it made the address from an `Entry`.
        // - The address lies in this program's code.
        let entry = unsafe { std::mem::transmute::<*const (), Entry>(entry) };
        Some(entry(function, argument))
    }
}

fn enter<A: Wire, R: Wire>(function: usize, argument: Argument<'_>) -> Verdict {
    let function = std::ptr::with_exposed_provenance::<()>(function);
    // SAFETY: `Task::new` pairs this entry with a function of exactly this type, and `Task::run`
    // has checked that the address is code of the same program.
    let function = unsafe { std::mem::transmute::<*const (), fn(A) -> R>(function) };
    call(argument, function)
}

fn enter_two<A: Wire, B: Wire, R: Wire>(function: usize, argument: Argument<'_>) -> Verdict {
    let function = std::ptr::with_exposed_provenance::<()>(function);
    // SAFETY: as in `enter`; `Task::of_two` pairs this entry with its functions.
    let function = unsafe { std::mem::transmute::<*const (), fn(A, B) -> R>(function) };
    call(argument, |(left, right)| function(left, right))
}

fn call<A: Wire, R: Wire>(argument: Argument<'_>, function: impl FnOnce(A) -> R) -> Verdict {
    let Argument { bytes, descriptors } = argument;
    let argument = match caught(|| decode::<A>(bytes, descriptors)) {
        Ok(Ok(argument)) => argument,
        Ok(Err(error)) | Err(error) => return Verdict::Failed(error),
    };
    Verdict::of(caught(|| encode(&function(argument))))
}
