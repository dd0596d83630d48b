//! The commits that a merge brings in, as a hook of a clone reads them before the merge is made.

use crate::change::{Commit, FactKind, Missing, NeededFacts, Oid};
use crate::cli::hook::clone_state::read_merge_heads;
use crate::git::{HeadState, Repository};
use crate::policy::Policy;

/// How many of the commits that a merge brings in are compared with their parents: the hook of a large merge
/// has to be fast too.
const MAX_COMPARED_COMMITS: usize = 1000;

/// Returns the parents of the merge that goes on, and the commits that it brings in, oldest first; `None` if
/// there is no merge, or it cannot be read. What is part of the history of `landed` is left out.
pub(crate) fn read_merge(
    repository: &Repository,
    policy: &Policy,
    landed: &[Oid],
) -> Option<(Vec<Oid>, Vec<Commit>)> {
    let mut needs = policy.needed_facts();
    needs.retain(|need| *need == FactKind::Paths);
    let heads = read_merge_heads(repository.git_dir());
    if heads.is_empty() {
        return None;
    }
    let own = match repository.read_head().ok()? {
        HeadState::Branch(branch) => branch.id?,
        HeadState::Detached(id) => id,
    };
    let mut parents = vec![own];
    let mut merged = Vec::new();
    for head in heads {
        let mut brought = Vec::new();
        let hidden = [parents.as_slice(), landed].concat();
        for id in repository.list_new_commits(head, &hidden).ok()? {
            if merged.len() + brought.len() == MAX_COMPARED_COMMITS {
                needs.clear();
            }
            brought.push(read_side_commit(repository, id.ok()?, &needs)?);
        }
        brought.reverse();
        merged.extend(brought);
        parents.push(head);
    }
    Some((parents, merged))
}

/// Reads a commit that is merged, with the same gaps as the merge: what is in its files is not judged yet.
fn read_side_commit(repository: &Repository, id: Oid, needs: &NeededFacts) -> Option<Commit> {
    let commit = repository.read_commit(id, needs).ok()?;
    let mut paths = commit.paths.map_err(|_| Missing::NotAtThisStage(FactKind::Paths));
    for path in paths.iter_mut().flatten() {
        path.blob = Err(Missing::NotAtThisStage(FactKind::Blobs));
        path.content = Some(Box::new(Err(Missing::NotAtThisStage(FactKind::AddedLines))));
    }
    Some(Commit {
        paths,
        lines: Err(Missing::NotAtThisStage(FactKind::Lines)),
        evil_merge_paths: Err(Missing::NotAtThisStage(FactKind::EvilMerges)),
        signature: Err(Missing::NotAtThisStage(FactKind::Signatures)),
        ..commit
    })
}
