//! Puts together what is known of one change of a ref: what its commits say, how it landed, what judged it, what it owes.

use std::collections::BTreeMap;

use anyhow::Result;
use jiff::Timestamp;

use crate::audit::change_record::change_acts::find_lost_files;
use crate::audit::change_record::change_approvals::ChangeApproval;
use crate::audit::change_record::roster_words::is_by_absent;
use crate::audit::change_record::standing::has_roster;
use crate::audit::change_record::{ChangeJudgement, ChangeRecord, LandingClock, LandingFacts, RelatedStep};
use crate::audit::inputs::deployments::Deployment;
use crate::audit::population::landed_approvals::list_change_approvals;
use crate::audit::population::ref_chain::{ChainStep, StepLanding};
use crate::audit::population::roster_history::RosterHistory;
use crate::audit::population::step_evidence::StepEvidence;
use crate::audit::ref_audit::RefAuditor;
use crate::change::{NeededFacts, Oid, Text};
use crate::ledger::audit::other_refs::OtherRefLanding;
use crate::ledger::audit::trace::LandingOrigin;
use crate::ledger::record::{
    ObligationEvidence, RecordedIdentityKind, RecordedPusher, RecordedReasons, unauthorised_key,
};
use crate::ledger::state::TrackedObligation;

impl<'a> RefAuditor<'a> {
    /// Returns the ids of the changes that the step at this place speaks for.
    pub(super) fn list_changes_spoken_for(&self, place: usize) -> Vec<Oid> {
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

    /// Returns the change that the step at this place is.
    ///
    /// # Errors
    ///
    /// Passes on what the observer says.
    pub(super) fn build_change(
        &mut self,
        place: usize,
        step: &ChainStep,
        (at, clock): (Timestamp, LandingClock),
        evidence: StepEvidence,
        first_landing: Option<&OtherRefLanding>,
    ) -> Result<ChangeRecord> {
        let moved = match step.landing {
            StepLanding::Moved(number) => self.history.moves.get(number),
            _ => None,
        };
        // What came from another ref past its gate, no decision of this one judged.
        let decision = moved.filter(|_| first_landing.is_none()).and_then(|one| one.decision.clone());
        let pull_landing = decision
            .iter()
            .flat_map(|decided| &decided.pull_landings)
            .find(|landing| evidence.commits.contains(&landing.landed_as));
        let mut landing = LandingFacts {
            origin: step.find_origin(self.history),
            at,
            clock,
            by: None,
            record: moved.map(|one| one.record),
            first_ref: None,
            pull: pull_landing.map(|landing| landing.pull.clone()),
            last_seen_before: moved.filter(|one| one.decision.is_none()).and_then(|one| one.last_seen_before),
        };
        if let Some(first) = first_landing {
            landing.origin = Some(first.origin);
            landing.record = Some(first.record);
            landing.first_ref = Some(first.ref_name.clone());
        }
        let mut reasons = evidence.judged;
        let mut unread = None;
        let mut judged_by = ChangeJudgement::Afterwards { policy: self.judged_by.clone() };
        if let Some(decided) = &decision {
            if let RecordedPusher::Account(account) = &decided.pusher {
                landing.by = Some(account.clone());
            }
            if decided.has_reasons {
                reasons = match self.reasons.find_reasons(decided, &evidence.commits) {
                    Ok(found) => found,
                    Err(error) => {
                        unread = Some(format!("what its verdict rests on cannot be read: {error:#}"));
                        Vec::new()
                    }
                };
                self.policies.read_policies(decided, &reasons, &mut |policy| {
                    self.rosters.add_policy(policy);
                    self.words.add_policy(policy);
                    self.observer.add_policy(policy)
                })?;
            }
            // A decision that had no change to judge, judged none.
            if decided.has_reasons || decided.judged_changes > 0 {
                judged_by = ChangeJudgement::Recorded {
                    record: decided.record,
                    at: decided.observed_at,
                    tool: decided.tool.clone(),
                    keeps_reasons: decided.has_reasons,
                };
            }
        }
        let lacks_evidence = unread.is_some();
        if reasons.is_empty() {
            let is_holding_none = decision
                .as_ref()
                .filter(|decided| decided.has_reasons)
                .map(|decided| format!("record {} of the ledger holds no verdict on it", decided.record));
            // Of what was allowed without a verdict the ledger is no worse; of everything else something is missing.
            self.summary.has_gap |= evidence.facts.is_ok()
                && self.founding != Some(place)
                && (unread.is_some() || is_holding_none.is_none());
            let why = evidence.facts.as_ref().err().cloned();
            let why = why.or(unread).or(is_holding_none).unwrap_or_else(|| self.judged_by.clone());
            judged_by = ChangeJudgement::NotJudged(why);
        }
        let (deployment, other_deployments) = self.find_deployments(place);
        let left_people = list_left_people(&reasons, &self.rosters, at);
        let landed_as = pull_landing.map(|one| one.landed_as);
        let obligations = self.list_obligations(&evidence.commits, landed_as, landing.record);
        let closed_later: BTreeMap<String, Timestamp> = obligations
            .iter()
            .filter_map(|(id, _)| Some((id.clone(), *self.closed_later.get(id)?)))
            .collect();
        // What was regularised after the time of the audit was not yet.
        let is_later =
            landing.record.is_some_and(|number| closed_later.contains_key(&unauthorised_key(number)));
        if is_later && landing.origin == Some(LandingOrigin::Regularised) {
            landing.origin = Some(LandingOrigin::Unauthorised);
        }
        let speakers = self.list_speakers(place, landing.record, &obligations);
        let mut change = ChangeRecord {
            repository: self.request.repository_name.clone(),
            ref_name: self.request.ref_name.clone(),
            id: step.id,
            later_tickets: self.list_later_tickets(&speakers, &obligations),
            obligations,
            closed_later,
            facts: evidence.facts,
            judged_by,
            counting_words: self.words.list_counting_words(&reasons),
            reasons,
            verdicts: evidence.verdicts,
            evidence_digest: decision
                .as_ref()
                .map(|one| one.reasons_digest.clone())
                .filter(|one| !one.is_empty()),
            break_glass: self.list_open_sessions(at, clock),
            closing_records: self.list_related(Some(&speakers)),
            reverted_by: self.list_related_by_then(self.links.reverted_by.get(&place)),
            caused: self.list_related_by_then(self.links.caused.get(&place)),
            doubted_claims: self.list_related_by_then(self.links.doubted.get(&place)),
            policy_loosened: self.loosened.get(&place).and_then(|found| found.asks_less.clone()),
            lacks_evidence,
            is_founding: self.founding == Some(place),
            is_repair: self.links.repairs.contains(&place),
            acts: self.acts.get(&step.id).into_iter().flatten().map(|one| (*one).clone()).collect(),
            signed_approvals: Vec::new(),
            refused_approvals: Vec::new(),
            lost_files: Vec::new(),
            commits: Vec::new(),
            tree: self.chain.find_tree(self.repository, place),
            left_people,
            incidents: self.given.list_incidents(place),
            deployment,
            other_deployments,
            attempts: Vec::new(),
            landing,
            as_of: self.request.now,
        };
        for closing in &mut change.closing_records {
            // One that cannot be read is told with the steps that cannot.
            if let Ok(commit) = self.repository.read_commit(closing.id, &NeededFacts::new()) {
                closing.add_message(&commit.message);
            }
        }
        change.lost_files = find_lost_files(self.repository, &change);
        change.signed_approvals = self.list_signed_approvals(step, &change, &evidence.commits);
        let revisions = change.query_approvals(&evidence.commits).list_revisions();
        let refused = self.refused_approvals.iter().filter(|one| revisions.contains(&one.revision));
        change.refused_approvals = refused.cloned().collect();
        change.commits.clone_from(&evidence.commits);
        if let Some(marks) = evidence.marks {
            let marks = marks.with_pull(change.landing.pull.as_ref());
            change.attempts = self.find_attempts(&marks, &evidence.commits, at);
        }
        Ok(change)
    }

    /// Returns the signed approvals that are about a change, compared with everything that came with it.
    fn list_signed_approvals(
        &self,
        step: &ChainStep,
        change: &ChangeRecord,
        commits: &[Oid],
    ) -> Vec<ChangeApproval> {
        let moved = match step.landing {
            StepLanding::Moved(number) => self.history.moves.get(number).map(|one| &one.moved),
            StepLanding::Unrecorded | StepLanding::Earlier(_) => None,
        };
        // What landed on another ref first came there with other commits.
        let moved = moved.filter(|_| change.landing.first_ref.is_none());
        let question = change.query_approvals(commits);
        let target = &self.request.ref_name;
        list_change_approvals(self.repository, &self.approvals, &question, (target, moved))
    }

    /// Returns how the step at this place came to another ref before, if the decision that brought it here judged nothing of
    /// it.
    pub(super) fn find_first_landing(
        &mut self,
        place: usize,
        step: &ChainStep,
        commits: &[Oid],
    ) -> Option<&'a OtherRefLanding> {
        let history = self.history;
        let StepLanding::Moved(number) = step.landing else { return None };
        let first = self.chain.find_first_landing(place, history)?;
        let moved = history.moves.get(number)?;
        let Some(decided) = &moved.decision else {
            // A branch that was made past the gate holds what another one was judged for; that it was made is told as a
            // move.
            let is_made_of_it = moved.moved.old.is_none() && first.record < moved.record;
            return if is_made_of_it { Some(first) } else { None };
        };
        if first.record >= decided.record {
            return None;
        }
        let is_judged = if decided.has_reasons {
            // What cannot be read may have judged it.
            !self.reasons.find_reasons(decided, commits).is_ok_and(|found| found.is_empty())
        } else {
            decided.judged_changes > 0
        };
        if is_judged { None } else { Some(first) }
    }

    /// Returns the steps that speak for the change at this place, which owes this. What came past the gate closes
    /// nothing by what it says, also if it was regularised since; it counts only where the ledger says that it did.
    fn list_speakers(
        &self,
        place: usize,
        record: Option<u64>,
        obligations: &[(String, TrackedObligation)],
    ) -> Vec<usize> {
        let mut speakers = self.links.list_speakers(place, record);
        speakers.retain(|speaker| {
            let step = self.chain.steps.get(*speaker);
            let is_past_gate = step.is_some_and(|step| step.came_past_gate(self.history));
            let closed = obligations.iter().filter_map(|(_, owed)| match &owed.closed.as_ref()?.by {
                ObligationEvidence::Change { id } => Some(*id),
                ObligationEvidence::Ticket { by, .. } => *by,
                ObligationEvidence::Review { .. } | ObligationEvidence::Session { .. } => None,
            });
            let mut closers = closed.filter_map(|id| self.links.find_step_with(id));
            !is_past_gate || closers.any(|closer| closer == *speaker)
        });
        speakers
    }

    /// Returns the tickets that these later steps and the ticket system name for a change that owes this, each once.
    fn list_later_tickets(
        &self,
        speakers: &[usize],
        obligations: &[(String, TrackedObligation)],
    ) -> Vec<Text> {
        let stated = speakers.iter().filter_map(|step| self.links.tickets.get(step)).flatten().cloned();
        let found = obligations.iter().filter_map(|(_, owed)| match &owed.closed.as_ref()?.by {
            ObligationEvidence::Ticket { key, .. } => Some(key.clone()),
            _ => None,
        });
        let mut tickets: Vec<Text> = Vec::new();
        for ticket in stated.chain(found) {
            if !tickets.contains(&ticket) {
                tickets.push(ticket);
            }
        }
        tickets
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

    /// Returns the first deployment of the step at this place, by the file that was given or by the ledger: to production,
    /// where an environment is called so; and the first to each other environment.
    fn find_deployments(&self, place: usize) -> (Option<Deployment>, Vec<Deployment>) {
        let mut of_environments: BTreeMap<&str, &Deployment> = BTreeMap::new();
        for one in self.given.list_deployments(place).chain(self.recorded.list_deployments(place)) {
            let known = of_environments.entry(&one.environment).or_insert(one);
            if one.at < known.at {
                *known = one;
            }
        }
        let all = || self.request.deployments.iter().chain(self.recorded_deployments);
        let names_production = all().any(Deployment::is_in_production);
        let mut found: Vec<&Deployment> = of_environments.into_values().collect();
        found.sort_by_key(|one| one.at);
        let first = found.iter().position(|one| !names_production || one.is_in_production());
        let first = first.map(|place| found.remove(place).clone());
        (first, found.into_iter().cloned().collect())
    }

    fn list_obligations(
        &self,
        commits: &[Oid],
        landed_as: Option<Oid>,
        record: Option<u64>,
    ) -> Vec<(String, TrackedObligation)> {
        self.obligations.list_owed(commits.iter().copied().chain(landed_as), record)
    }

    /// Returns the steps at these places that had landed at the time of the audit: what a later one says belongs to a later
    /// report.
    fn list_related_by_then(&self, places: Option<&Vec<usize>>) -> Vec<RelatedStep> {
        let mut found = self.list_related(places);
        found.retain(|step| step.at <= self.request.now);
        found
    }

    fn list_related(&self, places: Option<&Vec<usize>>) -> Vec<RelatedStep> {
        let mut found = Vec::new();
        for step in places.into_iter().flatten().filter_map(|place| self.chain.steps.get(*place)) {
            let (at, clock) = self.find_landing_time(step);
            found.push(RelatedStep { id: step.id, at, clock, title: None, states: Vec::new() });
        }
        found
    }
}

/// Returns the people of a change whom the roster of the time does not know and an earlier one did, and those who were not
/// there by its days, each once.
fn list_left_people(reasons: &[RecordedReasons], rosters: &RosterHistory, at: Timestamp) -> Vec<Text> {
    let mut found: Vec<Text> = Vec::new();
    for one in reasons.iter().filter(|one| has_roster(one)) {
        let is_absent = |person: &Option<String>, at: Timestamp| {
            let absence = |person: &String| rosters.find_absence(one, person, at);
            person.as_ref().and_then(absence).is_some()
        };
        let mut add_person = |name: &Text, is_gone: bool| {
            if is_gone && !found.contains(name) {
                found.push(name.clone());
            }
        };
        for contributor in &one.contributors {
            let written = contributor.address.as_ref().unwrap_or(&contributor.name);
            let is_gone = match contributor.kind {
                RecordedIdentityKind::Unknown => rosters.has_listed(written),
                RecordedIdentityKind::Person => is_absent(&contributor.person, at),
                RecordedIdentityKind::Bot => false,
            };
            add_person(&contributor.name, is_gone);
        }
        for approval in &one.approvals {
            let Some(name) = &approval.by else { continue };
            let is_gone = match &approval.person {
                None => rosters.has_listed(name),
                // It counts when it was given, where a clock says when.
                person => is_by_absent(approval) || is_absent(person, approval.given_at.unwrap_or(at)),
            };
            add_person(name, is_gone);
        }
    }
    found
}
