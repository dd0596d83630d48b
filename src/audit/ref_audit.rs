//! The audit of one ref: every step of its history that landed in the period, with what the ledger and the commits tell
//! of it, one after the other.
//!
//! Steps are read and judged on several threads and handed on oldest first; none is kept.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use anyhow::Result;
use jiff::Timestamp;

use crate::audit::change_record::change_approvals::{ApprovalIndex, find_statement};
use crate::audit::change_record::refused_approvals::RefusedApproval;
use crate::audit::change_record::standing::has_roster;
use crate::audit::change_record::{ChangeJudgement, ChangeRecord, LandingClock};
use crate::audit::exceptions::of_change::{build_closing_exception, name_people};
use crate::audit::exceptions::of_ledger::{
    build_denial_exceptions, build_misdated_exception, build_unjudged_exception,
};
use crate::audit::exceptions::of_policy::{PolicyLoosening, build_policy_exception};
use crate::audit::exceptions::of_pulls::build_direct_exception;
use crate::audit::inputs::deployments::{Deployment, list_recorded_deployments};
use crate::audit::ledger_comparison::{ComparedRef, LedgerComparison};
use crate::audit::population::change_links::{ChangeLinks, LinkIndex};
use crate::audit::population::dated_obligations::DatedObligations;
use crate::audit::population::given_facts::GivenFacts;
use crate::audit::population::judged_part::divide_by_policy;
use crate::audit::population::judging_policies::JudgingPolicies;
use crate::audit::population::landed_approvals::list_refused_approvals;
use crate::audit::population::obligation_index::ObligationIndex;
use crate::audit::population::population_entry::{EntryKind, PopulationEntry};
use crate::audit::population::recorded_reasons::RecordedReasonsReader;
use crate::audit::population::ref_chain::{ChainStep, RefChain, StepLanding};
use crate::audit::population::refusal_track::RefusalTrack;
use crate::audit::population::roster_history::RosterHistory;
use crate::audit::population::step_evidence::StepEvidence;
use crate::audit::population::unjudged_spans::{UnjudgedSpan, UnjudgedSpans};
use crate::audit::population::whole_scan::scan_whole_history;
use crate::audit::population::word_ranks::WordRanks;
pub use crate::audit::ref_request::{PopulationObserver, RefAuditRequest, RefAuditSummary};
use crate::change::Oid;
use crate::gate::LoadedPolicy;
use crate::git::Repository;
use crate::ledger::audit::attempt_keys::AttemptSource;
use crate::ledger::audit::ledger_history::{LedgerHistory, RecordedChangeAct};
use crate::ledger::audit::trace::LandingOrigin;
use crate::ledger::state::TrackedObligation;

/// Audits a ref. `history` is what the ledger tells of it, `None` where there is no ledger.
///
/// # Errors
///
/// Fails if the tip cannot be read, and with the first error of `observer`. What else cannot be read is told to
/// `observer`.
pub fn audit_ref(
    repository: &Repository,
    request: &RefAuditRequest<'_>,
    history: Option<&LedgerHistory>,
    observer: &mut dyn PopulationObserver,
) -> Result<RefAuditSummary> {
    let no_ledger = LedgerHistory::default();
    let history = history.unwrap_or(&no_ledger);
    let scanned = if request.is_of_whole_history() {
        scan_whole_history(repository, request.tip, request.threads, &mut || observer.count_step())?
    } else {
        None
    };
    let (chain, stated) = match scanned {
        Some(scanned) => (scanned.chain, Some(scanned.links)),
        None => (RefChain::read_chain(repository, request.tip, &mut || observer.count_step())?, None),
    };
    let mut chain = chain.add_landed_steps(repository, request.tip, history);
    // What a walk has found of the steps holds for its own steps only.
    let stated = stated.filter(|_| chain.is_walked());
    for end in request.after.iter().chain(&request.until) {
        anyhow::ensure!(
            chain.find_place(*end).is_some(),
            "{end} is no step of the history of {}",
            request.tip
        );
    }
    let others = chain.add_landings(repository, history);
    let summary = RefAuditSummary::begin_summary(&chain, request, others.beyond_cut);
    let recorded_deployments = list_recorded_deployments(&history.acts);
    let dated = DatedObligations::date_obligations(&history.obligations, request.now);
    let (attempts, unread_denials) = AttemptSource::open_attempts(repository, history);
    let mut run = RefAuditor {
        repository,
        request,
        history,
        obligations: ObligationIndex::index_obligations(&dated),
        closed_later: &dated.closed_later,
        owed: &dated.owed,
        acts: index_acts(history),
        approvals: ApprovalIndex::index_approvals(&history.acts),
        refused_approvals: list_refused_approvals(repository, history, &request.ref_name),
        attempts,
        reasons: RecordedReasonsReader::new(repository),
        policies: JudgingPolicies::new(repository),
        stated,
        links: ChangeLinks::default(),
        given: GivenFacts::default(),
        recorded_deployments: &recorded_deployments,
        recorded: GivenFacts::default(),
        chain: &chain,
        observer,
        summary,
        judged_by: String::new(),
        founding: None,
        rosters: RosterHistory::default(),
        words: WordRanks::default(),
        unjudged: UnjudgedSpans::default(),
        loosened: BTreeMap::new(),
        changes: HashSet::new(),
        told_obligations: BTreeSet::new(),
        refusals: RefusalTrack::default(),
    };
    for exception in build_denial_exceptions(request.scope(), history, &unread_denials) {
        run.observer.add_exception(&exception)?;
    }
    run.summary.unread_refusals = unread_denials.len();
    run.add_missing_pulls()?;
    run.add_ref_moves(&others.elsewhere)?;
    if request.is_ref_tip {
        let compared_ref = ComparedRef {
            repository,
            name: &request.ref_name,
            tip: request.tip,
            period: &request.period,
            is_range: request.is_range(),
        };
        let lost = others.list_lost(&chain, history);
        run.summary.ledger = LedgerComparison::compare_ref(&compared_ref, history, (&others.lacking, &lost));
    }
    let ends = run.find_ends();
    if let Some((first, last)) = ends {
        let ids = chain.steps.get(first).zip(chain.steps.get(last));
        run.summary.ends = ids.map(|(from, to)| (from.id, to.id));
    }
    run.match_inputs(&ChangeLinks::default());
    let mut readable = ends;
    if let (Some((0, last)), Some(step), Some(why)) = (ends, chain.steps.first(), &chain.cut) {
        run.add_step(0, StepEvidence::unreadable(step.id, why.clone()))?;
        readable = (last > 0).then_some((1, last));
    }
    if let Some(ends) = readable {
        run.audit_steps(ends)?;
    }
    run.summary.span = run.find_span();
    run.add_refusals()?;
    run.add_steps_left_out()?;
    run.add_stray_reports(ends)?;
    run.add_carried_over(ends)?;
    Ok(run.summary)
}

/// Returns what was said about changes after they had landed, by the changes.
fn index_acts(history: &LedgerHistory) -> HashMap<Oid, Vec<&RecordedChangeAct>> {
    let mut index: HashMap<Oid, Vec<&RecordedChangeAct>> = HashMap::new();
    for one in history.acts.iter().filter(|one| find_statement(one).is_none()) {
        index.entry(one.event.act.change).or_default().push(one);
    }
    index
}

/// An audit that is under way.
pub(super) struct RefAuditor<'a> {
    pub(super) repository: &'a Repository,
    pub(super) request: &'a RefAuditRequest<'a>,
    pub(super) history: &'a LedgerHistory,
    pub(super) obligations: ObligationIndex<'a>,
    /// All that is owed as of the audit, by the ids.
    pub(super) owed: &'a BTreeMap<String, TrackedObligation>,
    /// When that was closed which was open as of the audit.
    pub(super) closed_later: &'a BTreeMap<String, Timestamp>,
    /// What was said about changes, by the changes.
    pub(super) acts: HashMap<Oid, Vec<&'a RecordedChangeAct>>,
    /// The signed approvals, by the revisions that they are of.
    pub(super) approvals: ApprovalIndex<'a>,
    /// The signed approvals that were refused, in the order of their records.
    pub(super) refused_approvals: Vec<RefusedApproval>,
    pub(super) attempts: AttemptSource<'a>,
    pub(super) reasons: RecordedReasonsReader<'a>,
    pub(super) policies: JudgingPolicies<'a>,
    /// What all steps say of each other, if that is known already.
    stated: Option<LinkIndex>,
    pub(super) links: ChangeLinks,
    pub(super) given: GivenFacts<'a>,
    /// The deployments that the ledger tells of, oldest first, and which steps they brought.
    pub(super) recorded_deployments: &'a [Deployment],
    pub(super) recorded: GivenFacts<'a>,
    pub(super) chain: &'a RefChain,
    pub(super) observer: &'a mut dyn PopulationObserver,
    pub(super) summary: RefAuditSummary,
    /// What the steps of this part are judged by afterwards.
    pub(super) judged_by: String,
    /// The step of this part that brought the first policy of the history.
    pub(super) founding: Option<usize>,
    /// Who stood in the rosters so far.
    pub(super) rosters: RosterHistory,
    /// The words of the fields of the policies so far.
    pub(super) words: WordRanks,
    /// The changes that nothing judged.
    pub(super) unjudged: UnjudgedSpans,
    /// What policies ask less than those before them, by the places of the steps that brought them.
    pub(super) loosened: BTreeMap<usize, PolicyLoosening>,
    /// The changes so far.
    pub(super) changes: HashSet<Oid>,
    /// The obligations that the changes so far have.
    pub(super) told_obligations: BTreeSet<String>,
    /// What becomes of what was refused.
    pub(super) refusals: RefusalTrack,
}

impl RefAuditor<'_> {
    /// Audits the steps from the first place to the last.
    fn audit_steps(&mut self, (first, last): (usize, usize)) -> Result<()> {
        let (chain, request, history) = (self.chain, self.request, self.history);
        self.observer.expect_steps(last.saturating_sub(first) + 1);
        let mut links = match self.stated.take().filter(|_| first == 0) {
            Some(stated) => stated.resolve_links(),
            None => ChangeLinks::read_links(self.repository, chain, first, request.threads, &mut || {})?,
        };
        self.match_inputs(&links);
        links.keep_known_records(|number| history.moves.iter().any(|one| one.record == number));
        links.weigh_claims(self.repository, chain, history);
        self.links = links;
        self.add_early_inputs((first, last))?;
        self.summary.unread_later_steps = self.links.unread.iter().filter(|place| **place > last).count();
        let divided =
            divide_by_policy(self.repository, chain, (first, last), &request.policy, &mut self.rosters);
        let mut usable = divided.earlier.as_deref();
        for (number, part) in divided.parts.iter().enumerate() {
            // What the first part is judged by, a step before the period has brought.
            if number > 0 {
                self.compare_policies((usable, part.loaded()), part.first.checked_sub(1));
            }
            usable = part.loaded().or(usable);
        }
        self.compare_policies((usable, divided.left.as_deref()), Some(last));
        if let Some(left) = divided
            .left
            .as_deref()
            .filter(|left| usable.is_none_or(|old| !left.policy.has_same_content(&old.policy)))
        {
            self.add_faults_of(left, last)?;
        }
        for part in &divided.parts {
            let described = part.describe();
            if !self.summary.policies.contains(&described) {
                self.summary.policies.push(described);
            }
            self.add_policy_faults(part)?;
            self.audit_part(part)?;
        }
        let ended = self.unjudged.end_history();
        self.add_unjudged_span(ended)
    }

    /// Finds what the files of incidents and deployments are about, by what later steps say.
    fn match_inputs(&mut self, links: &ChangeLinks) {
        let chain = self.chain;
        let landed_at = |place: usize| chain.steps.get(place).map(|step| self.find_landing_time(step).0);
        let (incidents, deployments) = (self.request.incidents, self.request.deployments);
        let given = GivenFacts::match_steps((chain, links), incidents, deployments, &landed_at);
        let recorded = GivenFacts::match_steps((chain, links), &[], self.recorded_deployments, &landed_at);
        self.recorded = recorded;
        self.summary.unmatched_incidents = given.unmatched_incidents;
        self.summary.unmatched_deployments = given.unmatched_deployments;
        self.summary.known_inputs.clone_from(&given.known);
        self.summary.known_inputs.recorded_deployments = self.recorded_deployments.to_vec();
        self.given = given;
    }

    pub(super) fn is_asked(&self, step: &ChainStep) -> bool {
        self.request.only.as_ref().is_none_or(|only| only.contains(&step.id))
    }

    /// Returns when a step landed, and whose clock says so.
    pub(super) fn find_landing_time(&self, step: &ChainStep) -> (Timestamp, LandingClock) {
        match step.landing {
            StepLanding::Moved(number) => match self.history.moves.get(number) {
                Some(one) => (one.observed_at, LandingClock::Gate),
                None => (step.committed_at, LandingClock::Committer),
            },
            StepLanding::Unrecorded | StepLanding::Earlier(_) => (step.committed_at, LandingClock::Committer),
        }
    }

    /// Notes what a policy asks less than the last one before it that could be used; the step at this place brought it.
    fn compare_policies(
        &mut self,
        (old, new): (Option<&LoadedPolicy>, Option<&LoadedPolicy>),
        place: Option<usize>,
    ) {
        let found = place.and_then(|place| Some((place, self.chain.steps.get(place)?)));
        let (Some(policies), Some((place, step))) = (old.zip(new), found) else { return };
        let landed = (step.id, self.find_landing_time(step).0);
        let found = build_policy_exception(&self.request.repository_name, landed, policies);
        self.loosened.extend(found.map(|found| (place, found)));
    }

    /// Adds the step at this place.
    pub(super) fn add_step(&mut self, place: usize, evidence: StepEvidence) -> Result<()> {
        let Some(step) = self.chain.steps.get(place).copied() else { return Ok(()) };
        if !self.is_asked(&step) {
            return Ok(());
        }
        self.count_in_period(&step);
        self.compare_shared_policies(&step)?;
        let (at, clock) = self.find_landing_time(&step);
        if clock == LandingClock::Gate {
            self.compare_refusals(Some(at))?;
        }
        let scope = self.request.scope();
        if !self.request.period.contains(at) {
            self.summary.misdated_steps += 1;
            self.observer.add_exception(&build_misdated_exception(scope, step.id, at))?;
        }
        let pulls = self.summary.pulls.as_mut();
        if let Some(what) = pulls.and_then(|pulls| pulls.count_step(place, (step.committed_at, at))) {
            let id = format!("{}@{}", scope.0, step.id);
            self.observer.add_exception(&build_direct_exception(id, &evidence, (what, at)))?;
        }
        let first_landing = self.find_first_landing(place, &step, &evidence.commits);
        if let Some(landing) = first_landing.filter(|landing| !landing.origin.is_unreliable()) {
            self.summary.steps_judged_elsewhere += 1;
            // Its row stands with the branch that judged it, and this branch asks less since.
            if let Some(loosening) = self.loosened.remove(&place) {
                self.observer.add_exception(&loosening.exception)?;
            }
            let entry = PopulationEntry::of_step(scope, EntryKind::JudgedElsewhere, (step.id, at), &evidence);
            self.add_step_attempts(&entry, &evidence);
            return self.observer.add_entry(&entry.with_first_landing(landing));
        }
        // What came past the gate is a change, whatever it says that it closes, and so is what speaks for nothing.
        if evidence.is_record && !step.came_past_gate(self.history) && self.links.speaks_for_known(place) {
            self.summary.closing_records += 1;
            let speaks_for = self.list_changes_spoken_for(place);
            if step.find_origin(self.history) == Some(LandingOrigin::NotEnforced) {
                let landed = (step.id, at);
                self.observer.add_exception(&build_closing_exception(scope, landed, &evidence))?;
            }
            let entry = PopulationEntry::of_step(scope, EntryKind::ClosingRecord, (step.id, at), &evidence);
            self.add_step_attempts(&entry, &evidence);
            return self.observer.add_entry(&entry.with_related_changes(speaks_for));
        }
        self.summary.changes += 1;
        self.changes.insert(step.id);
        let entry = PopulationEntry::of_step(scope, EntryKind::Change, (step.id, at), &evidence);
        self.observer.add_entry(&entry)?;
        let change = self.build_change(place, &step, (at, clock), evidence, first_landing)?;
        self.refusals.add_attempts(&change.change_id(), true, &change.attempts);
        self.told_obligations.extend(change.obligations.iter().map(|(id, _)| id.clone()));
        if let Some(PolicyLoosening { mut exception, .. }) = self.loosened.remove(&place) {
            name_people(&change, &mut exception);
            self.observer.add_exception(&exception)?;
        }
        self.count_change(place, &change);
        let why = match &change.judged_by {
            ChangeJudgement::NotJudged(why) if change.facts.is_ok() && self.founding != Some(place) => {
                Some(why.as_str())
            }
            _ => None,
        };
        let ended = self.unjudged.add_change(&change, why);
        self.add_unjudged_span(ended)?;
        self.observer.add_change(&change)
    }

    /// Tells of changes in a row that nothing judged.
    fn add_unjudged_span(&mut self, span: Option<UnjudgedSpan>) -> Result<()> {
        let Some(span) = span else { return Ok(()) };
        self.observer.add_entry(&span.build_entry())?;
        self.observer.add_exception(&build_unjudged_exception(&self.request.ref_name, &span))
    }

    fn count_change(&mut self, place: usize, change: &ChangeRecord) {
        let is_judged = !matches!(change.judged_by, ChangeJudgement::NotJudged(_));
        self.summary.founding_changes += usize::from(!is_judged && self.founding == Some(place));
        self.summary.judged_changes += usize::from(is_judged);
        self.summary.unread_changes += usize::from(change.find_unread_part().is_some());
        let is_uncompared = change.signed_approvals.iter().any(|one| one.find_uncompared().is_some());
        self.summary.changes_not_compared += usize::from(is_uncompared);
        let is_without_roster = !change.reasons.is_empty() && !change.reasons.iter().any(has_roster);
        self.summary.changes_without_roster += usize::from(is_without_roster);
    }

    fn count_in_period(&mut self, step: &ChainStep) {
        self.summary.steps_in_period += 1;
        let is_followed = self.history.first_tip.is_some() || !self.history.moves.is_empty();
        if is_followed && !matches!(step.landing, StepLanding::Earlier(_)) {
            self.summary.steps_since_ledger += 1;
            self.summary.recorded_steps += usize::from(matches!(step.landing, StepLanding::Moved(_)));
        }
    }
}
