//! The steps of a branch's first-parent history that a push brought, and the pull requests that brought them.

use std::collections::{HashMap, HashSet};

use futures_util::future::join_all;

use crate::change::Oid;
use crate::github::api::GitHubClient;
use crate::github::api::names::RepositoryName;
use crate::github::api::request::{GitHubFailure, printable_line};
use crate::github::api::rest::{RestCommit, RestListedPullRequest};
use crate::github::facts::commits::{self, CommitComparison};

/// A step of the first-parent history, with the commits that it brings in.
pub(crate) struct PushedStep {
    /// The commit that the step ends with.
    pub(crate) id: Oid,
    /// All its commits in the order of GitHub's list, the step's own commit last.
    pub(crate) commit_ids: Vec<Oid>,
}

/// Checks that a comparison lists what was pushed: without it, it would pass for a push that brought nothing.
///
/// # Errors
///
/// Fails if the comparison leaves out the commit that a ref came to hold, or is one of other commits.
pub(crate) fn check_comparison(
    old: Option<Oid>,
    new: Oid,
    compared: &CommitComparison,
) -> Result<(), GitHubFailure> {
    let CommitComparison { status, commits, base, merge_base } = compared;
    // A ref can go back in its own history, and a new ref can point at what the default branch has. Then the new
    // commit is what both have, and of two that are the same, it is also the one compared with.
    let is_known = |id: &Option<Oid>| id.is_none_or(|id| id == new);
    let may_be_empty = match status.as_str() {
        "behind" => is_known(merge_base),
        "identical" => old.is_none() && is_known(base) && is_known(merge_base),
        _ => false,
    };
    let is_of_old = old.is_none() || base.is_none() || *base == old;
    let is_listed = commits.iter().any(|commit| commit.sha == new);
    if is_of_old && (old == Some(new) || is_listed || (commits.is_empty() && may_be_empty)) {
        return Ok(());
    }
    let said = printable_line(status, 40);
    Err(GitHubFailure::contradiction(format!(
        "GitHub's comparison leaves out {new}, which was pushed, and says `{said}`; run this again later"
    )))
}

/// Returns the steps that lead to `tip`, oldest first.
///
/// Each commit belongs to the first step that reaches it; GitHub's list is not trusted to be free of circles.
pub(crate) fn split_into_steps(commits: &[RestCommit], tip: Oid) -> Vec<PushedStep> {
    let mut parents: HashMap<Oid, Vec<Oid>> = HashMap::new();
    for commit in commits {
        parents.insert(commit.sha, commit.parents.iter().map(|parent| parent.sha).collect());
    }
    let mut taken: HashSet<Oid> = HashSet::new();
    let mut steps = Vec::new();
    for id in follow_first_parents(&parents, tip) {
        let mut reached = HashSet::new();
        let mut open = vec![id];
        while let Some(next) = open.pop() {
            let Some(before) = parents.get(&next) else { continue };
            if !taken.contains(&next) && reached.insert(next) {
                open.extend(before);
            }
        }
        taken.extend(&reached);
        let mut commit_ids = Vec::new();
        for commit in commits {
            if commit.sha != id && reached.contains(&commit.sha) {
                commit_ids.push(commit.sha);
            }
        }
        commit_ids.push(id);
        steps.push(PushedStep { id, commit_ids });
    }
    steps
}

/// Returns the known commits of the first-parent line that ends with `tip`, oldest first.
fn follow_first_parents(parents: &HashMap<Oid, Vec<Oid>>, tip: Oid) -> Vec<Oid> {
    let mut line = Vec::new();
    let mut next = tip;
    // The line cannot be longer than the list, unless it runs in a circle.
    while let Some(before) = parents.get(&next)
        && line.len() <= parents.len()
    {
        line.push(next);
        let Some(first) = before.first() else { break };
        next = *first;
    }
    line.reverse();
    line
}

/// How often GitHub is asked again which pull request brought a commit that came just now.
const MAX_LAG_PAUSES: u32 = 2;

/// Returns for each step the pull requests by which it came to `branch`, as GitHub knows them.
///
/// GitHub learns a moment after a merge which commit it made, and lists none until then. If the push `may_lag`, steps
/// without a pull request are therefore asked about again before they pass for ones that none has brought.
pub(crate) async fn find_pulls_of_steps(
    client: &GitHubClient,
    repo: &RepositoryName,
    steps: &[PushedStep],
    branch: &str,
    may_lag: bool,
) -> Vec<Result<Vec<RestListedPullRequest>, GitHubFailure>> {
    let mut found = join_all(steps.iter().map(|step| find_merged_pulls(client, repo, step.id, branch))).await;
    if !may_lag {
        return found;
    }
    for attempt in 1..=MAX_LAG_PAUSES {
        let is_empty = |listed: &Result<Vec<RestListedPullRequest>, GitHubFailure>| {
            listed.as_ref().is_ok_and(Vec::is_empty)
        };
        if !found.iter().any(is_empty) || !client.wait_for_record(attempt).await {
            break;
        }
        let again = steps.iter().zip(found).map(|(step, listed)| async move {
            if is_empty(&listed) { find_merged_pulls(client, repo, step.id, branch).await } else { listed }
        });
        found = join_all(again).await;
    }
    found
}

/// Returns the pull requests by which a commit came to `branch`, as GitHub knows them.
async fn find_merged_pulls(
    client: &GitHubClient,
    repo: &RepositoryName,
    id: Oid,
    branch: &str,
) -> Result<Vec<RestListedPullRequest>, GitHubFailure> {
    let path = format!("{}/commits/{id}/pulls?per_page=100", repo.rest_path());
    let mut pulls: Vec<RestListedPullRequest> = client.fetch_whole_list(path).await?;
    pulls.retain(|pull| pull.merged_at.is_some() && pull.base.branch == branch);
    Ok(pulls)
}

/// Returns the number of the pull request that brought in the step at `index`, and the commit that it was merged
/// as.
pub(crate) fn find_bringing_pull(
    steps: &[PushedStep],
    index: usize,
    listed: &[RestListedPullRequest],
    commits: &[RestCommit],
) -> Option<(u64, Oid)> {
    // GitHub takes a merge that was made by hand and pushed for one of its own, whatever else it
    // holds: no review has covered that.
    let step = steps.get(index)?;
    let commit = commits.iter().find(|commit| commit.sha == step.id)?;
    if commit.parents.len() > 1 && !commits::is_forge_commit(commit) {
        return None;
    }
    for pull in listed {
        let Some(merged_as) = pull.merge_commit_sha else { continue };
        // Where the branch itself was pushed, what stands on top of it is no part of the pull request.
        let head = pull.head.as_ref().and_then(|head| steps.iter().position(|step| step.id == head.sha));
        if head.is_some_and(|head| index > head) {
            continue;
        }
        // A merge is one step, whatever was pushed together with it.
        let is_merge = merged_as != step.id
            && head.is_none()
            && commits.iter().any(|commit| commit.sha == merged_as && commit.parents.len() > 1);
        if is_merge {
            continue;
        }
        // A rebase brings in several steps, of which the pull request names the last.
        if steps.iter().skip(index).any(|step| step.id == merged_as) {
            return Some((pull.number, merged_as));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn listed(id: u8, parents: &[u8]) -> RestCommit {
        let hex = |byte: u8| Oid::from_bytes(&[byte; 20]).unwrap().to_string();
        let parents: Vec<_> = parents.iter().map(|parent| json!({ "sha": hex(*parent) })).collect();
        let body = json!({ "message": "m", "author": null, "committer": null, "tree": { "sha": hex(9) }, "verification": null });
        let commit =
            json!({ "sha": hex(id), "commit": body, "author": null, "committer": null, "parents": parents });
        serde_json::from_value(commit).unwrap()
    }

    fn steps(commits: &[RestCommit], tip: u8) -> Vec<(u8, Vec<u8>)> {
        let first = |id: &Oid| id.as_bytes()[0];
        split_into_steps(commits, Oid::from_bytes(&[tip; 20]).unwrap())
            .iter()
            .map(|step| (first(&step.id), step.commit_ids.iter().map(first).collect()))
            .collect()
    }

    #[test]
    fn a_merge_brings_its_side_in_and_a_line_brings_each_commit() {
        let commits =
            [listed(1, &[0]), listed(2, &[0]), listed(3, &[2]), listed(4, &[1, 3]), listed(5, &[4])];
        assert_eq!(steps(&commits, 5), [(1, vec![1]), (4, vec![2, 3, 4]), (5, vec![5])]);
        assert_eq!(steps(&commits, 7), []);
    }

    #[test]
    fn a_comparison_without_what_was_pushed_is_none() {
        let id = |byte: u8| Oid::from_bytes(&[byte; 20]).unwrap();
        let lists = [listed(2, &[1])];
        let is_plausible = |old: Option<u8>, new: u8, status: &str, commits: &[RestCommit]| {
            let (status, commits) = (status.to_owned(), commits.to_vec());
            let compared = CommitComparison { status, commits, base: None, merge_base: None };
            check_comparison(old.map(id), id(new), &compared).is_ok()
        };
        assert!(is_plausible(Some(1), 2, "ahead", &lists));
        assert!(is_plausible(Some(1), 2, "diverged", &lists));
        assert!(is_plausible(Some(3), 2, "behind", &[]));
        assert!(is_plausible(Some(2), 2, "identical", &[]));
        for status in ["identical", "behind"] {
            assert!(is_plausible(None, 2, status, &[]));
        }
        for (old, new, status, commits) in [
            (Some(1), 2, "identical", &[][..]),
            (Some(1), 2, "ahead", &[]),
            (Some(1), 3, "ahead", &lists),
            (Some(1), 3, "behind", &lists),
            (None, 3, "ahead", &lists),
            (None, 3, "diverged", &[]),
        ] {
            assert!(!is_plausible(old, new, status, commits), "{old:?} {new} {status}");
        }
    }

    #[test]
    fn a_comparison_of_other_commits_is_none() {
        let id = |byte: u8| Oid::from_bytes(&[byte; 20]).unwrap();
        let is_plausible = |old: Option<u8>, status: &str, base: u8, merge_base: u8| {
            let commits = if status == "ahead" { vec![listed(2, &[1])] } else { Vec::new() };
            let (base, merge_base) = (Some(id(base)), Some(id(merge_base)));
            let compared = CommitComparison { status: status.to_owned(), commits, base, merge_base };
            check_comparison(old.map(id), id(2), &compared).is_ok()
        };
        assert!(is_plausible(None, "identical", 2, 2) && is_plausible(None, "behind", 5, 2));
        assert!(is_plausible(Some(1), "ahead", 1, 1) && is_plausible(Some(5), "behind", 5, 2));
        // A new branch whose commits are left out.
        assert!(!is_plausible(None, "identical", 1, 1) && !is_plausible(None, "behind", 5, 1));
        assert!(!is_plausible(Some(1), "ahead", 7, 7) && !is_plausible(Some(5), "behind", 5, 1));
    }

    #[test]
    fn what_is_pushed_on_top_of_a_branch_is_not_brought_by_its_pull_request() {
        let commits = [listed(1, &[0]), listed(2, &[1]), listed(3, &[2])];
        let id = |byte: u8| Oid::from_bytes(&[byte; 20]).unwrap();
        let steps = split_into_steps(&commits, id(3));
        let pull = |head: u8| -> Vec<RestListedPullRequest> {
            let one = json!({ "number": 7, "merged_at": "2026-03-02T18:00:00Z", "merge_commit_sha": id(3).to_string(),
                "base": { "ref": "main" }, "head": { "sha": id(head).to_string() } });
            vec![serde_json::from_value(one).unwrap()]
        };
        let brings = |head: u8| -> Vec<bool> {
            let pulls = pull(head);
            (0..3).map(|index| find_bringing_pull(&steps, index, &pulls, &commits).is_some()).collect()
        };
        assert_eq!(brings(2), [true, true, false]);
        assert_eq!(brings(3), [true, true, true]);
        // A rebase or a squash makes commits of its own.
        assert_eq!(brings(9), [true, true, true]);
    }

    #[test]
    fn a_circle_ends() {
        let commits = [listed(1, &[2]), listed(2, &[1])];
        assert!(steps(&commits, 1).len() <= 3);
    }
}
