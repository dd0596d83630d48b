//! What comes out of judging: findings, obligations, judgements, the verdict.
//!
//! All of it is data, complete before a byte is printed. Text that contributors wrote stays apart
//! from our own words ([`SentencePart`]), so that every report can escape the one and not the other.

mod fixer;
mod message;
mod sentence;
mod wording;

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use crate::change::{Missing, Oid, Stage, Text};

pub use fixer::Fixer;
pub(crate) use message::messages;
pub use message::{Message, MessageTemplate, MessageValue};
pub use sentence::{Sentence, SentencePart};
pub use wording::reword_messages;

/// Where something was said, or should have been.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeLocation {
    /// The commit; `None` for the change as a whole, or one that is not recorded yet.
    pub commit: Option<Oid>,
    /// The line of its message, or of the description, counted from 1.
    pub line: Option<usize>,
    /// True if it is the description of the pull request, and not a commit's message.
    pub in_description: bool,
    /// The path that it is about.
    pub path: Option<Text>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong, as a code and values.
    pub message: Message,
    /// Where it is wrong.
    pub at: ChangeLocation,
    /// Who can fix it, any of them; never empty.
    pub fixers: Vec<Fixer>,
    /// The text to paste, one trailer to a line, if there is one.
    pub paste: Option<String>,
}

impl Finding {
    /// Returns a finding about the change as a whole, which the author can fix.
    pub fn new(message: impl Into<Message>) -> Self {
        let at = ChangeLocation::default();
        Finding { message: message.into(), at, fixers: vec![Fixer::Author], paste: None }
    }

    /// Says where: in this commit.
    #[must_use]
    pub fn in_commit(mut self, commit: Option<Oid>) -> Self {
        self.at.commit = commit;
        self
    }

    /// Says where: on this line of the message.
    #[must_use]
    pub fn on_message_line(mut self, line: usize) -> Self {
        self.at.line = Some(line);
        self
    }

    /// Says where: on this line of the pull request's description.
    #[must_use]
    pub fn on_description_line(mut self, line: usize) -> Self {
        self.at = ChangeLocation { line: Some(line), in_description: true, ..self.at };
        self
    }

    /// Says where: at this path.
    #[must_use]
    pub fn at_path(mut self, path: &Text) -> Self {
        self.at.path = Some(path.clone());
        self
    }

    /// Says who can fix it, instead of the author.
    #[must_use]
    pub fn fixed_by(mut self, fixer: impl Into<Fixer>) -> Self {
        self.fixers = vec![fixer.into()];
        self
    }

    /// Says who else can fix it.
    #[must_use]
    pub fn or_by(mut self, fixer: impl Into<Fixer>) -> Self {
        self.fixers.push(fixer.into());
        self
    }

    /// Returns who can fix it, in words: `the author or the pusher`.
    pub fn describe_fixers(&self) -> String {
        let fixers: Vec<String> = self.fixers.iter().map(Fixer::to_string).collect();
        fixers.join(" or ")
    }

    /// Gives the text to paste.
    #[must_use]
    pub fn with_paste(mut self, text: impl Into<String>) -> Self {
        self.paste = Some(text.into());
        self
    }
}

/// A field that is stated more than once, in words that differ; it denies nothing by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldDisagreement {
    /// The field.
    pub field: String,
    /// Each word with the first place where it is stated, in the order of the commits.
    pub stated: Vec<StatedValue>,
    /// The word that counts.
    pub counts: String,
}

/// What is stated in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatedValue {
    /// What, as written there.
    pub value: Text,
    /// Where.
    pub at: ChangeLocation,
}

/// Something that need not be there yet, and will be missed when its time is up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obligation {
    /// What is owed, as a code and values.
    pub what: Message,
    /// Who owes it.
    pub owner: Fixer,
    /// The last instant that is in time; `None` if the policy's limit is beyond all calendars.
    pub due: Option<Timestamp>,
    /// The evidence that closes it: a trailer to add, or what a ticket system has to say.
    pub evidence: Message,
    /// The field whose statement closes it, by its name in the policy.
    pub field: Option<String>,
    /// True if nobody who made the change can close it.
    pub by_others: bool,
}

/// The answer to a question about a change: it holds, it does not, or nobody can know.
#[derive(Clone, Debug, PartialEq)]
pub enum PredicateAnswer {
    /// It holds, perhaps against obligations.
    Holds(Vec<Obligation>),
    /// It does not, for these reasons; never empty.
    Fails(Vec<Finding>),
    /// It cannot be known, because these facts are missing; never empty.
    Unknown(Vec<Missing>),
}

impl PredicateAnswer {
    /// Returns the answer that holds if and only if there is no finding.
    pub fn from_findings(findings: Vec<Finding>) -> Self {
        if findings.is_empty() {
            PredicateAnswer::Holds(Vec::new())
        } else {
            PredicateAnswer::Fails(findings)
        }
    }
}

/// How hard a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleLevel {
    /// It refuses the change.
    Deny,
    /// It is reported and refuses nothing.
    Warn,
}

/// How one rule went.
#[derive(Clone, Debug, PartialEq)]
pub enum RuleOutcome {
    /// The rule is kept.
    Pass,
    /// The rule is broken.
    Fail(Vec<Finding>),
    /// The rule is kept for now, against these obligations.
    Owed(Vec<Obligation>),
    /// It cannot be told whether the rule is kept; this refuses where the gate enforces.
    Undecided(Vec<Missing>),
    /// A later stage will tell.
    Deferred(Vec<Missing>),
    /// The rule is broken, and an exemption of the policy lets it be.
    Exempted {
        /// Why the policy allows it.
        reason: String,
        /// Who allowed it.
        approved_by: String,
        /// The last day of the exemption.
        until: String,
        /// The file and line of the policy on which it stands.
        place: String,
    },
    /// The rule is about other changes.
    NotApplicable,
}

/// What a rule is called, and what for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleDescription {
    /// The rule's id.
    pub id: String,
    /// What the rule asks, as a sentence.
    pub title: String,
    /// The controls that the rule supports, such as `iso27001:A.8.32`.
    pub controls: Vec<String>,
}

/// One rule's outcome.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// The rule, shared by all its judgements.
    pub rule: Arc<RuleDescription>,
    /// How hard it is.
    pub level: RuleLevel,
    /// How it went.
    pub outcome: RuleOutcome,
}

/// What is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// The change may go on.
    Allow,
    /// It may not.
    Deny,
}

/// The verdict on one change.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The final revision that was judged; `None` for a commit that is not recorded yet.
    pub revision: Option<Oid>,
    /// How many commits the change has.
    pub commits: usize,
    /// Its subject.
    pub subject: Text,
    /// Where it was seen.
    pub stage: Stage,
    /// True if a gap in the facts refuses.
    pub enforced: bool,
    /// The class that the change is of; `None` if a missing fact leaves it open.
    pub class: Option<String>,
    /// Every rule's outcome, in the policy's order.
    pub judgements: Vec<Judgement>,
    /// Where the change contradicts itself, and the policy says what counts.
    pub disagreements: Vec<FieldDisagreement>,
}

impl Judgement {
    /// Returns whether this judgement alone refuses the change.
    pub fn is_denying(&self, enforced: bool) -> bool {
        self.level == RuleLevel::Deny
            && match &self.outcome {
                RuleOutcome::Fail(_) => true,
                RuleOutcome::Undecided(_) => enforced,
                RuleOutcome::Deferred(_) => enforced,
                RuleOutcome::Pass
                | RuleOutcome::Owed(_)
                | RuleOutcome::Exempted { .. }
                | RuleOutcome::NotApplicable => false,
            }
    }
}

impl Verdict {
    /// Returns true if anything came out but rules that are kept or not about this change, and
    /// a change that agrees with itself.
    pub fn has_remarks(&self) -> bool {
        let silent = |judgement: &Judgement| {
            matches!(judgement.outcome, RuleOutcome::Pass | RuleOutcome::NotApplicable)
        };
        !self.disagreements.is_empty() || !self.judgements.iter().all(silent)
    }

    /// Returns what is decided: one judgement that denies is enough.
    pub fn decision(&self) -> Decision {
        if self.judgements.iter().any(|judgement| judgement.is_denying(self.enforced)) {
            Decision::Deny
        } else {
            Decision::Allow
        }
    }
}
