//! Lines to paste that several rules have for one field, made one.
//!
//! Each rule knows only what it asks itself: one accepts three words, and another one two of them. An author who pastes a
//! line for each states the field twice.

use std::collections::HashMap;

use crate::change::Oid;
use crate::verdict::{Finding, Judgement, RuleLevel, RuleOutcome};

/// The start of a template that shows an example; the pattern in it may hold any characters.
const EXAMPLE_START: &str = "<like ";

/// A field by its key, in the message of a commit.
type FieldPlace = (String, Option<Oid>);

/// What a line to paste leaves to the author.
enum PastedValue<'line> {
    /// A choice of these words.
    Words(Vec<&'line str>),
    /// Words of their own.
    Open,
    /// Nothing.
    Fixed(&'line str),
}

/// Makes the lines to paste for one field those that all rules accept that deny; where there is no such line, each stays.
/// A rule that only warns asks for what these do.
pub(super) fn unify_pasted_lines(judgements: &mut [Judgement]) {
    let denying = gather_lines(judgements, RuleLevel::Deny);
    let warning = gather_lines(judgements, RuleLevel::Warn);
    if denying.len() + warning.len() == 0 {
        return;
    }
    for judgement in judgements {
        let only_warns = judgement.level == RuleLevel::Warn;
        let RuleOutcome::Fail(findings) = &mut judgement.outcome else { continue };
        for finding in findings {
            let Some(place) = find_place(finding) else { continue };
            let Some(paste) = &mut finding.paste else { continue };
            let asked = denying.get(&place);
            if only_warns && let Some(first) = asked.and_then(|lines| lines.first()) {
                paste.clone_from(first);
            }
            if let Some(lines) = asked.or(warning.get(&place))
                && let Some(merged) = merge_lines(lines, paste)
            {
                *paste = merged;
            }
        }
    }
}

/// Returns the different lines that rules of this level have, by the places of the fields.
fn gather_lines(judgements: &[Judgement], level: RuleLevel) -> HashMap<FieldPlace, Vec<String>> {
    let mut lines: HashMap<FieldPlace, Vec<String>> = HashMap::new();
    for judgement in judgements.iter().filter(|judgement| judgement.level == level) {
        let RuleOutcome::Fail(findings) = &judgement.outcome else { continue };
        for finding in findings {
            let (Some(place), Some(paste)) = (find_place(finding), &finding.paste) else { continue };
            let known = lines.entry(place).or_default();
            if !known.contains(paste) {
                known.push(paste.clone());
            }
        }
    }
    lines
}

/// Returns the field that a finding has one line for; `None` if it has several, or is for others.
fn find_place(finding: &Finding) -> Option<FieldPlace> {
    let paste = finding.paste.as_deref()?;
    let is_one_line = !paste.contains('\n') && finding.paste_alternatives.is_empty();
    let (key, _) = paste.split_once(": ").filter(|_| is_one_line && finding.is_for_author())?;
    Some((key.to_owned(), finding.at.commit))
}

/// Returns the line that takes the place of `own`, which is one of these lines for a field; `None` if it stays.
fn merge_lines(lines: &[String], own: &str) -> Option<String> {
    if lines.len() < 2 {
        return None;
    }
    let (key, own_value) = own.split_once(": ")?;
    let values: Vec<PastedValue<'_>> =
        lines.iter().filter_map(|line| line.split_once(": ")).map(|(_, value)| read_value(value)).collect();
    let mut common: Option<Vec<&str>> = None;
    for value in &values {
        let words = match value {
            PastedValue::Words(words) => words.clone(),
            PastedValue::Fixed(value) => vec![*value],
            PastedValue::Open => continue,
        };
        common = Some(match common {
            None => words,
            Some(known) => known.into_iter().filter(|word| words.contains(word)).collect(),
        });
    }
    let has_choice = values.iter().any(|value| matches!(value, PastedValue::Words(_)));
    if has_choice {
        return match common?.as_slice() {
            [] => None,
            [word] => Some(format!("{key}: {word}")),
            words => Some(format!("{key}: <{}>", words.join("|"))),
        };
    }
    // A value that is known is better than the form of one.
    let known = values.iter().find_map(|value| match value {
        PastedValue::Fixed(value) => Some(*value),
        PastedValue::Words(_) | PastedValue::Open => None,
    });
    match read_value(own_value) {
        PastedValue::Open => Some(format!("{key}: {}", known?)),
        PastedValue::Words(_) | PastedValue::Fixed(_) => None,
    }
}

fn read_value(value: &str) -> PastedValue<'_> {
    let Some(inner) = value.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) else {
        return PastedValue::Fixed(value);
    };
    if value.starts_with(EXAMPLE_START) || !inner.contains('|') {
        return PastedValue::Open;
    }
    PastedValue::Words(inner.split('|').collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_for_one_field_become_one_that_all_accept() {
        let cases: [(&[&str], &[&str]); 7] = [
            (&["Risk: <low|medium|high>", "Risk: <low|medium>"], &["Risk: <low|medium>"]),
            (&["Risk: <low|medium>", "Risk: <medium|high>"], &["Risk: medium"]),
            (&["Risk: <low|medium|high>", "Risk: high"], &["Risk: high"]),
            // Where nothing is accepted by all, each says what it asks.
            (&["Risk: <low|medium>", "Risk: high"], &["Risk: <low|medium>", "Risk: high"]),
            (&["Digest: <like 4d7a>", "Digest: 9f86", "Digest: 0000"], &["Digest: 9f86", "Digest: 0000"]),
            // A pattern may hold a choice.
            (
                &["Ticket: <like (PAY|OPS)-1>", "Ticket: <like (PAY|CRM)-1>"],
                &["Ticket: <like (PAY|OPS)-1>", "Ticket: <like (PAY|CRM)-1>"],
            ),
            (&["Plan: <in your own words>"], &["Plan: <in your own words>"]),
        ];
        for (lines, wanted) in cases {
            let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
            let mut merged: Vec<String> = Vec::new();
            for line in &lines {
                let line = merge_lines(&lines, line).unwrap_or_else(|| line.clone());
                if !merged.contains(&line) {
                    merged.push(line);
                }
            }
            assert_eq!(merged, wanted, "{lines:?}");
        }
    }
}
