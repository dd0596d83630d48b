//! Reads one file of one commit, such as the policy.

use anyhow::Result;

use crate::change::{Oid, PathEntryKind};

use crate::git::objects::reader::{ObjectReader, to_oid};
use crate::git::objects::tree_entry::TreeEntryMode;
use crate::git::repository::Repository;

/// What a commit has at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileAtPath {
    /// The commit has no such path.
    Absent,
    /// A regular file with this content.
    Found(Vec<u8>),
    /// Something that is not a regular file: a directory, a symbolic link, a submodule, or a file where
    /// the path needs a directory. The text names it, as in `a directory`.
    NotAFile(&'static str),
    /// A regular file of this many bytes, which is more than the limit; the content was not read.
    TooLarge(u64),
}

/// What a tree has at a path; equal entries have the same content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TreePathEntry {
    id: Oid,
    mode: TreeEntryMode,
    /// The number of names that follow in the path, if something on the way is no directory.
    path_left: usize,
}

/// The root tree of a commit, and its first parent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TreeAndParent {
    pub(crate) tree: Oid,
    pub(crate) first_parent: Option<Oid>,
}

impl Repository {
    /// Reads the regular file at `path` (`/` between its parts) of `commit`, of at most `limit`
    /// bytes.
    ///
    /// No link is followed, neither at the end of the path nor on the way, and nothing in the path
    /// is special: `..` is a name that no tree has.
    ///
    /// # Errors
    ///
    /// Fails if the commit, a tree on the way or the content cannot be read.
    pub fn read_file_at(&self, commit: Oid, path: &str, limit: u64) -> Result<FileAtPath> {
        let commit = self.to_object_id(commit)?;
        let mut reader = self.borrow_reader();
        let root = reader.find_root_tree(&commit)?;
        read_file_in_tree(&mut reader, root, path.as_bytes(), limit)
    }

    /// Returns the id and the size in bytes of the content of the regular file at `path` of `commit`, without reading it;
    /// `None` if there is none, or the content is missing.
    ///
    /// # Errors
    ///
    /// Fails if the commit or a tree on the way cannot be read.
    pub(crate) fn find_file_at(&self, commit: Oid, path: &str) -> Result<Option<(Oid, u64)>> {
        let commit = self.to_object_id(commit)?;
        let mut reader = self.borrow_reader();
        let root = reader.find_root_tree(&commit)?;
        let Ok(id) = find_file_in_tree(&mut reader, root, path.as_bytes())? else { return Ok(None) };
        Ok(match reader.read_object_header(&id)? {
            Some((gix::objs::Kind::Blob, size)) => Some((to_oid(&id), size)),
            _ => None,
        })
    }

    /// Returns the parents of a commit, in their order.
    ///
    /// # Errors
    ///
    /// Fails if the commit cannot be read.
    pub(crate) fn list_parents(&self, commit: Oid) -> Result<Vec<Oid>> {
        let id = self.to_object_id(commit)?;
        let (data, _) = self.borrow_reader().read_walk_data(&id)?;
        Ok(data.parents.iter().map(|parent| to_oid(parent)).collect())
    }

    /// Returns the root tree of a commit, and its first parent.
    ///
    /// # Errors
    ///
    /// Fails if the commit cannot be read.
    pub(crate) fn find_tree_and_parent(&self, commit: Oid) -> Result<TreeAndParent> {
        let id = self.to_object_id(commit)?;
        let (data, _) = self.borrow_reader().read_walk_data(&id)?;
        let first_parent = data.parents.first().map(|parent| to_oid(parent));
        Ok(TreeAndParent { tree: to_oid(&data.tree), first_parent })
    }

    /// Returns what the tree `root` has at `path`; `None` if there is nothing.
    ///
    /// # Errors
    ///
    /// Fails if a tree on the way cannot be read.
    pub(crate) fn find_tree_entry(&self, root: Oid, path: &str) -> Result<Option<TreePathEntry>> {
        let mut reader = self.borrow_reader();
        let format = reader.object_format();
        let mut tree_id = self.to_object_id(root)?;
        let mut names = path.split('/').peekable();
        while let Some(name) = names.next() {
            let tree = reader.read_tree(&tree_id)?;
            let Some(entry) = tree.find_entry(name.as_bytes(), format) else { return Ok(None) };
            let Some(id) = entry.object_id() else { return Ok(None) };
            if names.peek().is_none() || !entry.is_tree() {
                return Ok(Some(TreePathEntry {
                    id: to_oid(&id),
                    mode: entry.mode,
                    path_left: names.count(),
                }));
            }
            tree_id = id;
        }
        Ok(None)
    }
}

/// Reads the regular file at `path` in the tree `root`, of at most `limit` bytes.
pub(crate) fn read_file_in_tree(
    reader: &mut ObjectReader,
    root: gix::ObjectId,
    path: &[u8],
    limit: u64,
) -> Result<FileAtPath> {
    let id = match find_file_in_tree(reader, root, path)? {
        Ok(id) => id,
        Err(other) => return Ok(other),
    };
    match reader.read_blob(&id, limit)? {
        Ok(content) => Ok(FileAtPath::Found(content.to_vec())),
        Err(size) => Ok(FileAtPath::TooLarge(size)),
    }
}

/// Returns the id of the content of the regular file at `path` in the tree `root`, or else what is there.
fn find_file_in_tree(
    reader: &mut ObjectReader,
    root: gix::ObjectId,
    path: &[u8],
) -> Result<Result<gix::ObjectId, FileAtPath>> {
    let format = reader.object_format();
    let mut id = root;
    let mut mode = TreeEntryMode::Tree;
    for name in path.split(|byte| *byte == b'/') {
        match mode {
            TreeEntryMode::Tree => {}
            TreeEntryMode::Leaf(kind) => return Ok(Err(FileAtPath::NotAFile(describe_entry_kind(kind)))),
        }
        let tree = reader.read_tree(&id)?;
        let Some(entry) = tree.find_entry(name, format) else { return Ok(Err(FileAtPath::Absent)) };
        let Some(next) = entry.object_id() else { return Ok(Err(FileAtPath::Absent)) };
        id = next;
        mode = entry.mode;
    }
    match mode {
        TreeEntryMode::Tree => Ok(Err(FileAtPath::NotAFile("a directory"))),
        TreeEntryMode::Leaf(PathEntryKind::File | PathEntryKind::Executable) => Ok(Ok(id)),
        TreeEntryMode::Leaf(kind) => Ok(Err(FileAtPath::NotAFile(describe_entry_kind(kind)))),
    }
}

fn describe_entry_kind(kind: PathEntryKind) -> &'static str {
    match kind {
        PathEntryKind::File | PathEntryKind::Executable | PathEntryKind::Unknown => "a file",
        PathEntryKind::Symlink => "a symbolic link",
        PathEntryKind::Submodule => "a submodule",
    }
}
