//! The messages of files that several predicates share, and of the parts of predicates that have a folder.

use crate::predicates::support::{condition, context, field_obligation, parameters, wording};
use crate::predicates::{approvals, ticket};
use crate::verdict::MessageTemplate;

/// The messages of files that several predicates share, and of the parts of predicates that have a
/// folder.
pub(crate) const SHARED_MESSAGES: &[&[&MessageTemplate]] = &[
    context::MESSAGES,
    condition::MESSAGES,
    parameters::MESSAGES,
    field_obligation::MESSAGES,
    ticket::late_evidence::MESSAGES,
    ticket::lookup::MESSAGES,
    wording::MESSAGES,
    approvals::reviews::MESSAGES,
    approvals::coverage::MESSAGES,
    approvals::trailer_approvals::MESSAGES,
];
