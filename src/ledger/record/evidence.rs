//! What the evidence of an obligation counts as: from when on, and what people call it.

use jiff::Timestamp;

use crate::change::Text;
use crate::ledger::record::wire::ObligationEvidence;

impl ObligationEvidence {
    /// Returns the instant that decides whether an obligation of `since` was closed in time, if the evidence
    /// was seen at `seen`. Of a ticket it is when the ticket was made, by the clock of its system, and of a
    /// review when it was submitted, by the clock of the forge.
    ///
    /// It is never before the obligation: a ticket that existed before is not early.
    pub(crate) fn effective_time(&self, seen: Timestamp, since: Timestamp) -> Timestamp {
        match self {
            ObligationEvidence::Change { .. } | ObligationEvidence::Session { .. } => seen.max(since),
            ObligationEvidence::Ticket { created, .. } => (*created).max(since),
            ObligationEvidence::Review { submitted, .. } => (*submitted).max(since),
        }
    }

    /// Returns the full name of the evidence, for people who look it up.
    pub fn full_name(&self) -> Text {
        match self {
            ObligationEvidence::Change { id } => Text::from(id.to_string()),
            ObligationEvidence::Session { by } => by.clone(),
            other => Text::from(other.describe()),
        }
    }

    /// Returns the evidence in words that follow "by", still to be escaped.
    pub fn describe(&self) -> String {
        match self {
            ObligationEvidence::Change { id } => id.short_hex(),
            ObligationEvidence::Ticket { key, source, .. } => {
                format!("the ticket {} ({})", key.to_lossy(), source.to_lossy())
            }
            ObligationEvidence::Review { by, on, .. } => {
                format!("the review of {} by {}", on.to_lossy(), by.to_lossy())
            }
            ObligationEvidence::Session { by } => by.to_lossy().into_owned(),
        }
    }
}
