//! `merge`: what the merges of a change may hold.
//!
//! Merges are commits like all others: predicates about paths, messages or signatures see them too.
//! Only this predicate asks what a merge adds that comes from none of its parents.

use crate::change::{Commit, FactKind, Missing, NeededFacts};
use crate::predicates::support::context::{EvaluationContext, PolicyScope};
use crate::predicates::support::documentation::PredicateDoc;
use crate::predicates::support::map_keys::{read_choice_key, read_key};
use crate::predicates::support::outcome::PredicateOutcome;
use crate::predicates::support::parameters::{commit_finding, list_paths};
use crate::verdict::{Finding, Message, messages};
use crate::yaml::decode::{MapReader, read_at_most, read_choice};
use crate::yaml::{YamlFault, YamlNode, YamlValue};

messages! {
    QUESTION = "merge.question": "{parts+, and }";
    QUESTION_CLEAN = "merge.question-clean": "no merge has content of its own";
    QUESTION_NOT_CLEAN = "merge.question-not-clean": "a merge has content of its own";
    QUESTION_A_MERGE = "merge.question-a-merge": "there is a merge";
    QUESTION_NO_MERGES = "merge.question-no-merges": "there is no merge";
    QUESTION_PARENTS = "merge.question-parents": "no merge has more than {count} {count:parent|parents}";
    TOO_MANY_PARENTS = "merge.too-many-parents": "this merge has {parents} parents; at most {limit} {limit:is|are} allowed";
    NOT_ALLOWED = "merge.not-allowed": "this is a merge, and merges are not allowed";
    OWN_CONTENT = "merge.own-content": "this merge has content of its own in {paths}";
}

/// The documentation for policy authors.
pub(crate) const DOC: PredicateDoc = PredicateDoc {
    name: "merge",
    summary: "The merges in the change add nothing of their own.",
    why: "Content that is typed while merging is in neither of the reviewed branches, and most tools do not show \
          it. Work that a merge throws away is such content, too.",
    parameters: "\
- `clean`: no merge has content of its own, beyond what its parents and a merge without conflicts give. Where Git stops \
with a conflict (also if one side renames a file and the other one deletes it), somebody has decided, and the merge has \
content of its own whatever it holds. `merge.directoryRenames` counts as `false`;
- `none`: there are no merges at all;
- `parents: { at-most: N }`: no merge has more than that many parents;
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

/// The parameters of `merge`.
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
    /// Returns the greatest number of parents that a merge may have, where that is asked.
    pub(crate) fn max_parents(&self) -> Option<u64> {
        self.max_parents
    }

    /// Returns whether a change of which the largest merge has so many parents is accepted; with one parent, it has
    /// no merge.
    pub(crate) fn answer_assumed(&self, parents: u64, is_clean: bool) -> bool {
        let is_content_accepted = match self.required_content {
            Some(MergeContent::NoMerges) => parents < 2,
            Some(MergeContent::Clean) => parents < 2 || is_clean,
            None => true,
        };
        is_content_accepted && (parents < 2 || self.max_parents.is_none_or(|limit| parents <= limit))
    }

    pub(crate) fn read_parameters(
        node: &YamlNode,
        _: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let before = faults.len();
        let merge = if let YamlValue::Map(_) = &node.value {
            let mut map = MapReader::new(node, faults)?;
            let required_content = read_choice_key(&mut map, "content", faults, &MERGE_CONTENT_WORDS);
            let max_parents = read_key(&mut map, "parents", faults, read_at_most);
            map.refuse_unknown_keys(faults);
            MergePredicate { required_content, max_parents }
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

    /// Describes the contrary, if one sentence says it.
    pub(crate) fn describe_contrary(&self) -> Option<Message> {
        match (&self.required_content, self.max_parents) {
            (Some(MergeContent::Clean), None) => Some(Message::from(&QUESTION_NOT_CLEAN)),
            (Some(MergeContent::NoMerges), None) => Some(Message::from(&QUESTION_A_MERGE)),
            _ => None,
        }
    }

    pub(crate) fn describe(&self) -> Message {
        let mut parts = Vec::new();
        match self.required_content {
            Some(MergeContent::Clean) => parts.push(Message::from(&QUESTION_CLEAN)),
            Some(MergeContent::NoMerges) => parts.push(Message::from(&QUESTION_NO_MERGES)),
            None => {}
        }
        if let Some(limit) = self.max_parents {
            parts.push(QUESTION_PARENTS.with("count", limit));
        }
        QUESTION.with("parts", parts)
    }

    pub(crate) fn evaluate(&self, context: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        let mut findings = Vec::new();
        let mut missing = None;
        for commit in &context.change.commits {
            if !commit.is_merge() {
                continue;
            }
            let parents = u64::try_from(commit.parents.len()).unwrap_or(u64::MAX);
            if let Some(limit) = self.max_parents
                && parents > limit
            {
                let message = TOO_MANY_PARENTS.with("parents", parents).with("limit", limit);
                findings.push(commit_finding(commit, message));
            }
            match (self.required_content, &commit.evil_merge_paths) {
                (Some(MergeContent::NoMerges), _) => findings.push(commit_finding(commit, &NOT_ALLOWED)),
                (Some(MergeContent::Clean), Ok(paths)) if paths.is_empty() => {}
                (Some(MergeContent::Clean), Ok(_)) => findings.push(own_content_finding(commit)),
                (Some(MergeContent::Clean), Err(gap)) => missing = Some(gap.clone()),
                (None, _) => {}
            }
        }
        PredicateOutcome::from_findings_or_missing(findings, missing)
    }
}

fn own_content_finding(commit: &Commit) -> Finding {
    let paths: Vec<_> = commit.evil_merge_paths.iter().flatten().collect();
    commit_finding(commit, OWN_CONTENT.with("paths", list_paths(&paths)))
}

#[cfg(test)]
mod tests {
    use crate::change::Oid;
    use crate::predicates::support::examples::{
        answer_edited, answer_example, finding_texts, question_faults,
    };

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
        assert_eq!(
            says("{ content: none }", "{}, { merge: true }"),
            ["this is a merge, and merges are not allowed"]
        );
    }

    #[test]
    fn parents_are_counted() {
        let ask = "ask: { merge: { parents: { at-most: 2 } } }\nchange: { commits: [{ merge: true }] }";
        assert_eq!(finding_texts(&answer_example(ask)), [""; 0]);
        let octopus = |parent: u8| Oid::from_bytes(&[parent; 20]).unwrap();
        let answer = answer_edited(ask, |change| change.commits[0].parents = (0..22).map(octopus).collect());
        assert_eq!(finding_texts(&answer), ["this merge has 22 parents; at most 2 are allowed"]);
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
