//! What is waited for in a queue.

use super::RawQueue;
use crate::event::Event;
use crate::queue::geometry::Happening;
use crate::segment::Segment;
use crate::waiting::{self, Gone, Host, Looking, Moment, Presence, Wakers};
use conc_core::Deadline;
use std::sync::Arc;

impl Host for RawQueue {
    type Happening = Happening;

    fn event(&self, happening: Happening) -> &Event {
        self.event(happening)
    }

    fn wakers(&self, happening: Happening) -> &Wakers {
        &self.wakers[happening as usize]
    }

    fn segment(&self) -> &Segment {
        self.segment()
    }

    fn presence(&self) -> &Presence {
        &self.presence
    }
}

impl RawQueue {
    /// Looks until `look` finds something, sleeping in between until `happening`.
    pub(crate) fn wait<R>(
        &self,
        happening: Happening,
        deadline: Option<Deadline>,
        look: impl FnMut(Moment) -> Option<R>,
    ) -> Result<R, Gone> {
        waiting::wait(self, happening, deadline, look)
    }

    /// A future of what `look` finds; `Err`: everybody else is gone.
    pub(crate) fn looking<R, F: FnMut(Moment) -> Option<R>>(
        self: &Arc<Self>,
        happening: Happening,
        look: F,
    ) -> Looking<'_, Self, F> {
        waiting::looking(self, happening, look)
    }
}
