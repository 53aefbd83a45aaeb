//! A stream between processes: its producer is killed in the middle, another one goes on.

use conc_kit::process::queue::{CreateError, GetError};
use conc_kit::process::{PlainQueue, Process, SpawnError};
use std::ops::Range;

/// The whole stream.
const MESSAGES: u64 = 20_000;
/// The first producer is killed when so many have come.
const KILLED_AFTER: u64 = 5_000;
/// So many wait at most.
const ROOM: usize = 64;

/// Its number, eight times: a torn message differs from itself.
type Message = [u64; 8];

#[derive(Debug, thiserror::Error)]
pub(crate) enum StreamError {
    #[error("no queue: {0}")]
    Create(#[from] CreateError),
    #[error("no producer: {0}")]
    Spawn(#[from] SpawnError),
    #[error("the producer cannot be killed: {0}")]
    Kill(#[from] std::io::Error),
    #[error("message {expected} should have come, and not {found:?}")]
    Wrong { expected: u64, found: Message },
    #[error("{arrived} messages arrived, and {promised} puts had returned")]
    Lost { promised: u64, arrived: u64 },
    #[error("the stream broke: {0}")]
    Broken(GetError),
}

/// The consumer's side.
struct Stream {
    messages: PlainQueue<Message>,
    /// How many puts have returned, as the producer says after each.
    reports: PlainQueue<u64>,
    arrived: u64,
    promised: u64,
}

impl Stream {
    fn produce(&self, numbers: Range<u64>) -> Result<Process<()>, SpawnError> {
        Process::spawn(produce, (self.messages.clone(), self.reports.clone(), numbers))
    }

    /// Gets messages until nobody is left who could put any.
    fn consume(&mut self, producer: &Process<()>) -> Result<(), StreamError> {
        loop {
            match self.messages.get() {
                Ok(message) if message == [self.arrived; 8] => self.arrived += 1,
                Ok(found) => return Err(StreamError::Wrong { expected: self.arrived, found }),
                Err(GetError::Abandoned) => break,
                Err(error) => return Err(StreamError::Broken(error)),
            }
            self.hear_reports();
            if self.arrived == KILLED_AFTER {
                producer.kill()?;
            }
        }
        self.hear_reports();
        // The put that a kill interrupts is all or nothing; of all others nothing is open.
        let (promised, arrived) = (self.promised, self.arrived);
        if (promised..=promised + 1).contains(&arrived) {
            Ok(())
        } else {
            Err(StreamError::Lost { promised, arrived })
        }
    }

    fn hear_reports(&mut self) {
        while let Ok(promised) = self.reports.try_get() {
            self.promised = promised;
        }
    }
}

fn produce((messages, reports, numbers): (PlainQueue<Message>, PlainQueue<u64>, Range<u64>)) {
    for number in numbers {
        messages.put([number; 8]).expect("the consumer is there");
        reports.put(number + 1).expect("the consumer is there");
    }
}

/// The stage.
pub(crate) fn show() -> Result<(), StreamError> {
    let mut stream = Stream {
        messages: PlainQueue::bounded(ROOM)?,
        // Reports are heard after each message: there is always room.
        reports: PlainQueue::bounded(2 * ROOM)?,
        arrived: 0,
        promised: 0,
    };
    println!("\nA stream of {MESSAGES} messages, whose producer is killed with kill -9:");
    let first = stream.produce(0..MESSAGES)?;
    stream.consume(&first)?;
    let before = stream.arrived;
    println!("{} of its puts had returned, {before} messages arrived.", stream.promised);

    let second = stream.produce(before..MESSAGES)?;
    stream.consume(&second)?;
    if stream.arrived != MESSAGES {
        return Err(StreamError::Lost { promised: MESSAGES, arrived: stream.arrived });
    }
    println!("A second producer went on: {} more.", MESSAGES - before);
    println!("All {MESSAGES} came once, in order, and whole.");
    Ok(())
}
