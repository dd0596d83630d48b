//! Notices about obligations that have become due soon or overdue.

use serde_json::Value;

use crate::cli::command_error::CommandError;
use crate::cli::context::Context;
use crate::cli::obligations::notify::NotifyChannel;
use crate::cli::obligations::obligation_list::ObligationList;
use crate::ledger::record::{LedgerEvent, ObligationEscalation};
use crate::ledger::state::status::ObligationStatus;
use crate::ledger::state::{ObligationNotice, TrackedObligation};

/// An obligation with its id.
type IdentifiedObligation<'state> = (&'state str, &'state TrackedObligation);

/// Sends each notice that was not sent before, and has the notices recorded.
pub(crate) fn notify_due(
    listing: &ObligationList<'_>,
    channels: &[NotifyChannel],
    context: &Context,
    record: &mut dyn FnMut(LedgerEvent) -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    if channels.is_empty() {
        return Ok(());
    }
    let soon = list_unsent(listing, ObligationStatus::DueSoon, ObligationNotice::DueSoon);
    let overdue = list_unsent(listing, ObligationStatus::Overdue, ObligationNotice::Overdue);
    if soon.is_empty() && overdue.is_empty() {
        return Ok(());
    }
    let mut list: Vec<Value> = Vec::new();
    for (id, owed) in &overdue {
        list.push(listing.obligation_json(ObligationStatus::Overdue, id, owed));
    }
    for (id, owed) in &soon {
        list.push(listing.obligation_json(ObligationStatus::DueSoon, id, owed));
    }
    for channel in channels {
        channel.send_due_obligations(&soon, &overdue, &list)?;
    }
    record(LedgerEvent::Escalated(ObligationEscalation {
        due_soon: list_ids(&soon),
        overdue: list_ids(&overdue),
        observed_at: context.now,
    }))
}

/// Returns the obligations with this status for which no such notice was sent.
fn list_unsent<'state>(
    listing: &ObligationList<'state>,
    status: ObligationStatus,
    notice: ObligationNotice,
) -> Vec<IdentifiedObligation<'state>> {
    let mut unsent = Vec::new();
    for (id, owed) in listing.filter_by_status(status) {
        if owed.notice < Some(notice) {
            unsent.push((id, owed));
        }
    }
    unsent
}

fn list_ids(obligations: &[IdentifiedObligation<'_>]) -> Vec<String> {
    obligations.iter().map(|(id, _)| (*id).to_owned()).collect()
}

/// Returns the channels that the options `--notify` name.
pub(crate) fn parse_channels(
    options: &[String],
    context: &Context,
) -> Result<Vec<NotifyChannel>, CommandError> {
    let mut channels = Vec::new();
    for option in options {
        channels.push(NotifyChannel::parse_channel(option, context)?);
    }
    Ok(channels)
}
