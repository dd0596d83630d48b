//! Evidence: what closes an obligation, when it counts from, and what it is called.

use jiff::Timestamp;

use crate::change::Text;
use crate::ledger::record::ObligationEvidence;

impl ObligationEvidence {
    /// Returns the instant that decides whether something owed since `since` was there in time, if the
    /// evidence was seen at `seen`: of a ticket when it was made, by the clock of its own system, and
    /// of a review when it was handed in, by the forge's.
    ///
    /// It is never before the obligation: a ticket that was there already is not early.
    pub fn effective_time(&self, seen: Timestamp, since: Timestamp) -> Timestamp {
        match self {
            ObligationEvidence::Change { .. } | ObligationEvidence::Session { .. } => seen.max(since),
            ObligationEvidence::Ticket { created, .. } => (*created).max(since),
            ObligationEvidence::Review { submitted, .. } => (*submitted).max(since),
        }
    }

    /// Returns what it is called in full, for whoever looks it up.
    pub fn full_name(&self) -> Text {
        match self {
            ObligationEvidence::Change { id } => Text::from(id.to_string()),
            ObligationEvidence::Session { by } => by.clone(),
            other => Text::from(other.describe()),
        }
    }

    /// Returns what it is called, in words that follow "by"; they hold what others wrote.
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
