//! The latest decision of each person about a pull request.

use std::collections::HashMap;

use crate::change::pull_request::{ForgeAccount, PullReview, ReviewState};
use crate::people::ResolvedIdentity;
use crate::predicates::support::context::EvaluationContext;

/// The latest decision of a person.
pub(super) enum ReviewDecision<'change> {
    /// All approvals since the last other decision.
    Approved(Vec<&'change PullReview>),
    /// The review that requests changes.
    ChangesRequested(&'change PullReview),
    /// The decision was dismissed, which restores no earlier one.
    Dismissed(&'change PullReview),
}

/// Returns the latest decision of each person. An account that is gone counts as another person each
/// time.
pub(super) fn latest_decisions<'change>(
    reviews: &'change [PullReview],
    context: &EvaluationContext<'_>,
) -> Vec<ReviewDecision<'change>> {
    let mut decisions: Vec<ReviewDecision<'_>> = Vec::new();
    let mut index_by_person: HashMap<String, usize> = HashMap::new();
    for review in reviews {
        let decision = match review.state {
            ReviewState::Approved if review.at.is_some() => ReviewDecision::Approved(vec![review]),
            ReviewState::ChangesRequested => ReviewDecision::ChangesRequested(review),
            ReviewState::Dismissed => ReviewDecision::Dismissed(review),
            // A review that is not submitted decides nothing.
            ReviewState::Approved | ReviewState::Commented | ReviewState::Pending | ReviewState::Other(_) => {
                continue;
            }
        };
        let mut earlier = None;
        if let Some(account) = &review.by {
            let next = decisions.len();
            let index = *index_by_person.entry(identity_key(account, context)).or_insert(next);
            earlier = decisions.get_mut(index);
        }
        match (earlier, decision) {
            (Some(ReviewDecision::Approved(earlier)), ReviewDecision::Approved(_)) => earlier.push(review),
            (Some(earlier), decision) => *earlier = decision,
            (None, decision) => decisions.push(decision),
        }
    }
    decisions
}

/// Returns a key that is equal for all accounts of one person.
pub(super) fn identity_key(account: &ForgeAccount, context: &EvaluationContext<'_>) -> String {
    match context.people.identify_forge_account(account) {
        ResolvedIdentity::Human(key) => format!("person {key}"),
        ResolvedIdentity::Bot | ResolvedIdentity::ClaimedBot | ResolvedIdentity::Unknown => {
            format!("account {}", account.id.to_lossy().to_ascii_lowercase())
        }
    }
}
