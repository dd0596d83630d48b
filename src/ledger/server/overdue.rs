//! Refuses a push because of overdue obligations, where the policy asks for that.
//!
//! A change is refused there too if it would owe what could never be closed.
//!
//! It uses the state of the ledger as the push finds it, and of the push only what the changes state for
//! earlier ones. A push is refused if that state cannot be read.

use std::collections::BTreeSet;
use std::rc::Rc;

use jiff::Timestamp;

use crate::change::{Oid, Text};
use crate::gate::PushFacts;
use crate::gate::obligations::{ChangeContributors, RefObligations, format_record_reference};
use crate::ledger::state::obligation::check_closing;
use crate::ledger::state::status::{NotClosedReason, is_overdue};
use crate::ledger::state::unauthorised::can_be_closed;
use crate::ledger::state::{LedgerState, TrackedObligation};
use crate::policy::FOR_CHANGE_TRAILER;
use crate::push::{GateRule, refuse_by_rule};
use crate::report::{Report, decide_groups};
use crate::verdict::{Finding, Fixer, Judgement, Message, MessageValue, RuleOutcome, Verdict, messages};

messages! {
    LEDGER_UNREADABLE = "overdue.ledger-unreadable":
        "the policy blocks on overdue obligations, and the ledger cannot be read: {reason}";
    REF_BLOCKED = "overdue.ref-blocked":
        "{ref} has overdue obligations, so only emergencies and changes that close them can land: {overdue}";
    TICKET_UNCONFIRMED = "overdue.ticket-unconfirmed":
        "{blocked}; a ticket counts once the ticket system confirms it: name the change in the ticket, then run `changegate sweep`";
    EMERGENCY_SUSPENDED = "overdue.emergency-suspended":
        "an emergency is refused while one of its contributors has an overdue obligation: {overdue}";
    OVERDUE_OBLIGATION = "overdue.obligation": "{change} owes {what}, due {due} (`{rule}`)";
    MORE_OVERDUE = "overdue.more": "{count} more";
    CONTRIBUTORS_UNKNOWN = "overdue.contributors-unknown":
        "{change} would owe {what}, which only another person can close, and its contributors are not known; the gate has to know each author, committer and co-author, and the pusher";
}

/// The most obligations that a refusal names.
const MAX_LISTED_OBLIGATIONS: usize = 10;

/// Adds to the report of a push what is refused because of overdue obligations. `read_state` reads the
/// state of the ledger, and is called only if a policy needs it.
pub(crate) fn block_overdue_push(
    report: &mut Report,
    push_facts: &PushFacts,
    read_state: impl FnOnce() -> Result<Rc<LedgerState>, String>,
    now: Timestamp,
) {
    let mut asking = Vec::new();
    for (name, ref_obligations) in push_facts.obligations() {
        if ref_obligations.requirements.block_on_overdue || ref_obligations.requirements.suspend_shortcut {
            asking.push((name, ref_obligations));
        }
    }
    // Reading the state takes time in every push, so it is left out where no policy asks.
    if asking.is_empty() {
        return;
    }
    let state = read_state();
    for (name, ref_obligations) in asking {
        let mut refusals = match &state {
            Ok(state) => find_overdue_refusals(name, ref_obligations, state, now),
            Err(why) => {
                let finding =
                    Finding::new(LEDGER_UNREADABLE.with("reason", MessageValue::unrecorded(why.as_str())));
                vec![refuse_by_rule(GateRule::ObligationsKnown, finding.fixed_by(Fixer::ServerAdministrator))]
            }
        };
        for group in &mut report.groups {
            let Some(judged) = &group.judged_ref else { continue };
            if judged.name != *name {
                continue;
            }
            for made in &ref_obligations.owing_changes {
                refusals.extend(refuse_unclosable(made, &group.verdicts));
            }
            group.refusals.extend(refusals);
            break;
        }
    }
    report.decision = decide_groups(&report.groups, report.enforced);
}

/// Returns the refusals of the changes that are pushed to one ref, because of overdue obligations.
pub(crate) fn find_overdue_refusals(
    name: &Text,
    ref_obligations: &RefObligations,
    state: &LedgerState,
    now: Timestamp,
) -> Vec<Judgement> {
    let mut here = Vec::new();
    let mut own = Vec::new();
    for owed in state.obligations.values() {
        // An obligation that cannot be closed would block the ref for ever.
        if !is_overdue(owed, now) || !can_be_closed(owed) || has_unknown_contributors(owed) {
            continue;
        }
        // A break-glass session concerns the whole repository.
        if owed.ref_name == *name || owed.session.is_some() {
            here.push(owed);
        }
        if is_owed_by_emergencies(owed, &ref_obligations.emergencies) {
            own.push(owed);
        }
    }
    let mut refusals = Vec::new();
    let blocks = ref_obligations.requirements.block_on_overdue && ref_obligations.ordinary_count > 0;
    if blocks && !is_closing_push(name, ref_obligations, &here) {
        let mut message = REF_BLOCKED.with("ref", name).with("overdue", list_overdue(&here));
        if has_unconfirmed_ticket(name, ref_obligations, &here) {
            // Letting an unconfirmed ticket through would let everything through that types a key.
            message = TICKET_UNCONFIRMED.with("blocked", message);
        }
        refusals.push(refuse_by_rule(GateRule::NothingOverdue, build_overdue_finding(message, &here)));
    }
    if ref_obligations.requirements.suspend_shortcut && !own.is_empty() {
        let message = EMERGENCY_SUSPENDED.with("overdue", list_overdue(&own));
        refusals.push(refuse_by_rule(GateRule::ShortcutSuspended, build_overdue_finding(message, &own)));
    }
    refusals
}

/// Returns whether only another person can close an obligation whose contributors are not known. Such a
/// change is refused today, but may be older than the policy that refuses it.
fn has_unknown_contributors(owed: &TrackedObligation) -> bool {
    let is_of_change = owed.unauthorised_change.is_none() && owed.session.is_none();
    let has_unknown = owed.contributors.iter().any(|maker| maker.key.is_none());
    owed.by_others && is_of_change && (!owed.contributors_known || has_unknown)
}

/// Returns the refusal of a change that would owe what only another person can close, if its
/// contributors are not known: it would block the ref for ever.
fn refuse_unclosable(made: &ChangeContributors, verdicts: &[Verdict]) -> Option<Judgement> {
    if made.is_complete && made.by.iter().all(|maker| maker.key.is_some()) {
        return None;
    }
    let verdict = verdicts.iter().find(|verdict| verdict.revision == Some(made.change))?;
    for judgement in &verdict.judgements {
        let RuleOutcome::Owed(owed) = &judgement.outcome else { continue };
        let Some(owed) = owed.iter().find(|one| one.by_others) else { continue };
        let message =
            CONTRIBUTORS_UNKNOWN.with("change", made.change.short_hex()).with("what", owed.what.clone());
        return Some(refuse_by_rule(
            GateRule::ObligationsKnown,
            Finding::new(message).fixed_by(Fixer::Author),
        ));
    }
    None
}

/// Returns whether this push closes everything overdue, or each of its changes but emergencies closes
/// some of it: closing step by step is allowed, unrelated changes beside it are not.
fn is_closing_push(name: &Text, ref_obligations: &RefObligations, overdue: &[&TrackedObligation]) -> bool {
    let mut useful: BTreeSet<Oid> = BTreeSet::new();
    let mut is_all_closed = true;
    for owed in overdue {
        let mut is_closed = false;
        for closing in &ref_obligations.closings {
            if check_closing(owed, closing, name).is_err() {
                continue;
            }
            is_closed = true;
            // An emergency that closes something does not let other changes in.
            if !ref_obligations.emergencies.iter().any(|made| made.change == closing.made.change) {
                useful.insert(closing.made.change);
            }
        }
        is_all_closed &= is_closed;
    }
    is_all_closed || (!useful.is_empty() && useful.len() == ref_obligations.ordinary_count)
}

/// Returns whether the push names a ticket for something overdue that is not confirmed yet.
fn has_unconfirmed_ticket(
    name: &Text,
    ref_obligations: &RefObligations,
    overdue: &[&TrackedObligation],
) -> bool {
    for owed in overdue {
        for closing in &ref_obligations.closings {
            if check_closing(owed, closing, name) == Err(NotClosedReason::Unconfirmed) {
                return true;
            }
        }
    }
    false
}

/// Returns whether a contributor to an emergency is one to the change that owes.
fn is_owed_by_emergencies(owed: &TrackedObligation, emergencies: &[ChangeContributors]) -> bool {
    for maker in emergencies.iter().flat_map(|made| &made.by) {
        if owed.contributors.iter().any(|other| other.may_be_same(maker)) {
            return true;
        }
    }
    false
}

/// Returns what is overdue, as the values of a message.
fn list_overdue(overdue: &[&TrackedObligation]) -> Vec<MessageValue> {
    let mut items = Vec::new();
    for owed in overdue.iter().take(MAX_LISTED_OBLIGATIONS) {
        let due = owed.due.map(|due| due.strftime("%F %R UTC").to_string()).unwrap_or_default();
        let item = OVERDUE_OBLIGATION
            .with("change", format_owing_reference(owed))
            .with("what", Message::from(&owed.what))
            .with("due", due)
            .with("rule", owed.rule.as_str());
        items.push(item.into());
    }
    if overdue.len() > MAX_LISTED_OBLIGATIONS {
        items.push(MORE_OVERDUE.with("count", overdue.len() - MAX_LISTED_OBLIGATIONS).into());
    }
    items
}

/// Returns the finding that people who owe something can fix, with the trailers that close it.
fn build_overdue_finding(message: Message, overdue: &[&TrackedObligation]) -> Finding {
    // One change closes several obligations: it names what owes them, and states each field once.
    let mut references: Vec<String> = Vec::new();
    let mut evidence: Vec<String> = Vec::new();
    for owed in overdue.iter().take(MAX_LISTED_OBLIGATIONS) {
        // All digits, so that no other change can be made that is named as well.
        let named = match owed.change {
            Some(change) => change.to_string(),
            None => format_owing_reference(owed),
        };
        let reference = format!("{FOR_CHANGE_TRAILER}: {named}");
        if owed.session.is_none() && !references.contains(&reference) {
            references.push(reference);
        }
        let line = owed.evidence.to_plain_text();
        if !evidence.contains(&line) {
            evidence.push(line);
        }
    }
    references.extend(evidence);
    Finding::new(message).fixed_by(Fixer::ObligationOwner).with_paste(references.join("\n"))
}

/// Returns how a list names what owes: the first digits of a change, a session or a record.
fn format_owing_reference(owed: &TrackedObligation) -> String {
    if let Some(session) = &owed.session {
        return session.id.clone();
    }
    match (&owed.unauthorised_change, owed.change) {
        (Some(unauthorised), None) => format_record_reference(unauthorised.record_number),
        (_, Some(change)) => change.to_string().chars().take(12).collect(),
        (None, None) => String::new(),
    }
}
