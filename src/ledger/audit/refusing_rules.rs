//! The rules that denied a change, or refused the push that it came with.

use std::collections::BTreeSet;

use crate::change::Oid;
use crate::ledger::record::{DecisionRecord, RefDecision};
use crate::ledger::server::decision::list_failure_codes;

/// Returns the rules that refused a push as a whole, each once: one refused ref refuses the others with it. What kept the
/// gate from judging or recording it stands among them.
pub(super) fn list_refusing_rules(decided: &DecisionRecord) -> Vec<String> {
    let mut rules: Vec<String> = Vec::new();
    let mut add_rule = |rule: &str| {
        if !rules.iter().any(|known| known == rule) {
            rules.push(rule.to_owned());
        }
    };
    for one in &decided.refs {
        for verdict in &one.changes {
            let denying =
                verdict.judgements.iter().filter(|judgement| judgement.is_denying(verdict.enforced));
            denying.for_each(|judgement| add_rule(&judgement.rule));
        }
        one.refusals
            .iter()
            .filter(|one| one.is_denying(true))
            .for_each(|judgement| add_rule(&judgement.rule));
    }
    for code in list_failure_codes(decided) {
        add_rule(code);
    }
    rules
}

/// Returns the rules that denied a change, or its ref, each once.
pub(super) fn list_denying_rules(decided: &DecisionRecord, one: &RefDecision, revision: Oid) -> Vec<String> {
    let mut rules = BTreeSet::new();
    for verdict in one.changes.iter().filter(|verdict| verdict.revision == Some(revision)) {
        for judgement in verdict.judgements.iter().filter(|judgement| judgement.is_denying(verdict.enforced))
        {
            rules.insert(judgement.rule.clone());
        }
    }
    for refusal in decided.refs.iter().flat_map(|one| &one.refusals) {
        if refusal.is_denying(true) {
            rules.insert(refusal.rule.clone());
        }
    }
    rules.into_iter().collect()
}
