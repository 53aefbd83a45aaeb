//! Items, and queues of them: as they are before, and as they must be after.

use conc_shm::queue::{Builder, Form, GetError, PutError, Queue};
use std::fmt::Debug;

pub(crate) const CAPACITY: u32 = 4;

/// Items that can be told from each other, as far as they have bytes.
pub(crate) trait Item: PartialEq + Debug + 'static {
    fn new(number: u8) -> Self;
}

impl<const N: usize> Item for [u8; N] {
    fn new(number: u8) -> Self {
        [number; N]
    }
}

impl Item for () {
    fn new(_: u8) {}
}

/// Longer than a place, and not a whole number of chunks.
impl Item for String {
    fn new(number: u8) -> Self {
        char::from(number + b'0').to_string().repeat(150)
    }
}

pub(crate) fn builder() -> Builder {
    Builder::new(CAPACITY).inline_bytes(16).chunk_bytes(64).byte_budget(64 * 24)
}

/// A queue with these in it, not in its first lap.
pub(crate) fn with<T: Item, F: Form<T>>(builder: Builder, items: &[u8]) -> Queue<T, F> {
    let queue: Queue<T, F> = builder.build().unwrap();
    for _ in 0..CAPACITY + 1 {
        queue.try_put(T::new(0)).unwrap();
        queue.try_get().unwrap();
        let _ = queue.task_done();
    }
    for &number in items {
        queue.try_put(T::new(number)).unwrap();
    }
    queue
}

pub(crate) fn drain<T: Item, F: Form<T>>(queue: &Queue<T, F>) -> Vec<T> {
    let mut items = Vec::new();
    loop {
        match queue.try_get() {
            Ok(item) => items.push(item),
            Err(GetError::Empty | GetError::Closed) => return items,
            Err(other) => panic!("{other}"),
        }
        let _ = queue.task_done();
    }
}

pub(crate) fn items<T: Item>(numbers: &[u8]) -> Vec<T> {
    numbers.iter().map(|&number| T::new(number)).collect()
}

/// An empty queue has room for what it had room for: places, and bytes.
pub(crate) fn assert_whole<T: Item, F: Form<T>>(queue: &Queue<T, F>) {
    assert_eq!((queue.len(), queue.leased(), queue.dead_letters()), (0, 0, 0));
    assert_eq!(queue.unfinished(), 0);
    for number in 1..=CAPACITY {
        queue.try_put(T::new(number as u8)).unwrap();
    }
    assert!(matches!(queue.try_put(T::new(9)), Err(PutError::Full(_))));
    assert!(queue.is_full());
    assert_eq!(drain(queue), items::<T>(&[1, 2, 3, 4]));
}

/// There is room for the longest text, in all of the chunks.
pub(crate) fn assert_all_chunks(queue: &Queue<String>) {
    let longest = "x".repeat(64 * 24 - 2);
    queue.try_put(longest.clone()).unwrap();
    assert_eq!(queue.try_get().unwrap(), longest);
    assert!(matches!(queue.try_put(longest + "x"), Err(PutError::TooLarge { .. })));
}

/// What is left is `before`, or `after`.
pub(crate) fn judge<T: Item, F: Form<T>>(queue: &Queue<T, F>, before: &[u8], after: &[u8]) -> bool {
    assert_eq!(queue.unfinished(), queue.len(), "what the dead had got is lost");
    let left = drain(queue);
    let effect = left == items::<T>(after);
    assert!(effect || left == items::<T>(before), "{left:?}");
    assert_whole(queue);
    effect
}
