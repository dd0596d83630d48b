//! One line of a population: a change, a record that closes something for one, or a move of the ref that is neither.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::audit::population::step_evidence::StepEvidence;
use crate::audit::table::{ColumnKind, TableCell, TableColumn, TableSheet};
use crate::change::{Oid, Text};
use crate::ledger::audit::ledger_history::LandedRefMove;
use crate::ledger::audit::other_refs::OtherRefLanding;
use crate::ledger::audit::trace::LandingOrigin;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryKind {
    /// A change.
    Change,
    /// A record that speaks for a change and changes no file; it is no change of its own.
    ClosingRecord,
    /// A step that came from another ref, which has it as its change.
    JudgedElsewhere,
    /// A move of the ref that did not add to its history: it went back, was rewritten, deleted or made again.
    RefMove,
    /// A time in which nothing shows that the gate stood.
    Gap,
}

/// One line of a population.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PopulationEntry {
    /// What it is.
    pub kind: EntryKind,
    /// Its id, which no other entry has.
    pub id: String,
    /// The repository.
    pub repository: String,
    /// The full name of the ref.
    pub ref_name: Text,
    /// The last commit of a step.
    pub commit: Option<Oid>,
    /// When it happened.
    pub at: Timestamp,
    /// What it is about, in words.
    pub what: Text,
    /// The changes that a record speaks for.
    pub related_changes: Vec<Oid>,
    /// Where a move of the ref stands that no decision allowed and that brought no change; `None` for all else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unauthorised_move: Option<UnauthorisedMove>,
    /// Whether such a move was regularised in time; `None` while that is open and in time, and for all else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_move_in_time: Option<bool>,
}

/// Where a move of a ref stands that no decision allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnauthorisedMove {
    /// Nothing has regularised it.
    Open,
    /// A later change regularised it.
    Regularised,
}

/// The population as a table.
pub static POPULATION_SHEET: TableSheet = TableSheet {
    name: "population",
    version: 1,
    title: "Population",
    columns: &[
        TableColumn::new(
            "entry_id",
            "Entry",
            ColumnKind::Text,
            "The id of the entry, which no other entry has.",
        ),
        TableColumn::new(
            "kind",
            "Kind",
            ColumnKind::Text,
            "What it is: change, closing-record, judged-elsewhere, ref-move or gap.",
        ),
        TableColumn::new("repository", "Repository", ColumnKind::Text, "The name of the repository."),
        TableColumn::new("target_ref", "Branch", ColumnKind::Text, "The full name of the ref."),
        TableColumn::new(
            "commit",
            "Commit",
            ColumnKind::Text,
            "The last commit of the step; empty if it is no step.",
        ),
        TableColumn::new("at", "When", ColumnKind::Time, "When it happened."),
        TableColumn::new("what", "What", ColumnKind::Text, "What it is about."),
        TableColumn::new(
            "speaks_for",
            "Speaks for",
            ColumnKind::Text,
            "The changes that a closing record speaks for.",
        ),
    ],
};

impl EntryKind {
    /// Returns the word of a table.
    pub fn code(self) -> &'static str {
        match self {
            EntryKind::Change => "change",
            EntryKind::ClosingRecord => "closing-record",
            EntryKind::JudgedElsewhere => "judged-elsewhere",
            EntryKind::RefMove => "ref-move",
            EntryKind::Gap => "gap",
        }
    }
}

impl PopulationEntry {
    pub(crate) fn of_step(
        (repository, ref_name): (&str, &Text),
        kind: EntryKind,
        (id, at): (Oid, Timestamp),
        evidence: &StepEvidence,
    ) -> PopulationEntry {
        let what = match &evidence.facts {
            Ok(facts) => facts.title.clone(),
            Err(why) => Text::from(why.as_str()),
        };
        PopulationEntry {
            kind,
            id: format!("{repository}@{id}"),
            repository: repository.to_owned(),
            ref_name: ref_name.clone(),
            commit: Some(id),
            at,
            what,
            related_changes: Vec::new(),
            unauthorised_move: None,
            is_move_in_time: None,
        }
    }

    /// Returns the entry of a move that did not add to the history; `is_held` if what it brought is part of it.
    pub(crate) fn of_ref_move(
        (repository, ref_name): (&str, &Text),
        one: &LandedRefMove,
        is_held: bool,
    ) -> PopulationEntry {
        let name = |id: Option<Oid>| id.map_or_else(|| "nothing".to_owned(), |id| id.to_string());
        let decided = if one.decision.is_some() { "by a decision" } else { "without a decision" };
        let gone = if is_held { "" } else { "; the ref holds it no longer" };
        let what = format!("from {} to {}, {decided}{gone}", name(one.moved.old), name(one.moved.new));
        PopulationEntry {
            kind: EntryKind::RefMove,
            id: format!("{repository}/record/{}", one.record),
            repository: repository.to_owned(),
            ref_name: ref_name.clone(),
            commit: None,
            at: one.observed_at,
            what: Text::from(what),
            related_changes: Vec::new(),
            unauthorised_move: None,
            is_move_in_time: None,
        }
    }

    /// Returns the entry of a step that came from another ref.
    pub(crate) fn with_first_landing(self, landing: &OtherRefLanding) -> PopulationEntry {
        let ref_name = landing.ref_name.to_lossy();
        let came = match landing.origin {
            LandingOrigin::Decided => {
                format!("; it came with the branch, judged on {ref_name} by record {}", landing.record)
            }
            LandingOrigin::NotEnforced | LandingOrigin::DeniedNotEnforced => {
                format!(
                    "; it came with the branch from {ref_name}, where nothing was enforced (evaluate mode)"
                )
            }
            _ => format!("; it came with the branch, and was on {ref_name} before the gate stood"),
        };
        PopulationEntry { what: Text::new([self.what.as_bytes(), came.as_bytes()].concat()), ..self }
    }

    pub(crate) fn with_related_changes(self, related_changes: Vec<Oid>) -> PopulationEntry {
        PopulationEntry { related_changes, ..self }
    }

    /// Returns the entry as a row of [`POPULATION_SHEET`].
    pub fn build_row(&self) -> Vec<TableCell> {
        let related: Vec<String> = self.related_changes.iter().map(Oid::to_string).collect();
        let related = if related.is_empty() { TableCell::Empty } else { related.join("; ").into() };
        vec![
            self.id.as_str().into(),
            self.kind.code().into(),
            self.repository.as_str().into(),
            (&self.ref_name).into(),
            self.commit.map(|id| id.to_string()).into(),
            self.at.into(),
            (&self.what).into(),
            related,
        ]
    }
}
