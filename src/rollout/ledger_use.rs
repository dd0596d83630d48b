//! What the records of a ledger tell of a policy's rules that only warn, and of its exemptions.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::git::Repository;
use crate::ledger::LEDGER_REF;
use crate::ledger::record::readable::ReadableRecord;
use crate::ledger::record::{
    DecisionRecord, LedgerEvent, RecordedDecision, RecordedJudgement, RecordedLevel, RecordedOutcome,
};
use crate::ledger::store::{RECORD_FILE, read_ledger_file};
use crate::policy::Policy;
use crate::rollout::policy_use::{PolicyUse, UseExample, UseSource};
use crate::rollout::rule_versions::{RuleVersions, add_other_range};

/// Counts what landed since `since` by the records of the ledger; `None` if there is no ledger.
///
/// A rule counts where it only warned at the time, and from its start on, by its id in `starts`. What another version of it
/// judged is left to be judged again.
///
/// # Errors
///
/// Fails if the ledger's ref cannot be read. A record that cannot be read is counted.
pub fn measure_ledger(
    repository: &Repository,
    policy: &Policy,
    starts: &BTreeMap<String, Timestamp>,
    since: Timestamp,
    count_step: &mut dyn FnMut(),
) -> anyhow::Result<Option<PolicyUse>> {
    let Some(tip) = repository.resolve_ref(LEDGER_REF.as_bytes())?.id else { return Ok(None) };
    let (commits, broken) = repository.walk_chain(Some(tip));
    let mut found = PolicyUse::new(UseSource::Ledger, policy);
    let mut versions = RuleVersions::new(repository, policy);
    found.unreadable += u64::from(broken.is_some());
    // An outcome comes after its decision, so it is met first here.
    let mut landed: BTreeSet<String> = BTreeSet::new();
    for (commit, _) in commits {
        let bytes = read_ledger_file(repository, commit, RECORD_FILE)?.unwrap_or_default();
        let ReadableRecord::Known(record) = ReadableRecord::parse_record(&bytes) else {
            found.unreadable += 1;
            continue;
        };
        if record.recorded_at < since {
            break;
        }
        match &record.event {
            LedgerEvent::Outcome(outcome) if !outcome.landed.is_empty() => {
                landed.insert(outcome.decision_id.clone());
            }
            LedgerEvent::Decision(decided) if landed.remove(&decided.id) => {
                add_decision(&mut found, (policy, &mut versions), decided, starts);
            }
            _ => {}
        }
        count_step();
    }
    Ok(Some(found))
}

fn add_decision(
    found: &mut PolicyUse,
    (policy, versions): (&Policy, &mut RuleVersions<'_>),
    decided: &DecisionRecord,
    starts: &BTreeMap<String, Timestamp>,
) {
    if let Some(evaluated) = decided.evaluated {
        found.evaluated.pushes += 1;
        found.evaluated.refused += u64::from(evaluated == RecordedDecision::Deny);
    }
    let at = decided.observed_at;
    for one in decided.refs.iter().filter(|one| one.protected) {
        let changes = u64::try_from(one.count_changes()).unwrap_or(u64::MAX);
        found.changes = found.changes.saturating_add(changes);
        let others = versions.find_other_rules(decided, one, starts);
        for rule in found.rules.keys().cloned().collect::<Vec<String>>() {
            let is_older = starts.get(&rule).is_some_and(|start| at < *start);
            if !is_older && !others.contains(&rule) {
                found.add_changes(&rule, changes);
            }
        }
        if !others.is_empty() {
            add_other_range(&mut found.other_versions, one, others.clone());
        }
        for verdict in &one.changes {
            let example = UseExample { revision: verdict.revision, subject: verdict.subject.clone(), at };
            for judgement in &verdict.judgements {
                found.used_exemptions.extend(find_exemption(policy, judgement));
                let is_older = starts.get(&judgement.rule).is_some_and(|start| at < *start);
                let is_other = others.contains(&judgement.rule);
                if judgement.level != RecordedLevel::Warn || is_older || is_other {
                    continue;
                }
                match &judgement.outcome {
                    RecordedOutcome::Fail(_) => found.add_broken(&judgement.rule, &example),
                    RecordedOutcome::Undecided(_) => found.add_open(&judgement.rule),
                    _ => {}
                }
            }
        }
    }
}

/// Returns the place of the exemption that a judgement used. Its line may have moved since, so it is known by what it
/// says.
fn find_exemption(policy: &Policy, judgement: &RecordedJudgement) -> Option<usize> {
    let RecordedOutcome::Exempted { reason, approved_by, until, .. } = &judgement.outcome else {
        return None;
    };
    policy.exemptions.iter().position(|exemption| {
        let rule = policy.rules.get(exemption.rule_index).map(|rule| rule.description.id.as_str());
        rule == Some(judgement.rule.as_str())
            && exemption.reason == *reason
            && exemption.approved_by == *approved_by
            && exemption.until.to_string() == *until
    })
}
