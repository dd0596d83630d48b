//! Trailers whose key is another one than that of a field, and means the same.
//!
//! `Authorised-by` is `Authorized-by` in British spelling, and `Rollback-Plan` is what others call
//! `Back-out-Plan`. Such a trailer states nothing, because the policy says which keys count; but its author
//! believes that it did, so it is named where the field is missed.

use crate::change::message::known_keys::KnownKeys;
use crate::change::message::near_miss::{NearMiss, NearMissReason};
use crate::change::{Oid, Text};
use crate::predicates::support::context::EvaluationContext;
use crate::vocabulary::FieldDefinition;

/// Keys that mean the same to their authors, without hyphens, in small letters and American spelling.
const RELATED_KEYS: &[&[&str]] = &[
    &[
        "backoutplan",
        "rollbackplan",
        "fallbackplan",
        "revertplan",
        "backout",
        "rollback",
        "fallback",
        "revert",
    ],
    &["risk", "risklevel", "riskrating", "riskassessment"],
    &["ticket", "tickets", "issue", "issues", "jira", "refs", "ref", "bug"],
    &["reviewedby", "reviewer", "reviewers", "reviewby"],
    &["approvedby", "approver", "approvers", "approvalby"],
    &["authorizedby", "authorizer", "authorizers"],
    &["testplan", "testing", "tests", "tested", "howtested"],
    &["changetype", "type", "typeofchange"],
    &["postimplementationreview", "pir", "postmortem"],
    &["emergencyreason", "reason", "justification"],
];

/// British endings and letters, each with the American ones.
const SPELLINGS: [(&str, &str); 5] =
    [("isation", "ization"), ("ise", "ize"), ("ising", "izing"), ("our", "or"), ("ence", "ense")];

/// A trailer with a key that the policy does not know, and that means a field.
pub(crate) struct NearKey {
    /// The commit that has it.
    pub(crate) commit: Option<Oid>,
    /// The line of its message.
    pub(crate) line: usize,
    /// The key as written.
    pub(crate) written: Text,
}

/// Returns the last trailer whose key is another word for that of `field`, or misspelt in the last commit.
pub(crate) fn find_near_key(field: &FieldDefinition, context: &EvaluationContext<'_>) -> Option<NearKey> {
    let known: Vec<&str> = context.vocabulary.trailer_keys().collect();
    let is_known = |key: &str| known.iter().any(|known| known.eq_ignore_ascii_case(key));
    for commit in context.change.commits.iter().rev() {
        for trailer in commit.message.trailers().iter().rev() {
            if !is_known(&trailer.key) && field.trailer_keys().any(|key| are_related(key, &trailer.key)) {
                let written = Text::from(trailer.key.as_str());
                return Some(NearKey { commit: commit.id, line: trailer.line, written });
            }
        }
    }
    let tip = context.change.tip();
    let misses = tip.message.find_near_misses(&known);
    let is_meant = |miss: &&NearMiss| {
        matches!(miss.reason, NearMissReason::Misspelt { .. }) && field.matches_key(&miss.key)
    };
    let miss = misses.iter().rev().find(is_meant)?;
    Some(NearKey { commit: tip.id, line: miss.line, written: miss.written.clone() })
}

/// Returns a label of the description that no field has, and that is another word for `field`, or misspelt; with its
/// line.
pub(crate) fn find_near_label(
    field: &FieldDefinition,
    context: &EvaluationContext<'_>,
) -> Option<(Text, usize)> {
    let pull = context.change.pull.as_ref().ok()?;
    let known: Vec<&str> = context.vocabulary.trailer_keys().collect();
    let stated = pull.statements.iter().map(|stated| (&stated.label, stated.line));
    let unread = pull.unread.iter().map(|unread| (&unread.label, unread.line));
    for (label, line) in stated.chain(unread) {
        let key = label.replace(' ', "-");
        if known.iter().any(|known| known.eq_ignore_ascii_case(&key)) {
            continue;
        }
        let is_misspelt =
            || KnownKeys(&known).find_misspelt_key(&key).is_some_and(|(meant, _)| field.matches_key(meant));
        if field.trailer_keys().any(|own| are_related(own, &key)) || is_misspelt() {
            return Some((Text::from(label.as_str()), line));
        }
    }
    None
}

/// Returns true if two keys differ only in their spelling, or are words for the same.
fn are_related(one: &str, other: &str) -> bool {
    let (one, other) = (fold_key(one), fold_key(other));
    let has_both = |group: &&&[&str]| group.contains(&one.as_str()) && group.contains(&other.as_str());
    one == other || RELATED_KEYS.iter().any(|group| has_both(&group))
}

/// Returns a key without hyphens, in small letters and American spelling.
fn fold_key(key: &str) -> String {
    let mut folded = key.replace('-', "").to_ascii_lowercase();
    for (british, american) in SPELLINGS {
        folded = folded.replace(british, american);
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predicates::support::examples::{answer_example, finding_texts};

    #[test]
    fn spellings_and_words_for_the_same_are_related() {
        for (one, other) in [
            ("Authorised-by", "Authorized-by"),
            ("Authorisation", "Authorization"),
            ("Back-out-Plan", "Rollback-plan"),
            ("Backout-Plan", "Back-out-Plan"),
            ("Risk", "Risk-Level"),
            ("Colour", "color"),
            ("PIR", "Post-Implementation-Review"),
        ] {
            assert!(are_related(one, other) && are_related(other, one), "{one} {other}");
        }
        for (one, other) in [
            ("Reviewed-by", "Approved-by"),
            ("Test-Plan", "Back-out-Plan"),
            ("Risk", "Ticket"),
            ("Signed-off-by", "Reviewed-by"),
        ] {
            assert!(!are_related(one, other), "{one} {other}");
        }
    }

    #[test]
    fn a_missing_field_names_the_key_that_was_meant() {
        let says = |message: &str| {
            finding_texts(&answer_example(&format!(
                "ask: {{ field: {{ Risk: present }} }}\nfields: {{ Risk: {{ ordered: [low, high] }} }}\n\
                 change: {{ commits: [{{ message: \"x\\n\\n{message}\\n\" }}] }}"
            )))
        };
        assert_eq!(
            says("Risk-Level: low"),
            ["`Risk` is missing; `Risk-Level` is another key, and does not count"]
        );
        assert_eq!(says("Level: low"), ["`Risk` is missing"]);
    }

    #[test]
    fn related_keys_are_listed_as_they_are_compared() {
        for group in RELATED_KEYS {
            assert!(group.iter().all(|key| fold_key(key) == *key), "{group:?}");
        }
    }
}
