//! The fewest acts that get a denied change allowed, found by trying them.
//!
//! The rules that deny are and/or trees of questions. What a person can do about each question is known, so that a
//! tree becomes ways to meet it, each a list of needs. The way with the fewest acts is applied to the change as a
//! value, and the judge is asked again, as often as something new is denied. What is returned is proved: with all
//! acts the judge allows the change, without any one of them it does not, and whoever is named for an approval can
//! give it.
//!
//! It is tried only after a denial, and only so often: beyond a limit there is no plan, and the findings say what is
//! wrong, as always. A plan never says what to state, only that something has to be stated: which class or risk a
//! change has is not chosen by what it costs.

mod applied;
mod approval_search;
mod approver_groups;
mod approvers;
mod court;
mod needs;
mod opening;
mod planned_acts;
mod planned_steps;
mod predicate_needs;
mod proved_people;
mod pusher_choice;
mod pusher_needs;
mod realised_needs;
mod repair;
mod sample_value;
#[cfg(test)]
mod tests;
mod trial;
mod ways;
pub(crate) mod wording;

use crate::change::Change;
use crate::judge::records_unknown_change;
use crate::policy::Policy;
use crate::unblock::planned_steps::build_steps;
use crate::unblock::proved_people::keep_proved_people;
use crate::unblock::trial::{Trial, TrialResult};
use crate::verdict::UnblockPlan;

pub use crate::unblock::applied::apply_repairs;
pub use crate::unblock::repair::{EligibleApprover, Repair, choose_approver};

/// How many denied changes of one report get a plan.
pub(crate) const MAX_PLANNED_CHANGES: usize = 20;

/// How many commits, changed paths and reviews a change has at most that a plan is looked for: each trial copies it.
const MAX_COMMITS: usize = 200;
const MAX_PATHS: usize = 2_000;
const MAX_REVIEWS: usize = 300;

/// A plan with the acts that prove it.
#[derive(Clone, Debug)]
pub struct ProvedPlan {
    /// The plan, to be told.
    pub plan: UnblockPlan,
    /// The acts of the first options, to be applied to the change.
    pub acts: Vec<Repair>,
}

/// Returns the plan for a change that these policies deny; `None` if it is allowed, or too large, or if nothing is
/// known that a finding does not say.
pub fn plan_unblocking(policies: &[&Policy], change: &Change, enforce: bool) -> Option<ProvedPlan> {
    // What names an unknown change needs another id, and its author alone knows which.
    if !is_small_enough(change)
        || policies.iter().any(|policy| records_unknown_change(policy, change, enforce))
    {
        return None;
    }
    let trial = Trial::new(policies, change, enforce);
    let result = trial.find_acts()?;
    let left = result.list_left();
    let acts = keep_proved_people(&result.acts, |acts| trial.is_judged_allowed(acts, &left));
    let steps = build_steps(&trial, &result, &acts);
    let TrialResult { obstacles, open, .. } = result;
    if steps.is_empty() && obstacles.is_empty() && open.is_empty() {
        return None;
    }
    let depends_on_values = trial.depends_on_values(&acts);
    Some(ProvedPlan { plan: UnblockPlan { steps, obstacles, open, depends_on_values }, acts })
}

fn is_small_enough(change: &Change) -> bool {
    let mut paths = 0;
    for diff in change.list_diffs() {
        paths += diff.paths.as_ref().map_or(0, Vec::len);
    }
    let reviews = change.pull.as_ref().ok().and_then(|pull| pull.reviews.as_ref().ok()).map_or(0, Vec::len);
    change.commits.len() <= MAX_COMMITS && paths <= MAX_PATHS && reviews <= MAX_REVIEWS
}
