//! A job names itself.

use super::Name;
use std::borrow::Cow;
use std::cell::Cell;

thread_local! {
    static LABEL: Cell<Option<Name>> = const { Cell::new(None) };
}

/// Names the job that runs on this thread, for the pictures of [`trace`](crate::trace).
///
/// The last call wins. Outside an executor that records what it does, nothing comes of it: the
/// text is kept for this thread, and an executor forgets it before the next job starts.
///
/// # Examples
///
/// ```
/// use conc_core::trace::label;
///
/// fn parse(path: &str) {
///     label(format!("parse {path}"));
///     // ...
/// }
/// # parse("main.rs");
/// ```
pub fn label(text: impl Into<Cow<'static, str>>) {
    let text = text.into();
    // A job may run while its thread's locals are being destroyed; then nobody draws it.
    let _ = LABEL.try_with(|label| label.set(Some(text)));
}

/// Takes what [`label`] left on this thread. For executors; [`Running`](super::Running) does it.
#[doc(hidden)]
#[must_use = "taking forgets the label"]
pub fn take_label() -> Option<Cow<'static, str>> {
    LABEL.try_with(Cell::take).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::{label, take_label};

    #[test]
    fn the_last_label_wins_and_is_taken_once() {
        let _watchdog = conc_tests::watchdog();
        assert_eq!(take_label(), None);
        label("first");
        label(String::from("second"));
        assert_eq!(take_label().as_deref(), Some("second"));
        assert_eq!(take_label(), None);
    }

    #[test]
    fn threads_do_not_share_labels() {
        let _watchdog = conc_tests::watchdog();
        label("here");
        std::thread::spawn(|| assert_eq!(take_label(), None)).join().expect("no label there");
        assert_eq!(take_label().as_deref(), Some("here"));
    }
}
