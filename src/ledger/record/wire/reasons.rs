//! The wire form of what a verdict rests on: one JSON document for each change, in a file beside the record.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::change::{Oid, Text};
use crate::ledger::record::wire::decision::RecordedDecision;
use crate::ledger::record::wire::message::RecordedMessage;
use crate::ledger::record::wire::verdict::{GapCause, RecordedGap, RecordedLevel, RecordedPlace};

/// What the verdict on one change rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RecordedReasons {
    /// The final revision; `None` for a commit that did not exist yet.
    pub revision: Option<Oid>,
    /// How many commits the change has.
    pub commits: usize,
    /// The subject of its last commit.
    pub subject: Text,
    /// The name of its pull request, as in `acme/shop#12`.
    pub pull: Option<Text>,
    /// The class of the change; `None` if a missing fact left it open.
    pub class: Option<String>,
    /// Whether the change was allowed.
    pub decision: RecordedDecision,
    /// Each rule with its outcome in one word, in the order of the policy.
    pub rules: Vec<RecordedRuleResult>,
    /// Who made the change.
    pub contributors: Vec<RecordedAuthor>,
    /// Every statement of a field.
    pub fields: Vec<RecordedField>,
    /// Every approval and objection, whether it counted or not.
    pub approvals: Vec<RecordedApproval>,
    /// The tickets that the change names, as far as a ticket system was asked.
    pub tickets: Vec<RecordedTicketLookup>,
    /// The checks of the final revision, as far as a forge was asked.
    pub checks: Vec<RecordedCheck>,
    /// How many further entries the lists would have.
    pub left_out: usize,
    /// The facts that the policy asked about and that were not known.
    pub missing: Vec<RecordedGap>,
    /// The policies that judged, that of the ref first.
    pub policies: Vec<RecordedPolicyDigest>,
}

/// A rule, and what came out of it in one word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RecordedRuleResult {
    /// The id of the rule.
    pub rule: String,
    /// The word of its outcome.
    pub outcome: RecordedOutcomeWord,
    /// Whether the rule denies or warns.
    pub level: RecordedLevel,
}

/// The outcome of a rule in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordedOutcomeWord {
    /// The change met the rule.
    Pass,
    /// The change broke the rule.
    Fail,
    /// The change met the rule for the time being, against obligations.
    Owed,
    /// It could not be known.
    Undecided,
    /// A later stage was to check it.
    Deferred,
    /// An exemption allowed the change to break the rule.
    Exempted,
    /// The rule is about other changes.
    NotApplicable,
}

/// The digests of a policy and of its roster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RecordedPolicyDigest {
    /// The SHA-256 of everything that the policy was read from, in hexadecimal digits.
    pub digest: String,
    /// The SHA-256 of its roster, in hexadecimal digits; `None` if it has none.
    pub roster_digest: Option<String>,
}

/// Somebody who made the change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RecordedAuthor {
    /// Their role.
    pub role: RecordedMessage,
    /// Their name or account, as it was written.
    pub name: Text,
    /// Their address; an account has none.
    pub address: Option<Text>,
    /// What the address or account stands for.
    pub kind: RecordedIdentityKind,
    /// The key of the person, which is equal for all their addresses and accounts.
    pub person: Option<String>,
}

/// What an address or an account stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordedIdentityKind {
    /// A person.
    Person,
    /// A machine.
    Bot,
    /// Nobody that the policy knew.
    Unknown,
}

/// One statement of a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RecordedField {
    /// The field's name in the policy.
    pub field: String,
    /// The value, as it was written; at most 1,000 bytes of it.
    pub value: Text,
    /// The word that it stands for, in a field of words.
    pub word: Option<String>,
    /// True if the field accepts the value.
    pub valid: bool,
    /// The place where it stands.
    pub at: RecordedPlace,
}

/// An approval or an objection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RecordedApproval {
    /// What it was taken from.
    pub source: RecordedApprovalSource,
    /// Who vouches for it.
    pub trust: RecordedTrust,
    /// What it says.
    pub decision: RecordedApprovalDecision,
    /// The account, or the value of the trailer; `None` if the account was deleted.
    pub by: Option<Text>,
    /// The number of the account on the forge.
    pub account_number: Option<u64>,
    /// The key of the person; `None` if it was not known who they are.
    pub person: Option<String>,
    /// The teams of the policy that the person was in.
    pub teams: Vec<String>,
    /// When it was given, by the forge's clock; `None` for a trailer, whose time nobody vouches for.
    pub given_at: Option<Timestamp>,
    /// The revision that it is of.
    pub revision: Option<Oid>,
    /// How what landed relates to that revision, in one word; absent where that was not compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relation: Option<String>,
    /// The place of the trailer.
    pub at: RecordedPlace,
    /// The rules that asked for approvals, with what it was worth to each.
    pub uses: Vec<RecordedApprovalUse>,
}

/// What an approval was taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordedApprovalSource {
    /// A review.
    Review,
    /// A comment.
    Comment,
    /// A trailer of a commit.
    Trailer,
    /// The push itself.
    Push,
    /// A signature of the approver's own key.
    Signature,
}

/// Who vouches for an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordedTrust {
    /// Nobody but whoever wrote it.
    Claimed,
    /// A forge.
    Verified,
}

/// What an approver says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordedApprovalDecision {
    /// The change is approved.
    Approved,
    /// Changes are requested.
    ChangesRequested,
    /// The review was dismissed.
    Dismissed,
}

/// What an approval was worth to one rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RecordedApprovalUse {
    /// The id of the rule that asked.
    pub rule: String,
    /// True if it counted: an approval for the change, an objection against it.
    pub counts: bool,
    /// The key of the person for whom it counted; `None` if that was the approver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acts_for: Option<String>,
    /// Why it did not count.
    pub why_not: Option<RecordedMessage>,
}

/// A ticket that the change names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RecordedTicketLookup {
    /// The key that the change names.
    pub key: Text,
    /// What the system told of it.
    pub found: RecordedTicketAnswer,
}

/// The answer of a ticket system about one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordedTicketAnswer {
    /// It has this ticket.
    Ticket(Box<RecordedTicket>),
    /// It has no such ticket.
    None,
    /// It could not be asked.
    Unknown(GapCause),
}

/// What a ticket system told of a ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RecordedTicket {
    /// Its key in the system; if it was moved, another than the one asked for.
    pub key: Text,
    /// The first line of its text; at most 1,000 bytes of it.
    pub title: Text,
    /// Its type, as the system calls it.
    pub kind: Text,
    /// Its state, as the system calls it.
    pub state: Text,
    /// True if it was done; `None` if the source does not tell.
    pub closed: Option<bool>,
    /// When it was made, by the system's clock.
    pub created: Timestamp,
    /// The person to whom it was assigned.
    pub assignee: Option<Text>,
    /// Its page on the web.
    pub url: Text,
    /// The source of all this: the system's address, or a file's name and digest.
    pub source: Text,
}

/// A check of the final revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RecordedCheck {
    /// Its name.
    pub name: Text,
    /// The app or the account that reported it.
    pub by: Option<Text>,
    /// Its state.
    pub state: RecordedCheckState,
    /// How many tests it ran; `None` if it did not say.
    pub tests: Option<u64>,
    /// Its page on the web; empty if there is none.
    pub url: Text,
}

/// The state of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordedCheckState {
    /// It succeeded.
    Success,
    /// It neither succeeded nor failed.
    Neutral,
    /// It was skipped.
    Skipped,
    /// It was not finished.
    Pending,
    /// It ran again later, and what it said at the time is not known.
    Unknown,
    /// It failed; the text is the forge's word for it.
    Failed(Text),
}
