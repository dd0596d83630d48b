//! `title`: the title of a pull request.

use crate::change::{FactKind, Missing, NeededFacts};
use crate::predicates::support::context::{EvaluationContext, PolicyScope};
use crate::predicates::support::documentation::PredicateDoc;
use crate::predicates::support::outcome::PredicateOutcome;
use crate::predicates::support::wording::{WordingRequirement, list_line_requirements, open_wording_map};
use crate::verdict::{Finding, Message, messages};
use crate::yaml::{YamlFault, YamlNode};

messages! {
    QUESTION = "title.question": "the title of the pull request {parts/and}";
    UNACCEPTABLE = "title.unacceptable": "the title {title} {reason}";
}

/// The documentation for policy authors.
pub(crate) const DOC: PredicateDoc = PredicateDoc {
    name: "title",
    summary: "The pull request has a title of this form.",
    why: "Where changes are squashed, the title becomes the subject of the commit that lands. A title that is missing, \
          or that contains characters which control a terminal, always fails. Never let an \
          exemption rest on it: whoever opens the pull request types it.",
    parameters: "\
- `longest: N`: it has at most that many characters;
- `matches: REGEX`: the whole title matches this;
- `refuse: [words]`: it starts with none of these, in any case, such as `WIP`;
- all parameters that are given apply.",
    passing_example: "
ask: { title: { longest: 72, refuse: [WIP, 'Draft:'] } }
change:
  commits: [{}]
  pull: { title: Cache the tenant lookup }
",
    failing_example: "
ask: { title: { matches: '(Add|Cache|Drop|Fix) .*[^.]' } }
change:
  commits: [{}]
  pull: { title: caching. }
",
};

/// The parameters of `title`.
#[derive(Clone, Debug, PartialEq)]
pub struct TitlePredicate {
    wording: WordingRequirement,
}

impl TitlePredicate {
    pub(crate) fn read_parameters(
        node: &YamlNode,
        _: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let before = faults.len();
        let mut map = open_wording_map(node, faults)?;
        let wording = WordingRequirement::read_wording(&mut map, faults);
        map.refuse_unknown_keys(faults);
        (before == faults.len()).then_some(TitlePredicate { wording })
    }

    /// Returns true if titles of any usual kind are accepted.
    pub(crate) fn accepts_usual_titles(&self) -> bool {
        self.wording.accepts_usual_lines()
    }

    /// Returns true if no title surely keeps to this and to `other`.
    pub(crate) fn excludes(&self, other: &TitlePredicate) -> bool {
        self.wording.excludes(&other.wording)
    }

    pub(crate) fn add_needs(&self, needs: &mut NeededFacts) {
        needs.insert(FactKind::Pull);
    }

    pub(crate) fn describe(&self) -> Message {
        QUESTION.with("parts", list_line_requirements(self.wording.describe_parts()))
    }

    pub(crate) fn evaluate(&self, context: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        let title = &context.change.require_pull(FactKind::Pull)?.title;
        let reasons = match self.wording.find_violations(title) {
            Ok(reasons) => reasons,
            Err(reason) => vec![reason],
        };
        let mut findings = Vec::new();
        for reason in reasons {
            findings.push(Finding::new(UNACCEPTABLE.with("title", title).with("reason", reason)));
        }
        Ok(PredicateOutcome::from_findings(findings))
    }
}

#[cfg(test)]
mod tests {
    use crate::change::Text;
    use crate::predicates::support::examples::{
        answer_edited, answer_example, finding_texts, question_faults,
    };

    fn says(question: &str, title: impl Into<Text>) -> Vec<String> {
        let title = title.into();
        let text = format!("ask: {{ title: {question} }}\nchange: {{ commits: [{{}}], pull: {{}} }}");
        finding_texts(&answer_edited(&text, |change| change.pull.as_mut().unwrap().title = title.clone()))
    }

    #[test]
    fn every_reason_is_given() {
        assert_eq!(says("{ longest: 72, refuse: [wip] }", "Cache the tenant lookup"), [""; 0]);
        assert_eq!(
            says("{ longest: 5, matches: '[A-Z].*', refuse: [wip] }", "wip: x"),
            [
                "the title `wip: x` has 6 characters; at most 5 are allowed",
                "the title `wip: x` does not match `[A-Z].*`",
                "the title `wip: x` starts with `wip`",
            ]
        );
    }

    #[test]
    fn a_title_that_says_nothing_or_hides_something_is_never_accepted() {
        for title in ["", " ", "\u{200b}", "a\u{1b}[2Jb", "a\nb", "a\u{202e}b"] {
            assert_eq!(says("{ longest: 72 }", title).len(), 1, "{title:?}");
        }
        assert_eq!(says("{ longest: 72 }", &b"a\xff"[..]).len(), 1);
    }

    #[test]
    fn without_a_pull_request_nobody_knows_its_title() {
        for (stage, word) in [("check", "not known at this stage"), ("pre-receive", "not configured here")] {
            let text = format!("ask: {{ title: {{}} }}\nchange: {{ stage: {stage}, commits: [{{}}] }}");
            let found = finding_texts(&answer_example(&text));
            assert!(found[0].starts_with("unknown: ") && found[0].contains(word), "{found:?}");
        }
    }

    #[test]
    fn a_question_that_cannot_be_meant_is_refused() {
        for question in ["{ longest: 0 }", "{ matches: '(' }", "{ refuse: [] }", "{ body: true }", "WIP"] {
            assert_eq!(question_faults(&format!("ask: {{ title: {question} }}")).len(), 1, "{question}");
        }
    }
}
