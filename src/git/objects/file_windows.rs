//! Files that are read in pieces, at any offset.
//!
//! Packs and their indices are larger than the memory to use, and only a few places of them are needed.
//! Mapping them would keep every page that was ever touched; a window is reused for the next piece.

use std::fs::File;
use std::path::Path;

/// An open file, and the length that it had when it was opened.
pub(crate) struct RandomAccessFile {
    file: File,
    length: u64,
}

impl RandomAccessFile {
    pub(crate) fn open_file(path: &Path) -> Option<RandomAccessFile> {
        let file = File::open(path).ok()?;
        let length = file.metadata().ok()?.len();
        Some(RandomAccessFile { file, length })
    }

    pub(crate) fn len(&self) -> u64 {
        self.length
    }

    /// Reads `length` bytes from `offset` on into `bytes`, which loses what it held.
    pub(crate) fn read_range(&self, offset: u64, length: usize, bytes: &mut Vec<u8>) -> Option<()> {
        bytes.resize(length, 0);
        read_at(&self.file, bytes, offset)
    }
}

/// The pieces of files that were read last: a few for each chain of deltas that is being followed.
#[derive(Default)]
pub(crate) struct FileWindows {
    windows: [FileWindow; 16],
    clock: u64,
}

#[derive(Default)]
struct FileWindow {
    bytes: Vec<u8>,
    start: u64,
    /// The number of the file that the bytes are from; `None` while there are none.
    file_number: Option<usize>,
    /// The value of the clock at the last use.
    last_used: u64,
}

impl FileWindows {
    /// How many bytes are read at a time near something that was read already, and how many of them
    /// precede what was asked for: the next object is mostly close by as well, and more often before.
    const WINDOW_BYTES: u64 = 16 << 10;
    const BYTES_BEFORE_OFFSET: u64 = 8 << 10;
    /// The same for a place near which nothing was read.
    const FIRST_WINDOW_BYTES: u64 = 4 << 10;
    const FIRST_BYTES_BEFORE_OFFSET: u64 = 1 << 10;

    /// Returns the bytes of `file`, which has this `number`, from `offset` on: `length` bytes or more,
    /// unless the file ends before.
    pub(crate) fn view_range(
        &mut self,
        file: &RandomAccessFile,
        number: usize,
        offset: u64,
        length: usize,
    ) -> Option<&[u8]> {
        let end = offset.checked_add(length as u64)?.min(file.len());
        // The least recently used window is replaced, so that each chain of deltas keeps one near its place.
        self.clock += 1;
        let shows = |window: &FileWindow| {
            let window_end = window.start + window.bytes.len() as u64;
            window.file_number == Some(number) && window.start <= offset && end <= window_end
        };
        let place = self.windows.iter().position(shows);
        let window = match place {
            Some(place) => self.windows.get_mut(place)?,
            None => {
                let is_near = |window: &FileWindow| {
                    let window_end = window.start + window.bytes.len() as u64;
                    let reach =
                        window.start.saturating_sub(Self::WINDOW_BYTES)..=window_end + Self::WINDOW_BYTES;
                    window.file_number == Some(number) && reach.contains(&offset)
                };
                let (size, before) = match self.windows.iter().any(is_near) {
                    true => (Self::WINDOW_BYTES, Self::BYTES_BEFORE_OFFSET),
                    false => (Self::FIRST_WINDOW_BYTES, Self::FIRST_BYTES_BEFORE_OFFSET),
                };
                let window = self.windows.iter_mut().min_by_key(|window| window.last_used)?;
                window.file_number = None;
                window.start = offset.saturating_sub(before);
                let size = end.checked_sub(window.start)?.max(size);
                let size = size.min(file.len().checked_sub(window.start)?);
                file.read_range(window.start, usize::try_from(size).ok()?, &mut window.bytes)?;
                window.file_number = Some(number);
                window
            }
        };
        window.last_used = self.clock;
        window.bytes.get(usize::try_from(offset - window.start).ok()?..)
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
