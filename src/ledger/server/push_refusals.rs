//! Refusals of a push for reasons that only the ledger knows, beside overdue obligations.

use std::rc::Rc;

use crate::change::{Oid, PusherIdentity, SignedDecision, Text};
use crate::gate::GateSettings;
use crate::gate::acts::{AuthorisedAct, is_act_ref};
use crate::gate::break_glass::{AuthorisedRequest, is_request_ref};
use crate::gate::signed_approvals::approval_push::describe_refused_statement;
use crate::gate::signed_approvals::{AuthorisedApproval, is_approval_ref};
use crate::git::Repository;
use crate::ledger::record::{DecisionRecord, RecordedDecision, SessionActor};
use crate::ledger::server::{decision, write_ahead};
use crate::ledger::state::LedgerState;
use crate::ledger::state::break_glass::{self, SessionRequest};
use crate::push::{GateRule, refuse_by_findings, refuse_by_rule};
use crate::report::{GroupScope, Report, decide_groups};
use crate::verdict::{Finding, Fixer, Message, MessageValue, messages};

messages! {
    SESSIONS_UNKNOWN = "break-glass.sessions-unknown": "the open break-glass sessions are unknown: {reason}";
    ACTS_UNKNOWN = "act.ledger-unknown": "the act cannot be recorded: {reason}";
    APPROVALS_UNKNOWN = "approval.ledger-unknown": "the approval cannot be recorded: {reason}";
    TOO_MANY_REJECTIONS = "approval.too-many-rejections":
        "{signer} has {limit} rejections open, which is as many as one signer can have; take back those that no longer matter with `changegate approve REVISION --ref BRANCH --revoke`; the oldest are of {revisions}";
    REJECTION_FOR = "approval.rejection-for": "{revision} for {branch}";
    ACT_ID_TAKEN = "act.id-taken": "an act with this id exists; push yours with another id";
}

/// How many of the oldest rejections are named where there are too many.
const MAX_LISTED_REJECTIONS: usize = 5;

/// Turns the record of a decision into a refusal, because the ledger cannot be written.
pub(crate) fn record_unwritable_ledger(decided: &mut DecisionRecord) {
    decided.decision = RecordedDecision::Deny;
    decided.notes.push(decision::not_recorded_note());
}

/// Adds to the report of a push why earlier break-glass sessions forbid what it requests.
pub(crate) fn add_session_refusals(
    report: &mut Report,
    request: &AuthorisedRequest,
    repository: &Repository,
    settings: &GateSettings,
    state: Result<LedgerState, String>,
) {
    let Ok(PusherIdentity::Account(account)) = &settings.pusher else { return };
    let actor = SessionActor { account: account.clone(), decision: None, person: Some((&request.by).into()) };
    let session_request = SessionRequest { request: request.clone(), actor, requested_at: report.seen_at };
    let checked = match state.and_then(|state| add_landed_sessions(repository, state)) {
        Ok(state) => break_glass::check_session_request(&state, &session_request),
        Err(why) => {
            let message = SESSIONS_UNKNOWN.with("reason", MessageValue::unrecorded(why));
            Err(Box::new(Finding::new(message).fixed_by(Fixer::ServerAdministrator)))
        }
    };
    let Err(finding) = checked else { return };
    for group in &mut report.groups {
        if let GroupScope::Ref { name, .. } = &group.scope
            && is_request_ref(name)
        {
            group.refusals.push(refuse_by_rule(GateRule::BreakGlass, (*finding).clone()));
        }
    }
    report.decision = decide_groups(&report.groups, report.enforced);
}

/// Adds to the report of a push why the ledger does not take the act that it brings.
pub(crate) fn add_act_refusals(
    report: &mut Report,
    act: &AuthorisedAct,
    state: Result<Rc<LedgerState>, String>,
) {
    let finding = match state {
        Ok(state) if state.recent_acts.contains(&act.id) => {
            Finding::new(Message::from(&ACT_ID_TAKEN)).fixed_by(Fixer::Pusher)
        }
        Ok(_) => return,
        Err(why) => {
            let message = ACTS_UNKNOWN.with("reason", MessageValue::unrecorded(why));
            Finding::new(message).fixed_by(Fixer::ServerAdministrator)
        }
    };
    for group in &mut report.groups {
        if let GroupScope::Ref { name, .. } = &group.scope
            && is_act_ref(name)
        {
            group.refusals.push(refuse_by_rule(GateRule::Acts, finding.clone()));
        }
    }
    report.decision = decide_groups(&report.groups, report.enforced);
}

/// Returns the revision of a rejection with its branch.
fn name_rejection((revision, target): &(Oid, Text)) -> MessageValue {
    let target = target.to_lossy();
    let branch = target.strip_prefix("refs/heads/").unwrap_or(&target);
    REJECTION_FOR.with("revision", revision.short_hex()).with("branch", Text::from(branch)).into()
}

/// Adds to the report of a push why the ledger does not take the signed approval that it brings.
pub(crate) fn add_approval_refusals(
    report: &mut Report,
    approval: &AuthorisedApproval,
    state: Result<Rc<LedgerState>, String>,
) {
    let is_rejection = approval.statement.decision == SignedDecision::Rejected;
    let finding = match state {
        Ok(state) => {
            let full = if is_rejection { state.find_full_rejections(approval) } else { None };
            let Some(revisions) = full else { return };
            let oldest = revisions.iter().take(MAX_LISTED_REJECTIONS);
            let oldest: Vec<MessageValue> = oldest.map(name_rejection).collect();
            let message = TOO_MANY_REJECTIONS.with("signer", &approval.signer).with("limit", revisions.len());
            Finding::new(message.with("revisions", MessageValue::List(oldest))).fixed_by(Fixer::Pusher)
        }
        Err(why) => {
            let message = APPROVALS_UNKNOWN.with("reason", MessageValue::unrecorded(why));
            Finding::new(message).fixed_by(Fixer::ServerAdministrator)
        }
    };
    for group in &mut report.groups {
        if let GroupScope::Ref { name, .. } = &group.scope
            && is_approval_ref(name)
        {
            let findings = vec![finding.clone(), describe_refused_statement(&approval.statement)];
            group.refusals.push(refuse_by_findings(GateRule::SignedApprovals, findings));
        }
    }
    report.decision = decide_groups(&report.groups, report.enforced);
}

/// Adds to a state the sessions whose pushes have landed and are not in the ledger yet.
fn add_landed_sessions(repository: &Repository, mut state: LedgerState) -> Result<LedgerState, String> {
    let found =
        write_ahead::list_entries(repository.common_dir(), &[], 0).map_err(|error| error.to_string())?;
    for found in found {
        let Ok(entry) = found.entry else { continue };
        let decided = &entry.decided;
        let Some(request) = SessionRequest::from_decision(decided) else { continue };
        if !decided.is_allowed() || state.recent_decisions.contains(&decided.id) {
            continue;
        }
        let mut has_landed = false;
        for moved in &decided.refs {
            let current = repository.resolve_ref(moved.name.as_bytes());
            has_landed |= moved.new.is_some() && current.is_ok_and(|current| current.id == moved.new);
        }
        if has_landed {
            break_glass::apply_session_request(&mut state, &request);
        }
    }
    Ok(state)
}
