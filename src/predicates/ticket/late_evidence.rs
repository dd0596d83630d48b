//! A ticket that is brought later, as evidence for what a change owes.
//!
//! A claim of such a ticket says little: a key, or not even that. So the ticket itself has to belong to the
//! change, whatever else the policy asks. A ticket that was created too late is still evidence, of being
//! late; the obligation decides how late.

use jiff::Timestamp;

use crate::change::{self, Change, Fact, Text};
use crate::predicates::support::context::EvaluationContext;
use crate::predicates::ticket::TicketPredicate;
use crate::predicates::ticket::lookup::{BACKDATED, doubt_message};
use crate::verdict::{Message, messages};
use crate::vocabulary::{FieldDefinition, FieldKind, FieldReading};

messages! {
    CREATED_IN_FUTURE = "ticket.created-in-future": "the ticket {ticket} says that it was created at {created}, which is in the future";
    BELONGS_ELSEWHERE = "ticket.belongs-elsewhere": "the ticket {ticket} is about something else: it was created at {created}, before this change, and mentions neither the change nor its incident";
}

/// The fields that say what an emergency is about, if the policy has them and names no others.
const DEFAULT_ABOUT_FIELDS: [&str; 2] = ["Incident", "CVE"];

impl TicketPredicate {
    /// Returns the field that holds the reference.
    pub fn field(&self) -> &FieldDefinition {
        &self.field
    }

    /// Returns how many different references there may be; `None` for any number.
    pub(crate) fn ticket_limit(&self) -> Option<usize> {
        let limit = self.max_tickets?;
        Some(usize::try_from(limit).unwrap_or(usize::MAX))
    }

    /// Returns whether this is a reference as the policy accepts it.
    pub(crate) fn accepts_key(&self, key: &Text) -> bool {
        match &self.field.kind {
            FieldKind::Matches { pattern, .. } => pattern.matches_value(key.as_bytes()) == Some(true),
            _ => false,
        }
    }

    /// Returns why a ticket, which was asked for as `named`, is no evidence for what `owing` has owed
    /// since it was seen; nothing if it is evidence.
    ///
    /// # Errors
    ///
    /// Returns the fact that is missing if it cannot be known whether the ticket's time can be trusted.
    pub(crate) fn find_objections(
        &self,
        named: &Text,
        ticket: &change::Ticket,
        owing: &EvaluationContext<'_>,
        now: Timestamp,
    ) -> Fact<Vec<Message>> {
        let mut objections = match &self.requirement {
            Some(requirement) => requirement.find_differences(named, ticket),
            None => Vec::new(),
        };
        let created = ticket.created.to_string();
        if ticket.created > now {
            objections.push(CREATED_IN_FUTURE.with("ticket", named).with("created", created.as_str()));
        }
        if let Ok(Some(why)) = &ticket.backdated {
            let message = BACKDATED.with("ticket", named).with("created", created);
            objections.push(message.with("reason", doubt_message(why)));
        } else if ticket.created < owing.change.seen_at && !self.belongs_to_change(ticket, owing) {
            objections.push(BELONGS_ELSEWHERE.with("ticket", named).with("created", created));
        }
        if objections.is_empty()
            && let Err(missing) = &ticket.backdated
        {
            return Err(missing.clone());
        }
        Ok(objections)
    }

    /// Returns whether a ticket mentions the change, or what the change says that it is about.
    fn belongs_to_change(&self, ticket: &change::Ticket, owing: &EvaluationContext<'_>) -> bool {
        let id = owing.change.tip().id;
        let speaks = ticket.outsider.as_ref().is_none_or(|by| owing.people.names_account(by));
        if speaks && id.is_some_and(|id| ticket.mentions_commit(id)) {
            return true;
        }
        if let Some(fields) = self.requirement.as_ref().and_then(|asked| asked.about_fields()) {
            return fields.iter().any(|field| mentions_field(ticket, field, owing.change));
        }
        for name in DEFAULT_ABOUT_FIELDS {
            if let Some(field) = owing.vocabulary.find_field(name)
                && field.name != self.field.name
                && mentions_field(ticket, field, owing.change)
            {
                return true;
            }
        }
        false
    }
}

/// Returns whether a ticket mentions what the change states in `field`.
fn mentions_field(ticket: &change::Ticket, field: &FieldDefinition, change: &Change) -> bool {
    let FieldReading::Stated { claims, .. } = field.read_from_change(change) else { return false };
    claims.iter().any(|claim| ticket.mentions_word(&claim.value))
}
