//! One file of one commit, such as the policy.

use anyhow::Result;

use crate::change::{EntryKind, Oid};

use super::reader::Reader;
use super::repository::Repository;
use super::tree::Mode;

/// What stands at a path of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileAt {
    /// Nothing.
    Absent,
    /// A regular file with this content.
    Found(Vec<u8>),
    /// Something else: a directory, a symbolic link, a submodule, or a file where the path needs a
    /// directory. The text names it.
    NotAFile(&'static str),
    /// A regular file of this many bytes, which is more than the limit; it was not opened.
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
    pub fn file_at(&self, commit: Oid, path: &str, limit: u64) -> Result<FileAt> {
        let commit = self.object_id(commit)?;
        let mut reader = self.reader();
        let root = reader.tree_of(&commit)?;
        read(&mut reader, root, path, limit)
    }
}

fn read(reader: &mut Reader, root: gix::ObjectId, path: &str, limit: u64) -> Result<FileAt> {
    let format = reader.format();
    let mut id = root;
    let mut mode = Mode::Tree;
    for name in path.split('/') {
        match mode {
            Mode::Tree => {}
            Mode::Leaf(kind) => return Ok(FileAt::NotAFile(describe(kind))),
        }
        let tree = reader.tree(&id)?;
        let Some(entry) = tree.find(name.as_bytes(), format) else { return Ok(FileAt::Absent) };
        let Some(next) = entry.object_id() else { return Ok(FileAt::Absent) };
        (id, mode) = (next, entry.mode);
    }
    match mode {
        Mode::Tree => return Ok(FileAt::NotAFile("a directory")),
        Mode::Leaf(EntryKind::File | EntryKind::Executable) => {}
        Mode::Leaf(kind) => return Ok(FileAt::NotAFile(describe(kind))),
    }
    match reader.blob(&id, limit)? {
        Ok(content) => Ok(FileAt::Found(content.to_vec())),
        Err(size) => Ok(FileAt::TooLarge(size)),
    }
}

fn describe(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::File | EntryKind::Executable | EntryKind::Untold => "a file",
        EntryKind::Symlink => "a symbolic link",
        EntryKind::Submodule => "a submodule",
    }
}
