//! Reconciling the ledger: decisions that were written ahead become records, with their outcomes.
//!
//! The hook that git calls after a push does it, or the next push, or `changegate ledger reconcile`. A
//! decision leaves the disk only after it is in the ledger.
//!
//! The order of reading matters. First the decisions on disk and whether their pushes have ended, then the
//! refs, then the decisions once more. So what a ref holds is final for every push that has ended, and every
//! visible move has its decision among those read last, since a decision is on disk before its ref moves. A
//! move without one is an unauthorised change.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use jiff::Timestamp;

use crate::change::{Oid, Text};
use crate::gate::acts::ACT_REF_PREFIX;
use crate::gate::break_glass::{REQUEST_REF_PREFIX, is_request_ref};
use crate::ledger::record::convert::convert_all;
use crate::ledger::record::{DecisionOutcome, DecisionRecord, LedgerBeginning, LedgerEvent, RecordedMove};
use crate::ledger::server::brought_commits::BroughtCommits;
use crate::ledger::server::discharge::{
    LandedClosings, describe_discharge, describe_refused_closings, find_merged_commits, list_discharges,
};
use crate::ledger::server::heartbeat::{find_last_sign, plan_heartbeat};
use crate::ledger::server::landed_move::LandedMove;
use crate::ledger::server::pending::{self, JournaledDecision, PendingDecision, list_names, split_moves};
use crate::ledger::server::recorded_entries::{MAX_APPENDED_DECISIONS, find_recorded_entries};
use crate::ledger::server::ref_path::{RefStep, find_ref_path};
use crate::ledger::server::ref_steps::{self, group_edges_by_ref, is_ready};
use crate::ledger::server::seen_tips::{FollowedRefs, SeenTips};
use crate::ledger::server::write_ahead::{self, JournalEntry};
use crate::ledger::state::acts::{build_act_event, is_statement_ref};
use crate::ledger::state::break_glass::{self, SessionRequest};
use crate::ledger::state::{
    TrackedObligation, UnauthorisedChange, decode_ref_key, encode_ref_key, unauthorised,
};
use crate::ledger::store::gate_folder::{self, LedgerLock};
use crate::ledger::store::protected_refs::ProtectedRefs;
use crate::ledger::store::{LedgerWriter, find_decision, remove_stale_lock};

pub use crate::ledger::server::pending::LandedPush;
pub use crate::ledger::server::reconcile_context::{ReconcileContext, ReconcileOutcome};

const CANNOT_LIST: &str = "cannot list what was written ahead";

/// Reconciles the ledger with the refs; `landed_push` is what git reports about the push that calls this.
///
/// # Errors
///
/// Fails if the ledger cannot be read or written; what is not in it stays on disk.
pub fn reconcile_ledger(
    context: &ReconcileContext<'_>,
    landed_push: Option<LandedPush<'_>>,
) -> Result<ReconcileOutcome> {
    let directory = context.repository.common_dir();
    let mut lock = gate_folder::acquire_lock(directory).context("cannot lock the ledger")?;
    let now = (context.clock)();
    remove_stale_lock(context.repository, &mut lock)?;
    let ledger = LedgerWriter::open_with_reader(context.states, context.signing_key)?;
    let mut max_denials = context.max_denials;
    // After a run that was killed, the journal has decisions that are recorded. They are told by the newest
    // records, so all of them are looked for before others are appended.
    if write_ahead::has_entry_of(directory, &ledger.state().recent_decisions).context(CANNOT_LIST)? {
        max_denials = usize::MAX;
    }
    let first = write_ahead::list_entries(directory, &[], max_denials).context(CANNOT_LIST)?;
    let recorded = find_recorded_entries(context.repository, ledger.state(), &first)?;
    let is_over = |entry: &JournalEntry| context.is_push_over(entry, now);
    let mut pending = pending::collect_pending(first.clone(), ledger.state(), &recorded, &is_over);
    let mut also = BTreeSet::new();
    for (name, _) in pending.iter().flat_map(PendingDecision::list_edges) {
        also.insert(name.clone());
    }
    let scope = context.scope.map(<[_]>::to_vec);
    let refs = ProtectedRefs::read_refs(context.repository, scope, ledger.state(), &also)?;
    let request_refs = context.repository.list_direct_refs(REQUEST_REF_PREFIX)?;
    let act_refs = context.repository.list_direct_refs(ACT_REF_PREFIX)?;
    // A decision that was found only after the refs were read cannot count as ended.
    let later = write_ahead::list_entries(directory, &first, 0).context(CANNOT_LIST)?;
    for file in later {
        pending.push(pending::build_pending(file, ledger.state(), &recorded, &|_| false));
    }
    if let Some(push) = landed_push {
        pending::mark_landed(&mut pending, &push, context.repository)?;
    }
    let mut run = LedgerReconciler {
        context,
        ledger,
        lock: &mut lock,
        outcome: ReconcileOutcome::default(),
        finished_files: Vec::new(),
        has_recorded_sign: false,
        now,
    };
    let before = FollowedRefs::from_state(run.ledger.state());
    run.begin_or_rescope(&refs, &pending)?;
    run.record_regularisation_terms()?;
    run.record_decisions(before, &refs, &mut pending)?;
    run.record_unexplained(&refs, &pending)?;
    run.record_heartbeat()?;
    run.commit_records()?;
    pending::remove_request_refs(context.repository, request_refs, &pending, now);
    let spent_refs = pending::list_spent_act_refs(context.repository, act_refs);
    pending::remove_request_refs(context.repository, spent_refs, &pending, now);
    let over = now.checked_sub(context.push_timeout).unwrap_or(Timestamp::MIN);
    write_ahead::remove_unfinished(directory, over).context(CANNOT_LIST)?;
    Ok(run.outcome)
}

struct LedgerReconciler<'a, 'b> {
    context: &'b ReconcileContext<'a>,
    ledger: LedgerWriter<'a>,
    lock: &'b mut LedgerLock,
    outcome: ReconcileOutcome,
    /// The files to remove once the ledger holds what was appended.
    finished_files: Vec<PathBuf>,
    /// True if this run has appended something else than denials.
    has_recorded_sign: bool,
    now: Timestamp,
}

impl LedgerReconciler<'_, '_> {
    fn append_event(&mut self, event: LedgerEvent) -> Result<()> {
        self.ledger.append_event(event, self.now)?;
        self.outcome.appended_records += 1;
        self.has_recorded_sign = true;
        Ok(())
    }

    /// Records a sign that the gate stood, if nothing else was recorded for a while.
    fn record_heartbeat(&mut self) -> Result<()> {
        let Some(hook) = self.context.heartbeat else { return Ok(()) };
        let tool = self.context.tool_version;
        let waiting = self.outcome.waiting_decisions;
        let newest_sign = match self.has_recorded_sign {
            true => Some(self.now),
            false => find_last_sign(self.context.repository, self.now)?,
        };
        match plan_heartbeat(&self.ledger, newest_sign, hook, waiting, tool, self.now) {
            Some(heartbeat) => self.append_event(LedgerEvent::Heartbeat(heartbeat)),
            None => Ok(()),
        }
    }

    fn commit_records(&mut self) -> Result<()> {
        self.ledger.commit_records(self.lock, self.now)?;
        for path in self.finished_files.drain(..) {
            pending::remove_entry(&path)?;
        }
        Ok(())
    }

    /// Begins the ledger, or records that other refs are protected than before.
    fn begin_or_rescope(&mut self, refs: &ProtectedRefs, pending: &[PendingDecision]) -> Result<()> {
        // Decisions that are not in the ledger are recorded after this, so a ref begins with what it held
        // before the first of them.
        let asked = group_edges_by_ref(pending);
        let find_first_tip = |name: &Text, tip: Oid| {
            let edges = asked.get(name).map(|of_ref| of_ref.edges.as_slice()).unwrap_or_default();
            match find_ref_path(None, Some(tip), edges, &|_| false).first() {
                Some(RefStep::Gap(_, to)) => *to,
                Some(RefStep::Decided(_)) => None,
                None => Some(tip),
            }
        };
        if !self.ledger.has_begun() {
            let begin = LedgerBeginning {
                protects: refs.pattern_texts(),
                tips: refs.select_tips(&find_first_tip, &|_| true),
                tool: self.context.tool_version.to_owned(),
            };
            return self.append_event(LedgerEvent::Begin(begin));
        }
        if let Some(scope) = refs.find_scope_change(self.ledger.state(), &find_first_tip) {
            self.append_event(LedgerEvent::Scope(scope))?;
        }
        Ok(())
    }

    /// Appends every decision whose outcome is known. One that moved several refs waits until the steps
    /// before it are recorded on each of them.
    fn record_decisions(
        &mut self,
        before: FollowedRefs,
        refs: &ProtectedRefs,
        pending: &mut [PendingDecision],
    ) -> Result<()> {
        let (repository, state) = (self.context.repository, self.ledger.state());
        let steps = ref_steps::find_ref_steps(repository, state, refs, pending);
        let mut seen = SeenTips::gather(repository, (before, state), (refs, pending), steps);
        let mut left: Vec<usize> = (0..pending.len()).collect();
        while !left.is_empty() {
            let ready = left.iter().position(|place| is_ready(*place, &seen.steps));
            // Steps cannot wait for one another. If they seem to, the oldest decision comes first.
            let place = left.remove(ready.unwrap_or(0));
            let (landed, gaps) = ref_steps::take_decision_steps(place, &mut seen.steps);
            self.record_unauthorised(gaps)?;
            if let Some(one) = pending.get_mut(place) {
                self.record_pending(one, &landed, &mut seen)?;
            }
            if self.finished_files.len() >= MAX_APPENDED_DECISIONS {
                self.commit_records()?;
            }
        }
        Ok(())
    }

    /// Appends what is known about one decision.
    fn record_pending(
        &mut self,
        one: &mut PendingDecision,
        landed: &BTreeSet<Text>,
        seen: &mut SeenTips<'_>,
    ) -> Result<()> {
        match one {
            PendingDecision::Damaged { damaged, path, is_known } => {
                if !*is_known {
                    self.append_event(LedgerEvent::Damaged(damaged.clone()))?;
                    self.outcome.damaged_decisions += 1;
                    self.commit_records()?;
                }
                pending::set_aside_file(path)
            }
            PendingDecision::Unmoved { decision_id, moves } => {
                let (moved, _) = split_moves(moves, landed);
                if moved.is_empty() {
                    return Ok(());
                }
                self.outcome.found_late += 1;
                let names = list_names(&moved);
                self.record_outcome(decision_id.clone(), moved, Vec::new(), true)?;
                match find_decision(self.context.repository, decision_id)? {
                    Some(decided) => self.record_consequences(&decided, &names),
                    None => Ok(()),
                }
            }
            PendingDecision::Journaled(one) => self.record_journaled(one, landed, seen),
        }
    }

    /// Appends a decision on disk and its outcome. While its push may not have ended, only moves that have
    /// happened are recorded, and the file stays.
    fn record_journaled(
        &mut self,
        one: &mut JournaledDecision,
        landed: &BTreeSet<Text>,
        seen: &mut SeenTips<'_>,
    ) -> Result<()> {
        let (moved, unmoved) = split_moves(&one.moves, landed);
        let is_complete = one.is_push_over || unmoved.is_empty();
        if !is_complete && moved.is_empty() {
            self.outcome.waiting_decisions += 1;
            return Ok(());
        }
        let decided = &one.entry.decided;
        let reported_moves = if one.is_reported { moved.clone() } else { Vec::new() };
        // An earlier run may have recorded the decision and stopped before the outcome.
        if !one.is_recorded {
            let (decided, beside) = one.read_whole_entry()?.split_files();
            // What it saw came before it.
            let came_before = seen.find_unexplained(&decided, self.ledger.state())?;
            self.record_unauthorised(came_before)?;
            self.ledger.append_decision(decided, beside, self.now)?;
            self.outcome.appended_records += 1;
        }
        if decided.is_allowed() && !one.moves.is_empty() {
            let is_late = one.is_push_over && !one.is_reported;
            self.outcome.found_late += usize::from(is_late);
            let names = list_names(&moved);
            let unmoved = if one.is_push_over { list_names(&unmoved) } else { Vec::new() };
            self.record_outcome(decided.id.clone(), moved, unmoved, is_late)?;
            self.record_consequences(decided, &names)?;
        }
        for moved in &reported_moves {
            let landed = LandedMove::from_state(moved, &decided.id, self.ledger.state());
            self.outcome.landed_moves.push(landed);
        }
        if is_complete {
            one.is_complete = true;
            self.finished_files.push(one.path.clone());
        }
        Ok(())
    }

    fn record_outcome(
        &mut self,
        decision_id: String,
        landed: Vec<RecordedMove>,
        unmoved: Vec<Text>,
        found_late: bool,
    ) -> Result<()> {
        let outcome = DecisionOutcome { decision_id, landed, unmoved, observed_at: self.now, found_late };
        self.append_event(LedgerEvent::Outcome(outcome))
    }

    /// Records the obligations that the changes on the refs `landed` close, and the break-glass session
    /// that a request opens or closes.
    fn record_consequences(&mut self, decided: &DecisionRecord, landed: &[Text]) -> Result<()> {
        for one in &decided.refs {
            if one.closings.is_empty() || !landed.contains(&one.name) {
                continue;
            }
            let state = self.ledger.state();
            let closings = convert_all(&one.closings);
            let inner = find_merged_commits(self.context.repository);
            let landed = LandedClosings::of_decision(&one.name, &closings, &decided.id, &inner);
            self.outcome.closing_notes.extend(describe_refused_closings(state, landed));
            for event in list_discharges(state, landed, decided.observed_at) {
                self.outcome.closing_notes.extend(describe_discharge(&event));
                self.append_event(event)?;
            }
        }
        if landed.iter().any(is_request_ref) {
            self.record_session(decided)?;
        }
        if landed.iter().any(is_statement_ref)
            && let Some(event) = build_act_event(decided)
        {
            self.outcome.act_notes.push(event.describe());
            self.append_event(LedgerEvent::Act(event))?;
        }
        Ok(())
    }

    /// Records that a break-glass session is opened or closed, as was decided.
    fn record_session(&mut self, decided: &DecisionRecord) -> Result<()> {
        let Some(request) = SessionRequest::from_decision(decided) else { return Ok(()) };
        match break_glass::build_session_event(self.ledger.state(), &request) {
            Ok(record) => {
                self.outcome.session_notes.push(record.describe());
                self.append_event(LedgerEvent::BreakGlass(record))
            }
            Err(why) => {
                self.outcome.session_notes.push(why);
                Ok(())
            }
        }
    }

    /// Records moves without a decision, and then who may regularise them.
    fn record_unauthorised(&mut self, moves: Vec<RecordedMove>) -> Result<()> {
        if moves.is_empty() {
            return Ok(());
        }
        for moved in moves {
            self.append_event(LedgerEvent::Unauthorised(moved.clone()))?;
            self.outcome.unauthorised.push(moved);
        }
        self.record_regularisation_terms()
    }

    /// Records who may regularise each unauthorised change that has no such record yet.
    fn record_regularisation_terms(&mut self) -> Result<()> {
        let Some(policy) = self.context.policy else { return Ok(()) };
        let repository = self.context.repository;
        let state = self.ledger.state();
        let mut brought: Option<BroughtCommits> = None;
        let mut find_contributors = |owed: &TrackedObligation, change: &UnauthorisedChange| {
            let brought = brought.get_or_insert_with(|| BroughtCommits::find_brought(repository, state));
            Some(brought.find_contributors(repository, policy.0, (owed, change), self.now))
        };
        for terms in unauthorised::derive_regularisation_terms(policy, state, &mut find_contributors) {
            self.append_event(LedgerEvent::RegularisationTerms(terms))?;
        }
        Ok(())
    }

    /// Records what refs hold that no pending decision accounts for.
    fn record_unexplained(&mut self, refs: &ProtectedRefs, pending: &[PendingDecision]) -> Result<()> {
        let mut names: BTreeSet<Text> = refs.ref_names().cloned().collect();
        for key in self.ledger.state().tips.keys() {
            names.insert(decode_ref_key(key));
        }
        for one in pending {
            if one.is_open() {
                for (name, _) in one.list_edges() {
                    names.remove(name);
                }
            }
        }
        let mut moves = Vec::new();
        for name in names {
            if !refs.is_protected(&name) {
                continue;
            }
            let old = self.ledger.state().tips.get(&encode_ref_key(&name)).copied();
            let new = refs.ref_tip(&name).flatten();
            if old != new {
                moves.push(RecordedMove { name, old, new });
            }
        }
        self.record_unauthorised(moves)
    }
}
