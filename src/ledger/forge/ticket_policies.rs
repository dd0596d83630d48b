//! Confirms owed tickets in a repository on a forge.
//!
//! It calls [`crate::ledger::server::confirm_tickets`] with other sources than a server has: the owing
//! change and what later ones state from the ledger, and the current policy of each ref from the forge.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use jiff::Timestamp;

use crate::change::{Change, Text};
use crate::gate::LoadedPolicy;
use crate::ledger::forge::past_decisions::PastDecisions;
use crate::ledger::forge::{ForgeLedger, to_error};
use crate::ledger::server::confirm_tickets::{
    ConfirmationScope, TicketConfirmation, confirm_tickets, is_ticket_confirmable,
};
use crate::ledger::state::{LedgerState, TrackedObligation, encode_ref_key};
use crate::tickets::TicketAccess;
use crate::verdict::{Message, MessageValue, messages};

messages! {
    POLICY_UNAVAILABLE = "confirmation.policy-unavailable": "cannot confirm the tickets that are owed on {ref}: {reason}";
}

/// The policies that judge tickets, each with its ref.
#[derive(Default)]
pub(crate) struct TicketPolicies {
    by_ref: Vec<(Text, LoadedPolicy)>,
    /// The refs whose policy cannot be read, and why.
    pub(crate) problems: Vec<Message>,
}

impl TicketPolicies {
    /// Reads the policies of the refs on which something is owed that a ticket can close.
    pub(crate) fn read_policies(ledger: &ForgeLedger<'_>, state: &LedgerState) -> TicketPolicies {
        let mut names: BTreeSet<&Text> = BTreeSet::new();
        for owed in state.obligations.values() {
            if owed.closed.is_none() && owed.unauthorised_change.is_none() && owed.field.is_some() {
                names.insert(&owed.ref_name);
            }
        }
        let mut policies = TicketPolicies::default();
        for name in names {
            match read_ref_policy(ledger, state, name) {
                Ok(Some(loaded)) => policies.by_ref.push((name.clone(), loaded)),
                Ok(None) => {}
                Err(why) => {
                    let message = POLICY_UNAVAILABLE
                        .with("ref", name)
                        .with("reason", MessageValue::unrecorded(format!("{why:#}")));
                    policies.problems.push(message);
                }
            }
        }
        policies
    }

    /// Returns whether an obligation is a ticket that a ticket system can confirm.
    pub(crate) fn is_confirmable(&self, owed: &TrackedObligation) -> bool {
        for (name, loaded) in &self.by_ref {
            if *name == owed.ref_name && is_ticket_confirmable(owed, &loaded.policy) {
                return true;
            }
        }
        false
    }
}

/// Asks about every ticket that is owed, and returns the answers by the ids of the obligations.
pub(crate) fn confirm_forge_tickets(
    ledger: &ForgeLedger<'_>,
    state: &LedgerState,
    policies: &TicketPolicies,
    past: &PastDecisions,
    now: Timestamp,
) -> Vec<(String, TicketConfirmation)> {
    let Some(access) = &ledger.options.ticket_access else { return Vec::new() };
    let access = TicketAccess { repository: Some(ledger.repo.to_string()), ..access.clone() };
    let find_owing = |owed: &TrackedObligation| -> Result<Change> {
        past.find_decision(owed)?.find_owing_change(owed).context("the ledger does not hold its facts")
    };
    let mut answers = Vec::new();
    for (name, loaded) in &policies.by_ref {
        let closings = past.closings_on(name);
        let scope = ConfirmationScope { ref_name: name, policy: &loaded.policy, closings: &closings, now };
        answers.extend(confirm_tickets(&scope, state, &find_owing, || access.clone()));
    }
    answers
}

/// Returns the policy that judges evidence on a ref: that of the ref, or if it has none, that of the
/// default branch; `None` for a ref that no longer exists.
fn read_ref_policy(
    ledger: &ForgeLedger<'_>,
    state: &LedgerState,
    name: &Text,
) -> Result<Option<LoadedPolicy>> {
    let Some(tip) = state.tips.get(&encode_ref_key(name)) else { return Ok(None) };
    let base = ledger.read_default_policy()?;
    if !matches!(base, Some((_, default)) if default == name) {
        let path = &ledger.options.policy_path;
        let own = ledger.github.load_policy_at(ledger.repo, *tip, path).map_err(to_error)?;
        if own.is_some() {
            return Ok(own);
        }
    }
    let (loaded, _) = base.context("the default branch has no valid policy")?;
    Ok(Some(loaded.clone()))
}
