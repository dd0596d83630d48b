//! What a test expects of a verdict, and how a verdict differs from it.

use std::collections::BTreeSet;

use crate::policy::Policy;
use crate::policy_tests::tested_outcome::{OUTCOME_WORDS, TestedOutcome};
use crate::verdict::{ClassId, Decision, OutcomeWord, RuleId, Verdict};
use crate::yaml::decode::{MapReader, read_choice, read_entries, read_items, read_text, unknown_word_fault};
use crate::yaml::{YamlFault, YamlKey, YamlNode, YamlValue, shorten_for_message};

/// The words for the decision.
const DECISION_WORDS: [(&str, Decision); 2] = [("allowed", Decision::Allow), ("denied", Decision::Deny)];

/// The judgements that the gate adds to those of the policy's rules.
const OWN_JUDGEMENTS: [&str; 2] = ["closing-values", "no-rule-applies"];

/// What a test expects; what it leaves out is not compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TestExpectation {
    /// Whether the change is allowed.
    pub decision: Option<Decision>,
    /// The class of the change.
    pub class: Option<ClassId>,
    /// All rules that deny the change, and no others.
    pub denied_by: Option<BTreeSet<RuleId>>,
    /// The outcomes of rules, each one of several.
    pub outcomes: Vec<(RuleId, Vec<TestedOutcome>)>,
}

/// A way in which a verdict is not what a test expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectationMiss {
    /// The change is allowed, or denied, against the expectation.
    Decision {
        /// What was expected.
        expected: Decision,
        /// What the policy says.
        found: Decision,
    },
    /// The change is of another class.
    Class {
        /// The class that was expected.
        expected: ClassId,
        /// The class that it is of; `None` where a missing fact leaves it open, or there are no classes.
        found: Option<ClassId>,
    },
    /// Other rules deny the change.
    DeniedBy {
        /// The rules that were expected to deny, and do not.
        missing: Vec<RuleId>,
        /// The rules that deny, and were not expected to.
        unexpected: Vec<RuleId>,
    },
    /// A rule has another outcome.
    Outcome {
        /// The rule.
        rule: RuleId,
        /// The outcomes that were expected, any of them.
        expected: Vec<TestedOutcome>,
        /// The outcome that it has.
        found: TestedOutcome,
    },
}

/// Reads what a test expects: `allowed`, `denied`, or a map that says more.
pub(crate) fn read_expectation(
    node: &YamlNode,
    policy: &Policy,
    faults: &mut Vec<YamlFault>,
) -> Option<TestExpectation> {
    if let YamlValue::Scalar { .. } = &node.value {
        let decision = read_choice(node, &DECISION_WORDS, faults)?;
        return Some(TestExpectation { decision: Some(decision), ..TestExpectation::default() });
    }
    let before = faults.len();
    let mut map = MapReader::new(node, faults)?;
    let mut expected = TestExpectation::default();
    if let Some(node) = map.find_key("decision") {
        expected.decision = read_choice(node, &DECISION_WORDS, faults);
    }
    if let Some(node) = map.find_key("class") {
        expected.class = read_class(node, policy, faults);
    }
    if let Some(node) = map.find_key("denied-by") {
        expected.denied_by = Some(read_denying_rules(node, policy, faults));
        if expected.decision == Some(Decision::Allow) {
            let fault = YamlFault::new(node.at, "a change that a rule denies is not allowed");
            faults.push(fault.with_help("leave out `decision`, or `denied-by`"));
        }
    }
    if let Some(node) = map.find_key("rules") {
        for (key, node) in read_entries(node, faults) {
            let mut words = Vec::new();
            for item in read_items(node, faults) {
                words.extend(read_choice(item, &OUTCOME_WORDS, faults));
            }
            expected.outcomes.extend(find_rule(key, policy, faults).map(|rule| (rule, words)));
        }
    }
    map.refuse_unknown_keys(faults);
    // What is expected of something that there is not has its own fault.
    if faults.len() > before {
        return None;
    }
    if expected == TestExpectation::default() {
        let fault = YamlFault::new(node.at, "this expects nothing");
        faults.push(fault.with_help("write `allowed`, or `{ denied-by: [RULE] }`"));
        return None;
    }
    Some(expected)
}

fn read_class(node: &YamlNode, policy: &Policy, faults: &mut Vec<YamlFault>) -> Option<ClassId> {
    let written = read_text(node, faults)?;
    let found = policy.classes.iter().find(|class| class.id.as_str() == written);
    if found.is_none() {
        let key = YamlKey { at: node.at, text: written.to_owned() };
        faults.push(unknown_word_fault("class", &key, policy.classes.iter().map(|class| class.id.as_str())));
    }
    found.map(|class| class.id.clone())
}

fn read_denying_rules(node: &YamlNode, policy: &Policy, faults: &mut Vec<YamlFault>) -> BTreeSet<RuleId> {
    let mut rules = BTreeSet::new();
    for item in read_items(node, faults) {
        let Some(written) = read_text(item, faults) else { continue };
        let key = YamlKey { at: item.at, text: written.to_owned() };
        if policy.switched_off.iter().any(|rule| rule.description.id.as_str() == written) {
            let what = format!("`{}` is switched off, and denies nothing", shorten_for_message(written));
            let help = "leave it out, or expect `rules: { ...: not-applicable }`";
            faults.push(YamlFault::new(item.at, what).with_help(help));
            continue;
        }
        rules.extend(find_rule(&key, policy, faults));
    }
    rules
}

/// Returns the rule, or the judgement of the gate itself, that a key names.
fn find_rule(key: &YamlKey, policy: &Policy, faults: &mut Vec<YamlFault>) -> Option<RuleId> {
    let known = || {
        let rules = policy.rules.iter().map(|rule| rule.description.id.as_str());
        rules.chain(policy.switched_off.iter().map(|rule| rule.description.id.as_str())).chain(OWN_JUDGEMENTS)
    };
    if known().any(|id| id == key.text) {
        return Some(RuleId::new(key.text.clone()));
    }
    faults.push(unknown_word_fault("rule", key, known()));
    None
}

impl TestExpectation {
    /// Returns how the verdict differs from what is expected; nothing if it does not.
    pub(crate) fn find_misses(&self, verdict: &Verdict) -> Vec<ExpectationMiss> {
        let mut misses = Vec::new();
        let found = verdict.decision();
        // That other rules deny says more.
        if let Some(expected) = self.decision
            && expected != found
        {
            misses.push(ExpectationMiss::Decision { expected, found });
        }
        if let Some(expected) = &self.class
            && verdict.class.as_ref() != Some(expected)
        {
            misses.push(ExpectationMiss::Class { expected: expected.clone(), found: verdict.class.clone() });
        }
        if let Some(expected) = &self.denied_by {
            let found = list_denying_rules(verdict);
            let missing: Vec<RuleId> = expected.difference(&found).cloned().collect();
            let unexpected: Vec<RuleId> = found.difference(expected).cloned().collect();
            if !missing.is_empty() || !unexpected.is_empty() {
                misses.push(ExpectationMiss::DeniedBy { missing, unexpected });
            }
        }
        for (rule, expected) in &self.outcomes {
            let judged = verdict.judgements.iter().find(|judgement| judgement.rule.id == *rule);
            let found = judged.map_or(TestedOutcome::Judged(OutcomeWord::NotApplicable), |one| {
                TestedOutcome::of_judgement(one, verdict.enforced)
            });
            if !expected.contains(&found) {
                let (rule, expected) = (rule.clone(), expected.clone());
                misses.push(ExpectationMiss::Outcome { rule, expected, found });
            }
        }
        misses
    }
}

/// Returns the rules that deny a change.
pub(crate) fn list_denying_rules(verdict: &Verdict) -> BTreeSet<RuleId> {
    let denying = verdict.judgements.iter().filter(|judgement| judgement.is_denying(verdict.enforced));
    denying.map(|judgement| judgement.rule.id.clone()).collect()
}
