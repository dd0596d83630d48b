//! What a branch loses when it is merged into another history that then takes its place.
//!
//! Paths are known commit by commit, each against its first parent. That is complete as long as the
//! first-parent history goes back to where the branch was. A developer who merges the branch into
//! their own work and pushes that as the branch turns the parents around: then a merge that keeps only
//! their side changes nothing against its first parent, and takes back what the branch had. So the
//! last commit of such a push is also compared with the branch itself.

use std::collections::HashSet;

use crate::change::{Commits, Fact, Oid, PathChange, Text};
use crate::git::{NewHistory, Repository};

/// The paths by which a new tip differs from the old one, where its commits do not tell.
#[derive(Debug, Default)]
pub(crate) struct SwappedParents {
    tip: Option<Oid>,
    paths: Option<Fact<Vec<PathChange>>>,
}

impl SwappedParents {
    /// Compares `old` with `new`, whose `history` over `old` is given, if its first parents do not
    /// lead back to `old`.
    pub(crate) fn compare_tips(
        repository: &Repository,
        history: &NewHistory,
        old: Oid,
        new: Oid,
    ) -> anyhow::Result<SwappedParents> {
        Ok(SwappedParents { tip: Some(new), paths: repository.find_side_changes(history, old)? })
    }

    /// Adds the paths to those of the new tip, if it is among `commits`.
    pub(crate) fn complete_paths(&self, mut commits: Commits) -> Commits {
        let Some(more) = &self.paths else { return commits };
        let tip = commits.last_mut();
        if tip.id != self.tip {
            return commits;
        }
        match (more, &mut tip.paths) {
            (Ok(more), Ok(known)) => {
                let known_paths: HashSet<Text> = known.iter().map(|change| change.path.clone()).collect();
                known.extend(more.iter().filter(|change| !known_paths.contains(&change.path)).cloned());
            }
            (Err(missing), known @ Ok(_)) => *known = Err(missing.clone()),
            (_, Err(_)) => {}
        }
        commits
    }
}
