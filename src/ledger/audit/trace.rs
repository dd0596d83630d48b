//! Traces one change through the ledger: every record about it, oldest first.
//!
//! A decision names a push by its old and new tip, so a change is also searched for in what each landing
//! brought. The obligations of the change follow from these records alone, and are derived from them again.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use jiff::Timestamp;

use crate::change::{Oid, Stage, Text};
use crate::git::Repository;
use crate::ledger::LEDGER_REF;
use crate::ledger::audit::attempts::{AttemptSearch, RefusedAttempt};
use crate::ledger::audit::kept_reasons::read_kept_reasons;
pub use crate::ledger::audit::landing_origin::LandingOrigin;
use crate::ledger::audit::policy_origins::PolicyOrigins;
use crate::ledger::audit::ref_verdicts;
use crate::ledger::record::readable::ReadableRecord;
use crate::ledger::record::{
    self, DecisionOutcome, DecisionRecord, LedgerEvent, Record, RecordedMove, RecordedReasons,
    RecordedStanding, RefDecision, RefTip,
};
use crate::ledger::state::LedgerState;
use crate::ledger::store::{RECORD_FILE, read_ledger_file};
use crate::verdict::Verdict;

/// What the ledger holds about one change.
#[derive(Clone, Debug, Default)]
pub struct ChangeTrace {
    /// The records about it, oldest first.
    pub records: Vec<TracedRecord>,
    /// Its obligations, open and closed; the rest of this state has no meaning.
    pub state: LedgerState,
    /// The refs that it has landed on, each with how it came there last.
    pub landings: BTreeMap<Text, LandingOrigin>,
    /// The decisions by a policy that came without one and is not regularised, by their ids, each with the
    /// number of the record that tells of it.
    pub undecided_policies: BTreeMap<String, u64>,
    /// Those of these records of which that is not known, since the repository does not hold what the ref held before.
    pub uncompared_records: BTreeSet<u64>,
    /// The refused attempts that may have become it, oldest first.
    pub attempts: Vec<RefusedAttempt>,
    /// The numbers of the records of the decisions that allowed acts about it.
    pub act_decisions: Vec<u64>,
    /// The number of records that cannot be read.
    pub unreadable_records: usize,
}

/// One record about a change.
#[derive(Clone, Debug)]
pub struct TracedRecord {
    /// The commit that holds the record.
    pub commit: Oid,
    /// The record, as it was read.
    pub record: Box<Record>,
    /// The verdicts on the change, each with its ref; empty if the record is no decision.
    pub verdicts: Vec<(Text, Verdict)>,
    /// Why the verdicts of a decision are not available, if they are not.
    pub unavailable: Vec<String>,
    /// What the verdicts rest on, where it was kept.
    pub reasons: Vec<RecordedReasons>,
}

impl TracedRecord {
    /// Returns the decision, if this is the one with that id, and allows.
    fn find_allowing_decision(&self, id: &str) -> Option<&DecisionRecord> {
        match &self.record.event {
            LedgerEvent::Decision(decided) if decided.id == id && decided.is_allowed() => Some(decided),
            _ => None,
        }
    }
}

/// Returns what the ledger holds about the commit `change`.
///
/// # Errors
///
/// Fails if the ledger cannot be walked, or a record's objects cannot be read.
pub fn trace_change(repository: &Repository, change: Oid) -> Result<ChangeTrace> {
    let (commits, broken) = repository.walk_chain(repository.resolve_ref(LEDGER_REF.as_bytes())?.id);
    let mut run = ChangeTracer {
        repository,
        change,
        known_ids: BTreeSet::from([change]),
        allowed_decisions: BTreeMap::new(),
        unauthorised_refs: BTreeMap::new(),
        undecided_landings: BTreeMap::new(),
        allowed_ids: BTreeSet::new(),
        denials: Vec::new(),
        trace: ChangeTrace { unreadable_records: usize::from(broken.is_some()), ..ChangeTrace::default() },
    };
    let mut policy_origins = PolicyOrigins::new(repository);
    for (commit, _) in commits.into_iter().rev() {
        // A damaged record is counted, and the others are still read.
        match read_known_record(repository, commit) {
            Ok(Some(record)) => {
                if let (Some(number), LedgerEvent::Decision(decided)) =
                    (policy_origins.add_record(&record), &record.event)
                {
                    run.trace.undecided_policies.insert(decided.id.clone(), number);
                }
                match &record.event {
                    LedgerEvent::Decision(decided) => run.note_decision(commit, decided),
                    LedgerEvent::PullVerdict(verdict) if verdict.standing == RecordedStanding::Denied => {
                        run.denials.push(commit);
                    }
                    _ => {}
                }
                run.add_record(commit, record)?;
            }
            Ok(None) | Err(_) => run.trace.unreadable_records += 1,
        }
    }
    run.end_policies(policy_origins.uncompared_records());
    run.trace.attempts = run.find_attempts()?;
    // The traced decisions may owe something for other changes too.
    let known_ids = run.known_ids;
    run.trace.state.obligations.retain(|id, owed| {
        owed.change.is_some_and(|change| known_ids.contains(&change))
            || record::parse_unauthorised_key(id).is_some()
    });
    Ok(run.trace)
}

fn read_known_record(repository: &Repository, commit: Oid) -> Result<Option<Box<Record>>> {
    let bytes = read_ledger_file(repository, commit, RECORD_FILE)?.unwrap_or_default();
    Ok(match ReadableRecord::parse_record(&bytes) {
        ReadableRecord::Known(record) => Some(record),
        _ => None,
    })
}

struct ChangeTracer<'a> {
    repository: &'a Repository,
    change: Oid,
    /// The ids of the change: its own, that of the merge that brought it, and that of its squashed commit.
    known_ids: BTreeSet<Oid>,
    /// The commits of the decisions that allowed something and do not name the change, by their ids.
    allowed_decisions: BTreeMap<String, Oid>,
    /// The refs that it came to without a decision, by the obligation to regularise that.
    unauthorised_refs: BTreeMap<String, Text>,
    /// The refs that it came to by a policy without a decision, each with the record that tells of that.
    undecided_landings: BTreeMap<Text, u64>,
    /// The ids that decisions allowed.
    allowed_ids: BTreeSet<Oid>,
    /// The commits of the ledger that hold denials.
    denials: Vec<Oid>,
    trace: ChangeTrace,
}

impl ChangeTracer<'_> {
    /// Remembers what the search for refused attempts needs of a decision.
    fn note_decision(&mut self, commit: Oid, decided: &DecisionRecord) {
        if decided.is_allowed() {
            self.allowed_ids.extend(decided.refs.iter().filter_map(|one| one.new));
        } else if decided.stage != Stage::Landed {
            // What a workflow denies has landed, and was no attempt.
            self.denials.push(commit);
        }
    }

    fn find_attempts(&self) -> Result<Vec<RefusedAttempt>> {
        let mut pull = None;
        let mut landed_at = Timestamp::MAX;
        for traced in &self.trace.records {
            match &traced.record.event {
                LedgerEvent::Outcome(outcome) => landed_at = outcome.observed_at,
                LedgerEvent::Decision(decided) => {
                    let mut ways = decided.refs.iter().flat_map(|one| &one.pull_landings);
                    let own = ways.rfind(|way| self.known_ids.contains(&way.landed_as));
                    pull = own.map(|way| way.pull.clone()).or(pull);
                }
                _ => {}
            }
        }
        let repository = self.repository;
        let (change, allowed, denials) = (self.change, &self.allowed_ids, &self.denials);
        AttemptSearch { repository, change, pull, landed_at, allowed, denials }.find_attempts()
    }

    /// Adds a record to the trace if it is about the change, and learns from it what the change is called
    /// in later records. The records have to come oldest first.
    fn add_record(&mut self, commit: Oid, record: Box<Record>) -> Result<()> {
        let is_about = match &record.event {
            LedgerEvent::Begin(begin) => {
                self.add_earlier_tips(&begin.tips, LandingOrigin::AlreadyThere);
                false
            }
            LedgerEvent::Scope(scope) => {
                self.add_earlier_tips(&scope.newly_protected, LandingOrigin::BeforeProtection)
            }
            LedgerEvent::Decision(decided) if self.is_named_by(decided) => true,
            LedgerEvent::Decision(decided) => {
                // Its outcome may show that it brought the change although it does not name it.
                if decided.is_allowed() {
                    self.allowed_decisions.insert(decided.id.clone(), commit);
                }
                false
            }
            LedgerEvent::Outcome(outcome) => self.add_outcome(outcome)?,
            LedgerEvent::Unauthorised(moved) => {
                let is_brought = !self.find_brought_refs(std::slice::from_ref(moved)).is_empty();
                if is_brought {
                    self.trace.landings.insert(moved.name.clone(), LandingOrigin::Unauthorised);
                    let key = record::unauthorised_key(record.number);
                    self.unauthorised_refs.insert(key, moved.name.clone());
                }
                is_brought
            }
            LedgerEvent::RegularisationTerms(terms) => {
                self.unauthorised_refs.contains_key(&record::unauthorised_key(terms.record_number))
            }
            LedgerEvent::Discharged(one) => {
                if let Some(name) = self.unauthorised_refs.get(&one.obligation) {
                    self.trace.landings.insert(name.clone(), LandingOrigin::Regularised);
                }
                if let Some(number) = record::parse_unauthorised_key(&one.obligation) {
                    self.accept_policy(number);
                }
                self.is_own_obligation(&one.obligation)
            }
            LedgerEvent::Act(event) => {
                let is_about = self.known_ids.contains(&event.act.change);
                let decision = self.allowed_decisions.get(&event.decision).filter(|_| is_about);
                if let Some(decision) = decision
                    && let Some(decided) = read_known_record(self.repository, *decision)?
                {
                    self.trace.act_decisions.push(decided.number);
                }
                is_about
            }
            LedgerEvent::Escalated(one) => {
                one.due_soon.iter().chain(&one.overdue).any(|id| self.is_own_obligation(id))
            }
            _ => false,
        };
        if is_about { self.add_traced_record(commit, record) } else { Ok(()) }
    }

    /// Returns whether the moves of an outcome brought the change. If its decision does not name the
    /// change, the decision becomes part of the trace too.
    fn add_outcome(&mut self, outcome: &DecisionOutcome) -> Result<bool> {
        let brought = self.find_brought_refs(&outcome.landed);
        if brought.is_empty() {
            return Ok(false);
        }
        if let Some(decision) = self.allowed_decisions.remove(&outcome.decision_id)
            && let Some(decided) = read_known_record(self.repository, decision)?
        {
            self.add_traced_record(decision, decided)?;
        }
        let id = &outcome.decision_id;
        let allowing = self.trace.records.iter().find_map(|traced| traced.find_allowing_decision(id));
        let doubt = self.trace.undecided_policies.get(id).copied();
        let not_enforced = allowing.and_then(|decided| LandingOrigin::from_evaluation(decided.evaluated));
        let origin = match (allowing, not_enforced, doubt) {
            (_, Some(origin), _) => origin,
            (Some(_), None, Some(_)) => LandingOrigin::UndecidedPolicy,
            (Some(_), None, None) => LandingOrigin::Decided,
            (None, None, _) => LandingOrigin::Unauthorised,
        };
        for name in brought {
            if let (LandingOrigin::UndecidedPolicy, Some(number)) = (origin, doubt) {
                self.undecided_landings.insert(name.clone(), number);
            }
            self.trace.landings.insert(name, origin);
        }
        Ok(true)
    }

    /// Accepts what was decided by the policy that an unauthorised move brought, now that it is regularised.
    fn accept_policy(&mut self, number: u64) {
        self.trace.undecided_policies.retain(|_, of_move| *of_move != number);
        for (name, of_move) in &self.undecided_landings {
            let landing = self.trace.landings.get_mut(name);
            if *of_move == number
                && let Some(landing @ LandingOrigin::UndecidedPolicy) = landing
            {
                *landing = LandingOrigin::Decided;
            }
        }
    }

    /// Marks the landings of which it is not known whether their policy came without a decision.
    fn end_policies(&mut self, uncompared: &BTreeSet<u64>) {
        for (name, number) in &self.undecided_landings {
            if uncompared.contains(number)
                && let Some(landing @ LandingOrigin::UndecidedPolicy) = self.trace.landings.get_mut(name)
            {
                *landing = LandingOrigin::PolicyNotKnown;
            }
        }
        self.trace.uncompared_records.clone_from(uncompared);
    }

    /// Adds the refs that held the change when they became protected; returns whether there are any.
    fn add_earlier_tips(&mut self, tips: &[RefTip], origin: LandingOrigin) -> bool {
        let mut is_there = false;
        for tip in tips {
            let history = self.repository.find_new_history(tip.id, &[self.change]);
            if tip.id == self.change || history.is_ok_and(|history| history.leads_back_to(self.change)) {
                self.trace.landings.insert(tip.name.clone(), origin);
                is_there = true;
            }
        }
        is_there
    }

    fn is_named_by(&self, decided: &DecisionRecord) -> bool {
        decided.refs.iter().any(|one| self.is_named_in(one))
    }

    fn is_named_in(&self, one: &RefDecision) -> bool {
        let mut named: Vec<Option<Oid>> = vec![one.new];
        for verdict in &one.changes {
            named.push(verdict.revision);
        }
        for landing in &one.pull_landings {
            named.push(Some(landing.landed_as));
            named.push(Some(landing.change));
        }
        named.iter().flatten().any(|id| self.known_ids.contains(id))
    }

    /// Returns the refs to which these moves brought the change, and adds the ids that it got there.
    fn find_brought_refs(&mut self, moves: &[RecordedMove]) -> Vec<Text> {
        let mut names = Vec::new();
        for moved in moves {
            let Some(new) = moved.new else { continue };
            let is_there = self.trace.landings.contains_key(&moved.name);
            if is_there && !self.known_ids.contains(&new) {
                continue;
            }
            let hidden: Vec<Oid> = moved.old.into_iter().collect();
            // The commits of a move can be gone, if the ref was moved away from them.
            let steps = self.repository.list_steps(new, &hidden).unwrap_or_default();
            if let Some(step) = steps.iter().find(|step| step.contains(&self.change)) {
                self.known_ids.extend(step.last());
                names.push(moved.name.clone());
            } else if self.known_ids.contains(&new) {
                names.push(moved.name.clone());
            }
        }
        names
    }

    fn is_own_obligation(&self, id: &str) -> bool {
        if self.unauthorised_refs.contains_key(id) {
            return true;
        }
        let owed = self.trace.state.obligations.get(id);
        owed.and_then(|owed| owed.change).is_some_and(|change| self.known_ids.contains(&change))
    }

    fn add_traced_record(&mut self, commit: Oid, record: Box<Record>) -> Result<()> {
        let mut verdicts = Vec::new();
        let mut unavailable = Vec::new();
        let mut reasons = Vec::new();
        if let LedgerEvent::Decision(decided) = &record.event {
            for one in &decided.refs {
                let mut ids = self.known_ids.clone();
                for landing in &one.pull_landings {
                    if self.known_ids.contains(&landing.landed_as) {
                        ids.insert(landing.change);
                    }
                }
                let judged = ref_verdicts::read_ref_verdicts(self.repository, commit, decided, one)?;
                let before = verdicts.len();
                for verdict in judged.verdicts {
                    if verdict.revision.is_some_and(|id| ids.contains(&id)) {
                        verdicts.push((one.name.clone(), verdict));
                    }
                }
                if verdicts.len() == before {
                    unavailable.extend(judged.unavailable);
                }
            }
        }
        if let LedgerEvent::Decision(decided) = &record.event {
            reasons = read_kept_reasons(self.repository, commit, decided)?;
            reasons.retain(|one| {
                verdicts.iter().any(|(_, verdict): &(Text, Verdict)| verdict.revision == one.revision)
            });
        }
        self.trace.state.apply_record(&record);
        self.trace.records.push(TracedRecord { commit, record, verdicts, unavailable, reasons });
        Ok(())
    }
}
