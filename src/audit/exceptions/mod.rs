//! What an auditor asks about: changes past the gate, things owed and late, exemptions used, times without a gate, and
//! what could not be read.
//!
//! An exception is a question, not a verdict: whoever answers it finds a place for cause, action, owner and date.

pub(crate) mod across_changes;
mod change_people;
mod exception_kind;
mod habit_patterns;
mod of_approvals;
pub(crate) mod of_change;
pub(crate) mod of_inputs;
pub(crate) mod of_ledger;
mod of_people;
pub(crate) mod of_policy;
pub(crate) mod of_pulls;
pub(crate) mod of_reports;
mod pattern_scope;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use crate::audit::exceptions::exception_kind::ExceptionKind;
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
            "The change, the record of the ledger or the session; the repository for what no single one of them shows.",
        ),
        TableColumn::new(
            "subject",
            "What",
            ColumnKind::Text,
            "What the change is called; the branch, the person or the incident where it is about that.",
        ),
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
    /// Returns an open exception about `subject`, of which nothing more is known than what happened, when, and where
    /// the evidence stands.
    pub(crate) fn open_exception(
        kind: ExceptionKind,
        (subject_id, subject): (String, Text),
        (what, occurred_at): (impl Into<Text>, Timestamp),
        evidence: impl Into<String>,
    ) -> AuditException {
        AuditException {
            kind,
            subject_id,
            subject,
            rule: None,
            what: what.into(),
            occurred_at,
            detected_at: None,
            actor: None,
            approver: None,
            status: ExceptionStatus::Open,
            due: None,
            late_by: None,
            evidence: evidence.into(),
        }
    }

    /// Returns true for a break-glass session that is open and past its time.
    pub(crate) fn is_overdue_session(&self) -> bool {
        self.kind == ExceptionKind::BreakGlassSession
            && self.status == ExceptionStatus::Open
            && self.late_by.is_some()
    }

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
