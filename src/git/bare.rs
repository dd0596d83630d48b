//! A commit that carries a message and nothing else: no parent, no file, few bytes.

use anyhow::Result;

use super::reader::Known;
use super::repository::Repository;
use crate::change::{Commit, Needs, Oid};

impl Repository {
    /// Reads a commit that has no parent, an empty tree and at most `most` bytes; otherwise the answer
    /// is what is wrong with it, in words that follow "the commit".
    ///
    /// # Errors
    ///
    /// Fails if the object store cannot be read.
    pub fn bare_commit(&self, id: Oid, most: u64) -> Result<Result<Commit, String>> {
        let object = self.object_id(id)?;
        let mut reader = self.reader();
        match reader.header(&object)? {
            Some((gix::objs::Kind::Commit, size)) if most < size => {
                return Ok(Err(format!("has {size} bytes, and at most {most} are read")));
            }
            Some((gix::objs::Kind::Commit, _)) => {}
            Some((kind, _)) => return Ok(Err(format!("is a {kind}"))),
            None => return Ok(Err("is not there".into())),
        }
        let tree = reader.tree_of(&object)?;
        let commit = match reader.commit(&object, Known::default(), &Needs::new(), None) {
            Ok(commit) => commit,
            Err(unreadable) => return Ok(Err(format!("cannot be read: {}", unreadable.why))),
        };
        if !commit.parents.is_empty() {
            return Ok(Err("has a history, and stands alone in this form".into()));
        }
        if tree != gix::ObjectId::empty_tree(self.shared.layout.format) {
            return Ok(Err("holds files, and carries nothing but words in this form".into()));
        }
        Ok(Ok(commit))
    }
}
