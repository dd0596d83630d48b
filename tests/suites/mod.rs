//! What suites of tests are held to: they pass, and they fail when a part of their policy is taken away.

use changegate::policy::Policy;
use changegate::policy_tests::{PolicyTestSuite, read_suite, run_suite};
use changegate::yaml::{YamlFault, read_document};

/// Reads a suite for the policy that it tests.
pub(crate) fn read_text_suite(text: &str, policy: &Policy) -> Result<PolicyTestSuite, Vec<YamlFault>> {
    let mut faults = Vec::new();
    match read_suite(&read_document(text.as_bytes())?, policy, &mut faults) {
        Some(suite) if faults.is_empty() => Ok(suite),
        _ => Err(faults),
    }
}

/// Returns the rules that the YAML of a policy states itself, in whole or in part.
pub(crate) fn list_own_rules(source: &str) -> Vec<String> {
    let document: serde_yaml::Value = serde_yaml::from_str(source).unwrap();
    let rules = document.get("rules").and_then(serde_yaml::Value::as_mapping).unwrap();
    rules.keys().map(|id| id.as_str().unwrap().to_owned()).collect()
}

/// Returns true if some test of the suite fails by this policy.
pub(crate) fn is_noticed(suite: &PolicyTestSuite, policy: &Policy) -> bool {
    run_suite(suite, policy).iter().any(|result| !result.misses.is_empty())
}

/// Returns the rules of `own` that can be taken away without a test that fails.
pub(crate) fn list_untested_rules(policy: &Policy, suite: &PolicyTestSuite, own: &[String]) -> Vec<String> {
    let mut untested = Vec::new();
    for index in 0..policy.rules.len() {
        let mut weaker = policy.clone();
        let rule = weaker.rules.remove(index).description.id.to_string();
        // What exempts from a rule names it by its place.
        weaker.exemptions.retain(|exemption| exemption.rule_index != index);
        for exemption in &mut weaker.exemptions {
            exemption.rule_index -= usize::from(exemption.rule_index > index);
        }
        if own.contains(&rule) && !is_noticed(suite, &weaker) {
            untested.push(rule);
        }
    }
    untested
}
