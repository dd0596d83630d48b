//! Judges changes that are put together by hand: those that nobody has pushed yet.

use anyhow::anyhow;

use crate::change::{Change, Commits};
use crate::gate::policy_effect::unknown_effect;
use crate::gate::policy_source::LoadedPolicy;
use crate::gate::range::build_report;
use crate::gate::range_walk::{RangeDivision, RangeWalk};
use crate::gate::rule_traces::explain_rules;
use crate::gate::walk_facts::WalkFacts;
use crate::git::{CommitRange, Repository};
use crate::judge::judge_change;
use crate::report::{GroupScope, Report, ReportGroup, RuleTrace};
use crate::unblock::{MAX_PLANNED_CHANGES, plan_unblocking};
use crate::verdict::Decision;

/// Judges changes by a policy, as the gate does at their stage; with `explain`, the report says how each rule came to its
/// answer. `None` if there are none.
pub fn judge_given_changes(
    loaded: &LoadedPolicy,
    changes: &[Change],
    scope: GroupScope,
    explain: bool,
) -> Option<Report> {
    let first = changes.first()?;
    let is_enforced = first.stage.is_enforcing();
    let mut verdicts = Vec::new();
    let mut traces = Vec::new();
    let mut planned = 0;
    for (verdict_index, change) in changes.iter().enumerate() {
        let mut verdict = judge_change(&loaded.policy, change, is_enforced);
        if verdict.decision() == Decision::Deny && planned < MAX_PLANNED_CHANGES {
            planned += 1;
            let proved = plan_unblocking(&[&loaded.policy], change, is_enforced);
            verdict.plan = proved.map(|proved| Box::new(proved.plan));
        }
        if explain {
            let explained = explain_rules(&loaded.policy, change, &verdict).into_iter();
            traces.extend(explained.map(|(rule_id, trace)| RuleTrace { verdict_index, rule_id, trace }));
        }
        verdicts.push(verdict);
    }
    let mut group = ReportGroup::new(scope, verdicts);
    group.traces = traces;
    Some(build_report(loaded, first.stage, is_enforced, first.seen_at, group))
}

/// Adds to a change of commits what they do to the policy, and whether what they name is there.
pub fn complete_repository_facts(change: &mut Change, repository: &Repository, loaded: &LoadedPolicy) {
    if let Some(tip) = change.tip().id {
        let known = (Some(loaded.path_in_commit()), None);
        WalkFacts::new(repository, (loaded, None), known, (tip, &[])).complete_change(change);
    }
}

/// Takes away what a change without commits does to the policy, if it touches a file of it: nothing says what
/// the file would hold.
pub fn forget_policy_effect(change: &mut Change, loaded: &LoadedPolicy) {
    if loaded.is_made_of(change) {
        change.policy_effect = Err(unknown_effect("nothing says what the policy would be".to_owned()));
    }
}

/// Reads the commits of a range with all that the policy asks about them, those of each change by themselves, the oldest
/// change first.
///
/// # Errors
///
/// Fails if the history cannot be walked to its end, or a commit cannot be read.
pub fn read_range_commits(
    repository: &Repository,
    loaded: &LoadedPolicy,
    (range, division): (CommitRange<'_>, RangeDivision),
    threads: fn() -> usize,
) -> anyhow::Result<Vec<Commits>> {
    let walk = RangeWalk { repository, range, division, threads };
    let mut changes = Vec::new();
    walk.for_each_change(
        &loaded.policy.needed_facts(),
        |commits| commits,
        |commits| {
            let mut read = Vec::new();
            for commit in commits {
                read.push(commit.map_err(|unreadable| anyhow!("{}: {}", unreadable.id, unreadable.reason))?);
            }
            changes.extend(Commits::new(read));
            Ok(())
        },
    )?;
    Ok(changes)
}
