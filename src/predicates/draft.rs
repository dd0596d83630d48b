//! `draft`: whether the author of a pull request holds it for finished.

use crate::change::{FactKind, Missing, NeededFacts};
use crate::predicates::{EvaluationContext, PolicyScope, PredicateDoc, PredicateOutcome};
use crate::verdict::messages;
use crate::verdict::{Finding, Sentence};
use crate::yaml::decode::read_bool;
use crate::yaml::{YamlFault, YamlNode};

messages! {}

/// What a policy's author reads about it.
pub const DOC: PredicateDoc = PredicateDoc {
    name: "draft",
    summary: "The pull request is a draft, or it is not.",
    why: "A draft says of itself that it is not finished, and what was approved then may not be what was meant.",
    parameters: "- `false`: it is no draft; `true`: it is one.",
    passing_example: "
ask: { draft: false }
change:
  commits: [{}]
  pull: {}
",
    failing_example: "
ask: { draft: false }
change:
  commits: [{}]
  pull: { draft: true }
",
};

/// The question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DraftPredicate {
    must_be_draft: bool,
}

impl DraftPredicate {
    pub(crate) fn read_parameters(
        node: &YamlNode,
        _: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        read_bool(node, faults).map(|wanted| DraftPredicate { must_be_draft: wanted })
    }

    pub(crate) fn add_needs(&self, needs: &mut NeededFacts) {
        needs.insert(FactKind::Pull);
    }

    pub(crate) fn describe(&self) -> String {
        format!("the pull request is {}", if self.must_be_draft { "a draft" } else { "no draft" })
    }

    pub(crate) fn evaluate(&self, seen: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        let is_draft = seen.change.require_pull(FactKind::Pull)?.is_draft;
        Ok(PredicateOutcome::holds_if(is_draft == self.must_be_draft, || {
            let what = if is_draft { "this is a draft" } else { "this is no draft" };
            Finding::new(Sentence::from_words(what))
                .fixed_by("the author, by saying whether it is ready for review")
        }))
    }
}

#[cfg(test)]
mod tests {
    use crate::predicates::examples::{answer_example, finding_texts, question_faults};

    #[test]
    fn a_draft_is_one_or_it_is_not() {
        for (wanted, is_draft, said) in [
            (true, true, None),
            (false, false, None),
            (true, false, Some("this is no draft")),
            (false, true, Some("this is a draft")),
        ] {
            let pull = format!("change: {{ commits: [{{}}], pull: {{ draft: {is_draft} }} }}");
            let found = finding_texts(&answer_example(&format!("ask: {{ draft: {wanted} }}\n{pull}")));
            assert_eq!(found, Vec::from_iter(said));
        }
    }

    #[test]
    fn without_a_pull_request_there_is_neither() {
        for ask in ["{ draft: false }", "{ not: { draft: true } }"] {
            let found = finding_texts(&answer_example(&format!("ask: {ask}\nchange: {{ commits: [{{}}] }}")));
            assert_eq!(found, ["unknown: not configured here: the pull request"]);
        }
        assert_eq!(question_faults("ask: { draft: no }").len(), 1);
    }
}
