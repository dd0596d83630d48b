//! A commit that stands alone: no parent, few bytes. It carries a message, and at most some files.

use anyhow::Result;
use sha2::{Digest as _, Sha256};

use crate::change::{Commit, NeededFacts, Oid, PathEntryKind, Text, text};
use crate::git::objects::reader::CommitHints;
use crate::git::objects::tree_entry::TreeEntryMode;
use crate::git::repository::Repository;

/// The most bytes of a tree with one entry: its mode, its name of at most 255 bytes and its id.
const MAX_ONE_ENTRY_BYTES: u64 = 512;

/// Why a commit is not one that carries a message and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MessageOnlyFault {
    /// It has this many bytes, which is too many.
    TooLong(u64),
    /// It is an object of this kind, as Git calls it.
    NotACommit(&'static str),
    /// It is not there.
    Absent,
    /// It cannot be read, for this reason.
    Unreadable(String),
    /// It has parents.
    HasHistory,
    /// It holds files.
    HasFiles,
}

/// A commit without parents, and the tree that it holds.
#[derive(Clone, Debug)]
pub(crate) struct LoneCommit {
    pub(crate) commit: Commit,
    tree: gix::ObjectId,
}

/// What a tree holds at its top, where that is one plain file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OnlyEntry {
    /// It holds nothing.
    Nothing,
    /// It holds one regular file with this name, this many bytes and this SHA-256 in hexadecimal digits.
    File { name: Text, bytes: u64, sha256: String },
    /// It holds one regular file, and that has this many bytes, which is too many.
    TooLarge(u64),
    /// It holds one entry of another kind: a directory, a link, an executable file, a submodule.
    NotAFile(Text),
    /// It holds several entries.
    Several,
}

impl Repository {
    /// Reads a commit that has no parent, an empty tree and at most `max_bytes` bytes; otherwise returns
    /// what is wrong with it.
    ///
    /// # Errors
    ///
    /// Fails if the object store cannot be read.
    pub(crate) fn read_message_only_commit(
        &self,
        id: Oid,
        max_bytes: u64,
    ) -> Result<Result<Commit, MessageOnlyFault>> {
        match self.read_lone_commit(id, max_bytes)? {
            Ok(lone) if lone.tree == gix::ObjectId::empty_tree(self.shared.layout.object_format) => {
                Ok(Ok(lone.commit))
            }
            Ok(_) => Ok(Err(MessageOnlyFault::HasFiles)),
            Err(fault) => Ok(Err(fault)),
        }
    }

    /// Returns true for a commit whose tree is empty.
    ///
    /// # Errors
    ///
    /// Fails if the commit cannot be read.
    pub(crate) fn has_empty_tree(&self, id: Oid) -> Result<bool> {
        let tree = self.borrow_reader().find_root_tree(&self.to_object_id(id)?)?;
        Ok(tree == gix::ObjectId::empty_tree(self.shared.layout.object_format))
    }

    /// Returns what the tree of a commit holds, if that is one file of at most `max_bytes` bytes or less.
    ///
    /// # Errors
    ///
    /// Fails if the tree or the file cannot be read.
    pub(crate) fn read_only_entry(&self, lone: &LoneCommit, max_bytes: u64) -> Result<OnlyEntry> {
        let mut reader = self.borrow_reader();
        if lone.tree == gix::ObjectId::empty_tree(self.shared.layout.object_format) {
            return Ok(OnlyEntry::Nothing);
        }
        // A tree of one entry is short, and a longer one is not opened.
        match reader.read_object_header(&lone.tree)? {
            Some((gix::objs::Kind::Tree, size)) if size > MAX_ONE_ENTRY_BYTES => {
                return Ok(OnlyEntry::Several);
            }
            Some((gix::objs::Kind::Tree, _)) => {}
            _ => anyhow::bail!("the tree {} is missing", lone.tree),
        }
        let format = reader.object_format();
        let tree = reader.read_tree(&lone.tree)?;
        if tree.len() > 1 {
            return Ok(OnlyEntry::Several);
        }
        let Some(entry) = tree.entry_at(0, format) else { return Ok(OnlyEntry::Nothing) };
        let name = Text::new(entry.name);
        let (TreeEntryMode::Leaf(PathEntryKind::File), Some(file)) = (entry.mode, entry.object_id()) else {
            return Ok(OnlyEntry::NotAFile(name));
        };
        match reader.read_blob(&file, max_bytes)? {
            Ok(content) => Ok(OnlyEntry::File {
                name,
                bytes: u64::try_from(content.len())?,
                sha256: text::encode_hex(&Sha256::digest(content)),
            }),
            Err(size) => Ok(OnlyEntry::TooLarge(size)),
        }
    }

    /// Reads a commit that has no parent and at most `max_bytes` bytes; otherwise returns what is wrong with
    /// it.
    ///
    /// # Errors
    ///
    /// Fails if the object store cannot be read.
    pub(crate) fn read_lone_commit(
        &self,
        id: Oid,
        max_bytes: u64,
    ) -> Result<Result<LoneCommit, MessageOnlyFault>> {
        let object = self.to_object_id(id)?;
        let mut reader = self.borrow_reader();
        match reader.read_object_header(&object)? {
            Some((gix::objs::Kind::Commit, size)) if size > max_bytes => {
                return Ok(Err(MessageOnlyFault::TooLong(size)));
            }
            Some((gix::objs::Kind::Commit, _)) => {}
            Some((kind, _)) => return Ok(Err(MessageOnlyFault::NotACommit(kind_name(kind)))),
            None => return Ok(Err(MessageOnlyFault::Absent)),
        }
        let tree = reader.find_root_tree(&object)?;
        let commit = match reader.read_commit(&object, CommitHints::default(), &NeededFacts::new(), None) {
            Ok(commit) => commit,
            Err(unreadable) => return Ok(Err(MessageOnlyFault::Unreadable(unreadable.reason))),
        };
        if !commit.parents.is_empty() {
            return Ok(Err(MessageOnlyFault::HasHistory));
        }
        Ok(Ok(LoneCommit { commit, tree }))
    }
}

/// Returns what Git calls a kind of object.
fn kind_name(kind: gix::objs::Kind) -> &'static str {
    match kind {
        gix::objs::Kind::Blob => "blob",
        gix::objs::Kind::Tree => "tree",
        gix::objs::Kind::Commit => "commit",
        gix::objs::Kind::Tag => "tag",
    }
}
