//! What may travel between worlds.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A value that may travel to another thread, process or machine.
///
/// Implemented for every type that qualifies; there is nothing to implement by hand. Thread
/// executors move such a value, process executors encode it. Portable work asks for `Wire` on both
/// its argument and its result, so that the same call runs in every world.
///
/// # Examples
///
/// ```
/// fn assert_wire<T: conc_core::Wire>() {}
/// assert_wire::<(u64, String, Vec<Option<f64>>)>();
/// ```
///
/// A reference cannot travel:
///
/// ```compile_fail,E0277
/// fn assert_wire<T: conc_core::Wire>() {}
/// assert_wire::<std::rc::Rc<u8>>();
/// ```
///
/// # Python
///
/// "Must be picklable", found out at run time there and by the compiler here.
#[doc(alias = "pickle")]
pub trait Wire: Serialize + DeserializeOwned + Send + 'static {}

impl<T: Serialize + DeserializeOwned + Send + 'static> Wire for T {}
