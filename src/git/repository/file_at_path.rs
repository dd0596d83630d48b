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
        read_file_in_tree(&mut reader, root, path, limit)
    }

    /// Returns the id of the regular file at `path` of `commit`; `None` if there is none.
    ///
    /// # Errors
    ///
    /// Fails if the commit or a tree on the way cannot be read.
    pub(crate) fn find_file_id(&self, commit: Oid, path: &str) -> Result<Option<Oid>> {
        let commit = self.to_object_id(commit)?;
        let mut reader = self.borrow_reader();
        let format = reader.object_format();
        let mut id = reader.find_root_tree(&commit)?;
        let mut mode = TreeEntryMode::Tree;
        for name in path.split('/') {
            if mode != TreeEntryMode::Tree {
                return Ok(None);
            }
            let tree = reader.read_tree(&id)?;
            let Some(entry) = tree.find_entry(name.as_bytes(), format) else { return Ok(None) };
            let Some(next) = entry.object_id() else { return Ok(None) };
            id = next;
            mode = entry.mode;
        }
        let is_file = matches!(mode, TreeEntryMode::Leaf(PathEntryKind::File | PathEntryKind::Executable));
        Ok(is_file.then(|| to_oid(&id)))
    }
}

fn read_file_in_tree(
    reader: &mut ObjectReader,
    root: gix::ObjectId,
    path: &str,
    limit: u64,
) -> Result<FileAtPath> {
    let format = reader.object_format();
    let mut id = root;
    let mut mode = TreeEntryMode::Tree;
    for name in path.split('/') {
        match mode {
            TreeEntryMode::Tree => {}
            TreeEntryMode::Leaf(kind) => return Ok(FileAtPath::NotAFile(describe_entry_kind(kind))),
        }
        let tree = reader.read_tree(&id)?;
        let Some(entry) = tree.find_entry(name.as_bytes(), format) else { return Ok(FileAtPath::Absent) };
        let Some(next) = entry.object_id() else { return Ok(FileAtPath::Absent) };
        id = next;
        mode = entry.mode;
    }
    match mode {
        TreeEntryMode::Tree => return Ok(FileAtPath::NotAFile("a directory")),
        TreeEntryMode::Leaf(PathEntryKind::File | PathEntryKind::Executable) => {}
        TreeEntryMode::Leaf(kind) => return Ok(FileAtPath::NotAFile(describe_entry_kind(kind))),
    }
    match reader.read_blob(&id, limit)? {
        Ok(content) => Ok(FileAtPath::Found(content.to_vec())),
        Err(size) => Ok(FileAtPath::TooLarge(size)),
    }
}

fn describe_entry_kind(kind: PathEntryKind) -> &'static str {
    match kind {
        PathEntryKind::File | PathEntryKind::Executable | PathEntryKind::Unknown => "a file",
        PathEntryKind::Symlink => "a symbolic link",
        PathEntryKind::Submodule => "a submodule",
    }
}
