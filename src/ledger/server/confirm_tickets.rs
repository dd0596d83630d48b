//! Asking ticket systems about what is owed: is there a ticket, when was it made, does it belong?
//!
//! There are two ways to a ticket. A change names it, the one that owes or a later one; or it names the
//! change itself. Either way it counts for what its system says of it, and for nothing that a
//! contributor has typed. A system that does not answer closes nothing, and its silence is told.

use std::time::Duration;

use jiff::Timestamp;

use crate::change::ticket::TicketKey;
use crate::change::{Change, Oid, Text, Ticket, TicketLookup};
use crate::gate::obligations::{ObligationClosing, list_field_values};
use crate::ledger::record::ObligationEvidence;
use crate::ledger::state::obligation::check_closing;
use crate::ledger::state::status::{NotClosedReason, seconds_late};
use crate::ledger::state::{LedgerState, TrackedObligation};
use crate::policy::Policy;
use crate::predicates::{EvaluationContext, ticket};
use crate::tickets::{TicketAccess, TicketSources};
use crate::verdict::{Message, Sentence};

/// How long all that is owed on a ref may take to ask about.
const CONFIRMATION_TIMEOUT: Duration = Duration::from_secs(120);

/// The ref on which tickets are owed.
#[derive(Clone, Copy, Debug)]
pub struct ConfirmationScope<'a> {
    /// Its name.
    pub ref_name: &'a Text,
    /// The policy by which evidence is judged.
    pub policy: &'a Policy,
    /// What the changes there say for earlier ones.
    pub closings: &'a [ObligationClosing],
    /// What time it is.
    pub now: Timestamp,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct ConfirmationRequest<'a> {
    /// What is owed.
    pub obligation: &'a TrackedObligation,
    /// The change that owes it, as it was when it was seen.
    pub owing_change: &'a Change,
    /// What later changes on the same ref say.
    pub closings: &'a [ObligationClosing],
    /// The policy by which evidence is judged.
    pub policy: &'a Policy,
    /// What time it is.
    pub now: Timestamp,
}

/// What asking came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TicketConfirmation {
    /// What closes it.
    pub evidence: Option<ObligationEvidence>,
    /// Why the tickets that were looked at do not.
    pub objections: Vec<Sentence>,
    /// What could not be asked, and why.
    pub unanswered: Vec<Sentence>,
}

/// Returns whether what is owed is a ticket that a system of the policy can be asked about.
pub fn is_ticket_confirmable(owed: &TrackedObligation, policy: &Policy) -> bool {
    owed.closed.is_none() && owed.field.as_deref().is_some_and(|field| policy.can_confirm_field(field))
}

/// Asks about every ticket that is owed on a ref, by the ids of what is owed. `owing` returns the change
/// that owes something, and `access` what it takes to ask, if anybody has to be asked.
pub fn confirm_tickets(
    on: &ConfirmationScope<'_>,
    state: &LedgerState,
    owing: &dyn Fn(&TrackedObligation) -> anyhow::Result<Change>,
    access: impl Fn() -> TicketAccess,
) -> Vec<(String, TicketConfirmation)> {
    let mut sources: Option<TicketSources> = None;
    let mut answers = Vec::new();
    let is_here =
        |owed: &TrackedObligation| owed.ref_name == *on.ref_name && is_ticket_confirmable(owed, on.policy);
    for (id, owed) in state.obligations.iter().filter(|(_, owed)| is_here(owed)) {
        let new = || {
            TicketSources::new(on.policy.ticket_systems.clone(), access())
                .with_time_budget(CONFIRMATION_TIMEOUT)
        };
        let sources = sources.get_or_insert_with(new);
        let answer = match owing(owed) {
            Ok(owing) => {
                let ConfirmationScope { policy, closings: landed, now, .. } = *on;
                confirm_ticket(
                    &ConfirmationRequest {
                        obligation: owed,
                        owing_change: &owing,
                        closings: landed,
                        policy,
                        now,
                    },
                    sources,
                )
            }
            Err(why) => TicketConfirmation {
                unanswered: vec![Sentence::from_words(format!("{why:#}"))],
                ..TicketConfirmation::default()
            },
        };
        answers.push((id.clone(), answer));
    }
    answers
}

/// Asks about one thing that is owed.
pub fn confirm_ticket(question: &ConfirmationRequest<'_>, sources: &mut TicketSources) -> TicketConfirmation {
    let ConfirmationRequest { obligation: owed, owing_change: owing, policy, .. } = *question;
    let mut run =
        TicketConfirmer { request: question, confirmation: TicketConfirmation::default(), earliest: None };
    let field = owed.field.as_deref().unwrap_or_default();
    let Some(rule) = policy.find_ticket_predicate(Some(&owed.rule), field) else { return run.confirmation };
    let seen = EvaluationContext::new(owing, &policy.people, &policy.vocabulary);
    let named = run.collect_named_tickets(rule);
    let keys: Vec<Text> = named.iter().map(|(key, _)| key.clone()).collect();
    for (TicketLookup { key, found }, (_, by)) in sources.look_up_tickets(&keys).into_iter().zip(&named) {
        match found {
            Ok(Some(ticket)) => run.weigh_ticket(rule, &key, ticket, *by, &seen),
            Ok(None) => run.confirmation.objections.push(
                Sentence::from_words("there is no ticket ")
                    .with_quote(&key)
                    .with_words(", or none that the gate may see"),
            ),
            Err(missing) => {
                run.confirmation
                    .unanswered
                    .push(Sentence::from_words("").with_quote(&key).with_words(format!(": {missing}")));
            }
        }
    }
    // Nobody has to say which ticket it is, if the ticket does; but then anybody could have made it.
    let is_late = run.earliest.as_ref().is_none_or(|(created, _)| seconds_late(owed.due, *created).is_some());
    if let Some(id) = owed.change.filter(|_| is_late && !owed.by_others) {
        for (system, found) in sources.find_mentions(id) {
            match found {
                Ok(found) => {
                    let known =
                        |ticket: &Ticket| keys.contains(&ticket.key) || !rule.accepts_key(&ticket.key);
                    for ticket in found.into_iter().filter(|ticket| !known(ticket)) {
                        run.weigh_ticket(rule, &ticket.key.clone(), ticket, None, &seen);
                    }
                }
                Err(missing) => {
                    run.confirmation
                        .unanswered
                        .push(Sentence::from_words(format!("what names it in {system}: {missing}")));
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
    /// The ticket that was made first, of those that count.
    earliest: Option<(Timestamp, ObligationEvidence)>,
}

impl TicketConfirmer<'_> {
    /// Returns the tickets that changes name, each once, with the change.
    fn collect_named_tickets(&mut self, rule: &ticket::TicketPredicate) -> Vec<(Text, Option<Oid>)> {
        let ConfirmationRequest { obligation: owed, owing_change: owing, closings: landed, policy, .. } =
            *self.request;
        let mut named: Vec<(Text, Option<Oid>)> = Vec::new();
        let mut said = vec![(list_field_values(owing, rule.field()), owed.change)];
        for closing in landed
            .iter()
            .filter(|one| check_closing(owed, one, &owed.ref_name) == Err(NotClosedReason::Unconfirmed))
        {
            let states = closing.states.iter().filter(|one| one.field == rule.field().name);
            said.extend(
                states.map(|one| (one.tickets.clone().unwrap_or_default(), Some(closing.made.change))),
            );
        }
        for (keys, by) in said {
            if let Some(most) = rule.ticket_limit().filter(|most| *most < keys.len()) {
                let by = by.map(|id| id.short_hex()).unwrap_or_default();
                let what = format!("{by} names {} tickets, and at most {most} may be named", keys.len());
                self.confirmation.objections.push(Sentence::from_words(what));
                continue;
            }
            for key in keys {
                let system = TicketKey::parse_key(&key)
                    .and_then(|key| policy.ticket_systems.find_system(&key).cloned());
                if system.is_none() {
                    let what = Sentence::from_words("").with_quote(&key);
                    self.confirmation
                        .objections
                        .push(what.with_words(" is in none of the policy's ticket systems"));
                } else if !named.iter().any(|(known, _)| *known == key) {
                    named.push((key, by));
                }
            }
        }
        named
    }

    /// Keeps a ticket if nothing speaks against it and it was made before the others.
    fn weigh_ticket(
        &mut self,
        rule: &ticket::TicketPredicate,
        named: &Text,
        ticket: Ticket,
        by: Option<Oid>,
        seen: &EvaluationContext<'_>,
    ) {
        match rule.find_objections(named, &ticket, seen, self.request.now) {
            Ok(against) if against.is_empty() => {
                if self.earliest.as_ref().is_none_or(|(created, _)| ticket.created < *created) {
                    let Ticket { key, source, created, url, .. } = ticket;
                    self.earliest =
                        Some((created, ObligationEvidence::Ticket { key, source, created, url, by }));
                }
            }
            Ok(against) => {
                self.confirmation.objections.extend(against.iter().map(Message::sentence));
            }
            Err(missing) => {
                self.confirmation
                    .unanswered
                    .push(Sentence::from_words("").with_quote(named).with_words(format!(": {missing}")));
            }
        }
    }
}
