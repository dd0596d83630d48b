//! The commits of a walk that wait to be read in the opposite order.
//!
//! A walk goes from the newest commit to the oldest, and has to read each of them to find its parents, unless
//! there is a commit-graph. The oldest commit is known at its end. Until then the bytes of the commits are
//! kept, as far as they fit, so that few are read twice and memory does not grow with the length of history.

use std::collections::VecDeque;

use gix::ObjectId;

use crate::git::objects::ObjectBytes;

/// About how many bytes of memory a kept commit takes beside its content.
const BYTES_PER_KEPT_COMMIT: usize = 128;

/// The commits that a walk has found, of which the last one is taken first.
pub(crate) struct CommitBacklog {
    ids: Vec<ObjectId>,
    /// What the walk has read of the last commits in `ids`.
    kept_commits: VecDeque<Option<ObjectBytes>>,
    kept_bytes: usize,
    max_kept_bytes: usize,
}

impl CommitBacklog {
    /// Begins with no commit, to keep about as many bytes as given.
    pub(crate) fn new(max_kept_bytes: usize) -> CommitBacklog {
        CommitBacklog { ids: Vec::new(), kept_commits: VecDeque::new(), kept_bytes: 0, max_kept_bytes }
    }

    /// Adds a commit, with its bytes if the walk had to read them.
    pub(crate) fn add_commit(&mut self, id: ObjectId, raw_commit: Option<ObjectBytes>) {
        self.ids.push(id);
        self.kept_bytes += weigh_kept_commit(raw_commit.as_ref());
        self.kept_commits.push_back(raw_commit);
        // Those that were found first are taken last, so they would be kept for longest.
        while self.kept_bytes > self.max_kept_bytes
            && let Some(dropped) = self.kept_commits.pop_front()
        {
            self.kept_bytes -= weigh_kept_commit(dropped.as_ref());
        }
    }

    /// Takes the commit that was added last, with its bytes if they are still kept.
    pub(crate) fn take_commit(&mut self) -> Option<(ObjectId, Option<ObjectBytes>)> {
        let id = self.ids.pop()?;
        let raw_commit = self.kept_commits.pop_back().flatten();
        self.kept_bytes = self.kept_bytes.saturating_sub(weigh_kept_commit(raw_commit.as_ref()));
        Some((id, raw_commit))
    }
}

fn weigh_kept_commit(raw_commit: Option<&ObjectBytes>) -> usize {
    BYTES_PER_KEPT_COMMIT + raw_commit.map_or(0, |bytes| bytes.len())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gix::hash::Kind;

    use super::*;

    /// Adds commits of so many bytes each, and returns the lengths of what is kept of them when they are taken.
    fn keep_lengths(lengths: &[usize], max_kept_bytes: usize) -> Vec<Option<usize>> {
        let mut backlog = CommitBacklog::new(max_kept_bytes);
        for length in lengths {
            backlog.add_commit(ObjectId::null(Kind::Sha1), Some(Arc::new(vec![b'x'; *length])));
            assert!(backlog.kept_bytes <= max_kept_bytes);
        }
        let taken: Vec<_> = std::iter::from_fn(|| backlog.take_commit()).collect();
        assert_eq!(backlog.kept_bytes, 0);
        taken.into_iter().map(|(_, raw)| raw.map(|bytes| bytes.len())).collect()
    }

    #[test]
    fn what_does_not_fit_is_read_again() {
        let each = BYTES_PER_KEPT_COMMIT + 100;
        assert_eq!(keep_lengths(&[100; 3], 3 * each), [Some(100), Some(100), Some(100)]);
        assert_eq!(keep_lengths(&[100; 3], 3 * each - 1), [Some(100), Some(100), None]);
        assert_eq!(keep_lengths(&[100, 1 << 20, 100], 3 * each), [Some(100), None, None]);
        assert_eq!(keep_lengths(&[100; 2], 0), [None, None]);
    }
}
