//! The history of a branch, held against the pull requests that a forge says were merged into it.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::audit::inputs::merged_pulls::ListedPulls;
use crate::audit::population::period::AuditPeriod;
use crate::audit::population::ref_chain::RefChain;
use crate::change::Text;

/// What a list of merged pull requests and the steps of a branch say of each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullComparison {
    /// How many pull requests were merged into the branch at any time, by the list.
    pub of_branch: usize,
    /// How many pull requests were merged into the branch in the period, by the list.
    pub merged: usize,
    /// Those of them whose commit is no step of the branch, as `#12 (COMMIT)`.
    pub missing: Vec<String>,
    /// When the first and the last one of the whole list was merged; `None` for a list of none.
    pub reach: Option<(Timestamp, Timestamp)>,
    /// How many changes of the period no pull request of the list became.
    pub changes_without: usize,
    /// The places of the steps that a pull request of the list became.
    places: BTreeSet<usize>,
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
        let mut found =
            PullComparison { reach: times().min().zip(times().max()), ..PullComparison::default() };
        for pull in list.pulls.iter().filter(|pull| pull.base == name) {
            found.of_branch += 1;
            let place = chain.find_place(pull.commit);
            found.places.extend(place);
            if period.contains(pull.merged_at) {
                found.merged += 1;
                if place.is_none() {
                    found.missing.push(format!("#{} ({})", pull.number, pull.commit.short_hex()));
                }
            }
        }
        found
    }

    /// Counts a change of the period, which is the step at this place.
    pub(crate) fn count_change(&mut self, place: usize) {
        self.changes_without += usize::from(!self.places.contains(&place));
    }
}
