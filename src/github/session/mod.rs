//! The only runtime: started when GitHub is asked, on the thread that asks, and gone afterwards.

pub(crate) mod contributors;
pub(crate) mod ref_moves;

use std::path::Path;

use futures_util::future::join_all;
use jiff::Timestamp;
use serde_json::Value;

use crate::change::{Change, NeededFacts, Oid};
use crate::github::api::names::{GitHubServer, PullRequestName, RepositoryName};
use crate::github::api::request::GitHubFailure;
use crate::github::api::rest::{self, RestListedPullRequest};
use crate::github::api::GitHubClient;
use crate::github::event::EventSubject;
use crate::github::facts::{GatherFailure, PullRequestGatherer, PusherSource};
use crate::github::judge::merge_queue::{MergeGroup, judge_merge_group};
use crate::github::judge::pushed::{CompletedPush, judge_completed_push};
use crate::github::judge::{
    GitHubJudgeOptions, GitHubRunContext, JudgedGroup, build_report, judge_pull_request,
};
use crate::github::publish::{self, CheckRunReport, PublishOutcome};
use crate::github::repository_settings;
use crate::http::{RequestPolicy, Secret};
use crate::report::Report;

/// How many pull requests are judged at the same time.
const MAX_CONCURRENT_PULL_REQUESTS: usize = 4;

/// How many open pull requests are judged at all.
const MAX_OPEN_PULL_REQUESTS: usize = 200;

/// Where answers come from.
#[derive(Clone)]
pub enum GitHubSource<'asking> {
    /// GitHub.
    Live {
        /// The server.
        server: &'asking GitHubServer,
        /// What shows who asks; without one, only what is public can be read.
        token: Option<&'asking Secret>,
        /// How patient to be.
        limits: RequestPolicy,
        /// Where to keep the answers, if anywhere.
        record_to: Option<&'asking Path>,
        /// What time it is.
        now: Timestamp,
    },
    /// A folder of answers that were kept.
    Recording(&'asking Path),
}

/// A conversation with GitHub.
pub struct GitHubSession {
    pub(crate) runtime: tokio::runtime::Runtime,
    pub(crate) client: GitHubClient,
}

/// What came out.
#[derive(Clone, Debug)]
pub struct JudgedEvent {
    /// The report.
    pub report: Report,
    /// Each pull request that was judged, with its final revision, and whether it may go on.
    pub pull_requests: Vec<JudgedPullRequest>,
}

/// A pull request that was judged.
#[derive(Clone, Debug)]
pub struct JudgedPullRequest {
    /// Which one.
    pub name: PullRequestName,
    /// Its final revision.
    pub head: Oid,
    /// What is told about it alone.
    pub report: Report,
}

impl GitHubSession {
    /// Starts a conversation; nothing is asked yet.
    ///
    /// # Errors
    ///
    /// Fails if no runtime can be started, or a record cannot be opened.
    pub fn open_session(source: GitHubSource<'_>) -> Result<GitHubSession, GitHubFailure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
        let runtime =
            runtime.map_err(|error| GitHubFailure::new(format!("no runtime can be started: {error}")))?;
        let client = runtime.block_on(async {
            match source {
                GitHubSource::Live { server, token, limits: patience, record_to: record, now } => {
                    GitHubClient::open_live(server, token, patience, now, record)
                }
                GitHubSource::Recording(folder) => GitHubClient::open_recording(folder),
            }
        })?;
        Ok(GitHubSession { runtime, client })
    }

    /// Judges what an event is about.
    ///
    /// # Errors
    ///
    /// Fails if GitHub does not tell enough to judge anything.
    pub fn judge_event(
        &self,
        subject: &EventSubject,
        options: &GitHubJudgeOptions,
    ) -> Result<JudgedEvent, GitHubFailure> {
        let client = &self.client;
        let done = self.runtime.block_on(async {
            match subject {
                EventSubject::PullRequest { repo, number, expected_head: expected } => {
                    let name = PullRequestName { repo: repo.clone(), number: *number };
                    let told =
                        GitHubRunContext { expected_head: *expected, checks_revision: None, landed_at: None };
                    Ok(vec![judge_pull_request(client, &name, options, told).await?])
                }
                EventSubject::MergeGroup { repo, base_ref, base_tip: base, group_head: head } => {
                    let queued = MergeGroup { repo, base_ref, base_tip: *base, group_head: *head };
                    judge_merge_group(client, &queued, options).await
                }
                EventSubject::Push { repo, ref_name: name, before, after, forced } => {
                    let (before, after, forced) = (*before, *after, *forced);
                    let landed = CompletedPush {
                        repo,
                        ref_name: name,
                        before,
                        after,
                        forced,
                        pushed_at: None,
                        pusher: None,
                    };
                    judge_completed_push(client, &landed, options).await.map(|judged| judged.groups)
                }
                EventSubject::OpenPullRequests { repo } => judge_open_pulls(client, repo, options).await,
            }
        })?;
        let pulls = done.iter().filter_map(|done| {
            let (name, head) = done.pull_request_head.clone()?;
            Some(JudgedPullRequest { name, head, report: build_report(client, vec![done.clone()]) })
        });
        let pulls = pulls.collect();
        Ok(JudgedEvent { report: build_report(client, done), pull_requests: pulls })
    }

    /// Gathers what GitHub knows about a pull request, as far as `needs` asks for it, without judging.
    ///
    /// # Errors
    ///
    /// Fails if the pull request itself or its commits cannot be read.
    pub fn gather_change(
        &self,
        name: &PullRequestName,
        needs: &NeededFacts,
        pusher: PusherSource,
    ) -> Result<Change, GitHubFailure> {
        let client = &self.client;
        self.runtime.block_on(async {
            let pull: rest::RestPullRequest =
                client.fetch_json(format!("{}/pulls/{}", name.repo.rest_path(), name.number)).await?;
            let (base, checks_of, now) = (pull.base.sha, pull.head.sha, client.now());
            let gathering = PullRequestGatherer {
                client,
                name,
                pull: &pull,
                base_tip: base,
                needs,
                trusted: None,
                pusher_source: pusher,
                checks_revision: checks_of,
                seen_at: now,
            };
            gathering.gather_change().await.map_err(|gap| match gap {
                GatherFailure::CommitsUnavailable(failure) => failure,
                GatherFailure::HeadMoved(why) => GitHubFailure::new(why),
            })
        })
    }

    /// Asks every question of the doctor about a repository.
    ///
    /// # Errors
    ///
    /// Fails if the repository cannot be read at all.
    pub fn examine_settings(
        &self,
        subject: &repository_settings::ExaminedRepository<'_>,
    ) -> Result<repository_settings::SettingsExamination, GitHubFailure> {
        repository_settings::examine_repository(subject, &mut |path| {
            self.runtime.block_on(fetch_whole(&self.client, path))
        })
    }

    /// Writes the comment on a pull request, or brings it up to date.
    ///
    /// # Errors
    ///
    /// Fails if GitHub cannot be asked; that it does not allow it is no failure.
    pub fn publish_comment(
        &self,
        pull: &PullRequestName,
        text: &str,
    ) -> Result<PublishOutcome, GitHubFailure> {
        self.runtime.block_on(publish::publish_comment(&self.client, pull, text))
    }

    /// Reports a check run on a revision.
    ///
    /// # Errors
    ///
    /// Fails if GitHub cannot be asked; that it does not allow it is no failure.
    pub fn publish_check_run(
        &self,
        repo: &RepositoryName,
        of: Oid,
        run: &CheckRunReport<'_>,
    ) -> Result<PublishOutcome, GitHubFailure> {
        self.runtime.block_on(publish::publish_check_run(&self.client, repo, of, run))
    }

    /// Returns how many requests there were, retries included.
    pub fn request_count(&self) -> usize {
        self.client.request_count()
    }
}

/// Reads what stands at a path; of a list, all pages.
async fn fetch_whole(client: &GitHubClient, path: &str) -> Result<Value, GitHubFailure> {
    // A path says itself whether it leads to a list.
    if !path.contains("/rules/branches/") {
        return client.fetch_json(path).await;
    }
    let listed =
        client.fetch_list(format!("{path}?per_page=100"), |page: Vec<Value>| page, |_| false).await?;
    Ok(Value::Array(listed))
}

/// Judges every pull request that is open, a few at a time.
async fn judge_open_pulls(
    client: &GitHubClient,
    repo: &RepositoryName,
    options: &GitHubJudgeOptions,
) -> Result<Vec<JudgedGroup>, GitHubFailure> {
    let path = format!("{}/pulls?state=open&per_page=100", repo.rest_path());
    let listed: Vec<RestListedPullRequest> = client
        .fetch_list(path, |page: Vec<RestListedPullRequest>| page, |all| MAX_OPEN_PULL_REQUESTS < all.len())
        .await?;
    if MAX_OPEN_PULL_REQUESTS < listed.len() {
        return Err(GitHubFailure::new(format!(
            "more than {MAX_OPEN_PULL_REQUESTS} pull requests are open; judge them one by one"
        )));
    }
    let mut all = Vec::new();
    for some in listed.chunks(MAX_CONCURRENT_PULL_REQUESTS) {
        let judged = some.iter().map(|pull| async move {
            let name = PullRequestName { repo: repo.clone(), number: pull.number };
            judge_pull_request(client, &name, options, GitHubRunContext::default()).await
        });
        let judged: Result<Vec<JudgedGroup>, GitHubFailure> = join_all(judged).await.into_iter().collect();
        all.extend(judged?);
    }
    Ok(all)
}
