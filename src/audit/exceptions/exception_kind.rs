//! The kinds of exceptions, with the words for each.

use serde::{Deserialize, Serialize};

/// What kind of exception it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExceptionKind {
    /// A change landed without a decision.
    UnauthorisedChange,
    /// The ledger does not tell how a change landed.
    UnrecordedChange,
    /// The forge merged a pull request that the branch does not have.
    MissingPull,
    /// No pull request of the forge's list brought a step.
    WithoutPull,
    /// A change was decided by a policy that came without a decision.
    UndecidedPolicy,
    /// Something landed in evaluate mode although it was denied.
    DeniedNotEnforced,
    /// Something landed in evaluate mode, in which nothing is enforced.
    NotEnforced,
    /// Nothing judged a change.
    NotJudged,
    /// A change landed although it breaks a rule.
    RuleBroken,
    /// A change breaks a rule that only warned.
    RuleWarned,
    /// What landed is not what was approved with a signature.
    UnapprovedContent,
    /// Something that was owed was met late, or is overdue.
    LateObligation,
    /// Something is owed and still in time.
    OpenObligation,
    /// An exemption let a change break a rule.
    ExemptionUsed,
    /// Somebody whom the roster of the time does not know approved a change.
    ApproverNotInRoster,
    /// Somebody whom the roster of the time does not know pushed or made a change.
    ActorNotInRoster,
    /// An approval was given after the change had landed.
    ApprovedAfterLanding,
    /// A normal change has a ticket that was made after it had landed.
    TicketAfterLanding,
    /// A change states a field in different ways.
    Contradiction,
    /// A step belongs to the period by its place, and its own time is outside it.
    MisdatedStep,
    /// A line of a file of incidents or deployments contradicts the history.
    InputContradiction,
    /// A change was taken back, or made another one necessary.
    FailedChange,
    /// The history of the ref was rewritten or went back.
    RefMoved,
    /// Nothing shows that the gate stood.
    GateGap,
    /// A break-glass session was closed late, or is open.
    BreakGlassSession,
    /// A policy may ask less than the one before it.
    PolicyLoosened,
    /// A policy was in force that its own check finds faults in.
    FaultyPolicy,
    /// One person gave several approvals within minutes.
    ApprovalSeries,
    /// One person gave most of the approvals.
    ApproverShare,
    /// Two people approve nearly all of each other's changes.
    MutualApproval,
    /// Many changes name one ticket, or a ticket is named for a long time.
    SharedTicket,
    /// Many of the changes are emergencies.
    EmergencyShare,
    /// One person wrote several emergencies within weeks.
    EmergencySeries,
    /// Nearly all changes are standard changes.
    StandardShare,
    /// Nearly all changes state a low risk.
    LowRiskShare,
    /// Several changes have the same plan or purpose.
    RepeatedText,
    /// One person made several small changes of one file within hours.
    SplitChange,
    /// Commits have dates that are far from their receipt.
    DoubtfulDate,
    /// The ledger is not the chain of records that was written.
    BrokenLedger,
    /// A commit, a record or a part of history cannot be read.
    Unreadable,
}

impl ExceptionKind {
    /// Every kind, in the order of a report.
    pub const ALL: [ExceptionKind; 40] = [
        ExceptionKind::UnauthorisedChange,
        ExceptionKind::UnrecordedChange,
        ExceptionKind::MissingPull,
        ExceptionKind::WithoutPull,
        ExceptionKind::UndecidedPolicy,
        ExceptionKind::DeniedNotEnforced,
        ExceptionKind::NotEnforced,
        ExceptionKind::NotJudged,
        ExceptionKind::RuleBroken,
        ExceptionKind::RuleWarned,
        ExceptionKind::UnapprovedContent,
        ExceptionKind::LateObligation,
        ExceptionKind::OpenObligation,
        ExceptionKind::ExemptionUsed,
        ExceptionKind::ApproverNotInRoster,
        ExceptionKind::ActorNotInRoster,
        ExceptionKind::ApprovedAfterLanding,
        ExceptionKind::TicketAfterLanding,
        ExceptionKind::Contradiction,
        ExceptionKind::MisdatedStep,
        ExceptionKind::InputContradiction,
        ExceptionKind::FailedChange,
        ExceptionKind::RefMoved,
        ExceptionKind::GateGap,
        ExceptionKind::BreakGlassSession,
        ExceptionKind::PolicyLoosened,
        ExceptionKind::FaultyPolicy,
        ExceptionKind::ApprovalSeries,
        ExceptionKind::ApproverShare,
        ExceptionKind::MutualApproval,
        ExceptionKind::SharedTicket,
        ExceptionKind::EmergencyShare,
        ExceptionKind::EmergencySeries,
        ExceptionKind::StandardShare,
        ExceptionKind::LowRiskShare,
        ExceptionKind::RepeatedText,
        ExceptionKind::SplitChange,
        ExceptionKind::DoubtfulDate,
        ExceptionKind::BrokenLedger,
        ExceptionKind::Unreadable,
    ];

    /// Returns the word of a table.
    pub fn code(self) -> &'static str {
        match self {
            ExceptionKind::UnauthorisedChange => "unauthorised-change",
            ExceptionKind::UnrecordedChange => "unrecorded-change",
            ExceptionKind::MissingPull => "missing-pull",
            ExceptionKind::WithoutPull => "without-pull",
            ExceptionKind::UndecidedPolicy => "undecided-policy",
            ExceptionKind::DeniedNotEnforced => "denied-not-enforced",
            ExceptionKind::NotEnforced => "not-enforced",
            ExceptionKind::NotJudged => "not-judged",
            ExceptionKind::RuleBroken => "rule-broken",
            ExceptionKind::RuleWarned => "rule-warned",
            ExceptionKind::UnapprovedContent => "unapproved-content",
            ExceptionKind::LateObligation => "late-obligation",
            ExceptionKind::OpenObligation => "open-obligation",
            ExceptionKind::ExemptionUsed => "exemption-used",
            ExceptionKind::ApproverNotInRoster => "approver-not-in-roster",
            ExceptionKind::ActorNotInRoster => "actor-not-in-roster",
            ExceptionKind::ApprovedAfterLanding => "approved-after-landing",
            ExceptionKind::TicketAfterLanding => "ticket-after-landing",
            ExceptionKind::Contradiction => "contradiction",
            ExceptionKind::MisdatedStep => "misdated-step",
            ExceptionKind::InputContradiction => "input-contradiction",
            ExceptionKind::FailedChange => "failed-change",
            ExceptionKind::RefMoved => "ref-moved",
            ExceptionKind::GateGap => "gate-gap",
            ExceptionKind::BreakGlassSession => "break-glass-session",
            ExceptionKind::PolicyLoosened => "policy-loosened",
            ExceptionKind::FaultyPolicy => "faulty-policy",
            ExceptionKind::ApprovalSeries => "approval-series",
            ExceptionKind::ApproverShare => "approver-share",
            ExceptionKind::MutualApproval => "mutual-approval",
            ExceptionKind::SharedTicket => "shared-ticket",
            ExceptionKind::EmergencyShare => "emergency-share",
            ExceptionKind::EmergencySeries => "emergency-series",
            ExceptionKind::StandardShare => "standard-share",
            ExceptionKind::LowRiskShare => "low-risk-share",
            ExceptionKind::RepeatedText => "repeated-text",
            ExceptionKind::SplitChange => "split-change",
            ExceptionKind::DoubtfulDate => "doubtful-date",
            ExceptionKind::BrokenLedger => "broken-ledger",
            ExceptionKind::Unreadable => "unreadable",
        }
    }

    /// Returns the title of its part of a report.
    pub fn title(self) -> &'static str {
        match self {
            ExceptionKind::UnauthorisedChange => "Changes that landed without a decision",
            ExceptionKind::UnrecordedChange => "Changes whose landing the ledger does not tell",
            ExceptionKind::MissingPull => "Merged pull requests that the branch lacks",
            ExceptionKind::WithoutPull => "Steps of the branch that no pull request brought",
            ExceptionKind::UndecidedPolicy => "Changes decided by a policy that came without a decision",
            ExceptionKind::DeniedNotEnforced => {
                "Changes that landed although they were denied, as nothing was enforced"
            }
            ExceptionKind::NotEnforced => "What landed while nothing was enforced",
            ExceptionKind::NotJudged => "Changes that nothing judged",
            ExceptionKind::RuleBroken => "Changes that landed although they break a rule",
            ExceptionKind::RuleWarned => "Changes that break a rule that only warned",
            ExceptionKind::UnapprovedContent => "Changes that are not what was approved with a signature",
            ExceptionKind::LateObligation => "Obligations met late or overdue",
            ExceptionKind::OpenObligation => "Obligations that are open and in time",
            ExceptionKind::ExemptionUsed => "Exemptions that were used",
            ExceptionKind::ApproverNotInRoster => "Approvals by people outside the roster of the time",
            ExceptionKind::ActorNotInRoster => "Changes by people outside the roster of the time",
            ExceptionKind::ApprovedAfterLanding => "Approvals given after the landing",
            ExceptionKind::TicketAfterLanding => "Tickets made after the landing of a normal change",
            ExceptionKind::Contradiction => "Changes that state a field in different ways",
            ExceptionKind::MisdatedStep => "Steps whose own time is in another period than they are",
            ExceptionKind::InputContradiction => "Incidents and deployments that contradict the history",
            ExceptionKind::FailedChange => "Changes that were taken back or caused another",
            ExceptionKind::RefMoved => "History that was rewritten or went back",
            ExceptionKind::GateGap => "Times in which nothing shows that the gate stood",
            ExceptionKind::BreakGlassSession => "Break-glass sessions",
            ExceptionKind::PolicyLoosened => "Policies that may ask less than the one before",
            ExceptionKind::FaultyPolicy => "Policies in force that the check of policies refuses",
            ExceptionKind::ApprovalSeries => "Approvals in quick succession",
            ExceptionKind::ApproverShare => "People who gave most of the approvals",
            ExceptionKind::MutualApproval => "Pairs who approve each other's changes",
            ExceptionKind::SharedTicket => "Tickets that many changes name",
            ExceptionKind::EmergencyShare => "Emergencies that are many",
            ExceptionKind::EmergencySeries => "People who wrote several emergencies within weeks",
            ExceptionKind::StandardShare => "Standard changes that are nearly all",
            ExceptionKind::LowRiskShare => "Risks that are nearly always low",
            ExceptionKind::RepeatedText => "Plans and purposes that several changes share",
            ExceptionKind::SplitChange => "Small changes of one file in quick succession",
            ExceptionKind::DoubtfulDate => "Dates of commits that are far from their receipt",
            ExceptionKind::BrokenLedger => "A ledger that is not the one that was written",
            ExceptionKind::Unreadable => "What cannot be read",
        }
    }

    /// Returns true if an exception of this kind says that something is missing from the report.
    pub(crate) fn is_hole(self) -> bool {
        matches!(self, ExceptionKind::MissingPull | ExceptionKind::BrokenLedger | ExceptionKind::Unreadable)
    }

    /// Returns how urgent the question is.
    pub fn severity(self) -> &'static str {
        match self {
            ExceptionKind::UnauthorisedChange
            | ExceptionKind::UndecidedPolicy
            | ExceptionKind::DeniedNotEnforced
            | ExceptionKind::NotJudged
            | ExceptionKind::RuleBroken
            | ExceptionKind::UnapprovedContent
            | ExceptionKind::MissingPull
            | ExceptionKind::FaultyPolicy
            | ExceptionKind::RefMoved
            | ExceptionKind::BrokenLedger
            | ExceptionKind::Unreadable => "high",
            ExceptionKind::UnrecordedChange
            | ExceptionKind::WithoutPull
            | ExceptionKind::LateObligation
            | ExceptionKind::ApproverNotInRoster
            | ExceptionKind::ActorNotInRoster
            | ExceptionKind::ApprovedAfterLanding
            | ExceptionKind::TicketAfterLanding
            | ExceptionKind::Contradiction
            | ExceptionKind::MisdatedStep
            | ExceptionKind::InputContradiction
            | ExceptionKind::FailedChange
            | ExceptionKind::GateGap
            | ExceptionKind::NotEnforced
            | ExceptionKind::BreakGlassSession
            | ExceptionKind::PolicyLoosened => "medium",
            ExceptionKind::RuleWarned
            | ExceptionKind::OpenObligation
            | ExceptionKind::ExemptionUsed
            | ExceptionKind::ApprovalSeries
            | ExceptionKind::ApproverShare
            | ExceptionKind::MutualApproval
            | ExceptionKind::SharedTicket
            | ExceptionKind::EmergencyShare
            | ExceptionKind::EmergencySeries
            | ExceptionKind::StandardShare
            | ExceptionKind::LowRiskShare
            | ExceptionKind::RepeatedText
            | ExceptionKind::SplitChange
            | ExceptionKind::DoubtfulDate => "low",
        }
    }
}
