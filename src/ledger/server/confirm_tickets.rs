//! Asks ticket systems about owed tickets: whether a ticket exists, when it was created, whether it belongs.
//!
//! A ticket is found in two ways. A change names it, the one that owes or a later one; or the ticket names
//! the change. Either way only what the ticket system says about it counts, never what a contributor typed.
//! A system that does not answer closes nothing, and the outcome says so.

use std::time::Duration;

use jiff::Timestamp;

use crate::change::ticket::TicketKey;
use crate::change::{Change, Missing, Oid, Text, Ticket, TicketLookup};
use crate::gate::obligations::{ObligationClosing, list_field_values};
use crate::ledger::record::ObligationEvidence;
use crate::ledger::state::obligation::check_closing;
use crate::ledger::state::status::{NotClosedReason, seconds_late};
use crate::ledger::state::{LedgerState, TrackedObligation};
use crate::policy::Policy;
use crate::predicates::{EvaluationContext, ticket};
use crate::tickets::{TicketAccess, TicketSources};
use crate::verdict::{Message, MessageValue, messages};

messages! {
    TICKET_NOT_FOUND = "confirmation.ticket-not-found": "there is no ticket {ticket}, or the gate cannot see it";
    TICKET_UNAVAILABLE = "confirmation.ticket-unavailable": "{ticket}: {reason}";
    SEARCH_UNAVAILABLE = "confirmation.search-unavailable": "cannot search {system} for tickets that name the change: {reason}";
    TOO_MANY_TICKETS = "confirmation.too-many-tickets": "{change} names {count} tickets; at most {limit} can be named";
    OUTSIDER_TICKET = "confirmation.outsider-ticket":
        "the ticket {ticket} names the change, but {account}, who wrote it, is neither a member of the repository nor named by the policy; have a member open one";
    SYSTEM_UNKNOWN = "confirmation.system-unknown": "{ticket} is not in a ticket system of the policy";
    CHANGE_UNREADABLE = "confirmation.change-unreadable": "cannot read the change that owes it: {reason}";
}

/// The time that asking about all obligations of a ref may take.
const CONFIRMATION_TIMEOUT: Duration = Duration::from_secs(120);

/// The ref on which tickets are owed.
#[derive(Clone, Copy, Debug)]
pub struct ConfirmationScope<'a> {
    /// The full name of the ref.
    pub ref_name: &'a Text,
    /// The policy that judges the evidence.
    pub policy: &'a Policy,
    /// What the changes on the ref state for earlier ones.
    pub closings: &'a [ObligationClosing],
    /// The time of the run, by which time limits are judged.
    pub now: Timestamp,
}

/// A question about one obligation.
#[derive(Clone, Copy, Debug)]
pub struct ConfirmationRequest<'a> {
    /// The obligation that a ticket closes.
    pub obligation: &'a TrackedObligation,
    /// The change that owes it, as it was when it was seen.
    pub owing_change: &'a Change,
    /// What later changes on the same ref state.
    pub closings: &'a [ObligationClosing],
    /// The policy that judges the evidence.
    pub policy: &'a Policy,
    /// The time of the run, by which time limits are judged.
    pub now: Timestamp,
}

/// What the ticket systems say about one obligation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TicketConfirmation {
    /// The ticket that closes the obligation, if one does.
    pub evidence: Option<ObligationEvidence>,
    /// Why the tickets that were found do not close it.
    pub objections: Vec<Message>,
    /// The questions that a system did not answer, and why.
    pub unanswered: Vec<Message>,
}

/// Returns whether an obligation is a ticket that a ticket system of the policy can confirm.
pub fn is_ticket_confirmable(owed: &TrackedObligation, policy: &Policy) -> bool {
    owed.closed.is_none() && owed.field.as_deref().is_some_and(|field| policy.can_confirm_field(field))
}

/// Asks about every ticket that is owed on a ref, and returns the answers by the ids of the obligations.
/// `find_owing` returns the change that owes something; `access` is called only if a system is asked.
pub fn confirm_tickets(
    on: &ConfirmationScope<'_>,
    state: &LedgerState,
    find_owing: &dyn Fn(&TrackedObligation) -> anyhow::Result<Change>,
    access: impl Fn() -> TicketAccess,
) -> Vec<(String, TicketConfirmation)> {
    let ConfirmationScope { ref_name, policy, closings, now } = *on;
    let mut sources: Option<TicketSources> = None;
    let mut answers = Vec::new();
    for (id, obligation) in &state.obligations {
        if obligation.ref_name != *ref_name || !is_ticket_confirmable(obligation, policy) {
            continue;
        }
        // Shared by all obligations of the ref, so that a ticket is asked for once and one time budget
        // holds.
        let sources = sources.get_or_insert_with(|| {
            TicketSources::new(policy.ticket_systems.clone(), access()).with_time_budget(CONFIRMATION_TIMEOUT)
        });
        let answer = match find_owing(obligation) {
            Ok(change) => {
                let owing_change = &change;
                let request = ConfirmationRequest { obligation, owing_change, closings, policy, now };
                confirm_ticket(&request, sources)
            }
            Err(why) => TicketConfirmation {
                unanswered: vec![
                    CHANGE_UNREADABLE.with("reason", MessageValue::unrecorded(format!("{why:#}"))),
                ],
                ..TicketConfirmation::default()
            },
        };
        answers.push((id.clone(), answer));
    }
    answers
}

/// Asks about one obligation. Of the tickets that count, the one that was created first is the evidence.
pub fn confirm_ticket(request: &ConfirmationRequest<'_>, sources: &mut TicketSources) -> TicketConfirmation {
    let ConfirmationRequest { obligation: owed, owing_change, policy, .. } = *request;
    let mut run = TicketConfirmer { request, confirmation: TicketConfirmation::default(), earliest: None };
    let field = owed.field.as_deref().unwrap_or_default();
    let Some(rule) = policy.find_ticket_predicate(Some(&owed.rule), field) else { return run.confirmation };
    let seen = EvaluationContext::new(owing_change, &policy.people, &policy.vocabulary);
    let (keys, stated_by) = run.collect_named_tickets(rule);
    for (TicketLookup { key, found }, by) in sources.look_up_tickets(&keys).into_iter().zip(&stated_by) {
        match found {
            Ok(Some(ticket)) => run.weigh_ticket(rule, &key, ticket, *by, &seen),
            Ok(None) => run.confirmation.objections.push(TICKET_NOT_FOUND.with("ticket", &key)),
            Err(missing) => run.add_unanswered(&key, &missing),
        }
    }
    // A change does not have to name its ticket if the ticket names the change; but the owing
    // contributors can create such a ticket too, so it does not count where another person has to close.
    let is_late = match &run.earliest {
        Some((created, _)) => seconds_late(owed.due, *created).is_some(),
        None => true,
    };
    if let (Some(id), true, false) = (owed.change, is_late, owed.by_others) {
        for (system, found) in sources.find_mentions(id) {
            let tickets = match found {
                Ok(tickets) => tickets,
                Err(missing) => {
                    let message = SEARCH_UNAVAILABLE.with("system", system);
                    run.confirmation
                        .unanswered
                        .push(message.with("reason", MessageValue::unrecorded(missing.to_string())));
                    continue;
                }
            };
            for ticket in tickets {
                if let Some(by) = &ticket.outsider
                    && !policy.people.names_account(by)
                {
                    let message = OUTSIDER_TICKET.with("ticket", &ticket.key).with("account", by);
                    run.confirmation.objections.push(message);
                    continue;
                }
                if !keys.contains(&ticket.key) && rule.accepts_key(&ticket.key) {
                    run.weigh_ticket(rule, &ticket.key.clone(), ticket, None, &seen);
                }
            }
        }
    }
    run.confirmation.evidence = run.earliest.map(|(_, evidence)| evidence);
    run.confirmation
}

struct TicketConfirmer<'a> {
    request: &'a ConfirmationRequest<'a>,
    confirmation: TicketConfirmation,
    /// The ticket that was created first, of those that count.
    earliest: Option<(Timestamp, ObligationEvidence)>,
}

impl TicketConfirmer<'_> {
    fn add_unanswered(&mut self, ticket: &Text, missing: &Missing) {
        let message = TICKET_UNAVAILABLE
            .with("ticket", ticket)
            .with("reason", MessageValue::unrecorded(missing.to_string()));
        self.confirmation.unanswered.push(message);
    }

    /// Returns the tickets that changes name, each once, and beside it the change that names each.
    fn collect_named_tickets(&mut self, rule: &ticket::TicketPredicate) -> (Vec<Text>, Vec<Option<Oid>>) {
        let ConfirmationRequest { obligation: owed, owing_change, closings, policy, .. } = *self.request;
        let mut stated = vec![(list_field_values(owing_change, rule.field()), owed.change)];
        for closing in closings {
            // Of later changes, only one that lacks nothing but the confirmation of a ticket is of use
            // here.
            if check_closing(owed, closing, &owed.ref_name) != Err(NotClosedReason::Unconfirmed) {
                continue;
            }
            for one in &closing.states {
                if one.field == rule.field().name {
                    stated.push((one.tickets.clone().unwrap_or_default(), Some(closing.made.change)));
                }
            }
        }
        let mut named = Vec::new();
        let mut stated_by = Vec::new();
        for (keys, by) in stated {
            if let Some(limit) = rule.ticket_limit()
                && keys.len() > limit
            {
                let change = by.map(|id| id.short_hex()).unwrap_or_default();
                let message = TOO_MANY_TICKETS.with("change", change).with("count", keys.len());
                self.confirmation.objections.push(message.with("limit", limit));
                continue;
            }
            for key in keys {
                let parsed = TicketKey::parse_key(&key);
                if parsed.and_then(|key| policy.ticket_systems.find_system(&key).cloned()).is_none() {
                    self.confirmation.objections.push(SYSTEM_UNKNOWN.with("ticket", key));
                } else if !named.contains(&key) {
                    named.push(key);
                    stated_by.push(by);
                }
            }
        }
        (named, stated_by)
    }

    /// Keeps a ticket if the policy accepts it and it was created before the others.
    fn weigh_ticket(
        &mut self,
        rule: &ticket::TicketPredicate,
        named: &Text,
        ticket: Ticket,
        by: Option<Oid>,
        seen: &EvaluationContext<'_>,
    ) {
        let objections = match rule.find_objections(named, &ticket, seen, self.request.now) {
            Ok(objections) => objections,
            Err(missing) => return self.add_unanswered(named, &missing),
        };
        if !objections.is_empty() {
            self.confirmation.objections.extend(objections);
            return;
        }
        let Ticket { key, source, created, url, .. } = ticket;
        if let Some((earliest, _)) = &self.earliest
            && created >= *earliest
        {
            return;
        }
        self.earliest = Some((created, ObligationEvidence::Ticket { key, source, created, url, by }));
    }
}
