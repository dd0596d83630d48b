//! What GitHub's REST answers hold, as far as anything is made of it.
//!
//! These are our own shapes and not the library's: strict about what a verdict rests on, and blind to
//! everything else, so that neither a new field nor an odd one elsewhere costs a verdict.

use serde::Deserialize;

use crate::change::Oid;

/// An account.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RestUser {
    pub(super) login: String,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
}

/// A pull request.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RestPullRequest {
    pub(super) number: u64,
    pub(super) state: String,
    pub(super) title: String,
    pub(super) body: Option<String>,
    pub(super) html_url: Option<String>,
    pub(super) user: Option<RestUser>,
    pub(super) draft: Option<bool>,
    pub(super) merged_at: Option<jiff::Timestamp>,
    pub(super) merged_by: Option<RestUser>,
    pub(super) created_at: jiff::Timestamp,
    pub(super) labels: Vec<RestLabel>,
    pub(super) head: RestPullRequestEnd,
    pub(super) base: RestPullRequestEnd,
    pub(super) commits: usize,
    pub(super) additions: u64,
    pub(super) deletions: u64,
    pub(super) changed_files: usize,
}

/// One end of a pull request.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RestPullRequestEnd {
    #[serde(rename = "ref")]
    pub(super) branch: String,
    pub(super) sha: Oid,
    /// Gone with the fork.
    pub(super) repo: Option<RestRepository>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct RestRepository {
    pub(super) full_name: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct RestLabel {
    pub(super) name: String,
}

/// A pull request in a list of those that brought a commit in, or of those that are open.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RestListedPullRequest {
    pub(super) number: u64,
    pub(super) merged_at: Option<jiff::Timestamp>,
    pub(super) merge_commit_sha: Option<Oid>,
    pub(super) base: RestListedEnd,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct RestListedEnd {
    #[serde(rename = "ref")]
    pub(super) branch: String,
}

/// A commit.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RestCommit {
    pub(super) sha: Oid,
    pub(super) commit: RestCommitBody,
    /// The account; `null` where GitHub knows none, and `{}` in some lists.
    pub(super) author: Option<RestOptionalUser>,
    pub(super) committer: Option<RestOptionalUser>,
    pub(super) parents: Vec<RestObjectId>,
}

/// An account, or an empty object.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RestOptionalUser {
    pub(super) login: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct RestCommitBody {
    pub(super) message: String,
    pub(super) author: Option<RestCommitSignature>,
    pub(super) committer: Option<RestCommitSignature>,
    pub(super) tree: RestObjectId,
    pub(super) verification: Option<RestVerification>,
}

/// A name, an address and a date, as a commit has them.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct RestCommitSignature {
    pub(super) name: Option<String>,
    pub(super) email: Option<String>,
    pub(super) date: Option<jiff::Timestamp>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct RestObjectId {
    pub(super) sha: Oid,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct RestVerification {
    pub(super) verified: Option<bool>,
    pub(super) reason: Option<String>,
    pub(super) signature: Option<String>,
    pub(super) payload: Option<String>,
}

/// What lies between two commits.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RestComparison {
    pub(super) status: String,
    pub(super) total_commits: usize,
    pub(super) commits: Vec<RestCommit>,
}

/// A file that a pull request changes.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RestChangedFile {
    pub(super) filename: String,
    pub(super) previous_filename: Option<String>,
    pub(super) status: String,
    pub(super) sha: Option<Oid>,
}

/// A review.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RestReview {
    pub(super) id: u64,
    pub(super) node_id: Option<String>,
    pub(super) user: Option<RestUser>,
    pub(super) state: String,
    pub(super) commit_id: Option<Oid>,
    pub(super) submitted_at: Option<jiff::Timestamp>,
    pub(super) html_url: Option<String>,
}

/// Check runs.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RestCheckRunPage {
    pub(super) total_count: usize,
    pub(super) check_runs: Vec<RestCheckRun>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct RestCheckRun {
    pub(super) name: String,
    pub(super) head_sha: Oid,
    pub(super) status: String,
    pub(super) conclusion: Option<String>,
    pub(super) html_url: Option<String>,
    pub(super) app: Option<RestApp>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct RestApp {
    pub(super) slug: Option<String>,
}

/// Something that happened to a branch.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RestActivity {
    pub(super) before: Option<Oid>,
    pub(super) after: Oid,
    pub(super) timestamp: Option<jiff::Timestamp>,
    pub(super) actor: Option<RestUser>,
}

/// What somebody may do in a repository.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RestPermission {
    pub(super) permission: String,
}

/// The content of a file.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RestBlob {
    pub(super) encoding: String,
    pub(super) content: String,
    pub(super) size: usize,
}

/// A ref.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RestGitRef {
    #[serde(rename = "ref")]
    pub(super) name: String,
    pub(super) object: RestObjectId,
}

/// A comment in the conversation of a pull request.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RestIssueComment {
    pub(super) id: u64,
    pub(super) body: Option<String>,
    pub(super) user: Option<RestUser>,
}
