//! The walk over history that judges each change by the policy, as far as a repository tells.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::change::FactKind;
use crate::change::{Change, Commit, Commits, Missing, Stage, Text};
use crate::gate::LoadedPolicy;
use crate::gate::policy_effect::PolicyEffects;
use crate::gate::range_walk::{RangeDivision, RangeWalk};
use crate::git::{CommitRange, Repository, UnreadableCommit};
use crate::judge::{find_used_exemptions, judge_change};
use crate::policy::Policy;
use crate::rollout::policy_use::{PolicyUse, UseExample, UseSource};
use crate::verdict::{RuleLevel, RuleOutcome};
use crate::vocabulary::{FieldKind, FieldReading};

/// Which history is judged by which policy.
#[derive(Clone, Debug)]
pub struct HistoryInputs<'asked> {
    /// The policy.
    pub loaded: &'asked LoadedPolicy,
    /// The commits.
    pub range: CommitRange<'asked>,
    /// The branch that the history is of, where that is known.
    pub target: Option<Text>,
    /// Since when each rule warns, by its id, where that is known: what is older does not count.
    pub starts: &'asked BTreeMap<String, Timestamp>,
    /// No change is seen later than now.
    pub now: Timestamp,
    /// How many threads can work; called only where there is enough to do.
    pub threads: fn() -> usize,
}

/// What one change makes of the policy.
struct ChangeUse {
    example: UseExample,
    broken: Vec<String>,
    open: Vec<String>,
    exemptions: Vec<usize>,
    entries: Vec<String>,
}

/// Judges every change of a range by the policy; `count_step` is called after each.
///
/// # Errors
///
/// Fails if the history cannot be walked to its end. A commit that cannot be read is counted, and its change is not
/// judged.
pub fn measure_history(
    repository: &Repository,
    inputs: &HistoryInputs<'_>,
    count_step: &mut dyn FnMut(),
) -> anyhow::Result<PolicyUse> {
    let policy = &inputs.loaded.policy;
    let division = RangeDivision::from(policy.change_unit);
    let walk = RangeWalk { repository, range: inputs.range, division, threads: inputs.threads };
    let path = Some(inputs.loaded.path_in_commit());
    let effects = PolicyEffects::new(repository, (inputs.loaded, None), path, Some(inputs.range.tip));
    let mut found = PolicyUse::new(UseSource::History, policy);
    let judge = |commits| judge_use(inputs, &effects, commits);
    walk.for_each_change(&policy.needed_facts(), judge, |change| {
        match change {
            Some(change) => add_change_use(&mut found, &change, inputs.starts),
            None => found.unreadable += 1,
        }
        count_step();
        Ok(())
    })?;
    Ok(found)
}

fn add_change_use(found: &mut PolicyUse, change: &ChangeUse, starts: &BTreeMap<String, Timestamp>) {
    let is_older = |rule: &String| starts.get(rule).is_some_and(|start| change.example.at < *start);
    found.changes += 1;
    // What came before a rule was there says nothing of it.
    for rule in found.rules.keys().cloned().collect::<Vec<String>>().iter().filter(|rule| !is_older(rule)) {
        found.add_changes(rule, 1);
    }
    for rule in change.broken.iter().filter(|rule| !is_older(rule)) {
        found.add_broken(rule, &change.example);
    }
    for rule in change.open.iter().filter(|rule| !is_older(rule)) {
        found.add_open(rule);
    }
    found.used_exemptions.extend(&change.exemptions);
    found.used_entries.extend(change.entries.iter().cloned());
}

/// Returns what a change makes of the policy; `None` if a commit of it cannot be read.
fn judge_use(
    inputs: &HistoryInputs<'_>,
    effects: &PolicyEffects<'_>,
    commits: Vec<Result<Commit, UnreadableCommit>>,
) -> Option<ChangeUse> {
    let policy = &inputs.loaded.policy;
    let commits: Vec<Commit> = commits.into_iter().collect::<Result<_, _>>().ok()?;
    let commits = Commits::new(commits)?;
    let made_at = Timestamp::from_second(commits.last().committed_at).unwrap_or(inputs.now);
    let target = inputs.target.clone().ok_or(Missing::NotAtThisStage(FactKind::Target));
    let pusher = Err(Missing::NotAtThisStage(FactKind::Pusher));
    let mut change = Change::from_repository(Stage::Check, target, pusher, made_at.min(inputs.now), commits);
    effects.complete_change(&mut change);
    let verdict = judge_change(policy, &change, false);
    let (mut broken, mut open) = (Vec::new(), Vec::new());
    for (rule, judgement) in policy.rules.iter().zip(&verdict.judgements) {
        if rule.level != RuleLevel::Warn {
            continue;
        }
        let id = rule.description.id.to_string();
        match &judgement.outcome {
            RuleOutcome::Fail(_) => broken.push(id),
            RuleOutcome::Undecided(_) | RuleOutcome::Deferred(_) | RuleOutcome::MaybeExempted(_) => {
                open.push(id);
            }
            _ => {}
        }
    }
    let example =
        UseExample { revision: verdict.revision, subject: verdict.subject.clone(), at: change.seen_at };
    let exemptions = find_used_exemptions(policy, &change, &verdict);
    let entries = list_named_entries(policy, &change);
    Some(ChangeUse { example, broken, open, exemptions, entries })
}

/// Returns the standard changes that a change names in any of its fields.
fn list_named_entries(policy: &Policy, change: &Change) -> Vec<String> {
    let mut entries = Vec::new();
    if policy.standard_changes.is_empty() {
        return entries;
    }
    for field in policy.vocabulary.fields() {
        if !matches!(field.kind, FieldKind::Matches { .. }) {
            continue;
        }
        let FieldReading::Stated { claims, .. } = field.read_from_change(change) else { continue };
        for claim in claims {
            if let Some(id) = claim.value.as_utf8()
                && policy.standard_changes.find_entry(id).is_some()
            {
                entries.push(id.to_owned());
            }
        }
    }
    entries
}
