//! Asking about the tickets that are owed in a repository on a forge.
//!
//! It is [`crate::ledger::server::confirm_tickets`] with what a server has at hand taken from elsewhere: the change that owes
//! and what later ones say from the ledger, the policy from the forge, as each ref holds it now.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use jiff::Timestamp;

use crate::change::Text;
use crate::gate::LoadedPolicy;
use crate::ledger::forge::past_decisions::PastDecisions;
use crate::ledger::forge::{ForgeLedger, to_error};
use crate::ledger::server::confirm_tickets::{
    ConfirmationScope, TicketConfirmation, confirm_tickets, is_ticket_confirmable,
};
use crate::ledger::state::{LedgerState, TrackedObligation, encode_ref_key};
use crate::report::escape;
use crate::tickets::TicketAccess;

/// The policies by which evidence is judged, each with its ref.
#[derive(Default)]
pub struct TicketPolicies {
    by_ref: Vec<(Text, LoadedPolicy)>,
    /// The refs of which nobody knows the policy, as sentences.
    pub problems: Vec<String>,
}

impl TicketPolicies {
    /// Reads the policies of the refs on which something is owed that a ticket may close.
    pub fn read_policies(keeping: &ForgeLedger<'_>, state: &LedgerState) -> TicketPolicies {
        let open = state
            .obligations
            .values()
            .filter(|owed| owed.closed.is_none() && owed.unauthorised_change.is_none());
        let names: BTreeSet<&Text> =
            open.filter(|owed| owed.field.is_some()).map(|owed| &owed.ref_name).collect();
        let mut policies = TicketPolicies::default();
        for name in names {
            match read_ref_policy(keeping, state, name) {
                Ok(Some(loaded)) => policies.by_ref.push((name.clone(), loaded)),
                Ok(None) => {}
                Err(why) => {
                    let name = escape::escape_terminal(name.as_bytes(), escape::MAX_QUOTE_COLUMNS);
                    let what = format!("nobody was asked about the tickets that are owed on {name}: {why:#}");
                    policies.problems.push(what);
                }
            }
        }
        policies
    }

    /// Returns whether what is owed is a ticket that somebody can be asked about.
    pub fn is_confirmable(&self, owed: &TrackedObligation) -> bool {
        self.by_ref
            .iter()
            .any(|(name, loaded)| *name == owed.ref_name && is_ticket_confirmable(owed, &loaded.policy))
    }
}

/// Asks about every ticket that is owed, by the ids of what is owed.
pub fn confirm_forge_tickets(
    keeping: &ForgeLedger<'_>,
    state: &LedgerState,
    policies: &TicketPolicies,
    recalled: &PastDecisions,
    now: Timestamp,
) -> Vec<(String, TicketConfirmation)> {
    let Some(access) = &keeping.options.ticket_access else { return Vec::new() };
    let access = TicketAccess { repository: Some(keeping.repo.to_string()), ..access.clone() };
    let owing = |owed: &TrackedObligation| {
        let owing = recalled.find_decision(owed)?.find_owing_change(owed);
        owing.context("what was judged is not kept in the ledger")
    };
    let mut answers = Vec::new();
    for (name, loaded) in &policies.by_ref {
        let on = ConfirmationScope {
            ref_name: name,
            policy: &loaded.policy,
            closings: &recalled.closings_on(name),
            now,
        };
        answers.extend(confirm_tickets(&on, state, &owing, || access.clone()));
    }
    answers
}

/// Returns the policy by which evidence on a ref is judged: its own, or, where it has none, that of the
/// default branch; `None` for a ref that is gone.
fn read_ref_policy(
    keeping: &ForgeLedger<'_>,
    state: &LedgerState,
    name: &Text,
) -> Result<Option<LoadedPolicy>> {
    let base = keeping.read_default_policy()?;
    let own = match state.tips.get(&encode_ref_key(name)) {
        None => return Ok(None),
        Some(_) if base.is_some_and(|(_, default)| default == name) => None,
        Some(tip) => keeping
            .github
            .load_policy_at(keeping.repo, *tip, &keeping.options.policy_path)
            .map_err(to_error)?,
    };
    let base = base.map(|(loaded, _)| loaded.clone());
    own.or(base).map(Some).context("the default branch has no policy that can be used")
}
