//! A commit that carries a message and nothing else: no parent, no file, few bytes.

use anyhow::Result;

use crate::change::{Commit, NeededFacts, Oid};
use crate::git::objects::reader::CommitHints;
use crate::git::repository::Repository;

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
        if tree != gix::ObjectId::empty_tree(self.shared.layout.object_format) {
            return Ok(Err(MessageOnlyFault::HasFiles));
        }
        Ok(Ok(commit))
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
