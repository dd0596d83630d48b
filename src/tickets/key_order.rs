//! Whether the time at which a ticket is said to have been created fits the order of the keys.
//!
//! Systems count up. A ticket that is said to be older than one with a lower number was imported, moved
//! from elsewhere, or back-dated; which of them it was cannot be told from here.

use jiff::{SignedDuration, Timestamp};

use crate::change::ticket::{CreationDoubt, TicketKey};

/// By how much two tickets that were created at the same moment may seem to be in the wrong order.
const CLOCK_SLACK: SignedDuration = SignedDuration::from_mins(1);

/// How many lower keys are tried, one after the other, until there is a ticket: some are deleted.
pub(crate) const MAX_LOWER_KEYS: u64 = 3;

/// Returns what speaks against `created`, if the nearest ticket below `key` was created later;
/// `read_created` returns when the ticket of a key was created, if there is one.
///
/// # Errors
///
/// Returns the first error of `read_created`.
pub(crate) fn check_key_order(
    key: &TicketKey,
    created: Timestamp,
    read_created: impl Fn(&TicketKey) -> Result<Option<Timestamp>, String>,
) -> Result<Option<CreationDoubt>, String> {
    for down in 1..=MAX_LOWER_KEYS {
        let Some(lower) = key.lower_key(down) else { break };
        if let Some(lower_created) = read_created(&lower)? {
            return Ok(explain_backdating(created, lower.as_str(), lower_created));
        }
    }
    Ok(None)
}

/// Returns what speaks against `created`, if a ticket with a lower number, called `lower`, was created
/// at `lower_created`.
pub(crate) fn explain_backdating(
    created: Timestamp,
    lower: &str,
    lower_created: Timestamp,
) -> Option<CreationDoubt> {
    if lower_created.duration_since(created) <= CLOCK_SLACK {
        return None;
    }
    Some(CreationDoubt::LowerKeyIsLater { lower: lower.into(), lower_created })
}
