//! Records a ref move that a forge reports.
//!
//! On a server the decision comes first and the move after it. On a forge the ref has moved before the gate
//! hears of it. What the policy allows is recorded as decided and landed. What it denies has landed too, past
//! whatever should have blocked it: the denial is recorded, and then that the ref moved without a decision.

use anyhow::{Result, anyhow, bail};
use jiff::Timestamp;

use crate::change::{Oid, Stage, Text};
use crate::gate::obligations::{MergedPull, ObligationClosing, RefObligations};
use crate::github::{GitHubRefMove, JudgedRefMove};
use crate::ledger::record::convert::convert_all;
use crate::ledger::record::{
    DecisionOutcome, DecisionRecord, FactsDigest, LedgerEvent, RecordedMove, RecordedPolicy, RecordedPusher,
    RefDecision, digest_bytes,
};
use crate::ledger::server::decision::{
    TOOL_VERSION, VERDICTS_BUDGET_BYTES, digest_reasons, fit_into_record, select_fitting_verdicts,
    write_reasons,
};
use crate::ledger::server::discharge::{
    InnerCommitSource, LandedClosings, describe_discharge, describe_refused_closings, list_discharges,
};
use crate::ledger::state::LedgerState;
use crate::ledger::store::{DecisionFiles, LedgerWriter};
use crate::verdict::{Decision, Message, Verdict};

/// What was appended, and what people should be told of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppendedMoves {
    /// The moves that no decision allowed.
    pub unauthorised: Vec<RecordedMove>,
    /// The moves that an earlier run should have recorded.
    pub found_late: Vec<RecordedMove>,
    /// The obligations that were closed, and why others stay open that a change states something for.
    pub closing_notes: Vec<Message>,
}

/// Returns the id of the decision on a move, which is the same for every run that judges it. `attempt`
/// counts how often the same move was made before.
pub(crate) fn move_decision_id(repository: &str, moved: &GitHubRefMove, attempt: u32) -> String {
    let old = format_tip(moved.old_tip);
    let new = format_tip(moved.new_tip);
    let text = format!("{repository}\n{}\n{old}\n{new}\n{attempt}", moved.ref_name);
    let digest = digest_bytes(text.as_bytes());
    digest.trim_start_matches("sha256:").chars().take(32).collect()
}

/// Returns an object id in full, or `nothing` for a ref that does not exist. The words are part of ids of
/// decisions and must not change.
fn format_tip(id: Option<Oid>) -> String {
    match id {
        Some(id) => id.to_string(),
        None => "nothing".to_owned(),
    }
}

/// Returns the move as records name it.
pub(crate) fn to_recorded_move(of: &GitHubRefMove) -> RecordedMove {
    RecordedMove { name: Text::from(of.ref_name.as_str()), old: of.old_tip, new: of.new_tip }
}

/// Appends a move and how it was judged. `is_late` is true if the run for this move did not record it;
/// `list_inner_commits` tells which commits landed with a change.
///
/// # Errors
///
/// Fails if it cannot be recorded in full.
pub(crate) fn append_move(
    ledger: &mut LedgerWriter<'_>,
    repository: &str,
    of: &GitHubRefMove,
    judged: &JudgedRefMove,
    is_late: bool,
    (now, list_inner_commits): (Timestamp, &InnerCommitSource<'_>),
) -> Result<AppendedMoves> {
    let id = choose_decision_id(ledger.state(), repository, of)?;
    let (decided, beside) = build_move_decision(id.clone(), of, judged).map_err(|why| anyhow!(why))?;
    let moved = to_recorded_move(of);
    let mut appended = AppendedMoves::default();
    if is_late {
        appended.found_late.push(moved.clone());
    }
    let is_allowed = decided.is_allowed();
    let observed_at = decided.observed_at;
    let closings: Vec<ObligationClosing> = convert_all(decided.refs.iter().flat_map(|one| &one.closings));
    ledger.append_decision(decided, beside, now)?;
    // On a forge the move has happened whatever the policy says, so a denied one is an unauthorised change.
    if !is_allowed {
        ledger.append_event(LedgerEvent::Unauthorised(moved.clone()), now)?;
        appended.unauthorised.push(moved);
        return Ok(appended);
    }
    let name = moved.name.clone();
    let decision_id = id.clone();
    let outcome = DecisionOutcome {
        decision_id: id,
        landed: vec![moved],
        unmoved: Vec::new(),
        observed_at: now,
        found_late: is_late,
    };
    ledger.append_event(LedgerEvent::Outcome(outcome), now)?;
    let landed = LandedClosings::of_decision(&name, &closings, &decision_id, list_inner_commits);
    appended.closing_notes.extend(describe_refused_closings(ledger.state(), landed));
    for event in list_discharges(ledger.state(), landed, observed_at) {
        appended.closing_notes.extend(describe_discharge(&event));
        ledger.append_event(event, now)?;
    }
    Ok(appended)
}

/// Returns the first id of this move that no decision has. The same move can be made again, once the ref is
/// back where it was.
fn choose_decision_id(state: &LedgerState, repository: &str, of: &GitHubRefMove) -> Result<String> {
    for attempt in 0..=u32::MAX {
        let id = move_decision_id(repository, of, attempt);
        if !is_id_taken(state, &id) {
            return Ok(id);
        }
    }
    bail!("there is no id left for this decision")
}

/// Returns whether the state names a decision of this id. An obligation is identified by its decision, so
/// a second decision with the same id would owe it again, with new times.
fn is_id_taken(state: &LedgerState, id: &String) -> bool {
    let mut owed = state.obligations.values().chain(state.dormant_obligations.values());
    state.recent_decisions.contains(id)
        || state.open_decisions.contains_key(id)
        || owed.any(|owed| owed.decision == *id)
}

/// Returns the decision on a move, and what is kept beside its record. The
/// values are those of a decision on a server, except for the stage, and for what only a forge knows.
fn build_move_decision(
    id: String,
    of: &GitHubRefMove,
    judged: &JudgedRefMove,
) -> Result<(DecisionRecord, DecisionFiles), String> {
    let decision = judged.report.decision;
    let all = &judged.verdicts;
    let mut verdicts: Vec<Verdict> = Vec::new();
    for verdict in all {
        if verdict.has_remarks() {
            verdicts.push(verdict.clone());
        }
    }
    let passed = all.len().saturating_sub(verdicts.len());
    let mut room = VERDICTS_BUDGET_BYTES;
    let (changes, omitted) = select_fitting_verdicts(&verdicts, &mut room, decision)?;
    let mut obligations = RefObligations::default();
    // A denied move is recorded as unauthorised; what its changes owe and state does not count.
    if judged.report.effective_decision() == Decision::Allow
        && let Some((_, of_ref)) = judged.push_facts.obligations().first()
    {
        obligations = of_ref.clone();
    }
    // What lands only in evaluate mode was not let through against anything.
    if decision == Decision::Deny {
        obligations.owing_changes.clear();
    }
    for closing in &mut obligations.closings {
        name_landed_commit(closing, &judged.merged_pulls);
    }
    let mut decided = DecisionRecord {
        id,
        observed_at: judged.observed_at,
        stage: Stage::Landed,
        pusher: RecordedPusher::from(&of.moved_by),
        push_certificate: None,
        decision: judged.report.effective_decision().into(),
        evaluated: judged.report.is_evaluation.then(|| decision.into()),
        policy: judged.report.policy.as_ref().map(|policy| RecordedPolicy {
            name: policy.name.clone(),
            digest: format!("sha256:{}", policy.digest),
            source: policy.source.clone(),
        }),
        refs: vec![RefDecision {
            name: Text::from(of.ref_name.as_str()),
            pushed_as: None,
            old: of.old_tip,
            new: of.new_tip,
            tree: judged.new_tree,
            protected: true,
            policies: convert_all(&judged.policy_sources),
            refusals: convert_all(&judged.refusals),
            changes,
            passed,
            omitted,
            owing_changes: convert_all(&obligations.owing_changes),
            closings: convert_all(&obligations.closings),
            pull_landings: convert_all(&judged.merged_pulls),
            break_glass: None,
            act: None,
            used_approvals: Vec::new(),
        }],
        omitted_refs: 0,
        notes: convert_all(&judged.report.notes),
        facts: FactsDigest {
            digest: judged.push_facts.digest(),
            changes: judged.push_facts.change_count(),
            kept: judged.push_facts.text().is_some(),
        },
        reasons: None,
        tool: TOOL_VERSION.to_owned(),
    };
    let reasons = write_reasons(judged.push_facts.reasons())?;
    decided.reasons = reasons.as_deref().map(|text| digest_reasons(text, judged.push_facts.change_count()));
    fit_into_record(&mut decided)?;
    Ok((decided, DecisionFiles { facts: judged.push_facts.text().map(str::to_owned), reasons }))
}

/// Replaces the change that closes something by the commit as which it landed.
fn name_landed_commit(closing: &mut ObligationClosing, landings: &[MergedPull]) {
    if let Some(landing) = landings.iter().find(|landing| landing.change == closing.made.change) {
        closing.made.change = landing.landed_as;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::state::unauthorised;

    #[test]
    fn what_is_owed_keeps_its_decision_to_itself() {
        let moved = RecordedMove { name: Text::from("refs/heads/main"), old: None, new: None };
        let id = "0123".to_owned();
        let mut owed = unauthorised::build_unauthorised_obligation(&moved, 1, Timestamp::UNIX_EPOCH);
        owed.decision.clone_from(&id);
        let mut state = LedgerState::default();
        assert!(!is_id_taken(&state, &id));
        state.obligations.insert(format!("{id}/0/x/rule/0"), owed);
        assert!(is_id_taken(&state, &id));
    }
}
