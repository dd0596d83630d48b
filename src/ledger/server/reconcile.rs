//! Folding in: what was written ahead becomes record after record, with what became of it.
//!
//! Whoever comes next does it: the push itself when git tells it what landed, the next push, or
//! somebody who asks for it. Each decision leaves the disk only after it is in the ledger, and is
//! known again if a process died between the two.
//!
//! The order of looking matters. First come the decisions on disk and whether their pushes are over,
//! then what the refs hold, then the decisions once more. So what the refs hold is final for every
//! push that is over, and every move that can be seen has its decision among those seen last, since a
//! decision is on disk before its ref moves. A move without one was made by somebody else.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use jiff::{SignedDuration, Timestamp};

use crate::change::{Oid, Text};
use crate::gate::break_glass::{REQUEST_REF_PREFIX, is_request_ref};
use crate::gate::contributors::find_ref_contributors;
use crate::git::{RefUpdate, Repository};
use crate::ledger::record::convert::convert_all;
use crate::ledger::record::{
    DecisionOutcome, DecisionRecord, LedgerBeginning, LedgerEvent, RecordedMove, RecordedOutcome,
};
use crate::ledger::server::discharge::{describe_discharge, describe_refused_closings, list_discharges};
use crate::ledger::server::pending::{self, PendingDecision};
use crate::ledger::server::ref_path::{RefStep, find_ref_path};
use crate::ledger::server::ref_steps::{self, RefSteps, group_edges_by_ref, is_ready};
use crate::ledger::server::write_ahead;
use crate::ledger::state::break_glass::{self, SessionRequest};
use crate::ledger::state::{MAX_RECENT_DECISIONS, TrackedObligation, decode_ref_key, encode_ref_key};
use crate::ledger::state::{UnauthorisedChange, unauthorised};
use crate::ledger::store::gate_folder::{self, LedgerLock};
use crate::ledger::store::protected_refs::ProtectedRefs;
use crate::ledger::store::{LedgerWriter, find_decision, remove_stale_lock};
use crate::pattern::RefPattern;
use crate::policy::Policy;

/// What folding in takes.
pub struct ReconcileContext<'a> {
    /// The repository.
    pub repository: &'a Repository,
    /// Which refs are under change control; `None` if nobody can tell, and then what the ledger says
    /// goes on.
    pub scope: Option<&'a [RefPattern]>,
    /// The policy that stands now, and the ref that it is from; `None` if nobody can tell. It says who
    /// may declare what landed without a decision.
    pub policy: Option<(&'a Policy, &'a Text)>,
    /// The key that signs records.
    pub signing_key: Option<&'a str>,
    /// Tells when it is; asked once nobody else is waited for.
    pub clock: fn() -> Timestamp,
    /// How long a push may be under way before it counts as over, unless what serves it is gone.
    pub push_timeout: SignedDuration,
    /// The version of the gate.
    pub tool_version: &'a str,
    /// Whether what serves a push still runs; `None` if nobody can tell.
    pub is_process_running: &'a dyn Fn(&str) -> Option<bool>,
}

/// What git tells of a push: what landed, and what serves it.
#[derive(Clone, Copy, Debug)]
pub struct LandedPush<'a> {
    /// The refs that moved, by the names that were pushed.
    pub landed: &'a [RefUpdate],
    /// As in [`crate::ledger::server::write_ahead::Ahead::served_by`].
    pub served_by: Option<&'a str>,
}

/// What folding in came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReconcileOutcome {
    /// How many records were appended.
    pub appended_records: usize,
    /// How many decisions were found late: their push never told what became of it.
    pub found_late: usize,
    /// The refs that moved without a decision.
    pub unauthorised: Vec<RecordedMove>,
    /// How many decisions could not be read.
    pub damaged_decisions: usize,
    /// What the changes that landed closed, and what they would have closed and do not, as sentences.
    pub closing_notes: Vec<String>,
    /// What became of break-glass sessions, as sentences.
    pub session_notes: Vec<String>,
    /// How many decisions wait for a push that may still be under way.
    pub waiting_decisions: usize,
    /// What has landed as decided, of what git has just told.
    pub landed_moves: Vec<LandedMove>,
}

/// A ref that moved as the push that asks had been allowed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LandedMove {
    /// What moved.
    pub moved: RecordedMove,
    /// When each thing is due that is owed for it; `None` for what is due at no known time.
    pub due_times: Vec<Option<Timestamp>>,
}

/// Folds in what was written ahead; `told` is what git tells of the push that asks, if one does.
///
/// # Errors
///
/// Fails if the ledger cannot be read or written; what is not in it stays on disk.
pub fn reconcile_ledger(
    folding: &ReconcileContext<'_>,
    told: Option<LandedPush<'_>>,
) -> Result<ReconcileOutcome> {
    let directory = folding.repository.common_dir();
    let mut lock = gate_folder::acquire_lock(directory).context("cannot lock the ledger")?;
    let now = (folding.clock)();
    remove_stale_lock(folding.repository, &mut lock)?;
    let ledger = LedgerWriter::open_ledger(folding.repository, folding.signing_key)?;
    let list = |known: &[_]| {
        write_ahead::list_entries(directory, known).context("cannot list what was written ahead")
    };
    let first = list(&[])?;
    let mut pending = pending::collect_pending(folding, now, first.clone(), ledger.state());
    let now_scope = folding.scope.map(<[_]>::to_vec);
    let also = pending.iter().flat_map(PendingDecision::list_edges).map(|(name, _)| name.clone()).collect();
    let refs = ProtectedRefs::read_refs(folding.repository, now_scope, ledger.state(), &also)?;
    let asked_for = folding.repository.list_direct_refs(REQUEST_REF_PREFIX)?;
    let later = list(&first)?;
    pending.extend(pending::collect_under_way(later, ledger.state()));
    if let Some(told) = told {
        pending::mark_landed(&mut pending, &told, folding.repository)?;
    }
    let mut run = LedgerReconciler {
        context: folding,
        ledger,
        lock: &mut lock,
        outcome: ReconcileOutcome::default(),
        finished_files: Vec::new(),
        now,
    };
    run.begin_or_rescope(&refs, &pending)?;
    run.record_regularisation_terms()?;
    run.record_decisions(&refs, &mut pending)?;
    run.record_unexplained(&refs, &pending)?;
    run.commit_records()?;
    pending::remove_request_refs(folding.repository, asked_for, &pending, now);
    let before = now.checked_sub(folding.push_timeout).unwrap_or(Timestamp::MIN);
    write_ahead::remove_unfinished(directory, before).context("cannot list what was written ahead")?;
    Ok(run.outcome)
}

struct LedgerReconciler<'a, 'b> {
    context: &'b ReconcileContext<'a>,
    ledger: LedgerWriter<'a>,
    lock: &'b mut LedgerLock,
    outcome: ReconcileOutcome,
    /// The files of decisions that are complete once the ledger holds what was appended.
    finished_files: Vec<PathBuf>,
    now: Timestamp,
}

impl LedgerReconciler<'_, '_> {
    fn append_event(&mut self, event: LedgerEvent, facts: Option<&str>) -> Result<()> {
        self.ledger.append_event(event, facts, self.now)?;
        self.outcome.appended_records += 1;
        Ok(())
    }

    fn commit_records(&mut self) -> Result<()> {
        self.ledger.commit_records(self.lock, self.now)?;
        for path in self.finished_files.drain(..) {
            pending::remove_entry(&path)?;
        }
        Ok(())
    }

    /// Begins the ledger, or notes that other refs are under change control than before.
    fn begin_or_rescope(&mut self, refs: &ProtectedRefs, pending: &[PendingDecision]) -> Result<()> {
        // What was decided and is not in the ledger comes after this.
        let asked = group_edges_by_ref(pending);
        let before = |name: &Text, holds: Oid| {
            let edges = asked.get(name).map(|(_, edges)| edges.as_slice()).unwrap_or_default();
            match find_ref_path(None, Some(holds), edges, &|_| false).first() {
                Some(RefStep::Gap(_, to)) => *to,
                Some(RefStep::Decided(_)) => None,
                None => Some(holds),
            }
        };
        if !self.ledger.has_begun() {
            let tips = refs.select_tips(&before, &|_| true);
            let begin = LedgerBeginning {
                protects: refs.pattern_texts(),
                tips,
                tool: self.context.tool_version.to_owned(),
            };
            return self.append_event(LedgerEvent::Begin(begin), None);
        }
        if let Some(scope) = refs.find_scope_change(self.ledger.state(), &before) {
            self.append_event(LedgerEvent::Scope(scope), None)?;
        }
        Ok(())
    }

    /// Appends every decision of which it is known what became of it.
    fn record_decisions(&mut self, refs: &ProtectedRefs, pending: &mut [PendingDecision]) -> Result<()> {
        let mut steps =
            ref_steps::find_ref_steps(self.context.repository, self.ledger.state(), refs, pending);
        let mut left: Vec<usize> = (0..pending.len()).collect();
        while !left.is_empty() {
            let ready = left.iter().position(|place| is_ready(*place, &steps));
            // Steps that wait for one another cannot be: the oldest decision comes first then.
            let place = left.remove(ready.unwrap_or(0));
            let landed = self.record_gaps(place, &mut steps)?;
            if let Some(one) = pending.get_mut(place) {
                self.record_pending(one, &landed)?;
            }
            if MAX_RECENT_DECISIONS / 4 <= self.finished_files.len() {
                self.commit_records()?;
            }
        }
        Ok(())
    }

    /// Takes the steps of one decision off, records what nobody decided before them, and returns the
    /// refs that landed.
    fn record_gaps(&mut self, place: usize, steps: &mut RefSteps) -> Result<BTreeSet<Text>> {
        let (landed, gaps) = ref_steps::take_decision_steps(place, steps);
        for moved in gaps {
            self.record_unauthorised(moved)?;
        }
        Ok(landed)
    }

    /// Appends one decision and what became of it, as far as that is known.
    fn record_pending(&mut self, one: &mut PendingDecision, landed: &BTreeSet<Text>) -> Result<()> {
        match one {
            PendingDecision::Damaged { damaged, path, is_known } => {
                if !*is_known {
                    self.append_event(LedgerEvent::Damaged(damaged.clone()), None)?;
                    self.outcome.damaged_decisions += 1;
                    self.commit_records()?;
                }
                pending::set_aside_file(path)
            }
            PendingDecision::Unmoved { decision_id: of, moves } => {
                let moved: Vec<RecordedMove> =
                    moves.iter().filter(|moved| landed.contains(&moved.name)).cloned().collect();
                if moved.is_empty() {
                    return Ok(());
                }
                self.outcome.found_late += 1;
                let names: Vec<Text> = moved.iter().map(|moved| moved.name.clone()).collect();
                self.record_outcome(of.clone(), moved, Vec::new(), true)?;
                let Some(decided) = find_decision(self.context.repository, of)? else { return Ok(()) };
                self.record_discharges(&decided, &names)?;
                if names.iter().any(is_request_ref) { self.record_session(&decided) } else { Ok(()) }
            }
            PendingDecision::Journaled(one) => {
                let is_late = one.is_push_over && !one.is_reported;
                let (moved, stayed): (Vec<RecordedMove>, Vec<RecordedMove>) =
                    one.moves.iter().cloned().partition(|moved| landed.contains(&moved.name));
                let is_complete = one.is_push_over || stayed.is_empty();
                if !is_complete && moved.is_empty() {
                    self.outcome.waiting_decisions += 1;
                    return Ok(());
                }
                let decided = &one.entry.decided;
                if one.is_reported {
                    self.outcome
                        .landed_moves
                        .extend(moved.iter().map(|moved| describe_landed_move(moved, decided)));
                }
                if !one.is_recorded {
                    let whole = one.read_whole_entry()?;
                    self.append_event(
                        LedgerEvent::Decision(Box::new(whole.decided)),
                        whole.facts.as_deref(),
                    )?;
                }
                if decided.is_allowed() && !one.moves.is_empty() {
                    self.outcome.found_late += usize::from(is_late);
                    let stayed = stayed.into_iter().filter(|_| one.is_push_over).map(|moved| moved.name);
                    let names: Vec<Text> = moved.iter().map(|moved| moved.name.clone()).collect();
                    self.record_outcome(decided.id.clone(), moved, stayed.collect(), is_late)?;
                    self.record_discharges(decided, &names)?;
                    if names.iter().any(is_request_ref) {
                        self.record_session(decided)?;
                    }
                }
                if is_complete {
                    one.is_complete = true;
                    self.finished_files.push(one.path.clone());
                }
                Ok(())
            }
        }
    }

    fn record_outcome(
        &mut self,
        of: String,
        landed: Vec<RecordedMove>,
        stayed: Vec<Text>,
        found_late: bool,
    ) -> Result<()> {
        let observed_at = self.now;
        self.append_event(
            LedgerEvent::Outcome(DecisionOutcome {
                decision_id: of,
                landed,
                unmoved: stayed,
                observed_at,
                found_late,
            }),
            None,
        )
    }

    /// Records what the changes that landed close of what was owed before.
    fn record_discharges(&mut self, decided: &DecisionRecord, landed: &[Text]) -> Result<()> {
        let refs = decided.refs.iter().filter(|one| landed.contains(&one.name) && !one.closings.is_empty());
        for one in refs {
            let (state, closings) = (self.ledger.state(), convert_all(&one.closings));
            self.outcome.closing_notes.extend(describe_refused_closings(state, &one.name, &closings));
            for event in list_discharges(state, &one.name, &closings, decided.observed_at) {
                self.outcome.closing_notes.extend(describe_discharge(&event));
                self.append_event(event, None)?;
            }
        }
        Ok(())
    }

    /// Records that a break-glass session is opened or closed, as was decided.
    fn record_session(&mut self, decided: &DecisionRecord) -> Result<()> {
        let Some(asking) = SessionRequest::from_decision(decided) else { return Ok(()) };
        match break_glass::build_session_event(self.ledger.state(), &asking) {
            Ok(record) => {
                self.outcome.session_notes.push(record.describe());
                self.append_event(LedgerEvent::BreakGlass(record), None)
            }
            Err(why) => {
                self.outcome.session_notes.push(why);
                Ok(())
            }
        }
    }

    fn record_unauthorised(&mut self, moved: RecordedMove) -> Result<()> {
        self.append_event(LedgerEvent::Unauthorised(moved.clone()), None)?;
        self.outcome.unauthorised.push(moved);
        self.record_regularisation_terms()
    }

    /// Records who may declare what landed without a decision, where nobody could say that before.
    fn record_regularisation_terms(&mut self) -> Result<()> {
        let Some(policy) = self.context.policy else { return Ok(()) };
        let (repository, state) = (self.context.repository, self.ledger.state());
        let mut makers = |owed: &TrackedObligation, stray: &UnauthorisedChange| {
            // A ref that is new brings what no other holds.
            let hidden = stray
                .old_tip
                .map_or_else(|| unauthorised::other_ref_tips(state, &owed.ref_name), |old| vec![old]);
            Some(find_ref_contributors(repository, policy.0, &owed.ref_name, owed.change, &hidden, self.now))
        };
        let flags = unauthorised::derive_regularisation_terms(policy, state, &mut makers);
        for flagged in flags {
            self.append_event(LedgerEvent::RegularisationTerms(flagged), None)?;
        }
        Ok(())
    }

    /// Records what refs hold that no decision on disk accounts for.
    fn record_unexplained(&mut self, refs: &ProtectedRefs, pending: &[PendingDecision]) -> Result<()> {
        let waiting =
            pending.iter().filter(|one| matches!(one, PendingDecision::Journaled(one) if !one.is_complete));
        let waiting: BTreeSet<&Text> =
            waiting.flat_map(PendingDecision::list_edges).map(|(name, _)| name).collect();
        let known = self.ledger.state().tips.keys().map(|key| decode_ref_key(key));
        let mut names: Vec<Text> = known.chain(refs.ref_names().cloned()).collect();
        names.sort();
        names.dedup();
        for name in names.into_iter().filter(|name| refs.is_protected(name) && !waiting.contains(name)) {
            let old = self.ledger.state().tips.get(&encode_ref_key(&name)).copied();
            let new = refs.ref_tip(&name).flatten();
            if old != new {
                self.record_unauthorised(RecordedMove { name, old, new })?;
            }
        }
        Ok(())
    }
}

fn describe_landed_move(moved: &RecordedMove, decided: &DecisionRecord) -> LandedMove {
    let changes = decided.refs.iter().filter(|one| one.name == moved.name).flat_map(|one| &one.changes);
    let outcomes = changes.flat_map(|change| &change.judgements).map(|judgement| &judgement.outcome);
    let owed = outcomes.filter_map(|outcome| match outcome {
        RecordedOutcome::Owed(owed) => Some(owed.iter().map(|one| one.due)),
        _ => None,
    });
    LandedMove { moved: moved.clone(), due_times: owed.flatten().collect() }
}
