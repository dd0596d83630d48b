//! Where in a pack an object stands, by the pack's index.
//!
//! The ids in an index are sorted, and as evenly spread as hashes are, so that a guess is nearly
//! always right to within a few dozen entries: one small read finds an id, or that it is not there.

use std::path::Path;

use gix::ObjectId;
use gix::hash::Kind;

use super::pieces::Pieces;

/// How many ids are read at a time.
const BLOCK: u64 = 128;

/// What stands before the ids: a magic number, the version, and how many ids begin with each byte
/// or one before it.
const HEAD: usize = 8 + 4 * 256;

/// The index of a pack, in version 2 of the format; git has written no other since 2007.
pub(super) struct PackIndex {
    file: Pieces,
    counts: Vec<u32>,
    hash_length: usize,
}

impl PackIndex {
    /// Opens an index; `None` if it is not one of this kind.
    pub(super) fn open(path: &Path, format: Kind) -> Option<PackIndex> {
        let file = Pieces::open(path)?;
        let mut head = Vec::new();
        file.read(0, HEAD, &mut head)?;
        let counts = head.strip_prefix(b"\xfftOc\0\0\0\x02")?;
        let counts: Vec<u32> = counts.as_chunks().0.iter().map(|count| u32::from_be_bytes(*count)).collect();
        let index = PackIndex { file, counts, hash_length: format.len_in_bytes() };
        // Two checksums stand at the end, and before them places beyond 2 GiB, if there are any.
        let least = index.places() + 4 * index.len() + 2 * index.hash_length as u64;
        (index.counts.is_sorted() && least <= index.file.len()).then_some(index)
    }

    fn len(&self) -> u64 {
        self.counts.last().copied().map_or(0, u64::from)
    }

    /// Returns where the places of the objects begin; the ids and a checksum for each come before.
    fn places(&self) -> u64 {
        HEAD as u64 + self.len() * (self.hash_length as u64 + 4)
    }

    /// Returns where in the pack `id` stands, if it does.
    pub(super) fn lookup(&self, id: &ObjectId, scratch: &mut Vec<u8>) -> Option<u64> {
        let number = self.number(id, scratch)?;
        self.file.read(self.places() + 4 * number, 4, scratch)?;
        let place = u32::from_be_bytes(*scratch.first_chunk()?);
        if place & 1 << 31 == 0 {
            return Some(u64::from(place));
        }
        let far = self.places() + 4 * self.len() + 8 * u64::from(place ^ 1 << 31);
        let end = self.file.len().checked_sub(2 * self.hash_length as u64)?;
        (far + 8 <= end).then_some(())?;
        self.file.read(far, 8, scratch)?;
        Some(u64::from_be_bytes(*scratch.first_chunk()?))
    }

    /// Returns the number of `id` among those of the index.
    fn number(&self, id: &ObjectId, scratch: &mut Vec<u8>) -> Option<u64> {
        let (first, rest) = id.as_bytes().split_first()?;
        let first = usize::from(*first);
        let mut low =
            first.checked_sub(1).and_then(|before| self.counts.get(before)).map_or(0, |it| u64::from(*it));
        let mut high = u64::from(*self.counts.get(first)?);
        let share = u64::from(u32::from_be_bytes(*rest.first_chunk()?));
        let mut guess = low + ((high - low) * share >> 32);
        while low < high {
            let start = guess.saturating_sub(BLOCK / 2).max(low);
            let end = (start + BLOCK).min(high);
            let length = (end - start) as usize * self.hash_length;
            self.file.read(HEAD as u64 + start * self.hash_length as u64, length, scratch)?;
            let ids = || scratch.chunks_exact(self.hash_length);
            if id.as_bytes() < ids().next()? {
                high = start;
            } else if ids().next_back()? < id.as_bytes() {
                low = end;
            } else {
                return ids().position(|other| other == id.as_bytes()).map(|at| start + at as u64);
            }
            guess = low + (high.saturating_sub(low)) / 2;
        }
        None
    }
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
            bytes.extend(short.unwrap_or(1 << 31 | far.len() as u32 / 8).to_be_bytes());
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
            let index = PackIndex::open(&path, Kind::Sha1).unwrap();
            for (id, place) in ids.iter().step_by(3) {
                assert_eq!(index.lookup(id, &mut scratch), Some(*place));
                let mut other = *id;
                other.as_mut_slice()[19] ^= 1;
                assert_eq!(index.lookup(&other, &mut scratch), None);
            }
            assert_eq!(index.lookup(&ObjectId::null(Kind::Sha1), &mut scratch), None);
        }
    }

    #[test]
    fn what_is_no_index_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.idx");
        write(&path, &[(ObjectId::empty_tree(Kind::Sha1), 12)]);
        let whole = std::fs::read(&path).unwrap();
        assert!(PackIndex::open(&path, Kind::Sha1).is_some());
        assert!(PackIndex::open(&path, Kind::Sha256).is_none());
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(PackIndex::open(&path, Kind::Sha1).is_none(), "{length}");
        }
        let mut unsorted = whole.clone();
        unsorted[8] = 1;
        std::fs::write(&path, &unsorted).unwrap();
        assert!(PackIndex::open(&path, Kind::Sha1).is_none());
    }
}
