//! What follows from all records so far: what each ref holds, what is undecided, what is owed.
//!
//! It is kept beside the newest record, so that a push never reads history. It is not believed: whoever
//! verifies the ledger works it out again from the records and compares.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::record::{Decided, Event, Moved, Outcome, Record};
use crate::change::{Oid, Text, text};
use crate::verdict::{Decision, Outcome as RuleOutcome};

/// The state after a record.
///
/// Fields stand in the order of their names, so that what is written plainly nearly always is canonical.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct State {
    /// The number of the record.
    pub number: u64,
    /// The decisions that allowed something and of which nobody knows what became, by their ids.
    pub open: BTreeMap<String, Vec<Moved>>,
    /// What is owed, by its id.
    pub owed: BTreeMap<String, Owed>,
    /// Which refs are under change control, as patterns of their names.
    pub protects: Vec<String>,
    /// The newest decisions by their ids, and files that could not be read by their names, at most
    /// [`RECENT`] of them: what was appended just before a process died is not appended twice.
    pub recent: Vec<String>,
    /// What did not move of the newest decisions, by their ids; should it move after all, it was
    /// decided.
    pub stayed: BTreeMap<String, Vec<Moved>>,
    /// What each ref under change control holds, by its name as [`key`] writes it.
    pub tips: BTreeMap<String, Oid>,
}

/// How many decisions are remembered as the newest.
pub const RECENT: usize = 64;

/// Something that is owed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Owed {
    /// The change that owes it.
    pub change: Option<Oid>,
    /// The decision that it comes from.
    pub decision: String,
    /// The last instant that is in time; `None` for never.
    pub due: Option<Timestamp>,
    /// The evidence that closes it.
    pub evidence: String,
    /// The ref that the change landed on.
    pub on: Text,
    /// Who owes it.
    pub owner: String,
    /// The rule that asks for it.
    pub rule: String,
    /// What it is.
    pub what: String,
}

impl State {
    /// Takes in one more record.
    pub fn apply(&mut self, record: &Record) {
        self.number = record.number;
        match &record.event {
            Event::Begin(begin) => {
                self.protects.clone_from(&begin.protects);
                self.tips = begin.tips.iter().map(|tip| (key(&tip.name), tip.id)).collect();
            }
            Event::Decision(decided) => self.decided(decided),
            Event::Outcome(outcome) => self.became(outcome),
            Event::Unauthorised(moved) => self.moved(moved),
            Event::Scope(scope) => {
                self.protects.clone_from(&scope.protects);
                // What left keeps its entry: a decision about it may still be under way.
                self.tips.extend(scope.came.iter().map(|tip| (key(&tip.name), tip.id)));
            }
            Event::Damaged(damaged) => self.remember(&damaged.file),
        }
    }

    fn remember(&mut self, what: &str) {
        self.recent.push(what.to_owned());
        let too_many = self.recent.len().saturating_sub(RECENT);
        self.recent.drain(..too_many);
        self.stayed.retain(|id, _| self.recent.contains(id));
    }

    fn decided(&mut self, decided: &Decided) {
        self.remember(&decided.id);
        if decided.decision == Decision::Deny {
            return;
        }
        let asked = decided.refs.iter().filter(|one| one.protected);
        self.open.insert(decided.id.clone(), decided.moves());
        // What is owed counts from here, and goes again if nothing lands.
        for one in asked {
            for verdict in &one.changes {
                for judgement in &verdict.judgements {
                    let RuleOutcome::Owed(owed) = &judgement.outcome else { continue };
                    for (place, obligation) in owed.iter().enumerate() {
                        let change = verdict.revision.map(|id| id.to_string()).unwrap_or_default();
                        let id = format!("{}/{}/{}/{place}", decided.id, change, judgement.rule.id);
                        self.owed.insert(
                            id,
                            Owed {
                                decision: decided.id.clone(),
                                on: one.name.clone(),
                                change: verdict.revision,
                                rule: judgement.rule.id.clone(),
                                what: obligation.what.clone(),
                                owner: obligation.owner.clone(),
                                due: obligation.due,
                                evidence: obligation.evidence.clone(),
                            },
                        );
                    }
                }
            }
        }
    }

    fn became(&mut self, outcome: &Outcome) {
        let landed: BTreeSet<&Text> = outcome.landed.iter().map(|moved| &moved.name).collect();
        let without: BTreeSet<&Text> = outcome.stayed.iter().collect();
        let has_landed = |moved: &Moved| landed.contains(&moved.name);
        let has_stayed = |moved: &Moved| without.contains(&moved.name);
        if let Some(open) = self.open.get_mut(&outcome.of) {
            let stayed: Vec<Moved> = open.iter().filter(|moved| has_stayed(moved)).cloned().collect();
            open.retain(|moved| !has_landed(moved) && !has_stayed(moved));
            if open.is_empty() {
                self.open.remove(&outcome.of);
            }
            if !stayed.is_empty() {
                self.stayed.entry(outcome.of.clone()).or_default().extend(stayed);
            }
        }
        // What was thought to have stayed may land after all.
        if let Some(stayed) = self.stayed.get_mut(&outcome.of) {
            stayed.retain(|moved| !has_landed(moved));
            if stayed.is_empty() {
                self.stayed.remove(&outcome.of);
            }
        }
        outcome.landed.iter().for_each(|moved| self.moved(moved));
        let stayed = |owed: &Owed| owed.decision == outcome.of && without.contains(&owed.on);
        self.owed.retain(|_, owed| !stayed(owed));
    }

    fn moved(&mut self, moved: &Moved) {
        match moved.new {
            Some(id) => self.tips.insert(key(&moved.name), id),
            None => self.tips.remove(&key(&moved.name)),
        };
    }
}

/// Returns a ref's name as a key of [`State::tips`]; one that is not UTF-8 is written in hexadecimal
/// digits, so that no two are one.
pub fn key(name: &Text) -> String {
    match name.as_utf8() {
        Some(name) => name.to_owned(),
        None => format!("hex:{}", text::hex(name.as_bytes())),
    }
}

/// Returns the name that a key stands for; every ref's name begins with `refs/`.
pub fn name(key: &str) -> Text {
    let hex = key.strip_prefix("hex:").and_then(text::unhex);
    hex.map_or_else(|| Text::from(key), Text::new)
}
