//! The approvals that trailers of the commits state.

use crate::change::person::canonical_address;
use crate::change::{Commit, Person, Text};
use crate::predicates::approvals::named_people::named_message;
use crate::predicates::approvals::requirement::ApprovalsPredicate;
use crate::verdict::{Finding, Message};

/// Returns the approvals that all commits state, in their order.
pub(super) fn find_all_approvals<'change>(
    asked: &ApprovalsPredicate,
    commits: &'change [Commit],
) -> Vec<StatedApproval<'change>> {
    let mut stated = Vec::new();
    for commit in commits {
        stated.append(&mut find_stated_approvals(asked, commit));
    }
    stated
}

/// Returns the approvals that one commit states.
pub(super) fn find_stated_approvals<'change>(
    asked: &ApprovalsPredicate,
    commit: &'change Commit,
) -> Vec<StatedApproval<'change>> {
    let mut stated = Vec::new();
    for trailer in commit.message.trailers() {
        if asked.fields.iter().any(|field| field.matches_key(&trailer.key)) {
            let key = &trailer.key;
            let value = &trailer.value;
            let line = trailer.line;
            stated.push(StatedApproval { commit, key, value, line });
        }
    }
    stated
}

/// An approval as a trailer states it.
#[derive(Clone, Copy)]
pub(super) struct StatedApproval<'change> {
    pub(super) commit: &'change Commit,
    pub(super) key: &'change str,
    pub(super) value: &'change Text,
    pub(super) line: usize,
}

impl StatedApproval<'_> {
    /// Returns the finding that this approval does not count, for `reason`.
    pub(super) fn uncounted_finding(&self, asked: &ApprovalsPredicate, reason: Message) -> Finding {
        Finding::new(named_message(self.key, self.value, reason))
            .in_commit(self.commit.id)
            .on_message_line(self.line)
            .fixed_by(asked.approval_fixer())
    }

    /// Returns the address of the person named; `None` if the trailer does not name a person.
    pub(super) fn address(&self) -> Option<String> {
        let person = Person::parse_person(self.value.as_bytes()).ok()?;
        canonical_address(person.email.as_bytes())
    }
}
