//! Changes that stand for others, and what questions say about them.

use crate::change::Change;
use crate::fixture;
use crate::pattern::RefPattern;
use crate::policy::definition::Policy;
use crate::predicates::{EvaluationContext, Predicate, PredicateOutcome};
use crate::yaml;

/// A word that stands where a pattern leaves the choice, and that no policy names.
pub(crate) const SAMPLE_WORD: &str = "zq7";

/// Reads a change in the form of a fixture; `None` if it is none.
pub(crate) fn read_sample(sample: &serde_json::Value) -> Option<Change> {
    // JSON is YAML.
    let node = yaml::read_document(sample.to_string().as_bytes()).ok()?;
    fixture::read_change(&node, &mut Vec::new())
}

/// Returns the full name of a ref for each of the patterns.
pub(crate) fn list_sample_branches(patterns: &[RefPattern]) -> Vec<String> {
    let mut branches = Vec::new();
    for pattern in patterns {
        let name = pattern.to_string().replace('*', SAMPLE_WORD);
        branches.push(if name.starts_with("refs/") { name } else { format!("refs/heads/{name}") });
    }
    branches
}

/// Returns the answer about a sample; `None` where it cannot be known.
pub(crate) fn ask_sample(policy: &Policy, predicate: &Predicate, change: &Change) -> Option<bool> {
    if let Predicate::Author(asked) = predicate {
        let is_account = |member: &String| !member.contains('@');
        let teams = asked.asked_teams();
        let needs_forge = !policy.people.has_roster()
            && teams.iter().any(|team| policy.people.team_members(team).iter().any(is_account));
        // Addresses need not be listed anywhere, and a forge ties them to accounts.
        if asked.asks_addresses() || needs_forge {
            return None;
        }
    }
    evaluate_sample(policy, predicate, change)
}

/// As [`ask_sample`], where the sample is all that there is to know.
pub(crate) fn evaluate_sample(policy: &Policy, predicate: &Predicate, change: &Change) -> Option<bool> {
    let context = EvaluationContext::without_reasons(change, &policy.people, &policy.vocabulary);
    match predicate.evaluate(&context) {
        Ok(PredicateOutcome::Fails(_)) => Some(false),
        Ok(PredicateOutcome::Holds | PredicateOutcome::Owed(_)) => Some(true),
        Err(_) => None,
    }
}
