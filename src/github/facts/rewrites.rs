//! Rewrites of a branch that change nothing of what was reviewed, as far as GitHub's answers prove it.
//!
//! A merge of the base that GitHub makes ("Update branch") brings nothing of its own if every path is as one of
//! its parents has it, and no path was changed on both sides. A squash or a rebase is of the same content if
//! it has the same tree, and what it replaced started from the same commit of the base. Whatever is not
//! proved ends an approval, as every other push does; where GitHub gave no comparison, that is said.

use std::collections::BTreeSet;

use futures_util::future::join3;

use crate::change::pull_request::{ContributorRole, PullContributor, PullReview, ReviewState};
use crate::change::{Oid, Person, Text};
use crate::github::api::GitHubClient;
use crate::github::api::names::{PullRequestName, RepositoryName};
use crate::github::api::request::GitHubFailure;
use crate::github::api::rest::{RestChangedFile, RestCommit, RestFileComparison, RestReview};
use crate::github::facts::changed_files::has_same_entries;
use crate::github::facts::co_authors::parse_co_authors;
use crate::github::facts::commits::{
    CommitComparison, compare_commits, contributors_of_commit, convert_head, is_forge_commit,
    signature_person,
};

/// How many files GitHub lists in a comparison; a list as long as that may be cut off.
const MAX_COMPARED_FILES: usize = 300;

/// For how many replaced revisions GitHub is asked.
const MAX_REPLACED_REVISIONS: usize = 2;

/// A merge of the base into the branch that brings nothing of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BaseMerge {
    /// The merge, which is the final revision.
    pub(crate) merge: Oid,
    /// The revision of the branch before it.
    pub(crate) before: Oid,
}

/// Returns the final revision as a merge of the base that brings nothing of its own, if it is one and a review
/// of it, or of the revision before it, approves. Adds both to `uncompared` if GitHub gave no comparison.
///
/// # Errors
///
/// Fails if GitHub does not answer. What it answers that proves nothing is no error.
pub(crate) async fn find_proven_merge(
    client: &GitHubClient,
    name: &PullRequestName,
    listed: &[RestCommit],
    reviews: &[RestReview],
    uncompared: &mut Vec<Oid>,
) -> Result<Option<BaseMerge>, GitHubFailure> {
    let proved = prove_base_merge(client, name, listed, reviews).await;
    let proved = accept_no_proof(client, proved)?;
    if let (None, Some((found, _))) = (proved, find_base_merge(listed)) {
        uncompared.extend([found.merge, found.before]);
    }
    Ok(proved.flatten())
}

async fn prove_base_merge(
    client: &GitHubClient,
    name: &PullRequestName,
    listed: &[RestCommit],
    reviews: &[RestReview],
) -> Result<Option<BaseMerge>, GitHubFailure> {
    let Some(found) = find_base_merge(listed) else { return Ok(None) };
    let BaseMerge { merge, before } = found.0;
    let is_approved = |review: &RestReview| {
        review.state.eq_ignore_ascii_case("APPROVED")
            && (review.commit_id == Some(merge) || review.commit_id == Some(before))
    };
    if !reviews.iter().any(is_approved) {
        return Ok(None);
    }
    let base = found.1;
    let (brought, own, made) = join3(
        list_compared_files(client, &name.repo, before, base),
        list_compared_files(client, &name.repo, base, before),
        list_compared_files(client, &name.repo, before, merge),
    )
    .await;
    let ((brought_from, brought), (own_from, own), (_, made)) = (brought?, own?, made?);
    if brought_from != own_from || !brought.is_disjoint(&own) || !made.is_subset(&brought) {
        return Ok(None);
    }
    let find_tree =
        |id: Oid| listed.iter().find(|commit| commit.sha == id).map(|commit| commit.commit.tree.sha);
    if made.is_empty() && find_tree(merge) != find_tree(before) {
        return Err(GitHubFailure::contradiction(format!("GitHub shows no file that {merge} changes")));
    }
    let paths: Vec<String> = brought.into_iter().collect();
    let is_same = has_same_entries(client, name, [base, merge], &paths).await?;
    Ok(is_same.then_some(found.0))
}

/// Returns the final revision as a merge that GitHub made of the branch and a commit of the base, and that
/// commit. All commits that the base has not are listed, so a parent that is not is in the base.
fn find_base_merge(listed: &[RestCommit]) -> Option<(BaseMerge, Oid)> {
    let head = listed.last()?;
    let [before, base] = head.parents.as_slice() else { return None };
    let is_listed = |id: Oid| listed.iter().any(|commit| commit.sha == id);
    let is_found = is_forge_commit(head) && is_listed(before.sha) && !is_listed(base.sha);
    is_found.then_some((BaseMerge { merge: head.sha, before: before.sha }, base.sha))
}

/// Returns the newest common ancestor of two commits, and the paths that differ between it and the second.
async fn list_compared_files(
    client: &GitHubClient,
    repo: &RepositoryName,
    from: Oid,
    to: Oid,
) -> Result<(Oid, BTreeSet<String>), GitHubFailure> {
    let path = format!("{}/compare/{from}...{to}?per_page=1", repo.rest_path());
    let compared: RestFileComparison = client.fetch_json(path).await?;
    // An answer that stops here must not look like a comparison without a difference.
    let Some(files) = compared.files else {
        return Err(GitHubFailure::contradiction(format!(
            "GitHub compares {from} and {to} without their files"
        )));
    };
    if files.len() >= MAX_COMPARED_FILES {
        return Err(GitHubFailure::new("GitHub does not list all files of a comparison"));
    }
    let mut paths = BTreeSet::new();
    for RestChangedFile { filename, previous_filename, .. } in files {
        paths.insert(filename);
        paths.extend(previous_filename);
    }
    Ok((compared.merge_base_commit.sha, paths))
}

/// Marks the approved revisions that a squash or a rebase to the same tree on the same base has replaced, and
/// returns everyone who made one of the commits that led to them. Adds to `uncompared` those for which GitHub gave
/// no comparison.
///
/// # Errors
///
/// Fails if GitHub does not answer. What it answers that proves nothing is no error.
pub(crate) async fn mark_replaced_revisions(
    client: &GitHubClient,
    repo: &RepositoryName,
    listed: &[RestCommit],
    reviews: &mut [PullReview],
    uncompared: &mut Vec<Oid>,
) -> Result<Vec<PullContributor>, GitHubFailure> {
    let mut makers = Vec::new();
    let (Some(head), Some(base)) = (listed.last().map(convert_head), find_only_base(listed)) else {
        return Ok(makers);
    };
    let mut candidates: Vec<Oid> = Vec::new();
    for review in reviews.iter().rev() {
        if let (ReviewState::Approved, Some(revision)) = (&review.state, &review.revision)
            && revision.id != head.id
            && revision.tree == head.tree
            && !candidates.contains(&revision.id)
            && candidates.len() < MAX_REPLACED_REVISIONS
        {
            candidates.push(revision.id);
        }
    }
    for id in candidates {
        let compared = compare_commits(client, repo, &format!("{base}...{id}")).await;
        let Some(compared) = accept_no_proof(client, compared)? else {
            uncompared.push(id);
            continue;
        };
        let CommitComparison { status, commits, .. } = compared;
        if status != "ahead" || commits.iter().all(|commit| commit.sha != id) {
            continue;
        }
        if !is_by_the_same_people(listed, &commits) {
            continue;
        }
        let mut messages = Vec::with_capacity(commits.len());
        for commit in &commits {
            messages.push(Text::from(commit.commit.message.as_str()));
            for maker in list_makers(commit) {
                if !makers.contains(&maker) {
                    makers.push(maker);
                }
            }
        }
        for review in reviews.iter_mut() {
            if let Some(revision) = review.revision.as_mut().filter(|revision| revision.id == id) {
                revision.replaced_messages = Some(messages.clone());
            }
        }
    }
    Ok(makers)
}

/// Returns `None` for an answer that is no comparison. That GitHub did not answer is an error: an approval would
/// end for a reason that nobody could mend.
fn accept_no_proof<T>(
    client: &GitHubClient,
    answer: Result<T, GitHubFailure>,
) -> Result<Option<T>, GitHubFailure> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(failure) if client.outage().is_some() => Err(failure),
        Err(_) => Ok(None),
    }
}

/// Returns whether these commits name no author and no committer beside those of the replaced ones and GitHub
/// itself. An approval covers who made the change.
fn is_by_the_same_people(listed: &[RestCommit], replaced: &[RestCommit]) -> bool {
    let mut known: Vec<Person> = Vec::new();
    for commit in replaced {
        known.push(signature_person(commit.commit.author.as_ref()));
        known.push(signature_person(commit.commit.committer.as_ref()));
    }
    listed.iter().all(|commit| {
        known.contains(&signature_person(commit.commit.author.as_ref()))
            && (is_forge_commit(commit)
                || known.contains(&signature_person(commit.commit.committer.as_ref())))
    })
}

/// Returns the one commit that these commits rest on and that is none of them; `None` if there are several.
fn find_only_base(listed: &[RestCommit]) -> Option<Oid> {
    let ids: BTreeSet<Oid> = listed.iter().map(|commit| commit.sha).collect();
    let mut bases = BTreeSet::new();
    for commit in listed {
        bases.extend(commit.parents.iter().map(|parent| parent.sha).filter(|id| !ids.contains(id)));
    }
    if bases.len() == 1 { bases.pop_first() } else { None }
}

/// Returns everyone who made a commit; its co-authors are known by their addresses only.
fn list_makers(commit: &RestCommit) -> Vec<PullContributor> {
    let mut makers = contributors_of_commit(commit, &[]);
    for named in parse_co_authors(commit) {
        let (name, email) = match named {
            Ok(person) => (person.name, Some(person.email)),
            Err(written) => (written, None),
        };
        makers.push(PullContributor { role: ContributorRole::CoAuthor, account: None, email, name });
    }
    makers
}
