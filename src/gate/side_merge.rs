//! What a branch loses when it is merged in from the side.
//!
//! Paths are known commit by commit, each against its first parent. That is complete as long as the
//! first-parent history goes back to where the branch was. Somebody who merges the branch into his
//! own work and pushes that as the branch turns the parents around: then a merge that keeps only his
//! side changes nothing against its first parent, and takes back what the branch had. So the last
//! commit of such a push is also held against the branch itself.

use crate::change::{Commit, Fact, Oid, PathChange};
use crate::git::{NewHistory, Repository};

/// The paths by which a new tip differs from the old one, where its commits do not tell.
#[derive(Debug, Default)]
pub(crate) struct SideMerge {
    tip: Option<Oid>,
    paths: Option<Fact<Vec<PathChange>>>,
}

impl SideMerge {
    /// Compares `old` with `new`, whose `history` over `old` is given, if its first parents do not
    /// lead back to `old`.
    pub(crate) fn compare_tips(
        repository: &Repository,
        history: &NewHistory,
        old: Oid,
        new: Oid,
    ) -> anyhow::Result<SideMerge> {
        Ok(SideMerge { tip: Some(new), paths: repository.find_side_changes(history, old)? })
    }

    /// Adds the paths to those of the new tip, if it is among `commits`.
    pub(crate) fn complete_paths(&self, mut commits: Vec<Commit>) -> Vec<Commit> {
        let (Some(more), Some(tip)) = (&self.paths, commits.last_mut().filter(|tip| tip.id == self.tip))
        else {
            return commits;
        };
        match (more, &mut tip.paths) {
            (Ok(more), Ok(known)) => {
                let new: Vec<PathChange> = more
                    .iter()
                    .filter(|change| !known.iter().any(|known| known.path == change.path))
                    .cloned()
                    .collect();
                known.extend(new);
            }
            (Err(missing), known @ Ok(_)) => *known = Err(missing.clone()),
            (_, Err(_)) => {}
        }
        commits
    }
}
