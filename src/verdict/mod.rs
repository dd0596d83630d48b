//! The outcome of judging: findings, obligations, judgements, the verdict.
//!
//! All of it is data, complete before a byte is printed. Text that contributors wrote stays apart
//! from our own words ([`SentencePart`]), so that every report can escape the one and not the other.

mod decision;
pub(crate) mod durations;
mod fixer;
mod ids;
mod location;
pub(crate) mod message;
pub(crate) mod plan;
pub(crate) mod reasons;
mod sentence;
mod shell_word;
mod wording;

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use crate::change::{Missing, Oid, Stage, Text};

pub use decision::Decision;
pub(crate) use durations::{duration_message, time_limit_message};
pub use fixer::{Fixer, describe_fixers};
pub use ids::{ClassId, ExemptionId, RuleId};
pub use location::ChangeLocation;
pub(crate) use message::messages;
pub use message::{Message, MessageTemplate, MessageValue, UnrecordedValue};
pub use plan::{
    ExcludedPerson, ObstacleReason, PlanObstacle, PlanStep, PlannedAct, PlannedActKind, UnblockPlan,
};
pub use reasons::{
    ApprovalDecision, ApprovalSource, ApprovalUse, ConsideredApproval, ConsideredCheck,
    ConsideredContributor, ConsideredField, ConsideredTicket, IdentityKind, JudgingPolicy, OutcomeWord,
    RuleResult, TicketFacts, VerdictReasons,
};
pub use sentence::{Sentence, SentencePart};
pub(crate) use shell_word::quote_for_shell;
pub(crate) use wording::format_count;
pub use wording::reword_messages;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong, as a code and values.
    pub message: Message,
    /// The place of what is wrong.
    pub at: ChangeLocation,
    /// Who can fix it, any of them; never empty.
    pub fixers: Vec<Fixer>,
    /// The text to paste, one trailer to a line, if there is one.
    pub paste: Option<String>,
    /// Other texts to paste, each of which fixes it as well; empty without [`Finding::paste`].
    pub paste_alternatives: Vec<String>,
    /// The edit of the line that fixes it, where no text to paste does.
    pub line_edit: Option<LineEdit>,
    /// True if it is what another finding about the same line leads to, and goes away with that.
    pub is_follow_up: bool,
}

/// An edit of a line of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineEdit {
    /// The line belongs into the last paragraph, which holds trailers.
    MoveToTrailers,
    /// The line belongs to the end, into a paragraph of its own.
    MoveToEnd,
    /// The line stands among trailers and is none.
    DeleteOrMoveUp,
    /// A blank line is missing above the line.
    SeparateFromAbove,
    /// The line itself has to be written in another way.
    Correct,
}

impl Finding {
    /// Returns a finding about the change as a whole, which the author can fix.
    pub fn new(message: impl Into<Message>) -> Self {
        let at = ChangeLocation::default();
        Finding {
            message: message.into(),
            at,
            fixers: vec![Fixer::Author],
            paste: None,
            paste_alternatives: Vec::new(),
            line_edit: None,
            is_follow_up: false,
        }
    }

    /// Sets the commit that is at fault.
    #[must_use]
    pub(crate) fn in_commit(mut self, commit: Option<Oid>) -> Self {
        self.at.commit = commit;
        self
    }

    /// Sets the line of the message that is at fault, counted from 1.
    #[must_use]
    pub(crate) fn on_message_line(mut self, line: usize) -> Self {
        self.at.line = Some(line);
        self
    }

    /// Sets the path that is at fault.
    #[must_use]
    pub(crate) fn at_path(mut self, path: &Text) -> Self {
        self.at.path = Some(path.clone());
        self
    }

    /// Sets who can fix it, instead of the author.
    #[must_use]
    pub(crate) fn fixed_by(mut self, fixer: Fixer) -> Self {
        self.fixers = vec![fixer];
        self
    }

    /// Adds another role that can fix it.
    #[must_use]
    pub(crate) fn or_by(mut self, fixer: Fixer) -> Self {
        self.fixers.push(fixer);
        self
    }

    /// Returns who can fix it, in words: `the author or the pusher`.
    pub fn describe_fixers(&self) -> String {
        describe_fixers(&self.fixers)
    }

    /// Returns true if the author is the only one who can fix it.
    pub(crate) fn is_for_author(&self) -> bool {
        self.fixers == [Fixer::Author]
    }

    /// Returns true if the edit of a line that fixes this fixes a follow-up about the same line, too.
    pub(crate) fn is_fixed_with(&self, follow_up: &Finding) -> bool {
        !self.is_follow_up && self.line_edit.is_some() && self.at == follow_up.at
    }

    /// Sets the text to paste, one trailer to a line.
    #[must_use]
    pub(crate) fn with_paste(mut self, text: impl Into<String>) -> Self {
        self.paste = Some(text.into());
        self
    }

    /// Sets the edit of the line that fixes it.
    #[must_use]
    pub(crate) fn with_line_edit(mut self, edit: LineEdit) -> Self {
        self.line_edit = Some(edit);
        self
    }
}

/// A field that is stated more than once, with different values; it denies nothing by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldDisagreement {
    /// The name of the field in the policy.
    pub field: String,
    /// Each value with the first place where it is stated, in the order of the commits.
    pub stated: Vec<StatedValue>,
    /// The value that counts, by the policy.
    pub counts: String,
}

/// The value that a field is given in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatedValue {
    /// The value, as written there.
    pub value: Text,
    /// The place where it is written.
    pub at: ChangeLocation,
}

/// Something that may be delivered later, until it is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obligation {
    /// What is owed, as a code and values.
    pub what: Message,
    /// The role that owes it.
    pub owner: Fixer,
    /// The last instant that is in time; `None` if the policy's limit is beyond all calendars.
    pub due: Option<Timestamp>,
    /// The evidence that closes it: a trailer to add, or what a ticket system has to say.
    pub evidence: Message,
    /// The field whose statement closes it, by its name in the policy.
    pub field: Option<String>,
    /// True if only a person other than the contributors can close it.
    pub by_others: bool,
}

/// The answer to a question about a change: it holds, it does not, or it cannot be known.
#[derive(Clone, Debug, PartialEq)]
pub enum PredicateAnswer {
    /// It holds; with obligations, it holds until they are due.
    Holds(Vec<Obligation>),
    /// It does not hold, for these reasons; never empty.
    Fails(Vec<Finding>),
    /// It cannot be known, because these facts are missing; never empty.
    Unknown(Vec<Missing>),
}

/// The consequence of breaking a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleLevel {
    /// The change is denied.
    Deny,
    /// The finding is reported and nothing is denied.
    Warn,
}

/// The outcome of one rule.
#[derive(Clone, Debug, PartialEq)]
pub enum RuleOutcome {
    /// The change meets the rule.
    Pass,
    /// The change breaks the rule.
    Fail(Vec<Finding>),
    /// The change meets the rule for now, against these obligations.
    Owed(Vec<Obligation>),
    /// It cannot be known whether the change meets the rule; this denies where the gate enforces.
    Undecided(Vec<Missing>),
    /// A later stage checks the rule.
    Deferred(Vec<Missing>),
    /// The change breaks the rule, and an exemption of the policy allows that.
    Exempted {
        /// Why the policy allows it.
        reason: String,
        /// The person who approved the exemption.
        approved_by: String,
        /// The last day of the exemption.
        until: String,
        /// The file and line of the policy on which it stands.
        exemption: ExemptionId,
    },
    /// The change breaks the rule, and whether an exemption allows that cannot be known; only where the gate
    /// does not enforce.
    MaybeExempted(Box<PossibleExemption>),
    /// The rule does not apply to this change.
    NotApplicable,
}

/// A broken rule that an exemption may allow, as a point sees it that enforces nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct PossibleExemption {
    /// What is wrong, unless the exemption applies; never empty.
    pub findings: Vec<Finding>,
    /// The facts that are missing to know whether it applies; never empty.
    pub missing: Vec<Missing>,
    /// Why the policy allows it.
    pub reason: String,
    /// The person who approved the exemption.
    pub approved_by: String,
    /// The last day of the exemption.
    pub until: String,
    /// The file and line of the policy on which it stands.
    pub exemption: ExemptionId,
}

impl PossibleExemption {
    /// Returns true if a later stage knows all the missing facts.
    pub(crate) fn is_settled_later(&self) -> bool {
        self.missing.iter().all(|missing| matches!(missing, Missing::NotAtThisStage(_)))
    }
}

/// The id, title and controls of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleDescription {
    /// The id of the rule in the policy.
    pub id: RuleId,
    /// What the rule requires, as a sentence.
    pub title: String,
    /// The controls that the rule supports, such as `iso27001:A.8.32`.
    pub controls: Vec<String>,
}

/// The outcome of one rule for one change or ref.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// The description of the rule, shared by all its judgements.
    pub rule: Arc<RuleDescription>,
    /// The consequence of breaking it.
    pub level: RuleLevel,
    /// The outcome of the rule.
    pub outcome: RuleOutcome,
}

/// What has to be known of a commit to reword it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitShape {
    /// The id of the commit.
    pub id: Oid,
    /// The number of its parents.
    pub parents: usize,
    /// True if a forge wrote its message, as that of a squash or a merge.
    pub is_made_by_forge: bool,
    /// True if it may change no file: git amends such a commit only if it is told to.
    pub may_be_empty: bool,
}

/// The verdict on one change.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The final revision that was judged; `None` for a commit that is not made yet.
    pub revision: Option<Oid>,
    /// The number of commits that the change has.
    pub commits: usize,
    /// The commits of the change, the final revision last; empty for a commit that is not made yet, and
    /// for a verdict that was read from a record.
    pub commit_shapes: Vec<CommitShape>,
    /// The subject of the change.
    pub subject: Text,
    /// The stage at which it was judged.
    pub stage: Stage,
    /// True if a missing fact denies.
    pub enforced: bool,
    /// The class of the change; `None` if a missing fact leaves it open.
    pub class: Option<ClassId>,
    /// The outcome of every rule, in the policy's order.
    pub judgements: Vec<Judgement>,
    /// The fields in which the change contradicts itself, with the value that counts.
    pub disagreements: Vec<FieldDisagreement>,
    /// What the verdict rests on, where somebody wants to keep or to read it.
    pub reasons: Option<Box<VerdictReasons>>,
    /// The fewest acts that turn a denial into an allowance, where somebody is to read them; no record has them.
    pub plan: Option<Box<UnblockPlan>>,
}

impl RuleDescription {
    /// Returns true if the title says more than the id, which it is made of where a policy gives none.
    pub(crate) fn has_title(&self) -> bool {
        self.title != self.id.as_str() && self.title != self.id.as_str().replace('-', " ")
    }
}

impl Judgement {
    /// Returns true if this judgement alone denies the change.
    pub fn is_denying(&self, enforced: bool) -> bool {
        self.level == RuleLevel::Deny && self.is_broken(enforced)
    }

    /// Returns true if this judgement would deny the change, and its rule only warns.
    pub fn is_warning(&self, enforced: bool) -> bool {
        self.level == RuleLevel::Warn && self.is_broken(enforced)
    }

    /// Returns true if the rule is broken; a missing fact breaks it where `enforced`.
    fn is_broken(&self, enforced: bool) -> bool {
        match &self.outcome {
            RuleOutcome::Fail(_) => true,
            RuleOutcome::Undecided(_) | RuleOutcome::Deferred(_) | RuleOutcome::MaybeExempted(_) => enforced,
            RuleOutcome::Pass
            | RuleOutcome::Owed(_)
            | RuleOutcome::Exempted { .. }
            | RuleOutcome::NotApplicable => false,
        }
    }

    /// Returns true if there is nothing to report: the rule passed, or does not apply.
    fn is_silent(&self) -> bool {
        matches!(self.outcome, RuleOutcome::Pass | RuleOutcome::NotApplicable)
    }
}

impl Decision {
    /// Returns the decision as a word of a sentence: `allowed` or `denied`.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Decision::Allow => "allowed",
            Decision::Deny => "denied",
        }
    }
}

impl Verdict {
    /// Returns true if there is something to report: a rule that neither passed nor does not apply,
    /// or a field in which the change contradicts itself.
    pub fn has_remarks(&self) -> bool {
        !self.disagreements.is_empty() || !self.judgements.iter().all(Judgement::is_silent)
    }

    /// Returns the decision: one judgement that denies is enough to deny.
    pub fn decision(&self) -> Decision {
        for judgement in &self.judgements {
            if judgement.is_denying(self.enforced) {
                return Decision::Deny;
            }
        }
        Decision::Allow
    }
}
