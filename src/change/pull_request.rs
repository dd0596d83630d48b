//! A pull request as a forge knows it: what is said about it, who had a hand in it, what others
//! think of it and what machines made of it.
//!
//! This is data that some forge vouches for; which of it counts is the predicates' business. Every
//! part that takes a question of its own to the forge is a [`Fact`], so that an answer that did not
//! come can never be taken for an empty one.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::change::description::statement::DescriptionStatement;
use crate::change::fact::Fact;
use crate::change::oid::Oid;
use crate::change::path_change::{LineCount, PathChange};
use crate::change::text::Text;

/// A pull request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PullRequest {
    /// What it is called, as in `acme/shop#12`.
    pub name: Text,
    /// Where people look at it; empty if nowhere.
    pub url: Text,
    /// Its title.
    pub title: Text,
    /// What its description states, in the order of its lines.
    pub statements: Vec<DescriptionStatement>,
    /// Who opened it; `None` if that account is gone.
    pub opener: Option<ForgeAccount>,
    /// True while its author does not hold it for finished.
    pub is_draft: bool,
    /// The full name of the branch that it comes from, in whichever repository.
    pub source: Text,
    /// Where the target stood when this was read.
    pub base: Oid,
    /// The final revision.
    pub head: PullRevision,
    /// The paths that the whole of it changes.
    pub paths: Fact<Vec<PathChange>>,
    /// The lines that the whole of it changes.
    pub lines: Fact<LineCount>,
    /// When the final revision was pushed, by the forge's clock; `None` if the forge does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pushed_at: Option<Timestamp>,
    /// Everybody else who had a hand in it.
    pub contributors: Fact<Vec<PullContributor>>,
    /// Its labels.
    pub labels: Fact<Vec<PullLabel>>,
    /// Reviews, oldest first.
    pub reviews: Fact<Vec<PullReview>>,
    /// Comments, oldest first.
    pub comments: Fact<Vec<PullComment>>,
    /// What it said before: its description after each edit, oldest first, the first one as opened.
    /// Empty if it was never edited.
    pub edits: Fact<Vec<DescriptionEdit>>,
    /// When it was last pointed at another branch.
    pub retargeted_at: Fact<Option<Timestamp>>,
    /// What was found about exactly the revision that is judged.
    pub checks: Fact<Vec<CheckResult>>,
    /// The conversations about its lines.
    pub conversations: Fact<Vec<ReviewConversation>>,
}

/// A revision, with what shows that another one is the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PullRevision {
    /// The commit.
    pub id: Oid,
    /// Its tree.
    pub tree: Option<Oid>,
    /// Its parents; together with the tree they say that everything but the message is equal.
    pub parents: Vec<Oid>,
    /// Its message.
    pub message: Text,
}

/// An account of a forge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ForgeAccount {
    /// The forge and the login, as policies write them: `github:ana`, `github:renovate[bot]`.
    pub id: Text,
    /// True if and only if the forge says that a person is behind it.
    pub is_person: bool,
}

/// Somebody who had a hand in a pull request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PullContributor {
    /// In what way.
    pub role: ContributorRole,
    /// The account; `None` if the forge knows none.
    pub account: Option<ForgeAccount>,
    /// The address under which the work was recorded; `None` for what is done on the forge itself.
    pub email: Option<Text>,
    /// The name, for showing.
    pub name: Text,
}

/// In what way somebody had a hand in a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContributorRole {
    /// Wrote a commit.
    Author,
    /// Recorded a commit.
    Committer,
    /// Wrote a commit with somebody else.
    CoAuthor,
    /// Pushed to its branch.
    Pusher,
}

/// A review.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PullReview {
    /// By whom; `None` if that account is gone.
    pub by: Option<ForgeAccount>,
    /// What came out.
    pub state: ReviewState,
    /// The revision that was looked at; `None` if the forge has lost it.
    pub revision: Option<PullRevision>,
    /// When it was handed in, by the forge's clock; `None` while it is not.
    pub at: Option<Timestamp>,
    /// Whether this account may write to the repository now.
    pub may_approve: Fact<bool>,
    /// Where people look at it; empty if nowhere.
    pub url: Text,
}

/// What came out of a review.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReviewState {
    /// Go on.
    Approved,
    /// Not like this.
    ChangesRequested,
    /// Neither.
    Commented,
    /// It was one of the others until somebody took it away.
    Dismissed,
    /// It is not handed in.
    Pending,
    /// Something that this version does not know; never an approval.
    Other(String),
}

/// A comment in the conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PullComment {
    /// By whom; `None` if that account is gone.
    pub by: Option<ForgeAccount>,
    /// When, by the forge's clock.
    pub at: Timestamp,
    /// What it says.
    pub text: Text,
    /// True if it was changed after it was made.
    pub is_edited: bool,
    /// Whether this account may write to the repository now.
    pub may_approve: Fact<bool>,
}

/// A description as it once was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DescriptionEdit {
    /// From when on, by the forge's clock.
    pub at: Timestamp,
    /// What it stated; `None` if the forge does not say.
    pub statements: Option<Vec<DescriptionStatement>>,
}

/// A label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PullLabel {
    /// What it says.
    pub name: Text,
    /// Who put it there last; `None` if that account is gone.
    pub by: Fact<Option<ForgeAccount>>,
    /// When that was, by the forge's clock; `None` if the forge does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// What a machine made of a revision: a check run or a commit status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CheckResult {
    /// What it is called.
    pub name: Text,
    /// The app, or the account, that reports it; `None` if the forge does not say.
    pub by: Option<Text>,
    /// How it stands.
    pub state: CheckState,
    /// How many tests it ran, where it says so.
    pub tests: Option<u64>,
    /// Where people look at it; empty if nowhere.
    pub url: Text,
}

/// How a check stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckState {
    /// It succeeded.
    Success,
    /// It says neither yes nor no.
    Neutral,
    /// It was not run.
    Skipped,
    /// It is not finished.
    Pending,
    /// It failed, in the forge's word for it.
    Failed(String),
}

/// A conversation about a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ReviewConversation {
    /// True if somebody has marked it as resolved.
    pub is_resolved: bool,
    /// Who began it; `None` if that account is gone.
    pub by: Option<ForgeAccount>,
    /// The path that it is about.
    pub path: Text,
    /// Where people look at it; empty if nowhere.
    pub url: Text,
}

impl ContributorRole {
    /// Returns the role in words that complete "who is ... of this change".
    pub fn describe(self) -> &'static str {
        match self {
            ContributorRole::Author => "the author",
            ContributorRole::Committer => "the committer",
            ContributorRole::CoAuthor => "a co-author",
            ContributorRole::Pusher => "the pusher",
        }
    }
}
