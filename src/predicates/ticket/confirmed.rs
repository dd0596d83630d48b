//! What `ticket` asks of a ticket that is brought later, as evidence of what a change owes.
//!
//! Whoever brings it says little: a key, or not even that. So the ticket itself has to belong to the
//! change, whatever the policy asks beside. One that came too late is evidence all the same, of being
//! late; how late is for whoever keeps the obligation to say.

use jiff::Timestamp;

use super::super::Seen;
use super::Ticket;
use crate::change::{self, Fact, Text};
use crate::verdict::Line;
use crate::vocabulary::{Field, Kind, Reading};

/// The fields that say what an emergency is about, if the policy has them and says nothing else.
const ABOUT: [&str; 2] = ["Incident", "CVE"];

impl Ticket {
    /// Returns the field that holds the reference.
    pub fn field(&self) -> &Field {
        &self.field
    }

    /// Returns how many different references there may be.
    pub fn most(&self) -> Option<usize> {
        self.max.map(|max| usize::try_from(max).unwrap_or(usize::MAX))
    }

    /// Returns whether this is a reference as the policy accepts it.
    pub fn accepts(&self, key: &Text) -> bool {
        match &self.field.kind {
            Kind::Matches { pattern, .. } => pattern.matches(key.as_bytes()) == Some(true),
            _ => false,
        }
    }

    /// Returns what speaks against a ticket, which was asked for as `named`, as evidence of what
    /// `owing` has owed since it was seen; nothing if it is evidence.
    ///
    /// # Errors
    ///
    /// Returns the fact that is missing if nobody can say whether the ticket's time can be believed.
    pub fn against(
        &self,
        named: &Text,
        ticket: &change::Ticket,
        owing: &Seen<'_>,
        now: Timestamp,
    ) -> Fact<Vec<Line>> {
        let the = || Line::say("the ticket ").quote(named);
        let made = ticket.created;
        let mut wrong = self.asked.as_ref().map(|asked| asked.unlike(named, ticket)).unwrap_or_default();
        if now < made {
            wrong.push(the().and(format!(" says that it was made at {made}, which is still to come")));
        }
        if let Ok(Some(why)) = &ticket.doubt {
            wrong.push(
                the().and(format!(" says that it was made at {made}, which cannot be believed: {why}")),
            );
        } else if made < owing.change.seen_at && !self.belongs(ticket, owing) {
            wrong.push(the().and(format!(
                " is about something else: it was made at {made}, before this change, and names neither the \
                 change nor its incident"
            )));
        }
        if wrong.is_empty() {
            ticket.doubt.as_ref().map_err(Clone::clone)?;
        }
        Ok(wrong)
    }

    /// Returns whether a ticket names the change, or what the change says that it is about.
    fn belongs(&self, ticket: &change::Ticket, owing: &Seen<'_>) -> bool {
        let id = owing.change.tip().and_then(|tip| tip.id);
        if id.is_some_and(|id| ticket.names_change(id)) {
            return true;
        }
        let usual = ABOUT.iter().filter_map(|name| owing.vocabulary.field(name)).map(AsRef::as_ref);
        let about: Vec<&Field> = match self.asked.as_ref().and_then(|asked| asked.about()) {
            Some(fields) => fields.iter().map(AsRef::as_ref).collect(),
            None => usual.filter(|field| field.name != self.field.name).collect(),
        };
        about.iter().any(|field| match field.reading(owing.change) {
            Reading::Stated { claims, .. } => claims.iter().any(|claim| ticket.names(claim.value)),
            Reading::Absent | Reading::Invalid(_) => false,
        })
    }
}
