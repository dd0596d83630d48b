//! What follows from all records so far: what each ref holds, what is undecided, what is owed.
//!
//! It is kept beside the newest record, so that a push never reads history. It is not believed: whoever
//! verifies the ledger works it out again from the records and compares.

pub mod break_glass;
pub mod obligation;
pub mod unauthorised;

use std::collections::{BTreeMap, BTreeSet};
use std::mem::take;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::change::{Oid, Text, text};
use crate::gate::obligations::MergedPull;
use crate::ledger::record::{
    DecisionOutcome, DecisionRecord, LedgerEvent, ObligationDischarge, ObligationEscalation,
    ObligationEvidence, Record, RecordedMove,
};
use crate::ledger::state::break_glass::BreakGlassSession;
use crate::ledger::state::unauthorised::UnauthorisedChange;
use crate::people::contributors::Contributor;
use crate::verdict::{Decision, RuleOutcome};

/// The state after a record.
///
/// Fields stand in the order of their names, so that what is written plainly nearly always is canonical.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LedgerState {
    /// What would be owed by what did not move, by its id; it is owed after all if that moves.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dormant: BTreeMap<String, TrackedObligation>,
    /// The number of the record.
    pub number: u64,
    /// The decisions that allowed something and of which nobody knows what became, by their ids.
    pub open: BTreeMap<String, Vec<RecordedMove>>,
    /// What is owed, by its id.
    pub owed: BTreeMap<String, TrackedObligation>,
    /// Which refs are under change control, as patterns of their names.
    pub protects: Vec<String>,
    /// The newest decisions by their ids, and files that could not be read by their names, at most
    /// [`RECENT`] of them: what was appended just before a process died is not appended twice.
    pub recent: Vec<String>,
    /// What did not move of the newest decisions, by their ids; should it move after all, it was
    /// decided.
    pub stayed: BTreeMap<String, Vec<RecordedMove>>,
    /// What each ref under change control holds, by its name as [`key`] writes it.
    pub tips: BTreeMap<String, Oid>,
}

/// How many decisions are remembered as the newest.
pub const MAX_RECENT_DECISIONS: usize = 32;

/// Something that is owed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TrackedObligation {
    /// Whether nobody who made the change can close it.
    pub by_others: bool,
    /// The change that owes it.
    pub change: Option<Oid>,
    /// How it was closed.
    pub closed: Option<ObligationClosure>,
    /// The decision that it comes from.
    pub decision: String,
    /// The last instant that is in time; `None` for never.
    pub due: Option<Timestamp>,
    /// The evidence that closes it.
    pub evidence: String,
    /// The field whose statement closes it.
    pub field: Option<String>,
    /// Those who made the change.
    pub makers: Vec<Contributor>,
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
    pub session: Option<BreakGlassSession>,
    /// When the change was seen, which is when the time began to run.
    pub since: Timestamp,
    /// What landed without a decision, if that is to be declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stray: Option<UnauthorisedChange>,
    /// What somebody was told of it.
    pub told: Option<ObligationNotice>,
    /// What it is.
    pub what: String,
}

/// What somebody was told of an obligation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObligationNotice {
    /// That it is due soon.
    DueSoon,
    /// That it is overdue.
    Overdue,
}

/// How an obligation was closed; that it was late stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ObligationClosure {
    /// When the evidence was there, never before it was owed.
    pub at: Timestamp,
    /// By what.
    pub by: ObligationEvidence,
    /// How many seconds too late; `None` for in time.
    pub late_by: Option<u64>,
}

/// How many obligations that are closed are kept beside the newest record; those closed in time go
/// first, the oldest before the others; what landed without a decision goes with those closed late. The records themselves go nowhere.
pub const MAX_CLOSED_OBLIGATIONS: usize = 256;

impl LedgerState {
    /// Takes in one more record.
    pub fn apply_record(&mut self, record: &Record) {
        self.number = record.number;
        match &record.event {
            LedgerEvent::Begin(begin) => {
                self.protects.clone_from(&begin.protects);
                self.tips = begin.tips.iter().map(|tip| (encode_ref_key(&tip.name), tip.id)).collect();
            }
            LedgerEvent::Decision(decided) => self.apply_decision(decided),
            LedgerEvent::Outcome(outcome) => self.apply_outcome(outcome),
            LedgerEvent::Unauthorised(moved) => {
                self.apply_move(moved);
                let owed =
                    unauthorised::build_unauthorised_obligation(moved, record.number, record.recorded_at);
                self.owed.insert(unauthorised::unauthorised_key(record.number), owed);
            }
            LedgerEvent::Scope(scope) => {
                self.protects.clone_from(&scope.protects);
                // What left keeps its entry: a decision about it may still be under way.
                self.tips.extend(scope.came.iter().map(|tip| (encode_ref_key(&tip.name), tip.id)));
            }
            LedgerEvent::Damaged(damaged) => self.remember_recent(&damaged.file),
            LedgerEvent::Discharged(discharged) => self.apply_discharge(discharged),
            LedgerEvent::Escalated(escalated) => self.apply_escalation(escalated),
            LedgerEvent::BreakGlass(record) => break_glass::apply_session_event(self, record),
            LedgerEvent::Flagged(flagged) => unauthorised::apply_regularisation_terms(self, flagged),
        }
    }

    fn remember_recent(&mut self, what: &str) {
        self.recent.push(what.to_owned());
        let too_many = self.recent.len().saturating_sub(MAX_RECENT_DECISIONS);
        self.recent.drain(..too_many);
        self.stayed.retain(|id, _| self.recent.contains(id));
        self.forget_dormant();
    }

    /// Forgets what would be owed by what cannot move any more.
    fn forget_dormant(&mut self) {
        let may_move = |owed: &TrackedObligation| {
            let stayed = self.stayed.get(&owed.decision);
            stayed.is_some_and(|moves| moves.iter().any(|moved| moved.name == owed.on))
        };
        self.dormant.retain(|_, owed| may_move(owed));
    }

    /// Takes in a decision: what it asks for, and what would be owed.
    pub(crate) fn apply_decision(&mut self, decided: &DecisionRecord) {
        self.remember_recent(&decided.id);
        if decided.decision == Decision::Deny {
            return;
        }
        let asked = decided.refs.iter().filter(|one| one.protected);
        self.open.insert(decided.id.clone(), decided.protected_moves());
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
                        let is_reviewed = |way: &&MergedPull| way.reviewable.contains(&judgement.rule.id);
                        self.owed.insert(
                            id,
                            TrackedObligation {
                                decision: decided.id.clone(),
                                on: one.name.clone(),
                                // What is squashed lands as another commit than was judged.
                                change: way.map(|way| way.landed_as).or(verdict.revision),
                                pull: way.filter(is_reviewed).map(|way| way.pull.clone()),
                                rule: judgement.rule.id.clone(),
                                what: obligation.what.to_plain_text(),
                                owner: obligation.owner.to_string(),
                                due: obligation.due,
                                evidence: obligation.evidence.to_plain_text(),
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

    fn apply_discharge(&mut self, discharged: &ObligationDischarge) {
        let Some(owed) = self.owed.get_mut(&discharged.obligation) else { return };
        if owed.closed.is_none() {
            let at = discharged.evidence.effective_time(discharged.observed_at, owed.since);
            let late_by = obligation::seconds_late(owed.due, at);
            owed.closed = Some(ObligationClosure { at, by: discharged.evidence.clone(), late_by });
        }
        self.forget_closed();
    }

    /// Lets go of the oldest that is closed, if there is too much of it.
    pub(crate) fn forget_closed(&mut self) {
        let stays = |owed: &TrackedObligation, closed: &ObligationClosure| {
            closed.late_by.is_some() || owed.stray.is_some()
        };
        let closed = self.owed.iter().filter_map(|(id, owed)| {
            owed.closed.as_ref().map(|closed| (stays(owed, closed), closed.at, id.clone()))
        });
        let mut closed: Vec<(bool, Timestamp, String)> = closed.collect();
        closed.sort();
        let too_many = closed.len().saturating_sub(MAX_CLOSED_OBLIGATIONS);
        for (_, _, id) in closed.into_iter().take(too_many) {
            self.owed.remove(&id);
        }
    }

    fn apply_escalation(&mut self, escalated: &ObligationEscalation) {
        let told = [
            (ObligationNotice::DueSoon, &escalated.due_soon),
            (ObligationNotice::Overdue, &escalated.overdue),
        ];
        for (told, ids) in told {
            for id in ids {
                self.owed.get_mut(id).into_iter().for_each(|owed| owed.told = owed.told.max(Some(told)));
            }
        }
    }

    fn apply_outcome(&mut self, outcome: &DecisionOutcome) {
        let landed: BTreeSet<&Text> = outcome.landed.iter().map(|moved| &moved.name).collect();
        let without: BTreeSet<&Text> = outcome.stayed.iter().collect();
        let has_landed = |moved: &RecordedMove| landed.contains(&moved.name);
        let has_stayed = |moved: &RecordedMove| without.contains(&moved.name);
        if let Some(open) = self.open.get_mut(&outcome.of) {
            let stayed: Vec<RecordedMove> = open.iter().filter(|moved| has_stayed(moved)).cloned().collect();
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
        outcome.landed.iter().for_each(|moved| self.apply_move(moved));
        let of_one = |owed: &TrackedObligation, names: &BTreeSet<&Text>| {
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
        self.forget_dormant();
    }

    fn apply_move(&mut self, moved: &RecordedMove) {
        match moved.new {
            Some(id) => self.tips.insert(encode_ref_key(&moved.name), id),
            None => self.tips.remove(&encode_ref_key(&moved.name)),
        };
    }
}

/// Returns a ref's name as a key of [`State::tips`]; one that is not UTF-8 is written in hexadecimal
/// digits, so that no two are one.
pub fn encode_ref_key(name: &Text) -> String {
    match name.as_utf8() {
        Some(name) => name.to_owned(),
        None => format!("hex:{}", text::encode_hex(name.as_bytes())),
    }
}

/// Returns the name that a key stands for; every ref's name begins with `refs/`.
pub fn decode_ref_key(key: &str) -> Text {
    let hex = key.strip_prefix("hex:").and_then(text::decode_hex);
    hex.map_or_else(|| Text::from(key), Text::new)
}
