//! What speaks against a push because of what is overdue, where the policy asks for that.
//!
//! A change that would owe what nobody can ever close is refused there too.
//!
//! It rests on the state of the ledger as the push finds it, and on nothing that is pushed but what the
//! changes say for earlier ones. A state that cannot be read speaks against the push.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::change::{Oid, Text};
use crate::gate::PushFacts;
use crate::gate::obligations::{
    ChangeContributors, FOR_CHANGE_TRAILER, RefObligations, format_record_reference,
};
use crate::ledger::state::obligation::check_closing;
use crate::ledger::state::status::{NotClosedReason, is_overdue};
use crate::ledger::state::unauthorised::can_be_closed;
use crate::ledger::state::{LedgerState, TrackedObligation};
use crate::push::refuse_by_rule;
use crate::report::{Report, decide_groups};
use crate::verdict::{Finding, Judgement, RuleOutcome, Sentence, Verdict};

/// How many obligations a refusal names.
const MAX_LISTED_OBLIGATIONS: usize = 10;

/// What to do instead of naming a ticket that only its system can vouch for: letting that through would
/// let everything through that types a key.
const UNCONFIRMED_TICKET_HINT: &str = "; a ticket counts once the ticket system confirms it: name the change in the ticket, and have \
                       `changegate sweep` run";

/// Adds to the report of a push what is refused because of what is overdue. `state` reads the state of
/// the ledger, and is asked only if a policy wants to know.
pub fn block_overdue_push(
    report: &mut Report,
    kept: &PushFacts,
    state: impl FnOnce() -> Result<LedgerState, String>,
    now: Timestamp,
) {
    let asks =
        |dues: &RefObligations| dues.requirements.block_on_overdue || dues.requirements.suspend_shortcut;
    if !kept.obligations().iter().any(|(_, dues)| asks(dues)) {
        return;
    }
    let state = state();
    for (name, dues) in kept.obligations().iter().filter(|(_, dues)| asks(dues)) {
        let mut against = match &state {
            Ok(state) => find_overdue_refusals(name, dues, state, now),
            Err(why) => {
                let what = Sentence::from_words(format!("the policy asks what is overdue, and {why}"));
                vec![refuse_by_rule(
                    "obligations-known",
                    Finding::new(what).fixed_by("whoever administrates the server"),
                )]
            }
        };
        let is_it = |judged: &crate::report::JudgedRef| judged.name == *name;
        if let Some(group) = report.groups.iter_mut().find(|one| one.judged_ref.as_ref().is_some_and(is_it)) {
            against.extend(
                dues.owing_changes.iter().filter_map(|made| refuse_unclosable(made, &group.verdicts)),
            );
            group.refusals.extend(against);
        }
    }
    report.decision = decide_groups(&report.groups, report.enforced);
}

/// Returns what is overdue and speaks against the changes that are pushed to one ref.
pub fn find_overdue_refusals(
    name: &Text,
    dues: &RefObligations,
    state: &LedgerState,
    now: Timestamp,
) -> Vec<Judgement> {
    // What nobody can close would be in the way for ever.
    let stands = |owed: &&TrackedObligation| {
        is_overdue(owed, now) && can_be_closed(owed) && !has_unknown_contributors(owed)
    };
    let overdue: Vec<&TrackedObligation> = state.obligations.values().filter(stands).collect();
    // A break-glass session is about all of the repository.
    let is_here = |owed: &&TrackedObligation| owed.ref_name == *name || owed.session.is_some();
    let here: Vec<&TrackedObligation> = overdue.iter().copied().filter(is_here).collect();
    let mut found = Vec::new();
    if dues.requirements.block_on_overdue && 0 < dues.ordinary_count && !is_closing_push(name, dues, &here) {
        let what = Sentence::from_words("changes are overdue on ")
            .with_quote(name)
            .with_words(": nothing but an emergency and what closes them lands");
        let what = if has_unconfirmed_ticket(name, dues, &here) {
            what.with_words(UNCONFIRMED_TICKET_HINT)
        } else {
            what
        };
        found.push(refuse_by_rule("nothing-overdue", list_overdue(Finding::new(what), &here)));
    }
    if dues.requirements.suspend_shortcut {
        let mine: Vec<&TrackedObligation> =
            overdue.into_iter().filter(|owed| is_owed_by_emergencies(owed, &dues.emergencies)).collect();
        if !mine.is_empty() {
            let what = Sentence::from_words(
                "an emergency is refused to those who still owe what an earlier one left",
            );
            found.push(refuse_by_rule("shortcut-suspended", list_overdue(Finding::new(what), &mine)));
        }
    }
    found
}

/// Returns whether only somebody else may close what is owed, and nobody can tell who made it. Such a thing
/// is let through no more, but may be older than a policy that asks what is overdue.
fn has_unknown_contributors(owed: &TrackedObligation) -> bool {
    let is_known = owed.contributors_known && owed.contributors.iter().all(|maker| maker.key.is_some());
    owed.by_others && owed.unauthorised_change.is_none() && owed.session.is_none() && !is_known
}

/// Returns what speaks against a change that would owe what only somebody else closes, if nobody can tell
/// who made it: it would be in everybody's way for ever.
fn refuse_unclosable(made: &ChangeContributors, verdicts: &[Verdict]) -> Option<Judgement> {
    if made.is_complete && made.by.iter().all(|maker| maker.key.is_some()) {
        return None;
    }
    let verdict = verdicts.iter().find(|verdict| verdict.revision == Some(made.change))?;
    let mut outcomes = verdict.judgements.iter().map(|judgement| &judgement.outcome);
    let owed = outcomes.find_map(|outcome| match outcome {
        RuleOutcome::Owed(owed) => owed.iter().find(|one| one.by_others),
        _ => None,
    })?;
    let what = Sentence::from_words(format!(
        "{} would owe {}, which somebody else has to close, and nobody can tell who made it: each author, \
         committer and co-author, and whoever pushes, has to be a person whom the gate knows",
        made.change.short_hex(),
        owed.what.to_plain_text()
    ));
    Some(refuse_by_rule("obligations-known", Finding::new(what).fixed_by("the author")))
}

/// Returns whether everything overdue is closed by this push, or every change but emergencies closes
/// some of it: step by step is allowed, and nothing rides along.
fn is_closing_push(name: &Text, dues: &RefObligations, overdue: &[&TrackedObligation]) -> bool {
    let mut useful = BTreeSet::new();
    let mut left = 0;
    for owed in overdue {
        let closing = dues.closings.iter().filter(|closing| check_closing(owed, closing, name).is_ok());
        let by: Vec<Oid> = closing.map(|closing| closing.made.change).collect();
        left += usize::from(by.is_empty());
        // An emergency that closes something makes no room for what comes with it.
        let is_ordinary = |id: &Oid| !dues.emergencies.iter().any(|made| made.change == *id);
        useful.extend(by.into_iter().filter(is_ordinary));
    }
    left == 0 || (!useful.is_empty() && useful.len() == dues.ordinary_count)
}

/// Returns whether the push names a ticket for something overdue, which nobody has confirmed.
fn has_unconfirmed_ticket(name: &Text, dues: &RefObligations, overdue: &[&TrackedObligation]) -> bool {
    let claims = |owed: &&TrackedObligation| {
        dues.closings
            .iter()
            .any(|closing| check_closing(owed, closing, name) == Err(NotClosedReason::Unconfirmed))
    };
    overdue.iter().any(claims)
}

fn is_owed_by_emergencies(owed: &TrackedObligation, emergencies: &[ChangeContributors]) -> bool {
    let is_one = |made: &ChangeContributors| {
        made.by.iter().any(|maker| owed.contributors.iter().any(|other| other.may_be_same(maker)))
    };
    emergencies.iter().any(is_one)
}

/// Names what is overdue and how it is closed.
fn list_overdue(finding: Finding, overdue: &[&TrackedObligation]) -> Finding {
    let mut paste: Vec<String> = Vec::new();
    let mut words = finding.message.sentence();
    for owed in overdue.iter().take(MAX_LISTED_OBLIGATIONS) {
        let change = owed.change.map(|id| id.to_string()).unwrap_or_default();
        let due = owed.due.map(|due| due.strftime("%F %R UTC").to_string()).unwrap_or_default();
        let short = match (&owed.session, &owed.unauthorised_change, owed.change) {
            (Some(session), _, _) => session.id.clone(),
            (None, Some(stray), None) => format_record_reference(stray.record_number),
            _ => change.get(..12).unwrap_or(&change).to_owned(),
        };
        words = words.with_words(format!(
            "; {short} owes {}, due {due} (`{}`)",
            owed.what.to_plain_text(),
            owed.rule
        ));
        let names = owed.session.is_none().then(|| format!("{FOR_CHANGE_TRAILER}: {short}"));
        for line in names.into_iter().chain([owed.evidence.to_plain_text()]) {
            if !paste.contains(&line) {
                paste.push(line);
            }
        }
    }
    if MAX_LISTED_OBLIGATIONS < overdue.len() {
        words = words.with_words(format!("; and {} more", overdue.len() - MAX_LISTED_OBLIGATIONS));
    }
    let finding = Finding { message: words.into(), ..finding };
    finding.fixed_by("those who owe it, in a change that says").with_paste(paste.join("\n"))
}
