//! Changes in a row that nothing judged: a gap of the evidence, and told as one.

use jiff::Timestamp;

use crate::audit::change_record::ChangeRecord;
use crate::audit::population::population_entry::{EntryKind, PopulationEntry};
use crate::audit::table::format_table_time;
use crate::change::{Oid, Text};
use crate::verdict::format_count;

/// Changes in a row that nothing judged, for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnjudgedSpan {
    /// The repository.
    repository: String,
    /// The full name of the ref.
    ref_name: Text,
    /// Why nothing judged them.
    why: String,
    /// The first of them, and when it landed.
    first: (Oid, Timestamp),
    /// The last of them, and when it landed.
    last: (Oid, Timestamp),
    /// How many there are.
    changes: usize,
}

/// The changes of a history that nothing judged, as they come.
#[derive(Debug, Default)]
pub(crate) struct UnjudgedSpans {
    open: Option<UnjudgedSpan>,
}

impl UnjudgedSpan {
    /// Returns the reason, how many changes there are and which.
    pub(crate) fn describe(&self) -> String {
        let ((first, from), (last, until)) = (self.first, self.last);
        match self.changes {
            1 => format!("nothing judged this change: {}", self.why),
            _ => format!(
                "nothing judged {} from {first} ({}) to {last} ({}): {}",
                format_count(self.changes, "change"),
                format_table_time(from),
                format_table_time(until),
                self.why
            ),
        }
    }

    /// Returns the id of the first change, and when it landed.
    pub(crate) fn find_beginning(&self) -> (String, Timestamp) {
        (format!("{}@{}", self.repository, self.first.0), self.first.1)
    }

    /// Returns the span as an entry of a population.
    pub(crate) fn build_entry(&self) -> PopulationEntry {
        PopulationEntry {
            kind: EntryKind::Gap,
            id: format!("{}/not-judged/{}", self.repository, self.first.0),
            repository: self.repository.clone(),
            ref_name: self.ref_name.clone(),
            commit: None,
            at: self.first.1,
            what: Text::from(self.describe()),
            related_changes: Vec::new(),
            unauthorised_move: None,
            is_move_in_time: None,
        }
    }
}

impl UnjudgedSpans {
    /// Adds the next change of the history, with the reason if nothing judged it; returns the span that it ends.
    pub(crate) fn add_change(&mut self, change: &ChangeRecord, why: Option<&str>) -> Option<UnjudgedSpan> {
        let step = (change.id, change.landing.at);
        if let (Some(open), Some(why)) = (&mut self.open, why)
            && open.why == why
        {
            open.last = step;
            open.changes += 1;
            return None;
        }
        let next = why.map(|why| UnjudgedSpan {
            repository: change.repository.clone(),
            ref_name: change.ref_name.clone(),
            why: why.to_owned(),
            first: step,
            last: step,
            changes: 1,
        });
        std::mem::replace(&mut self.open, next)
    }

    /// Ends the history; returns the span that it ends with.
    pub(crate) fn end_history(&mut self) -> Option<UnjudgedSpan> {
        self.open.take()
    }
}
