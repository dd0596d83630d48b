//! The only runtime: started when GitHub is asked, on the thread that asks, and gone afterwards.

use std::path::Path;

use futures_util::future::join_all;
use jiff::Timestamp;
use serde_json::Value;

use super::answers::{self, ListedPull};
use super::ask::Failure;
use super::client::{Client, Patience};
use super::doctor;
use super::event::Subject;
use super::facts::{Gap, Gathering, PusherFrom};
use super::judge::{Done, Options, Told, judge_pull, report};
use super::landed::{Landed, judge_landed};
use super::place::{PullName, RepoName, Server};
use super::queue::{Queued, judge_group};
use super::tell::{self, CheckRun, Telling};
use super::wire::Token;
use crate::change::{Change, Needs, Oid};
use crate::report::Report;

/// How many pull requests are judged at the same time.
const AT_ONCE: usize = 4;

/// How many open pull requests are judged at all.
const MOST_OPEN: usize = 200;

/// Where answers come from.
#[derive(Clone)]
pub enum Source<'asking> {
    /// GitHub.
    Live {
        /// The server.
        server: &'asking Server,
        /// What shows who asks; without one, only what is public can be read.
        token: Option<&'asking Token>,
        /// How patient to be.
        patience: Patience,
        /// Where to keep the answers, if anywhere.
        record: Option<&'asking Path>,
        /// What time it is.
        now: Timestamp,
    },
    /// A folder of answers that were kept.
    Record(&'asking Path),
}

/// A conversation with GitHub.
pub struct Session {
    pub(super) runtime: tokio::runtime::Runtime,
    pub(super) client: Client,
}

/// What came out.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The report.
    pub report: Report,
    /// Each pull request that was judged, with its final revision, and whether it may go on.
    pub pulls: Vec<JudgedPull>,
}

/// A pull request that was judged.
#[derive(Clone, Debug)]
pub struct JudgedPull {
    /// Which one.
    pub name: PullName,
    /// Its final revision.
    pub head: Oid,
    /// What is told about it alone.
    pub report: Report,
}

impl Session {
    /// Starts a conversation; nothing is asked yet.
    ///
    /// # Errors
    ///
    /// Fails if no runtime can be started, or a record cannot be opened.
    pub fn open(source: Source<'_>) -> Result<Session, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
        let runtime = runtime.map_err(|error| Failure::new(format!("no runtime can be started: {error}")))?;
        let client = runtime.block_on(async {
            match source {
                Source::Live { server, token, patience, record, now } => {
                    Client::live(server, token, patience, now, record)
                }
                Source::Record(folder) => Client::replay(folder),
            }
        })?;
        Ok(Session { runtime, client })
    }

    /// Judges what an event is about.
    ///
    /// # Errors
    ///
    /// Fails if GitHub does not tell enough to judge anything.
    pub fn judge(&self, subject: &Subject, options: &Options) -> Result<Outcome, Failure> {
        let client = &self.client;
        let done = self.runtime.block_on(async {
            match subject {
                Subject::Pull { repo, number, expected } => {
                    let name = PullName { repo: repo.clone(), number: *number };
                    let told = Told { expected: *expected, checks_of: None, landed_at: None };
                    Ok(vec![judge_pull(client, &name, options, told).await?])
                }
                Subject::MergeGroup { repo, base_ref, base, head } => {
                    let queued = Queued { repo, base_ref, base: *base, head: *head };
                    judge_group(client, &queued, options).await
                }
                Subject::Push { repo, name, before, after, forced } => {
                    let (before, after, forced) = (*before, *after, *forced);
                    let landed = Landed { repo, name, before, after, forced, at: None, pusher: None };
                    judge_landed(client, &landed, options).await.map(|judged| judged.done)
                }
                Subject::OpenPulls { repo } => open_pulls(client, repo, options).await,
            }
        })?;
        let pulls = done.iter().filter_map(|done| {
            let (name, head) = done.head.clone()?;
            Some(JudgedPull { name, head, report: report(client, vec![done.clone()]) })
        });
        let pulls = pulls.collect();
        Ok(Outcome { report: report(client, done), pulls })
    }

    /// Gathers what GitHub knows about a pull request, as far as `needs` asks for it, without judging.
    ///
    /// # Errors
    ///
    /// Fails if the pull request itself or its commits cannot be read.
    pub fn gather(&self, name: &PullName, needs: &Needs, pusher: PusherFrom) -> Result<Change, Failure> {
        let client = &self.client;
        self.runtime.block_on(async {
            let pull: answers::Pull =
                client.get(format!("{}/pulls/{}", name.repo.path(), name.number)).await?;
            let (base, checks_of, now) = (pull.base.sha, pull.head.sha, client.now());
            let gathering =
                Gathering { client, name, pull: &pull, base, needs, trusted: None, pusher, checks_of, now };
            gathering.gather().await.map_err(|gap| match gap {
                Gap::Commits(failure) => failure,
                Gap::Moved(why) => Failure::new(why),
            })
        })
    }

    /// Asks every question of the doctor about a repository.
    ///
    /// # Errors
    ///
    /// Fails if the repository cannot be read at all.
    pub fn examine(&self, subject: &doctor::Subject<'_>) -> Result<doctor::Examination, Failure> {
        doctor::examine(subject, &mut |path| self.runtime.block_on(whole(&self.client, path)))
    }

    /// Writes the comment on a pull request, or brings it up to date.
    ///
    /// # Errors
    ///
    /// Fails if GitHub cannot be asked; that it does not allow it is no failure.
    pub fn comment(&self, pull: &PullName, text: &str) -> Result<Telling, Failure> {
        self.runtime.block_on(tell::comment(&self.client, pull, text))
    }

    /// Reports a check run on a revision.
    ///
    /// # Errors
    ///
    /// Fails if GitHub cannot be asked; that it does not allow it is no failure.
    pub fn check_run(&self, repo: &RepoName, of: Oid, run: &CheckRun<'_>) -> Result<Telling, Failure> {
        self.runtime.block_on(tell::check_run(&self.client, repo, of, run))
    }

    /// Returns how many requests there were, retries included.
    pub fn requests(&self) -> usize {
        self.client.asked()
    }
}

/// Reads what stands at a path; of a list, all pages.
async fn whole(client: &Client, path: &str) -> Result<Value, Failure> {
    // A path says itself whether it leads to a list.
    if !path.contains("/rules/branches/") {
        return client.get(path).await;
    }
    let listed = client.list(format!("{path}?per_page=100"), |page: Vec<Value>| page, |_| false).await?;
    Ok(Value::Array(listed))
}

/// Judges every pull request that is open, a few at a time.
async fn open_pulls(client: &Client, repo: &RepoName, options: &Options) -> Result<Vec<Done>, Failure> {
    let path = format!("{}/pulls?state=open&per_page=100", repo.path());
    let listed: Vec<ListedPull> =
        client.list(path, |page: Vec<ListedPull>| page, |all| MOST_OPEN < all.len()).await?;
    if MOST_OPEN < listed.len() {
        return Err(Failure::new(format!(
            "more than {MOST_OPEN} pull requests are open; judge them one by one"
        )));
    }
    let mut all = Vec::new();
    for some in listed.chunks(AT_ONCE) {
        let judged = some.iter().map(|pull| async move {
            let name = PullName { repo: repo.clone(), number: pull.number };
            judge_pull(client, &name, options, Told::default()).await
        });
        let judged: Result<Vec<Done>, Failure> = join_all(judged).await.into_iter().collect();
        all.extend(judged?);
    }
    Ok(all)
}
