//! Whether a rule of two policies asks the same of the same changes: its own words, and whatever else decides its answer.

use std::collections::BTreeSet;

use crate::policy::{Policy, Rule};
use crate::predicates::Predicate;
use crate::predicates::support::condition::Condition;

/// Returns the ids of the rules of `policy` that ask the same of the same changes in another policy.
pub(crate) fn list_same_rules(policy: &Policy, other: &Policy) -> BTreeSet<String> {
    let mut same = BTreeSet::new();
    for rule in &policy.rules {
        let id = &rule.description.id;
        let known = other.rules.iter().find(|known| known.description.id == *id);
        if known.is_some_and(|known| is_same_rule((policy, rule), (other, known))) {
            same.insert(id.to_string());
        }
    }
    same
}

fn is_same_rule((policy, rule): (&Policy, &Rule), (other, known): (&Policy, &Rule)) -> bool {
    known.when == rule.when
        && known.require == rule.require
        && policy.change_unit == other.change_unit
        && list_classes(policy, rule) == list_classes(other, known)
        && list_exempted(policy, rule) == list_exempted(other, known)
        && list_asked(policy, rule).into_iter().all(|asked| has_same_basis(asked, policy, other))
}

/// Returns the classes that a rule is for, by name, with the questions of all classes: which one a change is of depends on
/// those before it. `None` for a rule that is for all.
fn list_classes<'policy>(
    policy: &'policy Policy,
    rule: &Rule,
) -> Option<Vec<(&'policy str, &'policy Condition, bool)>> {
    let indexes = rule.class_indexes.as_ref()?;
    let classes = policy.classes.iter().enumerate();
    Some(classes.map(|(index, class)| (class.id.as_str(), &class.when, indexes.contains(&index))).collect())
}

/// Returns the changes that exemptions from a rule are for, each with its last day.
fn list_exempted<'policy>(policy: &'policy Policy, rule: &Rule) -> Vec<(&'policy Condition, String)> {
    let is_of_rule = |index: usize| {
        policy.rules.get(index).is_some_and(|known| known.description.id == rule.description.id)
    };
    let exemptions = policy.exemptions.iter().filter(|exemption| is_of_rule(exemption.rule_index));
    exemptions.map(|exemption| (&exemption.when, exemption.until.to_string())).collect()
}

/// Returns every predicate on which the answer of a rule depends.
fn list_asked<'policy>(policy: &'policy Policy, rule: &'policy Rule) -> Vec<&'policy Predicate> {
    let mut asked = Vec::new();
    rule.require.add_predicates(&mut asked);
    if let Some(when) = &rule.when {
        when.add_predicates(&mut asked);
    }
    for (when, _) in list_exempted(policy, rule) {
        when.add_predicates(&mut asked);
    }
    if rule.class_indexes.is_some() {
        for class in &policy.classes {
            class.when.add_predicates(&mut asked);
        }
    }
    asked
}

/// Returns true if what a predicate looks up in its policy is the same in the other one. A predicate holds the definitions of
/// the fields that it names.
fn has_same_basis(predicate: &Predicate, policy: &Policy, other: &Policy) -> bool {
    let (people, known) = (&policy.people, &other.people);
    let is_same_team = |team: &String| {
        people.team_members(team) == known.team_members(team)
            && people.list_member_identities(team) == known.list_member_identities(team)
    };
    if !predicate.asked_teams().iter().all(is_same_team) {
        return false;
    }
    match predicate {
        Predicate::Trailers(_) => policy.vocabulary == other.vocabulary,
        Predicate::Approvals(_) | Predicate::Author(_) | Predicate::Pusher(_) | Predicate::Agents(_) => {
            people.list_bots() == known.list_bots()
        }
        Predicate::Signed(_) => policy.signer_keys == other.signer_keys,
        Predicate::StandardChange(_) => {
            policy.standard_changes == other.standard_changes && people.list_bots() == known.list_bots()
        }
        Predicate::Ticket(_) => policy.ticket_systems == other.ticket_systems,
        Predicate::Window(_) => people.holidays() == known.holidays(),
        _ => true,
    }
}
