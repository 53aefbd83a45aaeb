//! What outlives a process.

use conc_shm::Segment;
use std::fs::File;
use std::os::unix::fs::FileExt;

/// Where the rows are; bytes of a row.
const TABLE: usize = 64 << 10;
const ROW: usize = 64;
const CONTENT: u64 = 128 << 10;
const PAGE: usize = 4096;

/// The bytes of a segment that change: the words of its table, the first rows, its content.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Image([Vec<u8>; 3]);

/// A segment as a file.
pub(super) struct Film {
    file: File,
    content_len: usize,
}

impl Film {
    pub(super) fn new(segment: &Segment) -> Self {
        let content_len = usize::try_from(segment.content_len()).unwrap();
        Self { file: segment.try_clone_fd().unwrap().into(), content_len }
    }

    /// What the segment is like now.
    pub(super) fn image(&self) -> Image {
        Image(self.parts().map(|(at, length)| {
            let mut bytes = vec![0; length];
            self.file.read_exact_at(&mut bytes, at).unwrap();
            bytes
        }))
    }

    /// Makes the segment what it was.
    pub(super) fn restore(&self, image: &Image) {
        for ((at, _), bytes) in self.parts().into_iter().zip(&image.0) {
            self.file.write_all_at(bytes, at).unwrap();
        }
    }

    /// Rows that belong to somebody.
    pub(super) fn owned_rows(&self) -> Vec<usize> {
        let [_, rows, _] = self.image().0;
        let owned = |row: &usize| rows[row * ROW..row * ROW + 8] != [0; 8];
        (0..PAGE / ROW).filter(owned).collect()
    }

    fn parts(&self) -> [(u64, usize); 3] {
        [(0, PAGE), (TABLE as u64, PAGE), (CONTENT, self.content_len)]
    }
}
