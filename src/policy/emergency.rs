//! Declaring afterwards: whether a change says what the policy asks of an emergency.
//!
//! What landed without a decision is answered for by a later change that states why it could not wait.
//! That change may be of any class. It states an `Emergency-Reason`, and keeps those rules of
//! emergencies that ask for an incident or a vulnerability.

use crate::change::Change;
use crate::policy::Policy;
use crate::predicates::{Condition, EvaluationContext};
use crate::verdict::{PredicateAnswer, RuleLevel};
use crate::vocabulary::FieldReading;

/// The field that says why something could not wait.
pub const EMERGENCY_REASON_FIELD: &str = "Emergency-Reason";

/// The fields that say what was on fire, or why.
const EMERGENCY_FIELDS: [&str; 3] = [EMERGENCY_REASON_FIELD, "Incident", "CVE"];

/// The class whose changes take the shortcut.
pub const EMERGENCY_CLASS: &str = "emergency";

impl Policy {
    /// Returns whether a change states what this policy asks of an emergency: why, and which incident
    /// or vulnerability. False where the policy has no field for the reason.
    pub fn is_emergency_stated(&self, change: &Change) -> bool {
        let reason = self.vocabulary.find_field(EMERGENCY_REASON_FIELD);
        if !reason.is_some_and(|field| matches!(field.read_from_change(change), FieldReading::Stated { .. }))
        {
            return false;
        }
        let seen = EvaluationContext::new(change, &self.people, &self.vocabulary);
        let emergency = self.classes.iter().position(|class| class.name == EMERGENCY_CLASS);
        let day = change.seen_at.to_zoned(jiff::tz::TimeZone::UTC).date();
        let mut asked = Vec::new();
        for rule in self.rules.iter().filter(|rule| rule.level_on(day) == RuleLevel::Deny) {
            let is_meant = match (&rule.class_indexes, emergency) {
                (None, _) => true,
                (Some(classes), Some(emergency)) => classes.contains(&emergency),
                (Some(_), None) => false,
            };
            if is_meant {
                collect_emergency_conditions(&rule.require, &mut asked);
            }
        }
        let holds = |condition: &&Condition| matches!(condition.evaluate(&seen), PredicateAnswer::Holds(owed) if owed.is_empty());
        asked.iter().all(holds)
    }
}

/// Adds the parts of a question, all of which have to hold, that ask for nothing but these fields.
fn collect_emergency_conditions<'rule>(condition: &'rule Condition, asked: &mut Vec<&'rule Condition>) {
    if let Condition::All(parts) = condition {
        parts.iter().for_each(|part| collect_emergency_conditions(part, asked));
        return;
    }
    if asks_only_emergency_fields(condition) {
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
