//! Changes that stand for others, and what questions say about them.

use crate::change::Change;
use crate::fixture;
use crate::pattern::RefPattern;
use crate::people::ResolvedIdentity;
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
        // A forge ties addresses to accounts, and a roster need not list them all.
        if needs_forge || (asked.asks_addresses() && policy.people.has_roster()) {
            return None;
        }
        // Of an address that no team lists, all is open but that it is of no team.
        if asked.asks_addresses() && !is_team_address(policy, change) {
            let context = EvaluationContext::without_reasons(change, &policy.people, &policy.vocabulary);
            let identity = policy.people.identify_person(&change.tip().author);
            let is_known = !teams.iter().any(|team| policy.people.has_untold_members(team));
            return (is_known && !asked.accepts_identity(identity, &context)).then_some(false);
        }
    }
    evaluate_sample(policy, predicate, change)
}

/// Returns true if the author of a change is one whom a team lists.
fn is_team_address(policy: &Policy, change: &Change) -> bool {
    match policy.people.identify_person(&change.tip().author) {
        ResolvedIdentity::Human(person) => policy
            .people
            .team_names()
            .any(|team| policy.people.list_settled_keys(team).any(|key| key == person)),
        ResolvedIdentity::Bot | ResolvedIdentity::ClaimedBot | ResolvedIdentity::Unknown => false,
    }
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
