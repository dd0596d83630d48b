//! What changes made of the rules that only warn, of the exemptions and of the standard changes of a policy.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::change::{Oid, Text};
use crate::policy::Policy;
use crate::rollout::rule_versions::OtherVersionRange;
use crate::verdict::RuleLevel;

/// How many changes of a rule are kept as examples: the newest ones.
pub(crate) const MAX_EXAMPLES: usize = 3;

/// Where it is known from what changes made of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UseSource {
    /// From the records of a ledger, as the gate judged at the time.
    Ledger,
    /// From history, judged afterwards by what the repository holds.
    History,
}

/// A change that a rule would have denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UseExample {
    /// Its final revision.
    pub revision: Option<Oid>,
    /// Its subject.
    pub subject: Text,
    /// When it was seen; in history, when it was made, as its last commit says.
    pub at: Timestamp,
}

/// What a rule that only warns would have done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WarnedUse {
    /// How many changes came since the rule warns, and were judged by it.
    pub changes: u64,
    /// How many changes it would have denied.
    pub broken: u64,
    /// How many changes lack a fact that decides it.
    pub open: u64,
    /// How many changes were judged again, since the rule was another one when the ledger recorded them.
    pub judged_again: u64,
    /// How many of those could not be judged again: their commits are not here.
    pub unjudged: u64,
    /// The newest changes that it would have denied, newest first.
    pub examples: Vec<UseExample>,
}

/// The pushes that landed where the gate only evaluates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EvaluatedPushes {
    /// How many there were.
    pub pushes: u64,
    /// How many of them would have been refused.
    pub refused: u64,
}

/// What the changes since a day made of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyUse {
    /// Where that is known from.
    pub source: UseSource,
    /// How many changes there were.
    pub changes: u64,
    /// How many commits or records could not be read.
    pub unreadable: u64,
    /// What each rule that only warns would have done, by its id.
    pub rules: BTreeMap<String, WarnedUse>,
    /// How many recorded pushes that landed were only evaluated, and how many of them would have been refused.
    pub evaluated: EvaluatedPushes,
    /// The recorded changes that other versions of some rules judged, the newest first.
    pub other_versions: Vec<OtherVersionRange>,
    /// The exemptions that were used, or may have been, by their places in the policy.
    pub used_exemptions: BTreeSet<usize>,
    /// The standard changes that were named; always empty for the records of a ledger, which do not tell.
    pub used_entries: BTreeSet<String>,
}

impl PolicyUse {
    /// Returns the use of a policy by no change.
    pub(crate) fn new(source: UseSource, policy: &Policy) -> PolicyUse {
        let mut rules = BTreeMap::new();
        for rule in policy.rules.iter().filter(|rule| rule.level == RuleLevel::Warn) {
            rules.insert(rule.description.id.to_string(), WarnedUse::default());
        }
        let (used_exemptions, used_entries) = (BTreeSet::new(), BTreeSet::new());
        let other_versions = Vec::new();
        let evaluated = EvaluatedPushes::default();
        PolicyUse {
            source,
            changes: 0,
            unreadable: 0,
            rules,
            evaluated,
            other_versions,
            used_exemptions,
            used_entries,
        }
    }

    /// Adds what judging the changes of `range` again gave; `None` if that is not possible here.
    pub fn add_judged_again(&mut self, range: &OtherVersionRange, judged: Option<&PolicyUse>) {
        for rule in &range.rules {
            let Some(found) = self.rules.get_mut(rule) else { continue };
            let Some((all, again)) = judged.and_then(|all| Some((all, all.rules.get(rule)?))) else {
                found.unjudged = found.unjudged.saturating_add(range.changes);
                continue;
            };
            found.judged_again = found.judged_again.saturating_add(all.changes);
            found.changes = found.changes.saturating_add(again.changes);
            found.broken = found.broken.saturating_add(again.broken);
            found.open = found.open.saturating_add(again.open);
            found.examples.extend(again.examples.iter().cloned());
            found.examples.sort_by_key(|example| std::cmp::Reverse(example.at));
            found.examples.truncate(MAX_EXAMPLES);
        }
    }

    /// Adds changes that were judged by a rule.
    pub(crate) fn add_changes(&mut self, rule: &str, changes: u64) {
        if let Some(found) = self.rules.get_mut(rule) {
            found.changes = found.changes.saturating_add(changes);
        }
    }

    /// Adds a change that a rule would have denied.
    pub(crate) fn add_broken(&mut self, rule: &str, example: &UseExample) {
        let Some(found) = self.rules.get_mut(rule) else { return };
        found.broken += 1;
        let place = found.examples.iter().position(|known| known.at <= example.at);
        found.examples.insert(place.unwrap_or(found.examples.len()), example.clone());
        found.examples.truncate(MAX_EXAMPLES);
    }

    /// Adds a change of which a rule cannot tell.
    pub(crate) fn add_open(&mut self, rule: &str) {
        if let Some(found) = self.rules.get_mut(rule) {
            found.open += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_changes_are_the_examples_in_whatever_order_they_come() {
        let mut found = PolicyUse {
            source: UseSource::History,
            changes: 0,
            unreadable: 0,
            rules: BTreeMap::from([("review".to_owned(), WarnedUse::default())]),
            evaluated: EvaluatedPushes::default(),
            other_versions: Vec::new(),
            used_exemptions: BTreeSet::new(),
            used_entries: BTreeSet::new(),
        };
        for second in [5, 1, 9, 3, 7] {
            let at = Timestamp::from_second(second).unwrap();
            found.add_broken("review", &UseExample { revision: None, subject: "s".into(), at });
            found.add_broken("another", &UseExample { revision: None, subject: "s".into(), at });
        }
        let review = &found.rules["review"];
        let seconds: Vec<i64> = review.examples.iter().map(|one| one.at.as_second()).collect();
        assert_eq!((review.broken, seconds), (5, vec![9, 7, 5]));
        assert_eq!(found.rules.len(), 1);
    }
}
