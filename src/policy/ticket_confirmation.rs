//! Which tickets a ticket system can be asked about, where a change states one and nobody has looked.

use crate::policy::Policy;
use crate::predicates::ticket::TicketPredicate;
use crate::predicates::{Condition, Predicate};

impl Policy {
    /// Returns whether what is stated in a field is a claim that a ticket system could confirm: then
    /// the claim alone proves nothing.
    ///
    /// The key makes no difference: one that no system holds must not be worth more than one that
    /// some system does.
    pub fn can_confirm_field(&self, field: &str) -> bool {
        !self.ticket_systems.is_empty() && self.find_ticket_predicate(None, field).is_some()
    }

    /// Returns what is asked of the tickets in a field: by the rule with this id, or if it does not
    /// ask, by the first one that does.
    pub fn find_ticket_predicate(&self, rule: Option<&str>, field: &str) -> Option<&TicketPredicate> {
        let of = |condition| {
            collect_ticket_predicates(condition).into_iter().find(|ticket| ticket.field().name == field)
        };
        let named = self.rules.iter().find(|one| rule == Some(one.name.id.as_str()));
        let named = named.and_then(|rule| of(&rule.require));
        named.or_else(|| self.rules.iter().find_map(|rule| of(&rule.require)))
    }
}

/// Returns every `ticket` in a condition.
fn collect_ticket_predicates(condition: &Condition) -> Vec<&TicketPredicate> {
    match condition {
        Condition::Predicate(Predicate::Ticket(ticket)) => vec![ticket],
        Condition::Predicate(_) => Vec::new(),
        Condition::All(parts) | Condition::Any(parts) => {
            parts.iter().flat_map(collect_ticket_predicates).collect()
        }
        Condition::Not(part) => collect_ticket_predicates(part),
    }
}
