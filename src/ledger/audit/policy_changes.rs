//! What a decision records of a change of the policy: what later changes are asked, part by part.

use anyhow::Result;

use crate::change::Oid;
use crate::gate::policy_effect::{POLICY_CHANGE, POLICY_CHANGES_LEFT_OUT};
use crate::git::Repository;
use crate::ledger::record::readable::ReadableRecord;
use crate::ledger::record::{DecisionRecord, LedgerEvent};
use crate::ledger::store::{RECORD_FILE, read_ledger_file};
use crate::verdict::{Message, MessageValue};

/// Returns what a decision says about a change of the policy, each part as it was told when it was decided.
pub(crate) fn list_policy_changes(decided: &DecisionRecord) -> Vec<Message> {
    let codes = [POLICY_CHANGE.code, POLICY_CHANGES_LEFT_OUT.code];
    decided.notes.iter().filter(|note| codes.contains(&note.code.as_str())).map(Message::from).collect()
}

/// Returns what the decision in the record of `holder` says about a change of the policy; nothing where the record is
/// no decision.
///
/// # Errors
///
/// Fails if an object of the record cannot be read.
pub(crate) fn read_policy_changes(repository: &Repository, holder: Oid) -> Result<Vec<Message>> {
    let bytes = read_ledger_file(repository, holder, RECORD_FILE)?.unwrap_or_default();
    Ok(match ReadableRecord::parse_record(&bytes) {
        ReadableRecord::Known(record) => match &record.event {
            LedgerEvent::Decision(decided) => list_policy_changes(decided),
            _ => Vec::new(),
        },
        ReadableRecord::Unknown(_) | ReadableRecord::Damaged(_) => Vec::new(),
    })
}

/// Returns how many parts of the policy became looser, different and stricter, as in `1 looser, 2 stricter`; `None`
/// where the policy stayed as it was.
pub(crate) fn count_policy_changes(decided: &DecisionRecord) -> Option<String> {
    let changes = list_policy_changes(decided);
    let mut counts: Vec<(String, usize)> = Vec::new();
    for change in &changes {
        let Some((_, direction)) = change.values().find(|(name, _)| *name == "direction") else { continue };
        let word = match direction {
            MessageValue::Nested(message) => message.to_plain_text(),
            MessageValue::Plain(word) => word.clone(),
            _ => continue,
        };
        match counts.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count += 1,
            None => counts.push((word, 1)),
        }
    }
    if changes.len() > counts.iter().map(|(_, count)| count).sum() {
        counts.push(("and more".to_owned(), 0));
    }
    let words: Vec<String> = counts
        .into_iter()
        .map(|(word, count)| if count == 0 { word } else { format!("{count} {word}") })
        .collect();
    if words.is_empty() { None } else { Some(words.join(", ")) }
}
