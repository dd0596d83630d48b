//! Returns the verdicts on the changes of a ref that landed: those that a record holds, and those of changes
//! that it only counts because they passed every rule. The latter are judged again from the recorded facts.

use std::collections::BTreeSet;

use anyhow::Result;

use crate::change::{Change, Oid, Text};
use crate::gate::{LoadedPolicy, judge_from_facts};
use crate::git::Repository;
use crate::ledger::audit::replay::{find_named_bases, load_recorded_policy};
use crate::ledger::record::convert::convert_all;
use crate::ledger::record::readable::ReadableRecord;
use crate::ledger::record::{DecisionRecord, LedgerEvent, RefDecision, digest_bytes};
use crate::ledger::store::{FACTS_FILE, RECORD_FILE, read_ledger_file};
use crate::policy::Policy;
use crate::verdict::Verdict;

/// The verdicts on the changes of a ref.
pub(crate) struct RefVerdicts {
    pub(crate) verdicts: Vec<Verdict>,
    /// The policy that judged them, if it can still be read and is unchanged.
    pub(crate) policy: Option<Policy>,
    /// Why some of the verdicts are not available.
    pub(crate) unavailable: Vec<String>,
}

/// Returns the verdicts on one ref of a decision, whose record is in `commit`.
pub(crate) fn read_ref_verdicts(
    repository: &Repository,
    commit: Oid,
    decided: &DecisionRecord,
    one: &RefDecision,
) -> Result<RefVerdicts> {
    let named = find_named_bases(decided);
    let loaded: Result<Vec<LoadedPolicy>, String> =
        one.policies.iter().map(|source| load_recorded_policy(repository, &named, source)).collect();
    let mut judged =
        RefVerdicts { verdicts: convert_all(&one.changes), policy: None, unavailable: Vec::new() };
    if let Ok([own, ..]) = loaded.as_deref() {
        judged.policy = Some(own.policy.clone());
    }
    // Verdicts without remarks are not in the record; they can only be had by judging again.
    if one.passed > 0 {
        let verdicts = match loaded {
            Ok(loaded) => rejudge_changes(repository, commit, decided, one, &loaded)?,
            Err(why) => Err(why),
        };
        match verdicts {
            Ok(verdicts) => judged.verdicts = verdicts,
            Err(why) => {
                let changes =
                    if one.passed == 1 { "1 change".into() } else { format!("{} changes", one.passed) };
                judged
                    .unavailable
                    .push(format!("the verdicts on {changes} that passed every rule are missing: {why}"));
            }
        }
    }
    if let Some(policy) = &judged.policy {
        add_titles(&mut judged.verdicts, policy);
    }
    Ok(judged)
}

/// Returns the verdicts of the decision in the record of `holder` on the changes of one ref with these final revisions,
/// and why some are not available.
///
/// # Errors
///
/// Fails if an object of the record cannot be read.
pub(crate) fn read_change_verdicts(
    repository: &Repository,
    holder: Oid,
    name: &Text,
    revisions: &BTreeSet<Oid>,
) -> Result<(Vec<Verdict>, Vec<String>)> {
    let bytes = read_ledger_file(repository, holder, RECORD_FILE)?.unwrap_or_default();
    let ReadableRecord::Known(record) = ReadableRecord::parse_record(&bytes) else {
        return Ok(Default::default());
    };
    let LedgerEvent::Decision(decided) = &record.event else { return Ok(Default::default()) };
    let Some(one) = decided.refs.iter().find(|one| one.name == *name) else { return Ok(Default::default()) };
    let mut judged = read_ref_verdicts(repository, holder, decided, one)?;
    judged.verdicts.retain(|verdict| verdict.revision.is_some_and(|id| revisions.contains(&id)));
    // That the verdicts on other changes are missing is of no interest here.
    let unavailable = if judged.verdicts.is_empty() { judged.unavailable } else { Vec::new() };
    Ok((judged.verdicts, unavailable))
}

/// Adds the titles of rules, which the record does not hold.
fn add_titles(verdicts: &mut [Verdict], policy: &Policy) {
    for judgement in verdicts.iter_mut().flat_map(|verdict| &mut verdict.judgements) {
        if let Some(rule) = policy.rules.iter().find(|rule| rule.description.id == judgement.rule.id) {
            judgement.rule = std::sync::Arc::clone(&rule.description);
        }
    }
}

/// Judges again the changes that the record only counts, in the order of the recorded facts. The result is
/// refused if it does not match the counts of the record.
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
        return Ok(Err("the recorded facts are not those of the decision".into()));
    }
    let (own, base) = match policies {
        [own] => (own, None),
        [own, base] => (own, Some(&base.policy)),
        _ => return Ok(Err("the record does not name its policies".into())),
    };
    let mut before = 0;
    // The facts of all refs are in one file, ref after ref.
    for other in &decided.refs {
        if other.name == one.name {
            break;
        }
        before += other.count_changes();
    }
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
        // One with remarks that the record does not hold did not fit into it, and is counted elsewhere.
        if !verdict.has_remarks() {
            verdicts.push(verdict);
        }
    }
    let silent = verdicts.len().saturating_sub(one.changes.len());
    if recorded.next().is_some() || silent != one.passed {
        return Ok(Err("judging them again gives another result; see `ledger replay`".into()));
    }
    Ok(Ok(verdicts))
}
