//! What a pull request landed as, held against its final revision.
//!
//! A person or an app can make a merge with any tree through GitHub's API, and can push further commits together with
//! a merge. GitHub signs what an app makes, and what is made in a codespace, and names the pull request for the others, so none of that
//! proves what landed. A merge that GitHub made itself, by its button or its merge queue, is proved by GitHub's record of
//! the branch, be it a merge, a squash or a rebase. Of everything else, the clean merge of the final revision is
//! recomputed from the objects: a merge, a squash and a rebase all have to end with its tree.

use std::collections::BTreeSet;

use crate::change::{Change, Oid, Text};
use crate::github::api::GitHubClient;
use crate::github::api::names::RepositoryName;
use crate::github::api::request::GitHubFailure;
use crate::github::api::rest::{RestCommit, RestMergeBase, RestObjectId, RestPullRequest};
use crate::github::facts::commits::is_forge_commit;
use crate::github::facts::merged_trees::{MergedTrees, find_unmerged_paths};
use crate::push::{GateRule, refuse_by_findings};
use crate::verdict::{Finding, Fixer, Judgement, Message, messages};

messages! {
    OTHER_FILE = "landed-content.other-file":
        "{path} landed in {commit} with other content than a clean merge of {head} gives";
    MORE_FILES = "landed-content.more-files": "{count} more files landed with other content";
    OTHER_SIDE = "landed-content.other-side": "{commit} merges something else than {head}, the final revision";
    MORE_STEPS = "landed-content.more-steps":
        "{steps} commits landed for this pull request, which has {commits}";
    OTHER_BETWEEN = "landed-content.other-between":
        "other commits landed between those of this pull request, so it cannot be told what it brought";
    UNPROVED = "landed-content.unproved":
        "{commit} looks like a merge by GitHub's button, and GitHub shows no commits or trees to prove it with";
}

/// How many files are named, each in a finding of its own.
const MAX_NAMED_FILES: usize = 20;

/// The commits of the branch that a pull request landed as.
pub(crate) struct LandedCommits<'listed> {
    /// Those that GitHub names the pull request for, oldest first.
    pub(crate) commits: &'listed [&'listed RestCommit],
    /// True if each of them follows the one before it.
    pub(crate) are_in_a_row: bool,
    /// True if GitHub's record of the branch says that GitHub merged them.
    pub(crate) is_merge_by_forge: bool,
    /// True if GitHub answered that it has no record of the branch.
    pub(crate) is_record_absent: bool,
}

/// What is said of the content that landed.
#[derive(Default)]
pub(crate) struct LandedContent {
    /// Why it is not what was judged; `None` if it is.
    pub(crate) refusal: Option<Judgement>,
    /// That it was believed without a proof; `None` if it was proved.
    pub(crate) note: Option<Message>,
}

impl LandedContent {
    fn from_findings(findings: Vec<Finding>) -> LandedContent {
        let refusal = refuse_by_findings(GateRule::LandedContent, findings);
        LandedContent { refusal: Some(refusal), note: None }
    }
}

/// Checks that a pull request landed with the content that its final revision gives, merged cleanly. `changes` are
/// what was judged of it.
///
/// What GitHub's record calls a merge by GitHub is believed. What looks like the merge of its button is believed without
/// any proof only if GitHub shows no object at all, not even the commit that the branch held before, and says that it has
/// no record of the branch.
///
/// # Errors
///
/// Fails if GitHub does not tell enough to recompute the merge.
pub(crate) async fn check_landed_content(
    client: &GitHubClient,
    repo: &RepositoryName,
    pull: &RestPullRequest,
    changes: &[Change],
    landed: &LandedCommits<'_>,
) -> Result<LandedContent, GitHubFailure> {
    let (Some(first), Some(last)) = (landed.commits.first(), landed.commits.last()) else {
        return Ok(LandedContent::default());
    };
    // The final revision itself is what was judged.
    if last.sha == pull.head.sha && landed.commits.len() <= pull.commits {
        return Ok(LandedContent::default());
    }
    if let Some(finding) = check_landed_shape(pull, landed, last) {
        return Ok(LandedContent::from_findings(vec![finding]));
    }
    if landed.is_merge_by_forge {
        return Ok(LandedContent::default());
    }
    let Some(base) = first.parents.first().map(|parent| parent.sha) else {
        return Err(GitHubFailure::new(format!("{} landed without a parent", first.sha.short_hex())));
    };
    let head_tree = changes.iter().find_map(|change| change.pull.as_deref().ok()?.head.tree);
    // Of a base that the final revision contains, the clean merge is the final revision.
    if head_tree == Some(last.commit.tree.sha) && is_base_contained(changes, base) {
        return Ok(LandedContent::default());
    }
    match recompute_merge(client, repo, pull.head.sha, head_tree, base, last).await {
        Ok(paths) if paths.is_empty() => Ok(LandedContent::default()),
        Ok(paths) => Ok(LandedContent::from_findings(name_files(&paths, last.sha, pull.head.sha))),
        // A record of the branch is a sign that GitHub shows something, whatever it says, and so is an outage.
        Err(_)
            if landed.is_record_absent
                && may_be_merge_button(pull.number, last)
                && is_any_object_hidden(client, repo, base).await =>
        {
            let note = UNPROVED.with("commit", last.sha.short_hex());
            Ok(LandedContent { refusal: None, note: Some(note) })
        }
        Err(failure) => Err(failure),
    }
}

/// Returns the paths at which a commit is not the clean merge of `base` and `head`.
async fn recompute_merge(
    client: &GitHubClient,
    repo: &RepositoryName,
    head: Oid,
    head_tree: Option<Oid>,
    base: Oid,
    last: &RestCommit,
) -> Result<Vec<String>, GitHubFailure> {
    let ends = format!("{base}...{head}");
    let path = format!("{}/compare/{ends}?per_page=1", repo.rest_path());
    let compared: RestMergeBase = client.fetch_json(path).await?;
    if compared.base_commit.sha != base {
        return Err(GitHubFailure::contradiction(format!("GitHub compares other commits than {ends}")));
    }
    let Some(theirs) = head_tree else {
        return Err(GitHubFailure::new("the tree of the final revision is not known"));
    };
    let trees = MergedTrees {
        ancestor: compared.merge_base_commit.commit.tree.sha,
        ours: compared.base_commit.commit.tree.sha,
        theirs,
        merged: last.commit.tree.sha,
    };
    find_unmerged_paths(client, repo, trees).await
}

/// Returns whether GitHub shows no objects here: it does not even know the commit that the branch held before. What was
/// pushed has no influence on that.
async fn is_any_object_hidden(client: &GitHubClient, repo: &RepositoryName, base: Oid) -> bool {
    let path = format!("{}/git/commits/{base}", repo.rest_path());
    let known = client.fetch_json::<RestObjectId>(path).await;
    matches!(known, Err(GitHubFailure { status: Some(404), .. }))
}

/// Returns whether a commit looks like the merge that GitHub makes when a person presses its button: it has GitHub's
/// signature and first line, and a person as its author. GitHub signs what an app commits through its API in the same
/// way, but with the app as the author; and what a person resolves in its editor has another first line. GitHub signs
/// for a person in a codespace too, so this alone proves nothing.
fn may_be_merge_button(number: u64, last: &RestCommit) -> bool {
    let author = last.author.as_ref().and_then(|author| author.kind.as_deref());
    let first_words = format!("Merge pull request #{number} ");
    last.parents.len() == 2
        && is_forge_commit(last)
        && author == Some("User")
        && last.commit.message.starts_with(&first_words)
}

/// Returns what is wrong with the commits themselves, whatever they contain.
fn check_landed_shape(
    pull: &RestPullRequest,
    landed: &LandedCommits<'_>,
    last: &RestCommit,
) -> Option<Finding> {
    let message = if last.parents.len() > 1 && last.sha != pull.head.sha {
        let is_merge_of_head =
            last.parents.len() == 2 && last.parents.last().is_some_and(|parent| parent.sha == pull.head.sha);
        if is_merge_of_head && landed.commits.len() == 1 {
            return None;
        }
        if is_merge_of_head {
            MORE_STEPS.with("steps", landed.commits.len()).with("commits", 1_usize)
        } else {
            OTHER_SIDE.with("commit", last.sha.short_hex()).with("head", pull.head.sha.short_hex())
        }
    } else if landed.commits.len() > pull.commits {
        MORE_STEPS.with("steps", landed.commits.len()).with("commits", pull.commits)
    } else if !landed.are_in_a_row {
        (&OTHER_BETWEEN).into()
    } else {
        return None;
    };
    Some(Finding::new(message).fixed_by(Fixer::Pusher))
}

/// Returns whether a commit is one that the commits of the pull request rest on.
fn is_base_contained(changes: &[Change], base: Oid) -> bool {
    let mut commits = changes.iter().flat_map(|change| &change.commits);
    commits.any(|commit| commit.parents.contains(&base))
}

fn name_files(paths: &[String], landed: Oid, head: Oid) -> Vec<Finding> {
    let mut findings = Vec::new();
    let named: BTreeSet<&String> = paths.iter().collect();
    for path in named.iter().take(MAX_NAMED_FILES) {
        let path = Text::from(path.as_str());
        let message =
            OTHER_FILE.with("path", &path).with("commit", landed.short_hex()).with("head", head.short_hex());
        findings.push(Finding::new(message).at_path(&path).fixed_by(Fixer::Pusher));
    }
    let more = named.len().saturating_sub(MAX_NAMED_FILES);
    if more > 0 {
        findings.push(Finding::new(MORE_FILES.with("count", more)).fixed_by(Fixer::Pusher));
    }
    findings
}
