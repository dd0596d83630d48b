//! What is asked of the audit of one ref, what takes its results, and what it was made of.

use std::collections::BTreeSet;

use anyhow::Result;
use jiff::Timestamp;

use crate::audit::change_record::ChangeRecord;
use crate::audit::exceptions::AuditException;
use crate::audit::inputs::deployments::Deployment;
use crate::audit::inputs::incidents::Incident;
use crate::audit::inputs::known_inputs::KnownInputs;
use crate::audit::inputs::merged_pulls::GivenPulls;
use crate::audit::ledger_comparison::LedgerComparison;
use crate::audit::population::judged_part::AuditPolicy;
use crate::audit::population::period::AuditPeriod;
use crate::audit::population::population_entry::PopulationEntry;
use crate::audit::population::pull_comparison::PullComparison;
use crate::audit::population::ref_chain::RefChain;
use crate::audit::population::refused_push::RefusedPush;
use crate::audit::population::step_journal::StepJournal;
use crate::change::{Oid, Text};
use crate::policy::Policy;

/// What is audited, and how.
pub struct RefAuditRequest<'a> {
    /// The name of the repository, as the change log has it.
    pub repository_name: String,
    /// The full name of the ref.
    pub ref_name: Text,
    /// What the ref holds; another commit only where [`RefAuditRequest::is_ref_tip`] says so.
    pub tip: Oid,
    /// True if the ref holds `tip`, so that it can be compared with what the ledger says of the ref.
    pub is_ref_tip: bool,
    /// The changes that landed in this period count.
    pub period: AuditPeriod,
    /// If given, only the steps after this commit count.
    pub after: Option<Oid>,
    /// If given, only the steps up to this commit count.
    pub until: Option<Oid>,
    /// If given, only these steps count, and their verdicts are kept; later steps are read for what they say of them.
    pub only: Option<BTreeSet<Oid>>,
    /// What judges changes that no record holds the verdict of.
    pub policy: AuditPolicy<'a>,
    /// The incidents that were given.
    pub incidents: &'a [Incident],
    /// The deployments that were given, oldest first.
    pub deployments: &'a [Deployment],
    /// The merged pull requests that the forge lists.
    pub merged_pulls: &'a GivenPulls,
    /// The time of the audit.
    pub now: Timestamp,
    /// How many threads can work; called only where there is enough to do.
    pub threads: fn() -> usize,
    /// Where steps that take long to judge are kept until the report is whole; `None` to keep none.
    pub journal: Option<&'a StepJournal>,
}

impl RefAuditRequest<'_> {
    /// Returns true if every step of the history counts.
    pub(crate) fn is_of_whole_history(&self) -> bool {
        let is_range = self.after.is_some() || self.until.is_some();
        self.period == AuditPeriod::default() && !is_range && self.only.is_none()
    }

    /// Returns the names of the repository and of the ref.
    pub(crate) fn scope(&self) -> (&str, &Text) {
        (&self.repository_name, &self.ref_name)
    }

    /// Returns true if the steps between two commits are asked for, and not those of a time.
    pub(crate) fn is_range(&self) -> bool {
        self.after.is_some() || self.until.is_some() || !self.is_ref_tip
    }
}

/// What takes the parts of a population as they come, oldest first.
pub trait PopulationObserver {
    /// Takes an entry of the population: a change, a record, a move of the ref.
    fn add_entry(&mut self, entry: &PopulationEntry) -> Result<()>;

    /// Takes a policy before the first change that it judged.
    fn add_policy(&mut self, policy: &Policy) -> Result<()>;

    /// Takes an exception that is about no single change of the population, such as a policy that was loosened.
    fn add_exception(&mut self, _exception: &AuditException) -> Result<()> {
        Ok(())
    }

    /// Takes a change, after its entry.
    fn add_change(&mut self, change: &ChangeRecord) -> Result<()>;

    /// Takes a push or a merge of the period that was refused.
    fn add_refusal(&mut self, _refused: &RefusedPush) -> Result<()> {
        Ok(())
    }

    /// Is called for each step that is looked at, so that progress can be shown.
    fn count_step(&mut self);

    /// Is called once it is known how many more steps will be looked at.
    fn expect_steps(&mut self, _steps: usize) {}
}

/// Is told how far an audit is.
pub trait AuditProgress {
    /// Is called for each step that is looked at.
    fn count_step(&mut self);

    /// Is called once it is known how many more steps will be looked at.
    fn expect_steps(&mut self, steps: usize);
}

/// What the audit of a ref was made of.
#[derive(Clone, Debug, Default)]
pub struct RefAuditSummary {
    /// The number of steps of the whole first-parent history.
    pub steps_of_history: usize,
    /// The number of steps that landed in the period: changes and records together.
    pub steps_in_period: usize,
    /// How many of them are changes.
    pub changes: usize,
    /// How many of them are records that close something for a change.
    pub closing_records: usize,
    /// How many of them came from other refs, whose changes they are.
    pub steps_judged_elsewhere: usize,
    /// What the ledger tells of the ref, and what it holds here.
    pub ledger: LedgerComparison,
    /// How many of them landed after the ledger had begun to follow the ref.
    pub steps_since_ledger: usize,
    /// Of how many of these the ledger tells how they landed.
    pub recorded_steps: usize,
    /// How many incidents name a cause that is no change of this ref.
    pub unmatched_incidents: usize,
    /// How many deployments name a commit that is not in its history.
    pub unmatched_deployments: usize,
    /// Which lines of the files of incidents and deployments its history knows.
    pub known_inputs: KnownInputs,
    /// The merged pull requests that the forge lists, and the steps; `None` if there is no list.
    pub pulls: Option<PullComparison>,
    /// True if a list of merged pull requests was asked for and cannot be had.
    pub lacks_pull_list: bool,
    /// How many reports of failures in the period are about what is no change of it.
    pub stray_reports: usize,
    /// How many changes something judged, at the time or afterwards.
    pub judged_changes: usize,
    /// How many changes brought the first policy of the history, so that nothing could judge them.
    pub founding_changes: usize,
    /// True if a change that should have been judged was not, and the reason is no decision.
    pub has_gap: bool,
    /// How many changes cannot be read as a whole.
    pub unread_changes: usize,
    /// How many steps after the period cannot be read, so that what they say of its changes is not known.
    pub unread_later_steps: usize,
    /// How many refusals of the ledger cannot be read, so that what became of them is not known.
    pub unread_refusals: usize,
    /// How many changes were judged by a policy without a roster.
    pub changes_without_roster: usize,
    /// How many changes have a signed approval that cannot be compared with what landed.
    pub changes_not_compared: usize,
    /// How many moves of the ledger may be older than the beginning of a history that is cut off.
    pub moves_beyond_cut: usize,
    /// Why the history does not go back to its beginning, if it does not.
    pub cut: Option<String>,
    /// The policies that judged afterwards, with why some steps have none.
    pub policies: Vec<String>,
    /// How many steps belong to the period by their place, although their own time is outside it.
    pub misdated_steps: usize,
    /// How many steps belong to another period by their place, although their own time is in this one.
    pub steps_left_out: usize,
    /// The time that was audited: the period, or that of a range of steps by the records of its ends.
    pub span: AuditPeriod,
    /// The first and the last step of the period.
    pub ends: Option<(Oid, Oid)>,
}

impl RefAuditSummary {
    /// Returns what is known before the first step is looked at.
    pub(crate) fn begin_summary(
        chain: &RefChain,
        request: &RefAuditRequest<'_>,
        moves_beyond_cut: usize,
    ) -> RefAuditSummary {
        let compare = |list| PullComparison::compare_steps(list, (&request.ref_name, chain), &request.period);
        RefAuditSummary {
            steps_of_history: chain.steps.len(),
            cut: chain.cut.clone(),
            moves_beyond_cut,
            pulls: request.merged_pulls.list().map(compare),
            lacks_pull_list: matches!(request.merged_pulls, GivenPulls::NotRead(_)),
            ..RefAuditSummary::default()
        }
    }

    /// Returns true if the forge lists pull requests that the history does not have.
    pub(crate) fn lacks_pulls(&self) -> bool {
        self.pulls.as_ref().is_some_and(|pulls| !pulls.missing.is_empty())
    }

    /// Returns true if something could not be read or was not judged, so that the report has a hole.
    pub(crate) fn is_holed(&self) -> bool {
        let unread = self.unread_changes + self.unread_later_steps + self.unread_refusals;
        let is_in_step = self.steps_since_ledger == self.recorded_steps;
        let is_behind = self.lacks_pulls() || self.lacks_pull_list || self.ledger.is_behind();
        self.cut.is_some() || self.has_gap || unread > 0 || is_behind || !is_in_step
    }
}
