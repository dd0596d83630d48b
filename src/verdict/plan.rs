//! The unblock plan: the fewest acts that turn the denial of a change into an allowance.
//!
//! A plan is for readers of a report. It is no part of a record: who may approve tomorrow is another matter
//! than why the change was denied today.

use jiff::Timestamp;

use crate::change::Missing;
use crate::verdict::fixer::Fixer;
use crate::verdict::ids::RuleId;
use crate::verdict::message::Message;

/// The fewest acts after which a denied change is allowed.
///
/// It was tried before it is told: with all acts of the first option of each step, the judge allows the change
/// as far as the rules of [`UnblockPlan::open`] and [`UnblockPlan::obstacles`] do not deny it, and without one
/// of these acts it does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnblockPlan {
    /// The steps, in the order in which they are taken; each is needed.
    pub steps: Vec<PlanStep>,
    /// The rules that no act meets which could be tried.
    pub obstacles: Vec<PlanObstacle>,
    /// The denying rules for which no act is known; what they find says what is wrong.
    pub open: Vec<RuleId>,
    /// True if other values of a field, which its author chooses, ask for more acts.
    pub depends_on_values: bool,
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanStep {
    /// The rules that it serves, in the order of the policy.
    pub rules: Vec<RuleId>,
    /// The ways to take it, any of them, with as few acts as each other; never empty.
    pub options: Vec<Vec<PlannedAct>>,
}

/// One act of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedAct {
    /// The kind of act.
    pub kind: PlannedActKind,
    /// What is done, as a message that follows a number or a role.
    pub what: Message,
    /// Who can do it, any of them; never empty.
    pub fixers: Vec<Fixer>,
    /// The text to paste, one trailer to a line, if there is one.
    pub paste: Option<String>,
    /// For an approval, how many different people have to give one; else 1.
    pub count: usize,
    /// For an approval, the people who can give it, as the policy names them; empty if everyone can who did not
    /// contribute to the change. For a push by someone else, the accounts.
    pub people: Vec<String>,
    /// For an approval, who might be asked and cannot give it.
    pub excluded: Vec<ExcludedPerson>,
    /// For an act that waits, the first instant at which it is over.
    pub at: Option<Timestamp>,
}

/// A person, or a bot, whose approval would not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExcludedPerson {
    /// The name, as the policy has it.
    pub name: String,
    /// Why their approval would not count, as a message that follows the name.
    pub reason: Message,
}

/// A rule that no act of a person meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanObstacle {
    /// The rule.
    pub rule: RuleId,
    /// Why nothing helps.
    pub reason: ObstacleReason,
}

/// Why no act of a person meets a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObstacleReason {
    /// A fact is missing, which nobody can state.
    Missing(Missing),
    /// Another reason.
    Because(Message),
    /// No act that could be tried helps; what does, the message says.
    Advice(Message),
}

/// The kind of an act, by a word that never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PlannedActKind {
    /// The author writes a field, or another one in its place.
    StateField,
    /// The author takes a field away.
    RemoveField,
    /// The author corrects lines of a message.
    CorrectMessage,
    /// The author writes another subject or title.
    Reword,
    /// The author leaves out paths.
    LeaveOutPaths,
    /// The committer signs the commits.
    Sign,
    /// The ticket is brought into the state that is asked.
    UpdateTicket,
    /// A check succeeds.
    PassCheck,
    /// A label is added.
    AddLabel,
    /// A label is taken away.
    RemoveLabel,
    /// The pull request is marked as ready, or as a draft.
    MarkReady,
    /// The conversations are resolved.
    ResolveConversations,
    /// A person approves.
    Approve,
    /// A person who requested changes approves, or dismisses that review.
    WithdrawObjection,
    /// Another person pushes the change.
    PushAs,
    /// Nothing is done until an instant.
    Wait,
}

impl PlannedActKind {
    /// Returns the word, as JSON has it.
    pub(crate) fn kind_code(self) -> &'static str {
        match self {
            PlannedActKind::StateField => "state-field",
            PlannedActKind::RemoveField => "remove-field",
            PlannedActKind::CorrectMessage => "correct-message",
            PlannedActKind::Reword => "reword",
            PlannedActKind::LeaveOutPaths => "leave-out-paths",
            PlannedActKind::Sign => "sign",
            PlannedActKind::UpdateTicket => "update-ticket",
            PlannedActKind::PassCheck => "pass-check",
            PlannedActKind::AddLabel => "add-label",
            PlannedActKind::RemoveLabel => "remove-label",
            PlannedActKind::MarkReady => "mark-ready",
            PlannedActKind::ResolveConversations => "resolve-conversations",
            PlannedActKind::Approve => "approve",
            PlannedActKind::WithdrawObjection => "withdraw-objection",
            PlannedActKind::PushAs => "push-as",
            PlannedActKind::Wait => "wait",
        }
    }
}

impl UnblockPlan {
    /// Returns true if its acts are enough: the change is allowed after them.
    pub fn is_complete(&self) -> bool {
        self.obstacles.is_empty() && self.open.is_empty()
    }

    /// Returns the number of acts, of whichever options.
    pub fn count_acts(&self) -> usize {
        let first = self.steps.iter().filter_map(|step| step.options.first());
        first.flatten().map(|act| act.count).sum()
    }

    /// Returns true if it says more than the findings do: who can approve, which of several ways is the
    /// shortest, how long to wait, or that nothing helps.
    pub(crate) fn says_more(&self) -> bool {
        !self.obstacles.is_empty()
            || self.steps.iter().any(|step| {
                step.options.len() > 1 || step.options.iter().flatten().any(|act| act.says_more(&step.rules))
            })
    }
}

impl PlannedAct {
    /// Returns true if it says more than the finding of a rule does.
    pub(crate) fn says_more(&self, rules: &[RuleId]) -> bool {
        match self.kind {
            PlannedActKind::Wait | PlannedActKind::PushAs => true,
            PlannedActKind::Approve => {
                !self.people.is_empty() || !self.excluded.is_empty() || rules.len() > 1
            }
            _ => false,
        }
    }
}
