//! Files that are read in pieces, wherever in them.
//!
//! Packs and their indices are larger than memory should be, and a few places of them are looked at.
//! To map them would count every page that was ever touched; a piece is forgotten with the next one.

use std::fs::File;
use std::path::Path;

/// A file, and how long it was when it was opened.
pub(super) struct Pieces {
    file: File,
    length: u64,
}

impl Pieces {
    pub(super) fn open(path: &Path) -> Option<Pieces> {
        let file = File::open(path).ok()?;
        let length = file.metadata().ok()?.len();
        Some(Pieces { file, length })
    }

    pub(super) fn len(&self) -> u64 {
        self.length
    }

    /// Reads so many bytes from `offset` on into `bytes`, in the place of what is there.
    pub(super) fn read(&self, offset: u64, length: usize, bytes: &mut Vec<u8>) -> Option<()> {
        bytes.resize(length, 0);
        read_at(&self.file, bytes, offset)
    }
}

/// The piece of a file that was read last.
#[derive(Default)]
pub(super) struct Window {
    bytes: Vec<u8>,
    start: u64,
    /// Which file it is of.
    of: Option<usize>,
}

impl Window {
    /// How many bytes are read at a time, and how many of them lie before what was asked for: what
    /// is asked for next mostly stands close by, and more often before it.
    const SIZE: u64 = 16 << 10;
    const BEFORE: u64 = 8 << 10;

    /// Returns what stands in `file`, which is called `number`, from `offset` on: `length` bytes or
    /// more, unless it ends before.
    pub(super) fn at(&mut self, file: &Pieces, number: usize, offset: u64, length: usize) -> Option<&[u8]> {
        let end = offset.checked_add(length as u64)?.min(file.len());
        if self.of != Some(number) || offset < self.start || self.start + (self.bytes.len() as u64) < end {
            self.of = None;
            let start = offset.saturating_sub(Self::BEFORE);
            let size = end.checked_sub(start)?.max(Self::SIZE).min(file.len().checked_sub(start)?);
            file.read(start, usize::try_from(size).ok()?, &mut self.bytes)?;
            (self.start, self.of) = (start, Some(number));
        }
        self.bytes.get(usize::try_from(offset - self.start).ok()?..)
    }
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> Option<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset).ok()
}

#[cfg(windows)]
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> Option<()> {
    let read = std::os::windows::fs::FileExt::seek_read(file, bytes, offset).ok()?;
    (read == bytes.len()).then_some(())
}

#[cfg(not(any(unix, windows)))]
fn read_at(_: &File, _: &mut [u8], _: u64) -> Option<()> {
    None
}
