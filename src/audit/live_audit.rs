//! The audit of repositories that are read now: each ref, with its ledger if there is one, as the events of an audit.

use std::borrow::Cow;

use anyhow::Result;

use crate::audit::audit_manifest::AuditedRepository;
use crate::audit::audit_run::AuditRun;
use crate::audit::change_record::ChangeRecord;
use crate::audit::completeness::CompletenessCheck;
use crate::audit::exceptions::AuditException;
use crate::audit::exceptions::of_ledger::{
    build_gap_entries, build_unprotected_entries, list_ledger_exceptions, list_silent_times,
};
use crate::audit::fleet::audit_event::{AuditEvent, PolicyOutline, RefClosing};
use crate::audit::inputs::merged_pulls::{GivenPulls, ListedPull};
use crate::audit::population::population_entry::PopulationEntry;
use crate::audit::population::pull_comparison::PullComparison;
use crate::audit::population::refused_push::RefusedPush;
use crate::audit::ref_audit::{PopulationObserver, RefAuditRequest, RefAuditSummary, audit_ref};
use crate::git::Repository;
use crate::ledger::audit::history_fold::read_ledger_history;
use crate::ledger::audit::ledger_history::LedgerHistory;
use crate::policy::Policy;
use crate::verdict::format_count;

/// The most pull requests that a line of the completeness sheet names.
const MAX_NAMED_PULLS: usize = 50;

/// Why the audit of a ref ended early.
#[derive(Debug)]
pub enum RefAuditError {
    /// The ref, its history or the ledger cannot be read. What was found before is in the report.
    Unreadable(anyhow::Error),
    /// The report cannot be written.
    Unwritable(anyhow::Error),
}

impl From<RefAuditError> for anyhow::Error {
    fn from(error: RefAuditError) -> anyhow::Error {
        match error {
            RefAuditError::Unreadable(error) | RefAuditError::Unwritable(error) => error,
        }
    }
}

/// Passes on what the audit of a ref finds, and remembers if that cannot be written.
struct RefObserver<'run, 'a> {
    run: &'run mut AuditRun<'a>,
    is_unwritable: bool,
}

impl AuditRun<'_> {
    /// Audits one ref of a repository.
    ///
    /// # Errors
    ///
    /// Says whether the repository could not be read, or the report not be written.
    pub fn audit_ref(
        &mut self,
        repository: &Repository,
        request: &RefAuditRequest<'_>,
    ) -> Result<(), RefAuditError> {
        let history = read_ledger_history(repository, &request.ref_name, &mut || self.progress.count_step());
        let history = history.unwrap_or_else(|error| {
            // A ledger that is there and cannot be read is no missing one.
            Some(LedgerHistory { cut: Some(format!("{error:#}")), ..LedgerHistory::default() })
        });
        self.take_event(&AuditEvent::RefBegun(history.is_some())).map_err(RefAuditError::Unwritable)?;
        let mut observer = RefObserver { run: self, is_unwritable: false };
        let summary = match audit_ref(repository, request, history.as_ref(), &mut observer) {
            Ok(summary) => summary,
            Err(error) if observer.is_unwritable => return Err(RefAuditError::Unwritable(error)),
            Err(error) => return Err(RefAuditError::Unreadable(error)),
        };
        self.end_ref(request, history.as_ref(), &summary).map_err(RefAuditError::Unwritable)
    }

    /// Adds what a ledger shows beside its changes, and what was compared.
    fn end_ref(
        &mut self,
        request: &RefAuditRequest<'_>,
        history: Option<&LedgerHistory>,
        summary: &RefAuditSummary,
    ) -> Result<()> {
        let mut limits = Vec::new();
        if let Some(history) = history {
            let scope = (request.repository_name.as_str(), &request.ref_name);
            let silent = list_silent_times(history, &summary.span, self.as_of);
            let unprotected = build_unprotected_entries(scope, history, &summary.span);
            for entry in build_gap_entries(scope, &silent).into_iter().chain(unprotected) {
                self.take_event(&AuditEvent::Entry(Cow::Owned(entry)))?;
            }
            for exception in list_ledger_exceptions(scope, history, &summary.span, self.as_of) {
                self.take_event(&AuditEvent::Exception(Cow::Owned(exception)))?;
            }
        } else {
            let name = &request.repository_name;
            limits.push(format!(
                "{name} has no ledger here: who approved is what commits claim, times are those of the committers, \
                 and a change that went past a gate cannot be told from one that did not"
            ));
        }
        let completeness = self.list_checks(request, summary, history);
        limits.extend(list_ref_limits(&name_ref(request), summary));
        let repository = AuditedRepository {
            name: request.repository_name.clone(),
            ref_name: request.ref_name.to_lossy().into_owned(),
            tip: request.tip.to_string(),
            ledger: history.and_then(|history| history.tip).map(|tip| tip.to_string()),
            ledger_record: history.and_then(|history| history.last_digest.clone()),
            judged_afterwards_by: summary.policies.clone(),
            merged_pulls: request.merged_pulls.list().map(|list| list.digest.clone()),
        };
        if summary.pulls.as_ref().is_some_and(|pulls| pulls.of_branch == 0) {
            let name = name_ref(request);
            limits.push(format!(
                "{name}: the list of merged pull requests holds none whose base is this branch, so nothing was compared: \
                 give the list of this repository and branch"
            ));
        }
        if let GivenPulls::NotKept(why) | GivenPulls::NotRead(why) = request.merged_pulls {
            limits.push(format!("{}: merged pull requests were not compared: {why}", name_ref(request)));
        }
        if summary.lacks_pulls() {
            let name = name_ref(request);
            limits.push(format!("{name} lacks pull requests that the forge says were merged into it"));
        }
        let closing = RefClosing {
            repository,
            completeness,
            limits,
            has_holes: summary.is_holed(),
            known_inputs: summary.known_inputs.clone(),
        };
        self.take_event(&AuditEvent::RefEnded(Cow::Owned(closing)))
    }

    fn list_checks(
        &self,
        request: &RefAuditRequest<'_>,
        summary: &RefAuditSummary,
        history: Option<&LedgerHistory>,
    ) -> Vec<CompletenessCheck> {
        let name = name_ref(request);
        let mut checks = Vec::new();
        let state =
            |what: &str, found: String| CompletenessCheck::state_fact(&format!("{name}: {what}"), found);
        checks.push(state("steps of the whole first-parent history", summary.steps_of_history.to_string()));
        if let Some((first, last)) = summary.ends {
            checks.push(state("first step of the period", first.to_string()));
            checks.push(state("last step of the period", last.to_string()));
        }
        checks.push(CompletenessCheck::compare_counts(
            &format!("{name}: steps of the period by git, and changes, closing records and steps of other refs here"),
            summary.steps_in_period,
            summary.changes + summary.closing_records + summary.steps_judged_elsewhere,
        ));
        checks.push(CompletenessCheck::compare_counts(
            &format!(
                "{name}: steps that belong to the period by their place, and whose own time is outside it"
            ),
            0,
            summary.misdated_steps,
        ));
        checks.push(CompletenessCheck::compare_counts(
            &format!(
                "{name}: steps whose own time is in the period, and that belong to another by their place"
            ),
            0,
            summary.steps_left_out,
        ));
        if let Some(cut) = &summary.cut {
            checks.push(CompletenessCheck {
                what: format!("{name}: the history is cut off"),
                expected: "no".to_owned(),
                found: cut.clone(),
                agrees: Some(false),
            });
        }
        checks.push(CompletenessCheck::compare_counts(
            &format!("{name}: changes of the period that a policy could judge, and changes that were judged"),
            summary.changes - summary.founding_changes,
            summary.judged_changes,
        ));
        for (what, found) in [
            ("changes that cannot be read as a whole", summary.unread_changes),
            (
                "later steps that cannot be read, so that what they say is not known",
                summary.unread_later_steps,
            ),
        ] {
            checks.push(CompletenessCheck::compare_counts(&format!("{name}: {what}"), 0, found));
        }
        if self.given.incidents.is_some() {
            let unmatched = summary.unmatched_incidents.to_string();
            checks.push(state("incidents whose cause is no change of this ref", unmatched));
        }
        if self.given.deployments.is_some() {
            let unmatched = summary.unmatched_deployments.to_string();
            checks.push(state("deployments of commits that are not in its history", unmatched));
        }
        if let Some(pulls) = &summary.pulls {
            checks.extend(list_pull_checks(&name, pulls));
        }
        checks.extend(build_list_check(&name, request.merged_pulls));
        if let Some(history) = history {
            let stray = summary.stray_reports.to_string();
            checks.push(state("reports of failures in the period that are about no change of it", stray));
            checks.extend(summary.ledger.build_checks(&name));
            checks.push(state("records of the ledger", history.records.to_string()));
            checks.push(CompletenessCheck::compare_counts(
                &format!("{name}: records of the ledger that cannot be read"),
                0,
                history.unreadable_records.len(),
            ));
            checks.push(CompletenessCheck::compare_counts(
                &format!("{name}: places at which the ledger is not the chain that was written"),
                0,
                history.chain_breaks.len(),
            ));
            checks.push(CompletenessCheck::compare_counts(
                &format!("{name}: refusals that cannot be read, so that what became of them is not known"),
                0,
                summary.unread_refusals,
            ));
            checks.extend(list_waiting_checks(&name, history));
            checks.push(CompletenessCheck {
                what: format!("{name}: the ledger goes back to its first record"),
                expected: "yes".to_owned(),
                found: history.cut.clone().unwrap_or_else(|| "yes".to_owned()),
                agrees: Some(history.cut.is_none()),
            });
            checks.push(CompletenessCheck::compare_counts(
                &format!("{name}: steps of the period since the ledger began, and steps that it tells of"),
                summary.steps_since_ledger,
                summary.recorded_steps,
            ));
        }
        checks
    }
}

/// Returns what is said of refusals that wait beside the ledger, where there are any.
fn list_waiting_checks(name: &str, history: &LedgerHistory) -> Vec<CompletenessCheck> {
    let waiting = &history.waiting;
    let mut checks = Vec::new();
    if !waiting.refusals.is_empty() {
        let what = format!("{name}: refusals that wait on the disk of the server to be recorded");
        checks.push(CompletenessCheck::state_fact(&what, waiting.refusals.len()));
    }
    if waiting.unreadable > 0 {
        let what = format!("{name}: files of decisions beside the ledger that cannot be read");
        checks.push(CompletenessCheck::compare_counts(&what, 0, waiting.unreadable));
    }
    checks
}

/// Returns why no list of merged pull requests was compared; `None` if one was.
fn build_list_check(name: &str, given: &GivenPulls) -> Option<CompletenessCheck> {
    let what = format!("{name}: merged pull requests by the forge");
    match given {
        GivenPulls::Listed(_) => None,
        GivenPulls::NotAsked => {
            let found = "not compared: no list of them was given (--merged-pulls)";
            Some(CompletenessCheck::state_fact(&what, found))
        }
        GivenPulls::NotKept(why) => {
            Some(CompletenessCheck::state_fact(&what, format!("not compared: {why}")))
        }
        GivenPulls::NotRead(why) => Some(CompletenessCheck {
            what,
            expected: "a list".to_owned(),
            found: format!("not compared: {why}"),
            agrees: Some(false),
        }),
    }
}

/// Returns what a list of merged pull requests and the history say of each other.
fn list_pull_checks(name: &str, pulls: &PullComparison) -> Vec<CompletenessCheck> {
    let state = |what: &str, found: String| CompletenessCheck::state_fact(&format!("{name}: {what}"), found);
    let mut compared = CompletenessCheck::compare_counts(
        &format!(
            "{name}: pull requests of the period by the forge, and those of them that are steps of the history"
        ),
        pulls.merged,
        pulls.merged - pulls.missing.len(),
    );
    // Where the list has nothing of this branch, there was nothing to compare with.
    compared.agrees = compared.agrees.filter(|_| pulls.of_branch > 0);
    let mut checks = vec![compared];
    if !pulls.missing.is_empty() {
        let write_name = |pull: &ListedPull| format!("#{} ({})", pull.number, pull.commit.short_hex());
        let named = pulls.missing.iter().take(MAX_NAMED_PULLS).map(write_name);
        let mut named = named.collect::<Vec<_>>().join(", ");
        if pulls.missing.len() > MAX_NAMED_PULLS {
            named.push_str(&format!(" and {} more", pulls.missing.len() - MAX_NAMED_PULLS));
        }
        checks.push(state("pull requests that are no step of the history", named));
    }
    if let Some((first, last)) = &pulls.reach {
        checks.push(state("first and last merge that the forge's list has", format!("{first} to {last}")));
    }
    let without = pulls.steps_without.to_string();
    checks.push(state("steps of the period that no pull request of the list became", without));
    checks.push(state("steps among these whose time the list covers", pulls.covered_without.to_string()));
    checks
}

/// Returns what cannot be said of a ref, whatever its ledger holds.
fn list_ref_limits(name: &str, summary: &RefAuditSummary) -> Vec<String> {
    let mut limits = Vec::new();
    if let Some(cut) = &summary.cut {
        limits.push(format!("{name} does not go back to its beginning: {cut}"));
    }
    limits.extend(summary.ledger.build_limit(name));
    if summary.moves_beyond_cut > 0 {
        limits.push(format!(
            "{name}: {} that the ledger tells of cannot be compared with a history that is cut off",
            format_count(summary.moves_beyond_cut, "move")
        ));
    }
    if summary.unread_later_steps > 0 {
        limits.push(format!(
            "{name}: what {} after the period say of its changes cannot be read",
            format_count(summary.unread_later_steps, "step")
        ));
    }
    if summary.changes_not_compared > 0 {
        limits.push(format!(
            "{name}: {} cannot be compared with what was approved with a signature; to get what is missing from where it \
             is kept, run: git fetch origin 'refs/changegate/approvals/*:refs/changegate/approvals/*'",
            format_count(summary.changes_not_compared, "change")
        ));
    }
    if summary.changes_without_roster > 0 {
        limits.push(format!(
            "{name}: {} judged by a policy without a roster, which cannot tell people who have left from others: \
             compare approvers and accounts with the records of the staff",
            match summary.changes_without_roster {
                1 => "1 change was".to_owned(),
                more => format!("{more} changes were"),
            }
        ));
    }
    limits
}

fn name_ref(request: &RefAuditRequest<'_>) -> String {
    format!("{} {}", request.repository_name, request.ref_name.to_lossy())
}

impl RefObserver<'_, '_> {
    fn take_event(&mut self, event: &AuditEvent<'_>) -> Result<()> {
        let taken = self.run.take_event(event);
        self.is_unwritable |= taken.is_err();
        taken
    }
}

impl PopulationObserver for RefObserver<'_, '_> {
    fn add_entry(&mut self, entry: &PopulationEntry) -> Result<()> {
        self.take_event(&AuditEvent::Entry(Cow::Borrowed(entry)))
    }

    fn add_policy(&mut self, policy: &Policy) -> Result<()> {
        self.take_event(&AuditEvent::Policy(Cow::Owned(PolicyOutline::from(policy))))
    }

    fn add_change(&mut self, change: &ChangeRecord) -> Result<()> {
        self.take_event(&AuditEvent::Change(Cow::Borrowed(change)))
    }

    fn add_exception(&mut self, exception: &AuditException) -> Result<()> {
        self.take_event(&AuditEvent::Exception(Cow::Borrowed(exception)))
    }

    fn add_refusal(&mut self, refused: &RefusedPush) -> Result<()> {
        self.take_event(&AuditEvent::Refusal(Cow::Borrowed(refused)))
    }

    fn count_step(&mut self) {
        self.run.progress.count_step();
    }

    fn expect_steps(&mut self, steps: usize) {
        self.run.progress.expect_steps(steps);
    }
}
