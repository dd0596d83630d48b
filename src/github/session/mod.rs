//! A session with GitHub, which holds the only asynchronous runtime: it is started when GitHub is asked, on the
//! thread that asks, and ends with the session.

pub(crate) mod contributors;
pub(crate) mod ref_moves;

use std::path::Path;

use futures_util::future::join_all;
use jiff::Timestamp;
use serde_json::Value;

use crate::change::{Change, NeededFacts, Oid};
use crate::github::api::GitHubClient;
use crate::github::api::names::{GitHubServer, PullRequestName, RepositoryName};
use crate::github::api::request::GitHubFailure;
use crate::github::api::rest::{RestListedPullRequest, RestPullRequest};
use crate::github::event::EventSubject;
use crate::github::facts::{GatherFailure, PullRequestGatherer, PusherSource};
use crate::github::judge::merge_queue::{MergeGroup, judge_merge_group};
use crate::github::judge::pushed::{CompletedPush, classify_ref_update, judge_completed_push};
use crate::github::judge::{
    GitHubJudgeOptions, GitHubRunContext, JudgedGroup, build_report, judge_pull_request,
};
use crate::github::publish::{self, CheckRunReport, PublishOutcome};
use crate::github::repository_settings;
use crate::http::{RequestPolicy, Secret};
use crate::report::Report;
use crate::verdict::messages;

/// How many open pull requests are judged at the same time.
const MAX_CONCURRENT_PULL_REQUESTS: usize = 4;

/// How many open pull requests are judged in one run.
const MAX_OPEN_PULL_REQUESTS: usize = 200;

messages! {
    NO_PULL_AT = "github.no-pull-at": "no open pull request ends at {commit}; nothing was judged";
}

/// The source of a session's answers: the server, or a recording of them.
#[derive(Clone)]
pub enum GitHubSource<'asking> {
    /// A GitHub server, asked now.
    Live {
        /// The server that is asked.
        server: &'asking GitHubServer,
        /// The token of the account that asks; without one, only what is public can be read.
        token: Option<&'asking Secret>,
        /// The limits of time and size.
        limits: RequestPolicy,
        /// The folder to record the answers in; `None` to record nothing.
        record_to: Option<&'asking Path>,
        /// The instant that everything is judged at.
        now: Timestamp,
    },
    /// A folder of recorded answers; nothing is asked.
    Recording(&'asking Path),
}

/// A session with GitHub: a client, and the runtime that it needs.
pub struct GitHubSession {
    runtime: tokio::runtime::Runtime,
    client: GitHubClient,
}

/// An event with everything that was judged for it.
#[derive(Clone, Debug)]
pub struct JudgedEvent {
    /// The report on everything together.
    pub report: Report,
    /// Each pull request that was judged, with its own report.
    pub pull_requests: Vec<JudgedPullRequest>,
}

/// A pull request that was judged.
#[derive(Clone, Debug)]
pub struct JudgedPullRequest {
    /// The repository and the number.
    pub name: PullRequestName,
    /// The final revision that was judged.
    pub head: Oid,
    /// The report on this pull request alone.
    pub report: Report,
}

impl GitHubSession {
    /// Starts a session; nothing is asked yet.
    ///
    /// # Errors
    ///
    /// Fails if no runtime can be started, or a recording cannot be opened.
    pub fn open_session(source: GitHubSource<'_>) -> Result<GitHubSession, GitHubFailure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
        let runtime =
            runtime.map_err(|error| GitHubFailure::new(format!("cannot start a runtime: {error}")))?;
        let client = runtime.block_on(async {
            match source {
                GitHubSource::Live { server, token, limits, record_to, now } => {
                    GitHubClient::open_live(server, token, limits, now, record_to)
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
        let done = self.runtime.block_on(judge_subject(client, subject, options))?;
        let mut pull_requests = Vec::new();
        let mut report = build_report(client, done.clone());
        if let EventSubject::PullRequestsAt { head, .. } = subject
            && done.is_empty()
        {
            report.notes.push(NO_PULL_AT.with("commit", head.short_hex()));
        }
        for group in &done {
            if let Some((name, head)) = group.pull_request_head.clone() {
                let report = build_report(client, vec![group.clone()]);
                pull_requests.push(JudgedPullRequest { name, head, report });
            }
        }
        Ok(JudgedEvent { report, pull_requests })
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
        pusher_source: PusherSource,
    ) -> Result<Change, GitHubFailure> {
        let client = &self.client;
        self.runtime.block_on(async {
            let path = format!("{}/pulls/{}", name.repo.rest_path(), name.number);
            let pull: RestPullRequest = client.fetch_json(path).await?;
            let gatherer = PullRequestGatherer {
                client,
                name,
                pull: &pull,
                base_tip: pull.base.sha,
                needs,
                trusted: None,
                pusher_source,
                checks_revision: pull.head.sha,
                seen_at: client.now(),
            };
            match gatherer.gather_change().await {
                Ok(change) => Ok(change),
                Err(GatherFailure::CommitsUnavailable(failure)) => Err(failure),
                Err(GatherFailure::HeadMoved(message)) => Err(GitHubFailure::new(message.to_plain_text())),
            }
        })
    }

    /// Examines whether the settings of a repository enforce the gate.
    ///
    /// # Errors
    ///
    /// Fails if the repository cannot be read at all.
    pub(crate) fn examine_settings(
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
    /// Fails if GitHub cannot be asked; a token that may not write is no failure.
    pub(crate) fn publish_comment(
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
    /// Fails if GitHub cannot be asked; a token that may not write is no failure.
    pub(crate) fn publish_check_run(
        &self,
        repo: &RepositoryName,
        revision: Oid,
        run: &CheckRunReport<'_>,
    ) -> Result<PublishOutcome, GitHubFailure> {
        self.runtime.block_on(publish::publish_check_run(&self.client, repo, revision, run))
    }
}

/// Judges what an event is about, in one group or more.
async fn judge_subject(
    client: &GitHubClient,
    subject: &EventSubject,
    options: &GitHubJudgeOptions,
) -> Result<Vec<JudgedGroup>, GitHubFailure> {
    match subject {
        EventSubject::PullRequest { repo, number, expected_head } => {
            let name = PullRequestName { repo: repo.clone(), number: *number };
            let context = GitHubRunContext { expected_head: *expected_head, ..GitHubRunContext::default() };
            Ok(vec![judge_pull_request(client, &name, options, context).await?])
        }
        EventSubject::MergeGroup { repo, base_ref, base_tip, group_head } => {
            let queued = MergeGroup { repo, base_ref, base_tip: *base_tip, group_head: *group_head };
            judge_merge_group(client, &queued, options).await
        }
        EventSubject::Push { repo, ref_name, before, after, forced } => {
            let Some(update) = classify_ref_update(before.none_if_null(), after.none_if_null(), *forced)
            else {
                return Err(GitHubFailure::new("the event says that the ref has not moved"));
            };
            let landed = CompletedPush { repo, ref_name, update, pushed_at: None, pusher: None };
            Ok(judge_completed_push(client, &landed, options).await?.groups)
        }
        EventSubject::PullRequestsAt { repo, head } => {
            let mut listed = list_open_pulls(client, repo).await?;
            listed.retain(|pull| pull.head.as_ref().is_some_and(|end| end.sha == *head));
            // The run is for this commit, so a pull request that has moved on is refused.
            let context = GitHubRunContext { expected_head: Some(*head), ..GitHubRunContext::default() };
            judge_listed_pulls(client, repo, &listed, options, context).await
        }
        EventSubject::OpenPullRequests { repo } => {
            let listed = list_open_pulls(client, repo).await?;
            judge_listed_pulls(client, repo, &listed, options, GitHubRunContext::default()).await
        }
    }
}

/// Reads the answer to a path of the API; of a list, all pages.
async fn fetch_whole(client: &GitHubClient, path: &str) -> Result<Value, GitHubFailure> {
    // Of all that is examined, only the rules of a branch come in pages.
    if !path.contains("/rules/branches/") {
        return client.fetch_json(path).await;
    }
    Ok(Value::Array(client.fetch_whole_list(format!("{path}?per_page=100")).await?))
}

/// Lists every open pull request.
async fn list_open_pulls(
    client: &GitHubClient,
    repo: &RepositoryName,
) -> Result<Vec<RestListedPullRequest>, GitHubFailure> {
    client.fetch_whole_list(format!("{}/pulls?state=open&per_page=100", repo.rest_path())).await
}

/// Judges some pull requests, a few at a time.
async fn judge_listed_pulls(
    client: &GitHubClient,
    repo: &RepositoryName,
    listed: &[RestListedPullRequest],
    options: &GitHubJudgeOptions,
    context: GitHubRunContext,
) -> Result<Vec<JudgedGroup>, GitHubFailure> {
    if listed.len() > MAX_OPEN_PULL_REQUESTS {
        return Err(GitHubFailure::new(format!(
            "{} pull requests are open, and one run judges {MAX_OPEN_PULL_REQUESTS}; judge them one by one",
            listed.len()
        )));
    }
    let mut all = Vec::new();
    for some in listed.chunks(MAX_CONCURRENT_PULL_REQUESTS) {
        let judged = some.iter().map(|pull| async move {
            let name = PullRequestName { repo: repo.clone(), number: pull.number };
            judge_pull_request(client, &name, options, context).await
        });
        for group in join_all(judged).await {
            all.push(group?);
        }
    }
    Ok(all)
}
