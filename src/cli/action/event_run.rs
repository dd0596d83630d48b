//! The judgement of an event, with the check run of each revision that it is about.

use std::time::Duration;

use crate::change::Oid;
use crate::cli::action::check_runs::CheckRunWriter;
use crate::cli::command_error::CommandError;
use crate::github::check_run::CheckRunPurpose;
use crate::github::event::EventSubject;
use crate::github::{
    GitHubFailure, GitHubJudgeOptions, GitHubSession, JudgedEvent, OpenPullRequest, PullsOfRevision,
    RepositoryName, describe_time_over, describe_unswept,
};

/// How many revisions are judged at the same time; each is published before the next ones are begun.
const MAX_CONCURRENT_REVISIONS: usize = 4;

/// A session with what judges and publishes an event.
pub(crate) struct EventRun<'a> {
    pub(crate) session: &'a GitHubSession,
    pub(crate) options: &'a GitHubJudgeOptions,
    pub(crate) checks: CheckRunWriter<'a>,
}

impl EventRun<'_> {
    /// Judges what an event is about, and writes the check runs; in evaluate mode, every report says so.
    pub(crate) fn judge_subject(&self, subject: &EventSubject) -> Result<JudgedEvent, CommandError> {
        let mut judged = self.judge_each(subject)?;
        judged.report.is_evaluation = self.checks.is_evaluation;
        for pull in &mut judged.pull_requests {
            pull.report.is_evaluation = self.checks.is_evaluation;
        }
        Ok(judged)
    }

    fn judge_each(&self, subject: &EventSubject) -> Result<JudgedEvent, CommandError> {
        match subject {
            EventSubject::PullRequest { repo, number, expected_head } => {
                self.judge_pull_request(repo, *number, *expected_head)
            }
            EventSubject::PullRequestsAt { repo, head, hints } => self.judge_pulls_at(repo, *head, hints),
            EventSubject::OpenPullRequests { repo } => self.judge_open_pulls(repo),
            EventSubject::MergeGroup { repo, group_head, .. } => {
                let pending = self.checks.begin_check_run(repo, *group_head, CheckRunPurpose::MergeGroup);
                match self.session.judge_event(subject, self.options) {
                    Ok(judged) => {
                        self.checks.conclude_check_run(pending, &judged, true)?;
                        Ok(judged)
                    }
                    Err(failure) => {
                        self.checks.conclude_unjudged(pending, &failure)?;
                        Err(failure.into())
                    }
                }
            }
            // A branch that was pushed can hold the commit of any pull request, so this writes no check run.
            EventSubject::Push { .. } => Ok(self.session.judge_event(subject, self.options)?),
        }
    }

    /// Judges a pull request, together with every other open one that has the same final revision.
    fn judge_pull_request(
        &self,
        repo: &RepositoryName,
        number: u64,
        expected_head: Option<Oid>,
    ) -> Result<JudgedEvent, CommandError> {
        let mut pending = None;
        if let Some(head) = expected_head {
            pending = self.checks.begin_check_run(repo, head, CheckRunPurpose::PullRequests);
        }
        let open = match self.session.list_pulls_of_event(repo, number, expected_head) {
            Ok(open) => open,
            Err(failure) => {
                self.checks.conclude_unjudged(pending, &failure)?;
                return Err(failure.into());
            }
        };
        let listed = open.iter().find(|pull| pull.number == number).map(|pull| pull.head);
        let head = expected_head.or(listed);
        if expected_head.is_none()
            && let Some(head) = head
        {
            pending = self.checks.begin_check_run(repo, head, CheckRunPurpose::PullRequests);
        }
        let mut target = PullsOfRevision { head, numbers: vec![number] };
        target.numbers.extend(list_numbers_at(&open, head).filter(|other| *other != number));
        // One that has moved on no longer speaks for this commit where others still end at it.
        if listed.is_some() && listed != head && target.numbers.len() > 1 {
            target.numbers.retain(|other| *other != number);
        }
        let judged = self.session.judge_revisions(repo, &[target], self.options);
        let judged = JudgedEvent::join_events(judged, self.session);
        // Of a closed one, the list has no revision.
        if head.is_none()
            && let Some(pull) = judged.pull_requests.first()
        {
            pending = self.checks.begin_check_run(repo, pull.head, CheckRunPurpose::PullRequests);
        }
        self.checks.conclude_check_run(pending, &judged, false)?;
        Ok(judged)
    }

    /// Judges the open pull requests that end at a commit. One that ends no pull request gets no check run.
    ///
    /// The check run that the commit may have is taken over before the pull requests are looked up: if the run is
    /// killed meanwhile, no verdict of an earlier state is left.
    fn judge_pulls_at(
        &self,
        repo: &RepositoryName,
        head: Oid,
        hints: &[u64],
    ) -> Result<JudgedEvent, CommandError> {
        let held = self.checks.hold_check_runs(repo, head);
        let numbers = match self.session.list_pulls_at(repo, head, hints) {
            Ok(numbers) => numbers,
            Err(failure) => {
                let pending = self.checks.begin_held_check_run(held, repo, head);
                self.checks.conclude_unjudged(pending, &failure)?;
                return Err(failure.into());
            }
        };
        let target = PullsOfRevision { head: Some(head), numbers };
        if target.numbers.is_empty() {
            self.checks.release_check_runs(held)?;
            return Ok(self.session.describe_no_pulls(head));
        }
        let pending = self.checks.begin_held_check_run(held, repo, head);
        let judged = self.session.judge_revisions(repo, &[target], self.options);
        let judged = JudgedEvent::join_events(judged, self.session);
        self.checks.conclude_check_run(pending, &judged, false)?;
        Ok(judged)
    }

    /// Judges all open pull requests, those with the same final revision together, and those first that were judged
    /// longest ago. What there is no time for, or is more than one run judges, keeps its check run, and is named as not
    /// judged.
    fn judge_open_pulls(&self, repo: &RepositoryName) -> Result<JudgedEvent, CommandError> {
        let open = self.session.list_open_pulls(repo)?;
        let mut targets = group_by_head(&open);
        if targets.len() > MAX_CONCURRENT_REVISIONS {
            self.session.order_by_last_judgement(repo, self.checks.name, &mut targets);
        }
        let unswept = PullsOfRevision::split_off_unswept(&mut targets);
        let mut all = Vec::new();
        let mut longest = Duration::ZERO;
        for some in targets.chunks(MAX_CONCURRENT_REVISIONS) {
            let time_left = self.session.remaining_time();
            // Without time for what took longest so far, a check run would only be made to say that there was none.
            if !all.is_empty() && time_left <= longest {
                let numbers: Vec<u64> = some.iter().flat_map(|target| target.numbers.clone()).collect();
                all.push(self.session.describe_unjudged(repo, &numbers, &describe_time_over()));
                continue;
            }
            let mut pending = Vec::new();
            for target in some {
                pending.push(match target.head {
                    Some(head) => self.checks.begin_check_run(repo, head, CheckRunPurpose::PullRequests),
                    None => None,
                });
            }
            let judged = self.session.judge_revisions(repo, some, self.options);
            for (pending, judged) in pending.into_iter().zip(&judged) {
                self.checks.conclude_check_run(pending, judged, false)?;
            }
            all.extend(judged);
            longest = longest.max(time_left.saturating_sub(self.session.remaining_time()));
        }
        if !unswept.is_empty() {
            all.push(self.session.describe_unjudged(repo, &unswept, &describe_unswept(unswept.len())));
        }
        Ok(JudgedEvent::join_events(all, self.session))
    }
}

/// Lists the numbers of the pull requests that end at `head`.
fn list_numbers_at(open: &[OpenPullRequest], head: Option<Oid>) -> impl Iterator<Item = u64> {
    open.iter().filter(move |pull| Some(pull.head) == head).map(|pull| pull.number)
}

/// Returns the pull requests of each final revision, in the order of the first of them.
fn group_by_head(open: &[OpenPullRequest]) -> Vec<PullsOfRevision> {
    let mut targets: Vec<PullsOfRevision> = Vec::new();
    for pull in open {
        match targets.iter_mut().find(|target| target.head == Some(pull.head)) {
            Some(target) => target.numbers.push(pull.number),
            None => targets.push(PullsOfRevision { head: Some(pull.head), numbers: vec![pull.number] }),
        }
    }
    targets
}

/// Returns the error of a run in which some pull requests could not be read; `None` if all could.
pub(crate) fn describe_failures(failures: &[GitHubFailure]) -> Option<CommandError> {
    if failures.is_empty() {
        return None;
    }
    let why: Vec<&str> = failures.iter().map(|failure| failure.why.as_str()).collect();
    Some(CommandError::Failed(anyhow::anyhow!(why.join("\n"))))
}
