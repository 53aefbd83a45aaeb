//! A progress bar, if a person is looking.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A progress bar on a terminal, and nothing elsewhere.
pub(crate) struct Bar(ProgressBar);

impl Bar {
    pub(crate) fn new(world: &str, items: usize) -> Self {
        // Draws on stderr, and only if that is a terminal.
        let bar = ProgressBar::with_draw_target(Some(items as u64), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{prefix:>14} {bar:40} {pos}/{len} {elapsed}")
            .expect("the template is well-formed");
        bar.set_style(style);
        bar.set_prefix(world.to_owned());
        Self(bar)
    }

    pub(crate) fn advance(&self) {
        self.0.inc(1);
    }

    pub(crate) fn advance_to(&self, done: usize) {
        self.0.set_position(done as u64);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
