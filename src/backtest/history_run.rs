//! The walk over history that judges each change twice.

use jiff::Timestamp;

use crate::backtest::backtest_report::BacktestReport;
use crate::backtest::comparison::{BacktestTotals, ChangeShift, compare_verdicts};
use crate::backtest::recorded_landings::RecordedLandings;
use crate::change::{Change, Commit, Commits, FactKind, Missing, NeededFacts, Stage, Text};
use crate::gate::LoadedPolicy;
use crate::gate::range_walk::{RangeDivision, RangeWalk};
use crate::gate::walk_facts::WalkFacts;
use crate::git::{CommitRange, Repository, UnreadableCommit};
use crate::judge::judge_change;

/// What is compared over which history.
#[derive(Clone, Debug)]
pub struct BacktestInputs<'asked> {
    /// The policy that is proposed.
    pub proposed: &'asked LoadedPolicy,
    /// The policy that it is compared with.
    pub current: &'asked LoadedPolicy,
    /// The commits.
    pub range: CommitRange<'asked>,
    /// The name of the range in the report.
    pub range_name: String,
    /// The branch that the history is of, where that is known.
    pub target: Option<Text>,
    /// Since when the history goes, where that is known: older records of a ledger are not read.
    pub since: Option<Timestamp>,
    /// No change is seen later than now.
    pub now: Timestamp,
    /// How many threads can work; called only where there is enough to do.
    pub threads: fn() -> usize,
}

/// Judges every change of a range by both policies; `count_step` is called after each.
///
/// A change is what the proposed policy takes for one. Memory does not grow with the range.
///
/// # Errors
///
/// Fails if the history cannot be walked to its end. A commit that cannot be read is counted, and its change is
/// not judged.
pub fn run_backtest(
    repository: &Repository,
    inputs: &BacktestInputs<'_>,
    count_step: &mut dyn FnMut(),
) -> anyhow::Result<BacktestReport> {
    let mut needs = inputs.proposed.policy.needed_facts();
    needs.merge_needs(inputs.current.policy.needed_facts());
    // The report tells folders.
    needs.insert(FactKind::Paths);
    let division = RangeDivision::from(inputs.proposed.policy.change_unit);
    let walk = RangeWalk { repository, range: inputs.range, division, threads: inputs.threads };
    let mut totals = BacktestTotals::new(&inputs.proposed.policy);
    let (proposed, current) = (inputs.proposed, inputs.current);
    let path = current.path_in_commit();
    let ends = (inputs.range.tip, inputs.range.hidden_tips);
    let walk_facts = WalkFacts::new(repository, (current, Some(proposed)), (Some(path), None), ends);
    let landings =
        RecordedLandings::read_ledger(repository, inputs.target.as_ref(), inputs.since, &mut || {})?;
    totals.unreadable_records = landings.unreadable;
    let known = KnownFacts { walk_facts, landings, needs: needs.clone() };
    let compare = |commits| compare_change(inputs, &known, commits);
    walk.for_each_change(&needs, compare, |shifted| {
        match shifted {
            Some((shifted, is_recorded)) => {
                totals.recorded += u64::from(is_recorded);
                totals.add_shift(shifted);
            }
            None => totals.unreadable += 1,
        }
        count_step();
        Ok(())
    })?;
    Ok(BacktestReport {
        proposed: inputs.proposed.source.clone(),
        current: inputs.current.source.clone(),
        range: inputs.range_name.clone(),
        totals,
    })
}

/// What is known of the changes beside their commits.
struct KnownFacts<'policy> {
    walk_facts: WalkFacts<'policy>,
    landings: RecordedLandings,
    needs: NeededFacts,
}

/// Returns what both policies say about a change, and whether a ledger tells of it; `None` if a commit of it cannot be
/// read.
fn compare_change(
    inputs: &BacktestInputs<'_>,
    known: &KnownFacts<'_>,
    commits: Vec<Result<Commit, UnreadableCommit>>,
) -> Option<(ChangeShift, bool)> {
    let commits: Vec<Commit> = commits.into_iter().collect::<Result<_, _>>().ok()?;
    let commits = Commits::new(commits)?;
    let made_at = Timestamp::from_second(commits.last().committed_at).unwrap_or(inputs.now).min(inputs.now);
    let target = inputs.target.clone().ok_or(Missing::NotAtThisStage(FactKind::Target));
    let pusher = Err(Missing::NotAtThisStage(FactKind::Pusher));
    let mut change = Change::from_repository(Stage::Check, target, pusher, made_at, commits);
    let is_recorded = known.landings.complete_change(&mut change, &known.needs);
    known.walk_facts.complete_change(&mut change);
    let current = judge_change(&inputs.current.policy, &change, false);
    let proposed = judge_change(&inputs.proposed.policy, &change, false);
    Some((compare_verdicts(&change, made_at, (&current, &proposed)), is_recorded))
}
