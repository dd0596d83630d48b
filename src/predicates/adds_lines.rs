//! `adds-lines`: whether a line that the change adds to certain paths matches.
//!
//! A pattern is searched within each line, and need not match all of it. Contents are bytes, whatever their
//! encoding; files that are no text are searched as well.

use std::sync::Arc;

use crate::change::content::AddedLine;
use crate::change::content_question::ContentQuestion;
use crate::change::{FactKind, Missing, NeededFacts, Text};
use crate::pattern::{LinePattern, PathPattern};
use crate::predicates::support::context::{EvaluationContext, PolicyScope};
use crate::predicates::support::documentation::PredicateDoc;
use crate::predicates::support::outcome::PredicateOutcome;
use crate::predicates::support::parameters::{matches_any_pattern, quote_patterns};
use crate::verdict::{Finding, Message, messages};
use crate::yaml::decode::{MapReader, parse_each};
use crate::yaml::{YamlFault, YamlNode};

messages! {
    QUESTION = "adds-lines.question": "the change adds a line with {patterns/or} to {paths/or}";
    QUESTION_NOT = "adds-lines.question-not": "the change adds no line with {patterns/or} to {paths/or}";
    NOT_ADDED = "adds-lines.not-added": "the change adds no line with {patterns/or} to {paths/or}";
    ADDED = "adds-lines.added": "{path}, line {line}, is new and has {patterns/or}";
    MORE_ADDED = "adds-lines.more": "{count} more {count:line|lines} with {patterns/or} {count:is|are} new";
}

/// How many lines are named.
const MAX_NAMED_LINES: usize = 20;

/// The documentation of the predicate.
pub(crate) const DOC: PredicateDoc = PredicateDoc {
    name: "adds-lines",
    summary: "A line that the change adds to one of these paths matches one of these patterns.",
    why: "Some lines are dangerous wherever they stand: a network that is open to everyone, a pipeline that may write \
          everything. Usually it stands under `not`, or in `when` of a rule that asks for more. What counts is what \
          lands: a line that a later commit of the change takes away again is not added, and neither is one that only \
          moves within its file, or with its file to another name that `in` matches too.",
    parameters: "\
- `matching: [patterns]`: regular expressions, each searched within a line (`^` and `$` are its ends; a class is of \
ASCII, and lines are bytes, so a letter beyond ASCII is several);
- `in: [patterns]`: the paths, as in a `.gitignore`;
- files that are no text are searched as well. A file of more than 1 MiB, and more than 256 MiB in one commit, are \
not read: then the answer is unknown. Submodules have no lines; the content of a link is the path that it leads to.",
    passing_example: "
ask: { adds-lines: { matching: '0\\.0\\.0\\.0/0', in: 'infra/**' } }
change:
  commits:
    - paths:
        - path: infra/network.tf
          adds: |
            ingress {
              cidr_blocks = [\"0.0.0.0/0\"]
",
    failing_example: "
ask: { adds-lines: { matching: '^permissions: *write-all', in: '.github/workflows/**' } }
change:
  commits:
    - paths:
        - { path: .github/workflows/ci.yml, adds: 'permissions: { contents: read }' }
",
};

/// The parameters of `adds-lines`.
#[derive(Clone, Debug, PartialEq)]
pub struct AddsLinesPredicate {
    question: Arc<LineQuestion>,
}

/// Patterns that are searched in the lines of certain paths.
#[derive(Debug, PartialEq)]
struct LineQuestion {
    id: String,
    patterns: Vec<LinePattern>,
    paths: Vec<PathPattern>,
}

impl ContentQuestion for LineQuestion {
    fn id(&self) -> &str {
        &self.id
    }

    fn covers_path(&self, path: &[u8]) -> bool {
        matches_any_pattern(&self.paths, &Text::from(path))
    }

    fn matches_line(&self, line: &[u8]) -> Option<bool> {
        Some(self.patterns.iter().any(|pattern| pattern.is_in_line(line)))
    }
}

impl AddsLinesPredicate {
    pub(crate) fn read_parameters(
        node: &YamlNode,
        _: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let before = faults.len();
        let mut map = MapReader::new(node, faults)?;
        let matching = map.require_key("matching", faults);
        let paths = map.require_key("in", faults);
        let patterns = matching.map(|node| parse_each(node, faults, LinePattern::new)).unwrap_or_default();
        let paths = paths.map(|node| parse_each(node, faults, PathPattern::new)).unwrap_or_default();
        map.refuse_unknown_keys(faults);
        if before != faults.len() {
            return None;
        }
        let mut id = String::from("lines");
        for word in patterns.iter().map(ToString::to_string) {
            id += &format!(" {}:{word}", word.len());
        }
        id += " in";
        for word in paths.iter().map(ToString::to_string) {
            id += &format!(" {}:{word}", word.len());
        }
        Some(AddsLinesPredicate { question: Arc::new(LineQuestion { id, patterns, paths }) })
    }

    pub(crate) fn add_needs(&self, needs: &mut NeededFacts) {
        needs.extend([FactKind::Paths, FactKind::AddedLines]);
        needs.add_question(self.question.clone());
    }

    pub(crate) fn describe(&self) -> Message {
        self.add_parameters((&QUESTION).into())
    }

    pub(crate) fn describe_contrary(&self) -> Message {
        self.add_parameters((&QUESTION_NOT).into())
    }

    fn add_parameters(&self, message: Message) -> Message {
        let message = message.with("patterns", quote_patterns(&self.question.patterns));
        message.with("paths", quote_patterns(&self.question.paths))
    }

    pub(crate) fn evaluate(&self, context: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        let added = context.change.find_added_lines(self.question.as_ref())?;
        if !added.is_empty() {
            return Ok(PredicateOutcome::Holds);
        }
        let message = self.add_parameters((&NOT_ADDED).into());
        Ok(PredicateOutcome::Fails(vec![Finding::new(message).in_commit(context.change.tip().id)]))
    }

    /// Returns a finding for each line that is added, where none may be.
    pub(crate) fn list_forbidden(&self, context: &EvaluationContext<'_>) -> Vec<Finding> {
        let Ok(added) = context.change.find_added_lines(self.question.as_ref()) else { return Vec::new() };
        let tip = context.change.tip().id;
        let patterns = || quote_patterns(&self.question.patterns);
        let mut findings = Vec::new();
        for AddedLine { path, line } in added.iter().take(MAX_NAMED_LINES) {
            let message = ADDED.with("path", path).with("line", *line).with("patterns", patterns());
            findings.push(Finding::new(message).in_commit(tip).at_path(path));
        }
        let more = added.len().saturating_sub(MAX_NAMED_LINES);
        if more > 0 {
            let message = MORE_ADDED.with("count", more).with("patterns", patterns());
            findings.push(Finding::new(message).in_commit(tip));
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use crate::predicates::support::examples::{answer_example, finding_texts, question_faults};

    const ASK: &str = "adds-lines: { matching: ['0\\.0\\.0\\.0/0', '^x$'], in: '*.tf' }";

    fn says(change: &str) -> Vec<String> {
        finding_texts(&answer_example(&format!("ask: {{ not: {{ {ASK} }} }}\nchange: {{ {change} }}")))
    }

    #[test]
    fn a_line_is_named_with_its_file() {
        assert_eq!(
            says("paths: [{ path: a/b.tf, adds: \"a\\nallow 0.0.0.0/0;\\r\\nx\\n\" }]"),
            [
                "`a/b.tf`, line 2, is new and has `0\\.0\\.0\\.0/0` or `^x$`",
                "`a/b.tf`, line 3, is new and has `0\\.0\\.0\\.0/0` or `^x$`"
            ]
        );
        for change in [
            "paths: [{ path: a.tf, adds: \"10.0.0.0/8\\nxx\" }]",
            "paths: [{ path: a.md, adds: '0.0.0.0/0' }]",
            "paths: [a.tf]",
            "message: x",
        ] {
            assert_eq!(says(change), [""; 0], "{change}");
        }
    }

    #[test]
    fn what_is_not_known_is_open() {
        for change in ["unknown: [added-lines], paths: [a.tf]", "unknown: [paths], paths: [a.tf]"] {
            let found = says(change);
            assert!(found[0].starts_with("unknown: "), "{change}: {found:?}");
        }
        // One line is enough to know that there is one.
        let two = "commits: [{ paths: [{ path: a.tf, adds: x }] }, { paths: [b.tf] }]";
        assert_eq!(says(two).len(), 1);
    }

    #[test]
    fn patterns_are_searched_in_a_line() {
        for question in [
            "{ matching: x }",
            "{ in: x }",
            "{ matching: '', in: x }",
            "{ matching: 'a*', in: x }",
            "{ matching: '(', in: x }",
            "{ matching: x, in: '!y' }",
        ] {
            assert_eq!(question_faults(&format!("ask: {{ adds-lines: {question} }}")).len(), 1, "{question}");
        }
    }
}
