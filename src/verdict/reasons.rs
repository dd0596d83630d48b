//! What a verdict rests on, as values: who counted as an approver and who did not, what the fields, the
//! tickets and the checks said, and who made the change.
//!
//! An auditor asks who approved, and an answer that is not kept when the change is judged is never had
//! again. None of this is needed to judge, so it is collected only where it is recorded or written out.

use jiff::Timestamp;

use crate::change::pull_request::{CheckState, ReviewState};
use crate::change::{Missing, Oid, Text};
use crate::verdict::decision::Decision;
use crate::verdict::ids::RuleId;
use crate::verdict::location::ChangeLocation;
use crate::verdict::message::Message;

/// How many entries each list of reasons holds; a message can name thousands of people.
pub(crate) const MAX_REASONS_OF_A_KIND: usize = 200;

/// How many bytes of a text the reasons hold; the change itself has the rest.
pub(crate) const MAX_REASON_TEXT_BYTES: usize = 1_000;

/// What the verdict on one change rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct VerdictReasons {
    /// The final revision; `None` for a commit that does not exist yet.
    pub revision: Option<Oid>,
    /// How many commits the change has.
    pub commits: usize,
    /// The subject of its last commit.
    pub subject: Text,
    /// The name of its pull request, as in `acme/shop#12`; `None` if it has none, or none is known.
    pub pull: Option<Text>,
    /// The class of the change; `None` if a missing fact leaves it open.
    pub class: Option<String>,
    /// Whether the change is allowed.
    pub decision: Decision,
    /// Each rule with its outcome in one word, in the order of the policy.
    pub rules: Vec<RuleResult>,
    /// Who made the change, and so cannot approve it.
    pub contributors: Vec<ConsideredContributor>,
    /// Every statement of a field, in the order of the policy's fields.
    pub fields: Vec<ConsideredField>,
    /// Every approval and objection, whether it counts or not.
    pub approvals: Vec<ConsideredApproval>,
    /// The tickets that the change names, as far as a ticket system was asked.
    pub tickets: Vec<ConsideredTicket>,
    /// The checks of the final revision, as far as a forge was asked.
    pub checks: Vec<ConsideredCheck>,
    /// How many further contributors, statements, approvals, tickets and checks there are; each list is
    /// bounded.
    pub left_out: usize,
    /// The facts that the policy asks about and that are not known.
    pub missing: Vec<Missing>,
    /// The digests of the policies that judged, and of their rosters.
    pub policies: Vec<JudgingPolicy>,
}

/// A rule, and what came out of it in one word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleResult {
    /// The id of the rule.
    pub rule: RuleId,
    /// The word of its outcome.
    pub outcome: OutcomeWord,
    /// True if a change that breaks it is denied; false if that is only reported.
    pub is_denying: bool,
}

/// The outcome of a rule in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OutcomeWord {
    /// The change meets the rule.
    Pass,
    /// The change breaks the rule.
    Fail,
    /// The change meets the rule for now, against obligations.
    Owed,
    /// It cannot be known.
    Undecided,
    /// A later stage checks it.
    Deferred,
    /// An exemption allows the change to break the rule.
    Exempted,
    /// The rule is about other changes.
    NotApplicable,
}

/// A policy that judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JudgingPolicy {
    /// The SHA-256 of everything that it was read from, in hexadecimal digits.
    pub digest: String,
    /// The SHA-256 of its roster, in hexadecimal digits; `None` if it has none.
    pub roster_digest: Option<String>,
}

/// Somebody who made the change.
#[derive(Clone, Debug, PartialEq)]
pub struct ConsideredContributor {
    /// Their role, as a message such as "the author".
    pub role: Message,
    /// Their name or account, as it was written.
    pub name: Text,
    /// Their address; an account has none.
    pub address: Option<Text>,
    /// What the address or account stands for.
    pub kind: IdentityKind,
    /// The key of the person, which is equal for all their addresses and accounts; `None` for a bot and for
    /// somebody who cannot be identified.
    pub person: Option<String>,
}

/// What an address or an account stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityKind {
    /// A person.
    Person,
    /// A machine.
    Bot,
    /// Nobody that the policy knows.
    Unknown,
}

/// One statement of a field.
#[derive(Clone, Debug, PartialEq)]
pub struct ConsideredField {
    /// The field's name in the policy.
    pub field: String,
    /// The value, as it was written; at most 1,000 bytes of it.
    pub value: Text,
    /// The word that it stands for, in a field of words.
    pub word: Option<String>,
    /// True if the value is one that the field accepts.
    pub is_valid: bool,
    /// The place where it stands.
    pub at: ChangeLocation,
}

/// An approval or an objection.
#[derive(Clone, Debug, PartialEq)]
pub struct ConsideredApproval {
    /// What it was taken from, which also says who vouches for it.
    pub source: ApprovalSource,
    /// What it says.
    pub decision: ApprovalDecision,
    /// The account, or the value of the trailer; `None` if the account was deleted.
    pub by: Option<Text>,
    /// The number of the account on the forge; `None` if the forge does not say.
    pub account_number: Option<u64>,
    /// The key of the person; `None` if it is not known who they are.
    pub person: Option<String>,
    /// The teams of the policy that the person is in.
    pub teams: Vec<String>,
    /// When it was given, by the clock of the forge or the server; `None` for a trailer, whose time nobody vouches for.
    pub at: Option<Timestamp>,
    /// The revision that it is of: the reviewed one, or the commit whose trailer it is.
    pub revision: Option<Oid>,
    /// How what lands relates to that revision, in one word; `None` where that was not compared.
    pub relation: Option<&'static str>,
    /// The place of the trailer.
    pub place: ChangeLocation,
    /// The rules that asked for approvals, with what it was worth to each.
    pub uses: Vec<ApprovalUse>,
}

/// What an approval was taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ApprovalSource {
    /// A review that a forge vouches for.
    Review,
    /// A comment that a forge vouches for.
    Comment,
    /// A trailer of a commit, which anyone can type.
    Trailer,
    /// The push itself, by an account that the server knows.
    Push,
    /// A signature of the approver's own key, on what was approved.
    Signature,
}

/// What an approver says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ApprovalDecision {
    /// The change is approved.
    Approved,
    /// Changes are requested.
    ChangesRequested,
    /// The review was dismissed.
    Dismissed,
}

/// What an approval was worth to one rule.
#[derive(Clone, Debug, PartialEq)]
pub struct ApprovalUse {
    /// The rule that asked.
    pub rule: RuleId,
    /// True if it counts: an approval for the change, an objection against it.
    pub counts: bool,
    /// The key of the person for whom it counts; `None` if that is the approver, or it does not count.
    pub acts_for: Option<String>,
    /// Why it does not count; `None` if it does, and for an objection that was withdrawn.
    pub why_not: Option<Message>,
}

/// A ticket that the change names.
#[derive(Clone, Debug, PartialEq)]
pub struct ConsideredTicket {
    /// The key that the change names.
    pub key: Text,
    /// What the system tells of it; `None` if it has no such ticket.
    pub found: Result<Option<TicketFacts>, Missing>,
}

/// What a ticket system tells of a ticket.
#[derive(Clone, Debug, PartialEq)]
pub struct TicketFacts {
    /// Its key in the system; if it was moved, another than the one asked for.
    pub key: Text,
    /// The first line of its text; at most 1,000 bytes of it.
    pub title: Text,
    /// Its type, as the system calls it.
    pub kind: Text,
    /// Its state, as the system calls it.
    pub state: Text,
    /// True if it is done; `None` if the source does not tell.
    pub is_closed: Option<bool>,
    /// When it was made, by the system's clock.
    pub created: Timestamp,
    /// The person to whom it is assigned.
    pub assignee: Option<Text>,
    /// Its page on the web.
    pub url: Text,
    /// The source of all this: the system's address, or a file's name and digest.
    pub source: Text,
}

/// A check of the final revision.
#[derive(Clone, Debug, PartialEq)]
pub struct ConsideredCheck {
    /// Its name.
    pub name: Text,
    /// The app or the account that reports it; `None` if the forge does not say.
    pub by: Option<Text>,
    /// Its state.
    pub state: CheckState,
    /// How many tests it ran; `None` if it does not say.
    pub tests: Option<u64>,
    /// Its page on the web; empty if there is none.
    pub url: Text,
}

impl ApprovalDecision {
    /// Returns what a review decides; `None` if it decides nothing.
    pub(crate) fn from_review(state: &ReviewState) -> Option<ApprovalDecision> {
        match state {
            ReviewState::Approved => Some(ApprovalDecision::Approved),
            ReviewState::ChangesRequested => Some(ApprovalDecision::ChangesRequested),
            ReviewState::Dismissed => Some(ApprovalDecision::Dismissed),
            ReviewState::Commented | ReviewState::Pending | ReviewState::Other(_) => None,
        }
    }
}

impl ApprovalSource {
    /// Returns true if somebody other than the author vouches for it.
    pub fn is_verified(self) -> bool {
        self != ApprovalSource::Trailer
    }
}

impl VerdictReasons {
    /// Returns about how many bytes these reasons take in memory.
    pub(crate) fn estimate_bytes(&self) -> usize {
        /// What an entry takes beside its texts.
        const ENTRY: usize = 256;
        let approvals: usize = self.approvals.iter().map(|one| one.uses.len() + one.teams.len() + 1).sum();
        let texts: usize = self.fields.iter().map(|one| one.value.as_bytes().len()).sum();
        let entries = self.rules.len() / 4
            + self.contributors.len()
            + self.fields.len()
            + approvals
            + self.checks.len();
        texts + (entries + 8 * self.tickets.len() + 2) * ENTRY
    }
}
