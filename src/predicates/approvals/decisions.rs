//! The latest decision of each person about a pull request.

use std::collections::HashMap;

use crate::change::PullRequest;
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

/// The people behind the accounts that speak about a pull request. The number of an account stays when its login changes,
/// so two logins with one number are one person, and one login with two numbers is two.
pub(super) struct SpeakerKeys {
    /// The person of each account whose number is known, by the forge and the number.
    by_number: HashMap<(Vec<u8>, u64), String>,
    /// The number that each login was seen with first.
    numbers: HashMap<String, u64>,
}

impl SpeakerKeys {
    /// Reads who speaks about a pull request.
    pub(super) fn new(pull: &PullRequest, context: &EvaluationContext<'_>) -> Self {
        let mut keys = SpeakerKeys { by_number: HashMap::new(), numbers: HashMap::new() };
        let reviews = pull.reviews.iter().flatten();
        let dismissals = reviews.clone().filter_map(|review| review.dismissal.as_ref());
        let reviewers = reviews.filter_map(|review| review.by.as_ref());
        let comments = pull.comments.iter().flatten().filter_map(|comment| comment.by.as_ref());
        for account in reviewers.chain(comments).chain(dismissals.filter_map(|one| one.by.as_ref())) {
            let Some(number) = account.number else { continue };
            keys.numbers.entry(comparable_login(account)).or_insert(number);
            let place = keys.by_number.entry((account.forge().to_vec(), number));
            place.or_insert_with(|| identify_speaker(account, context));
        }
        keys
    }

    /// Returns a key that is equal for all accounts that may be of one person: they count once.
    pub(super) fn person_key(&self, account: &ForgeAccount, context: &EvaluationContext<'_>) -> String {
        let known = account.number.and_then(|number| self.by_number.get(&(account.forge().to_vec(), number)));
        known.cloned().unwrap_or_else(|| identify_speaker(account, context))
    }

    /// Returns a key that is equal for all accounts that are of one person: what one of them said, another can take back.
    pub(super) fn decider_key(&self, account: &ForgeAccount, context: &EvaluationContext<'_>) -> String {
        let person = self.person_key(account, context);
        match (account.number, self.numbers.get(&comparable_login(account))) {
            (Some(number), Some(first)) if number != *first => format!("{person} by the account {number}"),
            _ => person,
        }
    }
}

fn comparable_login(account: &ForgeAccount) -> String {
    account.id.to_lossy().to_ascii_lowercase()
}

/// Returns a key that is equal for all logins of one person.
fn identify_speaker(account: &ForgeAccount, context: &EvaluationContext<'_>) -> String {
    match context.people.identify_forge_account(account) {
        ResolvedIdentity::Human(key) => format!("person {key}"),
        ResolvedIdentity::Bot | ResolvedIdentity::ClaimedBot | ResolvedIdentity::Unknown => {
            format!("account {}", comparable_login(account))
        }
    }
}

/// Returns whether a decision requests changes, or may have done, and the number of its account is known.
fn is_objection_of_number(decision: &ReviewDecision<'_>) -> bool {
    let review = match decision {
        ReviewDecision::Approved(_) => return false,
        ReviewDecision::ChangesRequested(review) => review,
        ReviewDecision::Dismissed(review) => {
            let said = review.dismissal.as_ref().map(|dismissal| &dismissal.dismissed_state);
            if said.is_some_and(|state| *state != ReviewState::ChangesRequested) {
                return false;
            }
            review
        }
    };
    review.by.as_ref().is_some_and(|account| account.number.is_some())
}

/// Returns the latest decision of each person. An account that is gone counts as another person each
/// time.
pub(super) fn latest_decisions<'change>(
    reviews: &'change [PullReview],
    speakers: &SpeakerKeys,
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
            let index = *index_by_person.entry(speakers.decider_key(account, context)).or_insert(next);
            earlier = decisions.get_mut(index);
        }
        if let Some(earlier) = &earlier
            && is_objection_of_number(earlier)
            && review.by.as_ref().is_some_and(|account| account.number.is_none())
        {
            // The login alone may be another account's by now, and only its own account takes an objection back.
            continue;
        }
        match (earlier, decision) {
            (Some(ReviewDecision::Approved(earlier)), ReviewDecision::Approved(_)) => earlier.push(review),
            (Some(earlier), decision) => *earlier = decision,
            (None, decision) => decisions.push(decision),
        }
    }
    decisions
}
