//! `for-landed-change`: whether the change names, in `For-Change`, a change that its branch holds.

use crate::change::{FactKind, Missing, NeededFacts};
use crate::predicates::support::context::{EvaluationContext, PolicyScope};
use crate::predicates::support::documentation::PredicateDoc;
use crate::predicates::support::outcome::PredicateOutcome;
use crate::verdict::{Finding, Message, messages};
use crate::yaml::decode::read_bool;
use crate::yaml::{YamlFault, YamlNode};

messages! {
    QUESTION = "for-landed-change.question": "the change names an earlier change of its branch in `For-Change`";
    QUESTION_NOT = "for-landed-change.question-not": "the change names no earlier change of its branch in `For-Change`";
    NOT_LANDED = "for-landed-change.not-landed": "`For-Change` names no change that the branch holds";
}

/// The documentation of the predicate.
pub(crate) const DOC: PredicateDoc = PredicateDoc {
    name: "for-landed-change",
    summary: "The change names, in `For-Change`, a change that its branch holds.",
    why: "What only closes something for an earlier change is asked for less than other changes. A made-up id must not be \
          the way to that, so the id is looked up: in the history that the change is built on, and `ledger:NUMBER` among \
          the unauthorised changes of the ledger. Before there is a commit, and where the history is cut off, the answer \
          is unknown.",
    parameters: "- `true`: there is nothing else to say. One change that is there is enough, if several are named.",
    passing_example: "
ask: { for-landed-change: true }
change:
  commits: [{ message: \"Name the ticket\\n\\nFor-Change: 4e5f60718293\\n\" }]
",
    failing_example: "
ask: { for-landed-change: true }
change:
  for-change: absent
  commits: [{ message: \"Name the ticket\\n\\nFor-Change: 4e5f60718293\\n\" }]
",
};

/// The parameters of `for-landed-change`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForLandedChangePredicate;

impl ForLandedChangePredicate {
    pub(crate) fn read_parameters(
        node: &YamlNode,
        _: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        if read_bool(node, faults)? {
            return Some(ForLandedChangePredicate);
        }
        let fault = YamlFault::new(node.at, "`for-landed-change` can only be `true`");
        faults.push(fault.with_help("put it under `not`"));
        None
    }

    pub(crate) fn add_needs(&self, needs: &mut NeededFacts) {
        needs.insert(FactKind::EarlierChange);
    }

    pub(crate) fn describe(&self) -> Message {
        Message::from(&QUESTION)
    }

    pub(crate) fn describe_contrary(&self) -> Message {
        Message::from(&QUESTION_NOT)
    }

    pub(crate) fn evaluate(&self, context: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        if *context.change.names_earlier.as_ref().map_err(Missing::clone)? {
            return Ok(PredicateOutcome::Holds);
        }
        let finding = Finding::new(&NOT_LANDED).in_commit(context.change.tip().id);
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
    fn only_what_is_named_and_there_counts_and_what_is_not_known_is_open() {
        let named = r#"message: "a\n\nFor-Change: 4e5f60718293\n""#;
        for (change, holds) in [
            (named.to_owned(), true),
            (format!("{named}, for-change: landed"), true),
            (format!("{named}, for-change: absent"), false),
            ("message: a".to_owned(), false),
            ("message: a, for-change: landed".to_owned(), false),
        ] {
            assert_eq!(says("{ for-landed-change: true }", &change).is_empty(), holds, "{change}");
            assert_eq!(says("{ not: { for-landed-change: true } }", &change).is_empty(), !holds, "{change}");
        }
        for ask in ["{ for-landed-change: true }", "{ not: { for-landed-change: true } }"] {
            let found = says(ask, &format!("{named}, unknown: [for-change]"));
            assert!(found[0].starts_with("unknown: "), "{found:?}");
        }
        assert_eq!(question_faults("ask: { for-landed-change: false }").len(), 1);
    }
}
