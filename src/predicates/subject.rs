//! `subject`: the first line of commit messages, and whether they have a body.
//!
//! What trailers say is for `field` and `ticket`; whether git reads them at all, for `trailers`.

use crate::change::{Commit, CommitMessage, Missing, NeededFacts, Text};
use crate::predicates::support::context::{EvaluationContext, PolicyScope};
use crate::predicates::support::documentation::PredicateDoc;
use crate::predicates::support::map_keys::read_key;
use crate::predicates::support::outcome::PredicateOutcome;
use crate::predicates::support::parameters::commit_finding;
use crate::predicates::support::wording::{
    WordingRequirement, has_visible_text, list_line_requirements, open_wording_map,
};
use crate::verdict::{Message, messages};
use crate::yaml::decode::read_bool;
use crate::yaml::{YamlFault, YamlNode};

messages! {
    QUESTION = "subject.question": "the subject of every commit {parts/and}";
    QUESTION_WITHOUT_MERGES = "subject.question-without-merges":
        "the subject of every commit that is no merge {parts/and}";
    QUESTION_BODY = "subject.question-body": "is followed by text";
    UNACCEPTABLE = "subject.unacceptable": "the subject {subject} {reason}";
    NO_BODY = "subject.no-body": "is not followed by any text";
}

/// The documentation for policy authors.
pub(crate) const DOC: PredicateDoc = PredicateDoc {
    name: "subject",
    summary: "Every commit of the change has a subject of this form.",
    why: "The subject is what a log, a release note and an auditor see of a commit. A subject that is missing, or that \
          contains characters which control a terminal, always fails. Never let an \
          exemption rest on it: anyone can type it.",
    parameters: "\
- `longest: N`: it has at most that many characters;
- `matches: REGEX`: the whole subject matches this;
- `refuse: [words]`: it starts with none of these, in any case, such as `fixup!`;
- `body: true`: there is text between the subject and the trailers;
- `ignore-merges: true`: merges are left out;
- all parameters that are given apply.",
    passing_example: "
ask: { subject: { longest: 72, refuse: ['fixup!', 'squash!', WIP], body: true } }
change:
  commits:
    - message: |
        Cache the tenant lookup

        It took a third of each request.

        Risk: low
",
    failing_example: "
ask: { subject: { refuse: ['fixup!', 'squash!'] } }
change:
  commits:
    - message: 'fixup! Cache the tenant lookup'
",
};

/// The parameters of `subject`.
#[derive(Clone, Debug, PartialEq)]
pub struct SubjectPredicate {
    wording: WordingRequirement,
    requires_body: bool,
    ignore_merges: bool,
}

impl SubjectPredicate {
    pub(crate) fn read_parameters(
        node: &YamlNode,
        _: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let before = faults.len();
        let mut map = open_wording_map(node, faults)?;
        let wording = WordingRequirement::read_wording(&mut map, faults);
        let requires_body = read_key(&mut map, "body", faults, read_bool).unwrap_or(false);
        let ignore_merges = read_key(&mut map, "ignore-merges", faults, read_bool).unwrap_or(false);
        map.refuse_unknown_keys(faults);
        (before == faults.len()).then_some(SubjectPredicate { wording, requires_body, ignore_merges })
    }

    /// Returns true if subjects of any usual kind are accepted.
    pub(crate) fn accepts_usual_subjects(&self) -> bool {
        self.wording.accepts_usual_lines() && !self.requires_body
    }

    /// Returns true if no subject surely keeps to this and to `other`.
    /// A change of merges alone is left aside: it is none that rules about subjects are written for.
    pub(crate) fn excludes(&self, other: &SubjectPredicate) -> bool {
        self.wording.excludes(&other.wording)
    }

    pub(crate) fn add_needs(&self, _: &mut NeededFacts) {}

    pub(crate) fn describe(&self) -> Message {
        let mut parts = self.wording.describe_parts();
        if self.requires_body {
            parts.push(Message::from(&QUESTION_BODY));
        }
        let template = if self.ignore_merges { &QUESTION_WITHOUT_MERGES } else { &QUESTION };
        template.with("parts", list_line_requirements(parts))
    }

    pub(crate) fn evaluate(&self, context: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        let mut findings = Vec::new();
        for commit in &context.change.commits {
            if self.ignore_merges && commit.is_merge() {
                continue;
            }
            let subject = commit.message.subject();
            for reason in self.find_violations(commit, &subject) {
                let message = UNACCEPTABLE.with("subject", &subject).with("reason", reason);
                findings.push(commit_finding(commit, message));
            }
        }
        Ok(PredicateOutcome::from_findings(findings))
    }

    /// Returns what is wrong, in words that follow the subject.
    fn find_violations(&self, commit: &Commit, subject: &Text) -> Vec<Message> {
        let mut reasons = match self.wording.find_violations(subject) {
            Ok(reasons) => reasons,
            Err(reason) => return vec![reason],
        };
        if self.requires_body && !has_body(&commit.message) {
            reasons.push(Message::from(&NO_BODY));
        }
        reasons
    }
}

/// Returns true if there is text between the subject and the trailers.
fn has_body(message: &CommitMessage) -> bool {
    let raw = message.raw().as_bytes();
    let Some(first) = message.trailers().first() else {
        return has_visible_text(&String::from_utf8_lossy(message.body()));
    };
    let mut above: Vec<u8> = Vec::new();
    for line in raw.split_inclusive(|byte| *byte == b'\n').take(first.line.saturating_sub(1)) {
        above.extend_from_slice(line);
    }
    let above = CommitMessage::new(Text::new(above));
    for line in above.body().split(|byte| *byte == b'\n') {
        // What `git cherry-pick -x` writes belongs to the trailers.
        let is_origin = line.starts_with(b"(cherry picked from commit ");
        if !is_origin && has_visible_text(&String::from_utf8_lossy(line)) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use crate::change::CommitMessage;
    use crate::predicates::support::examples::{
        answer_edited, answer_example, finding_texts, question_faults,
    };

    fn says(question: &str, message: &str) -> Vec<String> {
        let text = format!("ask: {{ subject: {question} }}\nchange: {{ commits: [{{}}] }}");
        finding_texts(&answer_edited(&text, |change| {
            change.commits[0].message = CommitMessage::new(message.into())
        }))
    }

    #[test]
    fn a_limit_is_inclusive_and_counts_characters() {
        assert_eq!(says("{ longest: 5 }", "\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\n"), [""; 0]);
        assert_eq!(
            says("{ longest: 5 }", "abc\ndef\n"),
            ["the subject `abc def` has 7 characters; at most 5 are allowed"]
        );
    }

    #[test]
    fn the_whole_subject_has_to_match() {
        let question = "{ matches: '(feat|fix): .+' }";
        assert_eq!(says(question, "feat: x\n"), [""; 0]);
        assert_eq!(says(question, "not feat: x\n").len(), 1);
        assert_eq!(question_faults("ask: { subject: { matches: '(a{1000}){1000}' } }").len(), 1);
        assert_eq!(says("{ matches: 'a*' }", &"a".repeat(5000)).len(), 1);
    }

    #[test]
    fn a_refused_beginning_is_refused_in_any_case() {
        for subject in ["fixup! x", "FIXUP! x", "wip", "WIP: x"] {
            assert_eq!(says("{ refuse: ['fixup!', WIP] }", subject).len(), 1, "{subject}");
        }
        assert_eq!(says("{ refuse: ['fixup!'] }", "Explain fixup! commits"), [""; 0]);
    }

    #[test]
    fn a_subject_that_is_not_there_or_hides_something_is_never_accepted() {
        for subject in ["", " \n\n", "\u{200b}", "---", "a\u{1b}[2Jb", "a\u{202e}b", "\u{3164}"] {
            assert_eq!(says("{ longest: 72 }", subject).len(), 1, "{subject:?}");
        }
        assert_eq!(says("{ longest: 72 }", "Sign \u{270d}\u{fe0f} it"), [""; 0]);
        let bytes = "ask: { subject: { longest: 72 } }\nchange: { commits: [{}] }";
        let answer = answer_edited(bytes, |change| {
            change.commits[0].message = CommitMessage::new((&b"a\xffb"[..]).into())
        });
        assert_eq!(finding_texts(&answer).len(), 1);
    }

    #[test]
    fn text_between_subject_and_trailers_is_a_body() {
        for message in ["s\n\nbody\n", "s\n\nbody\n\nA: b\n", "s\n\n\nbody\n\nA: b\nC: d\n"] {
            assert_eq!(says("{ body: true }", message), [""; 0], "{message}");
        }
        for message in [
            "s\n",
            "s\n\nA: b\n",
            "s\n\n...\n\nA: b\n",
            "s\n\n\u{200b}\n",
            "s\nt\n\nA: b\n",
            "s\n\n(cherry picked from commit abc)\nA: b\n",
        ] {
            assert_eq!(says("{ body: true }", message).len(), 1, "{message}");
        }
    }

    #[test]
    fn merges_are_asked_unless_the_policy_says_otherwise() {
        let merge = "change: { commits: [{ merge: true, message: Merge }] }";
        let ask = |question: &str| {
            finding_texts(&answer_example(&format!("ask: {{ subject: {question} }}\n{merge}")))
        };
        assert_eq!(ask("{ longest: 3 }").len(), 1);
        assert_eq!(ask("{ longest: 3, ignore-merges: true }"), [""; 0]);
    }

    #[test]
    fn a_question_that_cannot_be_meant_is_refused() {
        for question in [
            "{ longest: 0 }",
            "{ longest: '72' }",
            "{ matches: '(' }",
            "{ refuse: [] }",
            "{ body: yes }",
            "72",
        ] {
            assert_eq!(question_faults(&format!("ask: {{ subject: {question} }}")).len(), 1, "{question}");
        }
    }
}
