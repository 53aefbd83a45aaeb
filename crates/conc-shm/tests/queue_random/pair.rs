//! A queue beside its model, and what is done to both.

use super::items::{Item, Lent};
use super::model::{DELIVERIES, Model, Turn};
use conc_shm::queue::{Builder, GetError, Lease, PutError, Queue, TaskDoneError};
use std::time::Duration;

/// What is done. Numbers choose among the handles, leases or loans that there are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Deed {
    Put(usize),
    PutInVain(usize),
    Get(usize),
    GetMany(usize, usize),
    TaskDone,
    Lease(usize),
    Ack(usize),
    Nack(usize),
    Loan(usize),
    Publish(usize),
    DropLoan(usize),
    DeadLetter(usize),
    Clone(usize),
    DropHandle(usize),
    Close,
}

/// A queue beside its model.
pub(super) struct Pair<T: Item> {
    model: Model,
    handles: Vec<Queue<T, T::Form>>,
    leases: Vec<Lease<T, T::Form>>,
    loans: Vec<(u64, Box<dyn Lent>)>,
    numbers: u64,
}

impl<T: Item> Pair<T> {
    pub(super) fn new(capacity: usize) -> Self {
        let builder = Builder::new(capacity as u32).inline_bytes(64).chunk_bytes(128);
        let queue = builder.max_deliveries(DELIVERIES).joinable().build().unwrap();
        let model = Model { capacity, ..Model::default() };
        Self { model, handles: vec![queue], leases: Vec::new(), loans: Vec::new(), numbers: 0 }
    }

    fn handle(&self, choice: usize) -> Queue<T, T::Form> {
        self.handles[choice % self.handles.len()].clone()
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// What the model says of an attempt to put, or to borrow a place.
    fn judge<R>(&self, put: Result<R, PutError<impl Sized>>) -> Option<R> {
        match put {
            Ok(result) => {
                assert!(!self.model.closed && self.model.used() < self.model.capacity);
                Some(result)
            }
            Err(PutError::Closed(_)) => {
                assert!(self.model.closed);
                None
            }
            Err(PutError::Full(_)) => {
                let full = self.model.used() == self.model.capacity || self.model.is_held_up();
                assert!(!self.model.closed && full, "{:?}", self.model);
                None
            }
            Err(other) => panic!("{other}"),
        }
    }

    fn get(&mut self, got: Result<T, GetError>) {
        let allowed = self.model.next();
        match got {
            Ok(item) => {
                let number = item.number();
                assert!(allowed.unwrap().iter().any(|message| message.0 == number), "{number}");
                self.model.take(number);
                self.model.unfinished += 1;
            }
            Err(error) => assert_eq!(Err(error), allowed),
        }
    }

    fn lease(&mut self, leased: Result<Lease<T, T::Form>, GetError>) {
        let allowed = self.model.next();
        match leased {
            Ok(lease) => {
                let (number, times) = (lease.number(), lease.deliveries());
                let allowed = allowed.unwrap();
                assert!(allowed.contains(&(number, times - 1)), "{number} {times}: {allowed:?}");
                self.model.take(number);
                self.model.leased.push((number, times));
                self.leases.push(lease);
            }
            Err(error) => assert_eq!(Err(error), allowed),
        }
    }

    fn dead_letter(&mut self, queue: &Queue<T, T::Form>) {
        let lease = queue.try_lease_dead_letter().unwrap();
        assert_eq!(lease.is_some(), !self.model.dead.is_empty());
        if let Some(lease) = lease {
            let message = (lease.number(), lease.deliveries());
            let at = self.model.dead.iter().position(|dead| *dead == (message.0, message.1 - 1));
            self.model.dead.swap_remove(at.unwrap());
            self.model.leased.push(message);
            self.leases.push(lease);
        }
    }

    fn lend(&mut self, queue: &Queue<T, T::Form>) {
        let Some(lent) = T::lend(queue) else { return };
        if let Some(loan) = self.judge(lent) {
            let number = self.number();
            self.model.line.push_back(Turn::Loan(number));
            self.loans.push((number, loan));
        }
    }

    /// A loan is published, or dropped.
    fn end_loan(&mut self, choice: usize, publish: bool) {
        if self.loans.is_empty() {
            return;
        }
        let (number, loan) = self.loans.swap_remove(choice % self.loans.len());
        let published = if publish {
            loan.publish(number)
        } else {
            drop(loan);
            false
        };
        let model = &mut self.model;
        let is_late = model.late.contains(&number);
        assert_eq!(published, publish && !(is_late && model.closed), "the end is the end");
        if let Some(at) = model.late.iter().position(|late| *late == number) {
            model.late.swap_remove(at);
            if published {
                model.ready.push((number, 0))
            } else {
                model.freed()
            }
            return;
        }
        let at = model.line.iter().position(|turn| *turn == Turn::Loan(number)).unwrap();
        if publish {
            model.line[at] = Turn::Message((number, 0));
        } else {
            model.line.remove(at);
            model.freed();
        }
    }

    fn end_lease(&mut self, choice: usize, ack: bool) {
        if self.leases.is_empty() {
            return;
        }
        let at = choice % self.leases.len();
        let lease = self.leases.swap_remove(at);
        if ack {
            lease.ack();
            self.model.leased.swap_remove(at);
            self.model.freed();
        } else {
            lease.nack();
            self.model.give_back(at);
        }
    }

    fn task_done(&mut self, queue: &Queue<T, T::Form>) {
        let done = queue.task_done();
        match self.model.unfinished.checked_sub(1) {
            Some(left) => {
                done.unwrap();
                self.model.unfinished = left;
            }
            None => assert_eq!(done, Err(TaskDoneError::TooOften)),
        }
    }
}

impl<T: Item> Pair<T> {
    pub(super) fn run(&mut self, deed: Deed) {
        match deed {
            Deed::Put(choice) | Deed::PutInVain(choice) => {
                let number = self.number();
                // The handle itself: it remembers whether its last message was a long one.
                let queue = &self.handles[choice % self.handles.len()];
                let put = match deed {
                    Deed::Put(_) => queue.try_put(T::new(number)),
                    _ => queue.put_timeout(T::new(number), Duration::ZERO),
                };
                if self.judge(put).is_some() {
                    self.model.line.push_back(Turn::Message((number, 0)));
                }
            }
            Deed::Get(choice) => {
                let got = self.handles[choice % self.handles.len()].try_get();
                self.get(got);
            }
            Deed::GetMany(choice, most) => {
                // It would wait for the first. Who wants none does not look: nothing is passed.
                if most > 0 && self.model.next() == Err(GetError::Empty) {
                    return;
                }
                let mut items = Vec::new();
                let taken = self.handle(choice).get_many(most, &mut items);
                let fewer = items.len() < most;
                items.into_iter().for_each(|item| self.get(Ok(item)));
                match taken {
                    Ok(_) => assert!(!fewer || self.model.next().is_err(), "there was more"),
                    Err(error) => self.get(Err(error)),
                }
            }
            Deed::TaskDone => {
                let queue = self.handle(0);
                self.task_done(&queue);
            }
            Deed::Lease(choice) => {
                let leased = self.handles[choice % self.handles.len()].try_lease();
                self.lease(leased);
            }
            Deed::Ack(choice) => self.end_lease(choice, true),
            Deed::Nack(choice) => self.end_lease(choice, false),
            Deed::Loan(choice) => {
                let queue = self.handle(choice);
                self.lend(&queue);
            }
            Deed::Publish(choice) => self.end_loan(choice, true),
            Deed::DropLoan(choice) => self.end_loan(choice, false),
            Deed::DeadLetter(choice) => {
                let queue = self.handle(choice);
                self.dead_letter(&queue);
            }
            Deed::Clone(choice) => self.handles.push(self.handle(choice)),
            Deed::DropHandle(choice) if self.handles.len() > 1 => {
                self.handles.swap_remove(choice % self.handles.len());
            }
            Deed::DropHandle(_) => {}
            Deed::Close => {
                self.handles[0].close();
                self.model.closed = true;
            }
        }
        self.compare();
    }

    fn compare(&self) {
        let (queue, model) = (&self.handles[0], &self.model);
        let seen = (queue.len(), queue.leased(), queue.dead_letters());
        assert_eq!(seen, (model.waiting(), model.leased.len(), model.dead.len()), "{model:?}");
        assert_eq!(queue.is_full(), model.used() == model.capacity);
        assert_eq!(queue.is_closed(), model.closed);
        let undone = model.unfinished + model.waiting() + model.leased.len();
        assert_eq!(queue.unfinished(), undone);
        assert_eq!(queue.join_timeout(Duration::ZERO).unwrap(), undone == 0);
    }

    /// Everything that is lent comes back, and the whole queue is there again.
    pub(super) fn end(mut self) {
        self.leases.clear();
        self.model.leased.clear();
        self.loans.clear();
        let queue = self.handle(0);
        while queue.try_get().is_ok() {}
        while let Some(letter) = queue.try_lease_dead_letter().unwrap() {
            letter.ack();
        }
        while queue.try_get().is_ok() {}
        assert_eq!((queue.len(), queue.leased(), queue.is_full()), (0, 0, false));
        if !queue.is_closed() {
            let put = |number| queue.try_put(T::new(number));
            (0..self.model.capacity as u64).for_each(|number| put(number).unwrap());
            assert!(matches!(put(0), Err(PutError::Full(_))));
        }
    }
}
