//! The traits that all queues of the family have in common.

use super::error::{GetError, JoinQueueError, PutError, TaskDoneError};
use super::form::Form;
use super::handle::Queue;
use conc_core::Deadline;
use conc_core::queue::{AsyncQueue, BlockingQueue, JoinableQueue, QueueCore};
use std::future::Future;

impl<T, F: Form<T>> QueueCore for Queue<T, F> {
    type Item = T;
    type PutError = PutError<T>;
    type GetError = GetError;

    fn try_put(&self, item: T) -> Result<(), PutError<T>> {
        self.try_put(item)
    }

    fn try_get(&self) -> Result<T, GetError> {
        self.try_get()
    }

    fn len(&self) -> usize {
        self.len()
    }

    fn is_full(&self) -> bool {
        self.is_full()
    }

    fn capacity(&self) -> Option<usize> {
        Some(self.capacity())
    }

    fn close(&self) {
        self.close();
    }

    fn is_closed(&self) -> bool {
        self.is_closed()
    }
}

impl<T, F: Form<T>> BlockingQueue for Queue<T, F> {
    fn put_until(&self, item: T, deadline: Option<Deadline>) -> Result<(), PutError<T>> {
        self.put_until(item, deadline)
    }

    fn get_until(&self, deadline: Option<Deadline>) -> Result<T, GetError> {
        self.get_until(deadline)
    }
}

impl<T: Send, F: Form<T> + Send> AsyncQueue for Queue<T, F> {
    fn put_async(&self, item: T) -> impl Future<Output = Result<(), PutError<T>>> + Send {
        self.put_async(item)
    }

    fn get_async(&self) -> impl Future<Output = Result<T, GetError>> + Send {
        self.get_async()
    }
}

impl<T, F: Form<T>> JoinableQueue for Queue<T, F> {
    type TaskDoneError = TaskDoneError;
    type JoinFailure = JoinQueueError;

    fn task_done(&self) -> Result<(), TaskDoneError> {
        self.task_done()
    }

    fn unfinished(&self) -> usize {
        self.unfinished()
    }

    fn join_until(&self, deadline: Option<Deadline>) -> Result<bool, JoinQueueError> {
        self.join_until(deadline)
    }
}
