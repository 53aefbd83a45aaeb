//! What can be run once: a closure, or a function pointer with its argument.

/// What can be run once.
///
/// Every `FnOnce() -> T` is one. [`PortableCall`] is the form that can be taken apart again when
/// it was not run.
pub trait Call {
    /// What it gives.
    type Output;

    /// Runs it.
    fn call(self) -> Self::Output;
}

impl<T, F: FnOnce() -> T> Call for F {
    type Output = T;

    #[inline]
    fn call(self) -> T {
        self()
    }
}

/// A function pointer with its argument.
#[derive(Debug, Clone, Copy)]
pub struct PortableCall<A, R> {
    /// The function.
    pub function: fn(A) -> R,
    /// Its argument.
    pub argument: A,
}

impl<A, R> Call for PortableCall<A, R> {
    type Output = R;

    #[inline]
    fn call(self) -> R {
        (self.function)(self.argument)
    }
}
