//! What GitHub's REST answers hold, as far as anything is made of it.
//!
//! These are our own shapes and not the library's: strict about what a verdict rests on, and blind to
//! everything else, so that neither a new field nor an odd one elsewhere costs a verdict.

use serde::Deserialize;

use crate::change::Oid;

/// An account.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct User {
    pub(super) login: String,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
}

/// A pull request.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Pull {
    pub(super) number: u64,
    pub(super) state: String,
    pub(super) title: String,
    pub(super) body: Option<String>,
    pub(super) html_url: Option<String>,
    pub(super) user: Option<User>,
    pub(super) draft: Option<bool>,
    pub(super) merged_at: Option<jiff::Timestamp>,
    pub(super) merged_by: Option<User>,
    pub(super) created_at: jiff::Timestamp,
    pub(super) labels: Vec<Label>,
    pub(super) head: PullEnd,
    pub(super) base: PullEnd,
    pub(super) commits: usize,
    pub(super) additions: u64,
    pub(super) deletions: u64,
    pub(super) changed_files: usize,
}

/// One end of a pull request.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct PullEnd {
    #[serde(rename = "ref")]
    pub(super) branch: String,
    pub(super) sha: Oid,
    /// Gone with the fork.
    pub(super) repo: Option<Repo>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Repo {
    pub(super) full_name: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Label {
    pub(super) name: String,
}

/// A pull request in a list of those that brought a commit in, or of those that are open.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ListedPull {
    pub(super) number: u64,
    pub(super) merged_at: Option<jiff::Timestamp>,
    pub(super) merge_commit_sha: Option<Oid>,
    pub(super) base: ListedEnd,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct ListedEnd {
    #[serde(rename = "ref")]
    pub(super) branch: String,
}

/// A commit.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Commit {
    pub(super) sha: Oid,
    pub(super) commit: CommitBody,
    /// The account; `null` where GitHub knows none, and `{}` in some lists.
    pub(super) author: Option<MaybeUser>,
    pub(super) committer: Option<MaybeUser>,
    pub(super) parents: Vec<Parent>,
}

/// An account, or an empty object.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct MaybeUser {
    pub(super) login: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct CommitBody {
    pub(super) message: String,
    pub(super) author: Option<Signature>,
    pub(super) committer: Option<Signature>,
    pub(super) tree: Parent,
    pub(super) verification: Option<Verification>,
}

/// A name, an address and a date, as a commit has them.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Signature {
    pub(super) name: Option<String>,
    pub(super) email: Option<String>,
    pub(super) date: Option<jiff::Timestamp>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Parent {
    pub(super) sha: Oid,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Verification {
    pub(super) verified: Option<bool>,
    pub(super) reason: Option<String>,
    pub(super) signature: Option<String>,
    pub(super) payload: Option<String>,
}

/// What lies between two commits.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Compared {
    pub(super) status: String,
    pub(super) total_commits: usize,
    pub(super) commits: Vec<Commit>,
}

/// A file that a pull request changes.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ChangedFile {
    pub(super) filename: String,
    pub(super) previous_filename: Option<String>,
    pub(super) status: String,
    pub(super) sha: Option<Oid>,
}

/// A review.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Review {
    pub(super) id: u64,
    pub(super) node_id: Option<String>,
    pub(super) user: Option<User>,
    pub(super) state: String,
    pub(super) commit_id: Option<Oid>,
    pub(super) submitted_at: Option<jiff::Timestamp>,
    pub(super) html_url: Option<String>,
}

/// Check runs.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct CheckRuns {
    pub(super) total_count: usize,
    pub(super) check_runs: Vec<CheckRun>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct CheckRun {
    pub(super) name: String,
    pub(super) head_sha: Oid,
    pub(super) status: String,
    pub(super) conclusion: Option<String>,
    pub(super) html_url: Option<String>,
    pub(super) app: Option<App>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct App {
    pub(super) slug: Option<String>,
}

/// Something that happened to a branch.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Activity {
    pub(super) before: Option<Oid>,
    pub(super) after: Oid,
    pub(super) timestamp: Option<jiff::Timestamp>,
    pub(super) actor: Option<User>,
}

/// What somebody may do in a repository.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Permission {
    pub(super) permission: String,
}

/// The content of a file.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Blob {
    pub(super) encoding: String,
    pub(super) content: String,
    pub(super) size: usize,
}

/// A ref.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct GitRef {
    #[serde(rename = "ref")]
    pub(super) name: String,
    pub(super) object: Parent,
}

/// A comment in the conversation of a pull request.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct IssueComment {
    pub(super) id: u64,
    pub(super) body: Option<String>,
    pub(super) user: Option<User>,
}
