//! What makes a rule count once more of what a branch gets from another one, where it counts as judged already.
//!
//! The policy ref vouches for a change that it holds, so that another branch does not ask all rules of it again; only those
//! whose answer can be another one there are asked.

use crate::change::{FactKind, NeededFacts};
use crate::policy::definition::{Policy, Rule};
use crate::predicates::Predicate;

/// What a rule asks about, by itself, by a class or by an exemption, that can have another answer on another branch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AskedAgain {
    /// True if it asks about the branch, by itself, a class or an exemption.
    pub(crate) is_of_branch: bool,
    /// True if it asks about signatures.
    pub(crate) asks_signatures: bool,
    /// True if whether it applies depends on signatures.
    pub(crate) applies_by_signatures: bool,
    /// True if it asks who pushes.
    pub(crate) asks_pusher: bool,
    /// True if it asks what time or day it is.
    pub(crate) asks_time: bool,
    /// True if the push is an approval: of all that a merge brings, and not of the merge alone.
    pub(crate) asks_push_approval: bool,
}

impl AskedAgain {
    /// Returns what the rule at an index of a policy asks about.
    pub(crate) fn describe_rule(policy: &Policy, index: usize, rule: &Rule) -> AskedAgain {
        let mut when = NeededFacts::new();
        let mut predicates: Vec<&Predicate> = Vec::new();
        let exemptions = policy.exemptions.iter().filter(|exemption| exemption.rule_index == index);
        // A change is of the first class that holds, so all those before the last one that is meant count.
        let last = rule.class_indexes.iter().flatten().max();
        let classes = policy.classes.iter().take(last.map_or(0, |last| last + 1));
        let deciding = rule.when.iter().chain(classes.map(|class| &class.when));
        for condition in deciding.chain(exemptions.map(|exemption| &exemption.when)) {
            condition.add_needs(&mut when);
            condition.add_predicates(&mut predicates);
        }
        let mut needs = NeededFacts::new();
        rule.require.add_needs(&mut needs);
        rule.require.add_predicates(&mut predicates);
        let applies_by_signatures = when.contains(&FactKind::Signatures);
        let is_push_approval = |predicate: &&Predicate| matches!(predicate, Predicate::Approvals(asked) if asked.is_given_by_pusher());
        let asks_push_approval = predicates.iter().any(is_push_approval);
        let asks_pusher = asks_push_approval
            || predicates.iter().any(|predicate| matches!(predicate, Predicate::Pusher(_)));
        AskedAgain {
            is_of_branch: when.contains(&FactKind::Target) || needs.contains(&FactKind::Target),
            asks_signatures: applies_by_signatures || needs.contains(&FactKind::Signatures),
            applies_by_signatures,
            asks_pusher,
            asks_time: predicates
                .iter()
                .any(|predicate| matches!(predicate, Predicate::Window(_) | Predicate::StandardChange(_))),
            asks_push_approval,
        }
    }

    /// Returns true if a rule that asks about this counts once more wherever one does that asks about `earlier`, and as much.
    pub(crate) fn is_asked_wherever(self, earlier: AskedAgain) -> bool {
        let keeps = |was: bool, is: bool| is || !was;
        if !earlier.is_of_branch && !earlier.asks_signatures {
            return true;
        }
        // Who pushes and the time decide of which changes the answer of today counts.
        keeps(earlier.is_of_branch, self.is_of_branch)
            && keeps(earlier.asks_signatures, self.asks_signatures)
            && keeps(earlier.applies_by_signatures, self.applies_by_signatures)
            && keeps(earlier.asks_push_approval, self.asks_push_approval)
            && keeps(earlier.asks_pusher, self.asks_pusher)
            && keeps(earlier.asks_time, self.asks_time)
    }
}
