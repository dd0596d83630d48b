//! A move of a ref that a forge tells of, as records.
//!
//! On a server the decision comes first and the move after it. A forge has moved the ref when somebody
//! first hears of it. What the policy allows is recorded as decided and landed. What it denies has landed
//! all the same, past whatever should have held it back: the denial is recorded, and then that the ref
//! moved without leave.

use anyhow::{Result, anyhow};
use jiff::Timestamp;

use super::deciding::{ROOM, TOOL, fit, fitting};
use super::record::{Decided, Event, Facts, Moved, Outcome, PolicyUsed, RefDecided, digest};
use super::state::State;
use super::store::Ledger;
use super::sweep::{closed, discharges, refused};
use crate::change::{Oid, Stage, Text};
use crate::gate::dues::{Brought, Closing, Dues};
use crate::github::{JudgedMove, Move};
use crate::verdict::{Decision, Verdict};

/// What was appended, in words where somebody should know of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// The moves that nobody allowed.
    pub unauthorised: Vec<Moved>,
    /// The moves of which somebody else should have told.
    pub late: Vec<Moved>,
    /// What was closed, and what was stated and does not close, as sentences.
    pub closed: Vec<String>,
}

/// Returns the id of the decision on a move: the same for whoever comes to judge it.
pub fn id(repository: &str, moved: &Move, again: u32) -> String {
    let shown = |id: Option<_>| id.map_or_else(|| "nothing".to_owned(), |id: Oid| id.to_string());
    let told = format!("{repository}\n{}\n{}\n{}\n{again}", moved.name, shown(moved.old), shown(moved.new));
    let digest = digest(told.as_bytes());
    digest.trim_start_matches("sha256:").chars().take(32).collect()
}

/// Returns the move as records name it.
pub fn moved(of: &Move) -> Moved {
    Moved { name: Text::from(of.name.as_str()), old: of.old, new: of.new }
}

/// Appends a move and what judging it came to. `is_late` if it is not the run for this move that tells.
///
/// # Errors
///
/// Fails if it cannot be recorded in full.
pub fn append(
    ledger: &mut Ledger<'_>,
    repository: &str,
    of: &Move,
    judged: &JudgedMove,
    is_late: bool,
    now: Timestamp,
) -> Result<Appended> {
    // The same move can be made again, once the ref is back where it was.
    let id = (0..=u32::MAX).map(|again| id(repository, of, again)).find(|id| !is_taken(ledger.state(), id));
    let id = id.ok_or_else(|| anyhow!("there is no id left for this decision"))?;
    let (decided, facts) = decided(id.clone(), of, judged).map_err(|why| anyhow!(why))?;
    let moved = moved(of);
    let mut appended = Appended::default();
    if is_late {
        appended.late.push(moved.clone());
    }
    let (decision, observed_at) = (decided.decision, decided.observed_at);
    let closings: Vec<Closing> = decided.refs.iter().flat_map(|one| one.closings.clone()).collect();
    ledger.append(Event::Decision(Box::new(decided)), facts.as_deref(), now)?;
    if decision == Decision::Deny {
        ledger.append(Event::Unauthorised(moved.clone()), None, now)?;
        appended.unauthorised.push(moved);
        return Ok(appended);
    }
    let (landed, name) = (vec![moved.clone()], moved.name);
    let outcome = Outcome { of: id, landed, stayed: Vec::new(), observed_at: now, found_late: is_late };
    ledger.append(Event::Outcome(outcome), None, now)?;
    appended.closed.extend(refused(ledger.state(), &name, &closings));
    for event in discharges(ledger.state(), &name, &closings, observed_at) {
        appended.closed.extend(closed(&event));
        ledger.append(event, None, now)?;
    }
    Ok(appended)
}

/// Returns whether a decision of this id is remembered. What it owes is told by its id, and would be owed
/// anew, with new times, if another decision had the same.
fn is_taken(state: &State, id: &String) -> bool {
    let mut owed = state.owed.values().chain(state.dormant.values());
    state.recent.contains(id) || state.open.contains_key(id) || owed.any(|owed| owed.decision == *id)
}

/// Returns the decision on a move, and the facts that it rests on if they are short enough.
fn decided(id: String, of: &Move, judged: &JudgedMove) -> Result<(Decided, Option<String>), String> {
    let decision = judged.report.decision;
    let (mut room, all) = (ROOM, &judged.verdicts);
    let said: Vec<Verdict> = all.iter().filter(|verdict| verdict.has_something_to_say()).cloned().collect();
    let passed = all.len().saturating_sub(said.len());
    let (changes, left_out) = fitting(&said, &mut room, decision)?;
    let allowed = Some(judged.kept.dues()).filter(|_| decision == Decision::Allow);
    let dues = allowed.and_then(|dues| dues.first()).map(|(_, dues)| dues.clone()).unwrap_or_default();
    let Dues { owing, closings, .. } = dues;
    let mut decided = Decided {
        id,
        observed_at: judged.observed_at,
        stage: Stage::Landed,
        pusher: of.by.clone(),
        decision,
        policy: judged.report.policy.as_ref().map(|policy| PolicyUsed {
            name: policy.name.clone(),
            digest: format!("sha256:{}", policy.digest),
            source: policy.source.clone(),
        }),
        refs: vec![RefDecided {
            name: Text::from(of.name.as_str()),
            pushed_as: None,
            old: of.old,
            new: of.new,
            tree: judged.tree,
            protected: true,
            policies: judged.policy.iter().cloned().collect(),
            refusals: judged.refusals.clone(),
            changes,
            passed,
            left_out,
            owing,
            closings: closings.into_iter().map(|one| as_landed(one, &judged.brought)).collect(),
            brought: judged.brought.clone(),
            break_glass: None,
        }],
        refs_left_out: 0,
        notes: judged.report.notes.clone(),
        facts: Facts {
            digest: judged.kept.digest(),
            changes: judged.kept.changes(),
            kept: judged.kept.text().is_some(),
        },
        tool: TOOL.to_owned(),
    };
    fit(&mut decided)?;
    Ok((decided, judged.kept.text().map(str::to_owned)))
}

/// Names the commit as which a change landed as what speaks for earlier ones.
fn as_landed(mut closing: Closing, brought: &[Brought]) -> Closing {
    if let Some(way) = brought.iter().find(|way| way.change == closing.made.change) {
        closing.made.change = way.landed_as;
    }
    closing
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::stray;

    #[test]
    fn what_is_owed_keeps_its_decision_to_itself() {
        let moved = Moved { name: Text::from("refs/heads/main"), old: None, new: None };
        let id = "0123".to_owned();
        let mut owed = stray::owed(&moved, 1, Timestamp::UNIX_EPOCH);
        owed.decision.clone_from(&id);
        let mut state = State::default();
        assert!(!is_taken(&state, &id));
        state.owed.insert(format!("{id}/0/x/rule/0"), owed);
        assert!(is_taken(&state, &id));
    }
}
