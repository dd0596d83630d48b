//! Reads objects directly from packs.
//!
//! In a pack an object is mostly stored as the difference from a neighbouring version of it, that one
//! as the difference from the next, and so on. Reading each version of a tree in a long history should
//! follow each delta once, in whatever direction the history is read: so every version on the way is
//! kept for a while, and none is copied. Packs are read into small buffers, not mapped, so memory does
//! not grow with the size of the repository.
//!
//! This is only a faster way. Everything that is not found here, or looks malformed, is `None`; then
//! the library reads it or says what is wrong.

use std::ops::Range;
use std::sync::Arc;

use gix::ObjectId;
use gix::odb::pack::data::Entry;
use gix::odb::pack::data::entry::Header;
use gix::zlib::{Inflate, Status};

use crate::git::objects::cache::GenerationCache;
use crate::git::objects::file_windows::{FileWindows, RandomAccessFile};
use crate::git::objects::pack_collection::{PackCollection, PackFile};
use crate::git::objects::pack_delta::PackDelta;

/// The longest chain of deltas that is followed. `git fast-import` makes none that is longer, and `git repack` none
/// longer than 4,095, but a pack that is pushed can hold any. The library follows each chain from its beginning, so
/// a longer one is refused.
const MAX_DELTA_CHAIN: usize = 8_191;

/// Objects and deltas that are larger than this many bytes are left to the library.
const MAX_UNPACKED_BYTES: u64 = 16 << 20;

/// The most bytes of deltas of one chain that are kept until they are applied; others are read again.
const MAX_KEPT_DELTA_BYTES: usize = 4 << 20;

/// From this length on, a few versions along a chain are kept for longer, so that no other object of it
/// needs to be built from its beginning.
const MIN_LONG_CHAIN: usize = 128;

/// How many versions along a long chain are kept.
const CHECKPOINTS_PER_CHAIN: usize = 32;

/// About how many bytes of memory an object in a cache takes beside its content.
const CACHED_OBJECT_BYTES: usize = 128;

/// From this size on, few bytes of an entry are read at first.
const MIN_LARGE_ENTRY_BYTES: usize = 1 << 20;

/// The most bytes that the header of an entry takes.
const MAX_ENTRY_HEADER_BYTES: usize = 64;

/// The kind of an object, and its content.
type UnpackedObject = (gix::objs::Kind, Arc<Vec<u8>>);

/// An object that is stored as a chain of too many deltas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChainTooLong;

/// A delta on the way from the object that is asked for to one that is known.
struct ChainedDelta {
    /// Where the entry is in the pack.
    offset: u64,
    /// Where its deflated bytes begin.
    data_offset: u64,
    /// How many bytes it has when it is inflated.
    size: usize,
    /// Where these are in `delta_bytes`; `None` if they are not kept.
    kept: Option<Range<usize>>,
}

/// One thread's reader of the objects in the packs.
pub(crate) struct PackObjectReader {
    packs: Arc<PackCollection>,
    /// The number of the pack in which the last object was.
    last_pack: usize,
    object_cache: GenerationCache<(usize, u64), UnpackedObject>,
    /// Versions along chains that are long.
    checkpoints: GenerationCache<(usize, u64), UnpackedObject>,
    inflater: Inflate,
    windows: FileWindows,
    scratch: Vec<u8>,
    /// The deltas from the object that is asked for to the nearest one that is known.
    delta_chain: Vec<ChainedDelta>,
    delta_bytes: Vec<u8>,
}

impl PackObjectReader {
    /// About how many bytes each generation of known objects holds at first.
    const CACHE_GENERATION_BYTES: usize = 128 << 10;
    /// About how many bytes each generation holds at most.
    const MAX_CACHE_GENERATION_BYTES: usize = 6 << 20;
    /// The most bytes that the versions along a long chain may take to be kept all at once.
    const MAX_KEPT_CHAIN_BYTES: usize = 12 << 20;
    /// About how many bytes of versions along long chains each generation holds.
    const CHECKPOINT_GENERATION_BYTES: usize = 6 << 20;

    pub(crate) fn new(packs: Arc<PackCollection>) -> PackObjectReader {
        PackObjectReader {
            packs,
            last_pack: 0,
            object_cache: GenerationCache::new(
                Self::CACHE_GENERATION_BYTES,
                Self::MAX_CACHE_GENERATION_BYTES,
            ),
            checkpoints: GenerationCache::new(
                Self::CHECKPOINT_GENERATION_BYTES,
                Self::CHECKPOINT_GENERATION_BYTES,
            ),
            inflater: Inflate::default(),
            windows: FileWindows::default(),
            scratch: Vec::new(),
            delta_chain: Vec::new(),
            delta_bytes: Vec::new(),
        }
    }

    /// Reads an object; `None` if the library is to look for it.
    ///
    /// # Errors
    ///
    /// Fails if the object is stored in a way that takes too long to read.
    pub(crate) fn read_object(&mut self, id: &ObjectId) -> Result<Option<UnpackedObject>, ChainTooLong> {
        self.read_object_start(id, usize::MAX)
    }

    /// Reads the first `length` bytes of an object, or all of it if it is shorter or a delta.
    ///
    /// # Errors
    ///
    /// As [`PackObjectReader::read_object`].
    pub(crate) fn read_object_start(
        &mut self,
        id: &ObjectId,
        length: usize,
    ) -> Result<Option<UnpackedObject>, ChainTooLong> {
        let packs = self.packs.clone();
        let Some((number, offset)) = self.locate_object(&packs, id) else { return Ok(None) };
        let Some(pack) = packs.find_all().get(number) else { return Ok(None) };
        let known = self.follow_deltas(pack, (number, offset), length);
        if self.delta_chain.len() > MAX_DELTA_CHAIN {
            return Err(ChainTooLong);
        }
        let Some((kind, content)) = known else { return Ok(None) };
        Ok(self.apply_deltas(pack, number, (kind, content)))
    }

    /// Applies the deltas of the chain to the object at its end.
    fn apply_deltas(
        &mut self,
        pack: &PackFile,
        number: usize,
        (kind, mut content): UnpackedObject,
    ) -> Option<UnpackedObject> {
        let length = self.delta_chain.len();
        let mut distance = usize::MAX;
        if length >= MIN_LONG_CHAIN {
            distance = length / CHECKPOINTS_PER_CHAIN;
            // The other versions are mostly asked for next, so all are kept if they fit.
            let expected_bytes = length.saturating_mul(content.len() + CACHED_OBJECT_BYTES);
            if expected_bytes <= Self::MAX_KEPT_CHAIN_BYTES {
                self.object_cache.raise_weight(expected_bytes);
            }
        }
        let mut again = Vec::new();
        while let Some(delta) = self.delta_chain.pop() {
            let bytes = match delta.kept {
                Some(range) => self.delta_bytes.get(range)?,
                None => {
                    again.resize(delta.size, 0);
                    let packed = self.windows.view_range(
                        pack.open_data()?,
                        number,
                        delta.data_offset,
                        max_deflated_bytes(delta.size),
                    )?;
                    inflate_exactly(&mut self.inflater, packed, &mut again)?;
                    &again
                }
            };
            let bytes = PackDelta::parse_delta(bytes)?;
            if bytes.result_size > MAX_UNPACKED_BYTES {
                return None;
            }
            content = Arc::new(bytes.apply_to(&content)?);
            let key = (number, delta.offset);
            self.object_cache.insert_value(key, (kind, content.clone()), content.len() + CACHED_OBJECT_BYTES);
            if (self.delta_chain.len() + 1).is_multiple_of(distance) {
                self.checkpoints.insert_value(
                    key,
                    (kind, content.clone()),
                    content.len() + CACHED_OBJECT_BYTES,
                );
            }
        }
        Some((kind, content))
    }

    /// Reads the kind and the size of an object; `None` if the library is to look for it.
    pub(crate) fn read_object_header(&mut self, id: &ObjectId) -> Option<(gix::objs::Kind, u64)> {
        let packs = self.packs.clone();
        let (number, mut offset) = self.locate_object(&packs, id)?;
        let pack = packs.find_all().get(number)?;
        let mut size = None;
        for _ in 0..MAX_DELTA_CHAIN {
            let (entry, base) = self.read_entry(pack, number, offset)?;
            let Some(base) = base else {
                return Some((entry.header.as_kind()?, size.unwrap_or(entry.decompressed_size)));
            };
            if size.is_none() {
                // Both sizes are at the beginning of the delta.
                let mut start = [0; 20];
                let start = start.get_mut(..usize::try_from(entry.decompressed_size.min(20)).ok()?)?;
                let packed = self.windows.view_range(
                    pack.open_data()?,
                    number,
                    entry.data_offset,
                    4 * MAX_ENTRY_HEADER_BYTES,
                )?;
                self.inflater.reset();
                let (_, _, written) = self.inflater.prefix(packed, start).ok()?;
                size = Some(PackDelta::parse_delta(start.get(..written)?)?.result_size);
            }
            offset = base;
        }
        None
    }

    /// Returns the number of a pack that has `id`, and the offset in it.
    fn locate_object(&mut self, packs: &PackCollection, id: &ObjectId) -> Option<(usize, u64)> {
        let all = packs.find_all();
        // Objects of one push are mostly in one pack, so the last pack is asked first.
        let likely = self.last_pack;
        if let Some(pack) = all.get(likely)
            && let Some(offset) = pack.find_offset(id, packs, &mut self.scratch)
        {
            return Some((likely, offset));
        }
        for (number, pack) in all.iter().enumerate() {
            if number != likely
                && let Some(offset) = pack.find_offset(id, packs, &mut self.scratch)
            {
                self.last_pack = number;
                return Some((number, offset));
            }
        }
        None
    }

    /// Reads the header of an entry, and returns the offset of its base as well if it is a delta.
    fn read_entry(&mut self, pack: &PackFile, number: usize, offset: u64) -> Option<(Entry, Option<u64>)> {
        let head = self.windows.view_range(pack.open_data()?, number, offset, MAX_ENTRY_HEADER_BYTES)?;
        // The library assumes that the header is complete.
        let mut padded = [0; MAX_ENTRY_HEADER_BYTES];
        for (to, from) in padded.iter_mut().zip(head) {
            *to = *from;
        }
        let entry = Entry::from_bytes(&padded, offset, self.packs.format()).ok()?;
        let base = match &entry.header {
            Header::OfsDelta { base_distance } => Some(entry.checked_base_pack_offset(*base_distance)?),
            Header::RefDelta { base_id } => {
                Some(pack.find_offset(base_id, &self.packs, &mut self.scratch)?)
            }
            Header::Commit | Header::Tree | Header::Blob | Header::Tag => None,
        };
        Some((entry, base))
    }

    /// Follows the deltas from the entry at `offset` on, and returns the first object that is not a
    /// delta or is in the cache. The chain is longer than [`MAX_DELTA_CHAIN`] if it ends nowhere. Of an object
    /// that is no delta, only the first `length` bytes are returned.
    fn follow_deltas(
        &mut self,
        pack: &PackFile,
        (number, mut offset): (usize, u64),
        length: usize,
    ) -> Option<UnpackedObject> {
        self.delta_chain.clear();
        self.delta_bytes.clear();
        let data = pack.open_data()?;
        loop {
            if let Some(known) = self.object_cache.find_value(&(number, offset)) {
                return Some(known);
            }
            if let Some(known) = self.checkpoints.find_value(&(number, offset)) {
                return Some(known);
            }
            let (entry, base) = self.read_entry(pack, number, offset)?;
            if entry.decompressed_size > MAX_UNPACKED_BYTES || self.delta_chain.len() > MAX_DELTA_CHAIN {
                return None;
            }
            let size = usize::try_from(entry.decompressed_size).ok()?;
            let data_offset = entry.data_offset;
            let Some(base) = base else {
                let kind = entry.header.as_kind()?;
                if size > length && self.delta_chain.is_empty() {
                    let packed =
                        self.windows.view_range(data, number, data_offset, max_deflated_bytes(length))?;
                    let mut start = vec![0; length];
                    self.inflater.reset();
                    let (_, _, written) = self.inflater.prefix(packed, &mut start).ok()?;
                    return (written == length).then(|| (kind, Arc::new(start)));
                }
                let whole = Arc::new(self.inflate_entry(data, (number, data_offset), size)?);
                // A commit or the content of a file is hardly ever asked for twice.
                if kind == gix::objs::Kind::Tree || !self.delta_chain.is_empty() {
                    self.object_cache.insert_value((number, offset), (kind, whole.clone()), size);
                }
                return Some((kind, whole));
            };
            let start = self.delta_bytes.len();
            let mut kept = None;
            if start + size <= MAX_KEPT_DELTA_BYTES || start == 0 {
                let packed = self.windows.view_range(data, number, data_offset, max_deflated_bytes(size))?;
                self.delta_bytes.resize(start + size, 0);
                inflate_exactly(&mut self.inflater, packed, self.delta_bytes.get_mut(start..)?)?;
                kept = Some(start..start + size);
            }
            self.delta_chain.push(ChainedDelta { offset, data_offset, size, kept });
            offset = base;
        }
    }
}

impl PackObjectReader {
    /// Inflates an entry of `size` bytes.
    fn inflate_entry(
        &mut self,
        data: &RandomAccessFile,
        (number, offset): (usize, u64),
        size: usize,
    ) -> Option<Vec<u8>> {
        let mut whole = vec![0; size];
        // What is large is mostly a long repetition, whose deflated bytes are few.
        let few = size / 64;
        if few >= MIN_LARGE_ENTRY_BYTES / 64 {
            let packed = self.windows.view_range(data, number, offset, few)?;
            if inflate_exactly(&mut self.inflater, packed, &mut whole).is_some() {
                return Some(whole);
            }
        }
        let packed = self.windows.view_range(data, number, offset, max_deflated_bytes(size))?;
        inflate_exactly(&mut self.inflater, packed, &mut whole)?;
        Some(whole)
    }
}

/// Inflates a stream, which has to end when `out` is full.
fn inflate_exactly(inflate: &mut Inflate, packed: &[u8], out: &mut [u8]) -> Option<()> {
    inflate.reset();
    let (status, _, written) = inflate.once(packed, out).ok()?;
    (status == Status::StreamEnd && written == out.len()).then_some(())
}

/// Returns the length that `size` deflated bytes do not exceed, unless the pack was made to exceed it.
fn max_deflated_bytes(size: usize) -> usize {
    size + size / 8 + size / 64 + 64
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use gix::hash::Kind;

    use super::*;

    /// Returns a stream of zlib that holds `bytes` as they are.
    fn store_deflated(bytes: &[u8]) -> Vec<u8> {
        let (mut low, mut high) = (1_u32, 0_u32);
        for byte in bytes {
            low = (low + u32::from(*byte)) % 65_521;
            high = (high + low) % 65_521;
        }
        let length = (bytes.len() as u16).to_le_bytes();
        let inverse = (!(bytes.len() as u16)).to_le_bytes();
        [&[0x78, 1, 1][..], &length, &inverse, bytes, &(high << 16 | low).to_be_bytes()].concat()
    }

    fn numbered_id(number: u32) -> ObjectId {
        let mut bytes = [0; 20];
        bytes[..4].copy_from_slice(&(number << 8).to_be_bytes());
        ObjectId::from_bytes_or_panic(&bytes)
    }

    /// Writes a pack with a file of one byte, and so many versions after it, each a delta of the one before.
    fn write_chain(directory: &Path, length: u32) {
        let mut data = b"PACK\0\0\0\x02".to_vec();
        data.extend((length + 1).to_be_bytes());
        let mut offsets = vec![data.len()];
        data.push(3 << 4 | 1);
        data.extend(store_deflated(b"x"));
        for _ in 0..length {
            let distance = data.len() - offsets[offsets.len() - 1];
            offsets.push(data.len());
            data.extend([6 << 4 | 4, distance as u8]);
            // One byte becomes one byte, which is copied.
            data.extend(store_deflated(b"\x01\x01\x90\x01"));
        }
        data.extend([0; 20]);
        let mut index = b"\xfftOc\0\0\0\x02".to_vec();
        let ids: Vec<ObjectId> = (0..=length).map(numbered_id).collect();
        for first in 0..=255 {
            let count = ids.iter().filter(|id| id.as_bytes()[0] <= first).count() as u32;
            index.extend(count.to_be_bytes());
        }
        ids.iter().for_each(|id| index.extend(id.as_bytes()));
        index.resize(index.len() + 4 * ids.len(), 0);
        offsets.iter().for_each(|offset| index.extend((*offset as u32).to_be_bytes()));
        index.resize(index.len() + 40, 0);
        std::fs::create_dir(directory.join("pack")).unwrap();
        std::fs::write(directory.join("pack/pack-a.pack"), data).unwrap();
        std::fs::write(directory.join("pack/pack-a.idx"), index).unwrap();
    }

    #[test]
    fn a_chain_is_followed_as_far_as_git_writes_one_and_refused_beyond() {
        let folder = tempfile::tempdir().unwrap();
        let longest = MAX_DELTA_CHAIN as u32;
        write_chain(folder.path(), longest + 1);
        let packs = Arc::new(PackCollection::new(vec![folder.path().to_owned()], Kind::Sha1));
        let mut reader = PackObjectReader::new(packs.clone());
        assert_eq!(reader.read_object(&numbered_id(longest + 1)), Err(ChainTooLong));
        for number in (0..=longest).rev() {
            let (kind, content) = reader.read_object(&numbered_id(number)).unwrap().unwrap();
            assert_eq!((kind, content.as_slice()), (gix::objs::Kind::Blob, b"x".as_slice()));
            // All that was built on the way to the first version is still there.
            assert!(number == 0 || number == longest || reader.delta_chain.is_empty(), "{number}");
            if number == longest {
                assert!(reader.object_cache.contains_key(&(0, 12)), "the file is not kept");
            }
        }
        assert_eq!(PackObjectReader::new(packs).read_object(&numbered_id(longest + 2)), Ok(None));
    }
}
