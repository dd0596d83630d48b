//! The walk over a range of history, change by change, and what a push of all of it would be refused for.

use anyhow::Result;

use crate::change::{Change, Commit, FactKind, NeededFacts, Oid, Text};
use crate::gate::policy_source::LoadedPolicy;
use crate::gate::push::new_gate_files::{NamedGateFiles, NewGateFiles};
use crate::git::{CommitRange, Repository, UnreadableCommit};
use crate::judge::judge_change;
use crate::policy::ChangeUnit;
use crate::push::{GateRule, refuse_by_findings, refuse_by_rule};
use crate::verdict::Judgement;

/// How the commits of a range are divided into changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeDivision {
    /// One change for each step of the first-parent history.
    Steps,
    /// One change for each commit.
    Commits,
    /// One change for each commit that is no merge, as a rebase leaves them.
    RebasedCommits,
    /// One change with all commits, as a merge brings them in.
    Whole,
}

impl From<ChangeUnit> for RangeDivision {
    fn from(unit: ChangeUnit) -> RangeDivision {
        match unit {
            ChangeUnit::Step => RangeDivision::Steps,
            ChangeUnit::Commit => RangeDivision::Commits,
        }
    }
}

/// The commits of one change, as far as they can be read.
pub(crate) type ReadCommits = Vec<Result<Commit, UnreadableCommit>>;

/// A range of history, and how it is divided into changes.
#[derive(Clone, Copy)]
pub(crate) struct RangeWalk<'range> {
    pub(crate) repository: &'range Repository,
    pub(crate) range: CommitRange<'range>,
    pub(crate) division: RangeDivision,
    pub(crate) threads: fn() -> usize,
}

impl RangeWalk<'_> {
    /// Calls `judge` with the commits of every change, on several threads, and `collect` with its answers,
    /// oldest first.
    ///
    /// # Errors
    ///
    /// Fails if the history cannot be walked to its end, and with the first error of `collect`.
    pub(crate) fn for_each_change<T: Send>(
        &self,
        needs: &NeededFacts,
        judge: impl Fn(ReadCommits) -> T + Sync,
        mut collect: impl FnMut(T) -> Result<()>,
    ) -> Result<()> {
        let RangeWalk { repository, range, division, threads } = *self;
        match division {
            RangeDivision::Steps => repository.for_each_step(range, needs, threads, judge, collect),
            RangeDivision::Whole => {
                let mut whole = Vec::new();
                let add_step = |step: Vec<_>| {
                    whole.extend(step);
                    Ok(())
                };
                repository.for_each_step(range, needs, threads, |step| step, add_step)?;
                if whole.is_empty() { Ok(()) } else { collect(judge(whole)) }
            }
            RangeDivision::Commits | RangeDivision::RebasedCommits => {
                let judge_commit = |commit: Result<Commit, UnreadableCommit>| {
                    let is_left_out = division == RangeDivision::RebasedCommits
                        && commit.as_ref().is_ok_and(Commit::is_merge);
                    (!is_left_out).then(|| judge(vec![commit]))
                };
                let collect = |judged: Option<_>| judged.map_or(Ok(()), &mut collect);
                repository.for_each_commit_oldest_first(range, needs, threads, judge_commit, collect)
            }
        }
    }
}

/// Returns the refusal of a push of this range whose commits hold too many policies, or make files of the gate
/// of files that a change of it touches; `path` is that of the policy, and `name` what the range is for.
///
/// What only a server knows is open here, and refuses nothing.
///
/// # Errors
///
/// Fails if the history cannot be read.
pub(crate) fn refuse_new_gate_files(
    walk: &RangeWalk<'_>,
    loaded: &LoadedPolicy,
    (path, name): (&str, &Text),
    is_enforced: bool,
    build_change: &(dyn Fn(ReadCommits) -> Option<Change> + Sync),
) -> Result<Option<Judgement>> {
    let CommitRange { tip, hidden_tips, .. } = walk.range;
    let commits: Vec<Oid> = walk.repository.list_new_commits(tip, hidden_tips)?.collect::<Result<_>>()?;
    let files = match NewGateFiles::find_files(walk.repository, &commits, (path, name, tip), (loaded, None))?
    {
        NamedGateFiles::Guarded => return Ok(None),
        NamedGateFiles::New(files) => files,
        NamedGateFiles::TooMany(finding) => return Ok(Some(refuse_by_rule(GateRule::PushSize, finding))),
    };
    let mut needs = loaded.policy.needed_facts();
    needs.insert(FactKind::Paths);
    let mut findings = Vec::new();
    let check = |commits| {
        let change = build_change(commits)?;
        let judge_ordinary = || judge_change(&loaded.policy, &change, is_enforced);
        files.check_judged_change(&change, is_enforced, judge_ordinary)
    };
    let collect = |found: Option<_>| {
        findings.extend(found);
        Ok(())
    };
    walk.for_each_change(&needs, check, collect)?;
    Ok((!findings.is_empty()).then(|| refuse_by_findings(GateRule::GateFiles, findings)))
}
