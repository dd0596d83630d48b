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

use super::delta::Delta;
use super::pack_index::PackIndex;
use super::pieces::{Pieces, Windows};
use super::recent::Recent;

/// How many packs of one directory are opened here; the largest.
const MOST_PACKS: usize = 32;

/// How many bytes of indices are kept in memory, when many objects are looked for.
const MOST_OF_INDICES: u64 = 32 << 20;

/// How many links of deltas are followed.
const MOST_LINKS: usize = 512;

/// Objects, and deltas in sum, that are larger than this many bytes are left to the library.
const LARGEST: u64 = 16 << 20;

/// No head of an entry is longer than this many bytes.
const LONGEST_HEAD: usize = 64;

/// The packs of a repository, shared by all threads; each is opened when it is first needed.
pub(super) struct Packs {
    directories: Vec<PathBuf>,
    format: Kind,
    /// How many bytes of indices may still be kept in memory.
    room: AtomicU64,
    found: OnceLock<Vec<Pack>>,
}

struct Pack {
    path: PathBuf,
    index: OnceLock<Option<PackIndex>>,
    data: OnceLock<Option<Pieces>>,
}

impl Packs {
    /// Prepares to look into these object directories, in this order.
    pub(super) fn new(directories: Vec<PathBuf>, format: Kind) -> Packs {
        Packs { directories, format, room: AtomicU64::new(MOST_OF_INDICES), found: OnceLock::new() }
    }

    fn all(&self) -> &[Pack] {
        self.found.get_or_init(|| self.directories.iter().flat_map(|it| packs_in(&it.join("pack"))).collect())
    }
}

impl Pack {
    fn lookup(&self, id: &ObjectId, packs: &Packs, scratch: &mut Vec<u8>) -> Option<u64> {
        let index = self.index.get_or_init(|| PackIndex::open(&self.path, packs.format));
        index.as_ref()?.lookup(id, &packs.room, scratch)
    }

    fn data(&self) -> Option<&Pieces> {
        self.data.get_or_init(|| Pieces::open(&self.path.with_extension("pack"))).as_ref()
    }
}

/// Returns the packs of a directory, the largest first.
fn packs_in(directory: &Path) -> Vec<Pack> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut indices: Vec<(u64, PathBuf)> = entries
        .filter(|entry| Path::new(&entry.file_name()).extension().is_some_and(|extension| extension == "idx"))
        .filter_map(|entry| Some((entry.metadata().ok()?.len(), entry.path())))
        .collect();
    indices.sort_unstable_by(|left, right| right.cmp(left));
    indices.truncate(MOST_PACKS);
    let pack = |(_, path)| Pack { path, index: OnceLock::new(), data: OnceLock::new() };
    indices.into_iter().map(pack).collect()
}

/// The kind of an object, and its content.
type Object = (gix::objs::Kind, Arc<Vec<u8>>);

/// One thread's way to the objects in the packs.
pub(super) struct PackedObjects {
    packs: Arc<Packs>,
    /// The pack in which the last object was.
    likely: usize,
    known: Recent<(usize, u64), Object>,
    inflate: Inflate,
    windows: Windows,
    scratch: Vec<u8>,
    /// The deltas from the object that is asked for to the nearest one that is known: where the
    /// result of each stands, and where its bytes end among `deltas`.
    chain: Vec<(u64, usize)>,
    deltas: Vec<u8>,
}

impl PackedObjects {
    /// Each generation of known objects holds about this many bytes at first.
    const GENERATION: usize = 128 << 10;
    /// And never more than about this many.
    const LARGEST_GENERATION: usize = 6 << 20;

    pub(super) fn new(packs: Arc<Packs>) -> PackedObjects {
        PackedObjects {
            packs,
            likely: 0,
            known: Recent::new(Self::GENERATION, Self::LARGEST_GENERATION),
            inflate: Inflate::default(),
            windows: Windows::default(),
            scratch: Vec::new(),
            chain: Vec::new(),
            deltas: Vec::new(),
        }
    }

    /// Reads an object; `None` if the library is to look for it.
    pub(super) fn read(&mut self, id: &ObjectId) -> Option<Object> {
        let packs = self.packs.clone();
        let (number, offset) = self.locate(&packs, id)?;
        let pack = packs.all().get(number)?;
        let (kind, mut content) = self.follow(pack, number, offset)?;
        while let Some((offset, end)) = self.chain.pop() {
            let start = self.chain.last().map_or(0, |(_, end)| *end);
            let delta = Delta::read(self.deltas.get(start..end)?)?;
            if LARGEST < delta.size {
                return None;
            }
            content = Arc::new(delta.apply(&content)?);
            self.known.put((number, offset), (kind, content.clone()), content.len());
        }
        Some((kind, content))
    }

    /// Reads the kind and the size of an object; `None` if the library is to look for it.
    pub(super) fn header(&mut self, id: &ObjectId) -> Option<(gix::objs::Kind, u64)> {
        let packs = self.packs.clone();
        let (number, mut offset) = self.locate(&packs, id)?;
        let pack = packs.all().get(number)?;
        let mut size = None;
        for _ in 0..MOST_LINKS {
            let (entry, base) = self.entry(pack, number, offset)?;
            let Some(base) = base else {
                return Some((entry.header.as_kind()?, size.unwrap_or(entry.decompressed_size)));
            };
            if size.is_none() {
                // Both sizes stand at the beginning of the delta.
                let mut start = [0; 20];
                let start = start.get_mut(..usize::try_from(entry.decompressed_size.min(20)).ok()?)?;
                let packed = self.windows.at(pack.data()?, number, entry.data_offset, 4 * LONGEST_HEAD)?;
                self.inflate.reset();
                let (_, _, written) = self.inflate.prefix(packed, start).ok()?;
                size = Some(Delta::read(start.get(..written)?)?.size);
            }
            offset = base;
        }
        None
    }

    /// Returns the number of a pack that has `id`, and where in it.
    fn locate(&mut self, packs: &Packs, id: &ObjectId) -> Option<(usize, u64)> {
        let all = packs.all();
        let likely = all.get(self.likely).map(|pack| (self.likely, pack));
        let others = all.iter().enumerate().filter(|(number, _)| *number != self.likely);
        for (number, pack) in likely.into_iter().chain(others) {
            if let Some(offset) = pack.lookup(id, packs, &mut self.scratch) {
                self.likely = number;
                return Some((number, offset));
            }
        }
        None
    }

    /// Reads the head of an entry; with it comes the place of its base, if it is a delta.
    fn entry(&mut self, pack: &Pack, number: usize, offset: u64) -> Option<(Entry, Option<u64>)> {
        let head = self.windows.at(pack.data()?, number, offset, LONGEST_HEAD)?;
        // The library takes for granted that a head is there whole.
        let mut padded = [0; LONGEST_HEAD];
        padded.iter_mut().zip(head).for_each(|(to, from)| *to = *from);
        let entry = Entry::from_bytes(&padded, offset, self.packs.format).ok()?;
        let base = match &entry.header {
            Header::OfsDelta { base_distance } => Some(entry.checked_base_pack_offset(*base_distance)?),
            Header::RefDelta { base_id } => Some(pack.lookup(base_id, &self.packs, &mut self.scratch)?),
            Header::Commit | Header::Tree | Header::Blob | Header::Tag => None,
        };
        Some((entry, base))
    }

    /// Follows the deltas from the entry at `offset` on, and returns the first object that is there
    /// whole.
    fn follow(&mut self, pack: &Pack, number: usize, mut offset: u64) -> Option<Object> {
        self.chain.clear();
        self.deltas.clear();
        let data = pack.data()?;
        loop {
            if let Some(known) = self.known.get(&(number, offset)) {
                return Some(known);
            }
            let (entry, base) = self.entry(pack, number, offset)?;
            if LARGEST < entry.decompressed_size.saturating_add(self.deltas.len() as u64)
                || MOST_LINKS < self.chain.len()
            {
                return None;
            }
            let size = usize::try_from(entry.decompressed_size).ok()?;
            let packed = self.windows.at(data, number, entry.data_offset, longest_packed(size))?;
            let Some(base) = base else {
                let kind = entry.header.as_kind()?;
                let mut whole = vec![0; size];
                inflate(&mut self.inflate, packed, &mut whole)?;
                let whole = Arc::new(whole);
                // A commit, or what a large file holds, is hardly asked for twice.
                if kind == gix::objs::Kind::Tree || !self.chain.is_empty() {
                    self.known.put((number, offset), (kind, whole.clone()), size);
                }
                return Some((kind, whole));
            };
            let start = self.deltas.len();
            self.deltas.resize(start + size, 0);
            inflate(&mut self.inflate, packed, self.deltas.get_mut(start..)?)?;
            self.chain.push((offset, self.deltas.len()));
            offset = base;
        }
    }
}

/// Inflates a stream that has to fill `out`, and to end there.
fn inflate(inflate: &mut Inflate, packed: &[u8], out: &mut [u8]) -> Option<()> {
    inflate.reset();
    let (status, _, written) = inflate.once(packed, out).ok()?;
    (status == Status::StreamEnd && written == out.len()).then_some(())
}

/// Returns how long so many bytes can get when they are deflated, unless on purpose.
fn longest_packed(size: usize) -> usize {
    size + size / 8 + size / 64 + 64
}
