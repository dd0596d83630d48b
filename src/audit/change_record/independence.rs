//! Whether somebody who made no part of a change approved it.

use crate::audit::change_record::ChangeRecord;

impl ChangeRecord {
    /// Returns true if an approval counted that is of somebody who made no part of the change, as far as it was known who they
    /// are. Where a policy lets authors approve the parts of each other, their approvals are none of these.
    pub(crate) fn has_independent_approval(&self) -> bool {
        let made_by = |person: &str| {
            let mut makers = self.reasons.iter().flat_map(|reasons| &reasons.contributors);
            makers.any(|one| one.person.as_deref() == Some(person))
        };
        let counting = self.list_counting_approvals();
        counting.iter().any(|one| !one.person.as_deref().is_some_and(made_by))
    }
}
