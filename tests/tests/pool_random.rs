//! Random programs over a pool of threads, against a model of what may come of them.
#![cfg(not(conc_loom))]

use conc_core::{Job, JoinError};
use conc_tests::watchdog_for;
use conc_thread::ThreadPool;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use proptest::sample::Index;
use proptest::test_runner::Config;
use std::hint::spin_loop;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

/// What a job does; its result is its place in the program.
#[derive(Debug, Clone, Copy)]
enum Work {
    Tiny,
    Slow { micros: u64 },
    Panicking,
    Nested { jobs: usize },
}

/// A step of a program. Jobs are chosen among those submitted so far.
#[derive(Debug, Clone)]
enum Step {
    Submit(Work),
    Cancel(Index),
    Join(Index),
    WaitTimeout(Index, u64),
    Drop(Index),
    OnFinish(Index),
    Map { items: u64, read: usize },
    CancelQueued,
}

/// How a program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Shutdown,
    ShutdownNow,
    DropPool,
}

fn work() -> impl Strategy<Value = Work> {
    prop_oneof![
        4 => Just(Work::Tiny),
        2 => (20..400_u64).prop_map(|micros| Work::Slow { micros }),
        1 => Just(Work::Panicking),
        2 => (1..5_usize).prop_map(|jobs| Work::Nested { jobs }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => work().prop_map(Step::Submit),
        3 => any::<Index>().prop_map(Step::Cancel),
        2 => any::<Index>().prop_map(Step::Join),
        2 => (any::<Index>(), 0..300_u64).prop_map(|(job, micros)| Step::WaitTimeout(job, micros)),
        1 => any::<Index>().prop_map(Step::Drop),
        4 => any::<Index>().prop_map(Step::OnFinish),
        1 => (0..60_u64, 0..80_usize).prop_map(|(items, read)| Step::Map { items, read }),
        1 => Just(Step::CancelQueued),
    ]
}

fn ending() -> impl Strategy<Value = Ending> {
    prop_oneof![Just(Ending::Shutdown), Just(Ending::ShutdownNow), Just(Ending::DropPool)]
}

/// One job of the program, as the model sees it.
struct Submitted {
    work: Work,
    /// Empty once it has been joined or dropped.
    job: Option<Job<Given>>,
    ran: Arc<AtomicUsize>,
    /// `cancel` said yes.
    cancelled: bool,
    /// `cancel` said no: it began.
    began: bool,
    callbacks: usize,
    called: Arc<Mutex<Vec<(usize, bool)>>>,
}

/// What a job gives: its place, and something that must go away.
type Given = (usize, Token);

/// Whatever is moved into the pool carries one; in the end none is left.
#[derive(Debug, Clone)]
struct Token(#[expect(dead_code, reason = "only counted")] Arc<()>);

struct Model {
    pool: Option<Arc<ThreadPool>>,
    jobs: Vec<Submitted>,
    token: Arc<()>,
    /// Something was cancelled that no handle was asked about.
    swept: bool,
}

impl Model {
    fn new(workers: usize) -> Self {
        let pool = ThreadPool::builder().workers(workers).build().unwrap();
        Self { pool: Some(Arc::new(pool)), jobs: Vec::new(), token: Arc::new(()), swept: false }
    }

    fn token(&self) -> Token {
        Token(Arc::clone(&self.token))
    }

    fn pool(&self) -> &Arc<ThreadPool> {
        self.pool.as_ref().expect("the program has not ended")
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Submit(work) => self.submit(work),
            Step::Map { items, read } => self.map(items, read),
            Step::CancelQueued => {
                self.pool().cancel_queued();
                self.swept = true;
            }
            Step::Cancel(index) => self.with(index, Submitted::cancel),
            Step::WaitTimeout(index, micros) => {
                self.with(index, |submitted| submitted.wait_timeout(Duration::from_micros(micros)));
            }
            Step::OnFinish(index) => {
                let token = self.token();
                self.with(index, |submitted| submitted.on_finish(token));
            }
            Step::Join(index) => {
                let swept = self.swept;
                self.with(index, |submitted| submitted.join(swept));
            }
            Step::Drop(index) => self.with(index, |submitted| submitted.job = None),
        }
    }

    fn with(&mut self, index: Index, act: impl FnOnce(&mut Submitted)) {
        if !self.jobs.is_empty() {
            act(index.get_mut(&mut self.jobs));
        }
    }

    fn submit(&mut self, work: Work) {
        let place = self.jobs.len();
        let ran = Arc::new(AtomicUsize::new(0));
        let (counter, token, pool) = (Arc::clone(&ran), self.token(), Arc::downgrade(self.pool()));
        let job = self.pool().submit(move || {
            counter.fetch_add(1, Ordering::SeqCst);
            perform(work, &pool, &token);
            (place, token)
        });
        self.jobs.push(Submitted {
            work,
            job: Some(job.expect("the pool is open")),
            ran,
            cancelled: false,
            began: false,
            callbacks: 0,
            called: Arc::default(),
        });
    }

    /// Reads some of the results of a map.
    fn map(&self, items: u64, read: usize) {
        let expected = read.min(items as usize);
        let items = (0..items).map(|n| (n, self.token()));
        let failing = |(n, token): (u64, Token)| {
            assert!(n % 7 != 3, "item {n}");
            (n, token)
        };
        let results = self.pool().map(failing, items).take(read);
        let mut count = 0;
        for (n, result) in (0..).zip(results) {
            match result {
                Ok((value, _)) => assert!(value == n && n % 7 != 3, "{value} for {n}"),
                Err(error) => assert!(error.is_panic() && n % 7 == 3, "{n}: {error}"),
            }
            count += 1;
        }
        assert_eq!(count, expected);
    }

    fn end(mut self, ending: Ending) {
        let pool = self.pool.take().expect("a program ends once");
        match ending {
            Ending::Shutdown => pool.shutdown(),
            Ending::ShutdownNow => pool.shutdown_now(),
            Ending::DropPool => {}
        }
        self.swept |= ending != Ending::Shutdown;
        if ending != Ending::DropPool {
            for submitted in &self.jobs {
                assert!(submitted.job.as_ref().is_none_or(Job::is_finished), "nothing is left");
            }
        }
        drop(pool);
        self.jobs.iter_mut().for_each(|submitted| submitted.join(self.swept));
        // Threads let go of what they held a moment after a job has ended; jobs whose handles were
        // dropped may only end now.
        while Arc::strong_count(&self.token) > 1 {
            std::thread::yield_now();
        }
        self.jobs.iter().for_each(|submitted| submitted.check(self.swept));
    }
}

impl Submitted {
    fn cancel(&mut self) {
        let Some(job) = &self.job else { return };
        let cancelled = job.cancel();
        assert_eq!(job.is_cancelled(), cancelled);
        assert!(!self.cancelled || cancelled, "what is cancelled stays so");
        assert!(!self.began || !cancelled, "what has begun is not cancelled");
        (self.cancelled, self.began) = (cancelled, !cancelled);
    }

    fn wait_timeout(&mut self, timeout: Duration) {
        let Some(job) = &self.job else { return };
        let started = Instant::now();
        if job.wait_timeout(timeout) {
            assert!(job.is_finished());
        } else {
            assert!(started.elapsed() >= timeout, "early");
        }
    }

    fn on_finish(&mut self, token: Token) {
        let Some(job) = &mut self.job else { return };
        let (place, called) = (self.callbacks, Arc::clone(&self.called));
        job.on_finish(move |result| {
            let _token = token;
            called.lock().unwrap().push((place, result.is_ok()));
        });
        self.callbacks += 1;
    }

    fn join(&mut self, swept: bool) {
        let Some(job) = self.job.take() else { return };
        let was_cancelled = job.is_cancelled();
        let result = job.join();
        let called = self.called.lock().unwrap();
        assert_eq!(called.len(), self.callbacks, "callbacks run before whoever joins goes on");
        assert!(called.iter().all(|(_, well)| *well == result.is_ok()));
        drop(called);
        let may_be_cancelled = self.cancelled || (swept && !self.began);
        match (result, self.work) {
            (Err(JoinError::Cancelled), _) => {
                assert!(may_be_cancelled, "nobody cancelled it");
                self.cancelled = true;
            }
            (Ok(_), Work::Tiny | Work::Slow { .. } | Work::Nested { .. })
            | (Err(JoinError::Panicked { .. }), Work::Panicking) => {
                assert!(!self.cancelled && !was_cancelled, "it ran though it was cancelled");
                self.began = true;
            }
            (result, work) => panic!("{work:?} gave {result:?}"),
        }
    }

    /// When all is over.
    fn check(&self, swept: bool) {
        let called: Vec<_> = self.called.lock().unwrap().iter().map(|(place, _)| *place).collect();
        assert_eq!(called, (0..self.callbacks).collect::<Vec<_>>(), "each once, in order");
        let ran = self.ran.load(Ordering::SeqCst);
        assert!(ran <= 1, "ran {ran} times");
        assert!(!self.cancelled || ran == 0, "ran though it was cancelled");
        assert!(!self.began || ran == 1, "never ran");
        assert!(swept || self.cancelled || ran == 1, "lost");
    }
}

/// What a job of this kind does on its worker.
fn perform(work: Work, pool: &Weak<ThreadPool>, token: &Token) {
    match work {
        Work::Tiny => {}
        Work::Slow { micros } => {
            let started = Instant::now();
            while started.elapsed() < Duration::from_micros(micros) {
                spin_loop();
            }
        }
        Work::Panicking => panic!("as the program wants"),
        Work::Nested { jobs } => {
            let Some(pool) = pool.upgrade() else { return };
            let inner: Vec<_> = (0..jobs)
                .map(|n| {
                    let token = token.clone();
                    pool.submit(move || (n, token))
                })
                .collect();
            for (n, job) in inner.into_iter().enumerate() {
                // A pool that was closed meanwhile may refuse or cancel them.
                match job.map(Job::join) {
                    Ok(Ok((value, _))) => assert_eq!(value, n),
                    Ok(Err(error)) => assert!(error.is_cancelled(), "{error}"),
                    Err(_) => {}
                }
            }
        }
    }
}

#[test]
fn random_programs_give_what_the_model_allows() {
    let _watchdog = watchdog_for(Duration::from_secs(120));
    let config = Config { cases: 4_000, failure_persistence: None, ..Config::default() };
    proptest!(config, |(
        workers in 1..=4_usize,
        steps in vec(step(), 0..60),
        ending in ending(),
    )| {
        let mut model = Model::new(workers);
        for step in steps {
            model.step(step);
        }
        model.end(ending);
    });
}
