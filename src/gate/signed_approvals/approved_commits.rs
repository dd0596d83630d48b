//! The commits that an approval is of, and the digest of what their messages state.

use anyhow::{Result, bail};
use sha2::{Digest as _, Sha256};

use crate::change::{Commit, NeededFacts, Oid, text};
use crate::git::Repository;

/// The most commits that one approval is of.
pub const MAX_APPROVED_COMMITS: usize = 1_000;

/// Returns the commits that `revision` leads to and `base` does not, parents first.
///
/// # Errors
///
/// Fails if a commit cannot be read, or if there are more than [`MAX_APPROVED_COMMITS`].
pub fn list_approved_commits(repository: &Repository, base: Oid, revision: Oid) -> Result<Vec<Commit>> {
    let mut ids = Vec::new();
    for step in repository.list_steps(revision, &[base])? {
        ids.extend(step);
        if ids.len() > MAX_APPROVED_COMMITS {
            bail!("there are more than {MAX_APPROVED_COMMITS} commits between the base and the revision");
        }
    }
    let mut commits = Vec::with_capacity(ids.len());
    for id in ids {
        match repository.read_commit(id, &NeededFacts::new()) {
            Ok(commit) => commits.push(commit),
            Err(unreadable) => bail!("the commit {id} cannot be read: {}", unreadable.reason),
        }
    }
    Ok(commits)
}

/// Returns `sha256:` and the digest of what these commits state: for each of them its trailers, each on a line of its own
/// as `Key: value`, and then an empty line.
pub fn digest_statements(commits: &[Commit]) -> String {
    let mut digest = Sha256::new();
    for commit in commits {
        for trailer in commit.message.trailers() {
            digest.update([trailer.key.as_bytes(), b": ", trailer.value.as_bytes(), b"\n"].concat());
        }
        digest.update(b"\n");
    }
    format!("sha256:{}", text::encode_hex(&digest.finalize()))
}
