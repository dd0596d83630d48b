//! The history of a branch, held against the pull requests that a forge says were merged into it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::audit::inputs::merged_pulls::{ListedPull, ListedPulls};
use crate::audit::population::period::AuditPeriod;
use crate::audit::population::ref_chain::RefChain;
use crate::change::Text;

/// How many seconds lie at most between the commits of one rebase merge: the forge writes all of them at once.
const MAX_REBASE_SECONDS: i64 = 60;

/// What a list of merged pull requests and the steps of a branch say of each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullComparison {
    /// How many pull requests were merged into the branch at any time, by the list.
    pub of_branch: usize,
    /// How many pull requests were merged into the branch in the period, by the list.
    pub merged: usize,
    /// Those of them whose commit is no step of the branch.
    pub missing: Vec<ListedPull>,
    /// When the first and the last one of the whole list was merged; `None` for a list of none.
    pub reach: Option<(Timestamp, Timestamp)>,
    /// How many steps of the period no pull request of the list became.
    pub steps_without: usize,
    /// How many of these landed at a time that the list covers.
    pub covered_without: usize,
    /// True if the list is known to cover the whole period.
    is_whole: bool,
    /// The steps that a pull request into this branch became, by their places, with when they were committed.
    own: BTreeMap<usize, (String, Timestamp)>,
    /// The steps that a pull request into another branch became, by their places, with its number and its base.
    others: BTreeMap<usize, (String, String)>,
}

impl PullComparison {
    /// Compares a list with the steps of a branch, which the forge knows by its short name.
    pub(crate) fn compare_steps(
        list: &ListedPulls,
        (ref_name, chain): (&Text, &RefChain),
        period: &AuditPeriod,
    ) -> PullComparison {
        let name = ref_name.to_lossy();
        let name = name.strip_prefix("refs/heads/").unwrap_or(&name);
        let times = || list.pulls.iter().map(|pull| pull.merged_at);
        let reach = times().min().zip(times().max());
        let mut found = PullComparison { reach, is_whole: list.is_whole, ..PullComparison::default() };
        for pull in &list.pulls {
            let place = chain.find_place(pull.commit);
            let step = place.and_then(|place| chain.steps.get(place));
            if pull.base != name {
                if let Some(place) = place {
                    found.others.insert(place, (pull.number.clone(), pull.base.clone()));
                }
                continue;
            }
            found.of_branch += 1;
            found
                .own
                .extend(place.zip(step).map(|(at, step)| (at, (pull.number.clone(), step.committed_at))));
            if period.contains(pull.merged_at) {
                found.merged += 1;
                if place.is_none() {
                    found.missing.push(pull.clone());
                }
            }
        }
        found
    }

    /// Counts the step of the period at this place, which was committed and landed at these times. Returns what there
    /// is to ask if no pull request brought it although the list covers its time.
    pub(crate) fn count_step(
        &mut self,
        place: usize,
        (committed_at, landed_at): (Timestamp, Timestamp),
    ) -> Option<String> {
        if self.own.contains_key(&place) {
            return None;
        }
        self.steps_without += 1;
        if !self.covers_step(place, landed_at) {
            return None;
        }
        self.covered_without += 1;
        if let Some((number, base)) = self.others.get(&place) {
            return Some(format!(
                "pull request #{number} brought it into `{base}`, and none into this branch"
            ));
        }
        let what = "no pull request of the forge's list became it, although the list covers its time";
        let next = self.own.range(place..).next().map(|(_, next)| next);
        let is_close = |at: Timestamp| {
            at.as_second().abs_diff(committed_at.as_second()) <= MAX_REBASE_SECONDS.unsigned_abs()
        };
        match next.filter(|(_, at)| is_close(*at)) {
            Some((number, _)) => Some(format!(
                "{what}; it was committed within a minute of #{number}, which came after it: if that was merged by a \
                 rebase, the list names its last commit only"
            )),
            None => Some(what.to_owned()),
        }
    }

    /// Returns true if the list would have a pull request that became the step. A step between two that it has is
    /// covered whatever its time, which a committer may have set.
    fn covers_step(&self, place: usize, landed_at: Timestamp) -> bool {
        let is_between = self.own.range(..place).next().is_some() && self.own.range(place..).next().is_some();
        let is_in_time = self.reach.is_some_and(|(first, last)| first <= landed_at && landed_at <= last);
        // A list that has nothing of this branch says nothing of it.
        self.is_whole || is_between || (is_in_time && self.of_branch > 0)
    }
}
