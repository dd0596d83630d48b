//! One push or merge that was refused, and what became of it: a line of the table of refusals.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::audit::table::{ColumnKind, TableCell, TableColumn, TableSheet};
use crate::change::{Oid, Text};

/// What became of what was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalOutcome {
    /// A later decision let the same commit land.
    LandedUnchanged,
    /// A change of this report has something in common with it, and landed later.
    BecameChange,
    /// A record that closes something has something in common with it, and landed later.
    BecameRecord,
    /// Nothing in this report shows that it landed.
    NotLanded,
}

impl RefusalOutcome {
    /// Returns the word of a table.
    pub fn code(self) -> &'static str {
        match self {
            RefusalOutcome::LandedUnchanged => "landed-unchanged",
            RefusalOutcome::BecameChange => "became-change",
            RefusalOutcome::BecameRecord => "became-record",
            RefusalOutcome::NotLanded => "not-landed",
        }
    }
}

/// One push or merge that was refused for a ref.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RefusedPush {
    /// Its id, which no other refusal has.
    pub id: String,
    /// The name of the repository.
    pub repository: String,
    /// The full name of the ref.
    pub ref_name: Text,
    /// When it was refused, by the clock of the gate.
    pub at: Timestamp,
    /// The account that pushed, if the server knew it.
    pub by: Option<Text>,
    /// What the ref was to hold.
    pub commit: Option<Oid>,
    /// The first line of the newest change that was refused, if the ledger keeps it.
    pub what: Option<Text>,
    /// The rules that refused it, each once.
    pub rules: Vec<String>,
    /// What became of it.
    pub outcome: RefusalOutcome,
    /// The ids of the changes that it may have become.
    pub became: Vec<String>,
}

/// The refusals as a table.
pub static REFUSAL_SHEET: TableSheet = TableSheet {
    name: "refusals",
    version: 1,
    title: "Refusals",
    columns: &[
        TableColumn::new(
            "refusal_id",
            "Refusal",
            ColumnKind::Text,
            "The repository and the number of the record that tells of it; or the id of the decision, if that waits beside the ledger to be recorded.",
        ),
        TableColumn::new("repository", "Repository", ColumnKind::Text, "The name of the repository."),
        TableColumn::new(
            "target_ref",
            "Branch",
            ColumnKind::Text,
            "The full name of the ref that it was for; below refs/changegate for what opens or closes a break-glass session, or says something about a change.",
        ),
        TableColumn::new(
            "refused_at",
            "Refused",
            ColumnKind::Time,
            "When it was refused, by the clock of the gate.",
        ),
        TableColumn::new(
            "refused_account",
            "Who",
            ColumnKind::Text,
            "The account that pushed; empty if the server does not tell accounts apart, and for pull requests.",
        ),
        TableColumn::new(
            "commit",
            "Commit",
            ColumnKind::Text,
            "The commit that the ref was to hold; it may be in no repository.",
        ),
        TableColumn::new(
            "what",
            "What",
            ColumnKind::Text,
            "The first line of the newest change that was refused, or what was asked for.",
        ),
        TableColumn::new(
            "rules",
            "Rules",
            ColumnKind::Text,
            "The rules that refused the push as a whole, of the policy and of the gate itself.",
        ),
        TableColumn::new(
            "outcome",
            "What became of it",
            ColumnKind::Text,
            "What became of it: landed-unchanged, became-change, became-record if a record that closes something did, or not-landed if nothing in this report shows that.",
        ),
        TableColumn::new(
            "became",
            "Became",
            ColumnKind::Text,
            "The entries of the population that it may have become; refused_attempts of a change counts it.",
        ),
    ],
};

impl RefusedPush {
    /// Returns the refusal as a row of [`REFUSAL_SHEET`].
    pub fn build_row(&self) -> Vec<TableCell> {
        let join = |words: &[String]| match words {
            [] => TableCell::Empty,
            some => some.join("; ").into(),
        };
        vec![
            self.id.as_str().into(),
            self.repository.as_str().into(),
            (&self.ref_name).into(),
            self.at.into(),
            self.by.as_ref().into(),
            self.commit.map(|id| id.to_string()).into(),
            self.what.as_ref().into(),
            join(&self.rules),
            self.outcome.code().into(),
            join(&self.became),
        ]
    }
}
