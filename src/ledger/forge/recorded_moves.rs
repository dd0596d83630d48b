//! A move of a ref that a forge tells of, as records.
//!
//! On a server the decision comes first and the move after it. A forge has moved the ref when somebody
//! first hears of it. What the policy allows is recorded as decided and landed. What it denies has landed
//! all the same, past whatever should have held it back: the denial is recorded, and then that the ref
//! moved without leave.

use anyhow::{Result, anyhow};
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
    TOOL_VERSION, VERDICTS_BUDGET_BYTES, fit_into_record, select_fitting_verdicts,
};
use crate::ledger::server::discharge::{describe_discharge, describe_refused_closings, list_discharges};
use crate::ledger::state::LedgerState;
use crate::ledger::store::LedgerWriter;
use crate::verdict::{Decision, Verdict};

/// What was appended, in words where somebody should know of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppendedMoves {
    /// The moves that nobody allowed.
    pub unauthorised: Vec<RecordedMove>,
    /// The moves of which somebody else should have told.
    pub found_late: Vec<RecordedMove>,
    /// What was closed, and what was stated and does not close, as sentences.
    pub closing_notes: Vec<String>,
}

/// Returns the id of the decision on a move: the same for whoever comes to judge it.
pub fn move_decision_id(repository: &str, moved: &GitHubRefMove, again: u32) -> String {
    let shown = |id: Option<_>| id.map_or_else(|| "nothing".to_owned(), |id: Oid| id.to_string());
    let told = format!(
        "{repository}\n{}\n{}\n{}\n{again}",
        moved.ref_name,
        shown(moved.old_tip),
        shown(moved.new_tip)
    );
    let digest = digest_bytes(told.as_bytes());
    digest.trim_start_matches("sha256:").chars().take(32).collect()
}

/// Returns the move as records name it.
pub fn to_recorded_move(of: &GitHubRefMove) -> RecordedMove {
    RecordedMove { name: Text::from(of.ref_name.as_str()), old: of.old_tip, new: of.new_tip }
}

/// Appends a move and what judging it came to. `is_late` if it is not the run for this move that tells.
///
/// # Errors
///
/// Fails if it cannot be recorded in full.
pub fn append_move(
    ledger: &mut LedgerWriter<'_>,
    repository: &str,
    of: &GitHubRefMove,
    judged: &JudgedRefMove,
    is_late: bool,
    now: Timestamp,
) -> Result<AppendedMoves> {
    // The same move can be made again, once the ref is back where it was.
    let id = (0..=u32::MAX)
        .map(|again| move_decision_id(repository, of, again))
        .find(|id| !is_id_taken(ledger.state(), id));
    let id = id.ok_or_else(|| anyhow!("there is no id left for this decision"))?;
    let (decided, facts) = build_move_decision(id.clone(), of, judged).map_err(|why| anyhow!(why))?;
    let moved = to_recorded_move(of);
    let mut appended = AppendedMoves::default();
    if is_late {
        appended.found_late.push(moved.clone());
    }
    let (is_allowed, observed_at) = (decided.is_allowed(), decided.observed_at);
    let closings: Vec<ObligationClosing> = convert_all(decided.refs.iter().flat_map(|one| &one.closings));
    ledger.append_event(LedgerEvent::Decision(Box::new(decided)), facts.as_deref(), now)?;
    if !is_allowed {
        ledger.append_event(LedgerEvent::Unauthorised(moved.clone()), None, now)?;
        appended.unauthorised.push(moved);
        return Ok(appended);
    }
    let (landed, name) = (vec![moved.clone()], moved.name);
    let outcome = DecisionOutcome {
        decision_id: id,
        landed,
        unmoved: Vec::new(),
        observed_at: now,
        found_late: is_late,
    };
    ledger.append_event(LedgerEvent::Outcome(outcome), None, now)?;
    appended.closing_notes.extend(describe_refused_closings(ledger.state(), &name, &closings));
    for event in list_discharges(ledger.state(), &name, &closings, observed_at) {
        appended.closing_notes.extend(describe_discharge(&event));
        ledger.append_event(event, None, now)?;
    }
    Ok(appended)
}

/// Returns whether a decision of this id is remembered. What it owes is told by its id, and would be owed
/// anew, with new times, if another decision had the same.
fn is_id_taken(state: &LedgerState, id: &String) -> bool {
    let mut owed = state.obligations.values().chain(state.dormant_obligations.values());
    state.recent_decisions.contains(id)
        || state.open_decisions.contains_key(id)
        || owed.any(|owed| owed.decision == *id)
}

/// Returns the decision on a move, and the facts that it rests on if they are short enough.
fn build_move_decision(
    id: String,
    of: &GitHubRefMove,
    judged: &JudgedRefMove,
) -> Result<(DecisionRecord, Option<String>), String> {
    let decision = judged.report.decision;
    let (mut room, all) = (VERDICTS_BUDGET_BYTES, &judged.verdicts);
    let said: Vec<Verdict> = all.iter().filter(|verdict| verdict.has_remarks()).cloned().collect();
    let passed = all.len().saturating_sub(said.len());
    let (changes, left_out) = select_fitting_verdicts(&said, &mut room, decision)?;
    let allowed = Some(judged.push_facts.obligations()).filter(|_| decision == Decision::Allow);
    let dues = allowed.and_then(|dues| dues.first()).map(|(_, dues)| dues.clone()).unwrap_or_default();
    let RefObligations { owing_changes, mut closings, .. } = dues;
    for closing in &mut closings {
        name_landed_commit(closing, &judged.merged_pulls);
    }
    let mut decided = DecisionRecord {
        id,
        observed_at: judged.observed_at,
        stage: Stage::Landed,
        pusher: RecordedPusher::from(&of.moved_by),
        decision: decision.into(),
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
            policies: convert_all(&judged.policy_source),
            refusals: convert_all(&judged.refusals),
            changes,
            passed,
            omitted: left_out,
            owing_changes: convert_all(&owing_changes),
            closings: convert_all(&closings),
            pull_landings: convert_all(&judged.merged_pulls),
            break_glass: None,
        }],
        omitted_refs: 0,
        notes: convert_all(&judged.report.notes),
        facts: FactsDigest {
            digest: judged.push_facts.digest(),
            changes: judged.push_facts.change_count(),
            kept: judged.push_facts.text().is_some(),
        },
        tool: TOOL_VERSION.to_owned(),
    };
    fit_into_record(&mut decided)?;
    Ok((decided, judged.push_facts.text().map(str::to_owned)))
}

/// Names the commit as which a change landed as what speaks for earlier ones.
fn name_landed_commit(closing: &mut ObligationClosing, brought: &[MergedPull]) {
    if let Some(way) = brought.iter().find(|way| way.change == closing.made.change) {
        closing.made.change = way.landed_as;
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
