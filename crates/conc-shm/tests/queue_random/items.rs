//! Items of several forms.

use conc_shm::queue::{Encoded, Form, Leasing, Loan, Plain, PlainQueue, PutError, Queue};

/// Items that carry a number.
pub(super) trait Item: Sized + 'static {
    type Form: Form<Self> + Leasing<Self>;

    fn new(number: u64) -> Self;
    fn number(&self) -> u64;

    /// Not all forms lend places.
    fn lend(queue: &Queue<Self, Self::Form>) -> Option<Result<Box<dyn Lent>, PutError<()>>>;
}

/// A loan.
pub(super) trait Lent {
    /// `false`: it came too late for a closed queue.
    fn publish(self: Box<Self>, number: u64) -> bool;
}

impl Item for u64 {
    type Form = Plain;

    fn new(number: u64) -> Self {
        number
    }

    fn number(&self) -> u64 {
        *self
    }

    fn lend(queue: &PlainQueue<Self>) -> Option<Result<Box<dyn Lent>, PutError<()>>> {
        Some(queue.try_loan().map(|loan| Box::new(loan) as Box<dyn Lent>))
    }
}

impl Lent for Loan<u64> {
    fn publish(mut self: Box<Self>, number: u64) -> bool {
        **self = number;
        Loan::publish(*self).is_ok()
    }
}

/// Written and read in its place.
impl Item for [u64; 200] {
    type Form = Plain;

    fn new(number: u64) -> Self {
        [number; 200]
    }

    fn number(&self) -> u64 {
        assert!(self.iter().all(|word| *word == self[0]));
        self[0]
    }

    fn lend(queue: &PlainQueue<Self>) -> Option<Result<Box<dyn Lent>, PutError<()>>> {
        Some(queue.try_loan().map(|loan| Box::new(loan) as Box<dyn Lent>))
    }
}

impl Lent for Loan<[u64; 200]> {
    fn publish(mut self: Box<Self>, number: u64) -> bool {
        self.fill(number);
        Loan::publish(*self).is_ok()
    }
}

/// One of three needs chunks.
impl Item for String {
    type Form = Encoded;

    fn new(number: u64) -> Self {
        let length = if number % 3 == 0 { 300 } else { 3 };
        format!("{number} {}", "x".repeat(length))
    }

    fn number(&self) -> u64 {
        let number = self.split_once(' ').unwrap().0.parse().unwrap();
        assert_eq!(*self, <Self as Item>::new(number));
        number
    }

    fn lend(_: &Queue<Self>) -> Option<Result<Box<dyn Lent>, PutError<()>>> {
        None
    }
}
