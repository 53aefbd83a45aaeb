//! Random bits.

use nix::errno::Errno;

/// So many random bits.
pub(crate) fn bits_128() -> Result<u128, Errno> {
    let mut bytes = [0_u8; 16];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        // SAFETY: `rest` is as long as it says, and outlives the call.
        let result = unsafe { libc::getrandom(rest.as_mut_ptr().cast(), rest.len(), 0) };
        match Errno::result(result) {
            Ok(count) => filled += usize::try_from(count).unwrap_or(0),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(u128::from_ne_bytes(bytes))
}
