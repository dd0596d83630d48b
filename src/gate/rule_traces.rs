//! How the rules that apply to a change came to their answers.

use crate::change::Change;
use crate::judge::explain_rule;
use crate::policy::Policy;
use crate::predicates::support::condition::ConditionTrace;
use crate::verdict::{RuleId, RuleOutcome, Verdict};

/// Returns how the rules that apply to a change came to their answers, by rule id.
pub(crate) fn explain_rules(
    policy: &Policy,
    change: &Change,
    verdict: &Verdict,
) -> Vec<(RuleId, ConditionTrace)> {
    let mut traces = Vec::new();
    for judgement in &verdict.judgements {
        let id = &judgement.rule.id;
        if judgement.outcome == RuleOutcome::NotApplicable {
            continue;
        }
        for trace in explain_rule(policy, change, id) {
            traces.push((id.clone(), trace));
        }
    }
    traces
}
