//! What a decision records of a change of the policy: what later changes are asked, part by part; and what changes are
//! asked since a shared policy moved.

use anyhow::Result;

use crate::change::Oid;
use crate::gate::policy_effect::{POLICY_CHANGE, POLICY_CHANGES_LEFT_OUT};
use crate::gate::shared_base::{
    BASE_BROUGHT, BASE_CHANGE, BASE_CHANGES_LEFT_OUT, BASE_MOVED, BASE_NOT_SEARCHED, BASE_SAME,
    BASE_UNCOMPARED, BASE_UNKNOWN, MESSAGES as BASE_MESSAGES,
};
use crate::git::Repository;
use crate::ledger::record::readable::ReadableRecord;
use crate::ledger::record::{DecisionRecord, LedgerEvent};
use crate::ledger::store::{RECORD_FILE, read_ledger_file};
use crate::policy::PolicyDirection;
use crate::verdict::{Message, MessageValue};

/// Returns what a decision says about a change of the policy, each part as it was told when it was decided.
pub(crate) fn list_policy_changes(decided: &DecisionRecord) -> Vec<Message> {
    let own = [POLICY_CHANGE.code, POLICY_CHANGES_LEFT_OUT.code];
    let is_change = |code: &str| own.contains(&code) || BASE_MESSAGES.iter().any(|known| known.code == code);
    decided.notes.iter().filter(|note| is_change(&note.code)).map(Message::from).collect()
}

/// Returns what the decision in the record of `holder` says about a shared policy that moved and may ask less since then:
/// where it moved, and the parts that are looser or different; nothing where it asks no less.
///
/// # Errors
///
/// Fails if an object of the record cannot be read.
pub(crate) fn read_loosened_base(repository: &Repository, holder: Oid) -> Result<Vec<Message>> {
    let mut changes = read_policy_changes(repository, holder)?;
    let looser = [PolicyDirection::Looser, PolicyDirection::Different];
    let looser = looser.map(|direction| Message::from(direction.template()).to_plain_text());
    let may_loosen = |change: &Message| match change.code() {
        code if code == BASE_CHANGE.code => {
            find_direction(change).is_none_or(|direction| looser.contains(&direction))
        }
        code => code == BASE_UNCOMPARED.code || code == BASE_CHANGES_LEFT_OUT.code || is_untold(code),
    };
    if changes.iter().any(may_loosen) {
        changes.retain(|change| change.code() == BASE_MOVED.code || may_loosen(change));
    } else {
        changes.clear();
    }
    Ok(changes)
}

/// Returns true for a note that it is not known whether a shared policy moved.
fn is_untold(code: &str) -> bool {
    code == BASE_NOT_SEARCHED.code || code == BASE_UNKNOWN.code
}

/// Returns the word for how a part of a policy changes.
fn find_direction(change: &Message) -> Option<String> {
    let (_, direction) = change.values().find(|(name, _)| *name == "direction")?;
    match direction {
        MessageValue::Nested(message) => Some(message.to_plain_text()),
        MessageValue::Plain(word) => Some(word.clone()),
        _ => None,
    }
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
    let mut changes = list_policy_changes(decided);
    // That a shared policy moved is no part that changes.
    let told = [BASE_MOVED.code, BASE_SAME.code, BASE_BROUGHT.code];
    changes.retain(|change| !told.contains(&change.code()) && !is_untold(change.code()));
    let mut counts: Vec<(String, usize)> = Vec::new();
    for word in changes.iter().filter_map(find_direction) {
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
