//! `branch`: the ref that the change is for.

use crate::change::{FactKind, Missing, NeededFacts};
use crate::pattern::RefPattern;
use crate::predicates::support::context::{EvaluationContext, PolicyScope};
use crate::predicates::support::documentation::PredicateDoc;
use crate::predicates::support::outcome::PredicateOutcome;
use crate::predicates::support::parameters::quote_patterns;
use crate::verdict::{Finding, Message, messages};
use crate::yaml::decode::parse_each;
use crate::yaml::{YamlFault, YamlNode};

messages! {
    QUESTION = "branch.question": "the change is for {branches/or}";
    QUESTION_NOT = "branch.question-not": "the change is not for {branches/or}";
    OTHER_BRANCH = "branch.other": "the change is for {target}, not for {branches/or}";
}

/// The documentation of the predicate.
pub(crate) const DOC: PredicateDoc = PredicateDoc {
    name: "branch",
    summary: "The change is for one of these branches, or for another ref that is named in full.",
    why: "A release branch needs other rules than the trunk. Names are compared as a whole: `main` is neither \
          `main-fix` nor the tag `main`.",
    parameters: "\
- a pattern, or a list of which one must match: `main` means `refs/heads/main`; a pattern that starts with `refs/` is \
a full name; `*` stands for any characters, including `/`.",
    passing_example: "
ask: { branch: [main, 'release/*'] }
change:
  target: refs/heads/release/1/fix
  commits: [{}]
",
    failing_example: "
ask: { branch: [main, 'release/*'] }
change:
  target: refs/heads/main-fix
  commits: [{}]
",
};

/// The parameters of `branch`.
#[derive(Clone, Debug, PartialEq)]
pub struct BranchPredicate {
    ref_patterns: Vec<RefPattern>,
}

impl BranchPredicate {
    pub(crate) fn read_parameters(
        node: &YamlNode,
        _: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let before = faults.len();
        let patterns = parse_each(node, faults, RefPattern::new);
        (before == faults.len()).then_some(BranchPredicate { ref_patterns: patterns })
    }

    /// Returns the patterns of branches, one of which the target has to match.
    pub(crate) fn asked_branches(&self) -> &[RefPattern] {
        &self.ref_patterns
    }

    pub(crate) fn add_needs(&self, needs: &mut NeededFacts) {
        needs.insert(FactKind::Target);
    }

    pub(crate) fn describe(&self) -> Message {
        QUESTION.with("branches", quote_patterns(&self.ref_patterns))
    }

    /// Describes the contrary.
    pub(crate) fn describe_contrary(&self) -> Message {
        QUESTION_NOT.with("branches", quote_patterns(&self.ref_patterns))
    }

    pub(crate) fn evaluate(&self, context: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        let target = context.change.target.as_ref().map_err(Missing::clone)?;
        if self.ref_patterns.iter().any(|pattern| pattern.matches_ref(target.as_bytes())) {
            return Ok(PredicateOutcome::Holds);
        }
        let what = OTHER_BRANCH.with("target", target).with("branches", quote_patterns(&self.ref_patterns));
        Ok(PredicateOutcome::Fails(vec![Finding::new(what)]))
    }
}

#[cfg(test)]
mod tests {
    use crate::predicates::support::examples::{
        answer_edited, answer_example, finding_texts, question_faults,
    };

    fn says(question: &str, target: &str) -> Vec<String> {
        let text = format!("ask: {{ branch: {question} }}\nchange: {{ commits: [{{}}] }}");
        finding_texts(&answer_edited(&text, |change| change.target = Ok(target.into())))
    }

    #[test]
    fn a_branch_is_compared_as_a_whole() {
        assert_eq!(says("main", "refs/heads/main"), [""; 0]);
        assert_eq!(says("['release/*', 'refs/tags/v*']", "refs/tags/v1"), [""; 0]);
        let found = says("[main, 'release/*']", "refs/heads/main-fix");
        assert_eq!(found, ["the change is for `refs/heads/main-fix`, not for `main` or `release/*`"]);
        for target in
            ["refs/tags/main", "refs/heads/x/main", "main", "refs/heads/main\n", "refs/heads/Main", ""]
        {
            assert_eq!(says("main", target).len(), 1, "{target}");
        }
    }

    #[test]
    fn a_branch_that_is_not_known_is_no_other_branch() {
        let unknown = "change: { unknown: [target], commits: [{}] }";
        for ask in ["{ branch: main }", "{ not: { branch: main } }"] {
            let found = finding_texts(&answer_example(&format!("ask: {ask}\n{unknown}")));
            assert!(found[0].starts_with("unknown: the target branch"), "{found:?}");
        }
    }

    #[test]
    fn what_no_ref_can_be_called_is_refused() {
        for question in ["[]", "''", "'a b'", "{ name: main }", "'refs/changegate/ledger'"] {
            assert_eq!(question_faults(&format!("ask: {{ branch: {question} }}")).len(), 1, "{question}");
        }
    }
}
