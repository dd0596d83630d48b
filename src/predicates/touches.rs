//! `touches`: whether the change touches certain paths.
//!
//! Every change is asked this, in `when` and in classes, so it stops at the first path that answers
//! it. Whether a change keeps to certain paths is for `only-touches`.

use crate::change::{FactKind, Missing, NeededFacts, PathChange, PathEntryKind, Text};
use crate::pattern::PathPattern;
use crate::predicates::support::context::{EvaluationContext, PolicyScope};
use crate::predicates::support::documentation::PredicateDoc;
use crate::predicates::support::outcome::PredicateOutcome;
use crate::predicates::support::parameters::{matches_any_pattern, quote_patterns, read_list};
use crate::verdict::{Finding, Message, messages};
use crate::yaml::decode::{MapReader, parse_each, read_choice, read_items};
use crate::yaml::{YamlFault, YamlNode, YamlValue};

messages! {
    QUESTION = "touches.question": "the change touches {paths}";
    QUESTION_NOT = "touches.question-not": "the change does not touch {paths}";
    QUESTION_NO_FILE = "touches.question-no-file": "the change touches no file";
    ANYTHING = "touches.anything": "anything";
    ANY_OF = "touches.any-of": "{paths/or}";
    OUTSIDE = "touches.outside": "{paths} outside {ignored/or}";
    OF_KINDS = "touches.of-kinds": "{paths} of the kind {kinds/or}";
    NOT_TOUCHED = "touches.not-touched": "this change does not touch {paths}";
}

/// The documentation for policy authors.
pub(crate) const DOC: PredicateDoc = PredicateDoc {
    name: "touches",
    summary: "At least one commit of the change changes one of these paths.",
    why: "The risk depends on what is touched: infrastructure, access rights, the gate itself. A rename counts on both \
          sides; so do deletions, new modes, links and submodules, and what one commit changes and the next one \
          reverts.",
    parameters: "\
- a pattern, or a list of them, as in a `.gitignore` at the root of the repository; what takes the place of a folder \
in which a pattern looks, such as a link `infra` for `infra/**`, touches it too;
- as a map: `paths` with such a list, `ignore: [patterns]` for paths that do not count, and `kinds` for changes \
of these kinds only: `addition`, `deletion`, `executable`, `submodule`, `symlink` (for the last three, before or \
after the change); `paths` may be left out beside `kinds`.",
    passing_example: "
ask: { touches: ['infra/**', '**/iam/**'] }
change:
  commits:
    - paths: [src/lib.rs]
    - paths: [infra/network.tf]
",
    failing_example: "
ask: { touches: { kinds: [submodule], ignore: ['third-party/docs/**'] } }
change:
  commits:
    - paths:
        - src/lib.rs
        - { path: third-party/docs/theme, now: submodule }
",
};

/// The parameters of `touches`.
#[derive(Clone, Debug, PartialEq)]
pub struct TouchesPredicate {
    paths: Vec<PathPattern>,
    ignored_paths: Vec<PathPattern>,
    kinds: Vec<PathChangeKind>,
}

/// The pattern of every path.
const EVERY_PATH: &str = "**";

/// What happens to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PathChangeKind {
    Addition,
    Deletion,
    Executable,
    Submodule,
    Symlink,
}

const PATH_CHANGE_WORDS: [(&str, PathChangeKind); 5] = [
    ("addition", PathChangeKind::Addition),
    ("deletion", PathChangeKind::Deletion),
    ("executable", PathChangeKind::Executable),
    ("submodule", PathChangeKind::Submodule),
    ("symlink", PathChangeKind::Symlink),
];

impl TouchesPredicate {
    /// Returns the question whether any path is touched that one of these patterns matches.
    pub(crate) fn of_patterns(paths: Vec<PathPattern>) -> Self {
        TouchesPredicate { paths, ignored_paths: Vec::new(), kinds: Vec::new() }
    }

    /// Returns the patterns of which a change has to touch one; none stand for every path.
    pub(crate) fn listed_patterns(&self) -> &[PathPattern] {
        &self.paths
    }

    /// Returns the patterns of the paths that do not count.
    pub(crate) fn ignored_patterns(&self) -> &[PathPattern] {
        &self.ignored_paths
    }

    /// Returns true if the question holds for every change that touches a file.
    pub(crate) fn asks_any_path(&self) -> bool {
        let is_any_path = self.paths.iter().any(|pattern| pattern.to_string() == EVERY_PATH);
        is_any_path && self.ignored_paths.is_empty() && self.kinds.is_empty()
    }

    /// Returns true if it matters of which kind the touched file is.
    pub(crate) fn asks_kinds(&self) -> bool {
        !self.kinds.is_empty()
    }

    /// Returns true if the question holds for a change of this path alone, of a kind that it asks for.
    pub(crate) fn names_path(&self, path: &Text) -> bool {
        self.matches_path(path)
    }

    /// Returns true if the question holds for every change of a path that `pattern` matches: if it lists
    /// the same pattern.
    pub(crate) fn covers_pattern(&self, pattern: &PathPattern) -> bool {
        self.ignored_paths.is_empty() && self.kinds.is_empty() && self.paths.contains(pattern)
    }

    pub(crate) fn read_parameters(
        node: &YamlNode,
        _: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let before = faults.len();
        let mut touches =
            TouchesPredicate { paths: Vec::new(), ignored_paths: Vec::new(), kinds: Vec::new() };
        if let YamlValue::Map(_) = &node.value {
            let mut map = MapReader::new(node, faults)?;
            let kinds = map.find_key("kinds");
            if let Some(node) = kinds {
                for item in read_items(node, faults) {
                    touches.kinds.extend(read_choice(item, &PATH_CHANGE_WORDS, faults));
                }
            }
            let paths =
                if kinds.is_some() { map.find_key("paths") } else { map.require_key("paths", faults) };
            if let Some(node) = paths {
                touches.paths = parse_each(node, faults, PathPattern::new);
            }
            touches.ignored_paths = read_list(&mut map, "ignore", faults, PathPattern::new);
            map.refuse_unknown_keys(faults);
        } else {
            touches.paths = parse_each(node, faults, PathPattern::new);
        }
        (before == faults.len()).then_some(touches)
    }

    pub(crate) fn add_needs(&self, needs: &mut NeededFacts) {
        needs.insert(FactKind::Paths);
        if self.kinds.iter().any(|kind| kind.entry_kind().is_some()) {
            needs.insert(FactKind::FileKinds);
        }
    }

    pub(crate) fn describe(&self) -> Message {
        QUESTION.with("paths", self.describe_paths())
    }

    /// Describes the contrary, which has a shorter form where every path is meant.
    pub(crate) fn describe_contrary(&self) -> Message {
        if self.asks_any_path() {
            return Message::from(&QUESTION_NO_FILE);
        }
        QUESTION_NOT.with("paths", self.describe_paths())
    }

    pub(crate) fn evaluate(&self, context: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        let mut missing = None;
        for diff in context.change.list_diffs() {
            let paths = match diff.paths {
                Ok(paths) => paths,
                Err(gap) => {
                    // Another commit may still touch the path, which settles it without this one.
                    missing = Some(gap.clone());
                    continue;
                }
            };
            for path in paths {
                if !self.matches_path(&path.path) {
                    continue;
                }
                match self.matches_kind(path) {
                    Some(true) => return Ok(PredicateOutcome::Holds),
                    Some(false) => {}
                    None => {
                        let why = "the list of changed files does not say of which kind they are";
                        missing = Some(Missing::Unavailable(FactKind::FileKinds, why.into()));
                    }
                }
            }
        }
        match missing {
            Some(gap) => Err(gap),
            None => Ok(PredicateOutcome::Fails(vec![
                context.reason_or_empty(|| Finding::new(NOT_TOUCHED.with("paths", self.describe_paths()))),
            ])),
        }
    }

    /// Returns whether the change of a path is one of the kinds; `None` if that cannot be known.
    fn matches_kind(&self, change: &PathChange) -> Option<bool> {
        if self.kinds.is_empty() {
            return Some(true);
        }
        let mut is_known = true;
        for kind in &self.kinds {
            match kind.matches_change(change) {
                Some(true) => return Some(true),
                Some(false) => {}
                None => is_known = false,
            }
        }
        is_known.then_some(false)
    }

    fn matches_path(&self, path: &Text) -> bool {
        let is_folder = || self.paths.iter().any(|pattern| pattern.looks_below(path.as_bytes()));
        (self.paths.is_empty() || matches_any_pattern(&self.paths, path) || is_folder())
            && !matches_any_pattern(&self.ignored_paths, path)
    }

    fn describe_paths(&self) -> Message {
        let mut described = match self.paths.is_empty() {
            true => Message::from(&ANYTHING),
            false => ANY_OF.with("paths", quote_patterns(&self.paths)),
        };
        if !self.ignored_paths.is_empty() {
            described = OUTSIDE.with("paths", described).with("ignored", quote_patterns(&self.ignored_paths));
        }
        if !self.kinds.is_empty() {
            let mut kinds = Vec::new();
            for wanted in &self.kinds {
                for (word, kind) in &PATH_CHANGE_WORDS {
                    if kind == wanted {
                        kinds.push(*word);
                    }
                }
            }
            described = OF_KINDS.with("paths", described).with("kinds", kinds);
        }
        described
    }
}

impl PathChangeKind {
    /// Returns the kind of file that this is about; `None` for what comes and goes.
    fn entry_kind(self) -> Option<PathEntryKind> {
        match self {
            PathChangeKind::Addition | PathChangeKind::Deletion => None,
            PathChangeKind::Executable => Some(PathEntryKind::Executable),
            PathChangeKind::Submodule => Some(PathEntryKind::Submodule),
            PathChangeKind::Symlink => Some(PathEntryKind::Symlink),
        }
    }

    /// Returns whether this happens to a path; `None` if that cannot be known.
    fn matches_change(self, change: &PathChange) -> Option<bool> {
        let Some(wanted) = self.entry_kind() else {
            let absent_side = if self == PathChangeKind::Addition { &change.before } else { &change.after };
            return Some(absent_side.is_none());
        };
        let mut is_known = true;
        for entry in change.before.iter().chain(&change.after) {
            if entry.kind == wanted {
                return Some(true);
            }
            is_known &= entry.kind != PathEntryKind::Unknown;
        }
        is_known.then_some(false)
    }
}

#[cfg(test)]
mod tests {
    use crate::change::{FactKind, Missing, Text};
    use crate::predicates::support::examples::{
        answer_edited, answer_example, finding_texts, question_faults,
    };

    fn says(question: &str, commits: &str) -> Vec<String> {
        finding_texts(&answer_example(&format!(
            "ask: {{ touches: {question} }}\nchange: {{ commits: [{commits}] }}"
        )))
    }

    #[test]
    fn one_path_of_one_commit_is_enough() {
        assert_eq!(says("'infra/**'", "{ paths: [a] }, { paths: [b, infra/x] }, { paths: [c] }"), [""; 0]);
        assert_eq!(
            says("['infra/**', 'iam/']", "{ paths: [a, xinfra/x, x/infra/y] }, {}"),
            ["this change does not touch `infra/**` or `iam/`"]
        );
        // Merges are commits.
        assert_eq!(says("'infra/**'", "{ merge: true, paths: [infra/x] }"), [""; 0]);
    }

    #[test]
    fn both_sides_of_a_rename_and_every_kind_of_change_count() {
        let rename = "{ paths: [{ path: infra/x, now: nothing }, { path: tmp/x, was: nothing }] }";
        assert_eq!(says("'infra/**'", rename), [""; 0]);
        assert_eq!(says("'tmp/**'", rename), [""; 0]);
        for side in ["was", "now"] {
            for kind in ["symlink", "submodule", "executable"] {
                let commit = format!("{{ paths: [{{ path: a, {side}: {kind} }}] }}");
                assert_eq!(says("a", &commit), [""; 0]);
                assert_eq!(says(&format!("{{ kinds: {kind} }}"), &commit), [""; 0]);
                assert_eq!(
                    says("{ kinds: [addition, deletion] }", &commit),
                    ["this change does not touch anything of the kind addition or deletion"]
                );
            }
        }
    }

    #[test]
    fn what_takes_the_place_of_a_folder_touches_it() {
        for kind in ["symlink", "submodule", "file"] {
            for (pattern, path) in
                [("infra/**", "infra"), ("iam/", "x/iam"), ("/.github/workflows/**", ".github")]
            {
                let commit = format!("{{ paths: [{{ path: {path}, now: {kind} }}] }}");
                assert_eq!(says(&format!("'{pattern}'"), &commit), [""; 0], "{pattern} {kind}");
            }
        }
    }

    #[test]
    fn ignored_paths_do_not_count_and_the_others_still_do() {
        let question = "{ paths: ['infra/**'], ignore: ['*.md'], kinds: [addition, deletion] }";
        assert_eq!(says(question, "{ paths: [infra/a.tf, { path: infra/b.md, was: nothing }] }").len(), 1);
        assert_eq!(says(question, "{ paths: [{ path: infra/c.tf, was: nothing }] }"), [""; 0]);
    }

    #[test]
    fn paths_are_bytes_and_no_quoting_hides_them() {
        for path in [
            &b"infra/\xff\xfe"[..],
            "infra/\u{43a}\u{43b}\u{44e}\u{447}".as_bytes(),
            b"infra/a\nb",
            b"infra/-x",
            b"infra/\"q\"",
        ] {
            let text = "ask: { touches: 'infra/**' }\nchange: { commits: [{ paths: [x] }] }";
            let answer = answer_edited(text, |change| {
                change.commits[0].paths.as_mut().unwrap()[0].path = Text::from(path)
            });
            assert_eq!(finding_texts(&answer), [""; 0], "{path:?}");
        }
    }

    #[test]
    fn what_is_not_known_touches_and_does_not_touch() {
        let unknown = "change: { unknown: [paths], commits: [{ paths: [infra/x] }] }";
        for ask in ["{ touches: 'infra/**' }", "{ touches: a }", "{ not: { touches: a } }"] {
            let found = finding_texts(&answer_example(&format!("ask: {ask}\n{unknown}")));
            assert!(found[0].starts_with("unknown: the changed files"), "{found:?}");
        }
        // One commit that is known to touch it settles the question, whatever the others do.
        for forgotten in [0, 1] {
            let text = "ask: { touches: a }\nchange: { commits: [{ paths: [a] }, { paths: [a] }] }";
            let answer = answer_edited(text, |change| {
                change.commits[forgotten].paths = Err(Missing::NotConfigured(FactKind::Paths))
            });
            assert_eq!(finding_texts(&answer), [""; 0]);
        }
    }

    #[test]
    fn a_question_that_asks_nothing_is_refused() {
        for question in [
            "[]",
            "{}",
            "{ ignore: [a] }",
            "{ kinds: [rename] }",
            "'!a'",
            "{ paths: [], kinds: symlink }",
            "{ paths: [a], kind: symlink }",
        ] {
            assert_eq!(question_faults(&format!("ask: {{ touches: {question} }}")).len(), 1, "{question}");
        }
    }
}
