//! What `ticket` asks of a ticket that is brought later, as evidence of what a change owes.
//!
//! Whoever brings it says little: a key, or not even that. So the ticket itself has to belong to the
//! change, whatever the policy asks beside. One that came too late is evidence all the same, of being
//! late; how late is for whoever keeps the obligation to say.

use jiff::Timestamp;

use crate::change::{self, Fact, Text};
use crate::predicates::EvaluationContext;
use crate::predicates::ticket::TicketPredicate;
use crate::verdict::Sentence;
use crate::vocabulary::{FieldDefinition, FieldKind, FieldReading};

/// The fields that say what an emergency is about, if the policy has them and says nothing else.
const DEFAULT_ABOUT_FIELDS: [&str; 2] = ["Incident", "CVE"];

impl TicketPredicate {
    /// Returns the field that holds the reference.
    pub fn field(&self) -> &FieldDefinition {
        &self.field
    }

    /// Returns how many different references there may be.
    pub fn ticket_limit(&self) -> Option<usize> {
        self.max_tickets.map(|max| usize::try_from(max).unwrap_or(usize::MAX))
    }

    /// Returns whether this is a reference as the policy accepts it.
    pub fn accepts_key(&self, key: &Text) -> bool {
        match &self.field.kind {
            FieldKind::Matches { pattern, .. } => pattern.matches_value(key.as_bytes()) == Some(true),
            _ => false,
        }
    }

    /// Returns what speaks against a ticket, which was asked for as `named`, as evidence of what
    /// `owing` has owed since it was seen; nothing if it is evidence.
    ///
    /// # Errors
    ///
    /// Returns the fact that is missing if nobody can say whether the ticket's time can be believed.
    pub fn find_objections(
        &self,
        named: &Text,
        ticket: &change::Ticket,
        owing: &EvaluationContext<'_>,
        now: Timestamp,
    ) -> Fact<Vec<Sentence>> {
        let the = || Sentence::from_words("the ticket ").with_quote(named);
        let made = ticket.created;
        let mut wrong =
            self.requirement.as_ref().map(|asked| asked.find_differences(named, ticket)).unwrap_or_default();
        if now < made {
            wrong.push(the().with_words(format!(" says that it was made at {made}, which is still to come")));
        }
        if let Ok(Some(why)) = &ticket.backdated {
            wrong
                .push(the().with_words(format!(
                    " says that it was made at {made}, which cannot be believed: {why}"
                )));
        } else if made < owing.change.seen_at && !self.belongs_to_change(ticket, owing) {
            wrong.push(the().with_words(format!(
                " is about something else: it was made at {made}, before this change, and names neither the \
                 change nor its incident"
            )));
        }
        if wrong.is_empty() {
            ticket.backdated.as_ref().map_err(Clone::clone)?;
        }
        Ok(wrong)
    }

    /// Returns whether a ticket names the change, or what the change says that it is about.
    fn belongs_to_change(&self, ticket: &change::Ticket, owing: &EvaluationContext<'_>) -> bool {
        let id = owing.change.tip().id;
        if id.is_some_and(|id| ticket.mentions_commit(id)) {
            return true;
        }
        let usual = DEFAULT_ABOUT_FIELDS
            .iter()
            .filter_map(|name| owing.vocabulary.find_field(name))
            .map(AsRef::as_ref);
        let about: Vec<&FieldDefinition> =
            match self.requirement.as_ref().and_then(|asked| asked.about_fields()) {
                Some(fields) => fields.iter().map(AsRef::as_ref).collect(),
                None => usual.filter(|field| field.name != self.field.name).collect(),
            };
        about.iter().any(|field| match field.read_from_change(owing.change) {
            FieldReading::Stated { claims, .. } => {
                claims.iter().any(|claim| ticket.mentions_word(claim.value))
            }
            FieldReading::Absent | FieldReading::Invalid(_) => false,
        })
    }
}
