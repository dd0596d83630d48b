//! `touches`: whether the change has to do with certain paths.
//!
//! It is asked of every change, in `when` and in classes, so it stops at the first path that answers
//! it. Whether a change keeps to certain paths is for `only-touches`.

use super::parameters::{either, matched};
use super::{Doc, Known, Reply, Seen};
use crate::change::{Entry, EntryKind, Missing, Need, Needs, PathChange, Text};
use crate::pattern::PathPattern;
use crate::verdict::{Finding, Line};
use crate::yaml::decode::{Map, choice, each, items};
use crate::yaml::{Fault, Node, Value};

/// What a policy's author reads about it.
pub const DOC: Doc = Doc {
    name: "touches",
    asks: "At least one commit of the change changes one of these paths.",
    why: "What is at stake depends on what is touched: infrastructure, access rights, the gate itself. A rename \
          counts on both sides; so do deletions, new modes, links and submodules, and what one commit \
          changes and the next one takes back.",
    parameters: "\
- a pattern, or a list of them, as in a `.gitignore` at the root of the repository;
- as a map: `paths` with such a list, `ignore: [patterns]` for paths that do not count, and `kinds` for changes \
of these kinds only: `addition`, `deletion`, `executable`, `submodule`, `symlink` (for the last three, before or \
after the change); `paths` may be left out beside `kinds`.",
    passes: "
ask: { touches: ['infra/**', '**/iam/**'] }
change:
  commits:
    - paths: [src/lib.rs]
    - paths: [infra/network.tf]
",
    fails: "
ask: { touches: { kinds: [submodule], ignore: ['third-party/docs/**'] } }
change:
  commits:
    - paths:
        - src/lib.rs
        - { path: third-party/docs/theme, now: submodule }
",
};

/// The question.
#[derive(Clone, Debug, PartialEq)]
pub struct Touches {
    paths: Vec<PathPattern>,
    ignore: Vec<PathPattern>,
    kinds: Vec<Kind>,
}

/// What happens to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Addition,
    Deletion,
    Executable,
    Submodule,
    Symlink,
}

const KINDS: [(&str, Kind); 5] = [
    ("addition", Kind::Addition),
    ("deletion", Kind::Deletion),
    ("executable", Kind::Executable),
    ("submodule", Kind::Submodule),
    ("symlink", Kind::Symlink),
];

impl Touches {
    pub(super) fn read(node: &Node, _: &Known<'_>, faults: &mut Vec<Fault>) -> Option<Self> {
        let before = faults.len();
        let touches = if let Value::Map(_) = &node.value {
            let mut map = Map::new(node, faults)?;
            let kinds = map.get("kinds").map(|node| {
                items(node, faults).iter().filter_map(|item| choice(item, &KINDS, faults)).collect::<Vec<_>>()
            });
            let paths = if kinds.is_some() { map.get("paths") } else { map.require("paths", faults) };
            let paths = paths.map(|node| each(node, faults, PathPattern::new)).unwrap_or_default();
            let ignore =
                map.get("ignore").map(|node| each(node, faults, PathPattern::new)).unwrap_or_default();
            map.finish(faults);
            Touches { paths, ignore, kinds: kinds.unwrap_or_default() }
        } else {
            Touches { paths: each(node, faults, PathPattern::new), ignore: Vec::new(), kinds: Vec::new() }
        };
        (before == faults.len()).then_some(touches)
    }

    pub(super) fn needs(&self, needs: &mut Needs) {
        needs.insert(Need::Paths);
        if self.kinds.iter().any(|kind| !matches!(kind, Kind::Addition | Kind::Deletion)) {
            needs.insert(Need::Kinds);
        }
    }

    pub(super) fn words(&self) -> String {
        format!("the change touches {}", self.what())
    }

    pub(super) fn ask(&self, seen: &Seen<'_>) -> Result<Reply, Missing> {
        let mut missing = None;
        for diff in seen.change.diffs() {
            match diff.paths {
                Ok(paths) => {
                    for path in paths.iter().filter(|change| self.is_among(&change.path)) {
                        match self.is_of_kind(path) {
                            Some(true) => return Ok(Reply::Holds),
                            Some(false) => {}
                            None => {
                                let why = "whoever told which files change did not say so";
                                missing = Some(Missing::Unavailable(Need::Kinds, why.into()));
                            }
                        }
                    }
                }
                Err(gap) => missing = Some(gap.clone()),
            }
        }
        match missing {
            Some(gap) => Err(gap),
            None => {
                let why = || Finding::new(Line::say(format!("nothing here touches {}", self.what())));
                Ok(Reply::Fails(vec![seen.because(why)]))
            }
        }
    }

    /// Returns whether the change of a path is one of the kinds asked for; `None` if that cannot be
    /// told.
    fn is_of_kind(&self, change: &PathChange) -> Option<bool> {
        let answers = || self.kinds.iter().map(|kind| kind.is(change));
        if self.kinds.is_empty() || answers().any(|is| is == Some(true)) {
            return Some(true);
        }
        if answers().any(|is| is.is_none()) { None } else { Some(false) }
    }

    fn is_among(&self, path: &Text) -> bool {
        (self.paths.is_empty() || matched(&self.paths, path)) && !matched(&self.ignore, path)
    }

    fn what(&self) -> String {
        let kinds = self.kinds.iter().filter_map(|kind| KINDS.iter().find(|(_, known)| known == kind));
        let kinds: Vec<_> = kinds.map(|(word, _)| *word).collect();
        let mut what = if self.paths.is_empty() { "anything".to_owned() } else { either(&self.paths) };
        if !self.ignore.is_empty() {
            what.push_str(&format!(" outside {}", either(&self.ignore)));
        }
        if !kinds.is_empty() {
            what.push_str(&format!(" ({} only)", kinds.join(" or ")));
        }
        what
    }
}

impl Kind {
    fn is(self, change: &PathChange) -> Option<bool> {
        let either_side = |kind: EntryKind| {
            let has =
                |kind| change.before.iter().chain(&change.after).any(|entry: &Entry| entry.kind == kind);
            if has(kind) {
                Some(true)
            } else if has(EntryKind::Untold) {
                None
            } else {
                Some(false)
            }
        };
        match self {
            Kind::Addition => Some(change.before.is_none()),
            Kind::Deletion => Some(change.after.is_none()),
            Kind::Executable => either_side(EntryKind::Executable),
            Kind::Submodule => either_side(EntryKind::Submodule),
            Kind::Symlink => either_side(EntryKind::Symlink),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::examples::{edited, example, faults, texts};
    use crate::change::{Missing, Need, Text};

    fn says(question: &str, commits: &str) -> Vec<String> {
        texts(&example(&format!("ask: {{ touches: {question} }}\nchange: {{ commits: [{commits}] }}")))
    }

    #[test]
    fn one_path_of_one_commit_is_enough() {
        assert_eq!(says("'infra/**'", "{ paths: [a] }, { paths: [b, infra/x] }, { paths: [c] }"), [""; 0]);
        assert_eq!(
            says("['infra/**', 'iam/']", "{ paths: [a, xinfra/x, x/infra/y] }, {}"),
            ["nothing here touches `infra/**` or `iam/`"]
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
                    ["nothing here touches anything (addition or deletion only)"]
                );
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
            let answer =
                edited(text, |change| change.commits[0].paths.as_mut().unwrap()[0].path = Text::from(path));
            assert_eq!(texts(&answer), [""; 0], "{path:?}");
        }
    }

    #[test]
    fn what_is_not_known_touches_and_does_not_touch() {
        let unknown = "change: { unknown: [paths], commits: [{ paths: [infra/x] }] }";
        for ask in ["{ touches: 'infra/**' }", "{ touches: a }", "{ not: { touches: a } }"] {
            let found = texts(&example(&format!("ask: {ask}\n{unknown}")));
            assert!(found[0].starts_with("unknown: which files"), "{found:?}");
        }
        // One commit that is known to touch it settles the question, whatever the others do.
        for forgotten in [0, 1] {
            let text = "ask: { touches: a }\nchange: { commits: [{ paths: [a] }, { paths: [a] }] }";
            let answer = edited(text, |change| {
                change.commits[forgotten].paths = Err(Missing::NotConfigured(Need::Paths))
            });
            assert_eq!(texts(&answer), [""; 0]);
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
            assert_eq!(faults(&format!("ask: {{ touches: {question} }}")).len(), 1, "{question}");
        }
    }
}
