//! A directory for one law.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, process};

/// The address of a socket has 107 bytes, of which the rest is for what comes behind.
const LONGEST: usize = 64;

/// A new directory, removed when it is dropped.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Makes the directory.
    ///
    /// # Panics
    ///
    /// If the system refuses.
    #[must_use]
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let mut base = env::temp_dir();
        if base.as_os_str().len() > LONGEST {
            base = PathBuf::from("/tmp");
        }
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            // Short: the addresses of sockets are.
            let path = base.join(format!("conc-law-{}-{number}", process::id()));
            match fs::create_dir(&path) {
                Ok(()) => return Self { path },
                // Left by a process that was killed and had our id.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => panic!("no directory {}: {error}", path.display()),
            }
        }
    }

    /// The path of something in it.
    #[must_use]
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}
