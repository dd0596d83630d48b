//! What an auditor asks about: changes past the gate, things owed and late, exemptions used, times without a gate, and
//! what could not be read.
//!
//! An exception is a question, not a verdict: whoever answers it finds a place for cause, action, owner and date.

pub(crate) mod across_changes;
pub(crate) mod of_change;
pub(crate) mod of_ledger;
pub(crate) mod of_policy;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::audit::table::{ColumnKind, TableCell, TableColumn, TableSheet};
use crate::change::Text;

/// One exception.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AuditException {
    /// What kind it is.
    pub kind: ExceptionKind,
    /// The id of the change that it is about, or of the record.
    pub subject_id: String,
    /// What the change is called.
    pub subject: Text,
    /// The rule that it is about.
    pub rule: Option<String>,
    /// What happened, in words.
    pub what: Text,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// When the gate noticed it; `None` where only this audit did.
    pub detected_at: Option<Timestamp>,
    /// The person who is asked about it: the account that pushed, or the author.
    pub actor: Option<Text>,
    /// Who approved, if anybody did.
    pub approver: Option<Text>,
    /// Where it stands.
    pub status: ExceptionStatus,
    /// When it was due.
    pub due: Option<Timestamp>,
    /// How many seconds late it was or is.
    pub late_by: Option<i64>,
    /// Where the evidence stands.
    pub evidence: String,
}

/// What kind of exception it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExceptionKind {
    /// A change landed without a decision.
    UnauthorisedChange,
    /// The ledger does not tell how a change landed.
    UnrecordedChange,
    /// A change was decided by a policy that came without a decision.
    UndecidedPolicy,
    /// Nothing judged a change.
    NotJudged,
    /// A change landed although it breaks a rule.
    RuleBroken,
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
    /// One person gave several approvals within minutes.
    ApprovalSeries,
    /// One person gave most of the approvals.
    ApproverShare,
    /// Two people approve nearly all of each other's changes.
    MutualApproval,
    /// Many changes name one ticket, or a ticket is named for a long time.
    SharedTicket,
    /// A commit, a record or a part of history cannot be read.
    Unreadable,
}

/// Where an exception stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExceptionStatus {
    /// Nothing was done about it that the gate knows of.
    Open,
    /// It was made good in time.
    Regularised,
    /// It was made good late.
    Late,
    /// The policy allows it.
    Accepted,
}

/// The exceptions as a table.
pub static EXCEPTION_SHEET: TableSheet = TableSheet {
    name: "exceptions",
    version: 1,
    title: "Exceptions",
    columns: &[
        TableColumn::new(
            "exception_id",
            "Exception",
            ColumnKind::Text,
            "The id of the exception in this report.",
        ),
        TableColumn::new("kind", "Kind", ColumnKind::Text, "What kind of exception it is."),
        TableColumn::new(
            "severity",
            "Severity",
            ColumnKind::Text,
            "How urgent the question is: high, medium or low.",
        ),
        TableColumn::new(
            "subject_id",
            "Change",
            ColumnKind::Text,
            "The change, or the record of the ledger.",
        ),
        TableColumn::new("subject", "What", ColumnKind::Text, "What the change is called."),
        TableColumn::new("rule", "Rule", ColumnKind::Text, "The rule that it is about."),
        TableColumn::new("what_happened", "What happened", ColumnKind::Text, "What happened."),
        TableColumn::new("occurred_at", "Happened", ColumnKind::Time, "When it happened."),
        TableColumn::new(
            "detected_at",
            "Noticed",
            ColumnKind::Time,
            "When the gate noticed it; empty if this report did.",
        ),
        TableColumn::new(
            "actor",
            "Who",
            ColumnKind::Text,
            "The account that pushed, or the author as the commit claims.",
        ),
        TableColumn::new(
            "approver",
            "Approver",
            ColumnKind::Text,
            "Who approved the change, if anybody did.",
        ),
        TableColumn::new(
            "status",
            "Status",
            ColumnKind::Text,
            "Where it stands: open, regularised, late or accepted.",
        ),
        TableColumn::new("due", "Due", ColumnKind::Time, "When it was due."),
        TableColumn::new("late_by_h", "Hours late", ColumnKind::Decimal, "How many hours late it was or is."),
        TableColumn::new(
            "age_days",
            "Days old",
            ColumnKind::Integer,
            "How many days ago it happened, as of this report.",
        ),
        TableColumn::new("evidence", "Evidence", ColumnKind::Text, "Where the evidence stands."),
        TableColumn::new("root_cause", "Cause", ColumnKind::Text, "To be filled in: why it happened."),
        TableColumn::new(
            "corrective_action",
            "Action",
            ColumnKind::Text,
            "To be filled in: what is done about it.",
        ),
        TableColumn::new("owner", "Owner", ColumnKind::Text, "To be filled in: who does it."),
        TableColumn::new("closed_at", "Closed", ColumnKind::Time, "To be filled in: when it was done."),
    ],
};

const SECONDS_PER_DAY: i64 = 86_400;
const SECONDS_PER_HOUR: f64 = 3_600.0;

impl ExceptionKind {
    /// Every kind, in the order of a report.
    pub const ALL: [ExceptionKind; 23] = [
        ExceptionKind::UnauthorisedChange,
        ExceptionKind::UnrecordedChange,
        ExceptionKind::UndecidedPolicy,
        ExceptionKind::NotJudged,
        ExceptionKind::RuleBroken,
        ExceptionKind::LateObligation,
        ExceptionKind::OpenObligation,
        ExceptionKind::ExemptionUsed,
        ExceptionKind::ApproverNotInRoster,
        ExceptionKind::ActorNotInRoster,
        ExceptionKind::ApprovedAfterLanding,
        ExceptionKind::TicketAfterLanding,
        ExceptionKind::Contradiction,
        ExceptionKind::FailedChange,
        ExceptionKind::RefMoved,
        ExceptionKind::GateGap,
        ExceptionKind::BreakGlassSession,
        ExceptionKind::PolicyLoosened,
        ExceptionKind::ApprovalSeries,
        ExceptionKind::ApproverShare,
        ExceptionKind::MutualApproval,
        ExceptionKind::SharedTicket,
        ExceptionKind::Unreadable,
    ];

    /// Returns the word of a table.
    pub fn code(self) -> &'static str {
        match self {
            ExceptionKind::UnauthorisedChange => "unauthorised-change",
            ExceptionKind::UnrecordedChange => "unrecorded-change",
            ExceptionKind::UndecidedPolicy => "undecided-policy",
            ExceptionKind::NotJudged => "not-judged",
            ExceptionKind::RuleBroken => "rule-broken",
            ExceptionKind::LateObligation => "late-obligation",
            ExceptionKind::OpenObligation => "open-obligation",
            ExceptionKind::ExemptionUsed => "exemption-used",
            ExceptionKind::ApproverNotInRoster => "approver-not-in-roster",
            ExceptionKind::ActorNotInRoster => "actor-not-in-roster",
            ExceptionKind::ApprovedAfterLanding => "approved-after-landing",
            ExceptionKind::TicketAfterLanding => "ticket-after-landing",
            ExceptionKind::Contradiction => "contradiction",
            ExceptionKind::FailedChange => "failed-change",
            ExceptionKind::RefMoved => "ref-moved",
            ExceptionKind::GateGap => "gate-gap",
            ExceptionKind::BreakGlassSession => "break-glass-session",
            ExceptionKind::PolicyLoosened => "policy-loosened",
            ExceptionKind::ApprovalSeries => "approval-series",
            ExceptionKind::ApproverShare => "approver-share",
            ExceptionKind::MutualApproval => "mutual-approval",
            ExceptionKind::SharedTicket => "shared-ticket",
            ExceptionKind::Unreadable => "unreadable",
        }
    }

    /// Returns the title of its part of a report.
    pub fn title(self) -> &'static str {
        match self {
            ExceptionKind::UnauthorisedChange => "Changes that landed without a decision",
            ExceptionKind::UnrecordedChange => "Changes whose landing the ledger does not tell",
            ExceptionKind::UndecidedPolicy => "Changes decided by a policy that came without a decision",
            ExceptionKind::NotJudged => "Changes that nothing judged",
            ExceptionKind::RuleBroken => "Changes that landed although they break a rule",
            ExceptionKind::LateObligation => "Obligations met late or overdue",
            ExceptionKind::OpenObligation => "Obligations that are open and in time",
            ExceptionKind::ExemptionUsed => "Exemptions that were used",
            ExceptionKind::ApproverNotInRoster => "Approvals by people outside the roster of the time",
            ExceptionKind::ActorNotInRoster => "Changes by people outside the roster of the time",
            ExceptionKind::ApprovedAfterLanding => "Approvals given after the landing",
            ExceptionKind::TicketAfterLanding => "Tickets made after the landing of a normal change",
            ExceptionKind::Contradiction => "Changes that state a field in different ways",
            ExceptionKind::FailedChange => "Changes that were taken back or caused another",
            ExceptionKind::RefMoved => "History that was rewritten or went back",
            ExceptionKind::GateGap => "Times in which nothing shows that the gate stood",
            ExceptionKind::BreakGlassSession => "Break-glass sessions",
            ExceptionKind::PolicyLoosened => "Policies that may ask less than the one before",
            ExceptionKind::ApprovalSeries => "Approvals in quick succession",
            ExceptionKind::ApproverShare => "People who gave most of the approvals",
            ExceptionKind::MutualApproval => "Pairs who approve each other's changes",
            ExceptionKind::SharedTicket => "Tickets that many changes name",
            ExceptionKind::Unreadable => "What cannot be read",
        }
    }

    /// Returns how urgent the question is.
    pub fn severity(self) -> &'static str {
        match self {
            ExceptionKind::UnauthorisedChange
            | ExceptionKind::UndecidedPolicy
            | ExceptionKind::NotJudged
            | ExceptionKind::RuleBroken
            | ExceptionKind::RefMoved
            | ExceptionKind::Unreadable => "high",
            ExceptionKind::UnrecordedChange
            | ExceptionKind::LateObligation
            | ExceptionKind::ApproverNotInRoster
            | ExceptionKind::ActorNotInRoster
            | ExceptionKind::ApprovedAfterLanding
            | ExceptionKind::TicketAfterLanding
            | ExceptionKind::Contradiction
            | ExceptionKind::FailedChange
            | ExceptionKind::GateGap
            | ExceptionKind::BreakGlassSession
            | ExceptionKind::PolicyLoosened => "medium",
            ExceptionKind::OpenObligation
            | ExceptionKind::ExemptionUsed
            | ExceptionKind::ApprovalSeries
            | ExceptionKind::ApproverShare
            | ExceptionKind::MutualApproval
            | ExceptionKind::SharedTicket => "low",
        }
    }
}

impl ExceptionStatus {
    /// Returns the word of a table.
    pub fn code(self) -> &'static str {
        match self {
            ExceptionStatus::Open => "open",
            ExceptionStatus::Regularised => "regularised",
            ExceptionStatus::Late => "late",
            ExceptionStatus::Accepted => "accepted",
        }
    }
}

impl AuditException {
    /// Returns the exception as a row of [`EXCEPTION_SHEET`]; `number` counts the exceptions of a report from 1, and
    /// `as_of` is the time of the audit.
    pub fn build_row(&self, number: usize, as_of: Timestamp) -> Vec<TableCell> {
        let age = as_of.as_second().saturating_sub(self.occurred_at.as_second()).max(0) / SECONDS_PER_DAY;
        #[expect(clippy::cast_precision_loss, reason = "hours with two digits after the point")]
        let late_hours = self.late_by.map(|late| (late as f64 / SECONDS_PER_HOUR * 100.0).round() / 100.0);
        vec![
            format!("E-{number:04}").into(),
            self.kind.code().into(),
            self.kind.severity().into(),
            self.subject_id.as_str().into(),
            (&self.subject).into(),
            self.rule.clone().into(),
            (&self.what).into(),
            self.occurred_at.into(),
            self.detected_at.into(),
            self.actor.clone().into(),
            self.approver.clone().into(),
            self.status.code().into(),
            self.due.into(),
            late_hours.into(),
            age.into(),
            self.evidence.as_str().into(),
            TableCell::Empty,
            TableCell::Empty,
            TableCell::Empty,
            TableCell::Empty,
        ]
    }
}
