//! The audit of one ref: every step of its history that landed in the period, with what the ledger and the commits tell
//! of it, one after the other.
//!
//! Steps are read and judged on several threads and handed on oldest first; none is kept.

use std::collections::HashMap;

use anyhow::Result;
use jiff::Timestamp;

use crate::audit::change_record::change_acts::find_lost_files;
use crate::audit::change_record::{ChangeJudgement, ChangeRecord, LandingClock, LandingFacts, RelatedStep};
use crate::audit::exceptions::of_policy::build_policy_exception;
use crate::audit::population::change_links::ChangeLinks;
use crate::audit::population::given_facts::GivenFacts;
use crate::audit::population::judged_part::{JudgedPart, divide_by_policy};
use crate::audit::population::judging_policies::JudgingPolicies;
use crate::audit::population::obligation_index::ObligationIndex;
use crate::audit::population::population_entry::{EntryKind, PopulationEntry};
use crate::audit::population::recorded_reasons::RecordedReasonsReader;
use crate::audit::population::ref_chain::{ChainStep, RefChain, StepLanding};
use crate::audit::population::step_evidence::{StepEvidence, StepJudge};
pub use crate::audit::ref_request::{PopulationObserver, RefAuditRequest, RefAuditSummary};
use crate::change::{Oid, Text};
use crate::git::{CommitRange, Repository};
use crate::ledger::audit::attempts::AttemptIndex;
use crate::ledger::audit::ledger_history::{LedgerHistory, RecordedChangeAct};
use crate::ledger::record::RecordedPusher;
use crate::ledger::state::TrackedObligation;

/// Audits a ref. `history` is what the ledger tells of it, `None` where there is no ledger.
///
/// # Errors
///
/// Fails if the tip or the history cannot be walked, and with the first error of `observer`.
pub fn audit_ref(
    repository: &Repository,
    request: &RefAuditRequest<'_>,
    history: Option<&LedgerHistory>,
    observer: &mut dyn PopulationObserver,
) -> Result<RefAuditSummary> {
    let mut chain = RefChain::read_chain(repository, request.tip, &mut || observer.count_step())?;
    let no_ledger = LedgerHistory::default();
    let history = history.unwrap_or(&no_ledger);
    let others = chain.add_landings(history);
    let summary = RefAuditSummary::begin_summary(&chain, request);
    let mut run = RefAuditor {
        repository,
        request,
        history,
        obligations: ObligationIndex::from_history(history),
        acts: index_acts(history),
        attempts: AttemptIndex::read_denials(repository, &history.list_denials())?,
        reasons: RecordedReasonsReader::new(repository),
        policies: JudgingPolicies::new(repository),
        links: ChangeLinks::default(),
        given: GivenFacts::default(),
        chain: &chain,
        observer,
        summary,
        judged_by: String::new(),
    };
    run.add_ref_moves(&others)?;
    let (mut first, last) = run.find_ends();
    if let (Some(0), Some(step), Some(why)) = (first, chain.steps.first(), &chain.cut) {
        run.add_step(0, StepEvidence::unreadable(step.id, why.clone()))?;
        first = Some(1).filter(|_| chain.steps.len() > 1);
    }
    if let (Some(first), Some(last)) = (first, last) {
        run.observer.expect_steps(last - first + 1);
        let threads = request.threads;
        let links = ChangeLinks::read_links(repository, &chain, first, threads, &mut || {})?;
        run.given = GivenFacts::match_steps(&chain, &links, request.incidents, request.deployments);
        run.links = links;
        run.summary.unmatched_incidents = run.given.unmatched_incidents;
        run.summary.unmatched_deployments = run.given.unmatched_deployments;
        let parts = divide_by_policy(repository, &chain, (first, last), &request.policy)?;
        let mut before: Option<&JudgedPart<'_>> = None;
        for part in &parts {
            let described = part.describe();
            if !run.summary.policies.contains(&described) {
                run.summary.policies.push(described);
            }
            run.compare_policies(before.replace(part), part)?;
            run.audit_part(part)?;
        }
        let ends = chain.steps.get(first).zip(chain.steps.get(last));
        run.summary.ends = ends.map(|(from, to)| (from.id, to.id));
    }
    Ok(run.summary)
}

/// Returns what was said about changes, by the changes.
fn index_acts(history: &LedgerHistory) -> HashMap<Oid, Vec<&RecordedChangeAct>> {
    let mut index: HashMap<Oid, Vec<&RecordedChangeAct>> = HashMap::new();
    for one in &history.acts {
        index.entry(one.event.act.change).or_default().push(one);
    }
    index
}

/// An audit that is under way.
struct RefAuditor<'a> {
    repository: &'a Repository,
    request: &'a RefAuditRequest<'a>,
    history: &'a LedgerHistory,
    obligations: ObligationIndex<'a>,
    /// What was said about changes, by the changes.
    acts: HashMap<Oid, Vec<&'a RecordedChangeAct>>,
    attempts: AttemptIndex,
    reasons: RecordedReasonsReader<'a>,
    policies: JudgingPolicies<'a>,
    links: ChangeLinks,
    given: GivenFacts<'a>,
    chain: &'a RefChain,
    observer: &'a mut dyn PopulationObserver,
    summary: RefAuditSummary,
    /// What the steps of this part are judged by afterwards.
    judged_by: String,
}

impl RefAuditor<'_> {
    /// Adds the moves of the ref that brought no step of its history, if they happened in the period.
    fn add_ref_moves(&mut self, others: &[usize]) -> Result<()> {
        for one in others.iter().filter_map(|number| self.history.moves.get(*number)) {
            if self.request.period.contains(one.observed_at) {
                let is_held = one.moved.new.is_none_or(|new| self.chain.find_place(new).is_some());
                self.observer.add_entry(&PopulationEntry::of_ref_move(self.request.scope(), one, is_held))?;
            }
        }
        Ok(())
    }

    /// Returns the places of the first and the last step of the period.
    fn find_ends(&self) -> (Option<usize>, Option<usize>) {
        let is_in = |(place, step): (usize, &ChainStep)| self.is_in_period(place, step).then_some(place);
        let steps = || self.chain.steps.iter().enumerate();
        (steps().find_map(is_in), steps().rev().find_map(is_in))
    }

    fn is_in_period(&self, place: usize, step: &ChainStep) -> bool {
        let after = self.request.after.and_then(|id| self.chain.find_place(id));
        let is_asked = self.request.only.as_ref().is_none_or(|only| only.contains(&step.id));
        is_asked
            && after.is_none_or(|after| place > after)
            && self.request.period.contains(self.find_landing_time(step).0)
    }

    /// Returns when a step landed, and whose clock says so.
    fn find_landing_time(&self, step: &ChainStep) -> (Timestamp, LandingClock) {
        match step.landing {
            StepLanding::Moved(number) => match self.history.moves.get(number) {
                Some(one) => (one.observed_at, LandingClock::Gate),
                None => (step.committed_at, LandingClock::Committer),
            },
            StepLanding::Unrecorded | StepLanding::Earlier(_) => (step.committed_at, LandingClock::Committer),
        }
    }

    /// Tells what the policy of a part asks less than that of the part before it, which the last step before it brought.
    fn compare_policies(&mut self, before: Option<&JudgedPart<'_>>, part: &JudgedPart<'_>) -> Result<()> {
        let step = part.first.checked_sub(1).and_then(|place| self.chain.steps.get(place));
        let policies = before.and_then(JudgedPart::loaded).zip(part.loaded());
        let (Some((old, new)), Some(step)) = (policies, step) else { return Ok(()) };
        let repository = &self.request.repository_name;
        match build_policy_exception(repository, step, (&old.policy, &new.policy)) {
            Some(exception) => self.observer.add_exception(&exception),
            None => Ok(()),
        }
    }

    fn audit_part(&mut self, part: &JudgedPart<'_>) -> Result<()> {
        let (chain, first) = (self.chain, part.first);
        let Some(tip) = chain.steps.get(part.last) else { return Ok(()) };
        let hidden = first.checked_sub(1).and_then(|before| chain.steps.get(before)).map(|step| step.id);
        let hidden = Vec::from_iter(hidden);
        let judge = StepJudge {
            loaded: part.loaded(),
            target: &self.request.ref_name,
            now: self.request.now,
            wants_marks: !self.history.refusals.is_empty(),
            keeps_verdicts: self.request.only.is_some(),
        };
        let trusted_keys = part.loaded().and_then(|loaded| loaded.trusted_keys(self.request.now));
        let range = CommitRange { tip: tip.id, hidden_tips: &hidden, trusted_keys };
        let needs = part.needed_facts();
        self.judged_by = part.describe();
        if let Some(loaded) = part.loaded() {
            self.observer.add_policy(&loaded.policy)?;
        }
        let history = self.history;
        // The verdicts that the ledger holds are not worked out again.
        let is_judged = |id: Oid| match chain.find_place(id).and_then(|place| chain.steps.get(place)) {
            Some(ChainStep { landing: StepLanding::Moved(number), .. }) => {
                let decision = history.moves.get(*number).and_then(|one| one.decision.as_ref());
                decision.is_none_or(|decided| !decided.has_reasons)
            }
            _ => true,
        };
        // What the threads share holds no decision, whose parts are counted for one thread only.
        let wanted: Vec<bool> = (first..=part.last)
            .map(|place| chain.steps.get(place).is_some_and(|step| is_judged(step.id)))
            .collect();
        let read = |commits: Vec<_>| {
            judge.read_step(commits, |id| {
                let place = chain.find_place(id).and_then(|place| place.checked_sub(first));
                place.and_then(|place| wanted.get(place)).copied().unwrap_or(true)
            })
        };
        let mut place = first;
        self.repository.for_each_step(range, &needs, self.request.threads, read, |evidence| {
            let step = place;
            place += 1;
            self.observer.count_step();
            self.add_step(step, evidence)
        })
    }

    fn add_step(&mut self, place: usize, evidence: StepEvidence) -> Result<()> {
        let Some(step) = self.chain.steps.get(place).copied() else { return Ok(()) };
        if !self.is_in_period(place, &step) {
            return Ok(());
        }
        self.count_in_period(&step);
        let (at, clock) = self.find_landing_time(&step);
        let scope = self.request.scope();
        if evidence.is_record {
            self.summary.closing_records += 1;
            let speaks_for = self.list_changes_spoken_for(place);
            let entry = PopulationEntry::of_step(scope, EntryKind::ClosingRecord, (step.id, at), &evidence);
            return self.observer.add_entry(&entry.with_related_changes(speaks_for));
        }
        self.summary.count_change(place);
        let entry = PopulationEntry::of_step(scope, EntryKind::Change, (step.id, at), &evidence);
        self.observer.add_entry(&entry)?;
        let change = self.build_change(place, &step, (at, clock), evidence)?;
        self.observer.add_change(&change)
    }

    fn count_in_period(&mut self, step: &ChainStep) {
        self.summary.steps_in_period += 1;
        let is_followed = self.history.first_tip.is_some() || !self.history.moves.is_empty();
        if is_followed && !matches!(step.landing, StepLanding::Earlier(_)) {
            self.summary.steps_since_ledger += 1;
            self.summary.recorded_steps += usize::from(matches!(step.landing, StepLanding::Moved(_)));
        }
    }

    /// Returns the ids of the changes that the step at this place speaks for.
    fn list_changes_spoken_for(&self, place: usize) -> Vec<Oid> {
        let mut found = Vec::new();
        for (earlier, by) in &self.links.spoken_for_by {
            if by.contains(&place) {
                found.extend(self.chain.steps.get(*earlier).map(|step| step.id));
            }
        }
        for (number, by) in &self.links.spoken_for_record {
            if by.contains(&place) {
                let moved = self.history.moves.iter().find(|one| one.record == *number);
                found.extend(moved.and_then(|one| one.moved.new));
            }
        }
        found
    }

    fn build_change(
        &mut self,
        place: usize,
        step: &ChainStep,
        (at, clock): (Timestamp, LandingClock),
        evidence: StepEvidence,
    ) -> Result<ChangeRecord> {
        let moved = match step.landing {
            StepLanding::Moved(number) => self.history.moves.get(number),
            _ => None,
        };
        let decision = moved.and_then(|one| one.decision.clone());
        let pull_landing = decision
            .iter()
            .flat_map(|decided| &decided.pull_landings)
            .find(|landing| evidence.commits.contains(&landing.landed_as));
        let mut landing = LandingFacts {
            origin: match step.landing {
                StepLanding::Unrecorded => None,
                StepLanding::Earlier(origin) => Some(origin),
                StepLanding::Moved(_) => moved.map(|one| one.origin),
            },
            at,
            clock,
            by: None,
            record: moved.map(|one| one.record),
            pull: pull_landing.map(|landing| landing.pull.clone()),
            last_seen_before: moved.filter(|one| one.decision.is_none()).and_then(|one| one.last_seen_before),
        };
        let mut reasons = evidence.judged;
        let mut judged_by = ChangeJudgement::Afterwards { policy: self.judged_by.clone() };
        if let Some(decided) = &decision {
            if let RecordedPusher::Account(account) = &decided.pusher {
                landing.by = Some(account.clone());
            }
            if decided.has_reasons {
                reasons = self.reasons.find_reasons(decided, &evidence.commits)?;
                self.policies
                    .read_policies(decided, &reasons, &mut |policy| self.observer.add_policy(policy))?;
            }
            judged_by = ChangeJudgement::Recorded {
                record: decided.record,
                at: decided.observed_at,
                tool: decided.tool.clone(),
                keeps_reasons: decided.has_reasons,
            };
        }
        if reasons.is_empty() {
            let why = match &decision {
                Some(_) => "the ledger does not hold what its verdict rests on".to_owned(),
                None => self.judged_by.clone(),
            };
            judged_by = ChangeJudgement::NotJudged(why);
        }
        let mut change = ChangeRecord {
            repository: self.request.repository_name.clone(),
            ref_name: self.request.ref_name.clone(),
            id: step.id,
            obligations: self.list_obligations(
                &evidence.commits,
                pull_landing.map(|one| one.landed_as),
                landing.record,
            ),
            facts: evidence.facts,
            judged_by,
            reasons,
            verdicts: evidence.verdicts,
            evidence_digest: decision
                .as_ref()
                .map(|one| one.reasons_digest.clone())
                .filter(|one| !one.is_empty()),
            break_glass: self.list_open_sessions(at, clock),
            closing_records: self.list_related(self.links.spoken_for_by.get(&place)),
            reverted_by: self.list_related(self.links.reverted_by.get(&place)),
            caused: self.list_related(self.links.caused.get(&place)),
            acts: self.acts.get(&step.id).into_iter().flatten().map(|one| (*one).clone()).collect(),
            lost_files: Vec::new(),
            incidents: self.given.list_incidents(place),
            deployment: self.given.find_deployment(place),
            attempts: Vec::new(),
            landing,
            as_of: self.request.now,
        };
        if let Some(by) = change.landing.record.and_then(|number| self.links.spoken_for_record.get(&number)) {
            let more = self.list_related(Some(by));
            change.closing_records.extend(more);
            change.closing_records.sort_by_key(|record| record.at);
        }
        change.lost_files = find_lost_files(self.repository, &change);
        if let Some(marks) = evidence.marks {
            let marks = marks.with_pull(change.landing.pull.as_ref());
            change.attempts = self.attempts.find_attempts(&marks, &evidence.commits, at);
        }
        Ok(change)
    }

    /// Returns the break-glass sessions that were open at a time; none if the time is not that of the server.
    fn list_open_sessions(&self, at: Timestamp, clock: LandingClock) -> Vec<Text> {
        let mut found = Vec::new();
        for session in self.history.sessions.iter().filter(|_| clock == LandingClock::Gate) {
            let (Some(first), Some(last)) = (session.openings.first(), session.openings.last()) else {
                continue;
            };
            let end = session.closure.as_ref().map_or(last.until, |closed| closed.closed_at);
            if first.opened_at <= at && at <= end {
                let incident = first.incident.as_bytes();
                found.push(Text::new([first.session.as_bytes(), b" ", incident].concat()));
            }
        }
        found
    }

    fn list_obligations(
        &self,
        commits: &[Oid],
        landed_as: Option<Oid>,
        record: Option<u64>,
    ) -> Vec<(String, TrackedObligation)> {
        self.obligations.list_owed(commits.iter().copied().chain(landed_as), record)
    }

    fn list_related(&self, places: Option<&Vec<usize>>) -> Vec<RelatedStep> {
        let mut found = Vec::new();
        for step in places.into_iter().flatten().filter_map(|place| self.chain.steps.get(*place)) {
            let (at, clock) = self.find_landing_time(step);
            found.push(RelatedStep { id: step.id, at, clock });
        }
        found
    }
}
