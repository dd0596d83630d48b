//! `size`: how much a change is.

use std::collections::HashSet;

use super::parameters::{allowed, at_most, counted, matched};
use super::{Doc, Known, Reply, Seen};
use crate::change::{Change, Diff, Fact, Missing, Need, Needs};
use crate::pattern::PathPattern;
use crate::verdict::{Finding, Line};
use crate::yaml::decode::{Map, each};
use crate::yaml::{Fault, Node};

/// What a policy's author reads about it.
pub const DOC: Doc = Doc {
    name: "size",
    asks: "The change has no more files, lines or commits than this.",
    why: "A reviewer does not read the two-thousandth line as he reads the first. Merges are left out of files and \
          lines, because what they bring in stands in other commits; what they add of their own is for `merge`.",
    parameters: "\
- `files: { at-most: N }`: different paths that the commits change;
- `lines: { at-most: N }`: lines that the commits add and remove, taken together;
- `commits: { at-most: N }`: commits, merges among them;
- `ignore: [patterns]`: paths that do not count as files, such as lock files; lines are known of a commit as a \
whole, so theirs count all the same;
- of several parameters, all are meant.",
    passes: "
ask: { size: { files: { at-most: 2 }, ignore: ['*.lock'] } }
change:
  commits:
    - paths: [src/a.rs, src/b.rs, Cargo.lock]
",
    fails: "
ask: { size: { lines: { at-most: 400 } } }
change:
  commits:
    - { lines: 250 }
    - { lines: 151 }
",
};

/// The question.
#[derive(Clone, Debug, PartialEq)]
pub struct Size {
    files: Option<u64>,
    lines: Option<u64>,
    commits: Option<u64>,
    ignore: Vec<PathPattern>,
}

impl Size {
    pub(super) fn read(node: &Node, _: &Known<'_>, faults: &mut Vec<Fault>) -> Option<Self> {
        let before = faults.len();
        let mut map = Map::new(node, faults)?;
        let files = map.get("files").and_then(|node| at_most(node, faults));
        let lines = map.get("lines").and_then(|node| at_most(node, faults));
        let commits = map.get("commits").and_then(|node| at_most(node, faults));
        let ignore = map.get("ignore");
        let patterns = ignore.map(|node| each(node, faults, PathPattern::new)).unwrap_or_default();
        map.finish(faults);
        if before == faults.len() {
            match (files, lines, commits, ignore) {
                (None, None, None, _) => {
                    faults.push(Fault::new(node.at, "expected one of commits, files, lines"))
                }
                (None, _, _, Some(ignore)) => {
                    faults.push(Fault::new(
                        ignore.at,
                        "only files can be ignored, and `files` is not asked for",
                    ));
                }
                _ => {}
            }
        }
        (before == faults.len()).then_some(Size { files, lines, commits, ignore: patterns })
    }

    pub(super) fn needs(&self, needs: &mut Needs) {
        if self.files.is_some() {
            needs.insert(Need::Paths);
        }
        if self.lines.is_some() {
            needs.insert(Need::Lines);
        }
    }

    pub(super) fn words(&self) -> String {
        let part =
            |most: Option<u64>, what: &str| most.map(|most| format!("at most {}", counted(most, what)));
        let parts = [part(self.files, "file"), part(self.lines, "line"), part(self.commits, "commit")];
        format!("the change has {}", parts.into_iter().flatten().collect::<Vec<_>>().join(" and "))
    }

    pub(super) fn ask(&self, seen: &Seen<'_>) -> Result<Reply, Missing> {
        let commits = Ok(u64::try_from(seen.change.commits.len()).unwrap_or(u64::MAX));
        let counts = [
            (self.files, "file", self.files.map(|_| self.count_files(seen.change))),
            (self.lines, "line", self.lines.map(|_| count_lines(seen.change))),
            (self.commits, "commit", Some(commits)),
        ];
        let mut findings = Vec::new();
        let mut missing = None;
        for (most, what, count) in counts {
            match (most, count) {
                (Some(most), Some(Ok(count))) if most < count => {
                    let what = format!("this change has {}, and {}", counted(count, what), allowed(most));
                    findings.push(Finding::new(Line::say(what)));
                }
                (_, Some(Err(gap))) => missing = Some(gap),
                _ => {}
            }
        }
        Reply::settle(findings, missing)
    }

    fn count_files(&self, change: &Change) -> Fact<u64> {
        let mut paths = HashSet::new();
        for diff in own(change) {
            let changed = diff.paths.as_ref().map_err(Clone::clone)?;
            paths.extend(
                changed.iter().map(|change| &change.path).filter(|path| !matched(&self.ignore, path)),
            );
        }
        Ok(u64::try_from(paths.len()).unwrap_or(u64::MAX))
    }
}

fn count_lines(change: &Change) -> Fact<u64> {
    let mut lines = 0u64;
    for diff in own(change) {
        let count = diff.lines.as_ref().map_err(Clone::clone)?;
        lines = lines.saturating_add(count.added).saturating_add(count.removed);
    }
    Ok(lines)
}

/// Returns what is changed, but for merges.
fn own(change: &Change) -> impl Iterator<Item = Diff<'_>> {
    change.diffs().filter(|diff| !diff.is_merge)
}

#[cfg(test)]
mod tests {
    use super::super::examples::{edited, example, faults, texts};
    use crate::change::LineCount;

    fn says(question: &str, commits: &str) -> Vec<String> {
        texts(&example(&format!("ask: {{ size: {question} }}\nchange: {{ commits: [{commits}] }}")))
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
        let answer =
            edited(text, |change| change.commits.iter_mut().for_each(|commit| commit.lines = Ok(most)));
        assert_eq!(texts(&answer).len(), 1);
    }

    #[test]
    fn what_was_not_counted_is_not_small() {
        let unknown = "change: { unknown: [paths, lines], commits: [{}] }";
        for ask in [
            "{ size: { files: { at-most: 9 } } }",
            "{ size: { lines: { at-most: 9 }, commits: { at-most: 9 } } }",
            "{ not: { size: { lines: { at-most: 9 } } } }",
        ] {
            let found = texts(&example(&format!("ask: {ask}\n{unknown}")));
            assert!(found[0].starts_with("unknown: "), "{found:?}");
        }
        assert_eq!(
            texts(&example(&format!("ask: {{ size: {{ commits: {{ at-most: 1 }} }} }}\n{unknown}"))),
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
            assert!(!faults(&format!("ask: {{ size: {question} }}")).is_empty(), "{question}");
        }
    }
}
