//! `size`: how large a change is.

use std::collections::HashSet;

use crate::change::{Change, ChangeDiff, Fact, FactKind, Missing, NeededFacts, Text};
use crate::pattern::PathPattern;
use crate::predicates::support::context::{EvaluationContext, PolicyScope};
use crate::predicates::support::documentation::PredicateDoc;
use crate::predicates::support::map_keys::read_key;
use crate::predicates::support::outcome::PredicateOutcome;
use crate::predicates::support::parameters::{matches_any_pattern, quote_patterns};
use crate::verdict::{Finding, Message, MessageTemplate, messages};
use crate::yaml::decode::{MapReader, parse_each, read_at_most};
use crate::yaml::{YamlFault, YamlNode};

messages! {
    QUESTION = "size.question": "the change has {parts/and}";
    QUESTION_FILES = "size.question-files": "at most {count} {count:file|files}";
    QUESTION_LINES = "size.question-lines": "at most {count} {count:line|lines}";
    QUESTION_COMMITS = "size.question-commits": "at most {count} {count:commit|commits}";
    NOT_COUNTED = "size.not-counted": "{paths/and} {count:does|do} not count as files";
    TOO_MANY_FILES = "size.too-many-files": "this change has {count} {count:file|files}; at most {limit} {limit:is|are} allowed";
    TOO_MANY_LINES = "size.too-many-lines": "this change has {count} {count:line|lines}; at most {limit} {limit:is|are} allowed";
    TOO_MANY_COMMITS = "size.too-many-commits": "this change has {count} {count:commit|commits}; at most {limit} {limit:is|are} allowed";
}

/// The documentation for policy authors.
pub(crate) const DOC: PredicateDoc = PredicateDoc {
    name: "size",
    summary: "The change has no more files, lines or commits than this.",
    why: "No reviewer reads the two-thousandth line as carefully as the first. A merge \
          inside a change brings in what is counted elsewhere; the merge that lands counts as a whole, so nothing \
          hides in it.",
    parameters: "\
- `files: { at-most: N }`: different paths that the commits change;
- `lines: { at-most: N }`: lines that the commits add and remove, taken together. Content that is no text counts as \
one line for each 80 bytes, before and after the change; so does a line of more than 1,000 bytes, except in a pull \
request, where the lines of text are those that the forge counts;
- `commits: { at-most: N }`: commits, merges included;
- of merges, only the last commit of the change counts for files and lines, with all that it changes against its first \
parent: its files beside those of the commits, and its lines if they are more than those of the commits together;
- `ignore: [patterns]`: paths that do not count as files, such as lock files; their lines still count, because lines \
are counted for each commit as a whole;
- all parameters that are given apply.",
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

/// How many files, lines and commits a usual change has at most.
const MAX_USUAL_SIZES: [u64; 3] = [1_000, 20_000, 500];

/// The parameters of `size`.
#[derive(Clone, Debug, PartialEq)]
pub struct SizePredicate {
    max_files: Option<u64>,
    max_lines: Option<u64>,
    max_commits: Option<u64>,
    ignored_paths: Vec<PathPattern>,
}

impl SizePredicate {
    /// Returns true if changes of any usual size are accepted.
    pub(crate) fn accepts_usual_sizes(&self) -> bool {
        self.list_limits()
            .iter()
            .zip(MAX_USUAL_SIZES)
            .all(|(limit, usual)| limit.is_none_or(|limit| limit >= usual))
    }

    /// Returns the limits of files, lines and commits.
    pub(crate) fn list_limits(&self) -> [Option<u64>; 3] {
        [self.max_files, self.max_lines, self.max_commits]
    }

    /// Returns the patterns of paths that do not count as files.
    pub(crate) fn ignored_patterns(&self) -> &[PathPattern] {
        &self.ignored_paths
    }

    /// Returns true if the question accepts no file but those that do not count.
    pub(crate) fn accepts_ignored_only(&self) -> bool {
        self.max_files == Some(0) && !self.ignored_paths.is_empty()
    }

    /// Returns true for a path that does not count as a file.
    pub(crate) fn ignores_path(&self, path: &Text) -> bool {
        matches_any_pattern(&self.ignored_paths, path)
    }

    pub(crate) fn read_parameters(
        node: &YamlNode,
        _: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let before = faults.len();
        let mut map = MapReader::new(node, faults)?;
        let mut size = SizePredicate {
            max_files: read_key(&mut map, "files", faults, read_at_most),
            max_lines: read_key(&mut map, "lines", faults, read_at_most),
            max_commits: read_key(&mut map, "commits", faults, read_at_most),
            ignored_paths: Vec::new(),
        };
        let ignore = map.find_key("ignore");
        if let Some(node) = ignore {
            size.ignored_paths = parse_each(node, faults, PathPattern::new);
        }
        map.refuse_unknown_keys(faults);
        if before == faults.len() {
            if size.max_files.or(size.max_lines).or(size.max_commits).is_none() {
                faults.push(YamlFault::new(node.at, "expected one of commits, files, lines"));
            } else if let (None, Some(ignore)) = (size.max_files, ignore) {
                let what = "`ignore` needs `files`: only files can be ignored";
                faults.push(YamlFault::new(ignore.at, what));
            }
        }
        (before == faults.len()).then_some(size)
    }

    pub(crate) fn add_needs(&self, needs: &mut NeededFacts) {
        if self.max_files.is_some() {
            needs.insert(FactKind::Paths);
        }
        if self.max_lines.is_some() {
            needs.insert(FactKind::Lines);
        }
    }

    /// Returns which files do not count.
    pub(crate) fn list_allowances(&self) -> Vec<Message> {
        if self.ignored_paths.is_empty() {
            return Vec::new();
        }
        let paths = quote_patterns(&self.ignored_paths);
        vec![NOT_COUNTED.with("count", paths.len()).with("paths", paths)]
    }

    pub(crate) fn describe(&self) -> Message {
        let mut parts = Vec::new();
        for (limit, template) in [
            (self.max_files, &QUESTION_FILES),
            (self.max_lines, &QUESTION_LINES),
            (self.max_commits, &QUESTION_COMMITS),
        ] {
            if let Some(limit) = limit {
                parts.push(template.with("count", limit));
            }
        }
        QUESTION.with("parts", parts)
    }

    pub(crate) fn evaluate(&self, context: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        let mut findings = Vec::new();
        let mut missing = None;
        if let Some(limit) = self.max_files {
            match count_changed_files(context.change, &self.ignored_paths) {
                Ok(count) => findings.extend(check_limit(&TOO_MANY_FILES, count, limit)),
                Err(gap) => missing = Some(gap),
            }
        }
        if let Some(limit) = self.max_lines {
            match count_lines(context.change) {
                Ok(count) => findings.extend(check_limit(&TOO_MANY_LINES, count, limit)),
                Err(gap) => missing = Some(gap),
            }
        }
        if let Some(limit) = self.max_commits {
            let count = u64::try_from(context.change.commits.len()).unwrap_or(u64::MAX);
            findings.extend(check_limit(&TOO_MANY_COMMITS, count, limit));
        }
        PredicateOutcome::from_findings_or_missing(findings, missing)
    }
}

/// Returns how many files the commits change that are no merges, and the merge that lands, without the
/// ignored ones.
pub(crate) fn count_changed_files(change: &Change, ignored: &[PathPattern]) -> Fact<u64> {
    let mut paths = HashSet::new();
    for diff in non_merge_diffs(change).chain(find_landing_merge(change)) {
        for change in diff.paths.as_ref().map_err(Clone::clone)? {
            if !matches_any_pattern(ignored, &change.path) {
                paths.insert(&change.path);
            }
        }
    }
    Ok(u64::try_from(paths.len()).unwrap_or(u64::MAX))
}

/// Returns the finding that `count` is over the limit; `None` if it is not.
fn check_limit(template: &'static MessageTemplate, count: u64, limit: u64) -> Option<Finding> {
    (count > limit).then(|| Finding::new(template.with("count", count).with("limit", limit)))
}

/// Returns how many lines the commits add and remove that are no merges, or the merge that lands if those
/// are more.
pub(crate) fn count_lines(change: &Change) -> Fact<u64> {
    let mut lines = 0u64;
    for diff in non_merge_diffs(change) {
        lines = lines.saturating_add(count_diff_lines(diff)?);
    }
    match find_landing_merge(change) {
        Some(merge) => Ok(lines.max(count_diff_lines(merge)?)),
        None => Ok(lines),
    }
}

fn count_diff_lines(diff: ChangeDiff<'_>) -> Fact<u64> {
    let count = diff.lines.as_ref().map_err(Clone::clone)?;
    Ok(count.added.saturating_add(count.removed))
}

/// Returns what the commits change that are no merges.
fn non_merge_diffs(change: &Change) -> impl Iterator<Item = ChangeDiff<'_>> {
    change.list_diffs().filter(|diff| !diff.is_merge)
}

/// Returns what the last commit of a change brings in, if it is a merge. Against its first parent it differs
/// by all that lands with it, what it holds of its own included; a merge before it can also hold what the
/// target has already.
fn find_landing_merge(change: &Change) -> Option<ChangeDiff<'_>> {
    change.list_diffs().last().filter(|diff| diff.is_merge)
}

#[cfg(test)]
mod tests {
    use crate::change::LineCount;
    use crate::predicates::support::examples::{
        answer_edited, answer_example, finding_texts, question_faults,
    };

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
                "this change has 2 files; at most 1 is allowed",
                "this change has 15 lines; at most 14 are allowed",
                "this change has 2 commits; at most 1 is allowed",
            ]
        );
    }

    #[test]
    fn a_merge_counts_where_it_lands_and_not_where_it_catches_up() {
        let small = "{ files: { at-most: 1 }, lines: { at-most: 9 } }";
        let commit = "{ paths: [a], lines: 9 }";
        let caught_up = format!("{{ merge: true, paths: [x, y, z], lines: 900 }}, {commit}");
        assert_eq!(says(small, &caught_up), [""; 0]);
        assert_eq!(says("{ commits: { at-most: 1 } }", &caught_up).len(), 1);
        assert_eq!(says(small, &format!("{commit}, {{ merge: true, paths: [a], lines: 9 }}")), [""; 0]);
        for (merge, expected) in [
            ("paths: [a, b], lines: 9", "this change has 2 files; at most 1 is allowed"),
            ("paths: [a], lines: 10", "this change has 10 lines; at most 9 are allowed"),
        ] {
            assert_eq!(says(small, &format!("{commit}, {{ merge: true, {merge} }}")), [expected]);
            assert_eq!(says(small, &format!("{{ merge: true, {merge} }}")), [expected]);
        }
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
