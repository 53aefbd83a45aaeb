//! How queues come to be.

use super::{QueueCapabilities, Token};
use conc_core::QueueCore;
use conc_core::queue::{GetError, PutError};

/// A queue of values with a destructor.
pub type TokenQueue =
    dyn QueueCore<Item = Token, PutError = PutError<Token>, GetError = GetError> + Send + Sync;

/// A way in which queues come to be. Cheap: laws make hundreds of them.
pub trait QueueSource {
    /// What it makes. Threads share a queue by reference.
    type Queue: QueueCore<Item = u64, PutError: Send, GetError: Send> + Send + Sync + 'static;

    /// What its queues can do. Whether they block, can be awaited or joined does not count:
    /// [`QueueLaws`](super::QueueLaws) finds that in their types.
    fn capabilities(&self) -> QueueCapabilities;

    /// An empty queue that holds so many items; or more, if it lacks
    /// [`BOUNDED`](QueueCapabilities::BOUNDED).
    fn bounded(&self, capacity: usize) -> Self::Queue;

    /// An empty queue without a limit.
    fn unbounded(&self) -> Self::Queue {
        unreachable!("queues of this source are not UNBOUNDED")
    }

    /// Another handle of a queue.
    fn handle(&self, _queue: &Self::Queue) -> Self::Queue {
        unreachable!("queues of this source have no HANDLES")
    }

    /// An empty queue that holds so many tokens.
    fn tokens(&self, _capacity: usize) -> Box<TokenQueue> {
        unreachable!("queues of this source lack HOLDS_VALUES")
    }
}
