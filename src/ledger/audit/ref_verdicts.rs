//! Every change of a ref that landed, with its verdict: those that a record holds, and those that it only
//! counts because they kept every rule. The latter are judged again from the facts beside the record.

use anyhow::Result;

use crate::change::{Change, Oid};
use crate::gate::{LoadedPolicy, judge_from_facts};
use crate::git::Repository;
use crate::ledger::audit::replay::load_recorded_policy;
use crate::ledger::record::convert::convert_all;
use crate::ledger::record::{DecisionRecord, RefDecision, digest_bytes};
use crate::ledger::store::{FACTS_FILE, read_ledger_file};
use crate::policy::Policy;
use crate::verdict::Verdict;

/// The changes of a ref.
pub(crate) struct RefVerdicts {
    pub(crate) verdicts: Vec<Verdict>,
    /// The policy that they were judged by, if it can still be read and is that one.
    pub(crate) policy: Option<Policy>,
    /// Which of them are not there, and why.
    pub(crate) unavailable: Vec<String>,
}

/// Returns the changes of one ref of a decision, whose record stands in `commit`.
pub(crate) fn read_ref_verdicts(
    repository: &Repository,
    commit: Oid,
    decided: &DecisionRecord,
    one: &RefDecision,
) -> Result<RefVerdicts> {
    let loaded: Result<Vec<LoadedPolicy>, String> =
        one.policies.iter().map(|from| load_recorded_policy(repository, from)).collect();
    let own = loaded.as_ref().ok().and_then(|loaded| loaded.first()).map(|own| own.policy.clone());
    let mut judged =
        RefVerdicts { verdicts: convert_all(&one.changes), policy: own, unavailable: Vec::new() };
    if let Some(policy) = &judged.policy {
        add_titles(&mut judged.verdicts, policy);
    }
    if one.passed == 0 {
        return Ok(judged);
    }
    let again = match loaded {
        Ok(loaded) => rejudge_changes(repository, commit, decided, one, &loaded)?,
        Err(why) => Err(why),
    };
    match again {
        Ok(verdicts) => {
            judged.verdicts = verdicts;
            if let Some(policy) = &judged.policy {
                add_titles(&mut judged.verdicts, policy);
            }
        }
        Err(why) => {
            let many = if one.passed == 1 { "1 change".into() } else { format!("{} changes", one.passed) };
            judged.unavailable.push(format!("{many} kept every rule and cannot be told apart: {why}"));
        }
    }
    Ok(judged)
}

/// Gives rules their titles, which the record does not hold.
fn add_titles(verdicts: &mut [Verdict], policy: &Policy) {
    for judgement in verdicts.iter_mut().flat_map(|verdict| &mut verdict.judgements) {
        if let Some(rule) = policy.rules.iter().find(|rule| rule.name.id == judgement.rule.id) {
            judgement.rule = std::sync::Arc::clone(&rule.name);
        }
    }
}

/// Judges again what the record only counts.
fn rejudge_changes(
    repository: &Repository,
    commit: Oid,
    decided: &DecisionRecord,
    one: &RefDecision,
    policies: &[LoadedPolicy],
) -> Result<Result<Vec<Verdict>, String>> {
    let Some(facts) = read_ledger_file(repository, commit, FACTS_FILE)? else {
        return Ok(Err("the facts were too long to be kept".into()));
    };
    if digest_bytes(&facts) != decided.facts.digest {
        return Ok(Err("the facts beside the record are not those that it was judged by".into()));
    }
    let (own, base) = match policies {
        [own] => (own, None),
        [own, base] => (own, Some(&base.policy)),
        _ => return Ok(Err("the record does not name the policy".into())),
    };
    let before = decided.refs.iter().take_while(|other| other.name != one.name);
    let before: usize = before.map(RefDecision::count_changes).sum();
    let lines = facts.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let mut recorded = one.changes.iter().peekable();
    let mut verdicts = Vec::new();
    for line in lines.skip(before).take(one.count_changes()) {
        let change: Change = match serde_json::from_slice(line) {
            Ok(change) => change,
            Err(error) => return Ok(Err(format!("this version cannot read the facts: {error}"))),
        };
        let revision = change.tip().id;
        if let Some(recorded) = recorded.next_if(|recorded| recorded.revision == revision) {
            verdicts.push(Verdict::from(recorded));
            continue;
        }
        let verdict = judge_from_facts(&change, &own.policy, base);
        if !verdict.has_remarks() {
            verdicts.push(verdict);
        }
    }
    let silent = verdicts.len().saturating_sub(one.changes.len());
    if recorded.next().is_some() || silent != one.passed {
        return Ok(Err("judged again, they do not come out as recorded; see `ledger replay`".into()));
    }
    Ok(Ok(verdicts))
}
