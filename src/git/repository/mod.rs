//! Opens a repository, and reads single objects of it.

pub(crate) mod config;
pub(crate) mod file_at_path;
pub(crate) mod file_list;
pub(crate) mod message_only_commit;
pub(crate) mod refs;
pub(crate) mod revision;
pub(crate) mod tree_comparison;

use std::cell::RefCell;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result, anyhow, bail};
use gix::ObjectId;

use crate::change::{Commit, NeededFacts, Oid, Person};

use crate::git::layout::{RepositoryLayout, open_ref_store};
use crate::git::objects::commit::{UnreadableCommit, parse_tagger};
use crate::git::objects::reader::{CommitHints, ObjectReader, PackedFiles, SharedRepository, to_oid};
use crate::git::objects::{ObjectQuarantine, ObjectStores};
use crate::git::signature::ObjectFormat;

/// A Git repository on disk, with the quarantine of a push if a hook opened it.
///
/// Opening it reads no object and no configuration outside of it; these are opened when they are needed
/// first. The owner of the files is not checked, since nothing in a repository is ever executed here.
pub struct Repository {
    pub(crate) shared: Arc<SharedRepository>,
    idle_reader: RefCell<Option<ObjectReader>>,
    pub(crate) ref_store: gix::refs::file::Store,
    pub(crate) configuration: OnceLock<gix::config::File>,
    /// The bytes of all files of the configuration, in lower case; `None` if one cannot be read.
    pub(crate) raw_configuration: OnceLock<Option<Vec<u8>>>,
}

/// The object that an id leads to when annotated tags are followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeeledObject {
    /// The commit with this id.
    Commit(Oid),
    /// Something that is not a commit: `blob`, `tree`, or a chain of too many tags.
    Other(&'static str),
    /// An object that does not exist.
    Missing,
}

/// The objects and refs of a repository, from which each thread can open a repository of its own.
#[derive(Clone)]
pub(crate) struct RepositorySource(Arc<SharedRepository>);

impl RepositorySource {
    /// Returns the source of a repository that is made of these parts.
    pub(crate) fn from_shared(shared: SharedRepository) -> Self {
        RepositorySource(Arc::new(shared))
    }

    /// Opens the repository for this thread; nothing is read anew.
    pub(crate) fn open(&self) -> Repository {
        Repository {
            shared: Arc::clone(&self.0),
            idle_reader: RefCell::new(None),
            ref_store: open_ref_store(&self.0.layout),
            configuration: OnceLock::new(),
            raw_configuration: OnceLock::new(),
        }
    }
}

impl fmt::Debug for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repository").field("layout", &self.shared.layout).finish_non_exhaustive()
    }
}

impl Repository {
    /// Says that this is an evidence pack, which holds these files of other repositories and needs no other place.
    pub(crate) fn set_packed_files(&self, files: PackedFiles) {
        self.shared.packed_files.get_or_init(|| files);
    }

    /// Returns the files of other repositories that an evidence pack holds; `None` for any other repository.
    pub(crate) fn packed_files(&self) -> Option<&PackedFiles> {
        self.shared.packed_files.get()
    }

    /// How many annotated tags may point to one another.
    const MAX_TAG_DEPTH: usize = 32;

    /// Opens the repository in `dir`, which is its git directory (as `GIT_DIR` names it) or a work
    /// tree; directories above are not searched. With a `quarantine`, the objects in it are seen
    /// before all others.
    ///
    /// # Errors
    ///
    /// Fails if there is no repository, if its format is unknown, or if its objects cannot be
    /// opened.
    pub fn open_at(dir: &Path, quarantine: Option<&ObjectQuarantine>) -> Result<Repository> {
        let layout = RepositoryLayout::read_at(dir)?;
        Self::open_layout(layout, quarantine)
            .with_context(|| format!("cannot open the repository `{}`", dir.display()))
    }

    /// Opens the nearest repository in `dir` or above it.
    ///
    /// # Errors
    ///
    /// As [`Repository::open_at`].
    pub fn discover_from(dir: &Path) -> Result<Repository> {
        let layout = RepositoryLayout::find_above(dir)?;
        Self::open_layout(layout, None)
            .with_context(|| format!("cannot open the repository around `{}`", dir.display()))
    }

    /// Returns what another thread can open the same repository from.
    pub(crate) fn share_objects(&self) -> RepositorySource {
        RepositorySource(Arc::clone(&self.shared))
    }

    fn open_layout(layout: RepositoryLayout, quarantine: Option<&ObjectQuarantine>) -> Result<Repository> {
        let stores =
            ObjectStores::open_stores(&layout.common_dir.join("objects"), quarantine, layout.object_format)?;
        Ok(RepositorySource::from_shared(SharedRepository::new(layout, stores)).open())
    }

    /// Returns the hash that names the objects.
    pub fn object_format(&self) -> ObjectFormat {
        ObjectFormat::from_hash_kind(self.shared.layout.object_format)
    }

    /// Returns the directory with `HEAD`; in a linked worktree, the one that belongs to the
    /// worktree.
    pub(crate) fn git_dir(&self) -> &Path {
        &self.shared.layout.git_dir
    }

    /// Returns the directory that all worktrees share.
    pub fn common_dir(&self) -> &Path {
        &self.shared.layout.common_dir
    }

    /// Returns true if history is cut off somewhere, so that a walk cannot see all of it.
    pub fn is_shallow(&self) -> bool {
        // git keeps an empty file after the last boundary is gone.
        let file = self.shared.layout.common_dir.join("shallow");
        file.metadata().is_ok_and(|metadata| metadata.len() > 0)
    }

    /// Returns true if the clone is partial: git leaves objects out of it, and fetches them when it needs them.
    pub(crate) fn is_partial(&self) -> bool {
        self.shared.layout.has_promised_objects()
    }

    /// Follows annotated tags from `id` to the object that they name.
    ///
    /// # Errors
    ///
    /// Fails if `id` is of another format than the repository, or an object cannot be read.
    pub fn peel_tags(&self, id: Oid) -> Result<PeeledObject> {
        let mut id = self.to_object_id(id)?;
        let mut reader = self.borrow_reader();
        for _ in 0..Self::MAX_TAG_DEPTH {
            // The header is enough to learn the kind of an object, so only tags are opened.
            match reader.read_object_header(&id)? {
                None => return Ok(PeeledObject::Missing),
                Some((gix::objs::Kind::Commit, _)) => return Ok(PeeledObject::Commit(to_oid(&id))),
                Some((gix::objs::Kind::Blob, _)) => return Ok(PeeledObject::Other("blob")),
                Some((gix::objs::Kind::Tree, _)) => return Ok(PeeledObject::Other("tree")),
                Some((gix::objs::Kind::Tag, _)) => {}
            }
            let Some((_, raw)) = reader.read_object(&id)? else { return Ok(PeeledObject::Missing) };
            id = match parse_tag_target(raw) {
                Some(target) if target.kind() == self.shared.layout.object_format => target,
                _ => bail!("the tag {id} does not begin with the object that it names"),
            };
        }
        Ok(PeeledObject::Other("tag of tags without end"))
    }

    /// Returns who made the tags that lead from `id` to what they name; none if `id` is no tag.
    ///
    /// # Errors
    ///
    /// Fails if a tag cannot be read, or two readers could read it in different ways.
    pub(crate) fn list_taggers(&self, id: Oid) -> Result<Vec<Person>> {
        let mut id = self.to_object_id(id)?;
        let mut reader = self.borrow_reader();
        let mut taggers = Vec::new();
        for _ in 0..Self::MAX_TAG_DEPTH {
            match reader.read_object_header(&id)? {
                Some((gix::objs::Kind::Tag, _)) => {}
                Some(_) => return Ok(taggers),
                None => bail!("the object {id} does not exist"),
            }
            let Some((_, raw)) = reader.read_object(&id)? else { bail!("the tag {id} does not exist") };
            taggers.extend(parse_tagger(raw).map_err(|why| anyhow!("the tag {id} cannot be read: {why}"))?);
            id = match parse_tag_target(raw) {
                Some(target) if target.kind() == self.shared.layout.object_format => target,
                _ => bail!("the tag {id} does not begin with the object that it names"),
            };
        }
        bail!("tags of tags without end")
    }

    /// Reads one commit, with the facts that `needs` asks for; the others are gaps that deny.
    ///
    /// # Errors
    ///
    /// Fails if the commit does not exist, or readers could read it in different ways.
    pub fn read_commit(&self, id: Oid, needs: &NeededFacts) -> Result<Commit, UnreadableCommit> {
        let object_id = match self.to_object_id(id) {
            Ok(object_id) => object_id,
            Err(error) => return Err(UnreadableCommit { id, reason: format!("{error:#}") }),
        };
        self.borrow_reader().read_commit(&object_id, CommitHints::default(), needs, None)
    }

    /// Reads the bytes of a commit object, headers and all, as they are signed.
    ///
    /// # Errors
    ///
    /// Fails if there is no such commit.
    pub fn read_raw_commit(&self, id: Oid) -> Result<Vec<u8>> {
        let id = self.to_object_id(id)?;
        Ok(self.borrow_reader().read_raw_commit(&id)?.to_vec())
    }

    /// Converts `id` into the library's form, after a check that it is of this repository's format: an
    /// id of another length names nothing here.
    pub(crate) fn to_object_id(&self, id: Oid) -> Result<ObjectId> {
        match ObjectId::try_from(id.as_bytes()) {
            Ok(object_id) if object_id.kind() == self.shared.layout.object_format => Ok(object_id),
            _ => bail!(
                "{id} is not an id of this repository, whose objects are named by {}",
                self.shared.layout.object_format
            ),
        }
    }

    pub(crate) fn to_object_ids(&self, ids: &[Oid]) -> Result<Vec<ObjectId>> {
        let mut object_ids = Vec::with_capacity(ids.len());
        for id in ids {
            object_ids.push(self.to_object_id(*id)?);
        }
        Ok(object_ids)
    }

    /// Lends this thread's reader for a long piece of work. Other methods of the repository can be called
    /// meanwhile; they use a reader of their own.
    pub(crate) fn with_reader<T>(&self, work: impl FnOnce(&mut ObjectReader) -> T) -> T {
        let mut reader = match self.idle_reader.take() {
            Some(reader) => reader,
            None => self.shared.create_reader(ObjectReader::TREE_PACK_CACHE_BYTES),
        };
        let done = work(&mut reader);
        self.idle_reader.replace(Some(reader));
        done
    }

    /// Returns this thread's reader. Do not hold it across another call of [`Repository`].
    pub(crate) fn borrow_reader(&self) -> std::cell::RefMut<'_, ObjectReader> {
        let reader = self.idle_reader.borrow_mut();
        std::cell::RefMut::map(reader, |slot| {
            slot.get_or_insert_with(|| self.shared.create_reader(ObjectReader::TREE_PACK_CACHE_BYTES))
        })
    }
}

/// Reads the id in the first line of a tag object.
pub(crate) fn parse_tag_target(raw: &[u8]) -> Option<ObjectId> {
    let rest = raw.strip_prefix(b"object ")?;
    let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
    ObjectId::from_hex(rest.get(..end)?).ok()
}
