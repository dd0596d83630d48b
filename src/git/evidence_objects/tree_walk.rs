//! The objects that tell what a change did: the trees that differ, and the files in them.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use gix::objs::Kind;

use crate::change::{Oid, Text};
use crate::git::evidence_objects::{ObjectKind, RawObject};
use crate::git::objects::reader::to_oid;
use crate::git::repository::Repository;

/// How deep directories are followed.
const MAX_DEPTH: usize = 200;

/// What is done with each object that is found.
pub(crate) trait ObjectSink {
    /// Takes an object.
    fn add_object(&mut self, object: RawObject) -> Result<()>;

    /// Takes a file whose content is longer than the limit, with its size.
    fn add_large_file(&mut self, id: Oid, path: &Text, size: u64) -> Result<()>;

    /// Takes a file whose content is missing.
    fn add_missing_file(&mut self, id: Oid, path: &Text) -> Result<()>;
}

/// One entry of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TreeEntryId {
    /// Its mode, as git writes it.
    pub(crate) mode: u16,
    /// The id of its content.
    pub(crate) id: Oid,
}

impl TreeEntryId {
    fn is_tree(self) -> bool {
        self.mode & 0o170_000 == 0o040_000
    }

    fn is_submodule(self) -> bool {
        self.mode & 0o170_000 == 0o160_000
    }
}

/// A file that differs between two commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DifferingFile {
    /// Its path.
    pub(crate) path: Text,
    /// The entry before; `None` if it is new.
    pub(crate) old: Option<TreeEntryId>,
    /// The entry afterwards; `None` if it is gone.
    pub(crate) new: Option<TreeEntryId>,
}

impl Repository {
    /// Reads an object as it is stored; `None` if it is missing.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be read, or is a tag.
    pub(crate) fn read_stored_object(&self, id: Oid) -> Result<Option<RawObject>> {
        let object_id = self.to_object_id(id)?;
        self.with_reader(|reader| {
            let Some((kind, bytes)) = reader.read_object(&object_id)? else { return Ok(None) };
            let kind = match kind {
                Kind::Commit => ObjectKind::Commit,
                Kind::Tree => ObjectKind::Tree,
                Kind::Blob => ObjectKind::Blob,
                Kind::Tag => bail!("{id} is a tag"),
            };
            Ok(Some(RawObject { id, kind, bytes: bytes.to_vec() }))
        })
    }

    /// Hands the commit and the trees and files to `sink` by which it differs from `old`, and returns the files that
    /// differ, by their paths. Files of more than `limit` bytes are named only.
    ///
    /// # Errors
    ///
    /// Fails if an object is missing, or cannot be read.
    pub(crate) fn collect_differing_objects(
        &self,
        old: Option<Oid>,
        new: Oid,
        limit: u64,
        sink: &mut dyn ObjectSink,
    ) -> Result<Vec<DifferingFile>> {
        let old_root = match old {
            Some(old) => Some(self.take_commit(old, sink)?),
            None => None,
        };
        let new_root = self.take_commit(new, sink)?;
        let mut walk = DifferenceWalk { repository: self, limit, sink, found: Vec::new() };
        walk.compare_trees(old_root, Some(new_root), &[], 0)?;
        Ok(walk.found)
    }

    /// Hands a commit and everything on the way to `path` in it to `sink`, as far as the path leads.
    ///
    /// # Errors
    ///
    /// Fails if an object is missing, or cannot be read.
    pub(crate) fn collect_path_objects(
        &self,
        commit: Oid,
        path: &str,
        limit: u64,
        sink: &mut dyn ObjectSink,
    ) -> Result<()> {
        let mut next = TreeEntryId { mode: 0o040_000, id: self.take_commit(commit, sink)? };
        for name in path.split('/') {
            if !next.is_tree() {
                return Ok(());
            }
            let entries = self.take_tree(next.id, sink)?;
            let Some(entry) = entries.get(name.as_bytes()) else { return Ok(()) };
            next = *entry;
        }
        if next.is_tree() || next.is_submodule() {
            return Ok(());
        }
        self.take_blob(next.id, &Text::from(path), limit, sink)
    }

    /// Hands a commit to `sink` and returns the id of its root tree.
    fn take_commit(&self, id: Oid, sink: &mut dyn ObjectSink) -> Result<Oid> {
        let root = self.find_root_tree(id)?;
        sink.add_object(self.require_object(id, ObjectKind::Commit)?)?;
        Ok(root)
    }

    fn require_object(&self, id: Oid, kind: ObjectKind) -> Result<RawObject> {
        match self.read_stored_object(id)? {
            Some(object) if object.kind == kind => Ok(object),
            Some(object) => bail!("{id} is a {}, not a {}", object.kind.name(), kind.name()),
            None => bail!("the {} {id} is missing", kind.name()),
        }
    }

    fn take_tree(&self, id: Oid, sink: &mut dyn ObjectSink) -> Result<BTreeMap<Vec<u8>, TreeEntryId>> {
        let object = self.require_object(id, ObjectKind::Tree)?;
        let hash = self.to_object_id(id)?.kind();
        let mut entries = BTreeMap::new();
        for entry in gix::objs::TreeRefIter::from_bytes(&object.bytes, hash) {
            match entry {
                Ok(entry) => {
                    let read = TreeEntryId { mode: entry.mode.value(), id: to_oid(entry.oid) };
                    entries.insert(entry.filename.to_vec(), read);
                }
                Err(error) => bail!("the tree {id} cannot be read: {error}"),
            }
        }
        sink.add_object(object)?;
        Ok(entries)
    }

    fn take_blob(&self, id: Oid, path: &Text, limit: u64, sink: &mut dyn ObjectSink) -> Result<()> {
        let object_id = self.to_object_id(id)?;
        let size = self.with_reader(|reader| reader.read_object_header(&object_id))?.map(|(_, size)| size);
        match size {
            Some(size) if size > limit => sink.add_large_file(id, path, size),
            Some(_) => sink.add_object(self.require_object(id, ObjectKind::Blob)?),
            None => sink.add_missing_file(id, path),
        }
    }
}

/// A comparison of two trees that is under way.
struct DifferenceWalk<'a> {
    repository: &'a Repository,
    limit: u64,
    sink: &'a mut dyn ObjectSink,
    found: Vec<DifferingFile>,
}

impl DifferenceWalk<'_> {
    fn compare_trees(
        &mut self,
        old: Option<Oid>,
        new: Option<Oid>,
        folder: &[u8],
        depth: usize,
    ) -> Result<()> {
        if old == new {
            return Ok(());
        }
        if depth > MAX_DEPTH {
            bail!("its directories are nested too deeply");
        }
        let mut read = |id: Option<Oid>| match id {
            Some(id) => self.repository.take_tree(id, self.sink),
            None => Ok(BTreeMap::new()),
        };
        let (old_entries, new_entries) = (read(old)?, read(new)?);
        let mut names: Vec<&Vec<u8>> = old_entries.keys().chain(new_entries.keys()).collect();
        names.sort();
        names.dedup();
        for name in names {
            let (before, after) = (old_entries.get(name).copied(), new_entries.get(name).copied());
            if before == after {
                continue;
            }
            let mut path = folder.to_vec();
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(name);
            self.compare_entries(before, after, &path, depth)?;
        }
        Ok(())
    }

    fn compare_entries(
        &mut self,
        before: Option<TreeEntryId>,
        after: Option<TreeEntryId>,
        path: &[u8],
        depth: usize,
    ) -> Result<()> {
        let tree = |entry: Option<TreeEntryId>| entry.filter(|entry| entry.is_tree()).map(|entry| entry.id);
        let file = |entry: Option<TreeEntryId>| entry.filter(|entry| !entry.is_tree());
        self.compare_trees(tree(before), tree(after), path, depth + 1)?;
        let (old, new) = (file(before), file(after));
        if old.is_none() && new.is_none() {
            return Ok(());
        }
        let path = Text::new(path);
        for entry in [old, new].into_iter().flatten().filter(|entry| !entry.is_submodule()) {
            self.repository.take_blob(entry.id, &path, self.limit, self.sink)?;
        }
        self.found.push(DifferingFile { path, old, new });
        Ok(())
    }
}
