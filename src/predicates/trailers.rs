//! `trailers`: whether everything that was meant to be a trailer is one.
//!
//! What git does not see does not exist, so a slip is no bypass; but it hides something from whoever
//! wrote it. What the trailers say is for `field`, `ticket` and `approvals`.

use super::parameters::about;
use super::{Doc, Known, Reply, Seen};
use crate::change::near_miss::{NearMiss, Why};
use crate::change::trailers::Cut;
use crate::change::{Commit, Missing, Needs};
use crate::people::participants::CO_AUTHORS;
use crate::verdict::{Finding, Line};
use crate::yaml::decode::choice;
use crate::yaml::{Fault, Node};

/// What a policy's author reads about it.
pub const DOC: Doc = Doc {
    name: "trailers",
    asks: "In every commit of the change, all that was meant to be a trailer is read as one.",
    why: "Git reads trailers from the last paragraph only, and one line of prose in it can undo them all, without a \
          word. A misspelt key is read as another one, and a letter of another alphabet as none. Whoever wrote it \
          believes that it was said; whoever reads the message believes so too.",
    parameters: "\
- `clean`: no prose stands among the trailers; no key that the policy knows (nor `Co-authored-by`) stands where it \
is not read, is misspelt, or is written with characters that only look the part.",
    passes: "
ask: { trailers: clean }
fields: { Risk: { ordered: [low, high] } }
change:
  commits:
    - message: |
        Cache the tenant lookup

        Risk: low
        Signed-off-by: Ana <ana@example.com>
",
    fails: "
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
pub struct Trailers;

impl Trailers {
    pub(super) fn read(node: &Node, _: &Known<'_>, faults: &mut Vec<Fault>) -> Option<Self> {
        choice(node, &[("clean", Trailers)], faults)
    }

    pub(super) fn needs(&self, _: &mut Needs) {}

    pub(super) fn words(&self) -> String {
        "all that was meant to be a trailer is read as one".into()
    }

    pub(super) fn ask(&self, seen: &Seen<'_>) -> Result<Reply, Missing> {
        let known: Vec<&str> = seen.vocabulary.keys().chain(CO_AUTHORS).collect();
        let mut findings = Vec::new();
        for commit in &seen.change.commits {
            if let Some(line) = commit.message.mixed_at() {
                let read = commit.message.trailers().len();
                let what = format!("line {line} is not a trailer, and stands among {read} that are");
                findings.push(about(commit, Line::say(what)).on_line(line));
            }
            let mut explained = None;
            for miss in commit.message.near_misses(&known) {
                // One line of prose has undone all of them; it is to be told once.
                if let Why::NotABlock { prose, .. } = miss.why
                    && explained.replace(prose) == Some(prose)
                {
                    continue;
                }
                findings.push(explain(commit, &miss));
            }
        }
        Ok(Reply::from_findings(findings))
    }
}

fn explain(commit: &Commit, miss: &NearMiss) -> Finding {
    if let Why::NotABlock { prose, unread } = miss.why {
        let lost = match unread {
            1 => "the one trailer beside it was not read".to_owned(),
            _ => format!("none of the {unread} trailers beside it was read"),
        };
        let what = Line::say(format!("line {prose} is not a trailer, so {lost}"));
        return about(commit, what).on_line(prose);
    }
    let what = Line::default().quote(&miss.written).and(reason(miss.why, &miss.key));
    about(commit, what).on_line(miss.line)
}

/// Returns why a line is not the trailer that it was meant to be, in words that follow its key.
fn reason(why: Why, key: &str) -> String {
    match why {
        Why::FirstParagraph => " stands in the first paragraph, where no trailers are read; \
                                leave a blank line before it"
            .into(),
        Why::EarlierParagraph { last } => format!(
            " stands above the last paragraph, which starts on line {last} and is the only one that is read \
             for trailers"
        ),
        Why::NotABlock { prose, .. } => format!(" stands beside line {prose}, which is not a trailer"),
        Why::BehindTheEnd { cut, line } => {
            let end = match cut {
                Cut::Nul => "a NUL",
                Cut::Scissors => "a line of scissors",
                Cut::Divider => "a line of `---`",
            };
            format!(" stands behind {end} on line {line}, which ends the message")
        }
        Why::Indented { continues: Some(other) } => {
            format!(" starts with white space, so it continues the trailer on line {other}")
        }
        Why::Indented { continues: None } => " starts with white space, so it is not a trailer".into(),
        Why::Misspelt { .. } => format!(" is a key that nobody knows; `{key}` is nearest"),
        Why::InvisibleCharacter => {
            format!(" is not `{key}`: it holds characters that cannot be seen")
        }
        Why::ForeignCharacter => {
            format!(" is not `{key}`: it is written with characters that only look the part")
        }
        Why::NotAKey => format!(" is not `{key}`: a key holds only letters, digits and `-`"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::examples::{edited, faults, findings, texts};
    use crate::change::Message;

    const FIELDS: &str = "
ask: { trailers: clean }
fields:
  Risk: { ordered: [low, high] }
  Reviewed-by: { person: true }
";

    fn says(message: &str) -> Vec<String> {
        findings(FIELDS, &[message])
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
            let found =
                texts(&edited(&text, |change| change.commits[0].message = Message::new(message.into())));
            assert!(found.len() == 1 && found[0].ends_with(why), "{message:?}: {found:?}");
        }
    }

    #[test]
    fn other_keys_and_other_words_are_nobodys_business() {
        for message in
            ["s\n", "s\n\nRISK: low\nhttps://x\n", "s\n\nThe risk: none\n\nA: b\n", "risk: sort by it\n", ""]
        {
            let text = format!("{FIELDS}change: {{ commits: [{{}}] }}");
            let answer = edited(&text, |change| change.commits[0].message = Message::new(message.into()));
            assert_eq!(texts(&answer), [""; 0], "{message:?}");
        }
    }

    #[test]
    fn every_commit_is_looked_at() {
        assert_eq!(findings(FIELDS, &["s\nRisk: low\n", "s\n", "t\nRisk: low\n"]).len(), 2);
    }

    #[test]
    fn there_is_one_thing_to_ask() {
        for question in ["strict", "true", "[clean]", "{}"] {
            assert_eq!(faults(&format!("ask: {{ trailers: {question} }}")).len(), 1, "{question}");
        }
    }
}
