//! Which controls the rules of the policies support, how often each rule was asked, and what came out of it.
//!
//! Verdicts name rules; what a rule supports stands in its policy. A policy that cannot be read any more leaves its
//! rules without controls, and the page says so.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::audit::change_record::ChangeRecord;
use crate::ledger::record::{RecordedOutcomeWord, RecordedReasons, RecordedRuleResult};
use crate::policy::Policy;

/// How often a rule was asked, and what came out of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RuleUse {
    /// What the rule asks, in the words of the newest policy.
    pub(super) title: String,
    /// The changes that met it.
    pub(super) met: u64,
    /// The changes that met it against something that is owed.
    pub(super) owed: u64,
    /// The changes that an exemption let break it.
    pub(super) exempted: u64,
    /// The changes for which it could not be known.
    pub(super) not_known: u64,
    /// The changes that broke it.
    pub(super) broken: u64,
    /// The changes that it is not about.
    pub(super) others: u64,
}

/// The controls of an audit.
#[derive(Clone, Debug, Default)]
pub(super) struct ControlCoverage {
    /// The controls of each rule, by the digest of the policy.
    policies: HashMap<String, HashMap<String, Vec<String>>>,
    /// The rules of each control, with how often they were asked.
    pub(super) controls: BTreeMap<String, BTreeMap<String, RuleUse>>,
    /// The rules that name no control.
    pub(super) without_control: BTreeMap<String, RuleUse>,
    /// The rules whose policy could not be read any more.
    pub(super) not_known: BTreeMap<String, RuleUse>,
}

impl RuleUse {
    fn add_outcome(&mut self, outcome: RecordedOutcomeWord) {
        let count = match outcome {
            RecordedOutcomeWord::Pass => &mut self.met,
            RecordedOutcomeWord::Owed => &mut self.owed,
            RecordedOutcomeWord::Exempted => &mut self.exempted,
            RecordedOutcomeWord::Undecided | RecordedOutcomeWord::Deferred => &mut self.not_known,
            RecordedOutcomeWord::Fail => &mut self.broken,
            RecordedOutcomeWord::NotApplicable => &mut self.others,
        };
        *count += 1;
    }

    /// Returns how many changes the rule was about.
    pub(super) fn count_asked(&self) -> u64 {
        self.met + self.owed + self.exempted + self.not_known + self.broken
    }

    /// Returns the counts of a plot: met, owed, exempted, not known, broken.
    pub(super) fn list_counts(&self) -> [u64; 5] {
        [self.met, self.owed, self.exempted, self.not_known, self.broken]
    }

    /// Returns what the counts say about a control, and no more than that.
    pub(super) fn describe(&self) -> &'static str {
        if self.count_asked() == 0 {
            "not evaluated"
        } else if self.broken > 0 || self.not_known > 0 {
            "exceptions"
        } else {
            "evidence supports"
        }
    }
}

impl ControlCoverage {
    /// Takes the rules of a policy and what they support.
    pub(super) fn add_policy(&mut self, policy: &Policy) {
        if self.policies.contains_key(&policy.digest) {
            return;
        }
        let mut of_rules = HashMap::new();
        for rule in &policy.rules {
            let description = &rule.description;
            let id = description.id.to_string();
            if description.controls.is_empty() {
                self.without_control.entry(id.clone()).or_default().title.clone_from(&description.title);
            }
            for control in &description.controls {
                let rules = self.controls.entry(control.clone()).or_default();
                rules.entry(id.clone()).or_default().title.clone_from(&description.title);
            }
            of_rules.insert(id, description.controls.clone());
        }
        self.policies.insert(policy.digest.clone(), of_rules);
    }

    /// Counts the rules of a change.
    pub(super) fn add_change(&mut self, change: &ChangeRecord) {
        for reasons in &change.reasons {
            for rule in &reasons.rules {
                self.add_rule(reasons, rule);
            }
        }
    }

    fn add_rule(&mut self, reasons: &RecordedReasons, rule: &RecordedRuleResult) {
        let mut known = reasons.policies.iter().filter_map(|policy| self.policies.get(&policy.digest));
        let controls = known.find_map(|rules| rules.get(&rule.rule));
        let Some(controls) = controls else {
            self.not_known.entry(rule.rule.clone()).or_default().add_outcome(rule.outcome);
            return;
        };
        if controls.is_empty() {
            self.without_control.entry(rule.rule.clone()).or_default().add_outcome(rule.outcome);
        }
        for control in controls {
            if let Some(used) = self.controls.get_mut(control).and_then(|rules| rules.get_mut(&rule.rule)) {
                used.add_outcome(rule.outcome);
            }
        }
    }

    /// Returns the counts of all rules of a control together.
    pub(super) fn sum_rules(rules: &BTreeMap<String, RuleUse>) -> RuleUse {
        let mut sum = RuleUse::default();
        for one in rules.values() {
            sum.met += one.met;
            sum.owed += one.owed;
            sum.exempted += one.exempted;
            sum.not_known += one.not_known;
            sum.broken += one.broken;
            sum.others += one.others;
        }
        sum
    }

    /// Returns which of these controls no rule here names.
    pub(super) fn list_unserved(&self, controls: BTreeSet<String>) -> Vec<String> {
        controls.into_iter().filter(|control| !self.controls.contains_key(control)).collect()
    }
}
