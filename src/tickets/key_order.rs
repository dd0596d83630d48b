//! Whether the time at which a ticket is said to have been made fits the order of the keys.
//!
//! Systems count up. A ticket that is said to be older than one with a lower number was imported,
//! moved from elsewhere, or back-dated; which of them it was, nobody can tell from here.

use jiff::{SignedDuration, Timestamp};

/// By how much two tickets that were made at the same moment may seem to be in the wrong order.
const CLOCK_SLACK: SignedDuration = SignedDuration::from_mins(1);

/// How many lower keys are tried, one after the other, until there is a ticket: some are deleted.
pub(crate) const MAX_LOWER_KEYS: u64 = 3;

/// Returns what speaks against `created`, if a ticket with a lower number, called `lower`, was made
/// at `lower_created`.
pub(crate) fn backdated(created: Timestamp, lower: &str, lower_created: Timestamp) -> Option<String> {
    let is_later = CLOCK_SLACK < lower_created.duration_since(created);
    is_later.then(|| {
        format!(
            "{lower}, which has a lower number, was made later, at {lower_created}; the ticket was imported, moved \
             or back-dated"
        )
    })
}
