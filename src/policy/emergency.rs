//! Emergencies stated late: whether a change says what the policy asks of an emergency.
//!
//! An unauthorised change is closed by a later change that states why it could not wait. That change
//! may be of any class. It states an `Emergency-Reason`, and keeps those rules of emergencies that
//! ask for an incident or a vulnerability.

use jiff::tz::TimeZone;

use crate::change::Change;
use crate::policy::definition::{Policy, Rule};
use crate::predicates::EvaluationContext;
use crate::predicates::support::condition::Condition;
use crate::verdict::{PredicateAnswer, RuleLevel};
use crate::vocabulary::FieldReading;

/// The field that says why a change cannot wait.
pub(crate) const EMERGENCY_REASON_FIELD: &str = "Emergency-Reason";

/// The fields that say what the emergency is, or why.
const EMERGENCY_FIELDS: [&str; 3] = [EMERGENCY_REASON_FIELD, "Incident", "CVE"];

/// The class of the changes that may take the shortcut.
pub(crate) const EMERGENCY_CLASS: &str = "emergency";

/// The end of the names of other classes of emergencies, such as `pipeline-emergency`.
const EMERGENCY_CLASS_SUFFIX: &str = "-emergency";

/// Returns true if a class of this name is one of emergencies: `emergency`, or a name that ends with
/// `-emergency`.
pub(crate) fn is_emergency_class(name: &str) -> bool {
    name == EMERGENCY_CLASS || name.ends_with(EMERGENCY_CLASS_SUFFIX)
}

impl Policy {
    /// Returns whether a change states what this policy asks of an emergency: why, and which incident
    /// or vulnerability. False where the policy has no field for the reason.
    pub(crate) fn is_emergency_stated(&self, change: &Change) -> bool {
        let Some(reason) = self.vocabulary.find_field(EMERGENCY_REASON_FIELD) else { return false };
        if !matches!(reason.read_from_change(change), FieldReading::Stated { .. }) {
            return false;
        }
        let context = EvaluationContext::new(change, &self.people, &self.vocabulary);
        let emergency = self.classes.iter().position(|class| class.id.as_str() == EMERGENCY_CLASS);
        let day = change.seen_at.to_zoned(TimeZone::UTC).date();
        let mut asked = Vec::new();
        for rule in &self.rules {
            if rule.level_on(day) == RuleLevel::Deny && applies_to_class(rule, emergency) {
                collect_emergency_conditions(&rule.require, &mut asked);
            }
        }
        for condition in asked {
            // What is only owed is not stated yet.
            match condition.evaluate(&context) {
                PredicateAnswer::Holds(owed) if owed.is_empty() => {}
                _ => return false,
            }
        }
        true
    }
}

/// Returns whether a rule applies to the class with this index; a rule for all classes always does.
fn applies_to_class(rule: &Rule, class: Option<usize>) -> bool {
    match (&rule.class_indexes, class) {
        (None, _) => true,
        (Some(indexes), Some(class)) => indexes.contains(&class),
        (Some(_), None) => false,
    }
}

/// Adds the parts of a condition, all of which have to hold, that ask only for emergency fields.
fn collect_emergency_conditions<'rule>(condition: &'rule Condition, asked: &mut Vec<&'rule Condition>) {
    if let Condition::All(parts) = condition {
        for part in parts {
            collect_emergency_conditions(part, asked);
        }
    } else if asks_only_emergency_fields(condition) {
        asked.push(condition);
    }
}

fn asks_only_emergency_fields(condition: &Condition) -> bool {
    match condition {
        Condition::Predicate(_) => {
            let mut fields = Vec::new();
            condition.add_required_fields(&mut fields);
            !fields.is_empty() && fields.iter().all(|field| EMERGENCY_FIELDS.contains(&field.name.as_str()))
        }
        Condition::All(parts) | Condition::Any(parts) => {
            !parts.is_empty() && parts.iter().all(asks_only_emergency_fields)
        }
        Condition::Not(_) => false,
    }
}
