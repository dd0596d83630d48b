//! What a session writes to GitHub: comments and check runs.

use crate::change::Oid;
use crate::github::api::names::{PullRequestName, RepositoryName};
use crate::github::api::request::GitHubFailure;
use crate::github::check_run::{self, CheckRunPurpose, CheckRunReport, TakenCheckRun};
use crate::github::held_check_runs::{self, HeldCheckRuns};
use crate::github::publish::{self, PublishOutcome};
use crate::github::session::GitHubSession;

impl GitHubSession {
    /// Writes the comment on a pull request, or brings it up to date.
    ///
    /// # Errors
    ///
    /// Fails if GitHub cannot be asked; a token that may not write is no failure.
    pub(crate) fn publish_comment(
        &self,
        pull: &PullRequestName,
        text: &str,
    ) -> Result<PublishOutcome, GitHubFailure> {
        self.runtime.block_on(publish::publish_comment(&self.client, pull, text))
    }

    /// Takes over the check run of this name on a revision, or makes one; `None` if the token may not write.
    ///
    /// # Errors
    ///
    /// Fails if GitHub cannot be asked.
    pub(crate) fn take_check_run(
        &self,
        repo: &RepositoryName,
        revision: Oid,
        run: &CheckRunReport<'_>,
        purpose: CheckRunPurpose,
    ) -> Result<Option<TakenCheckRun>, GitHubFailure> {
        self.runtime.block_on(check_run::take_check_run(&self.client, repo, revision, run, purpose))
    }

    /// Takes over the check runs of this name that are on a revision already.
    pub(crate) fn hold_check_runs(
        &self,
        repo: &RepositoryName,
        revision: Oid,
        run: &CheckRunReport<'_>,
    ) -> HeldCheckRuns {
        self.runtime.block_on(held_check_runs::hold_check_runs(&self.client, repo, revision, run))
    }

    /// Returns the check runs that were held, to write a verdict in; `None` if the token may not write.
    ///
    /// # Errors
    ///
    /// Fails if GitHub cannot be asked.
    pub(crate) fn begin_held_check_runs(
        &self,
        held: HeldCheckRuns,
        run: &CheckRunReport<'_>,
    ) -> Result<Option<TakenCheckRun>, GitHubFailure> {
        self.runtime.block_on(held_check_runs::begin_held_check_runs(&self.client, held, run))
    }

    /// Makes check runs say again what they said before they were held.
    ///
    /// # Errors
    ///
    /// Fails if GitHub cannot be asked, or refuses.
    pub(crate) fn release_check_runs(
        &self,
        held: &HeldCheckRuns,
        name: &str,
    ) -> Result<PublishOutcome, GitHubFailure> {
        self.runtime.block_on(held_check_runs::release_check_runs(&self.client, held, name))
    }

    /// Writes the verdict into a check run that was taken over.
    ///
    /// # Errors
    ///
    /// Fails if GitHub cannot be asked; a token that may not write is no failure.
    pub(crate) fn conclude_check_run(
        &self,
        taken: &TakenCheckRun,
        run: &CheckRunReport<'_>,
    ) -> Result<PublishOutcome, GitHubFailure> {
        self.runtime.block_on(check_run::conclude_check_run(&self.client, taken, run))
    }
}
