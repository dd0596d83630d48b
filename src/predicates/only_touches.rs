//! `only-touches`: whether the change keeps to certain paths.

use crate::change::{FactKind, Missing, NeededFacts, Text};
use crate::pattern::PathPattern;
use crate::predicates::support::context::{EvaluationContext, PolicyScope};
use crate::predicates::support::documentation::PredicateDoc;
use crate::predicates::support::outcome::PredicateOutcome;
use crate::predicates::support::parameters::{is_covered_by_pattern, list_paths, quote_patterns};
use crate::verdict::{Finding, Message, messages};
use crate::yaml::decode::parse_each;
use crate::yaml::{YamlFault, YamlNode};

messages! {
    QUESTION = "only-touches.question": "the change touches only {paths/or}";
    OTHER_PATHS = "only-touches.other-paths": "this changes {paths}; only {allowed/or} may change";
    NO_PATHS = "only-touches.no-paths": "this changes no file";
}

/// The documentation for policy authors.
pub(crate) const DOC: PredicateDoc = PredicateDoc {
    name: "only-touches",
    summary: "Every commit of the change changes these paths and no others.",
    why: "Which paths a change stays in tells best what automation may do by itself, or what a standard change is. \
          A change that changes no file fails, since there is nothing to judge it by.",
    parameters: "\
- a pattern, or a list of them, as in a `.gitignore` at the root of the repository; every changed path matches at \
least one. A rename counts on both sides. Other than in a `.gitignore`, only a pattern with a slash at its end, or \
with `/**`, covers what is below a folder: `Cargo.lock` does not cover `Cargo.lock/build.rs`, nor `docs` a file in \
`docs/`. Files and links are not told apart; where that matters, add \
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

/// The parameters of `only-touches`.
#[derive(Clone, Debug, PartialEq)]
pub struct OnlyTouchesPredicate {
    allowed_paths: Vec<PathPattern>,
}

impl OnlyTouchesPredicate {
    /// Returns the patterns of which each changed path has to match one.
    pub(crate) fn allowed_patterns(&self) -> &[PathPattern] {
        &self.allowed_paths
    }

    /// Returns true if a change may touch this path.
    pub(crate) fn allows_path(&self, path: &Text) -> bool {
        is_covered_by_pattern(&self.allowed_paths, path)
    }

    pub(crate) fn read_parameters(
        node: &YamlNode,
        _: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let before = faults.len();
        let allowed_paths = parse_each(node, faults, PathPattern::new);
        (before == faults.len()).then_some(OnlyTouchesPredicate { allowed_paths })
    }

    pub(crate) fn add_needs(&self, needs: &mut NeededFacts) {
        needs.insert(FactKind::Paths);
    }

    pub(crate) fn describe(&self) -> Message {
        QUESTION.with("paths", quote_patterns(&self.allowed_paths))
    }

    pub(crate) fn evaluate(&self, context: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        let mut others: Vec<&Text> = Vec::new();
        let mut is_empty = true;
        let mut missing = None;
        for diff in context.change.list_diffs() {
            match diff.paths {
                Ok(paths) => {
                    is_empty &= paths.is_empty();
                    for change in paths {
                        if !self.allows_path(&change.path) {
                            others.push(&change.path);
                        }
                    }
                }
                Err(gap) => missing = Some(gap.clone()),
            }
        }
        others.sort_unstable();
        others.dedup();
        let mut findings = Vec::new();
        if let Some(first) = others.first() {
            let message = OTHER_PATHS
                .with("paths", list_paths(&others))
                .with("allowed", quote_patterns(&self.allowed_paths));
            findings.push(Finding::new(message).at_path(first));
        } else if is_empty && missing.is_none() {
            findings.push(Finding::new(&NO_PATHS));
        }
        PredicateOutcome::from_findings_or_missing(findings, missing)
    }
}

#[cfg(test)]
mod tests {
    use crate::change::{FactKind, Missing};
    use crate::predicates::support::examples::{
        answer_edited, answer_example, finding_texts, question_faults,
    };

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
            ["this changes `docs2/a`, `z`; only `docs/**` or `*.md` may change"]
        );
        // A path that is changed and changed back was changed.
        assert_eq!(says("a", "{ paths: [a, b] }, { paths: [b] }").len(), 1);
    }

    #[test]
    fn the_name_of_a_file_covers_no_folder() {
        assert_eq!(says("['**/Cargo.lock', 'docs/']", "{ paths: [x/Cargo.lock, docs/a/b] }"), [""; 0]);
        for path in ["Cargo.lock/build.rs", "x/Cargo.lock/a/b", "docs"] {
            assert_eq!(
                says("['**/Cargo.lock', 'docs/']", &format!("{{ paths: [{path}] }}")).len(),
                1,
                "{path}"
            );
        }
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
        assert_eq!(says("'**'", "{}, { merge: true }"), ["this changes no file"]);
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
            assert!(found[0].starts_with("unknown: the changed files"), "{found:?}");
        }
        let text = "ask: { only-touches: a }\nchange: { commits: [{ paths: [X] }, { paths: [a] }] }";
        let forget = |path: &'static str| {
            finding_texts(&answer_edited(&text.replace('X', path), |change| {
                change.commits[1].paths = Err(Missing::NotConfigured(FactKind::Paths));
            }))
        };
        assert!(forget("a")[0].starts_with("unknown: "));
        assert_eq!(forget("b"), ["this changes `b`; only `a` may change"]);
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
