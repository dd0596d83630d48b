//! The rules that are asked again of what a branch under change control gets from another one.

use std::collections::HashMap;

use crate::gate::policy_source::LoadedPolicy;
use crate::policy::asked_again::AskedAgain;
use crate::verdict::RuleId;

/// What the rules of the policies of a branch ask, and which of them can come to another answer there than on the policy ref.
pub(crate) struct BranchRules {
    rules: HashMap<RuleId, AskedAgain>,
}

impl BranchRules {
    /// Gathers the rules of both policies. Those that ask about the branch are asked again, and those about signatures of the
    /// branch's own policy, where that is another one.
    pub(crate) fn gather_rules(own: &LoadedPolicy, base: Option<&LoadedPolicy>) -> Self {
        let mut rules: HashMap<RuleId, AskedAgain> = HashMap::new();
        for (loaded, is_own) in [(own, base.is_some())].into_iter().chain(base.map(|base| (base, false))) {
            let policy = &loaded.policy;
            for (index, rule) in policy.rules.iter().enumerate() {
                let asked = AskedAgain::describe_rule(policy, index, rule);
                let is_asked_again = asked.is_of_branch || (is_own && asked.asks_signatures);
                let known = rules.entry(rule.description.id.clone()).or_default();
                known.is_of_branch |= asked.is_of_branch;
                known.asks_signatures |= is_asked_again && asked.asks_signatures;
                known.applies_by_signatures |= asked.applies_by_signatures;
                known.asks_pusher |= asked.asks_pusher;
                known.asks_time |= asked.asks_time;
                known.asks_push_approval |= asked.asks_push_approval;
            }
        }
        BranchRules { rules }
    }

    /// Returns true if no rule is asked again.
    pub(crate) fn is_empty(&self) -> bool {
        !self.rules.values().any(|asked| asked.is_of_branch || asked.asks_signatures)
    }

    /// Returns the rules that are asked again, in the order of their ids.
    pub(crate) fn list_asked_again(&self) -> Vec<RuleId> {
        let mut found = Vec::new();
        for (rule, asked) in &self.rules {
            if asked.is_of_branch || asked.asks_signatures {
                found.push(rule.clone());
            }
        }
        found.sort_unstable();
        found
    }

    /// Returns true if all that the rule says counts, of what a merge brings (`is_merged`) or of what becomes a state of the
    /// branch.
    pub(crate) fn asks_wholly(&self, rule: &RuleId, is_merged: bool) -> bool {
        let asked = self.find_rule(rule);
        asked.is_of_branch && (!is_merged || asked.applies_by_signatures || asked.asks_push_approval)
    }

    /// Returns true if what the rule says about signatures counts.
    pub(crate) fn asks_signatures(&self, rule: &RuleId) -> bool {
        self.find_rule(rule).asks_signatures
    }

    /// Returns true if the rule does not ask who pushes, so that it can be answered as if nobody in particular did.
    pub(crate) fn may_ask_without_pusher(&self, rule: &RuleId) -> bool {
        self.rules.get(rule).is_some_and(|asked| !asked.asks_pusher)
    }

    /// Returns true if the answer of the rule depends on the time, and not only on who was there then.
    pub(crate) fn asks_time(&self, rule: &RuleId) -> bool {
        self.find_rule(rule).asks_time
    }

    fn find_rule(&self, rule: &RuleId) -> AskedAgain {
        self.rules.get(rule).copied().unwrap_or_default()
    }
}
