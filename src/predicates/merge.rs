//! `merge`: what the merges of a change may hold.
//!
//! Merges are commits like all others: whatever asks about paths, messages or signatures sees them
//! too. Only this predicate asks what a merge adds that none of its parents accounts for.

use crate::change::{Commit, FactKind, Missing, NeededFacts};
use crate::predicates::parameters::{
    append_paths, commit_finding, describe_limit, format_count, read_at_most,
};
use crate::predicates::{EvaluationContext, PolicyScope, PredicateDoc, PredicateOutcome};
use crate::verdict::Sentence;
use crate::verdict::messages;
use crate::yaml::decode::{MapReader, read_choice};
use crate::yaml::{YamlFault, YamlNode, YamlValue};

messages! {}

/// What a policy's author reads about it.
pub const DOC: PredicateDoc = PredicateDoc {
    name: "merge",
    summary: "The merges in the change bring in nothing that was not there before them.",
    why: "What is typed while a merge is being made stands in neither of the branches that were reviewed, and most \
          tools do not show it. Work that a merge throws away is such content as well.",
    parameters: "\
- `clean`: no merge has content of its own, beyond what its parents and a merge without conflicts give;
- `none`: there are no merges at all;
- `parents: { at-most: N }`: no merge has more parents than that;
- as a map, `content: clean` or `content: none` can stand beside `parents`.",
    passing_example: "
ask: { merge: clean }
change:
  commits:
    - { message: Cache the tenant lookup }
    - { message: Merge branch cache, merge: true }
",
    failing_example: "
ask: { merge: clean }
change:
  commits:
    - { message: Merge branch cache, merge: true, own-content: [src/token.rs] }
",
};

/// The question.
#[derive(Clone, Debug, PartialEq)]
pub struct MergePredicate {
    required_content: Option<MergeContent>,
    max_parents: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MergeContent {
    Clean,
    NoMerges,
}

const MERGE_CONTENT_WORDS: [(&str, MergeContent); 2] =
    [("clean", MergeContent::Clean), ("none", MergeContent::NoMerges)];

impl MergePredicate {
    pub(crate) fn read_parameters(
        node: &YamlNode,
        _: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let before = faults.len();
        let merge = if let YamlValue::Map(_) = &node.value {
            let mut map = MapReader::new(node, faults)?;
            let content =
                map.find_key("content").and_then(|node| read_choice(node, &MERGE_CONTENT_WORDS, faults));
            let parents = map.find_key("parents").and_then(|node| read_at_most(node, faults));
            map.refuse_unknown_keys(faults);
            MergePredicate { required_content: content, max_parents: parents }
        } else {
            MergePredicate {
                required_content: Some(read_choice(node, &MERGE_CONTENT_WORDS, faults)?),
                max_parents: None,
            }
        };
        if before == faults.len() && merge.required_content.is_none() && merge.max_parents.is_none() {
            faults.push(YamlFault::new(node.at, "expected one of content, parents"));
        }
        (before == faults.len()).then_some(merge)
    }

    pub(crate) fn add_needs(&self, needs: &mut NeededFacts) {
        if self.required_content == Some(MergeContent::Clean) {
            needs.insert(FactKind::EvilMerges);
        }
    }

    pub(crate) fn describe(&self) -> String {
        let content = self.required_content.map(|content| match content {
            MergeContent::Clean => "no merge has content of its own".to_owned(),
            MergeContent::NoMerges => "there is no merge".to_owned(),
        });
        let parents =
            self.max_parents.map(|most| format!("no merge has more than {}", format_count(most, "parent")));
        content.into_iter().chain(parents).collect::<Vec<_>>().join(", and ")
    }

    pub(crate) fn evaluate(&self, seen: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        let mut findings = Vec::new();
        let mut missing = None;
        for commit in seen.change.commits.iter().filter(|commit| commit.is_merge()) {
            let parents = u64::try_from(commit.parents.len()).unwrap_or(u64::MAX);
            if let Some(most) = self.max_parents.filter(|most| *most < parents) {
                let what = format!("this merge has {parents} parents, and {}", describe_limit(most));
                findings.push(commit_finding(commit, Sentence::from_words(what)));
            }
            match (self.required_content, &commit.evil_merge_paths) {
                (Some(MergeContent::NoMerges), _) => {
                    findings.push(commit_finding(commit, Sentence::from_words("this is a merge")))
                }
                (Some(MergeContent::Clean), Ok(paths)) if paths.is_empty() => {}
                (Some(MergeContent::Clean), Ok(_)) => {
                    findings.push(commit_finding(commit, describe_own_content(commit)))
                }
                (Some(MergeContent::Clean), Err(gap)) => missing = Some(gap.clone()),
                (None, _) => {}
            }
        }
        PredicateOutcome::from_findings_or_missing(findings, missing)
    }
}

fn describe_own_content(commit: &Commit) -> Sentence {
    let paths: Vec<_> = commit.evil_merge_paths.iter().flatten().collect();
    append_paths(Sentence::from_words("this merge has content of its own in "), &paths)
}

#[cfg(test)]
mod tests {
    use crate::change::Oid;
    use crate::predicates::examples::{answer_edited, answer_example, finding_texts, question_faults};

    fn says(question: &str, commits: &str) -> Vec<String> {
        finding_texts(&answer_example(&format!(
            "ask: {{ merge: {question} }}\nchange: {{ commits: [{commits}] }}"
        )))
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
        assert_eq!(finding_texts(&answer_example(ask)), [""; 0]);
        let octopus = |parent: u8| Oid::from_bytes(&[parent; 20]).unwrap();
        let answer = answer_edited(ask, |change| change.commits[0].parents = (0..22).map(octopus).collect());
        assert_eq!(finding_texts(&answer), ["this merge has 22 parents, and at most 2 are allowed"]);
    }

    #[test]
    fn what_is_not_known_about_a_merge_is_not_clean() {
        let unknown = "change: { unknown: [own-content], commits: [{}, { merge: true }] }";
        for ask in ["{ merge: clean }", "{ not: { merge: clean } }"] {
            let found = finding_texts(&answer_example(&format!("ask: {ask}\n{unknown}")));
            assert!(found[0].starts_with("unknown: "), "{found:?}");
        }
        assert_eq!(finding_texts(&answer_example(&format!("ask: {{ merge: none }}\n{unknown}"))).len(), 1);
        // Commits that are no merges have nothing to know.
        let plain = "change: { unknown: [own-content], commits: [{}] }";
        assert_eq!(finding_texts(&answer_example(&format!("ask: {{ merge: clean }}\n{plain}"))), [""; 0]);
    }

    #[test]
    fn a_question_that_asks_nothing_is_refused() {
        for question in ["{}", "squash", "{ parents: 2 }", "{ content: clean, parent: { at-most: 2 } }"] {
            assert_eq!(question_faults(&format!("ask: {{ merge: {question} }}")).len(), 1, "{question}");
        }
    }
}
