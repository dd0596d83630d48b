//! Declaring afterwards: whether a change says what the policy asks of an emergency.
//!
//! What landed without a decision is answered for by a later change that states why it could not wait.
//! That change may be of any class. It states an `Emergency-Reason`, and keeps those rules of
//! emergencies that ask for an incident or a vulnerability.

use super::Policy;
use crate::change::Change;
use crate::predicates::{Condition, Seen};
use crate::verdict::{Answer, Level};
use crate::vocabulary::Reading;

/// The field that says why something could not wait.
pub const REASON: &str = "Emergency-Reason";

/// The fields that say what was on fire, or why.
const ABOUT_IT: [&str; 3] = [REASON, "Incident", "CVE"];

/// The class whose changes take the shortcut.
pub const EMERGENCY: &str = "emergency";

impl Policy {
    /// Returns whether a change states what this policy asks of an emergency: why, and which incident
    /// or vulnerability. False where the policy has no field for the reason.
    pub fn is_declared_by(&self, change: &Change) -> bool {
        let reason = self.vocabulary.field(REASON);
        if !reason.is_some_and(|field| matches!(field.reading(change), Reading::Stated { .. })) {
            return false;
        }
        let seen = Seen::new(change, &self.people, &self.vocabulary);
        let emergency = self.classes.iter().position(|class| class.name == EMERGENCY);
        let day = change.seen_at.to_zoned(jiff::tz::TimeZone::UTC).date();
        let mut asked = Vec::new();
        for rule in self.rules.iter().filter(|rule| rule.level_on(day) == Level::Deny) {
            let is_meant = match (&rule.classes, emergency) {
                (None, _) => true,
                (Some(classes), Some(emergency)) => classes.contains(&emergency),
                (Some(_), None) => false,
            };
            if is_meant {
                about_it(&rule.require, &mut asked);
            }
        }
        let holds =
            |condition: &&Condition| matches!(condition.ask(&seen), Answer::Holds(owed) if owed.is_empty());
        asked.iter().all(holds)
    }
}

/// Adds the parts of a question, all of which have to hold, that ask for nothing but these fields.
fn about_it<'rule>(condition: &'rule Condition, asked: &mut Vec<&'rule Condition>) {
    if let Condition::All(parts) = condition {
        parts.iter().for_each(|part| about_it(part, asked));
        return;
    }
    if is_about_it(condition) {
        asked.push(condition);
    }
}

fn is_about_it(condition: &Condition) -> bool {
    match condition {
        Condition::Ask(_) => {
            let mut fields = Vec::new();
            condition.fields(&mut fields);
            !fields.is_empty() && fields.iter().all(|field| ABOUT_IT.contains(&field.name.as_str()))
        }
        Condition::All(parts) | Condition::Any(parts) => !parts.is_empty() && parts.iter().all(is_about_it),
        Condition::Not(_) => false,
    }
}
