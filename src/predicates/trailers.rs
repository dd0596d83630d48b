//! `trailers`: whether everything that was meant to be a trailer is one.
//!
//! What git does not see does not exist, so a slip is no bypass; but it hides something from whoever
//! wrote it. What the trailers say is for `field`, `ticket` and `approvals`.

use crate::change::message::near_miss::{NearMiss, NearMissReason};
use crate::change::message::trailers::MessageCut;
use crate::change::{Commit, Missing, NeededFacts};
use crate::people::contributors::CO_AUTHOR_TRAILERS;
use crate::predicates::parameters::commit_finding;
use crate::predicates::{EvaluationContext, PolicyScope, PredicateDoc, PredicateOutcome};
use crate::verdict::messages;
use crate::verdict::{Finding, Sentence};
use crate::yaml::decode::read_choice;
use crate::yaml::{YamlFault, YamlNode};

messages! {}

/// What a policy's author reads about it.
pub const DOC: PredicateDoc = PredicateDoc {
    name: "trailers",
    summary: "In every commit of the change, all that was meant to be a trailer is read as one.",
    why: "Git reads trailers from the last paragraph only, and one line of prose in it can undo them all, without a \
          word. A misspelt key is read as another one, and a letter of another alphabet as none. Whoever wrote it \
          believes that it was said; whoever reads the message believes so too.",
    parameters: "\
- `clean`: no prose stands among the trailers; no key that the policy knows (nor `Co-authored-by`) stands where it \
is not read, is misspelt, or is written with characters that only look the part.",
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

/// The question.
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

    pub(crate) fn describe(&self) -> String {
        "all that was meant to be a trailer is read as one".into()
    }

    pub(crate) fn evaluate(&self, seen: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        let known: Vec<&str> = seen.vocabulary.trailer_keys().chain(CO_AUTHOR_TRAILERS).collect();
        let mut findings = Vec::new();
        for commit in &seen.change.commits {
            if let Some(line) = commit.message.mixed_line() {
                let read = commit.message.trailers().len();
                let what = format!("line {line} is not a trailer, and stands among {read} that are");
                findings.push(commit_finding(commit, Sentence::from_words(what)).on_message_line(line));
            }
            let mut explained = None;
            for miss in commit.message.find_near_misses(&known) {
                // One line of prose has undone all of them; it is to be told once.
                if let NearMissReason::NotTrailerBlock { prose_line: prose, .. } = miss.reason
                    && explained.replace(prose) == Some(prose)
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
    if let NearMissReason::NotTrailerBlock { prose_line: prose, unread_trailers: unread } = miss.reason {
        let lost = match unread {
            1 => "the one trailer beside it was not read".to_owned(),
            _ => format!("none of the {unread} trailers beside it was read"),
        };
        let what = Sentence::from_words(format!("line {prose} is not a trailer, so {lost}"));
        return commit_finding(commit, what).on_message_line(prose);
    }
    let what =
        Sentence::default().with_quote(&miss.written).with_words(describe_near_miss(miss.reason, &miss.key));
    commit_finding(commit, what).on_message_line(miss.line)
}

/// Returns why a line is not the trailer that it was meant to be, in words that follow its key.
fn describe_near_miss(why: NearMissReason, key: &str) -> String {
    match why {
        NearMissReason::FirstParagraph => " stands in the first paragraph, where no trailers are read; \
                                leave a blank line before it"
            .into(),
        NearMissReason::EarlierParagraph { last_paragraph_line: last } => format!(
            " stands above the last paragraph, which starts on line {last} and is the only one that is read \
             for trailers"
        ),
        NearMissReason::NotTrailerBlock { prose_line: prose, .. } => {
            format!(" stands beside line {prose}, which is not a trailer")
        }
        NearMissReason::AfterEnd { cut, line } => {
            let end = match cut {
                MessageCut::Nul => "a NUL",
                MessageCut::Scissors => "a line of scissors",
                MessageCut::Divider => "a line of `---`",
            };
            format!(" stands behind {end} on line {line}, which ends the message")
        }
        NearMissReason::Indented { continued_line: Some(other) } => {
            format!(" starts with white space, so it continues the trailer on line {other}")
        }
        NearMissReason::Indented { continued_line: None } => {
            " starts with white space, so it is not a trailer".into()
        }
        NearMissReason::Misspelt { .. } => format!(" is a key that nobody knows; `{key}` is nearest"),
        NearMissReason::InvisibleCharacter => {
            format!(" is not `{key}`: it holds characters that cannot be seen")
        }
        NearMissReason::LookAlikeCharacter => {
            format!(" is not `{key}`: it is written with characters that only look the part")
        }
        NearMissReason::InvalidKeyCharacter => {
            format!(" is not `{key}`: a key holds only letters, digits and `-`")
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::change::CommitMessage;
    use crate::predicates::examples::{answer_edited, finding_texts, findings_for_messages, question_faults};

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
            ["line 5 is not a trailer, so none of the 3 trailers beside it was read"]
        );
        assert_eq!(
            says("s\n\nRisk: low\nFixes it\n"),
            ["line 4 is not a trailer, so the one trailer beside it was not read"]
        );
    }

    #[test]
    fn prose_that_git_tolerates_is_not_tolerated_here() {
        assert_eq!(
            says("s\n\nfoo\nbar\nSigned-off-by: x\n"),
            ["line 3 is not a trailer, and stands among 1 that are"]
        );
    }

    #[test]
    fn a_known_key_that_is_not_read_is_told_why() {
        for (message, why) in [
            ("s\nRisk: low\n", "leave a blank line before it"),
            ("s\n\nRisk: low\n\nA: b\n", "starts on line 5 and is the only one that is read for trailers"),
            ("s\n\nA: b\n Risk: low\n", "continues the trailer on line 3"),
            ("s\n\nA: b\0\nRisk: low\n", "a NUL on line 3, which ends the message"),
            ("s\n\nReveiwed-by: x\n", "`Reviewed-by` is nearest"),
            ("s\n\nA: b\n\u{420}isk: low\nC: d\n", "only look the part"),
            ("s\n\nR\u{200b}isk: low\n", "cannot be seen"),
            ("s\n\n**Risk:** low\n", "only letters, digits and `-`"),
            (
                "s\n\nCo-authored-by: Bob <b@example.com>\n\nA: b\n",
                "starts on line 5 and is the only one that is read for trailers",
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
    fn there_is_one_thing_to_ask() {
        for question in ["strict", "true", "[clean]", "{}"] {
            assert_eq!(question_faults(&format!("ask: {{ trailers: {question} }}")).len(), 1, "{question}");
        }
    }
}
