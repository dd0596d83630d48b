//! One audit from its first event to its manifest: every change, every exception, and what was counted.
//!
//! Events come from repositories that are read ([`crate::audit::live_audit`]), or from data sets that were written
//! before: both make the same report, as it is made here alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Result;
use jiff::Timestamp;

use crate::audit::audit_manifest::{AuditEnd, AuditInputs, AuditedRepository};
use crate::audit::change_record::ChangeRecord;
use crate::audit::completeness::{CompletenessCheck, digest_id_list};
use crate::audit::dataset::AuditFiles;
use crate::audit::exceptions::across_changes::ChangePatterns;
use crate::audit::exceptions::of_change::list_change_exceptions;
use crate::audit::exceptions::of_inputs::list_input_exceptions;
use crate::audit::exceptions::of_ledger::build_unread_exception;
use crate::audit::exceptions::{AuditException, ExceptionKind};
use crate::audit::filled_cells::CarriedRows;
use crate::audit::fleet::audit_event::{AuditEvent, UnreadRepository};
use crate::audit::fleet::checkpoint::RepositoryJournal;
use crate::audit::fleet::dataset_writer::{DatasetFacts, DatasetWriter, WholeDataset};
use crate::audit::inputs::deployments::{Deployment, DeploymentList};
use crate::audit::inputs::incidents::{Incident, IncidentList};
use crate::audit::inputs::known_inputs::KnownInputs;
use crate::audit::key_figures::{
    KeyFigure, KeyFigureCounter, build_deployment_figures, build_incident_figures,
};
use crate::audit::page::{PAGE_FILE, ReportPage};
use crate::audit::population::period::AuditPeriod;
use crate::audit::population::population_entry::{EntryKind, PopulationEntry};
use crate::audit::population::refused_push::RefusedPush;
use crate::audit::ref_request::AuditProgress;
use crate::audit::report_limits::list_general_limits;

/// What an audit found, as numbers.
#[derive(Clone, Debug, Default)]
pub struct AuditResult {
    /// The period, or the steps, in words.
    pub period: String,
    /// The number of changes.
    pub changes: usize,
    /// The number of records that close something.
    pub closing_records: usize,
    /// The number of pushes and merges that were refused.
    pub refusals: usize,
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
    /// What was done with what people had filled in beside the exceptions of an earlier audit.
    pub filled_rows: CarriedRows,
}

/// What an audit is about.
#[derive(Clone, Copy, Debug)]
pub struct AuditScope {
    /// The period.
    pub period: AuditPeriod,
    /// The time as of which something is open or overdue.
    pub as_of: Timestamp,
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
    /// Returns the incidents; none if no file was given.
    pub fn list_incidents(&self) -> &[Incident] {
        self.incidents.as_ref().map(|list| list.incidents.as_slice()).unwrap_or_default()
    }

    /// Returns the deployments; none if no file was given.
    pub fn list_deployments(&self) -> &[Deployment] {
        self.deployments.as_ref().map(|list| list.deployments.as_slice()).unwrap_or_default()
    }
}

/// An audit that is under way.
pub struct AuditRun<'a> {
    files: AuditFiles,
    page: ReportPage,
    /// The data set that is written beside the report, if one is.
    dataset: Option<DatasetWriter>,
    /// Where the events of the repository at hand are kept, if they are.
    journal: Option<RepositoryJournal>,
    pub(super) period: AuditPeriod,
    pub(super) as_of: Timestamp,
    pub(super) given: &'a GivenFiles,
    pub(super) progress: &'a mut dyn AuditProgress,
    /// True if the ref that is audited has a ledger.
    ref_has_ledger: bool,
    counter: KeyFigureCounter,
    patterns: ChangePatterns,
    change_ids: Vec<String>,
    result: AuditResult,
    has_ledger: bool,
    repositories: Vec<AuditedRepository>,
    /// Which lines of the given files the histories know.
    known_inputs: KnownInputs,
    /// The range of steps that was asked for, in words.
    range: Option<String>,
}

impl<'a> AuditRun<'a> {
    /// Begins an audit that writes into `files` and the page, and into a data set if there is one; `progress` is told
    /// of each step that is looked at, twice.
    pub fn begin_run(
        (files, page, dataset): (AuditFiles, ReportPage, Option<DatasetWriter>),
        scope: AuditScope,
        given: &'a GivenFiles,
        progress: &'a mut dyn AuditProgress,
    ) -> AuditRun<'a> {
        let AuditScope { period, as_of } = scope;
        AuditRun {
            files,
            page,
            dataset,
            journal: None,
            ref_has_ledger: false,
            period,
            as_of,
            given,
            progress,
            counter: KeyFigureCounter::default(),
            patterns: ChangePatterns::default(),
            change_ids: Vec::new(),
            result: AuditResult::default(),
            has_ledger: false,
            repositories: Vec::new(),
            known_inputs: KnownInputs::default(),
            range: None,
        }
    }

    /// Says which steps were asked for, as in `the steps after v1.0 until v2.0`.
    pub fn name_range(&mut self, range: String) {
        self.range = Some(range);
    }

    /// Begins a repository of a fleet, which has to come once.
    ///
    /// # Errors
    ///
    /// Fails if its file in the data set cannot be written.
    pub fn begin_repository(&mut self, name: &str) -> Result<()> {
        match &mut self.dataset {
            Some(tables) => tables.begin_repository(name),
            None => Ok(()),
        }
    }

    /// Keeps the events from here on in a journal, until [`AuditRun::end_journal`].
    pub fn start_journal(&mut self, journal: RepositoryJournal) {
        self.journal = Some(journal);
    }

    /// Returns the journal, if there is one.
    pub fn end_journal(&mut self) -> Option<RepositoryJournal> {
        self.journal.take()
    }

    /// Takes the next thing that was found.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be written.
    pub fn take_event(&mut self, event: &AuditEvent<'_>) -> Result<()> {
        if let Some(journal) = &mut self.journal {
            journal.add_event(event)?;
        }
        if let Some(tables) = &mut self.dataset {
            tables.add_event(event)?;
        }
        match event {
            AuditEvent::RefBegun(has_ledger) => {
                self.ref_has_ledger = *has_ledger;
                self.has_ledger |= has_ledger;
            }
            AuditEvent::Policy(policy) => self.page.add_policy(policy),
            AuditEvent::Entry(entry) => self.take_entry(entry)?,
            AuditEvent::Change(change) => self.take_change(change)?,
            AuditEvent::Exception(exception) => {
                let number = self.add_exception(exception)?;
                self.page.add_exception(number, exception);
            }
            AuditEvent::Refusal(refused) => self.take_refusal(refused)?,
            AuditEvent::RefEnded(closing) => {
                self.result.completeness.extend_from_slice(&closing.completeness);
                self.result.limits.extend_from_slice(&closing.limits);
                self.result.has_holes |= closing.has_holes;
                self.known_inputs.add_inputs(&closing.known_inputs);
                self.repositories.push(closing.repository.clone());
            }
            AuditEvent::NotAudited(unread) => self.take_unread_repository(unread)?,
        }
        Ok(())
    }

    fn take_entry(&mut self, entry: &PopulationEntry) -> Result<()> {
        let row = Arc::new(entry.build_row());
        self.files.add_entry(Arc::clone(&row))?;
        if let Some(tables) = &mut self.dataset {
            tables.add_entry(entry.at, &row)?;
        }
        self.counter.add_move(entry);
        match entry.kind {
            EntryKind::ClosingRecord => self.result.closing_records += 1,
            EntryKind::Change | EntryKind::JudgedElsewhere | EntryKind::RefMove | EntryKind::Gap => {}
        }
        Ok(())
    }

    fn take_refusal(&mut self, refused: &RefusedPush) -> Result<()> {
        self.result.refusals += 1;
        let row = Arc::new(refused.build_row());
        self.files.add_refusal(Arc::clone(&row))?;
        if let Some(tables) = &mut self.dataset {
            tables.add_refusal(refused.at, &row)?;
        }
        self.page.add_refusal(refused);
        Ok(())
    }

    fn take_change(&mut self, change: &ChangeRecord) -> Result<()> {
        self.result.changes += 1;
        self.change_ids.push(change.change_id());
        self.counter.add_change(change);
        self.patterns.add_change(change);
        let row = self.files.add_change(change)?;
        if let Some(tables) = &mut self.dataset {
            tables.add_change(change.landing.at, &row)?;
        }
        let mut exceptions = Vec::new();
        for exception in list_change_exceptions(change, self.ref_has_ledger) {
            exceptions.push((self.add_exception(&exception)?, exception));
        }
        self.page.add_change(change, &row, &exceptions)
    }

    /// Names a repository that is missing, wherever a reader looks.
    fn take_unread_repository(&mut self, unread: &UnreadRepository) -> Result<()> {
        let exception = build_unread_exception(unread, self.as_of);
        let number = self.add_exception(&exception)?;
        self.page.add_exception(number, &exception);
        let what = format!("{}: could not be audited", unread.name);
        self.result.completeness.push(CompletenessCheck {
            what: what.clone(),
            expected: "audited".to_owned(),
            found: unread.why.clone(),
            agrees: Some(false),
        });
        self.result.limits.push(format!("{what}, so what is in it is not here: {}", unread.why));
        Ok(())
    }

    /// Says that a part of the fleet is missing from a report that is made of several data sets.
    pub fn add_missing_part(&mut self, what: String) {
        self.result.completeness.push(CompletenessCheck {
            what: what.clone(),
            expected: "there".to_owned(),
            found: "missing".to_owned(),
            agrees: Some(false),
        });
        self.result.limits.push(format!("{what} is missing, and so are its repositories"));
        self.result.has_holes = true;
    }

    /// Writes an exception, and returns the number that it has.
    fn add_exception(&mut self, exception: &AuditException) -> Result<usize> {
        *self.result.exceptions.entry(exception.kind).or_default() += 1;
        self.result.has_holes |= exception.kind.is_hole();
        if exception.is_overdue_session() {
            self.counter.add_overdue_session();
        }
        self.files.add_exception(exception, self.as_of)?;
        if let Some(tables) = &mut self.dataset {
            tables.add_exception(exception, self.as_of)?;
        }
        Ok(self.files.exception_count())
    }

    /// Ends the audit: writes the key figures, the completeness sheet and the manifest. `others` are files that were
    /// written beside these.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be written; then an audit that was there before stays, or the folder says that it is not
    /// finished.
    pub fn finish_run(mut self, tool: String, others: &[&str]) -> Result<AuditResult> {
        let lists = (self.given.list_incidents(), self.given.list_deployments());
        let contradictions = list_input_exceptions(lists, &self.known_inputs, &self.period);
        for exception in self.patterns.list_exceptions().into_iter().chain(contradictions) {
            let number = self.add_exception(&exception)?;
            self.page.add_exception(number, &exception);
        }
        let mut result = self.result;
        result.population_digest = digest_id_list(&mut self.change_ids);
        result.key_figures = self.counter.build_figures(self.has_ledger);
        let known = (&self.known_inputs, &self.period);
        let incidents = self.given.incidents.as_ref().map(|list| list.incidents.as_slice());
        let reported = self.counter.reported_incidents();
        if incidents.is_some() || self.has_ledger {
            result.key_figures.extend(build_incident_figures(incidents, known, reported, result.changes));
        }
        let has_deployments = !self.known_inputs.recorded_deployments.is_empty();
        if has_deployments || self.given.deployments.is_some() {
            let lead_hours = self.counter.deployment_lead_hours();
            let given = self.given.list_deployments();
            result.key_figures.extend(build_deployment_figures(given, known, lead_hours));
        }
        result.completeness.push(CompletenessCheck::state_fact(
            "digest of the list of changes",
            result.population_digest.as_str(),
        ));
        result.limits.extend(list_general_limits(
            self.has_ledger,
            (self.given.incidents.is_some(), self.given.deployments.is_some() || has_deployments),
        ));
        result.period = match (self.range, self.period) {
            (None, period) => period.describe(),
            (Some(range), AuditPeriod { from: None, until: None }) => range,
            (Some(range), period) => format!("{range}, {}", period.describe()),
        };
        let inputs = AuditInputs {
            tool,
            repositories: self.repositories,
            period: result.period.clone(),
            from: self.period.from,
            until: self.period.until,
            as_of: self.as_of,
            incidents: self.given.incidents.as_ref().map(|list| list.digest.clone()),
            deployments: self.given.deployments.as_ref().map(|list| list.digest.clone()),
            filled_in: self.files.filled_cells().input().cloned(),
        };
        result.filled_rows = self.files.filled_cells().count_rows();
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
        let mut dataset = None;
        if let Some(tables) = self.dataset {
            let facts = DatasetFacts {
                tool: inputs.tool.clone(),
                period: self.period,
                as_of: self.as_of,
                incidents: self.given.incidents.clone(),
                deployments: self.given.deployments.clone(),
            };
            dataset = Some(tables.finish_dataset(facts)?);
        }
        self.files.finish_files(&end, &others, || dataset.map_or(Ok(()), WholeDataset::place_dataset))?;
        Ok(result)
    }
}
