//! The packs of a repository, each with its index.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;

use gix::ObjectId;
use gix::hash::Kind;

use crate::git::objects::file_windows::RandomAccessFile;
use crate::git::objects::pack_index::PackIndex;

/// How many packs of one directory are opened; the largest ones.
const MAX_OPENED_PACKS: usize = 32;

/// The most bytes of indices that are kept in memory when many objects are looked for.
const INDEX_MEMORY_BUDGET: u64 = 32 << 20;

/// The packs of a repository, shared by all threads; each is opened when it is needed first.
pub(crate) struct PackCollection {
    directories: Vec<PathBuf>,
    format: Kind,
    /// How many more bytes of indices may be kept in memory.
    index_budget: AtomicU64,
    packs: OnceLock<Vec<PackFile>>,
}

/// A pack, whose index and data are opened when they are needed first.
pub(crate) struct PackFile {
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

    pub(crate) fn format(&self) -> Kind {
        self.format
    }

    /// Returns the packs, those of each directory together.
    pub(crate) fn find_all(&self) -> &[PackFile] {
        self.packs.get_or_init(|| {
            let mut packs = Vec::new();
            for directory in &self.directories {
                packs.extend(find_packs_in(&directory.join("pack")));
            }
            packs
        })
    }
}

impl PackFile {
    /// Returns where an object is in the pack.
    pub(crate) fn find_offset(
        &self,
        id: &ObjectId,
        packs: &PackCollection,
        scratch: &mut Vec<u8>,
    ) -> Option<u64> {
        let index = self.index.get_or_init(|| PackIndex::open_index(&self.path, packs.format));
        index.as_ref()?.find_offset(id, &packs.index_budget, scratch)
    }

    /// Returns the file with the objects; `None` if it cannot be opened.
    pub(crate) fn open_data(&self) -> Option<&RandomAccessFile> {
        self.data_file.get_or_init(|| RandomAccessFile::open_file(&self.path.with_extension("pack"))).as_ref()
    }
}

/// Returns the packs of a directory, the largest first.
fn find_packs_in(directory: &Path) -> Vec<PackFile> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let mut indices: Vec<(u64, PathBuf)> = Vec::new();
    for entry in entries.flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|extension| extension != "idx") {
            continue;
        }
        if let Ok(metadata) = entry.metadata() {
            indices.push((metadata.len(), path));
        }
    }
    indices.sort_unstable_by(|left, right| right.cmp(left));
    indices.truncate(MAX_OPENED_PACKS);
    let mut packs = Vec::with_capacity(indices.len());
    for (_, path) in indices {
        packs.push(PackFile { path, index: OnceLock::new(), data_file: OnceLock::new() });
    }
    packs
}
