//! The pushes and merges of a period that were refused: all of them, and those of people who had left as exceptions.

use anyhow::Result;
use jiff::Timestamp;

use crate::audit::change_record::roster_words::is_by_absent;
use crate::audit::change_record::standing::has_roster;
use crate::audit::exceptions::of_ledger::build_leaver_exception;
use crate::audit::exceptions::{AuditException, ExceptionKind};
use crate::audit::population::population_entry::PopulationEntry;
use crate::audit::population::ref_chain::ChainStep;
use crate::audit::population::refused_push::{RefusalOutcome, RefusedPush};
use crate::audit::population::step_evidence::StepEvidence;
use crate::audit::ref_audit::RefAuditor;
use crate::change::{Oid, Text};
use crate::gate::acts::is_act_ref;
use crate::gate::break_glass::is_request_ref;
use crate::gate::signed_approvals::is_approval_ref;
use crate::ledger::audit::attempts::{AttemptLink, ChangeMarks, RefusedAttempt};
use crate::ledger::audit::kept_reasons::read_refused_reasons;
use crate::ledger::audit::ledger_history::{LedgerHistory, RefRefusal, WaitingRefusal};
use crate::ledger::record::{RecordedApprovalDecision, RecordedIdentityKind, RecordedPusher};

impl RefAuditor<'_> {
    /// Compares the refusals before `until` with the rosters so far, and tells of those of people who had left.
    pub(super) fn compare_refusals(&mut self, until: Option<Timestamp>) -> Result<()> {
        let refusals = &self.history.refusals;
        while let Some(refusal) = refusals.get(self.refusals.compared) {
            if until.is_some_and(|until| refusal.observed_at >= until) {
                break;
            }
            self.refusals.compared += 1;
            if self.is_refused_in_period(refusal) {
                for exception in self.list_refused_leavers(refusal) {
                    self.observer.add_exception(&exception)?;
                }
            }
        }
        Ok(())
    }

    /// Tells of every refusal of the period, with what became of it: first those that records tell of, then those that
    /// wait beside the ledger.
    pub(super) fn add_refusals(&mut self) -> Result<()> {
        self.compare_refusals(None)?;
        for refusal in &self.history.refusals {
            if self.is_refused_in_period(refusal) {
                let refused = self.build_refused_push(refusal);
                self.observer.add_refusal(&refused)?;
            }
        }
        // Of a range of steps that ends before what the ref holds, none of them is part.
        let is_asked = self.request.only.is_none() && *self.find_record_range().end() == u64::MAX;
        for waiting in self.history.waiting.refusals.iter().filter(|_| is_asked) {
            if self.request.period.contains(waiting.observed_at) {
                let refused = self.build_waiting_refusal(waiting);
                self.observer.add_refusal(&refused)?;
            }
        }
        Ok(())
    }

    /// Returns the refused attempts that may have become the step with these marks and commits. What landed as it was
    /// became no other step.
    pub(super) fn find_attempts(
        &self,
        marks: &ChangeMarks,
        commits: &[Oid],
        at: Timestamp,
    ) -> Vec<RefusedAttempt> {
        let marks = marks.clone().with_aliases(&|address| self.rosters.list_aliases(address));
        let mut found = self.attempts.find_attempts(&marks, commits, at);
        found.retain(|one| one.link == AttemptLink::Commit || self.find_step_holding(one.revision).is_none());
        found
    }

    /// Notes the refused attempts of a step that is no change.
    pub(super) fn add_step_attempts(&mut self, entry: &PopulationEntry, evidence: &StepEvidence) {
        if let Some(marks) = &evidence.marks {
            let attempts = self.find_attempts(marks, &evidence.commits, entry.at);
            self.refusals.add_attempts(&entry.id, false, &attempts);
        }
    }

    /// Returns the step that a commit is, or that brought it.
    fn find_step_holding(&self, commit: Oid) -> Option<&ChainStep> {
        let place = self.chain.find_place(commit).or_else(|| self.links.find_step_with(commit));
        self.chain.steps.get(place?)
    }

    fn is_refused_in_period(&self, refusal: &RefRefusal) -> bool {
        let is_asked = self.request.only.is_none() && self.request.period.contains(refusal.observed_at);
        is_asked && self.find_record_range().contains(&refusal.record)
    }

    fn build_refused_push(&self, refusal: &RefRefusal) -> RefusedPush {
        let repository = &self.request.repository_name;
        let id = format!("{repository}/record/{}", refusal.record);
        let mut became = self.refusals.became.get(&refusal.record).cloned().unwrap_or_default();
        if let Some(kind) = RequestKind::find_kind(&refusal.ref_name) {
            let outcome = if kind.is_granted(&refusal.ref_name, self.history) {
                RefusalOutcome::LandedUnchanged
            } else {
                RefusalOutcome::NotLanded
            };
            return RefusedPush {
                id: format!("{id}/{}", name_request(&refusal.ref_name)),
                repository: repository.clone(),
                ref_name: refusal.ref_name.clone(),
                at: refusal.observed_at,
                by: name_account(&refusal.pusher),
                commit: refusal.new,
                what: Some(Text::from(kind.describe())),
                rules: refusal.rules.clone(),
                outcome,
                became: Vec::new(),
            };
        }
        // A ref that was to be turned back held what it was to hold already.
        let holding = refusal.new.and_then(|new| self.find_step_holding(new));
        let holding =
            holding.filter(|step| !self.chain.had_step_before(step.id, refusal.record, self.history));
        let is_reached = refusal.new.is_some_and(|new| self.chain.reached.contains(&new));
        let outcome = match (holding.is_some() || is_reached, became.is_empty()) {
            (true, _) => RefusalOutcome::LandedUnchanged,
            (false, true) => RefusalOutcome::NotLanded,
            (false, false) if self.refusals.changes.contains(&refusal.record) => RefusalOutcome::BecameChange,
            (false, false) => RefusalOutcome::BecameRecord,
        };
        if let Some(step) = holding.filter(|_| became.is_empty()) {
            became.push(format!("{repository}@{}", step.id));
        }
        RefusedPush {
            id,
            repository: repository.clone(),
            ref_name: refusal.ref_name.clone(),
            at: refusal.observed_at,
            by: name_account(&refusal.pusher),
            commit: refusal.new,
            what: self.attempts.find_subject(refusal.record).cloned(),
            rules: refusal.rules.clone(),
            outcome,
            became,
        }
    }

    fn build_waiting_refusal(&self, waiting: &WaitingRefusal) -> RefusedPush {
        let repository = &self.request.repository_name;
        let kind = RequestKind::find_kind(&waiting.ref_name);
        let suffix = kind.map(|_| format!("/{}", name_request(&waiting.ref_name))).unwrap_or_default();
        // What lands is recorded, and what waited with it.
        let holding = waiting.new.and_then(|new| self.find_step_holding(new)).filter(|_| kind.is_none());
        RefusedPush {
            id: format!("{repository}/decision/{}{suffix}", waiting.decision),
            repository: repository.clone(),
            ref_name: waiting.ref_name.clone(),
            at: waiting.observed_at,
            by: name_account(&waiting.pusher),
            commit: waiting.new,
            what: kind.map(|kind| Text::from(kind.describe())),
            rules: waiting.rules.clone(),
            outcome: match holding {
                Some(_) => RefusalOutcome::LandedUnchanged,
                None => RefusalOutcome::NotLanded,
            },
            became: holding.map(|step| format!("{repository}@{}", step.id)).into_iter().collect(),
        }
    }

    /// Returns the exceptions of the people who had left when this was refused, each once: those who made or pushed it,
    /// and those who approved it.
    fn list_refused_leavers(&self, refusal: &RefRefusal) -> Vec<AuditException> {
        // What cannot be read, or is not what the record names, is told among the refusals that cannot be read.
        let reasons = read_refused_reasons(self.repository, refusal.holder).unwrap_or_default();
        let mut told: Vec<(ExceptionKind, Text, String, bool)> = Vec::new();
        let at = refusal.observed_at;
        for one in reasons.iter().filter(|one| has_roster(one)) {
            let is_absent = |person: &Option<String>, at: Timestamp| {
                let absence = |person: &String| self.rosters.find_absence(one, person, at);
                person.as_ref().and_then(absence).is_some()
            };
            for contributor in &one.contributors {
                let written = contributor.address.as_ref().unwrap_or(&contributor.name);
                let is_listed = contributor.kind == RecordedIdentityKind::Person;
                let has_left = match contributor.kind {
                    RecordedIdentityKind::Unknown => self.rosters.has_listed(written),
                    RecordedIdentityKind::Person => is_absent(&contributor.person, at),
                    RecordedIdentityKind::Bot => false,
                };
                let role = contributor.role.to_plain_text();
                let named = (ExceptionKind::ActorNotInRoster, contributor.name.clone(), role, is_listed);
                if has_left && !told.contains(&named) {
                    told.push(named);
                }
            }
            for approval in &one.approvals {
                let Some(name) = &approval.by else { continue };
                let is_listed = approval.person.is_some();
                let has_left = approval.decision == RecordedApprovalDecision::Approved
                    && match &approval.person {
                        None => self.rosters.has_listed(name),
                        person => {
                            is_by_absent(approval) || is_absent(person, approval.given_at.unwrap_or(at))
                        }
                    };
                let role = "an approver".to_owned();
                let named = (ExceptionKind::ApproverNotInRoster, name.clone(), role, is_listed);
                if has_left && !told.contains(&named) {
                    told.push(named);
                }
            }
        }
        let mut found = Vec::new();
        for (kind, name, role, is_listed) in told {
            let named = (kind, &name, role.as_str());
            let mut exception = build_leaver_exception(self.request.scope(), refusal, named, is_listed);
            if kind == ExceptionKind::ApproverNotInRoster {
                exception.actor = name_account(&refusal.pusher);
                exception.approver = Some(name);
            } else {
                exception.actor = Some(name);
            }
            found.push(exception);
        }
        found
    }
}

/// What was asked for by a push to a ref of the gate itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RequestKind {
    /// To open, extend or close a break-glass session.
    BreakGlass,
    /// To say something about a change that has landed.
    Act,
    /// To approve a revision, or to reject it, with a signature.
    Approval,
}

impl RequestKind {
    /// Returns what a ref asks for; `None` for a ref of changes.
    fn find_kind(ref_name: &Text) -> Option<RequestKind> {
        if is_request_ref(ref_name) {
            Some(RequestKind::BreakGlass)
        } else {
            match (is_act_ref(ref_name), is_approval_ref(ref_name)) {
                (true, _) => Some(RequestKind::Act),
                (_, true) => Some(RequestKind::Approval),
                _ => None,
            }
        }
    }

    fn describe(self) -> &'static str {
        match self {
            RequestKind::BreakGlass => "a request about a break-glass session",
            RequestKind::Act => "an act about a change that has landed",
            RequestKind::Approval => "a signed approval",
        }
    }

    /// Returns true if the ledger says that what was pushed to this ref was taken in the end.
    fn is_granted(self, ref_name: &Text, history: &LedgerHistory) -> bool {
        let id = name_request(ref_name);
        match self {
            RequestKind::BreakGlass => history.sessions.iter().any(|session| {
                session.openings.iter().any(|opened| opened.request_id == id)
                    || session.closure.as_ref().is_some_and(|closed| closed.request_id == id)
            }),
            RequestKind::Act | RequestKind::Approval => history.acts.iter().any(|one| one.event.act.id == id),
        }
    }
}

/// Returns the id at the end of the name of a ref that asks for something.
fn name_request(ref_name: &Text) -> String {
    ref_name.to_lossy().rsplit('/').next().unwrap_or_default().to_owned()
}

fn name_account(pusher: &RecordedPusher) -> Option<Text> {
    match pusher {
        RecordedPusher::Account(account) => Some(account.clone()),
        RecordedPusher::Unidentified | RecordedPusher::Unknown(_) => None,
    }
}
