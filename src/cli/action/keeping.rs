//! What a run of the Action does for the ledger of its repository: records a push, or sweeps.

use super::super::obligations::{self, Place, SOON};
use super::super::{Exit, Stop, World, ledger};
use super::{Args, tell};
use crate::calendar::Within;
use crate::change::{Missing, Need, Oid};
use crate::github::event::Subject;
use crate::github::{Move, Options, RepoName, Server, Session, Token};
use crate::ledger::workflow::{Keeping, Told};

/// Whom a run asks, and where its ledger lies.
pub(super) struct Run<'a> {
    pub(super) session: &'a Session,
    pub(super) server: &'a Server,
    pub(super) token: Option<&'a Token>,
    pub(super) options: &'a Options,
}

impl Run<'_> {
    fn keeping<T>(
        &self,
        repo: &RepoName,
        world: &World,
        work: impl FnOnce(&Keeping<'_>) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        let remote = ledger::remote(repo, self.server, self.token, world)?;
        work(&Keeping::new(self.session, &remote, repo, self.options, world.clock))
    }

    /// Records what a push has brought; returns what was found about it.
    pub(super) fn record(&self, subject: &Subject, world: &World) -> Result<Told, Stop> {
        let Subject::Push { repo, name, before, after, .. } = subject else {
            return Err(Stop::Wrong(
                "the ledger is kept by runs for `push`, `schedule` and `workflow_dispatch`; what is said of a \
                 pull request is not recorded"
                    .into(),
            ));
        };
        let given = |id: Oid| (!id.is_null()).then_some(id);
        let why = "GitHub does not tell who moved the ref".to_owned();
        let by = Err(Missing::Unavailable(Need::Pusher, why));
        let pushed = Move { name: name.clone(), old: given(*before), new: given(*after), by, at: None };
        self.keeping(repo, world, |keeping| {
            let told = keeping.landing(&pushed)?;
            ledger::tell_kept(&told, keeping.newest().as_ref())?;
            Ok(told)
        })
    }

    /// Sweeps, and tells of what is owed in the summary of the job.
    pub(super) fn sweep(&self, repo: &RepoName, args: &Args, world: &World) -> Result<Exit, Stop> {
        let within = Within::new(args.due.as_deref().unwrap_or(SOON));
        let within = within.map_err(|why| Stop::Wrong(format!("--due: {why}")))?;
        let places: Vec<Place> =
            args.notify.iter().map(|one| Place::read(one, world)).collect::<Result<_, _>>()?;
        let swept =
            self.keeping(repo, world, |keeping| obligations::sweep_with(keeping, within, &places, world))?;
        tell::owed(&swept.text, world)?;
        Ok(swept.exit)
    }
}
