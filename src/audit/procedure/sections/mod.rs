//! The chapters of a procedure, in the order in which a reader needs them.

mod acts;
mod classes;
mod deadlines;
mod exceptions;
mod lifecycle;
mod people;
mod records;
mod scope;

use crate::audit::procedure::document::ProcedureDocument;
use crate::audit::procedure::facts::ProcedureFacts;

/// Builds the procedure of a policy. The same facts give the same document: it has no date of its own.
pub fn build_procedure(facts: ProcedureFacts<'_>) -> ProcedureDocument {
    let policy = facts.policy;
    let sections = vec![
        scope::build_approval_section(facts),
        scope::build_scope_section(policy),
        scope::build_definitions(policy),
        people::build_roles(policy),
        classes::build_overview(policy),
        lifecycle::build_steps(policy),
        deadlines::build_deadlines(policy),
        acts::build_acts(policy),
        exceptions::build_emergencies(policy),
        exceptions::build_unauthorised_changes(policy),
        exceptions::build_standard_changes(policy),
        exceptions::build_exemptions(policy),
        deadlines::build_windows(policy),
        records::build_records(policy),
        records::build_controls(policy),
        records::build_limits(policy),
        classes::build_rules(policy),
        classes::build_fields(policy),
        people::build_machines(policy),
        records::build_history(facts),
    ];
    let title = format!("Change-management procedure: {}", policy.name);
    let subtitle = format!("Generated from the policy with the digest {}", policy.digest);
    ProcedureDocument::new(&title, &subtitle, sections)
}
