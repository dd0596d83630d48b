//! A commit that carries a message and nothing else: no parent, no file, few bytes.

use anyhow::Result;

use crate::change::{Commit, NeededFacts, Oid};
use crate::git::objects::reader::CommitHints;
use crate::git::repository::Repository;

impl Repository {
    /// Reads a commit that has no parent, an empty tree and at most `max_bytes` bytes; otherwise returns
    /// what is wrong with it, in words that follow "the commit".
    ///
    /// # Errors
    ///
    /// Fails if the object store cannot be read.
    pub(crate) fn read_message_only_commit(&self, id: Oid, max_bytes: u64) -> Result<Result<Commit, String>> {
        let object = self.to_object_id(id)?;
        let mut reader = self.borrow_reader();
        match reader.read_object_header(&object)? {
            Some((gix::objs::Kind::Commit, size)) if size > max_bytes => {
                return Ok(Err(format!("has {size} bytes, and at most {max_bytes} are read")));
            }
            Some((gix::objs::Kind::Commit, _)) => {}
            Some((kind, _)) => return Ok(Err(format!("is a {kind}"))),
            None => return Ok(Err("does not exist".into())),
        }
        let tree = reader.find_root_tree(&object)?;
        let commit = match reader.read_commit(&object, CommitHints::default(), &NeededFacts::new(), None) {
            Ok(commit) => commit,
            Err(unreadable) => return Ok(Err(format!("cannot be read: {}", unreadable.reason))),
        };
        if !commit.parents.is_empty() {
            return Ok(Err("has a history, and stands alone in this form".into()));
        }
        if tree != gix::ObjectId::empty_tree(self.shared.layout.object_format) {
            return Ok(Err("holds files, and carries nothing but words in this form".into()));
        }
        Ok(Ok(commit))
    }
}
