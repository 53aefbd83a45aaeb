//! Values that may lie in shared memory as they are.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A value that may lie in shared memory as it is: any bytes are a valid one, none of its bytes
/// are undefined, and it has neither pointers nor cells.
///
/// Implemented for every type for which `zerocopy` has proved this; there is nothing to implement
/// by hand, and nothing unsafe to promise.
///
/// # Examples
///
/// ```
/// use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};
///
/// #[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
/// #[repr(C)]
/// struct Sample {
///     at: u64,
///     values: [f32; 6],
/// }
/// fn assert_shared<T: conc_shm::Shared>() {}
/// assert_shared::<Sample>();
/// assert_shared::<[u8; 64]>();
/// ```
///
/// A pointer means something in one process only:
///
/// ```compile_fail,E0277
/// fn assert_shared<T: conc_shm::Shared>() {}
/// assert_shared::<String>();
/// ```
pub trait Shared: FromBytes + IntoBytes + Immutable + KnownLayout + Send + 'static {}

impl<T: FromBytes + IntoBytes + Immutable + KnownLayout + Send + 'static> Shared for T {}
