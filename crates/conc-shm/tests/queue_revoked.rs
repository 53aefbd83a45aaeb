//! Producers that are gone past while they write come to an end all the same.
#![cfg(all(target_os = "linux", not(conc_loom)))]

use conc_shm::queue::{Builder, PutError, Queue};
use conc_tests::watchdog;
use serde::ser::Error;
use serde::{Deserialize, Serialize, Serializer};
use std::cell::RefCell;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// What a producer has to tell.
#[derive(Debug, PartialEq, Eq)]
enum News {
    /// It has a place, and begins to write.
    Writes(u32),
    /// Its put returned; whether the message is in.
    Returned(u32, bool),
}

/// Tells that writing begins, and is told to go on.
type Pen = (Sender<News>, Receiver<()>);

thread_local! {
    static PEN: RefCell<Option<Pen>> = const { RefCell::new(None) };
}

/// An item that takes its time to be written. 0 cannot be written at all.
#[derive(Debug, Deserialize)]
struct Slow(u32);

impl Serialize for Slow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        PEN.with_borrow(|pen| {
            if let Some((tell, go_on)) = pen {
                tell.send(News::Writes(self.0)).unwrap();
                go_on.recv().unwrap();
            }
        });
        if self.0 == 0 {
            Err(S::Error::custom("nothing"))
        } else {
            serializer.serialize_u32(self.0)
        }
    }
}

/// A place that was given up is enough for three writers to go past each other for ever: each that
/// is done finds that it was revoked, and goes past the next one to where it was itself.
#[test]
fn producers_that_write_equally_fast_do_not_keep_each_other_from_it() {
    let _watchdog = watchdog();
    let queue: Queue<Slow> = Builder::new(3).build().unwrap();
    let (tell, news) = channel();
    let start = |number: u32| {
        let (queue, tell, (go_on, may)) = (queue.clone(), tell.clone(), channel());
        let producer = thread::spawn(move || {
            PEN.set(Some((tell.clone(), may)));
            let put = queue.try_put(Slow(number)).is_ok();
            tell.send(News::Returned(number, put)).unwrap();
        });
        (producer, go_on, news.recv().unwrap() != News::Writes(number))
    };
    let first = start(1);
    let second = start(2);
    assert!(matches!(queue.try_put(Slow(0)), Err(PutError::NotEncoded { .. })));
    let third = start(3);
    let mut producers = [second, first, third];
    let mut rounds = 0;
    while producers.iter().any(|(_, _, done)| !done) {
        rounds += 1;
        assert!(rounds < 1_000, "nobody has put anything in {rounds} rounds");
        for (_, go_on, done) in producers.iter_mut().filter(|(_, _, done)| !done) {
            go_on.send(()).unwrap();
            *done = matches!(news.recv().unwrap(), News::Returned(..));
        }
    }
    for (producer, _, _) in producers {
        producer.join().unwrap();
    }
    let mut got: Vec<_> = std::iter::from_fn(|| queue.try_get().ok()).map(|item| item.0).collect();
    got.sort_unstable();
    assert!(got.starts_with(&[1, 2]), "{got:?}");
}
