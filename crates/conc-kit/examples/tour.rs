//! The main job of the family: one function over many real files, in every world that runs today.
//!
//! `cargo run --release --example tour [DIR]` counts and hashes the files of DIR, first on the
//! caller's thread, then in every other world, checks that all agree, lets the worst happen to some
//! files and to a producer in the middle of a stream, and draws what happened.
#![allow(clippy::print_stdout, reason = "a program shows its results")]

#[path = "tour/bar.rs"]
mod bar;
#[path = "tour/corpus.rs"]
mod corpus;
#[path = "tour/digest.rs"]
mod digest;
#[path = "tour/pool.rs"]
mod pool;
#[path = "tour/stream.rs"]
mod stream;
#[path = "tour/table.rs"]
mod table;

use bar::Bar;
use clap::Parser;
use conc_kit::process::{Pool, ProcessExecutor};
use conc_kit::thread::ThreadPool;
use conc_kit::trace::{Picture, Timeline};
use conc_kit::{Executor, InlineExecutor, JoinError};
use corpus::Corpus;
use digest::{Digest, digest, digest_all, digest_all_or_die};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use table::Row;

/// Counts the words of all files of a folder and hashes them, in every world that runs today, and
/// compares results and times.
#[derive(Debug, Parser)]
#[command(name = "tour")]
struct Options {
    /// The folder; default: this repository, with generated text beside it.
    dir: Option<PathBuf>,
    /// Threads of the pool; default: the CPUs that this process may use.
    #[arg(long)]
    workers: Option<usize>,
    /// Where pictures and generated text go.
    #[arg(long, default_value = "target/tour")]
    out: PathBuf,
}

#[derive(Debug, thiserror::Error)]
enum TourError {
    #[error(transparent)]
    Corpus(#[from] corpus::CorpusError),
    #[error("no pool: {0}")]
    Pool(#[from] conc_kit::thread::BuildError),
    #[error("no pool of processes: {0}")]
    Processes(#[from] conc_kit::process::PoolBuildError),
    #[error("{world} disagrees with inline on {path}")]
    Disagreement { world: &'static str, path: String },
    #[error("cannot write {path}: {source}")]
    Output { path: String, source: std::io::Error },
    #[error(transparent)]
    Stream(#[from] stream::StreamError),
}

/// What one world made of the files.
struct Run {
    world: String,
    time: Duration,
    results: Vec<Result<Digest, JoinError>>,
}

fn main() -> ExitCode {
    match tour(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tour: {error}");
            // 2: what was asked for makes no sense; 1: something went wrong on the way.
            ExitCode::from(if matches!(error, TourError::Corpus(_)) { 2 } else { 1 })
        }
    }
}

fn tour(options: &Options) -> Result<(), TourError> {
    let corpus = match &options.dir {
        Some(dir) => Corpus::of_folder(dir)?,
        None => Corpus::of_this_repository(&options.out.join("text"))?,
    };
    println!("{corpus}\n");

    let inline = run("inline".to_owned(), &InlineExecutor::new(), &corpus);

    let mut pool = ThreadPool::builder().name("worker").trace();
    if let Some(workers) = options.workers {
        pool = pool.workers(workers);
    }
    let pool = pool.build()?;
    let threads = run(format!("threads ({})", pool.parallelism()), &pool, &corpus);
    pool.shutdown();
    agree("threads", &corpus, &inline, &threads)?;

    let processes = ProcessExecutor::new();
    let chunks = run_chunks("processes".to_owned(), &processes, digest_all, &corpus);
    agree("processes", &corpus, &inline, &chunks)?;

    let workers = pool::build(options.workers)?;
    let pooled = run(format!("pool ({})", workers.parallelism()), &workers, &corpus);
    agree("the pool of processes", &corpus, &inline, &pooled)?;

    let rows: Vec<_> =
        [&inline, &threads, &chunks, &pooled].map(|run| row(run, &corpus, inline.time)).into();
    print!("{}", table::format(&rows));
    println!("\nAll worlds agree on every file.");
    for (path, result) in corpus.paths().zip(&inline.results) {
        match result {
            Ok(Digest { error: Some(error), .. }) => println!("not read: {path}: {error}"),
            Ok(_) => {}
            Err(error) => println!("failed: {path}: {error}"),
        }
    }
    crash(&processes, &corpus, &inline, &options.out)?;
    stream::show()?;
    rough(&workers, &corpus, &inline, &options.out)?;
    draw(&pool.timeline(), "timeline", "trace", &options.out)?;
    draw(&pool::timeline(&workers), "pool", "pool_trace", &options.out)
}

/// Four more files: one whose handler aborts, one whose handler never ends, one whose handler eats
/// memory, one whose process is killed. Each is named; all others are complete.
fn rough(workers: &Pool, corpus: &Corpus, reference: &Run, out: &Path) -> Result<(), TourError> {
    println!("\nThe same in the pool of processes, with four more files:");
    let (results, casualties) =
        pool::rough(workers, corpus.paths().map(str::to_owned).collect(), out);
    for pool::Casualty { name, error } in casualties {
        match error {
            Some(error) => println!("{name:>16}: {error}"),
            None => println!("{name:>16}: survived, though it should not"),
        }
    }
    let world = "the pool of processes";
    let again = Run { world: world.to_owned(), time: Duration::ZERO, results };
    agree(world, corpus, reference, &again)?;
    println!("All other {} files are complete, and equal to those above.", corpus.len());
    // Who has died last is replaced a moment after its end was told.
    let present = || workers.stats().workers.iter().filter(|worker| worker.pid.is_some()).count();
    while present() < workers.workers() {
        std::thread::yield_now();
    }
    let stats = workers.stats();
    println!("{} restarts; {} workers, as before.", stats.restarts(), workers.workers());
    Ok(())
}

/// One more file, whose handler aborts: its chunk is lost, and found again file by file; all others
/// do not notice.
fn crash(
    processes: &ProcessExecutor,
    corpus: &Corpus,
    reference: &Run,
    out: &Path,
) -> Result<(), TourError> {
    let corpus = corpus.with_poison(&out.join(digest::POISON))?;
    let crashed = run_chunks("with a crash".to_owned(), processes, digest_all_or_die, &corpus);
    println!("\nThe same in processes, with one more file, whose handler aborts:");
    let survivors =
        corpus.paths().zip(&crashed.results).filter_map(|(path, result)| match result {
            Ok(digest) => Some(digest),
            Err(error) => {
                println!("failed: {path}: {error}");
                None
            }
        });
    let complete = survivors.eq(reference.results.iter().flatten());
    if !complete {
        let path = "the files beside the one that crashes".to_owned();
        return Err(TourError::Disagreement { world: "processes", path });
    }
    println!("The other {} files are complete, and equal to those above.", reference.results.len());
    Ok(())
}

/// The whole tour in one function: the same call in every world.
fn run(world: String, executor: &impl Executor, corpus: &Corpus) -> Run {
    let bar = Bar::new(&world, corpus.len());
    let started = Instant::now();
    let files = corpus.paths().map(str::to_owned);
    let results = executor.map(digest, files).inspect(|_| bar.advance()).collect();
    let time = started.elapsed();
    Run { world, time, results }
}

/// The same for worlds in which each piece of work has its price: a chunk of files a job. The files
/// of a chunk that failed are tried again one by one, so that only the guilty one is blamed.
fn run_chunks(
    world: String,
    executor: &impl Executor,
    work: fn(Vec<String>) -> Vec<Digest>,
    corpus: &Corpus,
) -> Run {
    let bar = Bar::new(&world, corpus.len());
    let started = Instant::now();
    let chunks = corpus.chunks(4 * executor.parallelism());
    let outcomes: Vec<_> = executor.map(work, chunks.clone()).collect();
    let mut results = Vec::with_capacity(corpus.len());
    for (chunk, outcome) in chunks.into_iter().zip(outcomes) {
        match outcome {
            Ok(digests) => results.extend(digests.into_iter().map(Ok)),
            Err(_) => {
                let single = chunk.into_iter().map(|path| vec![path]);
                let digests = executor.map(work, single);
                results.extend(digests.map(|one| one.map(|mut digests| digests.remove(0))));
            }
        }
        bar.advance_to(results.len());
    }
    Run { world, time: started.elapsed(), results }
}

fn agree(
    world: &'static str,
    corpus: &Corpus,
    reference: &Run,
    other: &Run,
) -> Result<(), TourError> {
    let pairs = reference.results.iter().zip(&other.results);
    match corpus.paths().zip(pairs).find(|(_, (one, another))| one != another) {
        None if reference.results.len() == other.results.len() => Ok(()),
        None => Err(TourError::Disagreement { world, path: "the number of files".to_owned() }),
        Some((path, _)) => Err(TourError::Disagreement { world, path: path.to_owned() }),
    }
}

fn row(run: &Run, corpus: &Corpus, reference: Duration) -> Row {
    let words = run.results.iter().flatten().map(|digest| digest.words).sum();
    Row { world: run.world.clone(), time: run.time, reference, bytes: corpus.bytes(), words }
}

fn draw(timeline: &Timeline, picture: &str, trace: &str, out: &Path) -> Result<(), TourError> {
    let write = |name: &str, draw: &dyn Fn(File) -> std::io::Result<()>| {
        let path = out.join(name);
        File::create(&path)
            .and_then(draw)
            .map_err(|source| TourError::Output { path: path.display().to_string(), source })
            .map(|()| println!("{}", path.display()))
    };
    std::fs::create_dir_all(out)
        .map_err(|source| TourError::Output { path: out.display().to_string(), source })?;
    println!("\nWhat each worker did when ({picture}):");
    let title = "tour: one box a file, one lane a worker";
    write(&format!("{picture}.svg"), &|file| Picture::new(timeline).title(title).write(file))?;
    write(&format!("{trace}.json"), &|file| timeline.write_chrome(file))
}
