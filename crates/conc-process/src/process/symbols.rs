//! The names of the frames of a crash.

use crate::sys::image::Image;

/// The name of the code at this offset. The child ran this very program, so that its own names fit.
#[cfg(feature = "backtrace")]
pub(super) fn name(offset: u64) -> String {
    use std::fmt::Write;
    let Some(address) = Image::own().address_at(offset).filter(|_| offset != 0) else {
        return "in a library".to_owned();
    };
    // A return address points behind the call.
    let place = std::ptr::without_provenance_mut(address - 1);
    let mut text = String::new();
    backtrace::resolve(place, |symbol| {
        if !text.is_empty() {
            text.push_str(" < ");
        }
        // Writing to a string cannot fail.
        let _ = match symbol.name() {
            Some(name) => write!(text, "{name:#}"),
            None => write!(text, "{offset:#x}"),
        };
        if let (Some(file), Some(line)) = (symbol.filename(), symbol.lineno()) {
            let _ = write!(text, " at {}:{line}", file.display());
        }
    });
    if text.is_empty() { format!("{offset:#x}") } else { text }
}

/// The offset, where nobody knows names.
#[cfg(not(feature = "backtrace"))]
pub(super) fn name(offset: u64) -> String {
    match Image::own().address_at(offset).filter(|_| offset != 0) {
        Some(_) => format!("{offset:#x}"),
        None => "in a library".to_owned(),
    }
}
