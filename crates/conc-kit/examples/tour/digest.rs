//! The work: everything about one file that is worth knowing.

use conc_kit::trace::label;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::HashSet;

/// Everything about one file that is worth knowing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Digest {
    pub(crate) bytes: u64,
    pub(crate) lines: u64,
    pub(crate) words: u64,
    pub(crate) different_words: u64,
    pub(crate) sha256: [u8; 32],
    /// Why the file could not be read.
    pub(crate) error: Option<String>,
}

/// Portable work: a plain function, an argument and a result that can travel.
pub(crate) fn digest(path: String) -> Digest {
    label(path.rsplit('/').next().unwrap_or(&path).to_owned());
    match std::fs::read(&path) {
        Ok(bytes) => digest_bytes(&bytes),
        Err(error) => Digest { error: Some(error.to_string()), ..Digest::default() },
    }
}

/// The same for some files in one go.
pub(crate) fn digest_all(paths: Vec<String>) -> Vec<Digest> {
    paths.into_iter().map(digest).collect()
}

/// The name of a file that no handler survives.
pub(crate) const POISON: &str = "poison.txt";

/// The same, with a bug.
pub(crate) fn digest_all_or_die(paths: Vec<String>) -> Vec<Digest> {
    if paths.iter().any(|path| path.ends_with(POISON)) {
        std::process::abort();
    }
    digest_all(paths)
}

fn digest_bytes(bytes: &[u8]) -> Digest {
    let mut words = 0;
    let mut different = HashSet::new();
    for word in bytes.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
        words += 1;
        different.insert(word);
    }
    Digest {
        bytes: bytes.len() as u64,
        lines: bytes.iter().filter(|byte| **byte == b'\n').count() as u64,
        words,
        different_words: different.len() as u64,
        sha256: Sha256::digest(bytes).into(),
        error: None,
    }
}
