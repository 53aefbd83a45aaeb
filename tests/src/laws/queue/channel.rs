//! A queue over a channel of crossbeam: the reference.

use super::wakers::Wakers;
use super::{QueueCapabilities, QueueSource, TokenQueue};
use conc_core::queue::{GetError, PutError, TaskDoneError};
use conc_core::{AsyncQueue, BlockingQueue, Deadline, JoinableQueue, QueueCore};
use crossbeam_channel::{Receiver, Select, Sender, TryRecvError, TrySendError};
use std::convert::Infallible;
use std::fmt;
use std::future::{Future, poll_fn};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

/// A queue over a channel of crossbeam, with what a channel lacks: closing, joining, awaiting.
///
/// Written to be obviously right, not fast: every put takes a lock, so that closing and counting
/// happen between puts and never beside one. Clones are handles of the same queue.
pub struct ChannelQueue<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    sender: Sender<T>,
    receiver: Receiver<T>,
    /// Never holds anything; disconnected when the queue is closed, which wakes all who sleep.
    closing: Receiver<Infallible>,
    state: Mutex<State>,
    all_done: Condvar,
    getters: Wakers,
    putters: Wakers,
}

struct State {
    /// Gone when the queue is closed.
    open: Option<Sender<Infallible>>,
    unfinished: usize,
}

impl<T> ChannelQueue<T> {
    /// A queue for so many items.
    ///
    /// # Panics
    ///
    /// If that is none: such a channel hands over, it holds nothing.
    #[must_use]
    pub fn bounded(capacity: usize) -> Self {
        assert!(capacity > 0, "a queue holds something");
        Self::over(crossbeam_channel::bounded(capacity))
    }

    /// A queue without a limit.
    #[must_use]
    pub fn unbounded() -> Self {
        Self::over(crossbeam_channel::unbounded())
    }

    fn over((sender, receiver): (Sender<T>, Receiver<T>)) -> Self {
        let (open, closing) = crossbeam_channel::bounded(0);
        let state = Mutex::new(State { open: Some(open), unfinished: 0 });
        let (all_done, getters, putters) = Default::default();
        let shared = Shared { sender, receiver, closing, state, all_done, getters, putters };
        Self { shared: Arc::new(shared) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps until `end` of the channel may have moved, or the queue is closed; `false` if the
    /// deadline came first.
    fn sleep<'a>(
        &'a self,
        end: impl FnOnce(&mut Select<'a>) -> usize,
        deadline: Option<Deadline>,
    ) -> bool {
        let mut select = Select::new();
        end(&mut select);
        select.recv(&self.shared.closing);
        // To be ready moves nothing: what moves is moved by the calls that never wait.
        match deadline {
            Some(deadline) => select.ready_deadline(deadline.instant()).is_ok(),
            None => {
                select.ready();
                true
            }
        }
    }
}

impl<T> QueueCore for ChannelQueue<T> {
    type Item = T;
    type PutError = PutError<T>;
    type GetError = GetError;

    fn try_put(&self, item: T) -> Result<(), PutError<T>> {
        let mut state = self.state();
        if state.open.is_none() {
            return Err(PutError::Closed(item));
        }
        match self.shared.sender.try_send(item) {
            Ok(()) => {
                state.unfinished += 1;
                drop(state);
                self.shared.getters.wake_all();
                Ok(())
            }
            Err(TrySendError::Full(item)) => Err(PutError::Full(item)),
            Err(TrySendError::Disconnected(_)) => unreachable!("we hold a receiver"),
        }
    }

    fn try_get(&self) -> Result<T, GetError> {
        // Looked at first: nothing comes after it, so what is not there now never will be.
        let closed = self.is_closed();
        match self.shared.receiver.try_recv() {
            Ok(item) => {
                self.shared.putters.wake_all();
                Ok(item)
            }
            Err(TryRecvError::Empty) if closed => Err(GetError::Closed),
            Err(TryRecvError::Empty) => Err(GetError::Empty),
            Err(TryRecvError::Disconnected) => unreachable!("we hold a sender"),
        }
    }

    fn len(&self) -> usize {
        self.shared.receiver.len()
    }

    fn capacity(&self) -> Option<usize> {
        self.shared.sender.capacity()
    }

    fn close(&self) {
        self.state().open = None;
        self.shared.getters.wake_all();
        self.shared.putters.wake_all();
    }

    fn is_closed(&self) -> bool {
        self.state().open.is_none()
    }
}

impl<T> BlockingQueue for ChannelQueue<T> {
    fn put_until(&self, mut item: T, deadline: Option<Deadline>) -> Result<(), PutError<T>> {
        loop {
            item = match self.try_put(item) {
                Err(PutError::Full(item)) => item,
                done => return done,
            };
            if !self.sleep(|select| select.send(&self.shared.sender), deadline) {
                return self.try_put(item);
            }
        }
    }

    fn get_until(&self, deadline: Option<Deadline>) -> Result<T, GetError> {
        loop {
            match self.try_get() {
                Err(GetError::Empty) => {}
                done => return done,
            }
            if !self.sleep(|select| select.recv(&self.shared.receiver), deadline) {
                return self.try_get();
            }
        }
    }
}

impl<T: Send> AsyncQueue for ChannelQueue<T> {
    fn put_async(&self, item: T) -> impl Future<Output = Result<(), PutError<T>>> + Send {
        let mut place = self.shared.putters.place();
        let mut kept = Some(item);
        poll_fn(move |context| {
            // Once before and once after registering, lest what happens between wakes nobody.
            for register in [false, true] {
                if register {
                    place.register(context.waker());
                }
                match self.try_put(kept.take().expect("polled again after it was ready")) {
                    Err(PutError::Full(item)) => kept = Some(item),
                    done => return Poll::Ready(done),
                }
            }
            Poll::Pending
        })
    }

    fn get_async(&self) -> impl Future<Output = Result<T, GetError>> + Send {
        let mut place = self.shared.getters.place();
        poll_fn(move |context| {
            for register in [false, true] {
                if register {
                    place.register(context.waker());
                }
                match self.try_get() {
                    Err(GetError::Empty) => {}
                    done => return Poll::Ready(done),
                }
            }
            Poll::Pending
        })
    }
}

impl<T> JoinableQueue for ChannelQueue<T> {
    type TaskDoneError = TaskDoneError;
    type JoinFailure = Infallible;

    fn task_done(&self) -> Result<(), TaskDoneError> {
        let mut state = self.state();
        state.unfinished = state.unfinished.checked_sub(1).ok_or(TaskDoneError)?;
        if state.unfinished == 0 {
            self.shared.all_done.notify_all();
        }
        Ok(())
    }

    fn unfinished(&self) -> usize {
        self.state().unfinished
    }

    fn join_until(&self, deadline: Option<Deadline>) -> Result<bool, Infallible> {
        let mut state = self.state();
        while state.unfinished > 0 {
            let all_done = &self.shared.all_done;
            state = match deadline {
                None => all_done.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) if deadline.is_past() => return Ok(false),
                Some(deadline) => {
                    let waited = all_done.wait_timeout(state, deadline.remaining());
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        Ok(true)
    }
}

impl<T> Clone for ChannelQueue<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T> fmt::Debug for ChannelQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelQueue")
            .field("len", &self.len())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

/// Makes [`ChannelQueue`]s.
#[derive(Debug, Default)]
pub struct ChannelQueues;

impl QueueSource for ChannelQueues {
    type Queue = ChannelQueue<u64>;

    fn capabilities(&self) -> QueueCapabilities {
        QueueCapabilities::all()
    }

    fn bounded(&self, capacity: usize) -> Self::Queue {
        ChannelQueue::bounded(capacity)
    }

    fn unbounded(&self) -> Self::Queue {
        ChannelQueue::unbounded()
    }

    fn handle(&self, queue: &Self::Queue) -> Self::Queue {
        queue.clone()
    }

    fn tokens(&self, capacity: usize) -> Box<TokenQueue> {
        Box::new(ChannelQueue::bounded(capacity))
    }
}
