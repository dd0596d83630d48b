//! Finds the offset of an object in a pack, by the pack's index.
//!
//! The ids in an index are sorted, and as evenly spread as hashes are, so that a guess is nearly
//! always right to within a few dozen entries: one small read finds an id, or shows that it is missing.

use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use gix::ObjectId;
use gix::hash::Kind;

use crate::git::objects::file_windows::RandomAccessFile;

/// How many ids are read at a time.
const IDS_PER_READ: u64 = 128;

/// An index of at most this many bytes, such as that of a push, is read at once: reading it in pieces
/// would mostly read all of it too, with two calls for each object.
const MAX_SMALL_INDEX_BYTES: u64 = 128 << 10;

/// The length of what precedes the ids: a magic number, the version, and for each byte how many ids
/// begin with it or a lower one.
const INDEX_HEADER_BYTES: usize = 8 + 4 * 256;

/// The index of a pack, in version 2 of the format; git has written no other since 2007.
pub(crate) struct PackIndex {
    file: RandomAccessFile,
    fanout: Vec<u32>,
    hash_length: usize,
    /// How many bytes have been read in pieces.
    bytes_read: AtomicU64,
    /// The whole index, once as many bytes have been read in pieces; `None` if there is no room for it.
    whole_index: OnceLock<Option<Vec<u8>>>,
}

impl PackIndex {
    /// Opens an index; `None` if it is not one of version 2 and this format.
    pub(crate) fn open_index(path: &Path, format: Kind) -> Option<PackIndex> {
        let file = RandomAccessFile::open_file(path)?;
        let mut head = Vec::new();
        file.read_range(0, INDEX_HEADER_BYTES, &mut head)?;
        let counts = head.strip_prefix(b"\xfftOc\0\0\0\x02")?;
        let mut fanout = Vec::with_capacity(256);
        for count in counts.as_chunks().0 {
            fanout.push(u32::from_be_bytes(*count));
        }
        let index = PackIndex {
            file,
            fanout,
            hash_length: format.len_in_bytes(),
            bytes_read: AtomicU64::new(0),
            whole_index: OnceLock::new(),
        };
        // Two checksums are at the end, and before them the offsets beyond 2 GiB, if there are any.
        let least = index.offsets_start() + 4 * index.len() + 2 * index.hash_length as u64;
        (index.fanout.is_sorted() && least <= index.file.len()).then_some(index)
    }

    fn len(&self) -> u64 {
        match self.fanout.last() {
            Some(count) => u64::from(*count),
            None => 0,
        }
    }

    /// Returns where in the index the offsets of the objects begin; the ids and a checksum for each precede.
    fn offsets_start(&self) -> u64 {
        INDEX_HEADER_BYTES as u64 + self.len() * (self.hash_length as u64 + 4)
    }

    /// Returns the offset of `id` in the pack, if it is there. `room` is how many more bytes of indices
    /// may be kept in memory.
    pub(crate) fn find_offset(&self, id: &ObjectId, room: &AtomicU64, scratch: &mut Vec<u8>) -> Option<u64> {
        if self.file.len() <= MAX_SMALL_INDEX_BYTES
            || self.bytes_read.load(Ordering::Relaxed) > self.file.len()
        {
            self.whole_index.get_or_init(|| self.read_whole(room));
        }
        let number = self.find_position(id, scratch)?;
        let place = self.read_bytes(self.offsets_start() + 4 * number, 4, scratch)?;
        let place = u32::from_be_bytes(*place.first_chunk()?);
        if place & (1 << 31) == 0 {
            return Some(u64::from(place));
        }
        let far = self.offsets_start() + 4 * self.len() + 8 * u64::from(place ^ (1 << 31));
        let end = self.file.len().checked_sub(2 * self.hash_length as u64)?;
        if far + 8 > end {
            return None;
        }
        Some(u64::from_be_bytes(*self.read_bytes(far, 8, scratch)?.first_chunk()?))
    }

    /// Returns the position of `id` among the ids of the index.
    fn find_position(&self, id: &ObjectId, scratch: &mut Vec<u8>) -> Option<u64> {
        let (first, rest) = id.as_bytes().split_first()?;
        let first = usize::from(*first);
        let mut low = match first.checked_sub(1) {
            Some(before) => u64::from(*self.fanout.get(before)?),
            None => 0,
        };
        let mut high = u64::from(*self.fanout.get(first)?);
        let share = u64::from(u32::from_be_bytes(*rest.first_chunk()?));
        let mut guess = low + (((high - low) * share) >> 32);
        while low < high {
            let start = guess.saturating_sub(IDS_PER_READ / 2).max(low);
            let end = (start + IDS_PER_READ).min(high);
            let length = (end - start) as usize * self.hash_length;
            let ids = self.read_bytes(
                INDEX_HEADER_BYTES as u64 + start * self.hash_length as u64,
                length,
                scratch,
            )?;
            match search_ids(ids, id.as_bytes())? {
                Ok(at) => return Some(start + at as u64),
                Err(0) => high = start,
                Err(at) if at < (end - start) as usize => return None,
                Err(_) => low = end,
            }
            guess = low + (high.saturating_sub(low)) / 2;
        }
        None
    }

    /// Returns `length` bytes of the index from `offset` on.
    fn read_bytes<'a>(&'a self, offset: u64, length: usize, scratch: &'a mut Vec<u8>) -> Option<&'a [u8]> {
        if let Some(Some(whole)) = self.whole_index.get() {
            let offset = usize::try_from(offset).ok()?;
            return whole.get(offset..offset.checked_add(length)?);
        }
        self.bytes_read.fetch_add(length as u64, Ordering::Relaxed);
        self.file.read_range(offset, length, scratch)?;
        Some(scratch)
    }

    fn read_whole(&self, room: &AtomicU64) -> Option<Vec<u8>> {
        let length = self.file.len();
        room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |room| room.checked_sub(length)).ok()?;
        let mut whole = Vec::new();
        self.file.read_range(0, usize::try_from(length).ok()?, &mut whole)?;
        Some(whole)
    }
}

/// Looks for `id` among ids of the same length: returns its position, or that of the first greater one.
fn search_ids(ids: &[u8], id: &[u8]) -> Option<Result<usize, usize>> {
    let (mut low, mut high) = (0, ids.len() / id.len());
    // Two ids nearly always differ in their first eight bytes, which are compared as one number.
    let begin = |id: &[u8]| id.first_chunk().map(|begin| u64::from_be_bytes(*begin));
    let wanted = begin(id);
    while low < high {
        let middle = usize::midpoint(low, high);
        let found = ids.get(middle * id.len()..(middle + 1) * id.len())?;
        match wanted.cmp(&begin(found)).then_with(|| id.cmp(found)) {
            std::cmp::Ordering::Equal => return Some(Ok(middle)),
            std::cmp::Ordering::Less => high = middle,
            std::cmp::Ordering::Greater => low = middle + 1,
        }
    }
    Some(Err(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes an index of `ids`, which are sorted, each in its place.
    fn write(path: &Path, ids: &[(ObjectId, u64)]) {
        let mut bytes = b"\xfftOc\0\0\0\x02".to_vec();
        for first in 0..=255 {
            let count = ids.iter().filter(|(id, _)| id.as_bytes()[0] <= first).count() as u32;
            bytes.extend(count.to_be_bytes());
        }
        ids.iter().for_each(|(id, _)| bytes.extend(id.as_bytes()));
        bytes.resize(bytes.len() + 4 * ids.len(), 0);
        let mut far = Vec::new();
        for (_, place) in ids {
            let short = u32::try_from(*place).ok().filter(|place| place >> 31 == 0);
            bytes.extend(short.unwrap_or((1 << 31) | (far.len() as u32 / 8)).to_be_bytes());
            if short.is_none() {
                far.extend(place.to_be_bytes());
            }
        }
        bytes.extend(far);
        bytes.resize(bytes.len() + 40, 0);
        std::fs::write(path, bytes).unwrap();
    }

    #[test]
    fn every_id_is_found_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.idx");
        let mut scratch = Vec::new();
        for (count, spread) in
            [(0_u64, 1), (1, 1), (127, 7), (3000, 1), (3000, 1 << 40), (40_000, 7919 << 48)]
        {
            let id = |number: u64| {
                let mut bytes = [9; 20];
                bytes[..8].copy_from_slice(&number.wrapping_mul(spread).to_be_bytes());
                ObjectId::from_bytes_or_panic(&bytes)
            };
            let mut ids: Vec<(ObjectId, u64)> =
                (0..count).map(|number| (id(2 * number), number << 22)).collect();
            ids.sort_unstable();
            ids.dedup_by_key(|(id, _)| *id);
            write(&path, &ids);
            // The second time it is in memory, if there is room.
            for room in [0, 1 << 30] {
                let has_room = 0 < room;
                let room = AtomicU64::new(room);
                let index = PackIndex::open_index(&path, Kind::Sha1).unwrap();
                for (id, place) in ids.iter().step_by(3) {
                    assert_eq!(index.find_offset(id, &room, &mut scratch), Some(*place));
                    let mut other = *id;
                    other.as_mut_slice()[19] ^= 1;
                    assert_eq!(index.find_offset(&other, &room, &mut scratch), None);
                }
                assert_eq!(index.find_offset(&ObjectId::null(Kind::Sha1), &room, &mut scratch), None);
                let kept = index.whole_index.get().is_some_and(Option::is_some);
                assert_eq!(kept, has_room);
            }
        }
    }

    #[test]
    fn what_is_no_index_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.idx");
        write(&path, &[(ObjectId::empty_tree(Kind::Sha1), 12)]);
        let whole = std::fs::read(&path).unwrap();
        assert!(PackIndex::open_index(&path, Kind::Sha1).is_some());
        assert!(PackIndex::open_index(&path, Kind::Sha256).is_none());
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(PackIndex::open_index(&path, Kind::Sha1).is_none(), "{length}");
        }
        let mut unsorted = whole.clone();
        unsorted[8] = 1;
        std::fs::write(&path, &unsorted).unwrap();
        assert!(PackIndex::open_index(&path, Kind::Sha1).is_none());
    }
}
