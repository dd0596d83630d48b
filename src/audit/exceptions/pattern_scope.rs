//! What a pattern is about that only many changes together show: the branch, and none of the changes.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::audit::change_record::ChangeRecord;
use crate::audit::exceptions::{AuditException, ExceptionKind};
use crate::change::Text;

/// The branches of the changes so far, and when the newest of these landed.
#[derive(Debug, Default)]
pub(super) struct PatternScope {
    refs: BTreeSet<(String, Text)>,
    newest: Option<Timestamp>,
}

impl PatternScope {
    /// Counts a change.
    pub(super) fn add_change(&mut self, change: &ChangeRecord) {
        let known = (change.repository.clone(), change.ref_name.clone());
        if !self.refs.contains(&known) {
            self.refs.insert(known);
        }
        self.newest = self.newest.max(Some(change.landing.at));
    }

    /// Returns the scope of one branch whose newest change landed then.
    #[cfg(test)]
    pub(super) fn of_ref((repository, ref_name): (&str, &Text), at: Timestamp) -> PatternScope {
        let refs = BTreeSet::from([(repository.to_owned(), ref_name.clone())]);
        PatternScope { refs, newest: Some(at) }
    }

    /// Returns the exception of a pattern, which is told as of the newest change; `person` is who shows it, if it is a
    /// person. `None` if there are no changes.
    pub(super) fn build_pattern(
        &self,
        kind: ExceptionKind,
        person: Option<Text>,
        what: String,
        evidence: &str,
    ) -> Option<AuditException> {
        let (repository, ref_name) = self.refs.first()?;
        let (id, about) = match self.refs.len() {
            1 => (repository.clone(), ref_name.clone()),
            many => (format!("{many} branches"), Text::from("all of them together")),
        };
        let subject = (id, person.unwrap_or(about));
        Some(AuditException::open_exception(kind, subject, (what, self.newest?), evidence))
    }
}
