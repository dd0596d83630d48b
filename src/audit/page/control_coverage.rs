//! Which controls the rules of the policies support, how often each rule was asked, and what came out of it.
//!
//! Verdicts name rules; what a rule supports stands in its policy. A policy that cannot be read any more leaves its
//! rules without controls, and the page says so.

use std::collections::{BTreeMap, BTreeSet};

use crate::audit::change_record::ChangeRecord;
use crate::audit::fleet::audit_event::PolicyOutline;
use crate::ledger::record::{RecordedOutcomeWord, RecordedReasons, RecordedRuleResult};

/// How often a rule was asked, and what came out of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RuleUse {
    /// What the rule asks, in the words of the newest policy.
    pub(super) title: String,
    /// The changes that met it.
    pub(super) met: u64,
    /// The changes that met it afterwards, and in time.
    pub(super) met_afterwards: u64,
    /// The changes that owe something for it, in time so far.
    pub(super) open: u64,
    /// The changes that met it afterwards, and late.
    pub(super) met_late: u64,
    /// The changes that owe something for it whose time is up.
    pub(super) overdue: u64,
    /// The changes that an exemption let break it.
    pub(super) exempted: u64,
    /// The changes for which it could not be known.
    pub(super) not_known: u64,
    /// The changes that broke it.
    pub(super) broken: u64,
    /// The changes that it is not about.
    pub(super) others: u64,
}

/// What became of what a change owed for a rule, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum OwedState {
    MetInTime,
    Open,
    MetLate,
    /// No ledger tells of it.
    NotKnown,
    Overdue,
}

/// The controls of an audit.
#[derive(Clone, Debug, Default)]
pub(super) struct ControlCoverage {
    /// The policies that were read, by their digests.
    policies: BTreeMap<String, KnownPolicy>,
    /// The rules of each control, with how often they were asked.
    pub(super) controls: BTreeMap<String, BTreeMap<String, RuleUse>>,
    /// The rules that name no control.
    pub(super) without_control: BTreeMap<String, RuleUse>,
    /// The rules whose policy could not be read any more.
    pub(super) not_known: BTreeMap<String, RuleUse>,
}

/// A policy that was read.
#[derive(Clone, Debug)]
struct KnownPolicy {
    outline: PolicyOutline,
    /// True once it has judged a change: one that has judged none says nothing about controls.
    has_judged: bool,
}

impl RuleUse {
    /// Counts an answer of the rule; `owed` says what became of what it let through against an obligation.
    fn add_outcome(&mut self, outcome: RecordedOutcomeWord, owed: OwedState) {
        let count = match outcome {
            RecordedOutcomeWord::Pass => &mut self.met,
            RecordedOutcomeWord::Owed => match owed {
                OwedState::MetInTime => &mut self.met_afterwards,
                OwedState::Open => &mut self.open,
                OwedState::MetLate => &mut self.met_late,
                OwedState::Overdue => &mut self.overdue,
                OwedState::NotKnown => &mut self.not_known,
            },
            RecordedOutcomeWord::Exempted => &mut self.exempted,
            RecordedOutcomeWord::Undecided | RecordedOutcomeWord::Deferred => &mut self.not_known,
            RecordedOutcomeWord::Fail => &mut self.broken,
            RecordedOutcomeWord::NotApplicable => &mut self.others,
        };
        *count += 1;
    }

    /// Returns how many changes the rule was about.
    pub(super) fn count_asked(&self) -> u64 {
        self.list_counts().iter().sum()
    }

    /// Returns the counts of a table: met, met afterwards in time, open, met late, overdue, exempted, not known, broken.
    pub(super) fn list_counts(&self) -> [u64; 8] {
        let RuleUse { met, met_afterwards, open, met_late, overdue, exempted, not_known, broken, .. } = *self;
        [met, met_afterwards, open, met_late, overdue, exempted, not_known, broken]
    }

    /// Returns the counts of a plot: those of a table, with what was late in one.
    pub(super) fn list_plot_counts(&self) -> [u64; 7] {
        let RuleUse { met, met_afterwards, open, met_late, overdue, exempted, not_known, broken, .. } = *self;
        [met, met_afterwards, open, met_late + overdue, exempted, not_known, broken]
    }

    /// Returns what the counts say about a control, and no more than that: the worst of them.
    pub(super) fn describe(&self) -> &'static str {
        if self.count_asked() == 0 {
            "not evaluated"
        } else if self.broken > 0 {
            "exceptions: broken"
        } else if self.overdue > 0 {
            "exceptions: overdue"
        } else if self.not_known > 0 {
            "exceptions: not known"
        } else if self.met_late > 0 {
            "exceptions: met late"
        } else if self.open > 0 {
            "something is owed, in time so far"
        } else {
            "evidence supports"
        }
    }
}

impl ControlCoverage {
    /// Takes the rules of a policy and what they support.
    pub(super) fn add_policy(&mut self, policy: &PolicyOutline) {
        if !self.policies.contains_key(&policy.digest) {
            let known = KnownPolicy { outline: policy.clone(), has_judged: false };
            self.policies.insert(policy.digest.clone(), known);
        }
    }

    /// Counts the rules of what the verdicts on a change rest on.
    pub(super) fn add_change(&mut self, change: &ChangeRecord) {
        for reasons in &change.reasons {
            self.add_reasons(reasons, &|rule| find_owed_state(change, rule));
        }
    }

    /// Counts the rules of what one verdict rests on; `find_owed` says what became of what a rule let through.
    fn add_reasons(&mut self, reasons: &RecordedReasons, find_owed: &dyn Fn(&str) -> OwedState) {
        for named in &reasons.policies {
            self.begin_policy(&named.digest);
        }
        for rule in &reasons.rules {
            self.add_rule(reasons, rule, find_owed(&rule.rule));
        }
    }

    /// Lists the controls of a policy, with nothing asked so far, when it judges for the first time.
    fn begin_policy(&mut self, digest: &str) {
        let Some(policy) = self.policies.get_mut(digest).filter(|policy| !policy.has_judged) else { return };
        policy.has_judged = true;
        for (id, description) in &policy.outline.rules {
            for control in &description.controls {
                let used = self.controls.entry(control.clone()).or_default().entry(id.clone()).or_default();
                used.title.clone_from(&description.title);
            }
            if description.controls.is_empty() {
                let used = self.without_control.entry(id.clone()).or_default();
                used.title.clone_from(&description.title);
            }
        }
    }

    fn add_rule(&mut self, reasons: &RecordedReasons, rule: &RecordedRuleResult, owed: OwedState) {
        let mut known = reasons.policies.iter().filter_map(|policy| self.policies.get(&policy.digest));
        let Some(description) = known.find_map(|policy| policy.outline.rules.get(&rule.rule)) else {
            self.not_known.entry(rule.rule.clone()).or_default().add_outcome(rule.outcome, owed);
            return;
        };
        // A rule that had nothing to ask serves no control.
        let has_asked = description.asked_after.as_ref().is_none_or(|field| {
            rule.outcome != RecordedOutcomeWord::Pass || reasons.left_out > 0 || states_field(reasons, field)
        });
        let outcome = if has_asked { rule.outcome } else { RecordedOutcomeWord::NotApplicable };
        if description.controls.is_empty() {
            self.without_control.entry(rule.rule.clone()).or_default().add_outcome(outcome, owed);
        }
        for control in &description.controls {
            let rules = self.controls.entry(control.clone()).or_default();
            rules.entry(rule.rule.clone()).or_default().add_outcome(outcome, owed);
        }
    }

    /// Returns the names and digests of the policies that judged.
    pub(super) fn list_policies(&self) -> Vec<(&str, &str)> {
        let judged = self.policies.iter().filter(|(_, policy)| policy.has_judged);
        judged.map(|(digest, policy)| (policy.outline.name.as_str(), digest.as_str())).collect()
    }

    /// Returns the counts of all rules of a control together.
    pub(super) fn sum_rules(rules: &BTreeMap<String, RuleUse>) -> RuleUse {
        let mut sum = RuleUse::default();
        for one in rules.values() {
            sum.met += one.met;
            sum.met_afterwards += one.met_afterwards;
            sum.open += one.open;
            sum.met_late += one.met_late;
            sum.overdue += one.overdue;
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

/// Returns true if the change states the field.
fn states_field(reasons: &RecordedReasons, field: &str) -> bool {
    reasons.fields.iter().any(|stated| stated.field == field)
}

/// Returns what became of what a change owed for a rule: the worst, if that is several things.
fn find_owed_state(change: &ChangeRecord, rule: &str) -> OwedState {
    let of_rule = change.obligations.iter().filter(|(_, owed)| owed.rule.to_string() == rule);
    let states = of_rule.map(|(_, owed)| match &owed.closed {
        Some(closed) if closed.late_by.is_none() => OwedState::MetInTime,
        Some(_) => OwedState::MetLate,
        None if change.is_overdue(owed) => OwedState::Overdue,
        None => OwedState::Open,
    });
    states.max().unwrap_or(OwedState::NotKnown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Text;
    use crate::gate::load_from_pack;
    use crate::ledger::record::{
        RecordedDecision, RecordedField, RecordedLevel, RecordedPlace, RecordedPolicyDigest,
    };

    fn build_reasons(digest: &str, rules: &[(&str, RecordedOutcomeWord)]) -> RecordedReasons {
        let result = |(rule, outcome): &(&str, RecordedOutcomeWord)| RecordedRuleResult {
            rule: (*rule).to_owned(),
            outcome: *outcome,
            level: RecordedLevel::Deny,
        };
        RecordedReasons {
            revision: None,
            commits: 1,
            subject: Text::from("x"),
            pull: None,
            class: None,
            decision: RecordedDecision::Allow,
            rules: rules.iter().map(result).collect(),
            contributors: Vec::new(),
            fields: Vec::new(),
            approvals: Vec::new(),
            tickets: Vec::new(),
            checks: Vec::new(),
            left_out: 0,
            missing: Vec::new(),
            policies: vec![RecordedPolicyDigest { digest: digest.to_owned(), roster_digest: None }],
        }
    }

    #[test]
    fn a_control_is_served_by_the_rules_of_policies_that_judged() {
        let (core, other) =
            (load_from_pack("core").unwrap().policy, load_from_pack("iso27001").unwrap().policy);
        let mut coverage = ControlCoverage::default();
        coverage.add_policy(&PolicyOutline::from(&core));
        coverage.add_policy(&PolicyOutline::from(&other));
        assert!(coverage.controls.is_empty(), "no policy has judged");
        for outcome in
            [RecordedOutcomeWord::Pass, RecordedOutcomeWord::Fail, RecordedOutcomeWord::NotApplicable]
        {
            coverage
                .add_reasons(&build_reasons(&core.digest, &[("risk", outcome)]), &|_| OwedState::NotKnown);
        }
        let used = &coverage.controls["soc2:CC8.1"]["risk"];
        assert_eq!((used.met, used.broken, used.others, used.count_asked()), (1, 1, 1, 2));
        assert_eq!(used.describe(), "exceptions: broken");
        assert_eq!(coverage.controls["soc2:CC8.1"]["change-type"].describe(), "not evaluated");
        assert_eq!(coverage.list_policies(), [(core.name.as_str(), core.digest.as_str())]);
        let asked = BTreeSet::from(["iso27001:A.5.3".to_owned(), "soc2:CC8.1".to_owned()]);
        assert_eq!(coverage.list_unserved(asked), ["iso27001:A.5.3"], "the other pack has judged nothing");

        let gone = build_reasons("gone", &[("risk", RecordedOutcomeWord::Pass)]);
        coverage.add_reasons(&gone, &|_| OwedState::NotKnown);
        assert_eq!(coverage.not_known["risk"].met, 1, "what cannot be read serves no control");
        assert_eq!(coverage.controls["soc2:CC8.1"]["risk"].met, 1);
    }

    #[test]
    fn a_rule_that_had_nothing_to_ask_serves_no_control() {
        let core = load_from_pack("core").unwrap().policy;
        let mut coverage = ControlCoverage::default();
        coverage.add_policy(&PolicyOutline::from(&core));
        let mut add = |outcome, fields: &[&str], left_out| {
            let mut reasons = build_reasons(&core.digest, &[("temporary", outcome)]);
            reasons.left_out = left_out;
            for field in fields {
                reasons.fields.push(RecordedField {
                    field: (*field).to_owned(),
                    value: Text::from("2026-12-31"),
                    word: None,
                    valid: true,
                    at: RecordedPlace { commit: None, line: Some(3), in_description: false, path: None },
                });
            }
            coverage.add_reasons(&reasons, &|_| OwedState::Open);
            let used = &coverage.controls["iso27001:A.8.32"]["temporary"];
            (used.met, used.open, used.broken, used.others, used.describe())
        };
        let (pass, owed) = (RecordedOutcomeWord::Pass, RecordedOutcomeWord::Owed);
        assert_eq!(add(pass, &["Risk"], 0), (0, 0, 0, 1, "not evaluated"));
        assert_eq!(add(pass, &["Risk"], 3), (1, 0, 0, 1, "evidence supports"));
        assert_eq!(add(owed, &["Temporary-Until"], 0).1, 1);
        assert_eq!(add(RecordedOutcomeWord::Fail, &[], 0).2, 1);
    }

    #[test]
    fn what_was_owed_is_told_by_what_became_of_it_and_the_worst_counts() {
        let mut used = RuleUse::default();
        for (owed, words) in [
            (OwedState::MetInTime, "evidence supports"),
            (OwedState::Open, "something is owed, in time so far"),
            (OwedState::MetLate, "exceptions: met late"),
            (OwedState::NotKnown, "exceptions: not known"),
            (OwedState::Overdue, "exceptions: overdue"),
        ] {
            used.add_outcome(RecordedOutcomeWord::Owed, owed);
            assert_eq!(used.describe(), words);
        }
        assert_eq!((used.count_asked(), used.list_plot_counts()), (5, [0, 1, 1, 2, 0, 1, 0]));
    }
}
