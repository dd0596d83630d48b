//! Objects, straight out of packs.
//!
//! In a pack an object is mostly told as the difference from a neighbouring version of it, that one
//! as the difference from the next, and so on. Whoever asks for each version of a tree in a long
//! history should follow each link once, in whatever direction the history is read: so every version
//! on the way is kept for a while, and none is copied again. What is read of a pack is read into a
//! small buffer, not mapped, so memory does not grow with the size of the repository.
//!
//! This is a shorter way and nothing else. Whatever is not found here, or looks in any way strange,
//! is `None`, and then it is for the library to read it, or to say what is wrong.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};

use gix::ObjectId;
use gix::hash::Kind;
use gix::odb::pack::data::Entry;
use gix::odb::pack::data::entry::Header;
use gix::zlib::{Inflate, Status};

use crate::git::objects::cache::GenerationCache;
use crate::git::objects::pack_delta::PackDelta;
use crate::git::objects::pack_index::PackIndex;
use crate::git::objects::windows::{FileWindows, RandomAccessFile};

/// How many packs of one directory are opened here; the largest.
const MAX_OPENED_PACKS: usize = 32;

/// How many bytes of indices are kept in memory, when many objects are looked for.
const INDEX_MEMORY_BUDGET: u64 = 32 << 20;

/// How many links of deltas are followed.
const MAX_DELTA_CHAIN: usize = 512;

/// Objects, and deltas in sum, that are larger than this many bytes are left to the library.
const MAX_UNPACKED_BYTES: u64 = 16 << 20;

/// No head of an entry is longer than this many bytes.
const MAX_ENTRY_HEADER_BYTES: usize = 64;

/// The packs of a repository, shared by all threads; each is opened when it is first needed.
pub(crate) struct PackCollection {
    directories: Vec<PathBuf>,
    format: Kind,
    /// How many bytes of indices may still be kept in memory.
    index_budget: AtomicU64,
    packs: OnceLock<Vec<PackFile>>,
}

struct PackFile {
    path: PathBuf,
    index: OnceLock<Option<PackIndex>>,
    data_file: OnceLock<Option<RandomAccessFile>>,
}

impl PackCollection {
    /// Prepares to look into these object directories, in this order.
    pub(crate) fn new(directories: Vec<PathBuf>, format: Kind) -> PackCollection {
        PackCollection {
            directories,
            format,
            index_budget: AtomicU64::new(INDEX_MEMORY_BUDGET),
            packs: OnceLock::new(),
        }
    }

    fn find_all(&self) -> &[PackFile] {
        self.packs
            .get_or_init(|| self.directories.iter().flat_map(|it| find_packs_in(&it.join("pack"))).collect())
    }
}

impl PackFile {
    fn find_offset(&self, id: &ObjectId, packs: &PackCollection, scratch: &mut Vec<u8>) -> Option<u64> {
        let index = self.index.get_or_init(|| PackIndex::open_index(&self.path, packs.format));
        index.as_ref()?.find_offset(id, &packs.index_budget, scratch)
    }

    fn open_data(&self) -> Option<&RandomAccessFile> {
        self.data_file.get_or_init(|| RandomAccessFile::open_file(&self.path.with_extension("pack"))).as_ref()
    }
}

/// Returns the packs of a directory, the largest first.
fn find_packs_in(directory: &Path) -> Vec<PackFile> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut indices: Vec<(u64, PathBuf)> = entries
        .filter(|entry| Path::new(&entry.file_name()).extension().is_some_and(|extension| extension == "idx"))
        .filter_map(|entry| Some((entry.metadata().ok()?.len(), entry.path())))
        .collect();
    indices.sort_unstable_by(|left, right| right.cmp(left));
    indices.truncate(MAX_OPENED_PACKS);
    let pack = |(_, path)| PackFile { path, index: OnceLock::new(), data_file: OnceLock::new() };
    indices.into_iter().map(pack).collect()
}

/// The kind of an object, and its content.
type UnpackedObject = (gix::objs::Kind, Arc<Vec<u8>>);

/// One thread's way to the objects in the packs.
pub(crate) struct PackObjectReader {
    packs: Arc<PackCollection>,
    /// The pack in which the last object was.
    last_pack: usize,
    object_cache: GenerationCache<(usize, u64), UnpackedObject>,
    inflater: Inflate,
    windows: FileWindows,
    scratch: Vec<u8>,
    /// The deltas from the object that is asked for to the nearest one that is known: where the
    /// result of each stands, and where its bytes end among `deltas`.
    delta_chain: Vec<(u64, usize)>,
    delta_bytes: Vec<u8>,
}

impl PackObjectReader {
    /// Each generation of known objects holds about this many bytes at first.
    const CACHE_GENERATION_BYTES: usize = 128 << 10;
    /// And never more than about this many.
    const MAX_CACHE_GENERATION_BYTES: usize = 6 << 20;

    pub(crate) fn new(packs: Arc<PackCollection>) -> PackObjectReader {
        PackObjectReader {
            packs,
            last_pack: 0,
            object_cache: GenerationCache::new(
                Self::CACHE_GENERATION_BYTES,
                Self::MAX_CACHE_GENERATION_BYTES,
            ),
            inflater: Inflate::default(),
            windows: FileWindows::default(),
            scratch: Vec::new(),
            delta_chain: Vec::new(),
            delta_bytes: Vec::new(),
        }
    }

    /// Reads an object; `None` if the library is to look for it.
    pub(crate) fn read_object(&mut self, id: &ObjectId) -> Option<UnpackedObject> {
        let packs = self.packs.clone();
        let (number, offset) = self.locate_object(&packs, id)?;
        let pack = packs.find_all().get(number)?;
        let (kind, mut content) = self.follow_deltas(pack, number, offset)?;
        while let Some((offset, end)) = self.delta_chain.pop() {
            let start = self.delta_chain.last().map_or(0, |(_, end)| *end);
            let delta = PackDelta::parse_delta(self.delta_bytes.get(start..end)?)?;
            if MAX_UNPACKED_BYTES < delta.result_size {
                return None;
            }
            content = Arc::new(delta.apply_to(&content)?);
            self.object_cache.insert_value((number, offset), (kind, content.clone()), content.len());
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
                // Both sizes stand at the beginning of the delta.
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

    /// Returns the number of a pack that has `id`, and where in it.
    fn locate_object(&mut self, packs: &PackCollection, id: &ObjectId) -> Option<(usize, u64)> {
        let all = packs.find_all();
        let likely = all.get(self.last_pack).map(|pack| (self.last_pack, pack));
        let others = all.iter().enumerate().filter(|(number, _)| *number != self.last_pack);
        for (number, pack) in likely.into_iter().chain(others) {
            if let Some(offset) = pack.find_offset(id, packs, &mut self.scratch) {
                self.last_pack = number;
                return Some((number, offset));
            }
        }
        None
    }

    /// Reads the head of an entry; with it comes the place of its base, if it is a delta.
    fn read_entry(&mut self, pack: &PackFile, number: usize, offset: u64) -> Option<(Entry, Option<u64>)> {
        let head = self.windows.view_range(pack.open_data()?, number, offset, MAX_ENTRY_HEADER_BYTES)?;
        // The library takes for granted that a head is there whole.
        let mut padded = [0; MAX_ENTRY_HEADER_BYTES];
        padded.iter_mut().zip(head).for_each(|(to, from)| *to = *from);
        let entry = Entry::from_bytes(&padded, offset, self.packs.format).ok()?;
        let base = match &entry.header {
            Header::OfsDelta { base_distance } => Some(entry.checked_base_pack_offset(*base_distance)?),
            Header::RefDelta { base_id } => {
                Some(pack.find_offset(base_id, &self.packs, &mut self.scratch)?)
            }
            Header::Commit | Header::Tree | Header::Blob | Header::Tag => None,
        };
        Some((entry, base))
    }

    /// Follows the deltas from the entry at `offset` on, and returns the first object that is there
    /// whole.
    fn follow_deltas(&mut self, pack: &PackFile, number: usize, mut offset: u64) -> Option<UnpackedObject> {
        self.delta_chain.clear();
        self.delta_bytes.clear();
        let data = pack.open_data()?;
        loop {
            if let Some(known) = self.object_cache.find_value(&(number, offset)) {
                return Some(known);
            }
            let (entry, base) = self.read_entry(pack, number, offset)?;
            if MAX_UNPACKED_BYTES < entry.decompressed_size.saturating_add(self.delta_bytes.len() as u64)
                || MAX_DELTA_CHAIN < self.delta_chain.len()
            {
                return None;
            }
            let size = usize::try_from(entry.decompressed_size).ok()?;
            let packed =
                self.windows.view_range(data, number, entry.data_offset, max_deflated_bytes(size))?;
            let Some(base) = base else {
                let kind = entry.header.as_kind()?;
                let mut whole = vec![0; size];
                inflate_exactly(&mut self.inflater, packed, &mut whole)?;
                let whole = Arc::new(whole);
                // A commit, or what a large file holds, is hardly asked for twice.
                if kind == gix::objs::Kind::Tree || !self.delta_chain.is_empty() {
                    self.object_cache.insert_value((number, offset), (kind, whole.clone()), size);
                }
                return Some((kind, whole));
            };
            let start = self.delta_bytes.len();
            self.delta_bytes.resize(start + size, 0);
            inflate_exactly(&mut self.inflater, packed, self.delta_bytes.get_mut(start..)?)?;
            self.delta_chain.push((offset, self.delta_bytes.len()));
            offset = base;
        }
    }
}

/// Inflates a stream that has to fill `out`, and to end there.
fn inflate_exactly(inflate: &mut Inflate, packed: &[u8], out: &mut [u8]) -> Option<()> {
    inflate.reset();
    let (status, _, written) = inflate.once(packed, out).ok()?;
    (status == Status::StreamEnd && written == out.len()).then_some(())
}

/// Returns how long so many bytes can get when they are deflated, unless on purpose.
fn max_deflated_bytes(size: usize) -> usize {
    size + size / 8 + size / 64 + 64
}
