//! The ledger work of a run of the Action: records a push, or sweeps.

use crate::calendar::TimeLimit;
use crate::change::{FactKind, Missing};
use crate::cli::action::publish;
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::ledger_upkeep::github_remote::{open_ledger_remote, write_forge_ledger_report};
use crate::cli::obligations::{DEFAULT_DUE_SOON, parse_channels, sweep_forge_ledger};
use crate::github::event::EventSubject;
use crate::github::{GitHubJudgeOptions, GitHubRefMove, GitHubServer, GitHubSession, RepositoryName};
use crate::http::Secret;
use crate::ledger::forge::{ForgeLedger, ForgeLedgerOutcome};

/// The GitHub session and the options of a run that keeps the ledger.
pub(crate) struct ForgeLedgerRun<'a> {
    pub(crate) session: &'a GitHubSession,
    pub(crate) server: &'a GitHubServer,
    pub(crate) token: Option<&'a Secret>,
    pub(crate) options: &'a GitHubJudgeOptions,
    /// True if the ledger may begin with this run.
    pub(crate) may_begin: bool,
    /// True in evaluate mode.
    pub(crate) is_evaluation: bool,
}

impl ForgeLedgerRun<'_> {
    fn with_ledger<T>(
        &self,
        repo: &RepositoryName,
        context: &Context,
        work: impl FnOnce(&ForgeLedger<'_>) -> Result<T, CommandError>,
    ) -> Result<T, CommandError> {
        let remote = open_ledger_remote(repo, self.server, self.token, context)?;
        let mut forge_ledger = ForgeLedger::new(self.session, &remote, repo, self.options, context.clock);
        forge_ledger.may_begin = self.may_begin;
        forge_ledger.is_evaluation = self.is_evaluation;
        work(&forge_ledger)
    }

    /// Records what a push has brought in; returns what was appended.
    pub(crate) fn record_push(
        &self,
        subject: &EventSubject,
        context: &Context,
    ) -> Result<ForgeLedgerOutcome, CommandError> {
        let EventSubject::Push { repo, ref_name: name, before, after, .. } = subject else {
            return Err(CommandError::Usage(
                "--ledger works in runs for `push`, `schedule` and `workflow_dispatch`; verdicts on pull \
                 requests are not recorded"
                    .into(),
            ));
        };
        let why = "GitHub does not tell who moved the ref".to_owned();
        let by = Err(Missing::Unavailable(FactKind::Pusher, why));
        let pushed = GitHubRefMove {
            ref_name: name.clone(),
            old_tip: before.none_if_null(),
            new_tip: after.none_if_null(),
            moved_by: by,
            moved_at: None,
            recorded_as: None,
        };
        self.with_ledger(repo, context, |forge_ledger| {
            let outcome = forge_ledger.record_landing(&pushed)?;
            write_forge_ledger_report(forge_ledger, &outcome)?;
            Ok(outcome)
        })
    }

    /// Sweeps, and adds the open obligations to the job summary.
    pub(crate) fn sweep_repository(
        &self,
        repo: &RepositoryName,
        due: Option<&str>,
        notify: &[String],
        context: &Context,
    ) -> Result<CommandExit, CommandError> {
        let within = TimeLimit::new(due.unwrap_or(DEFAULT_DUE_SOON));
        let within = within.map_err(|why| CommandError::Usage(format!("--due: {why}")))?;
        let channels = parse_channels(notify, context)?;
        let swept = self.with_ledger(repo, context, |forge_ledger| {
            sweep_forge_ledger(forge_ledger, within, &channels, context)
        })?;
        publish::append_obligation_summary(&swept.text, context)?;
        Ok(swept.exit)
    }
}
