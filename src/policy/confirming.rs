//! Which tickets a ticket system can be asked about, where a change states one and nobody has looked.

use super::Policy;
use crate::predicates::ticket::Ticket;
use crate::predicates::{Condition, Predicate};

impl Policy {
    /// Returns whether what is stated in a field is a claim that a ticket system could confirm: then
    /// the claim alone proves nothing.
    ///
    /// The key makes no difference: one that no system holds must not be worth more than one that
    /// some system does.
    pub fn confirms(&self, field: &str) -> bool {
        !self.tickets.is_empty() && self.ticket_asked(None, field).is_some()
    }

    /// Returns what is asked of the tickets in a field: by the rule with this id, or if it does not
    /// ask, by the first one that does.
    pub fn ticket_asked(&self, rule: Option<&str>, field: &str) -> Option<&Ticket> {
        let of = |condition| asked(condition).into_iter().find(|ticket| ticket.field().name == field);
        let named = self.rules.iter().find(|one| rule == Some(one.name.id.as_str()));
        let named = named.and_then(|rule| of(&rule.require));
        named.or_else(|| self.rules.iter().find_map(|rule| of(&rule.require)))
    }
}

/// Returns every `ticket` in a condition.
fn asked(condition: &Condition) -> Vec<&Ticket> {
    match condition {
        Condition::Ask(Predicate::Ticket(ticket)) => vec![ticket],
        Condition::Ask(_) => Vec::new(),
        Condition::All(parts) | Condition::Any(parts) => parts.iter().flat_map(asked).collect(),
        Condition::Not(part) => asked(part),
    }
}
