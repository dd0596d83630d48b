//! What happens in a period to changes that are no part of it: what they owe is open, becomes late or was met late, and
//! they fail.
//!
//! Each change belongs to one period. What becomes of it later would be told by no period, so the one in which it
//! happens tells it, and says that the change is of another.

use anyhow::Result;
use jiff::Timestamp;

use crate::audit::exceptions::of_change::describe_later_closing;
use crate::audit::exceptions::of_inputs::{build_early_exception, build_early_incident_exception};
use crate::audit::exceptions::of_reports::list_stray_reports;
use crate::audit::exceptions::{AuditException, ExceptionKind, ExceptionStatus};
use crate::audit::population::ref_chain::StepLanding;
use crate::audit::ref_audit::RefAuditor;
use crate::audit::table::format_table_time;
use crate::change::{NeededFacts, Oid, Text};
use crate::ledger::record::parse_unauthorised_key;
use crate::ledger::state::TrackedObligation;

/// How the words about a change of another period begin.
const CARRIED: &str = "carried over, of a change outside the period";

impl RefAuditor<'_> {
    /// Adds the reports of failures that are about no change of the period, the first step of which is at this place.
    pub(super) fn add_stray_reports(&mut self, ends: Option<(usize, usize)>) -> Result<()> {
        let request = self.request;
        if request.only.is_some() {
            return Ok(());
        }
        let find_time = |place| self.chain.steps.get(place).map(|step| self.find_landing_time(step).0);
        let first = ends.filter(|_| request.after.is_some()).and_then(|(first, _)| find_time(first));
        let last = ends.filter(|_| request.until.is_some()).and_then(|(_, last)| find_time(last));
        let from = request.period.from.max(first);
        let until = request.period.until.into_iter().chain(last).min();
        let known = (self.history, self.chain);
        for exception in list_stray_reports(request.scope(), known, (&self.changes, ends), (from, until)) {
            self.summary.stray_reports += 1;
            self.observer.add_exception(&exception)?;
        }
        Ok(())
    }

    /// Adds the deployments and the incidents of these steps that were before the steps landed.
    pub(super) fn add_early_inputs(&mut self, (first, last): (usize, usize)) -> Result<()> {
        for (place, deployment) in self.given.early.iter().filter(|(place, _)| (first..=last).contains(place))
        {
            let Some(step) = self.chain.steps.get(*place) else { continue };
            let id = format!("{}@{}", self.request.repository_name, step.id);
            let exception = build_early_exception(id, deployment, self.find_landing_time(step).0);
            self.observer.add_exception(&exception)?;
        }
        for (place, incident) in &self.given.early_incidents {
            let Some(step) = self.chain.steps.get(*place).filter(|_| (first..=last).contains(place)) else {
                continue;
            };
            let id = format!("{}@{}", self.request.repository_name, step.id);
            let landed = self.find_landing_time(step).0;
            self.observer.add_exception(&build_early_incident_exception(id, incident, landed))?;
        }
        Ok(())
    }

    /// Tells what happened in the period to changes outside of it; the steps of the period lie between the places `ends`.
    pub(super) fn add_carried_over(&mut self, ends: Option<(usize, usize)>) -> Result<()> {
        // A range of steps has no time of its own.
        if self.request.is_range() || self.request.only.is_some() {
            return Ok(());
        }
        let owed = self.owed;
        for (id, owed) in owed {
            // Sessions are told as such.
            if owed.session.is_none()
                && !self.told_obligations.contains(id)
                && let Some(exception) = self.build_carried_obligation(id, owed)
            {
                self.observer.add_exception(&exception)?;
            }
        }
        for (change, at, what, evidence) in self.list_carried_failures(ends) {
            let mut exception = self.build_carried(change, ExceptionKind::FailedChange, at, what);
            exception.detected_at = Some(at);
            exception.evidence = evidence;
            self.observer.add_exception(&exception)?;
        }
        Ok(())
    }

    /// Returns the exception of something that is owed and was open, due or met late in the period.
    fn build_carried_obligation(&self, id: &str, owed: &TrackedObligation) -> Option<AuditException> {
        let (period, now) = (&self.request.period, self.request.now);
        let is_before_end = owed.since <= now && period.until.is_none_or(|until| owed.since < until);
        let is_closed_before =
            owed.closed.as_ref().is_some_and(|closed| period.from.is_some_and(|from| closed.at < from));
        if !is_before_end || is_closed_before {
            return None;
        }
        let overdue_by = owed.due.filter(|due| owed.closed.is_none() && *due < now);
        let late_by = match (&owed.closed, overdue_by) {
            (Some(closed), _) => closed.late_by.map(|late| i64::try_from(late).unwrap_or(i64::MAX)),
            (None, due) => due.map(|due| now.as_second().saturating_sub(due.as_second())),
        };
        let kind = match (&owed.closed, late_by) {
            (_, Some(_)) => ExceptionKind::LateObligation,
            (None, None) => ExceptionKind::OpenObligation,
            (Some(_), None) => return None,
        };
        let mut what = owed.what.to_plain_text();
        what.push_str(&describe_later_closing(self.closed_later.get(id)));
        let mut exception = match (self.find_bare_move(id), owed.change) {
            (Some(record), _) => {
                let subject_id = format!("{}/record/{record}", self.request.repository_name);
                let subject = (subject_id, self.request.ref_name.clone(), None);
                self.build_carried_of(subject, kind, owed.since, what)
            }
            (None, Some(change)) => self.build_carried(change, kind, owed.since, what),
            (None, None) => {
                let subject_id = format!("{}/obligation/{id}", self.request.repository_name);
                self.build_carried_of((subject_id, Text::default(), None), kind, owed.since, what)
            }
        };
        exception.rule = Some(owed.rule.to_string());
        exception.detected_at = Some(owed.since);
        exception.due = owed.due;
        exception.late_by = late_by;
        exception.evidence = format!("obligation {id}");
        if owed.closed.is_some() {
            exception.status = ExceptionStatus::Late;
        }
        Some(exception)
    }

    /// Returns the record of the unauthorised move that owes this, if it brought no step of the history.
    fn find_bare_move(&self, id: &str) -> Option<u64> {
        let record = parse_unauthorised_key(id)?;
        let number = self.history.moves.iter().position(|one| one.record == record)?;
        let mut steps = self.chain.steps.iter();
        if steps.any(|step| step.landing == StepLanding::Moved(number)) { None } else { Some(record) }
    }

    /// Returns the failures of the period of changes outside of it: each change, when, what happened and the evidence.
    fn list_carried_failures(&self, ends: Option<(usize, usize)>) -> Vec<(Oid, Timestamp, String, String)> {
        let period = &self.request.period;
        let is_in = |place: usize| ends.is_some_and(|(first, last)| (first..=last).contains(&place));
        let find_id = |place: usize| self.chain.steps.get(place).map(|step| step.id);
        let mut found = Vec::new();
        for (links, words) in [
            (&self.links.reverted_by, "a later change takes it back"),
            (&self.links.caused, "a later change says that this one caused it"),
        ] {
            for (place, by) in links.iter().filter(|(place, _)| !is_in(**place)) {
                let Some(step) = by.iter().find(|by| is_in(**by)).and_then(|by| self.chain.steps.get(*by))
                else {
                    continue;
                };
                if let Some(change) = find_id(*place) {
                    let (at, _) = self.find_landing_time(step);
                    let what = format!("{words}: {}", step.id);
                    found.push((change, at, what, format!("commit {}", step.id)));
                }
            }
        }
        // Reports are told with those that no change of the period takes.
        for incident in self.request.incidents.iter().filter(|one| period.contains(one.started)) {
            let place = incident.caused_by.as_ref().and_then(|cause| self.links.find_step_of(cause));
            let is_early = |place: &usize| self.given.early_incidents.contains(&(*place, incident));
            if let Some(place) = place.filter(|place| !is_in(*place) && !is_early(place))
                && let Some(change) = find_id(place)
            {
                let what = format!("it caused {}", incident.id);
                found.push((change, incident.started, what, format!("incident {}", incident.id)));
            }
        }
        found
    }

    fn build_carried(
        &self,
        change: Oid,
        kind: ExceptionKind,
        at: Timestamp,
        what: impl AsRef<str>,
    ) -> AuditException {
        let commit = self.repository.read_commit(change, &NeededFacts::new()).ok();
        let (title, author) = match commit {
            Some(commit) => (commit.message.subject(), Some(commit.author.name)),
            None => (Text::default(), None),
        };
        let subject_id = format!("{}@{change}", self.request.repository_name);
        self.build_carried_of((subject_id, title, author), kind, at, what)
    }

    fn build_carried_of(
        &self,
        (subject_id, subject, actor): (String, Text, Option<Text>),
        kind: ExceptionKind,
        at: Timestamp,
        what: impl AsRef<str>,
    ) -> AuditException {
        AuditException {
            kind,
            subject_id,
            subject,
            rule: None,
            what: Text::from(format!("{}; {CARRIED}, {}", what.as_ref(), format_table_time(at))),
            occurred_at: at,
            detected_at: None,
            actor,
            approver: None,
            status: ExceptionStatus::Open,
            due: None,
            late_by: None,
            evidence: String::new(),
        }
    }
}
