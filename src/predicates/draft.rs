//! `draft`: whether the pull request is marked as a draft.

use crate::change::{FactKind, Missing, NeededFacts};
use crate::predicates::support::context::{EvaluationContext, PolicyScope};
use crate::predicates::support::documentation::PredicateDoc;
use crate::predicates::support::outcome::PredicateOutcome;
use crate::verdict::{Finding, Message, messages};
use crate::yaml::decode::read_bool;
use crate::yaml::{YamlFault, YamlNode};

messages! {
    QUESTION_DRAFT = "draft.question-draft": "the pull request is a draft";
    QUESTION_NOT_DRAFT = "draft.question-not-draft": "the pull request is not a draft";
    IS_DRAFT = "draft.is-draft": "the pull request is a draft; mark it as ready for review";
    NOT_DRAFT = "draft.not-draft": "the pull request is not a draft";
}

/// The documentation of the predicate.
pub(crate) const DOC: PredicateDoc = PredicateDoc {
    name: "draft",
    summary: "The pull request is a draft, or it is not.",
    why: "A draft is unfinished work: what is approved as a draft may differ from what is merged.",
    parameters: "- `false`: it is not a draft; `true`: it is a draft.",
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

/// The parameters of `draft`.
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
        let must_be_draft = read_bool(node, faults)?;
        Some(DraftPredicate { must_be_draft })
    }

    /// Returns true if a draft is meant.
    pub(crate) fn requires_draft(&self) -> bool {
        self.must_be_draft
    }

    pub(crate) fn add_needs(&self, needs: &mut NeededFacts) {
        needs.insert(FactKind::Pull);
    }

    pub(crate) fn describe(&self) -> Message {
        Message::from(if self.must_be_draft { &QUESTION_DRAFT } else { &QUESTION_NOT_DRAFT })
    }

    /// Describes the contrary.
    pub(crate) fn describe_contrary(&self) -> Message {
        Message::from(if self.must_be_draft { &QUESTION_NOT_DRAFT } else { &QUESTION_DRAFT })
    }

    pub(crate) fn evaluate(&self, context: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        let is_draft = context.change.require_pull(FactKind::Pull)?.is_draft;
        if is_draft == self.must_be_draft {
            return Ok(PredicateOutcome::Holds);
        }
        let what = if is_draft { &IS_DRAFT } else { &NOT_DRAFT };
        Ok(PredicateOutcome::Fails(vec![Finding::new(what)]))
    }
}

#[cfg(test)]
mod tests {
    use crate::predicates::support::examples::{answer_example, finding_texts, question_faults};

    #[test]
    fn a_draft_is_one_or_it_is_not() {
        for (wanted, is_draft, said) in [
            (true, true, None),
            (false, false, None),
            (true, false, Some("the pull request is not a draft")),
            (false, true, Some("the pull request is a draft; mark it as ready for review")),
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
