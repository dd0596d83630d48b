//! One reading of the whole ledger for one ref: how it moved and by whose decision, what was refused, what was owed
//! and how it was closed, and when the gate was seen to stand.
//!
//! Records are read once, oldest first. What a decision rests on stays in the ledger, and is read when it is asked for.

use std::collections::BTreeMap;
use std::rc::Rc;

use anyhow::Result;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::change::{Oid, Stage, Text};
use crate::git::Repository;
use crate::ledger::LEDGER_REF;
use crate::ledger::audit::chain_continuity::{ChainBreak, ChainContinuity};
use crate::ledger::audit::other_refs::{OtherRefLanding, OtherRefReader};
use crate::ledger::audit::policy_origins::PolicyOrigins;
use crate::ledger::audit::protection_times::{UnprotectedTime, add_scope_change};
use crate::ledger::audit::record_reader::{UnreadableRecord, read_record_at};
use crate::ledger::audit::ref_observations::RefObservations;
use crate::ledger::audit::session_history::{SessionHistory, add_session_event};
use crate::ledger::audit::trace::LandingOrigin;
use crate::ledger::record::{
    ChangeAct, DecisionRecord, GapCause, LedgerEvent, PullLanding, Record, RecordedClosing,
    RecordedHookState, RecordedMove, RecordedPolicySource, RecordedPusher, RecordedStanding,
    parse_unauthorised_key,
};
use crate::ledger::state::{LedgerState, TrackedObligation};
use crate::ledger::store::gate_folder::read_anchor;

/// What a ledger tells of one ref.
#[derive(Clone, Debug, Default)]
pub struct LedgerHistory {
    /// The number of records that could be read.
    pub records: usize,
    /// The records that cannot be read, oldest first.
    pub unreadable_records: Vec<UnreadableRecord>,
    /// Where the records do not follow one another, or are not those that were seen before, oldest first.
    pub chain_breaks: Vec<ChainBreak>,
    /// Why the ledger does not go back to its first record, if it does not.
    pub cut: Option<String>,
    /// The commit that holds the newest record.
    pub tip: Option<Oid>,
    /// `sha256:` and the digest of the newest record that can be read.
    pub last_digest: Option<String>,
    /// When the first record was written, by the clock of the gate.
    pub began_at: Option<Timestamp>,
    /// What the ref held when the ledger began to follow it, since when, and why it was there.
    pub first_tip: Option<FirstTip>,
    /// The moves of the ref, oldest first.
    pub moves: Vec<LandedRefMove>,
    /// The pushes and merges that were refused for the ref, oldest first.
    pub refusals: Vec<RefRefusal>,
    /// Everything that was ever owed on the ref, open and closed, by its id.
    pub obligations: BTreeMap<String, TrackedObligation>,
    /// The break-glass sessions, in the order in which they were opened.
    pub sessions: Vec<SessionHistory>,
    /// What was said about changes of the ref after they had landed, oldest first.
    pub acts: Vec<RecordedChangeAct>,
    /// What other refs got, oldest first: this one may have it from them.
    pub other_refs: Vec<OtherRefLanding>,
    /// When the ref was seen to hold what the ledger says, oldest first; each time is by the clock of the gate.
    pub sights: Vec<Timestamp>,
    /// When no hook judged pushes, as a heartbeat found it.
    pub times_without_hook: Vec<Timestamp>,
    /// When the policy did not protect the ref, which it had protected before, oldest first.
    pub unprotected_times: Vec<UnprotectedTime>,
}

impl LedgerHistory {
    /// Returns the commits of the ledger that hold denials for the ref, oldest first.
    pub(crate) fn list_denials(&self) -> Vec<Oid> {
        self.refusals.iter().map(|refusal| refusal.holder).collect()
    }
}

/// What a ref held when the ledger began to follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstTip {
    /// The commit.
    pub id: Oid,
    /// When it was seen.
    pub seen_at: Timestamp,
    /// Whether the ledger began then, or the ref became protected.
    pub origin: LandingOrigin,
}

/// A move of the ref, as the ledger has it.
#[derive(Clone, Debug)]
pub struct LandedRefMove {
    /// The number of the record that tells of it.
    pub record: u64,
    /// What the ref held before and after.
    pub moved: RecordedMove,
    /// Whether a decision brought it.
    pub origin: LandingOrigin,
    /// When it was seen, by the clock of the gate or of the forge.
    pub observed_at: Timestamp,
    /// When the ref was last seen as it was before; `None` if no record tells.
    pub last_seen_before: Option<Timestamp>,
    /// The decision that allowed it.
    pub decision: Option<Rc<MoveDecision>>,
}

/// A decision that allowed a move, without its verdicts.
#[derive(Clone, Debug)]
pub struct MoveDecision {
    /// Its id.
    pub id: String,
    /// The number of its record.
    pub record: u64,
    /// The commit of the ledger that holds it.
    pub holder: Oid,
    /// When it was made, by the clock of the gate.
    pub observed_at: Timestamp,
    /// The stage at which it was made.
    pub stage: Stage,
    /// The account that pushed or merged.
    pub pusher: RecordedPusher,
    /// Where the policies of the ref can be read again.
    pub policies: Vec<RecordedPolicySource>,
    /// The pull requests that its changes came from.
    pub pull_landings: Vec<PullLanding>,
    /// What its changes state for earlier ones.
    pub closings: Vec<RecordedClosing>,
    /// How many changes of the ref it judged.
    pub judged_changes: usize,
    /// True if the ledger keeps what its verdicts rest on.
    pub has_reasons: bool,
    /// `sha256:` and the digest of that; empty where it is not kept.
    pub reasons_digest: String,
    /// The name and version of the gate.
    pub tool: String,
}

/// A push or a merge that was refused.
#[derive(Clone, Debug)]
pub struct RefRefusal {
    /// The number of its record.
    pub record: u64,
    /// The commit of the ledger that holds it.
    pub holder: Oid,
    /// When it was refused, by the clock of the gate.
    pub observed_at: Timestamp,
    /// The account that pushed or merged.
    pub pusher: RecordedPusher,
    /// What the ref was to hold.
    pub new: Option<Oid>,
    /// The rules that refused it, each once.
    pub rules: Vec<String>,
}

/// What somebody said about a change, with the record that tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RecordedChangeAct {
    /// The number of the record.
    pub record: u64,
    /// What was said, by whom and when.
    pub event: ChangeAct,
}

/// Reads what the ledger tells of the ref `name`; `None` if there is no ledger. `progress` is called for each record.
///
/// # Errors
///
/// Fails if the ledger's ref cannot be read. A record that cannot be read or understood is named.
pub fn read_ledger_history(
    repository: &Repository,
    name: &Text,
    progress: &mut dyn FnMut(),
) -> Result<Option<LedgerHistory>> {
    let anchor = read_anchor(repository.common_dir())?;
    let Some(tip) = repository.resolve_ref(LEDGER_REF.as_bytes())?.id else {
        // A ledger that this server has written and that is gone is no missing one.
        let chain_breaks = ChainContinuity::begin_chain(false, anchor).end_chain();
        let history = LedgerHistory { chain_breaks, ..LedgerHistory::default() };
        return Ok(Some(history).filter(|history| !history.chain_breaks.is_empty()));
    };
    let (commits, broken) = repository.walk_chain(Some(tip));
    let mut continuity = ChainContinuity::begin_chain(broken.is_some(), anchor);
    let mut reader = LedgerHistoryReader {
        name,
        state: LedgerState { keeps_all_closed: true, ..LedgerState::default() },
        policy_origins: PolicyOrigins::new(repository),
        observations: RefObservations::default(),
        other_refs: OtherRefReader::default(),
        decisions: BTreeMap::new(),
        history: LedgerHistory {
            tip: Some(tip),
            cut: broken.map(|error| format!("{error:#}")),
            ..LedgerHistory::default()
        },
    };
    for (holder, _) in commits.into_iter().rev() {
        match read_record_at(repository, holder) {
            Ok((bytes, record)) => {
                reader.history.last_digest = Some(continuity.add_record(holder, &bytes, &record));
                if holder == tip {
                    continuity.check_newest(repository, holder, &record);
                }
                reader.add_record(holder, &record);
            }
            Err(why) => {
                continuity.skip_record();
                reader.history.unreadable_records.push(UnreadableRecord { holder, why });
            }
        }
        progress();
    }
    let LedgerHistoryReader { mut history, state, other_refs, .. } = reader;
    history.other_refs = other_refs.landings;
    history.obligations = state.obligations;
    history.obligations.retain(|_, owed| owed.ref_name == *name || owed.session.is_some());
    history.chain_breaks = continuity.end_chain();
    history.sights.sort_unstable();
    Ok(Some(history))
}

/// Collects the history of a ref from the records of a ledger, oldest first.
struct LedgerHistoryReader<'a> {
    name: &'a Text,
    state: LedgerState,
    policy_origins: PolicyOrigins<'a>,
    observations: RefObservations,
    other_refs: OtherRefReader,
    /// The decisions that allowed something and have no outcome yet, by their ids, each with the number of the
    /// record that puts its policy in doubt.
    decisions: BTreeMap<String, (Rc<MoveDecision>, Option<u64>)>,
    history: LedgerHistory,
}

impl LedgerHistoryReader<'_> {
    fn add_record(&mut self, holder: Oid, record: &Record) {
        let history = &mut self.history;
        history.records += 1;
        history.began_at = history.began_at.or(Some(record.recorded_at));
        let last_seen = self.observations.last_seen(self.name);
        self.observations.add_record(record, &self.state);
        let doubt = self.policy_origins.add_record(record);
        self.other_refs.add_record(self.name, record, doubt);
        match &record.event {
            LedgerEvent::Begin(begin) => {
                if let Some(tip) = begin.tips.iter().find(|tip| tip.name == *self.name) {
                    let (seen_at, origin) = (record.recorded_at, LandingOrigin::AlreadyThere);
                    history.first_tip = Some(FirstTip { id: tip.id, seen_at, origin });
                }
            }
            LedgerEvent::Scope(scope) => {
                let (ref_at, times) = ((self.name, record.recorded_at), &mut history.unprotected_times);
                add_scope_change(times, ref_at, &self.state, scope);
                // What landed while the ref was not protected, no record tells of.
                let is_followed = history.first_tip.is_some() || !history.moves.is_empty();
                if !is_followed
                    && let Some(tip) = scope.newly_protected.iter().find(|tip| tip.name == *self.name)
                {
                    let (seen_at, origin) = (record.recorded_at, LandingOrigin::BeforeProtection);
                    history.first_tip = Some(FirstTip { id: tip.id, seen_at, origin });
                }
            }
            LedgerEvent::Decision(decided) => self.add_decision(holder, record, decided, doubt),
            LedgerEvent::Outcome(outcome) => {
                let decision = self.decisions.get(&outcome.decision_id).cloned();
                for moved in outcome.landed.iter().filter(|moved| moved.name == *self.name) {
                    let origin = match &decision {
                        Some((_, None)) => LandingOrigin::Decided,
                        Some((_, Some(_))) => LandingOrigin::UndecidedPolicy,
                        None => LandingOrigin::Unauthorised,
                    };
                    // What a later run found landed at some time after its decision.
                    let observed_at = match &decision {
                        Some((decided, _)) if outcome.found_late => decided.observed_at,
                        _ => outcome.observed_at,
                    };
                    history.moves.push(LandedRefMove {
                        record: record.number,
                        moved: moved.clone(),
                        origin,
                        observed_at,
                        last_seen_before: last_seen,
                        decision: decision.as_ref().map(|(decided, _)| Rc::clone(decided)),
                    });
                }
            }
            LedgerEvent::Unauthorised(moved) if moved.name == *self.name => {
                history.moves.push(LandedRefMove {
                    record: record.number,
                    moved: moved.clone(),
                    origin: LandingOrigin::Unauthorised,
                    observed_at: record.recorded_at,
                    last_seen_before: last_seen,
                    decision: None,
                });
            }
            LedgerEvent::Discharged(discharged) => {
                if let Some(number) = parse_unauthorised_key(&discharged.obligation) {
                    self.mark_regularised(number);
                }
            }
            LedgerEvent::BreakGlass(event) => add_session_event(&mut history.sessions, event),
            LedgerEvent::Act(event) if event.act.ref_name == *self.name => {
                history.acts.push(RecordedChangeAct { record: record.number, event: event.clone() });
            }
            LedgerEvent::PullVerdict(verdict)
                if verdict.target == *self.name && verdict.standing == RecordedStanding::Denied =>
            {
                history.refusals.push(RefRefusal {
                    record: record.number,
                    holder,
                    observed_at: verdict.judged_at,
                    // A pull request is judged without a push to the ref.
                    pusher: RecordedPusher::Unknown(GapCause::NotAtThisStage),
                    new: Some(verdict.revision),
                    rules: verdict.rules.clone(),
                });
            }
            LedgerEvent::Heartbeat(heartbeat) if heartbeat.hook == RecordedHookState::Missing => {
                history.times_without_hook.push(heartbeat.observed_at);
            }
            _ => {}
        }
        if let Some(seen) = self.observations.last_seen(self.name)
            && self.history.sights.last() != Some(&seen)
        {
            self.history.sights.push(seen);
        }
        self.state.apply_record(record);
    }

    fn add_decision(&mut self, holder: Oid, record: &Record, decided: &DecisionRecord, doubt: Option<u64>) {
        let own = decided.refs.iter().find(|one| one.name == *self.name);
        let Some(own) = own.filter(|own| own.protected) else { return };
        if !decided.is_allowed() {
            self.history.refusals.push(RefRefusal {
                record: record.number,
                holder,
                observed_at: decided.observed_at,
                pusher: decided.pusher.clone(),
                new: own.new,
                rules: list_refusing_rules(decided),
            });
            return;
        }
        let decision = MoveDecision::from_record((record.number, holder), decided, own);
        self.decisions.insert(decided.id.clone(), (Rc::new(decision), doubt));
    }

    /// Marks the unauthorised move that the record of this number tells of as regularised; with it, the policy that
    /// it brought is accepted.
    fn mark_regularised(&mut self, number: u64) {
        for one in &mut self.history.moves {
            if one.record == number && one.origin == LandingOrigin::Unauthorised {
                one.origin = LandingOrigin::Regularised;
            }
            let doubt = one.decision.as_ref().and_then(|decided| self.decisions.get(&decided.id)?.1);
            if one.origin == LandingOrigin::UndecidedPolicy && doubt == Some(number) {
                one.origin = LandingOrigin::Decided;
            }
        }
        for (_, doubt) in self.decisions.values_mut() {
            *doubt = doubt.filter(|of_move| *of_move != number);
        }
    }
}

/// Returns the rules that refused a push as a whole, each once: one refused ref refuses the others with it.
fn list_refusing_rules(decided: &DecisionRecord) -> Vec<String> {
    let mut rules = Vec::new();
    for one in &decided.refs {
        let of_changes = one.changes.iter().flat_map(|verdict| {
            verdict.judgements.iter().filter(|judgement| judgement.is_denying(verdict.enforced))
        });
        let of_ref = one.refusals.iter().filter(|judgement| judgement.is_denying(true));
        for judgement in of_changes.chain(of_ref) {
            if !rules.contains(&judgement.rule) {
                rules.push(judgement.rule.clone());
            }
        }
    }
    rules
}
