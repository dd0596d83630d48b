//! `only-touches`: whether the change keeps to certain paths.

use crate::change::{FactKind, Missing, NeededFacts, Text};
use crate::pattern::PathPattern;
use crate::predicates::parameters::{append_paths, format_alternatives, matches_any_pattern};
use crate::predicates::{EvaluationContext, PolicyScope, PredicateDoc, PredicateOutcome};
use crate::verdict::messages;
use crate::verdict::{Finding, Sentence};
use crate::yaml::decode::parse_each;
use crate::yaml::{YamlFault, YamlNode};

messages! {}

/// What a policy's author reads about it.
pub const DOC: PredicateDoc = PredicateDoc {
    name: "only-touches",
    summary: "The change changes these paths and no others, in any of its commits.",
    why: "What a machine may do by itself, or what a standard change is, is best said by where it stays. A change \
          that changes nothing does not hold: there would be nothing to go by.",
    parameters: "\
- a pattern, or a list of them, as in a `.gitignore` at the root of the repository; every changed path matches at \
least one. A rename counts on both sides. A pattern that matches a folder matches what is below, so `Cargo.lock` \
matches `Cargo.lock/build.rs` too; and whether a path is a file or a link is not asked. Where that matters, add \
`not: { touches: { kinds: [addition, executable, submodule, symlink] } }`.",
    passing_example: "
ask: { only-touches: ['**/Cargo.lock', 'docs/**'] }
change:
  commits:
    - paths: [Cargo.lock, tools/Cargo.lock]
    - paths: [docs/guide.md]
",
    failing_example: "
ask: { only-touches: ['**/Cargo.lock'] }
change:
  commits:
    - paths: [Cargo.lock, build.rs]
",
};

/// The question.
#[derive(Clone, Debug, PartialEq)]
pub struct OnlyTouchesPredicate {
    allowed_paths: Vec<PathPattern>,
}

impl OnlyTouchesPredicate {
    pub(crate) fn read_parameters(
        node: &YamlNode,
        _: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let before = faults.len();
        let paths = parse_each(node, faults, PathPattern::new);
        (before == faults.len()).then_some(OnlyTouchesPredicate { allowed_paths: paths })
    }

    pub(crate) fn add_needs(&self, needs: &mut NeededFacts) {
        needs.insert(FactKind::Paths);
    }

    pub(crate) fn describe(&self) -> String {
        format!("the change touches only {}", format_alternatives(&self.allowed_paths))
    }

    pub(crate) fn evaluate(&self, seen: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        let mut others: Vec<&Text> = Vec::new();
        let mut is_empty = true;
        let mut missing = None;
        for diff in seen.change.list_diffs() {
            match diff.paths {
                Ok(paths) => {
                    is_empty &= paths.is_empty();
                    others.extend(
                        paths
                            .iter()
                            .map(|change| &change.path)
                            .filter(|path| !matches_any_pattern(&self.allowed_paths, path)),
                    );
                }
                Err(gap) => missing = Some(gap.clone()),
            }
        }
        others.sort_unstable();
        others.dedup();
        let finding = match (others.first(), &missing) {
            (Some(first), _) => {
                let what = Sentence::from_words(format!(
                    "beyond {}, this changes ",
                    format_alternatives(&self.allowed_paths)
                ));
                let what = append_paths(what, &others);
                Some(Finding::new(what).at_path(first))
            }
            (None, None) if is_empty => Some(Finding::new(Sentence::from_words("nothing changes here"))),
            (None, _) => None,
        };
        PredicateOutcome::from_findings_or_missing(finding.into_iter().collect(), missing)
    }
}

#[cfg(test)]
mod tests {
    use crate::change::{FactKind, Missing};
    use crate::predicates::examples::{answer_edited, answer_example, finding_texts, question_faults};

    fn says(question: &str, commits: &str) -> Vec<String> {
        finding_texts(&answer_example(&format!(
            "ask: {{ only-touches: {question} }}\nchange: {{ commits: [{commits}] }}"
        )))
    }

    #[test]
    fn every_path_of_every_commit_has_to_match() {
        assert_eq!(says("'docs/**'", "{ paths: [docs/a] }, {}, { merge: true, paths: [docs/b] }"), [""; 0]);
        assert_eq!(
            says("['docs/**', '*.md']", "{ paths: [docs/a, z] }, { paths: [docs2/a, z] }"),
            ["beyond `docs/**` or `*.md`, this changes `docs2/a`, `z`"]
        );
        // A path that is changed and changed back was changed.
        assert_eq!(says("a", "{ paths: [a, b] }, { paths: [b] }").len(), 1);
    }

    #[test]
    fn both_sides_of_a_rename_have_to_match() {
        assert_eq!(
            says("docs/", "{ paths: [{ path: docs/a, was: nothing }, { path: src/a, now: nothing }] }").len(),
            1
        );
    }

    #[test]
    fn a_change_of_nothing_does_not_hold() {
        assert_eq!(says("'**'", "{}, { merge: true }"), ["nothing changes here"]);
    }

    #[test]
    fn names_that_look_like_the_right_one_are_others() {
        for path in ["Cargo.lock\\n", "Cargo.lock ", "cargo.lock", "Cargo.lock\\u200b", "Cargo.lock.rs"] {
            assert_eq!(says("'Cargo.lock'", &format!("{{ paths: [\"{path}\"] }}")).len(), 1, "{path}");
        }
    }

    #[test]
    fn what_is_not_known_could_be_anything() {
        let unknown = "change: { unknown: [paths], commits: [{ paths: [a] }] }";
        for ask in ["{ only-touches: a }", "{ not: { only-touches: a } }"] {
            let found = finding_texts(&answer_example(&format!("ask: {ask}\n{unknown}")));
            assert!(found[0].starts_with("unknown: which files"), "{found:?}");
        }
        let text = "ask: { only-touches: a }\nchange: { commits: [{ paths: [X] }, { paths: [a] }] }";
        let forget = |path: &'static str| {
            finding_texts(&answer_edited(&text.replace('X', path), |change| {
                change.commits[1].paths = Err(Missing::NotConfigured(FactKind::Paths));
            }))
        };
        assert!(forget("a")[0].starts_with("unknown: "));
        assert_eq!(forget("b"), ["beyond `a`, this changes `b`"]);
    }

    #[test]
    fn a_question_without_a_pattern_is_refused() {
        for question in ["[]", "{ paths: [a] }", "''", "'!a'"] {
            assert_eq!(
                question_faults(&format!("ask: {{ only-touches: {question} }}")).len(),
                1,
                "{question}"
            );
        }
    }
}
