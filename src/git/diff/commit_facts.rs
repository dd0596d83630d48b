//! A commit with the facts that rules ask for: its paths, lines, contents, evil merges and signature.

use gix::ObjectId;

use crate::change::{
    BlobSummary, Commit, Fact, FactKind, Missing, NeededFacts, PathChange, PathEntry, PathEntryKind, Text,
};

use crate::git::objects::commit::{UnreadableCommit, parse_commit_parts, unavailable_fact};
use crate::git::objects::reader::{CommitHints, ObjectReader, to_oid, unreadable_commit};
use crate::git::signature::{ObjectFormat, TrustedKeys};

impl ObjectReader {
    /// Reads a commit and gathers the facts that `needs` asks for. What the caller knows already
    /// (`known`) is not read again.
    pub(crate) fn read_commit(
        &mut self,
        id: &ObjectId,
        known: CommitHints<'_>,
        needs: &NeededFacts,
        trusted: Option<TrustedKeys<'_>>,
    ) -> Result<Commit, UnreadableCommit> {
        let format = self.object_format();
        let packed = if known.raw_commit.is_none() { self.read_packed_commit(id) } else { None };
        let raw = match (known.raw_commit, &packed) {
            (Some(raw), _) => raw,
            (None, Some(packed)) => packed.as_slice(),
            (None, None) => match self.read_raw_commit(id) {
                Ok(raw) => raw,
                Err(error) => return Err(unreadable_commit(id, format!("{error:#}"))),
            },
        };
        let parts = match parse_commit_parts(raw, format) {
            Ok(parts) => parts,
            Err(reason) => return Err(unreadable_commit(id, reason)),
        };
        // A fact that cannot be read is a gap in the commit, not an error, so that the others are still judged.
        let mut commit = parts.to_commit(to_oid(id));
        if needs.contains(&FactKind::Signatures) {
            commit.signature = match trusted {
                Some(keys) => Ok(keys.verify_commit(raw, ObjectFormat::from_hash_kind(format))),
                None => Err(Missing::NotConfigured(FactKind::Signatures)),
            };
        }
        let tree = parts.tree;
        let parents = parts.parents;
        if needs.contains(&FactKind::Paths)
            || needs.contains(&FactKind::Lines)
            || needs.contains(&FactKind::Blobs)
        {
            self.add_path_facts(&mut commit, &tree, parents.first(), known.parent_tree, needs);
        }
        if needs.contains(&FactKind::EvilMerges) {
            commit.evil_merge_paths = self.find_evil_merge_paths(&tree, &parents);
        }
        Ok(commit)
    }

    /// Adds to `commit` the facts about its paths that `needs` asks for.
    fn add_path_facts(
        &mut self,
        commit: &mut Commit,
        tree: &ObjectId,
        first_parent: Option<&ObjectId>,
        tree_before: Option<ObjectId>,
        needs: &NeededFacts,
    ) {
        let mut paths = match self.compare_with_parent(tree, first_parent, tree_before) {
            Ok(paths) => paths,
            Err(error) => {
                commit.paths = Err(unavailable_fact(FactKind::Paths, &error));
                if needs.contains(&FactKind::Lines) {
                    commit.lines = Err(unavailable_fact(FactKind::Lines, &error));
                }
                return;
            }
        };
        if needs.contains(&FactKind::Blobs) {
            for path in &mut paths {
                path.blob = self.read_blob_fact(path.after);
            }
        }
        if needs.contains(&FactKind::Lines) {
            commit.lines = self.count_changed_lines(&paths);
        }
        self.answer_content_questions(&mut paths, needs);
        if needs.contains(&FactKind::Paths) || needs.contains(&FactKind::Blobs) {
            commit.paths = Ok(paths);
        }
    }

    /// Returns the paths in which `tree` differs from the tree of the first parent; without a parent,
    /// from an empty one.
    fn compare_with_parent(
        &mut self,
        tree: &ObjectId,
        first_parent: Option<&ObjectId>,
        tree_before: Option<ObjectId>,
    ) -> anyhow::Result<Vec<PathChange>> {
        let before = match (first_parent, tree_before) {
            (None, _) => None,
            (Some(_), Some(tree)) => Some(tree),
            (Some(parent), None) => Some(self.find_root_tree(parent)?),
        };
        self.find_changed_paths(before, Some(*tree))
    }

    /// Returns the size and the first bytes of the entry that a path has after a commit.
    ///
    /// A deleted path has no content, and a submodule's is in another repository; both count as
    /// empty.
    fn read_blob_fact(&mut self, entry: Option<PathEntry>) -> Fact<BlobSummary> {
        let entry = match entry {
            Some(entry) if entry.kind != PathEntryKind::Submodule => entry,
            _ => return Ok(BlobSummary { size: 0, start: Some(Text::default()) }),
        };
        match self.summarize_blob(entry) {
            Ok(summary) => Ok(summary),
            Err(error) => Err(unavailable_fact(FactKind::Blobs, &error)),
        }
    }

    fn summarize_blob(&mut self, entry: PathEntry) -> anyhow::Result<BlobSummary> {
        let id = ObjectId::try_from(entry.id.as_bytes())?;
        match self.read_blob(&id, Self::MAX_OPENED_BLOB_BYTES)? {
            Ok(content) => {
                let start = content.get(..BlobSummary::MAX_START_BYTES).unwrap_or(content);
                Ok(BlobSummary { size: content.len() as u64, start: Some(Text::from(start)) })
            }
            Err(size) => Ok(BlobSummary { size, start: None }),
        }
    }
}
