//! What earlier break-glass sessions have against a push that opens or closes one.

use crate::change::Pusher;
use crate::gate::Settings;
use crate::gate::break_glass::{Act, is_asked_at};
use crate::git::Repository;
use crate::ledger::ahead;
use crate::ledger::session::{self, Asking, Who};
use crate::ledger::state::State;
use crate::push::refuse;
use crate::report::{Group, Of, Report, decide};
use crate::verdict::{Decision, Finding, Line};

/// Adds to the report of a push what earlier break-glass sessions have against what it asks for.
pub(super) fn hold(
    report: &mut Report,
    act: &Act,
    repository: &Repository,
    settings: &Settings,
    state: Result<State, String>,
) {
    let Ok(Pusher::Account(account)) = &settings.pusher else { return };
    let who = Who { account: account.clone(), decision: None, person: Some(act.by.clone()) };
    let asking = Asking { act, who, at: report.seen_at };
    let against = match state.and_then(|state| waiting(repository, state)) {
        Ok(state) => session::against(&state, &asking),
        Err(why) => {
            let what = Line::say(format!("nobody can tell which break-glass sessions there are: {why}"));
            Err(Box::new(Finding::new(what).by("whoever administrates the server")))
        }
    };
    if let Err(finding) = against {
        let is_asked = |group: &&mut Group| matches!(&group.of, Of::Ref { name, .. } if is_asked_at(name));
        report.groups.iter_mut().filter(is_asked).for_each(|group| {
            group.refusals.push(refuse("break-glass", (*finding).clone()));
        });
        report.decision = decide(&report.groups, report.enforced);
    }
}

/// Adds to a state the sessions whose pushes have landed, and of which nobody has told the ledger yet.
fn waiting(repository: &Repository, mut state: State) -> Result<State, String> {
    let found = ahead::all(repository.common_dir(), &[]).map_err(|error| error.to_string())?;
    for one in found.into_iter().filter_map(|found| found.ahead.ok()) {
        let Some(asking) = Asking::of(&one.decided) else { continue };
        if state.recent.contains(&one.decided.id) {
            continue;
        }
        let has_landed = one.decided.refs.iter().any(|asked| {
            let at = repository.resolve_ref(asked.name.as_bytes());
            asked.new.is_some() && at.is_ok_and(|at| at.id == asked.new)
        });
        if has_landed && one.decided.decision == Decision::Allow {
            session::foresee(&mut state, &asking);
        }
    }
    Ok(state)
}
