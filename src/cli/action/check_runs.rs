//! The check runs of a run of the Action: taken over before anything is asked, concluded before anything else
//! is published.

use std::cell::Cell;
use std::time::Duration;

use crate::change::Oid;
use crate::cli::action::publish::{build_style, fence_text, render_markdown, warn_if_unpublished};
use crate::cli::command_error::CommandError;
use crate::cli::context::Context;
use crate::github::check_run::{CheckRunPurpose, TakenCheckRun};
use crate::github::held_check_runs::HeldCheckRuns;
use crate::github::verdict_history::CheckRunVerdict;
use crate::github::{
    CONVERSATIONS_MARK, CheckRunReport, CheckRunState, GitHubFailure, GitHubServer, GitHubSession,
    GitHubSource, JudgedEvent, JudgedPullRequest, PublishOutcome, RepositoryName,
};
use crate::http::{RequestPolicy, Secret};
use crate::report::check_title::{CheckStanding, CheckTitle, build_check_title};
use crate::report::{Report, ReportStyle};

/// The time that each writing of a check run has, whatever the rest of the run has used up.
const CHECK_RUN_TIMEOUT: Duration = Duration::from_secs(15);

/// Writes check runs, each within a time of its own.
pub(crate) struct CheckRunWriter<'a> {
    /// The name of the check; `None` if none is wanted.
    pub(crate) name: Option<&'a str>,
    pub(crate) server: &'a GitHubServer,
    pub(crate) token: Option<&'a Secret>,
    pub(crate) limits: RequestPolicy,
    pub(crate) context: &'a Context,
    /// True in evaluate mode.
    pub(crate) is_evaluation: bool,
    /// Set when a denial could not be written: what is green on its commit may still be so.
    pub(crate) has_unwritten_denial: Cell<bool>,
}

/// The check run of a revision, for as long as it is being judged.
pub(crate) struct PendingCheckRun {
    repo: RepositoryName,
    revision: Oid,
    purpose: CheckRunPurpose,
    taken: Result<Option<TakenCheckRun>, GitHubFailure>,
}

impl CheckRunWriter<'_> {
    /// Takes over the check run of a revision, which then blocks until it is concluded; `None` if none is wanted.
    pub(crate) fn begin_check_run(
        &self,
        repo: &RepositoryName,
        revision: Oid,
        purpose: CheckRunPurpose,
    ) -> Option<PendingCheckRun> {
        let taken = self.take_check_run(repo, revision, purpose, self.name?);
        Some(PendingCheckRun { repo: repo.clone(), revision, purpose, taken })
    }

    /// Takes over the check runs that are on a revision already, before it is known whether there is something to
    /// judge for it. `None` if there are none, or none is wanted.
    pub(crate) fn hold_check_runs(&self, repo: &RepositoryName, revision: Oid) -> Option<HeldCheckRuns> {
        let details_url = self.find_details_url();
        let report = describe_running(self.name?, details_url.as_deref());
        // What failed here is done again when it is known what is judged.
        Some(self.open_session().ok()?.hold_check_runs(repo, revision, &report))
    }

    /// Begins the check run of a revision that check runs were held for.
    pub(crate) fn begin_held_check_run(
        &self,
        held: Option<HeldCheckRuns>,
        repo: &RepositoryName,
        revision: Oid,
    ) -> Option<PendingCheckRun> {
        let purpose = CheckRunPurpose::PullRequests;
        let Some(held) = held else { return self.begin_check_run(repo, revision, purpose) };
        let details_url = self.find_details_url();
        let report = describe_running(self.name?, details_url.as_deref());
        let taken = self.open_session().and_then(|session| session.begin_held_check_runs(held, &report));
        Some(PendingCheckRun { repo: repo.clone(), revision, purpose, taken })
    }

    /// Makes the check runs of a revision for which nothing is judged say what they said before.
    pub(crate) fn release_check_runs(&self, held: Option<HeldCheckRuns>) -> Result<(), CommandError> {
        let (Some(held), Some(name)) = (held, self.name) else { return Ok(()) };
        let released = self.open_session().and_then(|session| session.release_check_runs(&held, name));
        warn_if_unpublished(released, "check run")
    }

    fn take_check_run(
        &self,
        repo: &RepositoryName,
        revision: Oid,
        purpose: CheckRunPurpose,
        name: &str,
    ) -> Result<Option<TakenCheckRun>, GitHubFailure> {
        let details_url = self.find_details_url();
        let report = describe_running(name, details_url.as_deref());
        self.open_session()?.take_check_run(repo, revision, &report, purpose)
    }

    /// Writes what was judged into the check run. In a merge queue nothing is waited for: a queue stands still
    /// until each check has ended.
    pub(crate) fn conclude_check_run(
        &self,
        pending: Option<PendingCheckRun>,
        judged: &JudgedEvent,
        is_in_queue: bool,
    ) -> Result<(), CommandError> {
        let Some(pending) = pending else { return Ok(()) };
        let CheckTitle { standing, text: mut title } = build_check_title(&judged.report, !is_in_queue);
        // What could not be judged at all fails as always.
        let is_evaluation = self.is_evaluation && judged.failures.is_empty();
        if is_evaluation {
            title.insert_str(0, "evaluate mode, blocks nothing: ");
        }
        let state = match standing {
            _ if is_evaluation => CheckRunState::Evaluated,
            CheckStanding::Allowed => CheckRunState::Success,
            CheckStanding::Waiting => CheckRunState::InProgress,
            CheckStanding::Denied => CheckRunState::Failure,
            CheckStanding::Undecided => CheckRunState::NotJudged,
        };
        let style = ReportStyle { may_wait: !is_in_queue, ..build_style(self.context) };
        let report = Report { is_evaluation: self.is_evaluation, ..judged.report.clone() };
        let mut text = render_markdown(&report, &style)?;
        if state == CheckRunState::Success && judged.are_conversations_resolved {
            text.insert_str(0, &format!("{CONVERSATIONS_MARK}\n\n"));
        }
        let mut verdicts = Vec::new();
        // A verdict that blocks nothing is no refusal, so none is kept for the ledger.
        let kept = if self.is_evaluation { [].as_slice() } else { &judged.pull_requests };
        for JudgedPullRequest { name, target, report, .. } in kept {
            verdicts.push(CheckRunVerdict::from_report(name.number, target.as_ref(), report));
        }
        let is_written = self.write_conclusion(pending, state, &title, (&text, &verdicts))?;
        if !is_written && !state.is_passing() {
            self.has_unwritten_denial.set(true);
        }
        Ok(())
    }

    /// Writes that nothing could be judged into the check run.
    pub(crate) fn conclude_unjudged(
        &self,
        pending: Option<PendingCheckRun>,
        failure: &GitHubFailure,
    ) -> Result<(), CommandError> {
        let Some(pending) = pending else { return Ok(()) };
        let text = format!(
            "The change could not be judged, so it does not pass. Run the job again.\n\n{}",
            fence_text(&failure.why)
        );
        let why: String = failure.why.chars().take(160).collect();
        self.write_conclusion(
            pending,
            CheckRunState::NotJudged,
            &format!("not judged: {why}"),
            (&text, &[]),
        )?;
        Ok(())
    }

    /// Writes a check run, and returns false if it could not be written; a later run writes its own.
    fn write_conclusion(
        &self,
        pending: PendingCheckRun,
        state: CheckRunState,
        title: &str,
        (text, verdicts): (&str, &[CheckRunVerdict]),
    ) -> Result<bool, CommandError> {
        let Some(name) = self.name else { return Ok(true) };
        let taken = match pending.taken {
            // What failed at the start may work now.
            Err(_) => self.take_check_run(&pending.repo, pending.revision, pending.purpose, name),
            taken => taken,
        };
        let taken = match taken {
            Ok(Some(taken)) => taken,
            Ok(None) => {
                warn_if_unpublished(Ok(PublishOutcome::NotAllowed), "check run")?;
                return Ok(false);
            }
            Err(failure) => {
                warn_if_unpublished(Err(failure), "check run")?;
                return Ok(false);
            }
        };
        let details_url = self.find_details_url();
        let details_url = details_url.as_deref();
        let report = CheckRunReport { name, state, title, text, verdicts, details_url };
        let session = self.open_session()?;
        let published = session.conclude_check_run(&taken, &report);
        let is_written = !matches!(published, Ok(PublishOutcome::NotAllowed) | Err(_));
        warn_if_unpublished(published, "check run")?;
        Ok(is_written)
    }

    fn open_session(&self) -> Result<GitHubSession, GitHubFailure> {
        GitHubSession::open_session(GitHubSource::Live {
            server: self.server,
            token: self.token,
            limits: RequestPolicy { total_timeout: CHECK_RUN_TIMEOUT, ..self.limits },
            record_to: None,
            now: self.context.now,
        })
    }

    /// Returns the address of this workflow run, if the runner tells it.
    fn find_details_url(&self) -> Option<String> {
        let server = self.context.read_text_variable("GITHUB_SERVER_URL")?;
        let repository = self.context.read_text_variable("GITHUB_REPOSITORY")?;
        let run = self.context.read_text_variable("GITHUB_RUN_ID")?;
        let is_plain = server.starts_with("https://") && run.bytes().all(|byte| byte.is_ascii_digit());
        if is_plain { Some(format!("{server}/{repository}/actions/runs/{run}")) } else { None }
    }
}

/// Returns what a check run says while its commit is being judged.
fn describe_running<'a>(name: &'a str, details_url: Option<&'a str>) -> CheckRunReport<'a> {
    CheckRunReport {
        name,
        state: CheckRunState::InProgress,
        title: "being judged",
        text: "This commit is being judged. Until it has been, this check blocks the merge. If the run was \
               cancelled, run it again.",
        verdicts: &[],
        details_url,
    }
}
