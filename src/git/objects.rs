//! The object stores of a repository, behind one door.
//!
//! While a push is being received its objects lie in a quarantine of their own, and the library
//! knows nothing of that. So every store is opened by itself and asked in turn: first the
//! quarantine, then what was there before.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use gix::hash::{Kind, oid};
use gix::odb::store::init::{Options, Slots};
use gix::odb::{HandleArc, Store};

/// Where git keeps the objects of a push until the hooks have accepted it.
///
/// Both come from git's environment (`GIT_OBJECT_DIRECTORY`, `GIT_ALTERNATE_OBJECT_DIRECTORIES`),
/// which only `cli` reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantine {
    /// The directory that receives the new objects.
    pub objects: PathBuf,
    /// The directories in which git looks next.
    pub alternates: Vec<PathBuf>,
}

/// No single object may take more memory than this many bytes.
const LARGEST_ALLOCATION: usize = 512 << 20;

/// The stores of one repository, shared by all threads.
pub(super) struct Stores {
    stores: Vec<Arc<Store>>,
}

impl Stores {
    /// Opens the stores: those of `quarantine`, then `objects_dir`; each directory once.
    pub(super) fn open(objects_dir: &Path, quarantine: Option<&Quarantine>, format: Kind) -> Result<Stores> {
        let mut directories: Vec<PathBuf> = Vec::new();
        let quarantined = quarantine.iter().flat_map(|it| std::iter::once(&it.objects).chain(&it.alternates));
        for directory in quarantined.map(PathBuf::as_path).chain([objects_dir]) {
            // The main store nearly always is among the alternates, under another spelling.
            let Ok(real) = directory.canonicalize() else {
                if directory == objects_dir || quarantine.is_some_and(|it| it.objects == directory) {
                    bail!("the object directory `{}` does not exist", directory.display());
                }
                // git itself skips alternates that are not there; what is lost with one is noticed
                // as a missing object.
                continue;
            };
            if !directories.contains(&real) {
                directories.push(real);
            }
        }
        let stores = directories.into_iter().map(|it| open(it, format)).collect::<Result<_>>()?;
        Ok(Stores { stores })
    }

    /// Returns a handle for one thread, keeping up to `pack_cache` bytes of delta bases.
    pub(super) fn handle(&self, pack_cache: usize) -> Objects {
        let last = self.stores.len().saturating_sub(1);
        let handles = self.stores.iter().enumerate().map(|(index, store)| {
            let mut handle = store.to_cache_arc();
            if index < last {
                // Nothing is added to these while a hook runs, and looking again at the disk for
                // every object that lies in the next store would take most of the time.
                handle.refresh_never();
            }
            if 0 < pack_cache {
                handle.set_pack_cache(move || {
                    Box::new(gix::odb::pack::cache::lru::MemoryCappedHashmap::new(pack_cache))
                });
            }
            handle
        });
        Objects { handles: handles.collect() }
    }
}

fn open(directory: PathBuf, format: Kind) -> Result<Arc<Store>> {
    let options = Options {
        // Room for packs that appear while we read; more of them than this at once are an error.
        slots: Slots::AsNeededByDiskState { multiplier: 1.5, minimum: 64 },
        alloc_limit_bytes: Some(LARGEST_ALLOCATION),
        ..Options::default()
    };
    let shown = directory.display().to_string();
    // No replacements, ever: the last argument but one would be the place for them.
    let store = Store::at_opts(directory, format, &mut std::iter::empty(), options)
        .with_context(|| format!("cannot open the objects in `{shown}`"))?;
    Ok(Arc::new(store))
}

/// One thread's handle on all stores of a repository.
pub(super) struct Objects {
    handles: Vec<HandleArc>,
}

impl Objects {
    /// Returns the first store that has `id`, or the last one, which then says that it has not.
    fn store_of(&self, id: &oid) -> gix::Result<&HandleArc> {
        use gix::objs::Exists;
        match self.handles.as_slice() {
            [only] => Ok(only),
            [earlier @ .., last] => Ok(earlier.iter().find(|it| it.exists(id)).unwrap_or(last)),
            [] => Err(gix::error::message("there is no object directory").not_found_error()),
        }
    }
}

impl gix::objs::Find for Objects {
    fn try_find<'a>(&self, id: &oid, buffer: &'a mut Vec<u8>) -> gix::Result<Option<gix::objs::Data<'a>>> {
        self.store_of(id)?.try_find(id, buffer)
    }
}

impl gix::objs::FindHeader for Objects {
    fn try_header(&self, id: &oid) -> gix::Result<Option<gix::objs::Header>> {
        gix::objs::FindHeader::try_header(self.store_of(id)?, id)
    }
}

impl gix::objs::Exists for Objects {
    fn exists(&self, id: &oid) -> bool {
        self.handles.iter().any(|handle| handle.exists(id))
    }
}
