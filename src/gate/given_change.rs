//! Judges a change that is put together by hand: one that nobody has pushed yet.

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
use crate::unblock::plan_unblocking;

/// Judges a change by a policy, as the gate does at the stage of the change; with `explain`, the report says how
/// each rule came to its answer.
pub fn judge_given_change(
    loaded: &LoadedPolicy,
    change: &Change,
    scope: GroupScope,
    explain: bool,
) -> Report {
    let is_enforced = change.stage.is_enforcing();
    let mut verdict = judge_change(&loaded.policy, change, is_enforced);
    verdict.plan =
        plan_unblocking(&[&loaded.policy], change, is_enforced).map(|proved| Box::new(proved.plan));
    let traces = if explain { explain_rules(&loaded.policy, change, &verdict) } else { Vec::new() };
    let mut group = ReportGroup::new(scope, vec![verdict]);
    let traces = traces.into_iter().map(|(rule_id, trace)| RuleTrace { verdict_index: 0, rule_id, trace });
    group.traces = traces.collect();
    build_report(loaded, change.stage, is_enforced, change.seen_at, group)
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

/// Reads the commits of a range with all that the policy asks about them; `None` if there are none.
///
/// # Errors
///
/// Fails if the history cannot be walked to its end, or a commit cannot be read.
pub fn read_range_commits(
    repository: &Repository,
    loaded: &LoadedPolicy,
    range: CommitRange<'_>,
    threads: fn() -> usize,
) -> anyhow::Result<Option<Commits>> {
    let walk = RangeWalk { repository, range, division: RangeDivision::Whole, threads };
    let mut read = Vec::new();
    walk.for_each_change(
        &loaded.policy.needed_facts(),
        |commits| commits,
        |commits| {
            for commit in commits {
                read.push(commit.map_err(|unreadable| anyhow!("{}: {}", unreadable.id, unreadable.reason))?);
            }
            Ok(())
        },
    )?;
    Ok(Commits::new(read))
}
