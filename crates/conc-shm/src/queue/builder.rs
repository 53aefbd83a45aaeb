//! Choices about a new queue.

use super::form::Form;
use super::geometry::{CHUNKS_MAX, Numbers};
use super::handle::Queue;
use super::raw::RawQueue;
use crate::CreateError;

/// Room for a message that needs no chunks, unless something else is said: with its two words a
/// place has 256 bytes then.
const INLINE: u32 = 240;
const CHUNK: u32 = 16 << 10;
const BUDGET: u64 = 64 << 20;

/// Choices about a new queue.
///
/// # Examples
///
/// ```
/// use conc_shm::queue::{Builder, Queue};
///
/// let orders: Queue<String> = Builder::new(100).joinable().max_deliveries(3).build()?;
/// orders.put("tea".into())?;
/// let lease = orders.lease()?;
/// assert_eq!((lease.as_str(), lease.deliveries()), ("tea", 1));
/// lease.ack();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder builds nothing by itself"]
pub struct Builder {
    capacity: u32,
    inline: u32,
    chunk: u32,
    budget: u64,
    leases: u8,
    loses: bool,
    joinable: bool,
    name: Option<Box<str>>,
}

impl Builder {
    /// A queue for so many messages, 1 to 1,048,576. Each has a place of its own from the start,
    /// 256 bytes unless [`inline_bytes`](Self::inline_bytes) says otherwise.
    pub const fn new(capacity: u32) -> Self {
        Self {
            capacity,
            inline: INLINE,
            chunk: CHUNK,
            budget: BUDGET,
            leases: 0,
            loses: false,
            joinable: false,
            name: None,
        }
    }

    /// As many messages as fit into so many bytes, for who would rather not say how many: half of
    /// the budget is places, the other half chunks, which are reserved when they are needed.
    ///
    /// There is no endless queue in memory that several processes see at fixed addresses.
    pub fn within(bytes: u64) -> Self {
        let places = (bytes / 2 / 256).clamp(1, 1 << 20);
        let mut builder = Self::new(u32::try_from(places).unwrap_or(1));
        builder.budget = bytes / 2;
        builder
    }

    /// Messages up to so many bytes lie in their place and need no chunks: 240 unless said
    /// otherwise. A message of plain data always lies in its place.
    pub const fn inline_bytes(mut self, bytes: u32) -> Self {
        self.inline = bytes;
        self
    }

    /// Longer messages share so many bytes, 64 MiB unless said otherwise. They are addresses
    /// only: memory is reserved a mebibyte at a time when messages need it, and reused.
    pub const fn byte_budget(mut self, bytes: u64) -> Self {
        self.budget = bytes;
        self
    }

    /// Longer messages are cut into chunks of so many bytes, 16 KiB unless said otherwise; rounded
    /// up to 64.
    pub const fn chunk_bytes(mut self, bytes: u32) -> Self {
        self.chunk = bytes;
        self
    }

    /// A message that was leased so often and came back each time is set aside as a dead letter;
    /// 1 to 127. Without this call that happens after 127 times.
    pub const fn max_deliveries(mut self, deliveries: u8) -> Self {
        self.leases = if deliveries > 127 { 127 } else { deliveries };
        self
    }

    /// A message whose consumer dies with the lease is lost, and counted, instead of coming back.
    pub const fn leases_die_with_their_holder(mut self) -> Self {
        self.loses = true;
        self
    }

    /// Counts what was got until it is said to be done with, so that
    /// [`join`](Queue::join) can wait for that.
    #[doc(alias = "JoinableQueue")]
    pub const fn joinable(mut self) -> Self {
        self.joinable = true;
        self
    }

    /// Gives the queue a name that any process of this user can open.
    ///
    /// The name outlives its processes until somebody [takes it away](Queue::unlink).
    pub fn name(mut self, name: impl Into<Box<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Makes the queue.
    ///
    /// # Errors
    ///
    /// There is not enough memory for its places, or too much was asked for:
    /// [`CreateError`].
    pub fn build<T, F: Form<T>>(self) -> Result<Queue<T, F>, CreateError> {
        let (inline, align, chunk, budget) = match F::fixed() {
            Some((size, align)) => {
                let too_large = CreateError::TooLarge { content_len: size as u64 };
                (u32::try_from(size).map_err(|_| too_large)?, align, 0, 0)
            }
            None => (self.inline, 8, self.chunk, self.budget),
        };
        let too_large = CreateError::TooLarge { content_len: chunk.into() };
        let chunk = chunk.checked_next_multiple_of(64).ok_or(too_large)?;
        let chunks =
            if chunk == 0 { 0 } else { (budget / u64::from(chunk)).min(CHUNKS_MAX.into()) };
        let numbers = Numbers {
            places: self.capacity,
            inline,
            align: u32::try_from(align).unwrap_or(u32::MAX),
            chunk,
            chunks: u32::try_from(chunks).unwrap_or(CHUNKS_MAX),
            leases: self.leases,
            loses: self.loses,
            joinable: self.joinable,
            of_type: super::handle::number_of_type::<T, F>(),
        };
        let raw = RawQueue::create(numbers, self.name.as_deref())?;
        Ok(Queue::over(raw))
    }
}
