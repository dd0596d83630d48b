//! `size`: how much a change is.

use std::collections::HashSet;

use crate::change::{Change, ChangeDiff, Fact, FactKind, Missing, NeededFacts};
use crate::pattern::PathPattern;
use crate::predicates::parameters::{describe_limit, format_count, matches_any_pattern, read_at_most};
use crate::predicates::{EvaluationContext, PolicyScope, PredicateDoc, PredicateOutcome};
use crate::verdict::messages;
use crate::verdict::{Finding, Sentence};
use crate::yaml::decode::{MapReader, parse_each};
use crate::yaml::{YamlFault, YamlNode};

messages! {}

/// What a policy's author reads about it.
pub const DOC: PredicateDoc = PredicateDoc {
    name: "size",
    summary: "The change has no more files, lines or commits than this.",
    why: "A reviewer does not read the two-thousandth line as he reads the first. Merges are left out of files and \
          lines, because what they bring in stands in other commits; what they add of their own is for `merge`.",
    parameters: "\
- `files: { at-most: N }`: different paths that the commits change;
- `lines: { at-most: N }`: lines that the commits add and remove, taken together;
- `commits: { at-most: N }`: commits, merges among them;
- `ignore: [patterns]`: paths that do not count as files, such as lock files; lines are known of a commit as a \
whole, so theirs count all the same;
- of several parameters, all are meant.",
    passing_example: "
ask: { size: { files: { at-most: 2 }, ignore: ['*.lock'] } }
change:
  commits:
    - paths: [src/a.rs, src/b.rs, Cargo.lock]
",
    failing_example: "
ask: { size: { lines: { at-most: 400 } } }
change:
  commits:
    - { lines: 250 }
    - { lines: 151 }
",
};

/// The question.
#[derive(Clone, Debug, PartialEq)]
pub struct SizePredicate {
    max_files: Option<u64>,
    max_lines: Option<u64>,
    max_commits: Option<u64>,
    ignored_paths: Vec<PathPattern>,
}

impl SizePredicate {
    pub(crate) fn read_parameters(
        node: &YamlNode,
        _: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let before = faults.len();
        let mut map = MapReader::new(node, faults)?;
        let files = map.find_key("files").and_then(|node| read_at_most(node, faults));
        let lines = map.find_key("lines").and_then(|node| read_at_most(node, faults));
        let commits = map.find_key("commits").and_then(|node| read_at_most(node, faults));
        let ignore = map.find_key("ignore");
        let patterns = ignore.map(|node| parse_each(node, faults, PathPattern::new)).unwrap_or_default();
        map.refuse_unknown_keys(faults);
        if before == faults.len() {
            match (files, lines, commits, ignore) {
                (None, None, None, _) => {
                    faults.push(YamlFault::new(node.at, "expected one of commits, files, lines"))
                }
                (None, _, _, Some(ignore)) => {
                    faults.push(YamlFault::new(
                        ignore.at,
                        "only files can be ignored, and `files` is not asked for",
                    ));
                }
                _ => {}
            }
        }
        (before == faults.len()).then_some(SizePredicate {
            max_files: files,
            max_lines: lines,
            max_commits: commits,
            ignored_paths: patterns,
        })
    }

    pub(crate) fn add_needs(&self, needs: &mut NeededFacts) {
        if self.max_files.is_some() {
            needs.insert(FactKind::Paths);
        }
        if self.max_lines.is_some() {
            needs.insert(FactKind::Lines);
        }
    }

    pub(crate) fn describe(&self) -> String {
        let part =
            |most: Option<u64>, what: &str| most.map(|most| format!("at most {}", format_count(most, what)));
        let parts =
            [part(self.max_files, "file"), part(self.max_lines, "line"), part(self.max_commits, "commit")];
        format!("the change has {}", parts.into_iter().flatten().collect::<Vec<_>>().join(" and "))
    }

    pub(crate) fn evaluate(&self, seen: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        let commits = Ok(u64::try_from(seen.change.commits.len()).unwrap_or(u64::MAX));
        let counts = [
            (self.max_files, "file", self.max_files.map(|_| self.count_files(seen.change))),
            (self.max_lines, "line", self.max_lines.map(|_| count_lines(seen.change))),
            (self.max_commits, "commit", Some(commits)),
        ];
        let mut findings = Vec::new();
        let mut missing = None;
        for (most, what, count) in counts {
            match (most, count) {
                (Some(most), Some(Ok(count))) if most < count => {
                    let what = format!(
                        "this change has {}, and {}",
                        format_count(count, what),
                        describe_limit(most)
                    );
                    findings.push(Finding::new(Sentence::from_words(what)));
                }
                (_, Some(Err(gap))) => missing = Some(gap),
                _ => {}
            }
        }
        PredicateOutcome::from_findings_or_missing(findings, missing)
    }

    fn count_files(&self, change: &Change) -> Fact<u64> {
        let mut paths = HashSet::new();
        for diff in non_merge_diffs(change) {
            let changed = diff.paths.as_ref().map_err(Clone::clone)?;
            paths.extend(
                changed
                    .iter()
                    .map(|change| &change.path)
                    .filter(|path| !matches_any_pattern(&self.ignored_paths, path)),
            );
        }
        Ok(u64::try_from(paths.len()).unwrap_or(u64::MAX))
    }
}

fn count_lines(change: &Change) -> Fact<u64> {
    let mut lines = 0u64;
    for diff in non_merge_diffs(change) {
        let count = diff.lines.as_ref().map_err(Clone::clone)?;
        lines = lines.saturating_add(count.added).saturating_add(count.removed);
    }
    Ok(lines)
}

/// Returns what is changed, but for merges.
fn non_merge_diffs(change: &Change) -> impl Iterator<Item = ChangeDiff<'_>> {
    change.list_diffs().filter(|diff| !diff.is_merge)
}

#[cfg(test)]
mod tests {
    use crate::change::LineCount;
    use crate::predicates::examples::{answer_edited, answer_example, finding_texts, question_faults};

    fn says(question: &str, commits: &str) -> Vec<String> {
        finding_texts(&answer_example(&format!(
            "ask: {{ size: {question} }}\nchange: {{ commits: [{commits}] }}"
        )))
    }

    #[test]
    fn a_limit_is_inclusive() {
        let commits = "{ paths: [a, b], lines: 10 }, { paths: [b], lines: 5 }";
        assert_eq!(
            says("{ files: { at-most: 2 }, lines: { at-most: 15 }, commits: { at-most: 2 } }", commits),
            [""; 0]
        );
        assert_eq!(
            says("{ files: { at-most: 1 }, lines: { at-most: 14 }, commits: { at-most: 1 } }", commits),
            [
                "this change has 2 files, and at most 1 is allowed",
                "this change has 15 lines, and at most 14 are allowed",
                "this change has 2 commits, and at most 1 is allowed",
            ]
        );
    }

    #[test]
    fn a_merge_counts_as_a_commit_and_as_nothing_else() {
        let commits = "{ paths: [a], lines: 1 }, { merge: true, paths: [a, b, c], lines: 900 }";
        assert_eq!(says("{ files: { at-most: 1 }, lines: { at-most: 1 } }", commits), [""; 0]);
        assert_eq!(says("{ commits: { at-most: 1 } }", commits).len(), 1);
    }

    #[test]
    fn ignored_paths_are_no_files() {
        assert_eq!(
            says("{ files: { at-most: 0 }, ignore: ['*.lock'] }", "{ paths: [Cargo.lock, a/b.lock] }"),
            [""; 0]
        );
        assert_eq!(
            says("{ files: { at-most: 0 }, ignore: ['*.lock'] }", "{ paths: [Cargo.lock.rs] }").len(),
            1
        );
    }

    #[test]
    fn a_number_beyond_all_bounds_is_still_too_many() {
        let text =
            "ask: { size: { lines: { at-most: 18446744073709551614 } } }\nchange: { commits: [{}, {}] }";
        let most = LineCount { added: u64::MAX, removed: u64::MAX };
        let answer = answer_edited(text, |change| {
            change.commits.iter_mut().for_each(|commit| commit.lines = Ok(most))
        });
        assert_eq!(finding_texts(&answer).len(), 1);
    }

    #[test]
    fn what_was_not_counted_is_not_small() {
        let unknown = "change: { unknown: [paths, lines], commits: [{}] }";
        for ask in [
            "{ size: { files: { at-most: 9 } } }",
            "{ size: { lines: { at-most: 9 }, commits: { at-most: 9 } } }",
            "{ not: { size: { lines: { at-most: 9 } } } }",
        ] {
            let found = finding_texts(&answer_example(&format!("ask: {ask}\n{unknown}")));
            assert!(found[0].starts_with("unknown: "), "{found:?}");
        }
        assert_eq!(
            finding_texts(&answer_example(&format!(
                "ask: {{ size: {{ commits: {{ at-most: 1 }} }} }}\n{unknown}"
            ))),
            [""; 0]
        );
    }

    #[test]
    fn a_question_that_asks_nothing_is_refused() {
        for question in [
            "{}",
            "{ ignore: [a] }",
            "{ lines: { at-most: 1 }, ignore: [a] }",
            "{ files: 3 }",
            "{ lines: { at-least: 3 } }",
        ] {
            assert!(!question_faults(&format!("ask: {{ size: {question} }}")).is_empty(), "{question}");
        }
    }
}
