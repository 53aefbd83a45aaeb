//! Values whose end is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Makes tokens, and knows how many of them there still are.
#[derive(Debug, Default)]
pub struct Mint {
    made: usize,
    dropped: Arc<AtomicUsize>,
}

/// A value that is counted when it is dropped; on the heap, so that dropping it twice is noticed.
#[derive(Debug)]
pub struct Token {
    number: Box<u64>,
    dropped: Arc<AtomicUsize>,
}

impl Mint {
    /// A new token.
    pub fn token(&mut self, number: u64) -> Token {
        self.made += 1;
        Token { number: Box::new(number), dropped: Arc::clone(&self.dropped) }
    }

    /// Tokens that were made and not dropped.
    ///
    /// # Panics
    ///
    /// If more were dropped than made.
    #[must_use]
    pub fn left(&self) -> usize {
        let dropped = self.dropped.load(Ordering::SeqCst);
        self.made.checked_sub(dropped).expect("no token is dropped twice")
    }
}

impl Token {
    /// What it was made with.
    #[must_use]
    pub fn number(&self) -> u64 {
        *self.number
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, Ordering::SeqCst);
    }
}
