//! One reading of the ledger for one ref, record by record, oldest first.
//!
//! Records are read once. What a decision rests on stays in the ledger, and is read when it is asked for.

use std::collections::BTreeMap;
use std::rc::Rc;

use anyhow::Result;

use crate::change::{Oid, Text};
use crate::git::Repository;
use crate::ledger::LEDGER_REF;
use crate::ledger::audit::act_continuity::ActContinuity;
use crate::ledger::audit::chain_continuity::ChainContinuity;
use crate::ledger::audit::ledger_history::{
    FirstTip, LandedRefMove, LedgerHistory, MoveDecision, RecordedChangeAct, RefRefusal,
};
use crate::ledger::audit::other_refs::OtherRefReader;
use crate::ledger::audit::policy_origins::PolicyOrigins;
use crate::ledger::audit::protection_times::add_scope_change;
use crate::ledger::audit::record_reader::{UnreadableRecord, read_record_at};
use crate::ledger::audit::ref_observations::RefObservations;
use crate::ledger::audit::refusing_rules::list_refusing_rules;
use crate::ledger::audit::session_history::add_session_event;
use crate::ledger::audit::trace::LandingOrigin;
use crate::ledger::audit::waiting_refusals::{find_waiting_refusals, list_refused_refs};
use crate::ledger::record::{
    DecisionRecord, GapCause, LedgerEvent, Record, RecordedHookState, RecordedPusher, RecordedStanding,
    parse_unauthorised_key,
};
use crate::ledger::state::LedgerState;
use crate::ledger::store::gate_folder::{LedgerAnchor, read_anchor};

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
    let fold = HistoryFold::read_whole(repository, name, (tip, anchor), progress);
    let waiting = find_waiting_refusals(repository, name, &fold.state);
    Ok(Some(LedgerHistory { waiting, ..fold.end_history() }))
}

/// Collects the history of a ref from the records of a ledger, oldest first.
pub(crate) struct HistoryFold<'a> {
    pub(crate) name: &'a Text,
    pub(crate) state: LedgerState,
    pub(crate) policy_origins: PolicyOrigins<'a>,
    pub(crate) observations: RefObservations,
    pub(crate) other_refs: OtherRefReader,
    /// The decisions that allowed something, by their ids, each with the number of the record that puts its policy in
    /// doubt.
    pub(crate) decisions: BTreeMap<String, (Rc<MoveDecision>, Option<u64>)>,
    pub(crate) continuity: ChainContinuity,
    pub(crate) acts: ActContinuity,
    pub(crate) history: LedgerHistory,
}

impl<'a> HistoryFold<'a> {
    /// Reads the whole ledger, up to the record in `tip`.
    pub(crate) fn read_whole(
        repository: &'a Repository,
        name: &'a Text,
        (tip, anchor): (Oid, Option<LedgerAnchor>),
        progress: &mut dyn FnMut(),
    ) -> HistoryFold<'a> {
        let (commits, broken) = repository.walk_chain(Some(tip));
        let mut fold = HistoryFold {
            name,
            state: LedgerState { keeps_all_closed: true, ..LedgerState::default() },
            policy_origins: PolicyOrigins::new(repository),
            observations: RefObservations::default(),
            other_refs: OtherRefReader::default(),
            decisions: BTreeMap::new(),
            continuity: ChainContinuity::begin_chain(broken.is_some(), anchor),
            acts: ActContinuity::default(),
            history: LedgerHistory {
                tip: Some(tip),
                cut: broken.map(|error| format!("{error:#}")),
                ..LedgerHistory::default()
            },
        };
        let holders: Vec<Oid> = commits.into_iter().rev().map(|(holder, _)| holder).collect();
        fold.add_holders(repository, &holders, progress);
        fold
    }

    /// Reads the records that follow, the last of which is the newest.
    pub(crate) fn add_holders(
        &mut self,
        repository: &Repository,
        holders: &[Oid],
        progress: &mut dyn FnMut(),
    ) {
        for holder in holders {
            match read_record_at(repository, *holder) {
                Ok((bytes, record)) => {
                    self.history.last_digest = Some(self.continuity.add_record(*holder, &bytes, &record));
                    if holders.last() == Some(holder) {
                        self.continuity.check_newest(repository, *holder, &record);
                    }
                    self.add_record(*holder, &record);
                }
                Err(why) => {
                    self.continuity.skip_record();
                    self.history.unreadable_records.push(UnreadableRecord { holder: *holder, why });
                }
            }
            self.history.tip = Some(*holder);
            progress();
        }
    }

    /// Returns true if every record could be read, from the first one on, and each follows the one before it.
    pub(crate) fn is_whole(&self) -> bool {
        let history = &self.history;
        history.cut.is_none()
            && history.unreadable_records.is_empty()
            && self.continuity.is_unbroken()
            && self.acts.is_unbroken()
    }

    /// Returns what all records tell.
    pub(crate) fn end_history(mut self) -> LedgerHistory {
        self.observations.end_records();
        self.add_newest_sight();
        self.mark_uncompared_policies();
        let HistoryFold { name, mut history, state, other_refs, continuity, acts, policy_origins, .. } = self;
        history.other_refs = other_refs.end_landings(policy_origins.uncompared_records());
        history.obligations = state.obligations;
        history.obligations.retain(|_, owed| owed.ref_name == *name || owed.session.is_some());
        history.chain_breaks = continuity.end_chain();
        history.chain_breaks.extend(acts.end_acts(name));
        history.sights.sort_unstable();
        history
    }

    fn add_record(&mut self, holder: Oid, record: &Record) {
        let history = &mut self.history;
        history.records += 1;
        history.began_at = history.began_at.or(Some(record.recorded_at));
        let last_seen = self.observations.last_seen_before(self.name, record.recorded_at);
        for window in self.observations.add_record(record, &self.state) {
            let is_told = |one: &&mut LandedRefMove| one.record == window.record && window.name == *self.name;
            if let Some(one) = history.moves.iter_mut().rev().find(is_told) {
                (one.observed_at, one.last_seen_before) = (window.until, window.after);
            }
        }
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
            LedgerEvent::Decision(decided) => {
                self.acts.add_decision(decided);
                self.add_decision(holder, record, decided, doubt);
            }
            LedgerEvent::Outcome(outcome) => {
                let decision = self.decisions.get(&outcome.decision_id).cloned();
                if !outcome.landed.is_empty() {
                    self.acts.add_landing(&outcome.decision_id);
                }
                for moved in outcome.landed.iter().filter(|moved| moved.name == *self.name) {
                    let not_enforced = decision
                        .as_ref()
                        .and_then(|(decided, _)| LandingOrigin::from_evaluation(decided.evaluated));
                    let origin = match (&decision, not_enforced) {
                        (_, Some(origin)) => origin,
                        (Some((_, None)), None) => LandingOrigin::Decided,
                        (Some((_, Some(_))), None) => LandingOrigin::UndecidedPolicy,
                        (None, None) => LandingOrigin::Unauthorised,
                    };
                    // What a later run found landed at some time after its decision.
                    let observed_at = match &decision {
                        Some((decided, _)) if outcome.found_late => decided.observed_at,
                        _ => outcome.observed_at,
                    };
                    history.moves.push(LandedRefMove {
                        record: record.number,
                        holder,
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
                    holder,
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
                let is_allowed = self.acts.add_act((holder, record.number), event);
                history.acts.extend(
                    is_allowed.then(|| RecordedChangeAct { record: record.number, event: event.clone() }),
                );
            }
            LedgerEvent::PullVerdict(verdict)
                if verdict.target == *self.name && verdict.standing == RecordedStanding::Denied =>
            {
                history.refusals.push(RefRefusal {
                    ref_name: verdict.target.clone(),
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
        self.add_newest_sight();
        self.state.apply_record(record);
    }

    fn add_newest_sight(&mut self) {
        if let Some(seen) = self.observations.last_seen(self.name)
            && self.history.sights.last() != Some(&seen)
        {
            self.history.sights.push(seen);
        }
    }

    fn add_decision(&mut self, holder: Oid, record: &Record, decided: &DecisionRecord, doubt: Option<u64>) {
        if !decided.is_allowed() {
            for one in list_refused_refs(decided, self.name) {
                self.history.refusals.push(RefRefusal {
                    ref_name: one.name.clone(),
                    record: record.number,
                    holder,
                    observed_at: decided.observed_at,
                    pusher: decided.pusher.clone(),
                    new: one.new,
                    rules: list_refusing_rules(decided),
                });
            }
            return;
        }
        let own = decided.refs.iter().find(|one| one.name == *self.name);
        let Some(own) = own.filter(|own| own.protected) else { return };
        let decision = MoveDecision::from_record((record.number, holder), decided, own);
        self.decisions.insert(decided.id.clone(), (Rc::new(decision), doubt));
    }

    /// Marks what a decision brought of whose policy it is not known whether it came without one.
    fn mark_uncompared_policies(&mut self) {
        let uncompared = self.policy_origins.uncompared_records();
        for one in &mut self.history.moves {
            let doubt = one.decision.as_ref().and_then(|decided| self.decisions.get(&decided.id)?.1);
            if one.origin == LandingOrigin::UndecidedPolicy
                && doubt.is_some_and(|number| uncompared.contains(&number))
            {
                one.origin = LandingOrigin::PolicyNotKnown;
            }
        }
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
