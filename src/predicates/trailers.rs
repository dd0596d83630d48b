//! `trailers`: whether git reads everything that was meant to be a trailer.
//!
//! What git does not see does not exist, so a slip is no bypass; but its author believes that it was
//! said. What trailers say is for `field`, `ticket` and `approvals`.

use crate::change::message::near_miss::{NearMiss, NearMissReason};
use crate::change::message::trailers::MessageCut;
use crate::change::{Commit, Missing, NeededFacts};
use crate::people::contributors::CO_AUTHOR_TRAILERS;
use crate::predicates::support::context::{EvaluationContext, PolicyScope};
use crate::predicates::support::documentation::PredicateDoc;
use crate::predicates::support::misplaced_trailer::choose_line_edit;
use crate::predicates::support::outcome::PredicateOutcome;
use crate::predicates::support::parameters::commit_finding;
use crate::verdict::{Finding, LineEdit, Message, messages};
use crate::yaml::decode::read_choice;
use crate::yaml::{YamlFault, YamlNode};

messages! {
    QUESTION = "trailers.question": "git reads as a trailer every line that was meant to be one";
    PROSE_AMONG_TRAILERS = "trailers.prose-among-trailers": "line {line} is not a trailer, but stands beside the {count} {count:trailer|trailers} that git reads";
    BLOCK_NOT_READ = "trailers.block-not-read": "line {line} is not a trailer, so git does not read the {count} {count:trailer|trailers} beside it";
    FIRST_PARAGRAPH = "trailers.first-paragraph": "{written} stands in the first paragraph, where git reads no trailers; leave a blank line before it";
    EARLIER_PARAGRAPH = "trailers.earlier-paragraph": "{written} stands above the last paragraph, which starts on line {last}; git reads trailers only there";
    AFTER_NUL = "trailers.after-nul": "{written} stands after a NUL on line {end}, which ends the message";
    AFTER_SCISSORS = "trailers.after-scissors": "{written} stands after a scissors line on line {end}, which ends the message";
    AFTER_DIVIDER = "trailers.after-divider": "{written} stands after the `---` on line {end}, which ends the message";
    CONTINUES_TRAILER = "trailers.continues-trailer": "{written} starts with white space, so it continues the trailer on line {continued}";
    INDENTED = "trailers.indented": "{written} starts with white space, so it is not a trailer";
    MISSPELT = "trailers.misspelt": "{written} is not a known key; the nearest one is `{key}`";
    INVISIBLE_CHARACTER = "trailers.invisible-character": "{written} is not `{key}`: it contains invisible characters";
    LOOK_ALIKE = "trailers.look-alike": "{written} is not `{key}`: it contains characters that only look alike";
    COLON_LOOK_ALIKE = "trailers.colon-look-alike":
        "this is no `{key}`: the sign behind {written} only looks like a colon";
    INVALID_KEY = "trailers.invalid-key": "{written} is not `{key}`: a key has only letters, digits and `-`";
}

/// The documentation for policy authors.
pub(crate) const DOC: PredicateDoc = PredicateDoc {
    name: "trailers",
    summary: "In every commit of the change, git reads everything that was meant to be a trailer.",
    why: "Git reads trailers from the last paragraph only, and one line of prose in it can undo them all, silently. \
          A misspelt key is read as another key, and one with a letter of another alphabet as none. Author and reader \
          both believe that it was said.",
    parameters: "\
- `clean`: no prose stands among the trailers; no key that the policy knows (nor `Co-authored-by`) stands where git \
does not read it, is misspelt, or is written with characters that only look alike.",
    passing_example: "
ask: { trailers: clean }
fields: { Risk: { ordered: [low, high] } }
change:
  commits:
    - message: |
        Cache the tenant lookup

        Risk: low
        Signed-off-by: Ana <ana@example.com>
",
    failing_example: "
ask: { trailers: clean }
fields: { Risk: { ordered: [low, high] } }
change:
  commits:
    - message: |
        Cache the tenant lookup

        Risk: high
        because it is on the way of every request
",
};

/// The predicate `trailers`, whose one parameter says nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrailersPredicate;

impl TrailersPredicate {
    pub(crate) fn read_parameters(
        node: &YamlNode,
        _: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        read_choice(node, &[("clean", TrailersPredicate)], faults)
    }

    pub(crate) fn add_needs(&self, _: &mut NeededFacts) {}

    pub(crate) fn describe(&self) -> Message {
        Message::from(&QUESTION)
    }

    pub(crate) fn evaluate(&self, context: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        let known: Vec<&str> = context.vocabulary.trailer_keys().chain(CO_AUTHOR_TRAILERS).collect();
        let mut findings = Vec::new();
        for commit in &context.change.commits {
            if let Some(line) = commit.message.mixed_line() {
                let count = commit.message.trailers().len();
                let message = PROSE_AMONG_TRAILERS.with("line", line).with("count", count);
                findings.push(
                    commit_finding(commit, message)
                        .on_message_line(line)
                        .with_line_edit(LineEdit::DeleteOrMoveUp),
                );
            }
            let mut reported_line = None;
            for miss in commit.message.find_near_misses(&known) {
                // One line of prose undoes all trailers beside it; it is reported once.
                if let NearMissReason::NotTrailerBlock { prose_line, .. } = miss.reason
                    && reported_line.replace(prose_line) == Some(prose_line)
                {
                    continue;
                }
                findings.push(near_miss_finding(commit, &miss));
            }
        }
        Ok(PredicateOutcome::from_findings(findings))
    }
}

fn near_miss_finding(commit: &Commit, miss: &NearMiss) -> Finding {
    let (line, edit) = choose_line_edit(commit, miss);
    commit_finding(commit, near_miss_message(miss)).on_message_line(line).with_line_edit(edit)
}

/// Returns why a line is not the trailer that it was meant to be.
fn near_miss_message(miss: &NearMiss) -> Message {
    let written = &miss.written;
    let template = match miss.reason {
        NearMissReason::NotTrailerBlock { prose_line, unread_trailers } => {
            return BLOCK_NOT_READ.with("line", prose_line).with("count", unread_trailers);
        }
        NearMissReason::EarlierParagraph { last_paragraph_line } => {
            return EARLIER_PARAGRAPH.with("written", written).with("last", last_paragraph_line);
        }
        NearMissReason::AfterEnd { cut, line } => {
            let template = match cut {
                MessageCut::Nul => &AFTER_NUL,
                MessageCut::Scissors => &AFTER_SCISSORS,
                MessageCut::Divider => &AFTER_DIVIDER,
            };
            return template.with("written", written).with("end", line);
        }
        NearMissReason::Indented { continued_line: Some(other) } => {
            return CONTINUES_TRAILER.with("written", written).with("continued", other);
        }
        NearMissReason::Indented { continued_line: None } => &INDENTED,
        NearMissReason::FirstParagraph => &FIRST_PARAGRAPH,
        NearMissReason::Misspelt { .. } => &MISSPELT,
        NearMissReason::InvisibleCharacter => &INVISIBLE_CHARACTER,
        NearMissReason::LookAlikeCharacter
            if written.as_bytes().eq_ignore_ascii_case(miss.key.as_bytes()) =>
        {
            &COLON_LOOK_ALIKE
        }
        NearMissReason::LookAlikeCharacter => &LOOK_ALIKE,
        NearMissReason::InvalidKeyCharacter => &INVALID_KEY,
    };
    template.with("written", written).with("key", miss.key.as_str())
}

#[cfg(test)]
mod tests {
    use crate::change::CommitMessage;
    use crate::predicates::support::examples::{
        answer_edited, finding_texts, findings_for_messages, question_faults,
    };
    use crate::verdict::{LineEdit, PredicateAnswer};

    const FIELDS: &str = "
ask: { trailers: clean }
fields:
  Risk: { ordered: [low, high] }
  Reviewed-by: { person: true }
";

    fn says(message: &str) -> Vec<String> {
        findings_for_messages(FIELDS, &[message])
    }

    #[test]
    fn one_line_of_prose_is_told_once_with_what_it_cost() {
        assert_eq!(
            says("s\n\nRisk: low\nA: b\nFixes it\nReviewed-by: x\n"),
            ["line 5 is not a trailer, so git does not read the 3 trailers beside it"]
        );
        assert_eq!(
            says("s\n\nRisk: low\nFixes it\n"),
            ["line 4 is not a trailer, so git does not read the 1 trailer beside it"]
        );
    }

    #[test]
    fn prose_that_git_tolerates_is_not_tolerated_here() {
        assert_eq!(
            says("s\n\nfoo\nbar\nSigned-off-by: x\n"),
            ["line 3 is not a trailer, but stands beside the 1 trailer that git reads"]
        );
    }

    #[test]
    fn a_known_key_that_is_not_read_is_told_why() {
        for (message, why) in [
            ("s\nRisk: low\n", "leave a blank line before it"),
            ("s\n\nRisk: low\n\nA: b\n", "starts on line 5; git reads trailers only there"),
            ("s\n\nA: b\n Risk: low\n", "continues the trailer on line 3"),
            ("s\n\nA: b\0\nRisk: low\n", "a NUL on line 3, which ends the message"),
            ("s\n\nReveiwed-by: x\n", "the nearest one is `Reviewed-by`"),
            ("s\n\nA: b\n\u{420}isk: low\nC: d\n", "only look alike"),
            ("s\n\nR\u{200b}isk: low\n", "invisible characters"),
            ("s\n\n**Risk:** low\n", "only letters, digits and `-`"),
            (
                "s\n\nCo-authored-by: Bob <b@example.com>\n\nA: b\n",
                "starts on line 5; git reads trailers only there",
            ),
        ] {
            let text = format!("{FIELDS}change: {{ commits: [{{}}] }}");
            let found = finding_texts(&answer_edited(&text, |change| {
                change.commits[0].message = CommitMessage::new(message.into())
            }));
            assert!(found.len() == 1 && found[0].ends_with(why), "{message:?}: {found:?}");
        }
    }

    #[test]
    fn other_keys_and_other_words_are_nobodys_business() {
        for message in
            ["s\n", "s\n\nRISK: low\nhttps://x\n", "s\n\nThe risk: none\n\nA: b\n", "risk: sort by it\n", ""]
        {
            let text = format!("{FIELDS}change: {{ commits: [{{}}] }}");
            let answer =
                answer_edited(&text, |change| change.commits[0].message = CommitMessage::new(message.into()));
            assert_eq!(finding_texts(&answer), [""; 0], "{message:?}");
        }
    }

    #[test]
    fn every_commit_is_looked_at() {
        assert_eq!(findings_for_messages(FIELDS, &["s\nRisk: low\n", "s\n", "t\nRisk: low\n"]).len(), 2);
    }

    #[test]
    fn a_field_in_the_wrong_place_is_moved_and_not_written_again() {
        for (message, line, edit, paste) in [
            ("s\n\nRisk: low\n\nA: b\n", 3, Some(LineEdit::MoveToTrailers), None),
            ("s\n\nRisk: low\n\nprose\n", 3, Some(LineEdit::MoveToEnd), None),
            ("s\n\nRisk: low\nprose\n", 4, Some(LineEdit::DeleteOrMoveUp), None),
            ("s\n\nRsik: low\n", 3, None, Some("Risk: <low|high>")),
        ] {
            let asked = FIELDS.replace("trailers: clean", "field: { Risk: present }");
            let text = format!("{asked}change: {{ commits: [{{}}] }}");
            let answer =
                answer_edited(&text, |change| change.commits[0].message = CommitMessage::new(message.into()));
            let PredicateAnswer::Fails(findings) = answer else { panic!("{answer:?}") };
            let [finding] = findings.as_slice() else { panic!("{findings:?}") };
            assert!(finding.is_follow_up);
            let found = (finding.at.line, finding.line_edit, finding.paste.as_deref());
            assert_eq!(found, (Some(line), edit, paste), "{message:?}");
        }
    }

    #[test]
    fn there_is_one_thing_to_ask() {
        for question in ["strict", "true", "[clean]", "{}"] {
            assert_eq!(question_faults(&format!("ask: {{ trailers: {question} }}")).len(), 1, "{question}");
        }
    }
}
