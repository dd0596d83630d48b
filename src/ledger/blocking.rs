//! What speaks against a push because of what is overdue, where the policy asks for that.
//!
//! A change that would owe what nobody can ever close is refused there too.
//!
//! It rests on the state of the ledger as the push finds it, and on nothing that is pushed but what the
//! changes say for earlier ones. A state that cannot be read speaks against the push.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::obligation::{WhyNot, closes, is_overdue};
use super::state::{Owed, State};
use super::stray::can_be_closed;
use crate::change::{Oid, Text};
use crate::gate::Kept;
use crate::gate::dues::{Dues, FOR_CHANGE, Made, record};
use crate::push::refuse;
use crate::report::{Report, decide};
use crate::verdict::{Finding, Judgement, Line, Outcome, Verdict};

/// How many obligations a refusal names.
const NAMED: usize = 10;

/// What to do instead of naming a ticket that only its system can vouch for: letting that through would
/// let everything through that types a key.
const CLAIMED: &str = "; a ticket counts once the ticket system confirms it: name the change in the ticket, and have \
                       `changegate sweep` run";

/// Adds to the report of a push what is refused because of what is overdue. `state` reads the state of
/// the ledger, and is asked only if a policy wants to know.
pub fn block(
    report: &mut Report,
    kept: &Kept,
    state: impl FnOnce() -> Result<State, String>,
    now: Timestamp,
) {
    let asks = |dues: &Dues| dues.asks.block_on_overdue || dues.asks.suspend_shortcut;
    if !kept.dues().iter().any(|(_, dues)| asks(dues)) {
        return;
    }
    let state = state();
    for (name, dues) in kept.dues().iter().filter(|(_, dues)| asks(dues)) {
        let mut against = match &state {
            Ok(state) => against(name, dues, state, now),
            Err(why) => {
                let what = Line::say(format!("the policy asks what is overdue, and {why}"));
                vec![refuse("obligations-known", Finding::new(what).by("whoever administrates the server"))]
            }
        };
        let is_it = |judged: &crate::report::JudgedAs| judged.name == *name;
        if let Some(group) = report.groups.iter_mut().find(|one| one.judged_as.as_ref().is_some_and(is_it)) {
            against.extend(dues.owing.iter().filter_map(|made| nobody_closes(made, &group.verdicts)));
            group.refusals.extend(against);
        }
    }
    report.decision = decide(&report.groups, report.enforced);
}

/// Returns what is overdue and speaks against the changes that are pushed to one ref.
pub fn against(name: &Text, dues: &Dues, state: &State, now: Timestamp) -> Vec<Judgement> {
    // What nobody can close would be in the way for ever.
    let stands = |owed: &&Owed| is_overdue(owed, now) && can_be_closed(owed) && !is_nobodys(owed);
    let overdue: Vec<&Owed> = state.owed.values().filter(stands).collect();
    // A break-glass session is about all of the repository.
    let is_here = |owed: &&Owed| owed.on == *name || owed.session.is_some();
    let here: Vec<&Owed> = overdue.iter().copied().filter(is_here).collect();
    let mut found = Vec::new();
    if dues.asks.block_on_overdue && 0 < dues.ordinary && !is_about_it(name, dues, &here) {
        let what = Line::say("changes are overdue on ")
            .quote(name)
            .and(": nothing but an emergency and what closes them lands");
        let what = if is_claimed(name, dues, &here) { what.and(CLAIMED) } else { what };
        found.push(refuse("nothing-overdue", list(Finding::new(what), &here)));
    }
    if dues.asks.suspend_shortcut {
        let mine: Vec<&Owed> = overdue.into_iter().filter(|owed| owes(owed, &dues.emergencies)).collect();
        if !mine.is_empty() {
            let what = Line::say("an emergency is refused to those who still owe what an earlier one left");
            found.push(refuse("shortcut-suspended", list(Finding::new(what), &mine)));
        }
    }
    found
}

/// Returns whether only somebody else may close what is owed, and nobody can tell who made it. Such a thing
/// is let through no more, but may be older than a policy that asks what is overdue.
fn is_nobodys(owed: &Owed) -> bool {
    let is_known = owed.makers_known && owed.makers.iter().all(|maker| maker.key.is_some());
    owed.by_others && owed.stray.is_none() && owed.session.is_none() && !is_known
}

/// Returns what speaks against a change that would owe what only somebody else closes, if nobody can tell
/// who made it: it would be in everybody's way for ever.
fn nobody_closes(made: &Made, verdicts: &[Verdict]) -> Option<Judgement> {
    if made.is_complete && made.by.iter().all(|maker| maker.key.is_some()) {
        return None;
    }
    let verdict = verdicts.iter().find(|verdict| verdict.revision == Some(made.change))?;
    let mut outcomes = verdict.judgements.iter().map(|judgement| &judgement.outcome);
    let owed = outcomes.find_map(|outcome| match outcome {
        Outcome::Owed(owed) => owed.iter().find(|one| one.by_others),
        _ => None,
    })?;
    let what = Line::say(format!(
        "{} would owe {}, which somebody else has to close, and nobody can tell who made it: each author, \
         committer and co-author, and whoever pushes, has to be a person whom the gate knows",
        made.change.short(),
        owed.what
    ));
    Some(refuse("obligations-known", Finding::new(what).by("the author")))
}

/// Returns whether everything overdue is closed by this push, or every change but emergencies closes
/// some of it: step by step is allowed, and nothing rides along.
fn is_about_it(name: &Text, dues: &Dues, overdue: &[&Owed]) -> bool {
    let mut useful = BTreeSet::new();
    let mut left = 0;
    for owed in overdue {
        let closing = dues.closings.iter().filter(|closing| closes(owed, closing, name).is_ok());
        let by: Vec<Oid> = closing.map(|closing| closing.made.change).collect();
        left += usize::from(by.is_empty());
        // An emergency that closes something makes no room for what comes with it.
        let is_ordinary = |id: &Oid| !dues.emergencies.iter().any(|made| made.change == *id);
        useful.extend(by.into_iter().filter(is_ordinary));
    }
    left == 0 || (!useful.is_empty() && useful.len() == dues.ordinary)
}

/// Returns whether the push names a ticket for something overdue, which nobody has confirmed.
fn is_claimed(name: &Text, dues: &Dues, overdue: &[&Owed]) -> bool {
    let claims = |owed: &&Owed| {
        dues.closings.iter().any(|closing| closes(owed, closing, name) == Err(WhyNot::Unconfirmed))
    };
    overdue.iter().any(claims)
}

fn owes(owed: &Owed, emergencies: &[Made]) -> bool {
    let is_one =
        |made: &Made| made.by.iter().any(|maker| owed.makers.iter().any(|other| other.may_be(maker)));
    emergencies.iter().any(is_one)
}

/// Names what is overdue and how it is closed.
fn list(finding: Finding, overdue: &[&Owed]) -> Finding {
    let mut paste: Vec<String> = Vec::new();
    let mut words = finding.what.clone();
    for owed in overdue.iter().take(NAMED) {
        let change = owed.change.map(|id| id.to_string()).unwrap_or_default();
        let due = owed.due.map(|due| due.strftime("%F %R UTC").to_string()).unwrap_or_default();
        let short = match (&owed.session, &owed.stray, owed.change) {
            (Some(session), _, _) => session.id.clone(),
            (None, Some(stray), None) => record(stray.record),
            _ => change.get(..12).unwrap_or(&change).to_owned(),
        };
        words = words.and(format!("; {short} owes {}, due {due} (`{}`)", owed.what, owed.rule));
        let names = owed.session.is_none().then(|| format!("{FOR_CHANGE}: {short}"));
        for line in names.into_iter().chain([owed.evidence.clone()]) {
            if !paste.contains(&line) {
                paste.push(line);
            }
        }
    }
    if NAMED < overdue.len() {
        words = words.and(format!("; and {} more", overdue.len() - NAMED));
    }
    let finding = Finding { what: words, ..finding };
    finding.by("those who owe it, in a change that says").paste(paste.join("\n"))
}
