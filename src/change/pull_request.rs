//! A pull request as a forge knows it: its description, its contributors, its reviews and its checks.
//!
//! This is data that a forge vouches for; the predicates say which of it counts. Every
//! part that takes a question of its own to the forge is a [`Fact`], so that an answer that did not
//! come can never be taken for an empty one.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::change::description::statement::{DescriptionStatement, UnreadReason, UnreadStatement};
use crate::change::fact::Fact;
use crate::change::oid::Oid;
use crate::change::path_change::{LineCount, PathChange};
use crate::change::person::Person;
use crate::change::text::Text;

/// A pull request, as a forge tells of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PullRequest {
    /// Its name, as in `acme/shop#12`.
    pub name: Text,
    /// Its page on the web; empty if there is none.
    pub url: Text,
    /// The title, without the description.
    pub title: Text,
    /// What its description states, in the order of its lines.
    pub statements: Vec<DescriptionStatement>,
    /// What in its description looks like a statement and is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<UnreadStatement>,
    /// The templates of the base branch whose text was left out of the description, by path. None were
    /// looked for where it states nothing.
    #[serde(default = "no_templates", skip_serializing_if = "is_without_templates")]
    pub templates: Fact<Vec<Text>>,
    /// The account that opened it; `None` if it was deleted.
    pub opener: Option<ForgeAccount>,
    /// True while it is a draft.
    pub is_draft: bool,
    /// The full name of the branch that it comes from, in whichever repository.
    pub source: Text,
    /// Where the target stood when this was read.
    pub base: Oid,
    /// The final revision of its branch.
    pub head: PullRevision,
    /// The final revision, if it is a merge of the base that is proved to bring nothing of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_merge: Option<Oid>,
    /// The revisions for which the forge gave no comparison when it was asked whether they are equal to the final
    /// one; the final one itself, if it may be a merge of the base that brings nothing of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uncompared: Vec<Oid>,
    /// The paths that the whole of it changes.
    pub paths: Fact<Vec<PathChange>>,
    /// The lines that the whole of it changes.
    pub lines: Fact<LineCount>,
    /// When the final revision was pushed, by the forge's clock; `None` if the forge does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pushed_at: Option<Timestamp>,
    /// The contributors beside the opener.
    pub contributors: Fact<Vec<PullContributor>>,
    /// The labels that it has.
    pub labels: Fact<Vec<PullLabel>>,
    /// The reviews, oldest first.
    pub reviews: Fact<Vec<PullReview>>,
    /// The comments, oldest first.
    pub comments: Fact<Vec<PullComment>>,
    /// Its description after each edit, oldest first, beginning with the one it was opened with.
    /// Empty if it was never edited.
    pub edits: Fact<Vec<DescriptionEdit>>,
    /// When its target branch was last changed, replaced by a forced push, or deleted.
    pub retargeted_at: Fact<Option<Timestamp>>,
    /// The checks of exactly the revision that is judged.
    pub checks: Fact<Vec<CheckResult>>,
    /// The conversations about its lines.
    pub conversations: Fact<Vec<ReviewConversation>>,
}

fn no_templates() -> Fact<Vec<Text>> {
    Ok(Vec::new())
}

fn is_without_templates(templates: &Fact<Vec<Text>>) -> bool {
    templates.as_ref().is_ok_and(Vec::is_empty)
}

/// A revision, with what proves another one equal to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PullRevision {
    /// The id of the commit.
    pub id: Oid,
    /// Its tree; `None` if the forge does not say.
    pub tree: Option<Oid>,
    /// Its parents; together with the tree, the author and the committer they say that everything but the
    /// message is equal.
    pub parents: Vec<Oid>,
    /// The message of the commit.
    pub message: Text,
    /// The author, as the commit names them; `None` if the forge does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<Person>,
    /// The committer, as the commit names them; `None` if the forge does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committer: Option<Person>,
    /// The messages of the commits that led to it, if it is proved that the final revision has the same tree
    /// on the same commit of the base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_messages: Option<Vec<Text>>,
}

/// An account on a forge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ForgeAccount {
    /// The forge and the login, as policies write them: `github:ana`, `github:renovate[bot]`.
    pub id: Text,
    /// True if and only if the forge says that it belongs to a person.
    pub is_person: bool,
    /// The number of the account on the forge, which stays when its login goes to another account; `None` if
    /// the forge does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
}

impl ForgeAccount {
    /// Returns whether both are one account: by their numbers where both have one, and else by their logins.
    pub(crate) fn is_same_account(&self, other: &ForgeAccount) -> bool {
        match (self.number, other.number) {
            (Some(mine), Some(theirs)) => mine == theirs && self.forge() == other.forge(),
            _ => self.id.as_bytes().eq_ignore_ascii_case(other.id.as_bytes()),
        }
    }

    /// Returns what stands before the colon of its name.
    pub(crate) fn forge(&self) -> &[u8] {
        self.id.as_bytes().split(|byte| *byte == b':').next().unwrap_or_default()
    }
}

/// A contributor to a pull request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PullContributor {
    /// The role of the contributor.
    pub role: ContributorRole,
    /// The account; `None` if the forge knows none.
    pub account: Option<ForgeAccount>,
    /// The address under which the work was recorded; `None` for what is done on the forge itself.
    pub email: Option<Text>,
    /// The name, for reports only.
    pub name: Text,
}

/// The role of a contributor to a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContributorRole {
    /// The author of a commit.
    Author,
    /// The committer of a commit.
    Committer,
    /// A co-author of a commit.
    CoAuthor,
    /// A person who pushed to its branch.
    Pusher,
}

/// A review of a pull request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PullReview {
    /// The reviewer; `None` if the account was deleted.
    pub by: Option<ForgeAccount>,
    /// The result of the review.
    pub state: ReviewState,
    /// The revision that was reviewed; `None` if the forge has lost it.
    pub revision: Option<PullRevision>,
    /// When it was submitted, by the forge's clock; `None` before that.
    pub at: Option<Timestamp>,
    /// True if this account can write to the repository now.
    pub may_approve: Fact<bool>,
    /// Who dismissed it, and what it said before; `None` if it was not dismissed, or if the forge does not
    /// say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dismissal: Option<ReviewDismissal>,
    /// Its page on the web; empty if there is none.
    pub url: Text,
}

/// The dismissal of a review.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ReviewDismissal {
    /// The account that dismissed it; `None` if it was deleted.
    pub by: Option<ForgeAccount>,
    /// What the review said until then.
    pub dismissed_state: ReviewState,
    /// When it was dismissed, by the forge's clock.
    pub at: Timestamp,
}

/// The result of a review.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReviewState {
    /// The reviewer approves this revision.
    Approved,
    /// The reviewer asks for changes.
    ChangesRequested,
    /// The reviewer only comments.
    Commented,
    /// The review was one of the others, and was dismissed.
    Dismissed,
    /// The review is not submitted.
    Pending,
    /// A result that this version does not know; never an approval.
    Other(String),
}

/// A comment in the conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PullComment {
    /// The author; `None` if the account was deleted.
    pub by: Option<ForgeAccount>,
    /// When it was made, by the forge's clock.
    pub at: Timestamp,
    /// The text of the comment.
    pub text: Text,
    /// True if it was changed after it was made.
    pub is_edited: bool,
    /// True if this account can write to the repository now.
    pub may_approve: Fact<bool>,
}

/// An earlier description of a pull request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DescriptionEdit {
    /// From when on, by the forge's clock.
    pub at: Timestamp,
    /// What it stated; `None` if the forge does not say.
    pub statements: Option<Vec<DescriptionStatement>>,
}

/// A label of a pull request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PullLabel {
    /// The name of the label.
    pub name: Text,
    /// The account that last added it; `None` if it was deleted.
    pub by: Fact<Option<ForgeAccount>>,
    /// When that was, by the forge's clock; `None` if the forge does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// The result of an automatic check of a revision: a check run or a commit status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CheckResult {
    /// The name of the check.
    pub name: Text,
    /// The app, or the account, that reports it; `None` if the forge does not say.
    pub by: Option<Text>,
    /// The state of the check.
    pub state: CheckState,
    /// How many tests it ran; `None` if it does not say.
    pub tests: Option<u64>,
    /// Its page on the web; empty if there is none.
    pub url: Text,
    /// True if the gate itself writes it: it says what the gate says, and so counts for nothing that the gate asks.
    #[serde(default, skip_serializing_if = "is_of_others")]
    pub is_of_gate: bool,
}

fn is_of_others(is_of_gate: &bool) -> bool {
    !is_of_gate
}

/// The state of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckState {
    /// The check ran and succeeded.
    Success,
    /// The check neither succeeded nor failed.
    Neutral,
    /// The check was skipped.
    Skipped,
    /// The check is not finished.
    Pending,
    /// The check ran again after the time that is judged, and the forge does not tell what it said before; or its times
    /// cannot be right.
    Unknown,
    /// The check failed; the text is the forge's word for it.
    Failed(String),
}

/// A review conversation about a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ReviewConversation {
    /// True if it is marked as resolved.
    pub is_resolved: bool,
    /// The account that began it; `None` if it was deleted.
    pub by: Option<ForgeAccount>,
    /// The path that it is about.
    pub path: Text,
    /// Its page on the web; empty if there is none.
    pub url: Text,
}

impl PullRequest {
    /// Makes the description state nothing, for a change that is only a part of the pull request.
    pub(crate) fn drop_statements(&mut self) {
        for stated in std::mem::take(&mut self.statements) {
            let written = stated.value.to_lossy();
            let reason = UnreadReason::OfWholePull;
            self.unread.push(UnreadStatement::new(&stated.label, &written, stated.line, reason));
        }
        // What it stated earlier counts as little.
        if let Ok(edits) = &mut self.edits {
            edits.clear();
        }
    }
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
