//! Reviews that close an obligation after the change has landed, read from the forge.
//!
//! A late review has to meet the same conditions as one before the landing: the change is judged once
//! more, as it stands in the ledger and by the policy that judged it then, with the reviews that there are
//! now in place of those that there were. If the rule passes, the reviews close what it owes.
//!
//! An obligation whose facts are incomplete is reported, and does not keep the others from being closed.

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use jiff::Timestamp;

use crate::change::pull_request::{PullReview, ReviewState};
use crate::change::{Change, Fact, PullRequest, Text};
use crate::github::PullRequestName;
use crate::judge::judge_change;
use crate::ledger::forge::past_decisions::{PastDecision, PastDecisions};
use crate::ledger::forge::{ForgeLedger, to_error};
use crate::ledger::record::{LedgerEvent, ObligationEvidence, RecordedPolicySource};
use crate::ledger::state::obligation::build_discharge;
use crate::ledger::state::{LedgerState, TrackedObligation};
use crate::policy::Policy;
use crate::verdict::{Message, MessageValue, RuleOutcome, messages};

messages! {
    REVIEWS_UNAVAILABLE = "late-review.unavailable": "cannot check the reviews of {pull} for {rule}: {reason}";
}

/// The reviews that close obligations, and what could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LateReviews {
    /// The evidence that closes obligations, with their ids and when it was given.
    pub(crate) evidence: Vec<(String, ObligationEvidence, Timestamp)>,
    /// The reviews that could not be checked, and why.
    pub(crate) problems: Vec<Message>,
}

impl LateReviews {
    /// Returns the events that close what is still open.
    pub(crate) fn discharge_events(&self, state: &LedgerState) -> Vec<LedgerEvent> {
        let mut events = Vec::new();
        for (id, evidence, at) in &self.evidence {
            let Some(owed) = state.obligations.get(id) else { continue };
            if owed.closed.is_none() {
                events.push(LedgerEvent::Discharged(build_discharge(id, owed, evidence.clone(), *at)));
            }
        }
        events
    }
}

/// Returns whether a review of a pull request can close this obligation.
pub(crate) fn is_closable_by_review(owed: &TrackedObligation) -> bool {
    owed.closed.is_none() && owed.pull.is_some()
}

/// Finds reviews of the pull requests that owe something.
pub(crate) fn find_late_reviews(
    ledger: &ForgeLedger<'_>,
    state: &LedgerState,
    past: &PastDecisions,
) -> LateReviews {
    let mut reviews = LateReviews::default();
    for (id, owed) in &state.obligations {
        let Some(pull) = &owed.pull else { continue };
        if !is_closable_by_review(owed) {
            continue;
        }
        match past.find_decision(owed).and_then(|decision| find_late_review(ledger, owed, decision)) {
            Ok(Some((evidence, at))) => reviews.evidence.push((id.clone(), evidence, at)),
            Ok(None) => {}
            Err(error) => {
                let message = REVIEWS_UNAVAILABLE.with("pull", pull).with("rule", owed.rule.as_str());
                reviews.problems.push(message.with("reason", MessageValue::unrecorded(format!("{error:#}"))));
            }
        }
    }
    reviews
}

/// Finds the review that closes one obligation. The policy that judges it is read from the forge, and has
/// to be the one that the record names.
fn find_late_review(
    ledger: &ForgeLedger<'_>,
    owed: &TrackedObligation,
    past: &PastDecision,
) -> Result<Option<(ObligationEvidence, Timestamp)>> {
    let Some(pull) = &owed.pull else { return Ok(None) };
    let name = PullRequestName::parse_name(&pull.to_lossy(), None).map_err(|why| anyhow!(why))?;
    let change = find_change_of_pull(&past.changes, pull).context("the ledger does not hold its facts")?;
    let of_ref = past.decision.refs.iter().find(|one| one.name == owed.ref_name);
    let source = of_ref.and_then(|one| one.policies.first()).context("the record names no policy")?;
    let RecordedPolicySource::Commit { id, path, digest } = source else {
        bail!("its policy is not in a commit");
    };
    let loaded = ledger.github.load_policy_at(ledger.repo, *id, path).map_err(to_error)?;
    let loaded = loaded.context("its policy no longer exists")?;
    ensure!(loaded.policy.has_recorded_digest(digest), "its policy is not the one that the record names");
    let current = ledger.github.read_current_reviews(&name).map_err(to_error)?;
    let current = current.pull.as_deref().map_err(|missing| anyhow!("{missing}"))?;
    let evidence = find_review_evidence(owed, change, &loaded.policy, current)
        .map_err(|missing| anyhow!("{missing}"))?;
    let Some(evidence) = evidence else { return Ok(None) };
    let at = evidence.effective_time(owed.since, owed.since);
    Ok(Some((evidence, at)))
}

fn find_change_of_pull<'a>(changes: &'a [Change], pull: &Text) -> Option<&'a Change> {
    changes.iter().find(|change| matches!(&change.pull, Ok(one) if one.name == *pull))
}

/// Returns the first review after which the rule `owed.rule` passes. `change` is what owes, as `policy`
/// judged it, and `current` the pull request as it is now.
///
/// # Errors
///
/// Fails if it is not known which reviews there are.
fn find_review_evidence(
    owed: &TrackedObligation,
    change: &Change,
    policy: &Policy,
    current: &PullRequest,
) -> Fact<Option<ObligationEvidence>> {
    let Some(on) = &owed.pull else { return Ok(None) };
    let reviews = current.reviews.as_ref().map_err(Clone::clone)?;
    if !is_rule_kept(owed, change, policy, current, reviews) {
        return Ok(None);
    }
    let mut approvals: Vec<(Timestamp, &Text)> = Vec::new();
    for review in reviews {
        if let (ReviewState::Approved, Some(at), Some(by)) = (&review.state, review.at, &review.by)
            && at > owed.since
        {
            approvals.push((at, &by.id));
        }
    }
    approvals.sort();
    for (submitted, by) in approvals {
        let earlier = select_reviews_until(reviews, submitted);
        if is_rule_kept(owed, change, policy, current, &earlier) {
            return Ok(Some(ObligationEvidence::Review { by: by.clone(), on: on.clone(), submitted }));
        }
    }
    Ok(None)
}

/// Returns the reviews that were given by `until`, and those without a time.
fn select_reviews_until(reviews: &[PullReview], until: Timestamp) -> Vec<PullReview> {
    let mut selected = reviews.to_vec();
    selected.retain(|review| review.at.is_none_or(|given| given <= until));
    selected
}

/// Returns whether the rule passes with these reviews, and owes nothing.
fn is_rule_kept(
    owed: &TrackedObligation,
    change: &Change,
    policy: &Policy,
    current: &PullRequest,
    reviews: &[PullReview],
) -> bool {
    let mut change = change.clone();
    let Ok(pull) = &mut change.pull else { return false };
    pull.reviews = Ok(reviews.to_vec());
    // A review of another description, or for another branch, does not count for this one.
    pull.edits = current.edits.clone();
    pull.retargeted_at = current.retargeted_at.clone();
    let verdict = judge_change(policy, &change, true);
    verdict.judgements.iter().any(|one| one.rule.id == owed.rule && one.outcome == RuleOutcome::Pass)
}
