//! What follows from all records so far: what each ref holds, what is undecided, what is owed.
//!
//! It is kept beside the newest record, so that a push never reads history. It is not believed: whoever
//! verifies the ledger works it out again from the records and compares.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::take;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::record::{Decided, Discharged, Escalated, Event, Evidence, Moved, Outcome, Record};
use super::session::Session;
use super::stray::Stray;
use super::{obligation, session, stray};
use crate::change::{Oid, Text, text};
use crate::gate::dues::Brought;
use crate::people::participants::Hand;
use crate::verdict::{Decision, Outcome as RuleOutcome};

/// The state after a record.
///
/// Fields stand in the order of their names, so that what is written plainly nearly always is canonical.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct State {
    /// What would be owed by what did not move, by its id; it is owed after all if that moves.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dormant: BTreeMap<String, Owed>,
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
pub const RECENT: usize = 32;

/// Something that is owed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Owed {
    /// Whether nobody who made the change can close it.
    pub by_others: bool,
    /// The change that owes it.
    pub change: Option<Oid>,
    /// How it was closed.
    pub closed: Option<Closed>,
    /// The decision that it comes from.
    pub decision: String,
    /// The last instant that is in time; `None` for never.
    pub due: Option<Timestamp>,
    /// The evidence that closes it.
    pub evidence: String,
    /// The field whose statement closes it.
    pub field: Option<String>,
    /// Those who made the change.
    pub makers: Vec<Hand>,
    /// Whether that is all of them.
    pub makers_known: bool,
    /// The ref that the change landed on.
    pub on: Text,
    /// Who owes it.
    pub owner: String,
    /// The pull request of which a review would close it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull: Option<Text>,
    /// The rule that asks for it.
    pub rule: String,
    /// The break-glass session, if it is one that is to be closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Session>,
    /// When the change was seen, which is when the time began to run.
    pub since: Timestamp,
    /// What landed without a decision, if that is to be declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stray: Option<Stray>,
    /// What somebody was told of it.
    pub told: Option<Told>,
    /// What it is.
    pub what: String,
}

/// What somebody was told of an obligation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// That it is due soon.
    DueSoon,
    /// That it is overdue.
    Overdue,
}

/// How an obligation was closed; that it was late stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Closed {
    /// When the evidence was there, never before it was owed.
    pub at: Timestamp,
    /// By what.
    pub by: Evidence,
    /// How many seconds too late; `None` for in time.
    pub late_by: Option<u64>,
}

/// How many obligations that are closed are kept beside the newest record; those closed in time go
/// first, the oldest before the others; what landed without a decision goes with those closed late. The records themselves go nowhere.
pub const CLOSED: usize = 256;

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
            Event::Unauthorised(moved) => {
                self.moved(moved);
                let owed = stray::owed(moved, record.number, record.recorded_at);
                self.owed.insert(stray::key(record.number), owed);
            }
            Event::Scope(scope) => {
                self.protects.clone_from(&scope.protects);
                // What left keeps its entry: a decision about it may still be under way.
                self.tips.extend(scope.came.iter().map(|tip| (key(&tip.name), tip.id)));
            }
            Event::Damaged(damaged) => self.remember(&damaged.file),
            Event::Discharged(discharged) => self.discharged(discharged),
            Event::Escalated(escalated) => self.escalated(escalated),
            Event::BreakGlass(record) => session::apply(self, record),
            Event::Flagged(flagged) => stray::apply(self, flagged),
        }
    }

    fn remember(&mut self, what: &str) {
        self.recent.push(what.to_owned());
        let too_many = self.recent.len().saturating_sub(RECENT);
        self.recent.drain(..too_many);
        self.stayed.retain(|id, _| self.recent.contains(id));
        self.forget();
    }

    /// Forgets what would be owed by what cannot move any more.
    fn forget(&mut self) {
        let may_move = |owed: &Owed| {
            let stayed = self.stayed.get(&owed.decision);
            stayed.is_some_and(|moves| moves.iter().any(|moved| moved.name == owed.on))
        };
        self.dormant.retain(|_, owed| may_move(owed));
    }

    /// Takes in a decision: what it asks for, and what would be owed.
    pub(super) fn decided(&mut self, decided: &Decided) {
        self.remember(&decided.id);
        if decided.decision == Decision::Deny {
            return;
        }
        let asked = decided.refs.iter().filter(|one| one.protected);
        self.open.insert(decided.id.clone(), decided.moves());
        // What is owed counts from here, and goes again if nothing lands.
        for (number, one) in asked.enumerate() {
            for verdict in &one.changes {
                for judgement in &verdict.judgements {
                    let RuleOutcome::Owed(owed) = &judgement.outcome else { continue };
                    for (place, obligation) in owed.iter().enumerate() {
                        let change = verdict.revision.map(|id| id.to_string()).unwrap_or_default();
                        let id = format!("{}/{number}/{change}/{}/{place}", decided.id, judgement.rule.id);
                        let made = one.owing.iter().find(|made| Some(made.change) == verdict.revision);
                        let way = one.brought.iter().find(|way| Some(way.change) == verdict.revision);
                        let is_reviewed = |way: &&Brought| way.reviewable.contains(&judgement.rule.id);
                        self.owed.insert(
                            id,
                            Owed {
                                decision: decided.id.clone(),
                                on: one.name.clone(),
                                // What is squashed lands as another commit than was judged.
                                change: way.map(|way| way.landed_as).or(verdict.revision),
                                pull: way.filter(is_reviewed).map(|way| way.pull.clone()),
                                rule: judgement.rule.id.clone(),
                                what: obligation.what.clone(),
                                owner: obligation.owner.clone(),
                                due: obligation.due,
                                evidence: obligation.evidence.clone(),
                                field: obligation.field.clone(),
                                by_others: obligation.by_others,
                                makers: made.map(|made| made.by.clone()).unwrap_or_default(),
                                makers_known: made.is_some_and(|made| made.is_complete),
                                session: None,
                                since: decided.observed_at,
                                stray: None,
                                told: None,
                                closed: None,
                            },
                        );
                    }
                }
            }
        }
    }

    fn discharged(&mut self, discharged: &Discharged) {
        let Some(owed) = self.owed.get_mut(&discharged.obligation) else { return };
        if owed.closed.is_none() {
            let at = discharged.evidence.counts_from(discharged.observed_at, owed.since);
            let late_by = obligation::late_by(owed.due, at);
            owed.closed = Some(Closed { at, by: discharged.evidence.clone(), late_by });
        }
        self.forget_closed();
    }

    /// Lets go of the oldest that is closed, if there is too much of it.
    pub(super) fn forget_closed(&mut self) {
        let stays = |owed: &Owed, closed: &Closed| closed.late_by.is_some() || owed.stray.is_some();
        let closed = self.owed.iter().filter_map(|(id, owed)| {
            owed.closed.as_ref().map(|closed| (stays(owed, closed), closed.at, id.clone()))
        });
        let mut closed: Vec<(bool, Timestamp, String)> = closed.collect();
        closed.sort();
        let too_many = closed.len().saturating_sub(CLOSED);
        for (_, _, id) in closed.into_iter().take(too_many) {
            self.owed.remove(&id);
        }
    }

    fn escalated(&mut self, escalated: &Escalated) {
        let told = [(Told::DueSoon, &escalated.due_soon), (Told::Overdue, &escalated.overdue)];
        for (told, ids) in told {
            for id in ids {
                self.owed.get_mut(id).into_iter().for_each(|owed| owed.told = owed.told.max(Some(told)));
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
        let of_one = |owed: &Owed, names: &BTreeSet<&Text>| {
            owed.decision == outcome.of && names.contains(&owed.on) && owed.closed.is_none()
        };
        // What is owed sleeps for as long as what owes it may still land.
        let (falls_asleep, awake) =
            take(&mut self.owed).into_iter().partition(|(_, owed)| of_one(owed, &without));
        let (wakes, sleeping) =
            take(&mut self.dormant).into_iter().partition(|(_, owed)| of_one(owed, &landed));
        (self.owed, self.dormant) = (awake, sleeping);
        self.dormant.extend::<BTreeMap<_, _>>(falls_asleep);
        self.owed.extend::<BTreeMap<_, _>>(wakes);
        self.forget();
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
