//! The message of a commit by which a pull request landed: the person who merges can write it, after everything
//! was judged.
//!
//! It stays in the history, where the description does not. So what it states in the fields of the policy has to
//! be what the pull request stated, in its description or in one of its commits. Git finds trailers in the last
//! paragraph only; a reader, and GitHub, which adds co-authors below them, finds those of an earlier paragraph too.

use crate::change::description::{self, TemplateText};
use crate::change::{Change, Commit, CommitMessage, Commits, FactKind, Missing, Text};
use crate::github::api::rest::RestCommit;
use crate::github::facts::commits;
use crate::github::judge::governing_policies::GoverningPolicies;
use crate::push::{GateRule, refuse_by_findings};
use crate::verdict::{Finding, Fixer, Judgement, MessageValue, messages};
use crate::vocabulary::FieldDefinition;

messages! {
    NEW_STATEMENT = "landing-message.new-statement":
        "the message that landed says {value} for `{field}`, which the pull request never stated";
    OTHER_STATEMENT = "landing-message.other-statement":
        "the message that landed says {value} for `{field}`, and the pull request says {stated/and}";
}

/// Returns the refusal of a pull request whose landing states something else than the pull request did.
/// `landed` are the commits that it landed as.
pub(crate) fn check_landing_messages(
    policies: &GoverningPolicies,
    change: &Change,
    landed: &[&RestCommit],
) -> Option<Judgement> {
    let needs = policies.needed_facts();
    let mut findings: Vec<Finding> = Vec::new();
    for listed in landed {
        // A commit of the pull request itself was judged with it.
        if change.commits.iter().any(|commit| commit.id == Some(listed.sha)) {
            continue;
        }
        let commit = commits::convert_commit(listed, &needs, None);
        for message in list_paragraph_messages(&listed.commit.message) {
            let message = CommitMessage::new(Text::from(message));
            if message.trailers().is_empty() {
                continue;
            }
            let Some(commits) = Commits::new(vec![Commit { message, ..commit.clone() }]) else { continue };
            let alone = Missing::Unavailable(FactKind::Pull, "only the message of the commit is read".into());
            let landing = Change { commits, pull: Err(alone), ..change.clone() };
            for policy in policies.policies() {
                for field in policy.vocabulary.fields() {
                    for finding in compare_field(field, change, &landing) {
                        if !findings.contains(&finding) {
                            findings.push(finding);
                        }
                    }
                }
            }
        }
    }
    if findings.is_empty() { None } else { Some(refuse_by_findings(GateRule::LandingMessage, findings)) }
}

/// Returns the message, and for each paragraph between its first and its last one the message up to its end.
fn list_paragraph_messages(message: &str) -> Vec<String> {
    let mut messages = vec![message.to_owned()];
    let lines: Vec<&str> = message.lines().collect();
    let mut kept: Vec<&str> = Vec::with_capacity(lines.len());
    let mut paragraphs = 0;
    for (index, line) in lines.iter().enumerate() {
        let is_empty = line.trim().is_empty();
        if is_empty && index > 0 && !kept.last().is_some_and(|before| before.trim().is_empty()) {
            paragraphs += 1;
            if paragraphs > 1 && lines.iter().skip(index).any(|rest| !rest.trim().is_empty()) {
                messages.push(kept.join("\n") + "\n");
            }
        }
        kept.push(line);
    }
    messages
}

/// Returns a finding for each value that the landing states in a field and the pull request does not.
fn compare_field(field: &FieldDefinition, change: &Change, landing: &Change) -> Vec<Finding> {
    let said = field.find_claims(landing);
    if said.is_empty() {
        return Vec::new();
    }
    let stated = field.find_claims(change);
    let mut findings = Vec::new();
    for claim in &said {
        if stated.iter().any(|known| is_same_value(field, claim.key, &claim.value, &known.value)) {
            continue;
        }
        let template = if stated.is_empty() { &NEW_STATEMENT } else { &OTHER_STATEMENT };
        let mut message = template.with("field", field.name.as_str()).with("value", &*claim.value);
        if !stated.is_empty() {
            let mut values: Vec<MessageValue> = Vec::new();
            for known in &stated {
                let value = MessageValue::from(&*known.value);
                if !values.contains(&value) {
                    values.push(value);
                }
            }
            message = message.with("stated", values);
        }
        let finding = claim.locate_finding(Finding::new(message), landing);
        findings.push(finding.fixed_by(Fixer::Pusher));
    }
    findings
}

/// Returns whether a line of the message says what the pull request stated.
fn is_same_value(field: &FieldDefinition, key: &str, said: &Text, stated: &Text) -> bool {
    if said == stated {
        return true;
    }
    let level = |value: &Text| value.as_utf8().and_then(|written| field.find_level(written.trim()));
    if level(said).is_some() && level(said) == level(stated) {
        return true;
    }
    // A description becomes the message of a squash with its marks, which are not part of what it states.
    let line = format!("{key}: {}", said.to_lossy());
    let read = description::read_description(&line, &TemplateText::default());
    read.statements.iter().any(|statement| {
        statement.value == *stated || (level(stated).is_some() && level(&statement.value) == level(stated))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_paragraph_is_read_as_the_last_one() {
        let list = |message: &str| list_paragraph_messages(message);
        assert_eq!(list("x\n"), ["x\n"]);
        assert_eq!(list("x\n\nRisk: low\n"), ["x\n\nRisk: low\n"]);
        let message = "x\n\nRisk: low\n\n\nwhy\n \nBy: a\n\n";
        assert_eq!(list(message), [message, "x\n\nRisk: low\n", "x\n\nRisk: low\n\n\nwhy\n"]);
    }
}
