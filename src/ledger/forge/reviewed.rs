//! A review that was given after the change had landed, as evidence.
//!
//! Nothing new is asked of it: the change is judged once more, as it stands in the ledger and by the
//! policy that judged it then, with the reviews that there are now in the place of those that there
//! were. If that keeps the rule which owes something, the review has made up for it. So what counts as
//! a review, by whom and of what, is what the policy says of a review before the landing.

use jiff::Timestamp;

use crate::change::pull_request::{PullReview, ReviewState};
use crate::change::{Change, Fact, PullRequest, Text};
use crate::judge::judge_change;
use crate::ledger::record::ObligationEvidence;
use crate::ledger::state::TrackedObligation;
use crate::policy::Policy;
use crate::verdict::RuleOutcome;

/// Returns what closes an obligation of the rule `owed.rule`: `change` is what owes, as it was judged by
/// `policy`, and `now` the pull request as it is now.
///
/// # Errors
///
/// Fails if it is not known which reviews there are.
pub fn find_review_evidence(
    owed: &TrackedObligation,
    change: &Change,
    policy: &Policy,
    now: &PullRequest,
) -> Fact<Option<ObligationEvidence>> {
    let Some(on) = &owed.pull else { return Ok(None) };
    let all = now.reviews.as_ref().map_err(Clone::clone)?;
    if !is_rule_kept(owed, change, policy, now, all) {
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
    let until = |at: Timestamp| -> Vec<PullReview> {
        all.iter().filter(|review| review.at.is_none_or(|given| given <= at)).cloned().collect()
    };
    let first = given.into_iter().find(|(at, _)| is_rule_kept(owed, change, policy, now, &until(*at)));
    Ok(first.map(|(submitted, by)| ObligationEvidence::Review { by: by.clone(), on: on.clone(), submitted }))
}

/// Returns whether the rule is kept with these reviews, and owes nothing.
fn is_rule_kept(
    owed: &TrackedObligation,
    change: &Change,
    policy: &Policy,
    now: &PullRequest,
    reviews: &[PullReview],
) -> bool {
    let mut change = change.clone();
    let Ok(pull) = &mut change.pull else { return false };
    pull.reviews = Ok(reviews.to_vec());
    // A review of another description, or for another branch, is not one of this.
    (pull.edits, pull.retargeted_at) = (now.edits.clone(), now.retargeted_at.clone());
    let verdict = judge_change(policy, &change, true);
    verdict.judgements.iter().any(|one| *one.rule.id == *owed.rule && one.outcome == RuleOutcome::Pass)
}
