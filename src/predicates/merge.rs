//! `merge`: what the merges of a change may hold.
//!
//! Merges are commits like all others: whatever asks about paths, messages or signatures sees them
//! too. Only this predicate asks what a merge adds that none of its parents accounts for.

use super::parameters::{about, allowed, at_most, counted, list};
use super::{Doc, Known, Reply, Seen};
use crate::change::{Commit, Missing, Need, Needs};
use crate::verdict::Line;
use crate::yaml::decode::{Map, choice};
use crate::yaml::{Fault, Node, Value};

/// What a policy's author reads about it.
pub const DOC: Doc = Doc {
    name: "merge",
    asks: "The merges in the change bring in nothing that was not there before them.",
    why: "What is typed while a merge is being made stands in neither of the branches that were reviewed, and most \
          tools do not show it. Work that a merge throws away is such content as well.",
    parameters: "\
- `clean`: no merge has content of its own, beyond what its parents and a merge without conflicts give;
- `none`: there are no merges at all;
- `parents: { at-most: N }`: no merge has more parents than that;
- as a map, `content: clean` or `content: none` can stand beside `parents`.",
    passes: "
ask: { merge: clean }
change:
  commits:
    - { message: Cache the tenant lookup }
    - { message: Merge branch cache, merge: true }
",
    fails: "
ask: { merge: clean }
change:
  commits:
    - { message: Merge branch cache, merge: true, own-content: [src/token.rs] }
",
};

/// The question.
#[derive(Clone, Debug, PartialEq)]
pub struct Merge {
    content: Option<Content>,
    parents: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Clean,
    None,
}

const CONTENTS: [(&str, Content); 2] = [("clean", Content::Clean), ("none", Content::None)];

impl Merge {
    pub(super) fn read(node: &Node, _: &Known<'_>, faults: &mut Vec<Fault>) -> Option<Self> {
        let before = faults.len();
        let merge = if let Value::Map(_) = &node.value {
            let mut map = Map::new(node, faults)?;
            let content = map.get("content").and_then(|node| choice(node, &CONTENTS, faults));
            let parents = map.get("parents").and_then(|node| at_most(node, faults));
            map.finish(faults);
            Merge { content, parents }
        } else {
            Merge { content: Some(choice(node, &CONTENTS, faults)?), parents: None }
        };
        if before == faults.len() && merge.content.is_none() && merge.parents.is_none() {
            faults.push(Fault::new(node.at, "expected one of content, parents"));
        }
        (before == faults.len()).then_some(merge)
    }

    pub(super) fn needs(&self, needs: &mut Needs) {
        if self.content == Some(Content::Clean) {
            needs.insert(Need::OwnContent);
        }
    }

    pub(super) fn words(&self) -> String {
        let content = self.content.map(|content| match content {
            Content::Clean => "no merge has content of its own".to_owned(),
            Content::None => "there is no merge".to_owned(),
        });
        let parents = self.parents.map(|most| format!("no merge has more than {}", counted(most, "parent")));
        content.into_iter().chain(parents).collect::<Vec<_>>().join(", and ")
    }

    pub(super) fn ask(&self, seen: &Seen<'_>) -> Result<Reply, Missing> {
        let mut findings = Vec::new();
        let mut missing = None;
        for commit in seen.change.commits.iter().filter(|commit| commit.is_merge()) {
            let parents = u64::try_from(commit.parents.len()).unwrap_or(u64::MAX);
            if let Some(most) = self.parents.filter(|most| *most < parents) {
                let what = format!("this merge has {parents} parents, and {}", allowed(most));
                findings.push(about(commit, Line::say(what)));
            }
            match (self.content, &commit.own_content) {
                (Some(Content::None), _) => findings.push(about(commit, Line::say("this is a merge"))),
                (Some(Content::Clean), Ok(paths)) if paths.is_empty() => {}
                (Some(Content::Clean), Ok(_)) => findings.push(about(commit, own(commit))),
                (Some(Content::Clean), Err(gap)) => missing = Some(gap.clone()),
                (None, _) => {}
            }
        }
        Reply::settle(findings, missing)
    }
}

fn own(commit: &Commit) -> Line {
    let paths: Vec<_> = commit.own_content.iter().flatten().collect();
    list(Line::say("this merge has content of its own in "), &paths)
}

#[cfg(test)]
mod tests {
    use super::super::examples::{edited, example, faults, texts};
    use crate::change::Oid;

    fn says(question: &str, commits: &str) -> Vec<String> {
        texts(&example(&format!("ask: {{ merge: {question} }}\nchange: {{ commits: [{commits}] }}")))
    }

    #[test]
    fn a_merge_with_content_of_its_own_is_not_clean() {
        assert_eq!(says("clean", "{}, { merge: true }"), [""; 0]);
        let found = says("clean", "{ merge: true, own-content: [a, \"b\\e[2J\"] }, {}");
        assert_eq!(found, ["this merge has content of its own in `a`, `b\u{1b}[2J`"]);
    }

    #[test]
    fn a_long_list_of_paths_is_cut() {
        let paths: Vec<_> = (0..12).map(|number| format!("f{number}")).collect();
        let found = says("clean", &format!("{{ merge: true, own-content: [{}] }}", paths.join(", ")));
        assert!(found[0].ends_with("`f8`, `f9` and 2 more"), "{found:?}");
    }

    #[test]
    fn none_means_no_merge_at_all() {
        assert_eq!(says("none", "{}, {}"), [""; 0]);
        assert_eq!(says("{ content: none }", "{}, { merge: true }"), ["this is a merge"]);
    }

    #[test]
    fn parents_are_counted() {
        let ask = "ask: { merge: { parents: { at-most: 2 } } }\nchange: { commits: [{ merge: true }] }";
        assert_eq!(texts(&example(ask)), [""; 0]);
        let octopus = |parent: u8| Oid::from_bytes(&[parent; 20]).unwrap();
        let answer = edited(ask, |change| change.commits[0].parents = (0..22).map(octopus).collect());
        assert_eq!(texts(&answer), ["this merge has 22 parents, and at most 2 are allowed"]);
    }

    #[test]
    fn what_is_not_known_about_a_merge_is_not_clean() {
        let unknown = "change: { unknown: [own-content], commits: [{}, { merge: true }] }";
        for ask in ["{ merge: clean }", "{ not: { merge: clean } }"] {
            let found = texts(&example(&format!("ask: {ask}\n{unknown}")));
            assert!(found[0].starts_with("unknown: "), "{found:?}");
        }
        assert_eq!(texts(&example(&format!("ask: {{ merge: none }}\n{unknown}"))).len(), 1);
        // Commits that are no merges have nothing to know.
        let plain = "change: { unknown: [own-content], commits: [{}] }";
        assert_eq!(texts(&example(&format!("ask: {{ merge: clean }}\n{plain}"))), [""; 0]);
    }

    #[test]
    fn a_question_that_asks_nothing_is_refused() {
        for question in ["{}", "squash", "{ parents: 2 }", "{ content: clean, parent: { at-most: 2 } }"] {
            assert_eq!(faults(&format!("ask: {{ merge: {question} }}")).len(), 1, "{question}");
        }
    }
}
