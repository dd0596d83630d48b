//! The object stores of a repository, with one way to read from all of them.
//!
//! While a push is being received, its objects are in a quarantine directory, which the library
//! does not know. So every store is opened by itself and asked in turn: first the quarantine, then the
//! stores that were there before.

pub(crate) mod alternates;
pub(crate) mod blob;
pub(crate) mod cache;
pub(crate) mod commit;
pub(crate) mod file_windows;
pub(crate) mod link_cache;
pub(crate) mod loose;
pub(crate) mod pack_collection;
pub(crate) mod pack_delta;
pub(crate) mod pack_index;
pub(crate) mod packs;
pub(crate) mod reader;
pub(crate) mod tree;
pub(crate) mod tree_entry;

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use anyhow::{Context, Result, bail};
use gix::ObjectId;
use gix::hash::{Kind, oid};
use gix::objs::{Exists, Find, FindHeader};
use gix::odb::store::init::{Options, Slots};
use gix::odb::{HandleArc, Store};

use crate::git::objects::alternates::follow_alternates;
use crate::git::objects::pack_collection::PackCollection;
use crate::git::objects::packs::{ChainTooLong, PackObjectReader};

/// Where git keeps the objects of a push until the hooks have accepted it.
///
/// Both come from git's environment (`GIT_OBJECT_DIRECTORY`, `GIT_ALTERNATE_OBJECT_DIRECTORIES`),
/// which only `cli` reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectQuarantine {
    /// The directory that receives the new objects.
    pub object_dir: PathBuf,
    /// The directories in which git looks next.
    pub alternates: Vec<PathBuf>,
}

/// The content of an object, shared by all its users.
pub(crate) type ObjectBytes = Arc<Vec<u8>>;

/// The most bytes of memory that a single object may take.
const MAX_OBJECT_BYTES: usize = 64 << 20;

/// What is wrong with an object that is not read because of the form in which it is stored.
pub(crate) const CHAIN_TOO_LONG: &str =
    "it is stored as a chain of more than 8,191 deltas; repack what is pushed, then push again";

/// The stores of one repository, shared by all threads.
pub(crate) struct ObjectStores {
    library_stores: Arc<LibraryStores>,
    packs: Arc<PackCollection>,
    loose_stores: Vec<gix::odb::loose::Store>,
    /// The objects that were read, where somebody wants to know.
    read_log: Option<ReadLog>,
}

/// The ids of the objects that were read, shared by all readers of a repository.
pub(crate) type ReadLog = Arc<Mutex<BTreeSet<ObjectId>>>;

impl ObjectStores {
    /// Opens the stores: those of `quarantine`, then `objects_dir`; each directory once.
    pub(crate) fn open_stores(
        objects_dir: &Path,
        quarantine: Option<&ObjectQuarantine>,
        format: Kind,
    ) -> Result<ObjectStores> {
        let mut directories: Vec<PathBuf> = Vec::new();
        if let Some(quarantine) = quarantine {
            directories.push(find_object_dir(&quarantine.object_dir)?);
            for alternate in &quarantine.alternates {
                // git itself skips alternates that do not exist; an object that is lost with one is
                // reported as missing.
                if let Ok(real) = alternate.canonicalize()
                    && !directories.contains(&real)
                {
                    directories.push(real);
                }
            }
        }
        // The main store is nearly always among the alternates, under another spelling.
        let real = find_object_dir(objects_dir)?;
        if !directories.contains(&real) {
            directories.push(real);
        }
        let options =
            gix::odb::loose::Options { alloc_limit_bytes: Some(MAX_OBJECT_BYTES), ..Default::default() };
        let all_directories = follow_alternates(&directories);
        let mut loose_stores = Vec::new();
        for directory in &all_directories {
            loose_stores.push(gix::odb::loose::Store::at_opts(directory, format, options));
        }
        // The library follows what is borrowed from by itself.
        let library_stores = Arc::new(LibraryStores { directories, format, opened: OnceLock::new() });
        let packs = Arc::new(PackCollection::new(all_directories, format));
        Ok(ObjectStores { library_stores, packs, loose_stores, read_log: None })
    }

    /// Returns the same stores, whose handles note in `log` what they read.
    pub(crate) fn with_read_log(self, log: ReadLog) -> ObjectStores {
        ObjectStores { read_log: Some(log), ..self }
    }

    /// Returns a handle for one thread, keeping up to `pack_cache` bytes of delta bases.
    pub(crate) fn create_handle(&self, pack_cache: usize) -> ObjectHandle {
        ObjectHandle {
            pack_reader: PackObjectReader::new(self.packs.clone()),
            loose_stores: self.loose_stores.clone(),
            library_stores: self.library_stores.clone(),
            store_handles: OnceCell::new(),
            pack_cache_bytes: pack_cache,
            read_log: self.read_log.clone(),
        }
    }
}

/// The stores as the library opens them, when the first object is looked for that it has to find.
///
/// It looks at every pack then, which takes longer than most hooks need for all else, and most find every
/// object without it.
struct LibraryStores {
    directories: Vec<PathBuf>,
    format: Kind,
    opened: OnceLock<Result<Vec<Arc<Store>>, String>>,
}

impl LibraryStores {
    /// Returns handles on all stores for one thread, keeping up to `pack_cache` bytes of delta bases.
    fn create_handles(&self, pack_cache: usize) -> gix::Result<Vec<HandleArc>> {
        let opened = self.opened.get_or_init(|| {
            let stores = self.directories.iter().map(|directory| open_store(directory.clone(), self.format));
            stores.collect::<Result<_>>().map_err(|error| format!("{error:#}"))
        });
        let stores = match opened {
            Ok(stores) => stores,
            Err(reason) => return Err(gix::error::message!("{reason}").not_found_error()),
        };
        let last = stores.len().saturating_sub(1);
        let mut store_handles = Vec::with_capacity(stores.len());
        for (index, store) in stores.iter().enumerate() {
            let mut handle = store.to_cache_arc();
            if index < last {
                // Nothing is added to these while a hook runs, and looking at the disk again for
                // every object that is in the next store would take most of the time.
                handle.refresh_never();
            }
            if pack_cache > 0 {
                handle.set_pack_cache(move || {
                    Box::new(gix::odb::pack::cache::lru::MemoryCappedHashmap::new(pack_cache))
                });
            }
            store_handles.push(handle);
        }
        Ok(store_handles)
    }
}

/// Returns the real path of an object directory that has to exist.
fn find_object_dir(directory: &Path) -> Result<PathBuf> {
    match directory.canonicalize() {
        Ok(real) => Ok(real),
        Err(_) => bail!("the object directory `{}` does not exist", directory.display()),
    }
}

fn open_store(directory: PathBuf, format: Kind) -> Result<Arc<Store>> {
    let options = Options {
        // Room for packs that appear during reading; more new packs at once than this are an error.
        slots: Slots::AsNeededByDiskState { multiplier: 1.5, minimum: 64 },
        alloc_limit_bytes: Some(MAX_OBJECT_BYTES),
        ..Options::default()
    };
    let shown = directory.display().to_string();
    // The empty list is that of replaced objects, which have no effect here.
    let store = Store::at_opts(directory, format, &mut std::iter::empty(), options)
        .with_context(|| format!("cannot open the objects in `{shown}`"))?;
    Ok(Arc::new(store))
}

/// One thread's handle on all stores of a repository.
///
/// An object is looked for in the packs, then among the loose objects, and then by the library, which
/// knows all other cases: packs that are new, objects that are damaged.
pub(crate) struct ObjectHandle {
    pack_reader: PackObjectReader,
    loose_stores: Vec<gix::odb::loose::Store>,
    library_stores: Arc<LibraryStores>,
    store_handles: OnceCell<Vec<HandleArc>>,
    pack_cache_bytes: usize,
    read_log: Option<ReadLog>,
}

impl ObjectHandle {
    /// Notes that an object is read, where somebody wants to know.
    fn note_read(&self, id: &ObjectId) {
        if let Some(log) = &self.read_log {
            log.lock().unwrap_or_else(PoisonError::into_inner).insert(*id);
        }
    }

    /// Reads an object of this kind without copying it, if that is possible.
    pub(crate) fn read_shared(&mut self, id: &ObjectId, kind: gix::objs::Kind) -> Option<ObjectBytes> {
        self.note_read(id);
        let (found, content) = self.pack_reader.read_object(id).ok()??;
        if found == kind { Some(content) } else { None }
    }

    /// Reads the first `length` bytes of an object of this kind, or all of it if it is shorter or a delta; `None`
    /// if the library is to look for it.
    pub(crate) fn read_start(
        &mut self,
        id: &ObjectId,
        kind: gix::objs::Kind,
        length: usize,
    ) -> Option<ObjectBytes> {
        self.note_read(id);
        let found = match self.pack_reader.read_object_start(id, length).ok()? {
            Some(packed) => packed,
            None => self.loose_stores.iter().find_map(|store| loose::read_loose_start(store, id, length))?,
        };
        if found.0 == kind { Some(found.1) } else { None }
    }

    /// Reads an object into `buffer`, and returns its kind.
    pub(crate) fn read_into(
        &mut self,
        id: &ObjectId,
        buffer: &mut Vec<u8>,
    ) -> gix::Result<Option<gix::objs::Kind>> {
        self.note_read(id);
        match self.pack_reader.read_object(id) {
            Ok(Some((kind, content))) => {
                buffer.clear();
                buffer.extend_from_slice(&content);
                return Ok(Some(kind));
            }
            Ok(None) => {}
            Err(ChainTooLong) => return Err(gix::error::message(CHAIN_TOO_LONG).not_found_error()),
        }
        for loose in &self.loose_stores {
            if let Ok(Some(data)) = loose.try_find(id, buffer) {
                return Ok(Some(data.kind));
            }
        }
        Ok(self.find_store(id)?.try_find(id, buffer)?.map(|data| data.kind))
    }

    /// Reads the kind and the size of an object.
    pub(crate) fn read_object_header(
        &mut self,
        id: &ObjectId,
    ) -> gix::Result<Option<(gix::objs::Kind, u64)>> {
        self.note_read(id);
        if let Some(header) = self.pack_reader.read_object_header(id) {
            return Ok(Some(header));
        }
        for loose in &self.loose_stores {
            if let Ok(Some((size, kind))) = loose.try_header(id) {
                return Ok(Some((kind, size)));
            }
        }
        Ok(self.find_store(id)?.try_header(id)?.map(|header| (header.kind, header.size)))
    }

    /// Returns the first store that has `id`, or the last one, which then reports that it is missing.
    fn find_store(&self, id: &oid) -> gix::Result<&HandleArc> {
        let handles = match self.store_handles.get() {
            Some(handles) => handles,
            None => {
                let handles = self.library_stores.create_handles(self.pack_cache_bytes)?;
                self.store_handles.get_or_init(|| handles)
            }
        };
        match handles.as_slice() {
            [only] => Ok(only),
            [earlier @ .., last] => Ok(earlier.iter().find(|it| it.exists(id)).unwrap_or(last)),
            [] => Err(gix::error::message("there is no object directory").not_found_error()),
        }
    }
}
