//! What a run of the Action does for the ledger of its repository: records a push, or sweeps.

use crate::calendar::TimeLimit;
use crate::change::{FactKind, Missing, Oid};
use crate::cli::action::{ActionArgs, publish};
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::ledger;
use crate::cli::obligations::{self, DEFAULT_DUE_SOON, NotifyChannel};
use crate::github::event::EventSubject;
use crate::github::{GitHubJudgeOptions, GitHubRefMove, GitHubServer, GitHubSession, RepositoryName};
use crate::http::Secret;
use crate::ledger::forge::{ForgeLedger, ForgeLedgerOutcome};

/// Whom a run asks, and where its ledger lies.
pub(crate) struct ForgeLedgerRun<'a> {
    pub(crate) session: &'a GitHubSession,
    pub(crate) server: &'a GitHubServer,
    pub(crate) token: Option<&'a Secret>,
    pub(crate) options: &'a GitHubJudgeOptions,
}

impl ForgeLedgerRun<'_> {
    fn with_ledger<T>(
        &self,
        repo: &RepositoryName,
        world: &Context,
        work: impl FnOnce(&ForgeLedger<'_>) -> Result<T, CommandError>,
    ) -> Result<T, CommandError> {
        let remote = ledger::open_ledger_remote(repo, self.server, self.token, world)?;
        work(&ForgeLedger::new(self.session, &remote, repo, self.options, world.clock))
    }

    /// Records what a push has brought; returns what was found about it.
    pub(crate) fn record_push(
        &self,
        subject: &EventSubject,
        world: &Context,
    ) -> Result<ForgeLedgerOutcome, CommandError> {
        let EventSubject::Push { repo, ref_name: name, before, after, .. } = subject else {
            return Err(CommandError::Usage(
                "the ledger is kept by runs for `push`, `schedule` and `workflow_dispatch`; what is said of a \
                 pull request is not recorded"
                    .into(),
            ));
        };
        let given = |id: Oid| (!id.is_null()).then_some(id);
        let why = "GitHub does not tell who moved the ref".to_owned();
        let by = Err(Missing::Unavailable(FactKind::Pusher, why));
        let pushed = GitHubRefMove {
            ref_name: name.clone(),
            old_tip: given(*before),
            new_tip: given(*after),
            moved_by: by,
            moved_at: None,
        };
        self.with_ledger(repo, world, |keeping| {
            let told = keeping.record_landing(&pushed)?;
            ledger::write_forge_ledger_report(&told, keeping.newest_anchor().as_ref())?;
            Ok(told)
        })
    }

    /// Sweeps, and tells of what is owed in the summary of the job.
    pub(crate) fn sweep_repository(
        &self,
        repo: &RepositoryName,
        args: &ActionArgs,
        world: &Context,
    ) -> Result<CommandExit, CommandError> {
        let within = TimeLimit::new(args.due.as_deref().unwrap_or(DEFAULT_DUE_SOON));
        let within = within.map_err(|why| CommandError::Usage(format!("--due: {why}")))?;
        let places: Vec<NotifyChannel> = args
            .notify
            .iter()
            .map(|one| NotifyChannel::parse_channel(one, world))
            .collect::<Result<_, _>>()?;
        let swept = self.with_ledger(repo, world, |keeping| {
            obligations::sweep_forge_ledger(keeping, within, &places, world)
        })?;
        publish::append_obligation_summary(&swept.text, world)?;
        Ok(swept.exit)
    }
}
