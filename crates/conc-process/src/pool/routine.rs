//! What a pool can call: function pointers of several forms, and the code that knows their types.

use super::desk::Desk;
use super::draft::FRAME;
use super::failure::Failure;
use crate::protocol::{Address, decode};
use conc_core::job::caught;
use conc_core::{JoinError, Wire};
use serde::{Deserialize, Serialize};
use std::any::Any;
use std::os::fd::OwnedFd;

/// A function pointer of one of the forms that a pool can call.
pub(super) trait Routine: Send + 'static {
    type Argument: Wire;
    type Output: Wire;

    fn address(&self) -> usize;

    /// The function with this address.
    ///
    /// # Safety
    ///
    /// The address is that of a routine of this very type in this program.
    unsafe fn at(address: usize) -> Self;

    fn call(&self, state: &mut dyn Any, argument: Self::Argument) -> Self::Output;
}

impl<A: Wire, R: Wire> Routine for fn(A) -> R {
    type Argument = A;
    type Output = R;

    fn address(&self) -> usize {
        *self as usize
    }

    unsafe fn at(address: usize) -> Self {
        let pointer = std::ptr::with_exposed_provenance::<()>(address);
        // SAFETY: the address of a function of this type (contract).
        unsafe { std::mem::transmute::<*const (), Self>(pointer) }
    }

    #[inline]
    fn call(&self, _: &mut dyn Any, argument: A) -> R {
        self(argument)
    }
}

/// A function of two arguments, called with a pair.
pub(super) struct OfTwo<A, B, R>(pub(super) fn(A, B) -> R);

impl<A: Wire, B: Wire, R: Wire> Routine for OfTwo<A, B, R> {
    type Argument = (A, B);
    type Output = R;

    fn address(&self) -> usize {
        self.0 as usize
    }

    unsafe fn at(address: usize) -> Self {
        let pointer = std::ptr::with_exposed_provenance::<()>(address);
        // SAFETY: the address of a function of this type (contract).
        Self(unsafe { std::mem::transmute::<*const (), fn(A, B) -> R>(pointer) })
    }

    #[inline]
    fn call(&self, _: &mut dyn Any, (left, right): (A, B)) -> R {
        (self.0)(left, right)
    }
}

/// A function that borrows what the initializer made.
pub(super) struct WithState<S, A, R>(pub(super) fn(&mut S, A) -> R);

impl<S: 'static, A: Wire, R: Wire> Routine for WithState<S, A, R> {
    type Argument = A;
    type Output = R;

    fn address(&self) -> usize {
        self.0 as usize
    }

    unsafe fn at(address: usize) -> Self {
        let pointer = std::ptr::with_exposed_provenance::<()>(address);
        // SAFETY: the address of a function of this type (contract).
        Self(unsafe { std::mem::transmute::<*const (), fn(&mut S, A) -> R>(pointer) })
    }

    fn call(&self, state: &mut dyn Any, argument: A) -> R {
        let state = state.downcast_mut().expect("a pool's jobs borrow what its initializer made");
        (self.0)(state, argument)
    }
}

/// Runs an entry of a ring: one call, or a batch of items.
type Entry = fn(usize, &mut Desk<'_>);

/// What an entry of a ring calls: the code that knows the types, and the function.
#[derive(Debug, Clone, Copy)]
pub(super) struct Work {
    entry: Address,
    function: Address,
}

impl Work {
    /// `None`: it is not in the main executable.
    pub(super) fn call<C: Routine>(routine: &C) -> Option<Self> {
        let entry: Entry = enter::<C>;
        Self::of(entry, routine.address())
    }

    /// `None`: it is not in the main executable.
    pub(super) fn batch<C: Routine>(routine: &C) -> Option<Self> {
        let entry: Entry = enter_batch::<C>;
        Self::of(entry, routine.address())
    }

    fn of(entry: Entry, function: usize) -> Option<Self> {
        Some(Self { entry: Address::of(entry as usize)?, function: Address::of(function)? })
    }

    /// Its addresses, as they travel.
    pub(super) fn offsets(self) -> (u64, u64) {
        (self.entry.offset(), self.function.offset())
    }

    /// From offsets that came out of a ring.
    pub(super) fn at((entry, function): (u64, u64)) -> Self {
        Self { entry: Address::at(entry), function: Address::at(function) }
    }

    /// Runs it in this process; `false`: its addresses are not code of this program.
    pub(super) fn run(self, desk: &mut Desk<'_>) -> bool {
        let (Some(entry), Some(function)) = (self.entry.locate(), self.function.locate()) else {
            return false;
        };
        let entry = std::ptr::with_exposed_provenance::<()>(entry);
        // SAFETY:
        // - Entries come from the parent, which runs this very program, through a ring that only
        //   the two have, and it made the address from an `Entry`.
        // - The address lies in this program's code.
        let entry = unsafe { std::mem::transmute::<*const (), Entry>(entry) };
        entry(function, desk);
        true
    }
}

fn enter<C: Routine>(function: usize, desk: &mut Desk<'_>) {
    // SAFETY: `Work::call` pairs this entry with a routine of exactly this type.
    let routine = unsafe { C::at(function) };
    let (input, descriptors) = desk.take_input();
    let argument = match caught(|| decode::<C::Argument>(input, descriptors)) {
        Ok(Ok(argument)) => argument,
        Ok(Err(error)) | Err(error) => return desk.fail(&error),
    };
    let outcome = caught(|| routine.call(desk.state(), argument));
    desk.end_if_copy();
    match outcome {
        Ok(result) => {
            if let Err(error) = caught(|| desk.answer(&result)).and_then(|answered| answered) {
                desk.fail(&error);
            }
            drop_quietly(result);
        }
        Err(error) => desk.fail(&error),
    }
}

fn enter_batch<C: Routine>(function: usize, desk: &mut Desk<'_>) {
    // SAFETY: `Work::batch` pairs this entry with a routine of exactly this type.
    let routine = unsafe { C::at(function) };
    let (input, descriptors) = desk.take_input();
    let mut items = Items { input, descriptors };
    // Caught for all items together: what can be caught costs each of them some nanoseconds.
    while let Err(error) = caught(|| items.run(&routine, desk)).and_then(|ran| ran) {
        desk.end_if_copy();
        desk.fail_item(&error);
        if desk.is_full() {
            return;
        }
    }
}

/// What is left of the encoded items of a batch.
struct Items<'i> {
    input: &'i [u8],
    /// In the one item: a batch with descriptors has no other.
    descriptors: Vec<OwnedFd>,
}

impl Items<'_> {
    /// Runs items until none is left or has room, or until one fails.
    fn run<C: Routine>(&mut self, routine: &C, desk: &mut Desk<'_>) -> Result<(), JoinError> {
        while !desk.is_full() && desk.take_item() {
            let argument = self.next::<C::Argument>()?;
            let result = routine.call(desk.state(), argument);
            desk.end_if_copy();
            desk.answer_item(&result)?;
            drop_quietly(result);
        }
        Ok(())
    }

    #[inline]
    fn next<A: Wire>(&mut self) -> Result<A, JoinError> {
        let framed = self.input.split_first_chunk::<FRAME>();
        let item =
            framed.and_then(|(len, rest)| rest.split_at_checked(u32::from_le_bytes(*len) as usize));
        let Some((bytes, rest)) = item else {
            let message = "the items of a batch are cut short".into();
            return Err(JoinError::NotDecoded { message });
        };
        self.input = rest;
        let decoded = if self.descriptors.is_empty() {
            postcard::from_bytes(bytes)
        } else {
            let descriptors = std::mem::take(&mut self.descriptors);
            conc_core::courier::unpacking(descriptors, || postcard::from_bytes(bytes))
        };
        decoded.map_err(|error| JoinError::NotDecoded { message: error.to_string().into() })
    }
}

/// A result's destructor may panic; the result is on its way already.
#[inline]
fn drop_quietly<T>(value: T) {
    if std::mem::needs_drop::<T>() {
        conc_core::job::quietly(move || drop(value));
    }
}

/// Makes what a worker's jobs borrow.
type Founder = fn(usize, &[u8], Vec<OwnedFd>) -> Result<Box<dyn Any>, Failure>;

/// An initializer: the code that knows its types, and the function.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Founding {
    founder: Address,
    function: Address,
}

impl Founding {
    /// `None`: it is not in the main executable.
    pub(super) fn new<A: Wire, S: 'static>(function: fn(A) -> S) -> Option<Self> {
        let founder: Founder = found::<A, S>;
        Some(Self {
            founder: Address::of(founder as usize)?,
            function: Address::of(function as usize)?,
        })
    }

    /// Runs it in this process.
    pub(super) fn run(
        self,
        input: &[u8],
        descriptors: Vec<OwnedFd>,
    ) -> Result<Box<dyn Any>, Failure> {
        let (Some(founder), Some(function)) = (self.founder.locate(), self.function.locate())
        else {
            let message = "no such function".into();
            return Err(Failure::of(&JoinError::NotDecoded { message }));
        };
        let founder = std::ptr::with_exposed_provenance::<()>(founder);
        // SAFETY: as in `Work::run`; made from a `Founder`.
        let founder = unsafe { std::mem::transmute::<*const (), Founder>(founder) };
        founder(function, input, descriptors)
    }
}

fn found<A: Wire, S: 'static>(
    function: usize,
    input: &[u8],
    descriptors: Vec<OwnedFd>,
) -> Result<Box<dyn Any>, Failure> {
    let function = std::ptr::with_exposed_provenance::<()>(function);
    // SAFETY: `Founding::new` pairs this founder with a function of exactly this type.
    let function = unsafe { std::mem::transmute::<*const (), fn(A) -> S>(function) };
    let argument = caught(|| decode::<A>(input, descriptors));
    let made = argument
        .and_then(|argument| argument)
        .and_then(|argument| caught(|| Box::new(function(argument)) as Box<dyn Any>));
    made.map_err(|error| Failure::of(&error))
}
