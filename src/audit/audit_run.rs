//! One audit from its beginning to its manifest: every ref, every change, every exception, and what was counted.

use std::collections::BTreeMap;

use anyhow::Result;
use jiff::Timestamp;

use crate::audit::audit_manifest::{AuditEnd, AuditInputs, AuditedRepository};
use crate::audit::change_record::ChangeRecord;
use crate::audit::completeness::{CompletenessCheck, digest_id_list};
use crate::audit::dataset::AuditFiles;
use crate::audit::exceptions::across_changes::ChangePatterns;
use crate::audit::exceptions::of_change::list_change_exceptions;
use crate::audit::exceptions::of_ledger::{
    build_gap_entries, build_move_exception, list_ledger_exceptions, list_silent_times,
};
use crate::audit::exceptions::{AuditException, ExceptionKind};
use crate::audit::inputs::deployments::{Deployment, DeploymentList};
use crate::audit::inputs::incidents::{Incident, IncidentList};
use crate::audit::key_figures::{
    KeyFigure, KeyFigureCounter, build_deployment_figures, build_incident_figures,
};
use crate::audit::page::{PAGE_FILE, ReportPage};
use crate::audit::population::period::AuditPeriod;
use crate::audit::population::population_entry::{EntryKind, PopulationEntry};
use crate::audit::ref_audit::{PopulationObserver, RefAuditRequest, RefAuditSummary, audit_ref};
use crate::audit::ref_request::AuditProgress;
use crate::git::Repository;
use crate::ledger::audit::ledger_history::{LedgerHistory, read_ledger_history};
use crate::policy::Policy;

/// What an audit found, as numbers.
#[derive(Clone, Debug, Default)]
pub struct AuditResult {
    /// The number of changes.
    pub changes: usize,
    /// The number of records that close something.
    pub closing_records: usize,
    /// The number of exceptions of each kind.
    pub exceptions: BTreeMap<ExceptionKind, usize>,
    /// The key figures.
    pub key_figures: Vec<KeyFigure>,
    /// The completeness sheet.
    pub completeness: Vec<CompletenessCheck>,
    /// `sha256:` and the digest of the list of changes.
    pub population_digest: String,
    /// What the report cannot say.
    pub limits: Vec<String>,
    /// True if something could not be read, so that the report has a hole.
    pub has_holes: bool,
}

/// What an audit is about.
#[derive(Clone, Copy, Debug)]
pub struct AuditScope {
    /// The period.
    pub period: AuditPeriod,
    /// The time as of which something is open or overdue.
    pub as_of: Timestamp,
    /// True if a ledger was there.
    pub has_ledger: bool,
}

/// The files that an audit was given; `None` for one that was not.
#[derive(Clone, Debug, Default)]
pub struct GivenFiles {
    /// Incidents.
    pub incidents: Option<IncidentList>,
    /// Deployments.
    pub deployments: Option<DeploymentList>,
}

impl GivenFiles {
    /// Returns what the files hold; nothing for one that was not given.
    pub fn lists(&self) -> (&[Incident], &[Deployment]) {
        let incidents = self.incidents.as_ref().map(|list| list.incidents.as_slice());
        let deployments = self.deployments.as_ref().map(|list| list.deployments.as_slice());
        (incidents.unwrap_or_default(), deployments.unwrap_or_default())
    }
}

/// An audit that is under way.
pub struct AuditRun<'a> {
    files: AuditFiles,
    page: ReportPage,
    period: AuditPeriod,
    as_of: Timestamp,
    given: &'a GivenFiles,
    progress: &'a mut dyn AuditProgress,
    counter: KeyFigureCounter,
    patterns: ChangePatterns,
    change_ids: Vec<String>,
    result: AuditResult,
    has_ledger: bool,
    repositories: Vec<AuditedRepository>,
}

/// The state of one ref while its changes come.
struct RefRun<'run, 'a> {
    run: &'run mut AuditRun<'a>,
    has_ledger: bool,
}

impl<'a> AuditRun<'a> {
    /// Begins an audit that writes into `files` and the page; `progress` is told of each step that is looked at, twice.
    pub fn begin_run(
        (files, page): (AuditFiles, ReportPage),
        scope: AuditScope,
        given: &'a GivenFiles,
        progress: &'a mut dyn AuditProgress,
    ) -> AuditRun<'a> {
        let AuditScope { period, as_of, has_ledger } = scope;
        AuditRun {
            files,
            page,
            period,
            as_of,
            given,
            progress,
            counter: KeyFigureCounter::new(has_ledger),
            patterns: ChangePatterns::default(),
            change_ids: Vec::new(),
            result: AuditResult::default(),
            has_ledger,
            repositories: Vec::new(),
        }
    }

    /// Audits one ref of a repository.
    ///
    /// # Errors
    ///
    /// Fails if the ref, its history or the ledger cannot be read, or a file cannot be written.
    pub fn audit_ref(&mut self, repository: &Repository, request: &RefAuditRequest<'_>) -> Result<()> {
        let history = read_ledger_history(repository, &request.ref_name, &mut || self.progress.count_step())?;
        let mut ref_run = RefRun { has_ledger: history.is_some(), run: self };
        let summary = audit_ref(repository, request, history.as_ref(), &mut ref_run)?;
        if let Some(history) = &history {
            self.add_ledger(request, history)?;
        } else {
            let name = &request.repository_name;
            self.result.limits.push(format!(
                "{name} has no ledger here: who approved is what commits claim, times are those of the committers, \
                 and a change that went past a gate cannot be told from one that did not"
            ));
        }
        self.add_completeness(request, &summary, history.as_ref());
        self.repositories.push(AuditedRepository {
            name: request.repository_name.clone(),
            ref_name: request.ref_name.to_lossy().into_owned(),
            tip: request.tip.to_string(),
            ledger: history.as_ref().and_then(|history| history.tip).map(|tip| tip.to_string()),
            ledger_record: history.as_ref().and_then(|history| history.last_digest.clone()),
            judged_afterwards_by: summary.policies.clone(),
        });
        Ok(())
    }

    /// Adds what a ledger shows beside its changes.
    fn add_ledger(&mut self, request: &RefAuditRequest<'_>, history: &LedgerHistory) -> Result<()> {
        let scope = (request.repository_name.as_str(), &request.ref_name);
        let silent = list_silent_times(history, &self.period, self.as_of);
        for entry in build_gap_entries(scope, &silent) {
            self.files.add_entry(&entry)?;
        }
        for exception in list_ledger_exceptions(scope, history, &self.period, self.as_of) {
            let number = self.add_exception(&exception)?;
            self.page.add_exception(number, &exception);
        }
        Ok(())
    }

    /// Writes an exception, and returns the number that it has.
    fn add_exception(&mut self, exception: &AuditException) -> Result<usize> {
        *self.result.exceptions.entry(exception.kind).or_default() += 1;
        self.result.has_holes |= exception.kind == ExceptionKind::Unreadable;
        self.files.add_exception(exception, self.as_of)?;
        Ok(self.files.exception_count())
    }

    fn add_completeness(
        &mut self,
        request: &RefAuditRequest<'_>,
        summary: &RefAuditSummary,
        history: Option<&LedgerHistory>,
    ) {
        let name = format!("{} {}", request.repository_name, request.ref_name.to_lossy());
        let checks = &mut self.result.completeness;
        let state =
            |what: &str, found: String| CompletenessCheck::state_fact(&format!("{name}: {what}"), found);
        checks.push(state("steps of the whole first-parent history", summary.steps_of_history.to_string()));
        if let Some((first, last)) = summary.ends {
            checks.push(state("first step of the period", first.to_string()));
            checks.push(state("last step of the period", last.to_string()));
        }
        checks.push(CompletenessCheck::compare_counts(
            &format!("{name}: steps of the period by git, and changes and closing records here"),
            summary.steps_in_period,
            summary.changes + summary.closing_records,
        ));
        if let Some(cut) = &summary.cut {
            checks.push(state("the history is cut off", cut.clone()));
            self.result.limits.push(format!("{name} does not go back to its beginning: {cut}"));
            self.result.has_holes = true;
        }
        if self.given.incidents.is_some() {
            let unmatched = summary.unmatched_incidents.to_string();
            checks.push(state("incidents whose cause is no change of this ref", unmatched));
        }
        if self.given.deployments.is_some() {
            let unmatched = summary.unmatched_deployments.to_string();
            checks.push(state("deployments of commits that are not in its history", unmatched));
        }
        let not_compared = "not compared: an audit asks no forge";
        checks.push(state("merged pull requests by the forge", not_compared.to_owned()));
        if let Some(history) = history {
            checks.push(state("records of the ledger", history.records.to_string()));
            checks.push(CompletenessCheck::compare_counts(
                &format!("{name}: records of the ledger that cannot be read"),
                0,
                history.unreadable_records,
            ));
            checks.push(CompletenessCheck::compare_counts(
                &format!("{name}: steps of the period since the ledger began, and steps that it tells of"),
                summary.steps_since_ledger,
                summary.recorded_steps,
            ));
        }
    }

    /// Ends the audit: writes the key figures, the completeness sheet and the manifest. `others` are files that were
    /// written beside these.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be written; then there is no manifest.
    pub fn finish_run(mut self, tool: String, others: &[&str]) -> Result<AuditResult> {
        for exception in self.patterns.list_exceptions() {
            let number = self.add_exception(&exception)?;
            self.page.add_exception(number, &exception);
        }
        let mut result = self.result;
        result.population_digest = digest_id_list(&mut self.change_ids);
        result.key_figures = self.counter.build_figures();
        if let Some(list) = &self.given.incidents {
            result.key_figures.extend(build_incident_figures(list, &self.period, result.changes));
        }
        if let Some(list) = &self.given.deployments {
            let lead_hours = self.counter.deployment_lead_hours();
            result.key_figures.extend(build_deployment_figures(list, &self.period, lead_hours));
        }
        result.completeness.push(CompletenessCheck::state_fact(
            "digest of the list of changes",
            result.population_digest.as_str(),
        ));
        result.limits.extend(list_general_limits(self.has_ledger, self.given));
        let inputs = AuditInputs {
            tool,
            repositories: self.repositories,
            period: self.period.describe(),
            from: self.period.from,
            until: self.period.until,
            as_of: self.as_of,
            incidents: self.given.incidents.as_ref().map(|list| list.digest.clone()),
            deployments: self.given.deployments.as_ref().map(|list| list.digest.clone()),
        };
        let end = AuditEnd {
            inputs: &inputs,
            changes: result.changes,
            population_digest: &result.population_digest,
            key_figures: &result.key_figures,
            completeness: &result.completeness,
            limits: &result.limits,
        };
        self.files.end_tables(&end)?;
        self.page.finish_page(&end)?;
        let mut others = others.to_vec();
        others.push(PAGE_FILE);
        self.files.finish_files(&end, &others)?;
        Ok(result)
    }
}

/// Returns what no report of this kind can say.
fn list_general_limits(has_ledger: bool, given: &GivenFiles) -> Vec<String> {
    let mut limits = vec![
        "that a text is true, that a reviewer understood what they approved, and what was agreed by word of mouth, \
         is not in a repository"
            .to_owned(),
        "changes that were made past Git, in a console or at a supplier, are only here if somebody recorded them"
            .to_owned(),
    ];
    if given.incidents.is_none() {
        limits.push(
            "no incidents were given, so a change counts as failed only if a later one takes it back or names it in \
             `Caused-by`"
                .to_owned(),
        );
    }
    if given.deployments.is_none() {
        limits.push("no deployments were given, so what ran where, and since when, is not known".to_owned());
    }
    if has_ledger {
        limits.push(
            "what the ledger says is as good as the ledger: check it with `changegate ledger verify`"
                .to_owned(),
        );
    }
    limits
}

impl PopulationObserver for RefRun<'_, '_> {
    fn add_entry(&mut self, entry: &PopulationEntry) -> Result<()> {
        self.run.files.add_entry(entry)?;
        match entry.kind {
            EntryKind::ClosingRecord => self.run.result.closing_records += 1,
            EntryKind::RefMove => {
                self.run.add_exception(&build_move_exception(entry))?;
            }
            EntryKind::Change | EntryKind::Gap => {}
        }
        Ok(())
    }

    fn add_policy(&mut self, policy: &Policy) {
        self.run.page.add_policy(policy);
    }

    fn add_change(&mut self, change: &ChangeRecord) -> Result<()> {
        let run = &mut *self.run;
        run.result.changes += 1;
        run.change_ids.push(change.change_id());
        run.counter.add_change(change);
        run.patterns.add_change(change);
        let row = run.files.add_change(change)?;
        let mut exceptions = Vec::new();
        for exception in list_change_exceptions(change, self.has_ledger) {
            exceptions.push((run.add_exception(&exception)?, exception));
        }
        run.page.add_change(change, &row, &exceptions)
    }

    fn add_exception(&mut self, exception: &AuditException) -> Result<()> {
        let number = self.run.add_exception(exception)?;
        self.run.page.add_exception(number, exception);
        Ok(())
    }

    fn count_step(&mut self) {
        self.run.progress.count_step();
    }

    fn expect_steps(&mut self, steps: usize) {
        self.run.progress.expect_steps(steps);
    }
}
