//! A review that was given after the change had landed, as evidence.
//!
//! Nothing new is asked of it: the change is judged once more, as it stands in the ledger and by the
//! policy that judged it then, with the reviews that there are now in the place of those that there
//! were. If that keeps the rule which owes something, the review has made up for it. So what counts as
//! a review, by whom and of what, is what the policy says of a review before the landing.

use jiff::Timestamp;

use super::record::Evidence;
use super::state::Owed;
use crate::change::pull::{Review, ReviewState};
use crate::change::{Change, Fact, Pull, Text};
use crate::judge::judge;
use crate::policy::Policy;
use crate::verdict::Outcome;

/// Returns what closes an obligation of the rule `owed.rule`: `change` is what owes, as it was judged by
/// `policy`, and `now` the pull request as it is now.
///
/// # Errors
///
/// Fails if it is not known which reviews there are.
pub fn evidence(owed: &Owed, change: &Change, policy: &Policy, now: &Pull) -> Fact<Option<Evidence>> {
    let Some(on) = &owed.pull else { return Ok(None) };
    let all = now.reviews.as_ref().map_err(Clone::clone)?;
    if !keeps(owed, change, policy, now, all) {
        return Ok(None);
    }
    // The first moment at which nothing more was missing.
    let mut given: Vec<(Timestamp, &Text)> = all
        .iter()
        .filter(|review| review.state == ReviewState::Approved)
        .filter_map(|review| Some((review.at?, &review.by.as_ref()?.id)))
        .filter(|(at, _)| owed.since < *at)
        .collect();
    given.sort();
    let until = |at: Timestamp| -> Vec<Review> {
        all.iter().filter(|review| review.at.is_none_or(|given| given <= at)).cloned().collect()
    };
    let first = given.into_iter().find(|(at, _)| keeps(owed, change, policy, now, &until(*at)));
    Ok(first.map(|(submitted, by)| Evidence::Review { by: by.clone(), on: on.clone(), submitted }))
}

/// Returns whether the rule is kept with these reviews, and owes nothing.
fn keeps(owed: &Owed, change: &Change, policy: &Policy, now: &Pull, reviews: &[Review]) -> bool {
    let mut change = change.clone();
    let Ok(pull) = &mut change.pull else { return false };
    pull.reviews = Ok(reviews.to_vec());
    // A review of another description, or for another branch, is not one of this.
    (pull.edits, pull.retargeted_at) = (now.edits.clone(), now.retargeted_at.clone());
    let verdict = judge(policy, &change, true);
    verdict.judgements.iter().any(|one| one.rule.id == owed.rule && one.outcome == Outcome::Pass)
}
