//! What earlier break-glass sessions have against a push that opens or closes one.

use crate::change::PusherIdentity;
use crate::gate::GateSettings;
use crate::gate::break_glass::{AuthorisedRequest, is_request_ref};
use crate::git::Repository;
use crate::ledger::record::SessionActor;
use crate::ledger::server::write_ahead;
use crate::ledger::state::LedgerState;
use crate::ledger::state::break_glass::{self, SessionRequest};
use crate::push::refuse_by_rule;
use crate::report::{GroupScope, Report, ReportGroup, decide_groups};
use crate::verdict::{Finding, Sentence};

/// Adds to the report of a push what earlier break-glass sessions have against what it asks for.
pub(crate) fn add_session_refusals(
    report: &mut Report,
    act: &AuthorisedRequest,
    repository: &Repository,
    settings: &GateSettings,
    state: Result<LedgerState, String>,
) {
    let Ok(PusherIdentity::Account(account)) = &settings.pusher else { return };
    let who = SessionActor { account: account.clone(), decision: None, person: Some((&act.by).into()) };
    let asking = SessionRequest { request: act.clone(), actor: who, requested_at: report.seen_at };
    let against = match state.and_then(|state| add_landed_sessions(repository, state)) {
        Ok(state) => break_glass::check_session_request(&state, &asking),
        Err(why) => {
            let what =
                Sentence::from_words(format!("nobody can tell which break-glass sessions there are: {why}"));
            Err(Box::new(Finding::new(what).fixed_by("whoever administrates the server")))
        }
    };
    if let Err(finding) = against {
        let is_asked = |group: &&mut ReportGroup| matches!(&group.scope, GroupScope::Ref { name, .. } if is_request_ref(name));
        report.groups.iter_mut().filter(is_asked).for_each(|group| {
            group.refusals.push(refuse_by_rule("break-glass", (*finding).clone()));
        });
        report.decision = decide_groups(&report.groups, report.enforced);
    }
}

/// Adds to a state the sessions whose pushes have landed, and of which nobody has told the ledger yet.
fn add_landed_sessions(repository: &Repository, mut state: LedgerState) -> Result<LedgerState, String> {
    let found = write_ahead::list_entries(repository.common_dir(), &[]).map_err(|error| error.to_string())?;
    for one in found.into_iter().filter_map(|found| found.entry.ok()) {
        let Some(asking) = SessionRequest::from_decision(&one.decided) else { continue };
        if state.recent_decisions.contains(&one.decided.id) {
            continue;
        }
        let has_landed = one.decided.refs.iter().any(|asked| {
            let at = repository.resolve_ref(asked.name.as_bytes());
            asked.new.is_some() && at.is_ok_and(|at| at.id == asked.new)
        });
        if has_landed && one.decided.is_allowed() {
            break_glass::apply_session_request(&mut state, &asking);
        }
    }
    Ok(state)
}
