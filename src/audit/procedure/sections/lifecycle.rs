//! The way of a change from request to closure.

use crate::audit::procedure::document::DocumentSection;
use crate::audit::procedure::words::{RequirementKind, join_words, list_asked, name_rule, quote_all};
use crate::policy::{FOR_CHANGE_TRAILER, Policy};
use crate::predicates::Predicate;

/// Builds the steps of a change, in their order.
pub(super) fn build_steps(policy: &Policy) -> DocumentSection {
    let mut section = DocumentSection::new("From request to closure");
    let mut steps = Vec::new();
    let tickets = list_ticket_fields(policy);
    steps.push(match tickets.is_empty() {
        true => "Request. The policy asks for no ticket; the change itself says what it is for.".to_owned(),
        false => format!(
            "Request. A person asks for the change in a ticket, and the change names it in {}, as far as the rules \
             for its type ask for it.",
            join_words(&quote_all(&tickets), "or")
        ),
    });
    steps.push(
        "Description. The author makes the change and states the fields that its type takes (see \"The fields of a \
         change\"). The type follows from what the change touches and states (see \"Types of change, and who decides\")."
            .to_owned(),
    );
    let stated = list_rules_of(policy, &[RequirementKind::Statement]);
    if !stated.is_empty() {
        steps.push(format!("Assessment. The author states what these rules ask for: {stated}."));
    }
    let tested = list_rules_of(policy, &[RequirementKind::Test]);
    if !tested.is_empty() {
        steps.push(format!("Test. The checks that these rules name have to succeed: {tested}."));
    }
    let approved = list_rules_of(policy, &[RequirementKind::Approval, RequirementKind::Advance]);
    steps.push(match approved.is_empty() {
        true => "Approval. The policy requires none.".to_owned(),
        false => format!(
            "Approval. People who are no authors of the change review and approve it, or an entry of the catalogue \
             has approved it in advance: {approved}."
        ),
    });
    let timed = list_rules_of(policy, &[RequirementKind::Time]);
    if !timed.is_empty() {
        steps.push(format!("Time. The change comes at a time at which these rules allow it: {timed}."));
    }
    steps.push(
        "Decision. The gate compares the change with the policy that was in force before it, never with one that \
         the change itself brings. A requirement that is not met, or that cannot be checked, refuses the change; \
         the refusal says what is missing and who can fix it. The decision is recorded, refusals too."
            .to_owned(),
    );
    steps.push("Landing. The branch or tag moves, and it is recorded what came of the decision.".to_owned());
    let owed = list_rules_of(policy, &[RequirementKind::Afterwards]);
    if !owed.is_empty() {
        let reference = match policy.vocabulary.find_field(FOR_CHANGE_TRAILER) {
            Some(field) => format!(
                " A later change closes what is owed: it names the earlier one in `{}` and states the missing field.",
                field.name
            ),
            None => String::new(),
        };
        steps.push(format!(
            "Follow-up. What these rules allow to come later is owed until its time: {owed}.{reference}"
        ));
    }
    steps.push("Closure. A change is closed when it has landed and owes nothing more.".to_owned());
    section.add_steps(&steps);
    section.add_paragraph(
        "Whatever the policy says, the gate on a server also refuses to delete a branch or tag under change control, to \
         drop commits of it, to move a tag, and every change while the policy is missing or has a mistake.",
    );
    section
}

/// Returns the rules of these kinds, between commas; those that only warn say so.
fn list_rules_of(policy: &Policy, kinds: &[RequirementKind]) -> String {
    let mut names = Vec::new();
    for rule in &policy.rules {
        if kinds.contains(&RequirementKind::of_rule(rule)) {
            names.push(name_rule(rule));
        }
    }
    names.join(", ")
}

/// Returns the fields that hold the ticket of a change and must be stated with it, each once.
fn list_ticket_fields(policy: &Policy) -> Vec<String> {
    let mut fields = Vec::new();
    for rule in &policy.rules {
        for predicate in list_asked(&rule.require) {
            let Predicate::Ticket(ticket) = predicate else { continue };
            let name = ticket.field().name.clone();
            if ticket.required_field().is_some() && !fields.contains(&name) {
                fields.push(name);
            }
        }
    }
    fields
}
