//! A session with GitHub, which holds the only asynchronous runtime: it is started when GitHub is asked, on the
//! thread that asks, and ends with the session.

pub(crate) mod contributors;
pub(crate) mod merged_pulls;
pub(crate) mod open_pulls;
pub(crate) mod organisation_members;
pub(crate) mod owner_repositories;
pub(crate) mod publications;
pub(crate) mod pull_verdicts;
pub(crate) mod ref_moves;

use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use serde_json::Value;

use crate::change::{Change, NeededFacts, Oid, Text};
use crate::github::api::GitHubClient;
use crate::github::api::names::{GitHubServer, PullRequestName, RepositoryName};
use crate::github::api::request::GitHubFailure;
use crate::github::api::rest::RestPullRequest;
use crate::github::event::EventSubject;
use crate::github::facts::checks::OwnChecks;
use crate::github::facts::{GatherFailure, PullRequestGatherer, PusherSource};
use crate::github::judge::branch_tips::{BranchTips, read_branch_tips};
use crate::github::judge::completed_push::{CompletedPush, classify_ref_update};
use crate::github::judge::judged_group::{JudgedGroup, build_report};
use crate::github::judge::pending_checks::judge_merge_group;
use crate::github::judge::pushed::judge_completed_push;
use crate::github::judge::queued_pull::MergeGroup;
use crate::github::judge::{GitHubJudgeOptions, GitHubRunContext, judge_pull_request};
use crate::github::repository_settings;
use crate::github::repository_settings::policy_advice::{advise_own_checks, suggest_account_numbers};
use crate::github::session::open_pulls::{
    OpenPullRequest, PullsOfRevision, judge_numbered_pulls, judge_open_pulls, judge_pulls_at,
    list_open_pulls, list_pulls_at, list_pulls_of_event, order_by_last_judgement,
};
use crate::github::session::owner_repositories::list_owner_repositories;
use crate::http::{RequestPolicy, Secret};
use crate::report::{Report, decide_groups};
use crate::verdict::messages;

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
    /// Why pull requests could not be read at all; the report denies each of them.
    pub failures: Vec<GitHubFailure>,
    /// True if all conversations of all that was judged are known to be resolved.
    pub are_conversations_resolved: bool,
}

/// A pull request that was judged.
#[derive(Clone, Debug)]
pub struct JudgedPullRequest {
    /// The repository and the number.
    pub name: PullRequestName,
    /// The final revision that was judged.
    pub head: Oid,
    /// The full name of the branch that it was judged for; `None` if nothing of it could be judged.
    pub target: Option<Text>,
    /// The report on this pull request alone.
    pub report: Report,
}

impl JudgedEvent {
    /// Returns everything that was judged in one event.
    pub(crate) fn join_events(events: Vec<JudgedEvent>, session: &GitHubSession) -> JudgedEvent {
        let mut joined = session.build_event(Vec::new());
        joined.are_conversations_resolved =
            !events.is_empty() && events.iter().all(|event| event.are_conversations_resolved);
        for event in events {
            joined.report.groups.extend(event.report.groups);
            joined.report.policy = joined.report.policy.or(event.report.policy);
            for note in event.report.notes {
                if !joined.report.notes.contains(&note) {
                    joined.report.notes.push(note);
                }
            }
            joined.pull_requests.extend(event.pull_requests);
            joined.failures.extend(event.failures);
        }
        joined.report.decision = decide_groups(&joined.report.groups, joined.report.enforced);
        joined
    }
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
        let done = self.runtime.block_on(judge_subject(&self.client, subject, options))?;
        match subject {
            EventSubject::PullRequestsAt { head, .. } if done.is_empty() => Ok(self.describe_no_pulls(*head)),
            _ => Ok(self.build_event(done)),
        }
    }

    /// Returns an event in which nothing was judged, since no open pull request ends at `head`.
    pub(crate) fn describe_no_pulls(&self, head: Oid) -> JudgedEvent {
        let mut event = self.build_event(Vec::new());
        event.report.notes.push(NO_PULL_AT.with("commit", head.short_hex()));
        event
    }

    fn build_event(&self, done: Vec<JudgedGroup>) -> JudgedEvent {
        let mut pull_requests = Vec::new();
        let mut failures = Vec::new();
        for group in &done {
            failures.extend(group.failure.clone());
            if let Some((name, head)) = group.pull_request_head.clone() {
                let report = build_report(&self.client, vec![group.clone()]);
                let target = group.changes.first().and_then(|change| change.target.clone().ok());
                pull_requests.push(JudgedPullRequest { name, head, target, report });
            }
        }
        let are_conversations_resolved =
            !done.is_empty() && done.iter().all(JudgedGroup::has_resolved_conversations);
        let report = build_report(&self.client, done);
        JudgedEvent { report, pull_requests, failures, are_conversations_resolved }
    }

    /// Returns the numbers of the open pull requests whose final revision is `head`, once GitHub lists any; those in
    /// `hints` are asked about as well.
    ///
    /// # Errors
    ///
    /// Fails if one page of them cannot be read.
    pub(crate) fn list_pulls_at(
        &self,
        repo: &RepositoryName,
        head: Oid,
        hints: &[u64],
    ) -> Result<Vec<u64>, GitHubFailure> {
        self.runtime.block_on(list_pulls_at(&self.client, repo, head, hints))
    }

    /// Returns all open pull requests for an event of one of them; fails if the list lacks that one.
    pub(crate) fn list_pulls_of_event(
        &self,
        repo: &RepositoryName,
        number: u64,
        head: Option<Oid>,
    ) -> Result<Vec<OpenPullRequest>, GitHubFailure> {
        self.runtime.block_on(list_pulls_of_event(&self.client, repo, number, head))
    }

    /// Returns the open pull requests of a repository, if they are few enough to be judged in one run.
    ///
    /// # Errors
    ///
    /// Fails if they cannot be read, or are too many.
    pub(crate) fn list_open_pulls(
        &self,
        repo: &RepositoryName,
    ) -> Result<Vec<OpenPullRequest>, GitHubFailure> {
        self.runtime.block_on(list_open_pulls(&self.client, repo, |_| false))
    }

    /// Returns the repositories of an organisation or a user, as far as the token sees them, by their names.
    ///
    /// # Errors
    ///
    /// Fails unless all of the list can be read.
    pub(crate) fn list_owner_repositories(&self, owner: &str) -> Result<Vec<RepositoryName>, GitHubFailure> {
        self.runtime.block_on(list_owner_repositories(&self.client, owner))
    }

    /// Puts revisions into the order in which a run judges them that may not get to the end; `check_name` is the
    /// name of the check runs that say when each was last judged.
    pub(crate) fn order_by_last_judgement(
        &self,
        repo: &RepositoryName,
        check_name: Option<&str>,
        targets: &mut [PullsOfRevision],
    ) {
        self.runtime.block_on(order_by_last_judgement(&self.client, repo, check_name, targets));
    }

    /// Returns how much of the time for all requests is left.
    pub(crate) fn remaining_time(&self) -> Duration {
        self.client.remaining_time()
    }

    /// Returns an event in which these pull requests were not judged, for the lack of time.
    pub(crate) fn describe_unjudged(
        &self,
        repo: &RepositoryName,
        numbers: &[u64],
        failure: &GitHubFailure,
    ) -> JudgedEvent {
        let mut groups = Vec::new();
        for number in numbers {
            let name = PullRequestName { repo: repo.clone(), number: *number };
            groups.push(JudgedGroup::from_failure(&name, failure));
        }
        self.build_event(groups)
    }

    /// Judges the pull requests of some revisions, all at the same time, in one report for each revision.
    ///
    /// A check belongs to a commit and not to a branch. One that is green for a pull request therefore counts
    /// for every other with the same commit, and so each of them is judged. What the default branch does not
    /// put under change control stands for nothing there, unless nothing else is judged.
    pub(crate) fn judge_revisions(
        &self,
        repo: &RepositoryName,
        targets: &[PullsOfRevision],
        options: &GitHubJudgeOptions,
    ) -> Vec<JudgedEvent> {
        let judged = targets.iter().map(|target| {
            let context = GitHubRunContext { expected_head: target.head, ..GitHubRunContext::default() };
            judge_numbered_pulls(&self.client, repo, &target.numbers, options, context)
        });
        let mut events = Vec::new();
        for mut groups in self.runtime.block_on(join_all(judged)) {
            if groups.iter().any(|group| !group.is_outside_control) {
                groups.retain(|group| !group.is_outside_control);
            }
            events.push(self.build_event(groups));
        }
        events
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
                template_root: None,
                needs,
                trusted: None,
                pusher_source,
                checks_revision: pull.head.sha,
                own_checks: &OwnChecks::default(),
                seen_at: client.now(),
                merge: None,
            };
            match gatherer.gather_change().await {
                Ok(change) => Ok(change),
                Err(GatherFailure::CommitsUnavailable(failure)) => Err(failure),
                Err(GatherFailure::HeadMoved(message) | GatherFailure::StateLost(message)) => {
                    Err(GitHubFailure::new(message.to_plain_text()))
                }
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
        let mut fetch = |path: &str| self.runtime.block_on(fetch_whole(&self.client, path));
        let mut examination = repository_settings::examine_repository(subject, &mut fetch)?;
        if let Some(repo) = RepositoryName::parse_name(subject.repository) {
            let read_at = format!("refs/heads/{}", examination.branch);
            let tips = self.runtime.block_on(read_branch_tips(&self.client, &repo, &read_at));
            // What cannot be read here is reported by what needs it.
            if let Ok(BranchTips { ref_tip: Some(tip), .. }) = tips
                && let Ok(Some(loaded)) = self.find_usable_policy(&repo, tip, subject.policy_path)
            {
                let mut own_names = vec![subject.check_name];
                own_names.extend(examination.check_names.iter().map(String::as_str));
                let mut advice = advise_own_checks(&loaded.policy, &own_names);
                advice.extend(suggest_account_numbers(subject.repository, &loaded.policy, &mut fetch));
                examination.advice.extend(advice);
            }
        }
        Ok(examination)
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
            Ok(judge_merge_group(client, &queued, options).await)
        }
        EventSubject::Push { repo, ref_name, before, after, forced } => {
            let Some(update) = classify_ref_update(before.none_if_null(), after.none_if_null(), *forced)
            else {
                return Err(GitHubFailure::new("the event says that the ref has not moved"));
            };
            let landed =
                CompletedPush { repo, ref_name, update, pushed_at: None, pusher: None, recorded_as: None };
            Ok(judge_completed_push(client, &landed, options).await?.groups)
        }
        EventSubject::PullRequestsAt { repo, head, hints } => {
            judge_pulls_at(client, repo, (*head, hints), options).await
        }
        EventSubject::OpenPullRequests { repo } => judge_open_pulls(client, repo, options).await,
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
