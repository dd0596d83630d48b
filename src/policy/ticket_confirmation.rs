//! Which claims about tickets a ticket system could confirm.
//!
//! A claim that a better source could confirm, and does not, proves nothing. So where the policy names
//! ticket systems, a key that a change states has to be looked up.

use crate::policy::definition::Policy;
use crate::predicates::Predicate;
use crate::predicates::support::condition::Condition;
use crate::predicates::ticket::TicketPredicate;
use crate::verdict::RuleId;

impl Policy {
    /// Returns whether what is stated in a field is a claim that a ticket system could confirm: then
    /// the claim alone proves nothing.
    ///
    /// The key makes no difference: one that no system holds must not be worth more than one that
    /// some system does.
    pub(crate) fn can_confirm_field(&self, field: &str) -> bool {
        !self.ticket_systems.is_empty() && self.find_ticket_predicate(None, field).is_some()
    }

    /// Returns what is asked of the tickets in a field: by the rule with this id, or if it does not
    /// ask, by the first one that does.
    pub(crate) fn find_ticket_predicate(
        &self,
        rule_id: Option<&RuleId>,
        field: &str,
    ) -> Option<&TicketPredicate> {
        let mut first = None;
        for rule in &self.rules {
            let Some(found) = find_in_condition(&rule.require, field) else { continue };
            if rule_id == Some(&rule.description.id) {
                return Some(found);
            }
            first = first.or(Some(found));
        }
        first
    }
}

/// Returns the first `ticket` in a condition that is about this field.
fn find_in_condition<'policy>(
    condition: &'policy Condition,
    field: &str,
) -> Option<&'policy TicketPredicate> {
    match condition {
        Condition::Predicate(Predicate::Ticket(ticket)) if ticket.field().name == field => Some(ticket),
        Condition::Predicate(_) => None,
        Condition::All(parts) | Condition::Any(parts) => {
            parts.iter().find_map(|part| find_in_condition(part, field))
        }
        Condition::Not(part) => find_in_condition(part, field),
    }
}
