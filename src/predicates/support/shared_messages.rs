//! The messages of files that several predicates share, and of the parts of predicates that have a folder.

use crate::predicates::{approvals, support, ticket, window};
use crate::verdict::MessageTemplate;

/// The messages of files that several predicates share, and of the parts of predicates that have a
/// folder.
pub(crate) const SHARED_MESSAGES: &[&[&MessageTemplate]] = &[
    support::context::MESSAGES,
    support::condition::MESSAGES,
    support::parameters::MESSAGES,
    support::field_obligation::MESSAGES,
    support::unread_statement::MESSAGES,
    ticket::late_evidence::MESSAGES,
    ticket::lookup::MESSAGES,
    support::wording::MESSAGES,
    approvals::pusher_approval::MESSAGES,
    approvals::push_signature::MESSAGES,
    approvals::reviews::MESSAGES,
    approvals::commands::MESSAGES,
    approvals::objections::MESSAGES,
    approvals::owners::MESSAGES,
    approvals::coverage::MESSAGES,
    approvals::missing_people::MESSAGES,
    approvals::named_people::MESSAGES,
    approvals::approved_content::MESSAGES,
    approvals::carried_relation::MESSAGES,
    approvals::signed_approvals::MESSAGES,
    approvals::signing_advice::MESSAGES,
    approvals::trailer_approvals::MESSAGES,
    approvals::claimed_approvers::MESSAGES,
    approvals::cross_approval::MESSAGES,
    approvals::distinct_people::MESSAGES,
    approvals::team_counts::MESSAGES,
    window::periods::MESSAGES,
];
