//! Acts about changes: the record that a decision leads to, and what it changes in the state.
//!
//! The state holds no act: what was said is for the audit, which reads every record. It only remembers the
//! newest ids, so that a ref that was removed after its act had been recorded is not pushed again.

use crate::change::Text;
use crate::gate::acts::{ACT_REF_PREFIX, is_act_ref};
use crate::gate::signed_approvals::{APPROVAL_REF_PREFIX, is_approval_ref};
use crate::ledger::record::{ChangeAct, DecisionRecord, RecordedAct, RecordedActKind, RecordedPusher};
use crate::ledger::state::open_approval::OpenApproval;
use crate::ledger::state::{LedgerState, encode_ref_key};

/// How many ids of acts are remembered.
pub(crate) const MAX_RECENT_ACTS: usize = 32;

/// Returns the record of the act that a decision allows; `None` if the decision is about no act.
pub(crate) fn build_act_event(decided: &DecisionRecord) -> Option<ChangeAct> {
    let act = decided.refs.iter().find_map(|one| one.act.as_ref())?;
    if !decided.is_allowed() {
        return None;
    }
    let (act, decision) = (act.clone(), decided.id.clone());
    Some(ChangeAct { act, decision, observed_at: decided.observed_at })
}

/// Takes a record into a state.
pub(crate) fn apply_act(state: &mut LedgerState, event: &ChangeAct) {
    // Nobody may move the ref, and it is not one of those whose moves the ledger follows.
    state.tips.remove(&encode_ref_key(&name_act_ref(&event.act)));
    if let RecordedActKind::Approval(approval) = &event.act.says {
        state.add_approval(OpenApproval {
            commit: approval.commit,
            decision: approval.decision,
            key: approval.key.clone(),
            received_at: event.observed_at,
            revision: event.act.change,
            role: approval.role.clone(),
            signed_at: approval.signed_at,
            signer: approval.signer.clone(),
            target: event.act.ref_name.clone(),
        });
    }
    state.recent_acts.push(event.act.id.clone());
    let too_many = state.recent_acts.len().saturating_sub(MAX_RECENT_ACTS);
    state.recent_acts.drain(..too_many);
}

/// Returns true for a ref to which an act about a change or a signed approval is pushed.
pub(crate) fn is_statement_ref(name: &Text) -> bool {
    is_act_ref(name) || is_approval_ref(name)
}

/// Returns the ref that an act was pushed to.
pub(crate) fn name_act_ref(act: &RecordedAct) -> Text {
    let prefix = match act.says {
        RecordedActKind::Approval(_) => APPROVAL_REF_PREFIX,
        RecordedActKind::Outcome { .. }
        | RecordedActKind::Verified
        | RecordedActKind::Attachment { .. }
        | RecordedActKind::Deployment { .. } => ACT_REF_PREFIX,
    };
    Text::from(format!("{prefix}{}", act.id))
}

/// Returns what is wrong with a record, compared with the landed decision that it names, if that is known.
pub(crate) fn find_act_problem(event: &ChangeAct, decided: Option<&DecisionRecord>) -> Option<&'static str> {
    let Some(decided) = decided else { return Some("no decision that has landed allows this act") };
    if build_act_event(decided).as_ref() != Some(event) {
        return Some("its act is not as it was decided");
    }
    let is_by_pusher = match &decided.pusher {
        RecordedPusher::Account(account) => *account == event.act.account,
        // The signature says who approves, and who pushes it need not be known.
        _ => {
            matches!(event.act.says, RecordedActKind::Approval(_)) && event.act.account.as_bytes().is_empty()
        }
    };
    let name = name_act_ref(&event.act);
    let holds_commit = |commit| decided.refs.iter().any(|one| one.name == name && one.new == Some(commit));
    let is_its_commit = match &event.act.says {
        RecordedActKind::Attachment { commit, .. } => holds_commit(*commit),
        RecordedActKind::Approval(approval) => holds_commit(approval.commit),
        RecordedActKind::Outcome { .. } | RecordedActKind::Verified | RecordedActKind::Deployment { .. } => {
            true
        }
    };
    if is_by_pusher && is_its_commit { None } else { Some("its act is not that of the push") }
}
