//! `policy-loosened`: whether the change makes the policy of its target ask for less.

use crate::change::{FactKind, Missing, NeededFacts};
use crate::predicates::support::context::{EvaluationContext, PolicyScope};
use crate::predicates::support::documentation::PredicateDoc;
use crate::predicates::support::outcome::PredicateOutcome;
use crate::verdict::{Finding, Message, messages};
use crate::yaml::decode::read_bool;
use crate::yaml::{YamlFault, YamlNode};

messages! {
    QUESTION = "policy-loosened.question": "the change may loosen the policy";
    QUESTION_NOT = "policy-loosened.question-not": "the change does not loosen the policy";
    NOT_LOOSENED = "policy-loosened.not-loosened": "nothing that the policy denied is allowed because of this change";
}

/// The documentation of the predicate.
pub(crate) const DOC: PredicateDoc = PredicateDoc {
    name: "policy-loosened",
    summary: "The change makes the policy, or what it is made of, ask for less than before.",
    why: "A rule holds only as long as nobody takes it away. What asks for more can be let through as any change, and \
          what asks for less is looked at by more people. The policy that the change finds is compared with the one \
          that it leaves, with all that they extend, as `changegate policy diff` does it: the question holds for what is \
          `looser` and for what is `different`. If one of them cannot be read, the answer is unknown.",
    parameters: "- `true`: there is nothing else to say. Use it in `when` of a rule that asks for more approvals.",
    passing_example: "
ask: { policy-loosened: true }
change:
  policy-effect: looser
  commits: [{ paths: [policies/changegate.yml] }]
",
    failing_example: "
ask: { policy-loosened: true }
change:
  policy-effect: stricter
  commits: [{ paths: [policies/changegate.yml] }]
",
};

/// The parameters of `policy-loosened`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyLoosenedPredicate;

impl PolicyLoosenedPredicate {
    pub(crate) fn read_parameters(
        node: &YamlNode,
        _: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        if read_bool(node, faults)? {
            return Some(PolicyLoosenedPredicate);
        }
        let fault = YamlFault::new(node.at, "`policy-loosened` can only be `true`");
        faults.push(fault.with_help("put it under `not`"));
        None
    }

    pub(crate) fn add_needs(&self, needs: &mut NeededFacts) {
        needs.extend([FactKind::Paths, FactKind::PolicyChange]);
    }

    pub(crate) fn describe(&self) -> Message {
        Message::from(&QUESTION)
    }

    pub(crate) fn describe_contrary(&self) -> Message {
        Message::from(&QUESTION_NOT)
    }

    pub(crate) fn evaluate(&self, context: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        let effect = context.change.policy_effect.as_ref().map_err(Missing::clone)?;
        if effect.may_loosen() {
            return Ok(PredicateOutcome::Holds);
        }
        let finding = Finding::new(&NOT_LOOSENED).in_commit(context.change.tip().id);
        Ok(PredicateOutcome::Fails(vec![finding]))
    }
}

#[cfg(test)]
mod tests {
    use crate::predicates::support::examples::{answer_example, finding_texts, question_faults};

    fn says(ask: &str, change: &str) -> Vec<String> {
        finding_texts(&answer_example(&format!("ask: {ask}\nchange: {{ {change} }}")))
    }

    #[test]
    fn what_may_allow_more_loosens_and_what_is_not_known_is_open() {
        for (effect, loosens) in [
            ("policy-effect: looser", true),
            ("policy-effect: different", true),
            ("policy-effect: stricter", false),
            ("policy-effect: unchanged", false),
            ("paths: [a]", false),
        ] {
            assert_eq!(says("{ policy-loosened: true }", effect).is_empty(), loosens, "{effect}");
            assert_eq!(says("{ not: { policy-loosened: true } }", effect).is_empty(), !loosens, "{effect}");
        }
        for ask in ["{ policy-loosened: true }", "{ not: { policy-loosened: true } }"] {
            let found = says(ask, "unknown: [policy-effect]");
            assert!(found[0].starts_with("unknown: "), "{found:?}");
        }
        assert_eq!(question_faults("ask: { policy-loosened: false }").len(), 1);
    }
}
