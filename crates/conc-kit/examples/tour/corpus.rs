//! The files of the tour.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Below this the tour would be over before anything could be seen.
const WORTH_A_TOUR: u64 = 64 << 20;
const GENERATED_FILES: u64 = 48;

/// The files of the tour, in a fixed order.
pub(crate) struct Corpus {
    place: String,
    files: Vec<(String, u64)>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum CorpusError {
    #[error("cannot read the folder {path}: {source}")]
    Folder { path: String, source: io::Error },
    #[error("{0} is not a folder")]
    NotAFolder(String),
    #[error("{0} holds no files")]
    Empty(String),
    #[error("cannot write text to {path}: {source}")]
    Generate { path: String, source: io::Error },
}

impl Corpus {
    /// All files below `dir`; version control and build output are left out.
    pub(crate) fn of_folder(dir: &Path) -> Result<Self, CorpusError> {
        let mut files = Vec::new();
        let at_top = fs::metadata(dir).map_err(|source| unreadable(dir, source))?;
        if !at_top.is_dir() {
            return Err(CorpusError::NotAFolder(dir.display().to_string()));
        }
        collect(dir, &mut files)?;
        if files.is_empty() {
            return Err(CorpusError::Empty(dir.display().to_string()));
        }
        files.sort();
        Ok(Self { place: dir.display().to_string(), files })
    }

    /// This repository, with generated text beside it while it is small.
    pub(crate) fn of_this_repository(text: &Path) -> Result<Self, CorpusError> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let root = root.canonicalize().unwrap_or_else(|_| PathBuf::from("."));
        let mut corpus = Self::of_folder(&root)?;
        if corpus.bytes() < WORTH_A_TOUR {
            generate(text).map_err(|source| CorpusError::Generate {
                path: text.display().to_string(),
                source,
            })?;
            corpus.files.extend(Self::of_folder(text)?.files);
            corpus.place = format!("{} and generated text", corpus.place);
        }
        Ok(corpus)
    }

    /// The same files with one more, right in the middle.
    pub(crate) fn with_poison(&self, path: &Path) -> Result<Self, CorpusError> {
        let text = "Whoever reads this aborts.\n";
        let written = path.parent().map_or(Ok(()), fs::create_dir_all);
        written
            .and_then(|()| fs::write(path, text))
            .map_err(|source| CorpusError::Generate { path: path.display().to_string(), source })?;
        let mut files = self.files.clone();
        files.insert(files.len() / 2, (path.display().to_string(), text.len() as u64));
        Ok(Self { place: self.place.clone(), files })
    }

    /// The paths in about so many chunks of about the same size.
    pub(crate) fn chunks(&self, count: usize) -> Vec<Vec<String>> {
        let size = self.bytes() / count as u64 + 1;
        let mut chunks = vec![Vec::new()];
        let mut filled = 0;
        for (path, bytes) in &self.files {
            if filled >= size {
                chunks.push(Vec::new());
                filled = 0;
            }
            filled += bytes;
            chunks.last_mut().expect("there is one").push(path.clone());
        }
        chunks
    }

    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|(path, _)| path.as_str())
    }

    pub(crate) fn len(&self) -> usize {
        self.files.len()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.files.iter().map(|(_, bytes)| bytes).sum()
    }
}

impl fmt::Display for Corpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let megabytes = self.bytes() as f64 / 1e6;
        write!(f, "{} files, {megabytes:.1} MB: {}", self.len(), self.place)
    }
}

fn unreadable(dir: &Path, source: io::Error) -> CorpusError {
    CorpusError::Folder { path: dir.display().to_string(), source }
}

fn collect(dir: &Path, files: &mut Vec<(String, u64)>) -> Result<(), CorpusError> {
    for entry in fs::read_dir(dir).map_err(|source| unreadable(dir, source))? {
        let entry = entry.map_err(|source| unreadable(dir, source))?;
        let (name, path) = (entry.file_name(), entry.path());
        // Links are not followed: a tour that walks in circles has no end.
        let kind = entry.file_type().map_err(|source| unreadable(&path, source))?;
        if kind.is_dir() && name != ".git" && name != "target" {
            collect(&path, files)?;
        } else if kind.is_file() {
            let bytes = entry.metadata().map_or(0, |metadata| metadata.len());
            files.push((path.display().to_string(), bytes));
        }
    }
    Ok(())
}

/// Writes some books, the same in every run, unless they are there already.
fn generate(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut chance = Chance(7);
    for book in 0..GENERATED_FILES {
        // Mixed lengths: every sixth is long.
        let length = chance.below(2 << 20) + if book % 6 == 0 { 4 << 20 } else { 256 << 10 };
        let text = write_book(&mut chance, length as usize);
        let path = folder.join(format!("book_{book:02}.txt"));
        if fs::metadata(&path).map_or(true, |old| old.len() != text.len() as u64) {
            fs::write(path, text)?;
        }
    }
    Ok(())
}

fn write_book(chance: &mut Chance, length: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(length + 64);
    while text.len() < length {
        // Products of small numbers: few short words are frequent, many long ones rare.
        let word = chance.below(300) * chance.below(300);
        text.extend((0..=word % 9).map(|at| b'a' + ((word >> (at * 2)) % 26) as u8));
        text.push(if chance.below(12) == 0 { b'\n' } else { b' ' });
    }
    text
}

/// A linear congruential generator (Knuth's constants): text needs no better chance.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}
