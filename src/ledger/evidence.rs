//! Evidence: what closes an obligation, when it counts from, and what it is called.

use jiff::Timestamp;

use super::record::Evidence;
use crate::change::Text;

impl Evidence {
    /// Returns the instant that decides whether something owed since `since` was there in time, if the
    /// evidence was seen at `seen`: of a ticket when it was made, by the clock of its own system, and
    /// of a review when it was handed in, by the forge's.
    ///
    /// It is never before the obligation: a ticket that was there already is not early.
    pub fn counts_from(&self, seen: Timestamp, since: Timestamp) -> Timestamp {
        match self {
            Evidence::Change { .. } | Evidence::Session { .. } => seen.max(since),
            Evidence::Ticket { created, .. } => (*created).max(since),
            Evidence::Review { submitted, .. } => (*submitted).max(since),
        }
    }

    /// Returns what it is called in full, for whoever looks it up.
    pub fn name(&self) -> Text {
        match self {
            Evidence::Change { id } => Text::from(id.to_string()),
            Evidence::Session { by } => by.clone(),
            other => Text::from(other.words()),
        }
    }

    /// Returns what it is called, in words that follow "by"; they hold what others wrote.
    pub fn words(&self) -> String {
        match self {
            Evidence::Change { id } => id.short(),
            Evidence::Ticket { key, source, .. } => {
                format!("the ticket {} ({})", key.to_lossy(), source.to_lossy())
            }
            Evidence::Review { by, on, .. } => {
                format!("the review of {} by {}", on.to_lossy(), by.to_lossy())
            }
            Evidence::Session { by } => by.to_lossy().into_owned(),
        }
    }
}
