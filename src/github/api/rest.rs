//! The parts of GitHub's REST answers that a verdict is made of.
//!
//! These are our own shapes and not the library's: strict about what a verdict rests on, and blind to
//! everything else, so that neither a new field nor an odd one elsewhere costs a verdict.

use serde::Deserialize;

use crate::change::Oid;

/// An account, as most answers give it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RestUser {
    pub(crate) login: String,
    pub(crate) id: Option<u64>,
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
}

/// One pull request, with its counts.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RestPullRequest {
    pub(crate) number: u64,
    pub(crate) state: String,
    pub(crate) title: String,
    pub(crate) body: Option<String>,
    pub(crate) html_url: Option<String>,
    pub(crate) user: Option<RestUser>,
    pub(crate) draft: Option<bool>,
    pub(crate) merged_at: Option<jiff::Timestamp>,
    pub(crate) merged_by: Option<RestUser>,
    pub(crate) created_at: jiff::Timestamp,
    /// When anything of it changed last.
    pub(crate) updated_at: Option<jiff::Timestamp>,
    pub(crate) labels: Vec<RestLabel>,
    pub(crate) head: RestPullRequestEnd,
    pub(crate) base: RestPullRequestEnd,
    pub(crate) commits: usize,
    pub(crate) additions: u64,
    pub(crate) deletions: u64,
    pub(crate) changed_files: usize,
}

/// One end of a pull request.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RestPullRequestEnd {
    #[serde(rename = "ref")]
    pub(crate) branch: String,
    pub(crate) sha: Oid,
    /// `None` if the fork was deleted.
    pub(crate) repo: Option<RestRepository>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RestRepository {
    pub(crate) full_name: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RestLabel {
    pub(crate) name: String,
}

/// A pull request in the list of those that are open.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RestOpenPullRequest {
    pub(crate) number: u64,
    pub(crate) head: RestObjectId,
}

/// A pull request in a list of those that brought a commit in.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RestListedPullRequest {
    pub(crate) number: u64,
    pub(crate) merged_at: Option<jiff::Timestamp>,
    pub(crate) merge_commit_sha: Option<Oid>,
    pub(crate) base: RestListedEnd,
    /// The final revision of its branch.
    pub(crate) head: Option<RestObjectId>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RestListedEnd {
    #[serde(rename = "ref")]
    pub(crate) branch: String,
}

/// One commit, with its accounts.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RestCommit {
    pub(crate) sha: Oid,
    pub(crate) commit: RestCommitBody,
    /// The account; `null` where GitHub knows none, and `{}` in some lists.
    pub(crate) author: Option<RestOptionalUser>,
    pub(crate) committer: Option<RestOptionalUser>,
    pub(crate) parents: Vec<RestObjectId>,
}

/// An account, or an empty object.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RestOptionalUser {
    pub(crate) login: Option<String>,
    pub(crate) id: Option<u64>,
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RestCommitBody {
    pub(crate) message: String,
    pub(crate) author: Option<RestCommitSignature>,
    pub(crate) committer: Option<RestCommitSignature>,
    pub(crate) tree: RestObjectId,
    pub(crate) verification: Option<RestVerification>,
}

/// A name, an address and a date, as a commit has them.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct RestCommitSignature {
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) date: Option<jiff::Timestamp>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RestObjectId {
    pub(crate) sha: Oid,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RestVerification {
    pub(crate) verified: Option<bool>,
    pub(crate) reason: Option<String>,
    pub(crate) signature: Option<String>,
    pub(crate) payload: Option<String>,
}

/// What lies between two commits.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RestComparison {
    pub(crate) status: String,
    pub(crate) ahead_by: Option<usize>,
    pub(crate) behind_by: Option<usize>,
    pub(crate) total_commits: usize,
    pub(crate) commits: Vec<RestCommit>,
    pub(crate) base_commit: Option<RestObjectId>,
    pub(crate) merge_base_commit: Option<RestObjectId>,
}

impl RestComparison {
    /// Returns what every page of the comparison repeats.
    pub(crate) fn head(&self) -> (&str, usize, Option<Oid>, Option<Oid>) {
        let id_of = |commit: &Option<RestObjectId>| commit.as_ref().map(|commit| commit.sha);
        (&self.status, self.total_commits, id_of(&self.base_commit), id_of(&self.merge_base_commit))
    }
}

/// The first of two commits that were compared, and their newest common ancestor.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RestMergeBase {
    pub(crate) base_commit: RestTreeCommit,
    pub(crate) merge_base_commit: RestTreeCommit,
}

/// A commit with its tree.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RestTreeCommit {
    pub(crate) sha: Oid,
    pub(crate) commit: RestCommitTree,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RestCommitTree {
    pub(crate) tree: RestObjectId,
}

/// What lies between two commits, as files.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RestFileComparison {
    pub(crate) merge_base_commit: RestObjectId,
    pub(crate) files: Option<Vec<RestChangedFile>>,
}

/// A file that a pull request changes.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RestChangedFile {
    pub(crate) filename: String,
    pub(crate) previous_filename: Option<String>,
    pub(crate) status: String,
    pub(crate) sha: Option<Oid>,
    /// How many lines are added and removed, together.
    pub(crate) changes: Option<u64>,
    /// Where the content is read, with the revision.
    pub(crate) contents_url: Option<String>,
    /// The difference as a patch without its head; none if the file is large or no text.
    pub(crate) patch: Option<String>,
}

/// One review of a pull request.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RestReview {
    pub(crate) id: u64,
    pub(crate) node_id: Option<String>,
    pub(crate) user: Option<RestUser>,
    pub(crate) state: String,
    pub(crate) commit_id: Option<Oid>,
    pub(crate) submitted_at: Option<jiff::Timestamp>,
    pub(crate) html_url: Option<String>,
}

/// One page of check runs.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RestCheckRunPage {
    pub(crate) total_count: usize,
    pub(crate) check_runs: Vec<RestCheckRun>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RestCheckRun {
    pub(crate) id: Option<u64>,
    pub(crate) name: String,
    pub(crate) head_sha: Oid,
    pub(crate) status: String,
    pub(crate) conclusion: Option<String>,
    pub(crate) html_url: Option<String>,
    pub(crate) external_id: Option<String>,
    pub(crate) app: Option<RestApp>,
    pub(crate) started_at: Option<jiff::Timestamp>,
    pub(crate) completed_at: Option<jiff::Timestamp>,
    pub(crate) check_suite: Option<RestCheckSuite>,
    pub(crate) output: Option<RestCheckOutput>,
}

/// What a check run says.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RestCheckOutput {
    pub(crate) summary: Option<String>,
}

/// The suite of a check run: a run that is started again stays in its suite.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RestCheckSuite {
    pub(crate) id: u64,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RestApp {
    pub(crate) slug: Option<String>,
}

/// An event in the activity of a branch.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RestActivity {
    /// The full name of the ref.
    #[serde(rename = "ref")]
    pub(crate) ref_name: Option<String>,
    pub(crate) before: Option<Oid>,
    pub(crate) after: Oid,
    /// `push`, `force_push`, `branch_creation`, `pr_merge` and others.
    #[serde(rename = "activity_type")]
    pub(crate) kind: Option<String>,
    pub(crate) timestamp: Option<jiff::Timestamp>,
    pub(crate) actor: Option<RestUser>,
}

/// The permission that an account has in a repository.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RestPermission {
    pub(crate) permission: String,
}

/// The content of one file.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RestBlob {
    pub(crate) encoding: String,
    pub(crate) content: String,
    pub(crate) size: usize,
}

/// A branch or a tag.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RestGitRef {
    #[serde(rename = "ref")]
    pub(crate) name: String,
    pub(crate) object: RestObjectId,
}

/// A comment in the conversation of a pull request.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RestIssueComment {
    pub(crate) id: u64,
    pub(crate) body: Option<String>,
    pub(crate) user: Option<RestUser>,
}
