//! The open pull requests of a repository: their list, and the judgement of several of them.

use std::collections::HashMap;

use futures_util::future::join_all;
use jiff::Timestamp;

use crate::change::Oid;
use crate::github::api::GitHubClient;
use crate::github::api::names::{PullRequestName, RepositoryName};
use crate::github::api::request::GitHubFailure;
use crate::github::api::rest::{RestOpenPullRequest, RestPullRequest};
use crate::github::check_run::find_last_judgement;
use crate::github::judge::judged_group::JudgedGroup;
use crate::github::judge::{GitHubJudgeOptions, GitHubRunContext, judge_or_keep_failure};

/// How many open pull requests are judged at the same time.
const MAX_CONCURRENT_PULL_REQUESTS: usize = 4;

/// How many check runs are looked up at the same time.
const MAX_CONCURRENT_LOOKUPS: usize = 8;

/// How many open pull requests one run judges.
const MAX_SWEPT_PULL_REQUESTS: usize = 200;

/// How often the list of open pull requests is read again for an event that it has no pull request for.
const MAX_LAG_PAUSES: u32 = 2;

/// An open pull request, as the list of all of them has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpenPullRequest {
    pub(crate) number: u64,
    /// The final revision.
    pub(crate) head: Oid,
}

/// The pull requests that are judged together, because a check on their final revision counts for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PullsOfRevision {
    /// The final revision; `None` if it is not known yet.
    pub(crate) head: Option<Oid>,
    pub(crate) numbers: Vec<u64>,
}

impl PullsOfRevision {
    /// Takes away the revisions that one run does not get to, all after as many as it judges; returns the numbers of
    /// their pull requests. It judges at least one revision.
    pub(crate) fn split_off_unswept(targets: &mut Vec<PullsOfRevision>) -> Vec<u64> {
        let mut pulls = 0;
        let is_swept = |target: &PullsOfRevision| {
            let is_first = pulls == 0;
            pulls += target.numbers.len();
            is_first || pulls <= MAX_SWEPT_PULL_REQUESTS
        };
        let swept = targets.iter().map(is_swept).take_while(|is_swept| *is_swept).count();
        targets.split_off(swept).into_iter().flat_map(|target| target.numbers).collect()
    }
}

/// Returns the failure that each of the pull requests has which one run does not get to.
pub(crate) fn describe_unswept(left: usize) -> GitHubFailure {
    GitHubFailure::new(format!(
        "one run judges {MAX_SWEPT_PULL_REQUESTS} open pull requests; {left} are left for the next runs"
    ))
}

/// Returns the failure of each pull request for which a run had no time.
pub(crate) fn describe_time_over() -> GitHubFailure {
    GitHubFailure::new("no time was left for it; the next run begins with it")
}

/// Judges every open pull request, a few at a time.
pub(crate) async fn judge_open_pulls(
    client: &GitHubClient,
    repo: &RepositoryName,
    options: &GitHubJudgeOptions,
) -> Result<Vec<JudgedGroup>, GitHubFailure> {
    let listed = list_open_pulls(client, repo, |_| false).await?;
    let mut targets: Vec<PullsOfRevision> = listed
        .iter()
        .map(|pull| PullsOfRevision { head: Some(pull.head), numbers: vec![pull.number] })
        .collect();
    order_by_last_judgement(client, repo, None, &mut targets).await;
    let unswept = PullsOfRevision::split_off_unswept(&mut targets);
    let mut numbers: Vec<u64> = targets.into_iter().flat_map(|target| target.numbers).collect();
    numbers.sort_unstable_by_key(|number| listed.iter().position(|pull| pull.number == *number));
    let mut groups = judge_numbered_pulls(client, repo, &numbers, options, GitHubRunContext::default()).await;
    let failure = describe_unswept(unswept.len());
    for number in unswept {
        groups.push(JudgedGroup::from_failure(&PullRequestName { repo: repo.clone(), number }, &failure));
    }
    Ok(groups)
}

/// Judges the open pull requests whose final revision is `head`. The run is for this commit, so one that has moved
/// on meanwhile is refused.
pub(crate) async fn judge_pulls_at(
    client: &GitHubClient,
    repo: &RepositoryName,
    (head, hints): (Oid, &[u64]),
    options: &GitHubJudgeOptions,
) -> Result<Vec<JudgedGroup>, GitHubFailure> {
    let numbers = list_pulls_at(client, repo, head, hints).await?;
    let context = GitHubRunContext { expected_head: Some(head), ..GitHubRunContext::default() };
    Ok(judge_numbered_pulls(client, repo, &numbers, options, context).await)
}

/// Returns the numbers of the open pull requests whose final revision is `head`.
///
/// An event can be ahead of the list, which has a new pull request or its new head a moment later. Where it has none,
/// it is therefore read again before an event passes for one that no pull request is about. Pull requests that the
/// event names (`hints`) are asked about by themselves where the list lacks them.
///
/// # Errors
///
/// Fails if the list cannot be read, or one of the pull requests that the event names: it may be another one for which
/// the same check counts.
pub(crate) async fn list_pulls_at(
    client: &GitHubClient,
    repo: &RepositoryName,
    head: Oid,
    hints: &[u64],
) -> Result<Vec<u64>, GitHubFailure> {
    let mut attempt = 1;
    loop {
        let listed = list_open_pulls(client, repo, |_| false).await?;
        let mut numbers: Vec<u64> =
            listed.iter().filter(|pull| pull.head == head).map(|pull| pull.number).collect();
        for hint in hints {
            if !numbers.contains(hint) && is_open_at(client, repo, *hint, head).await? {
                numbers.push(*hint);
            }
        }
        if !numbers.is_empty() || attempt > MAX_LAG_PAUSES || !client.wait_for_record(attempt).await {
            return Ok(numbers);
        }
        attempt += 1;
    }
}

/// Returns whether a pull request is open and ends at `head`, as it tells itself.
///
/// # Errors
///
/// Fails if GitHub does not show it. A pull request never goes away, so that it is not there is no answer either.
async fn is_open_at(
    client: &GitHubClient,
    repo: &RepositoryName,
    number: u64,
    head: Oid,
) -> Result<bool, GitHubFailure> {
    let path = format!("{}/pulls/{number}", repo.rest_path());
    let pull: RestPullRequest = client.fetch_json(path).await?;
    if pull.number != number {
        let why = format!("GitHub answered with another pull request than {repo}#{number}");
        return Err(GitHubFailure::contradiction(why));
    }
    Ok(pull.state == "open" && pull.head.sha == head)
}

/// Lists the open pull requests for an event of the pull request `number`, whose final revision is `head` if the
/// event tells it. The list can lag behind the event, so it is read again for as long as it does.
///
/// # Errors
///
/// Fails if a page cannot be read, if the list goes on without the pull request, although it is open (another one can be
/// missing as well, for which the same check would count), and if it has the pull request at another revision, and GitHub
/// does not show the pull request itself.
pub(crate) async fn list_pulls_of_event(
    client: &GitHubClient,
    repo: &RepositoryName,
    number: u64,
    head: Option<Oid>,
) -> Result<Vec<OpenPullRequest>, GitHubFailure> {
    let mut attempt = 1;
    loop {
        let listed = list_open_pulls(client, repo, |_| false).await?;
        let found = listed.iter().find(|pull| pull.number == number).map(|pull| pull.head);
        if found.is_some() && (head.is_none() || found == head) {
            return Ok(listed);
        }
        // One that is closed is in no list, and one that has moved on is listed with what it is now.
        let path = format!("{}/pulls/{number}", repo.rest_path());
        let pull = match client.fetch_json::<RestPullRequest>(path).await {
            Ok(pull) => pull,
            // It is judged whatever the list says, and the failure is met there again.
            Err(_) if found.is_none() => return Ok(listed),
            // Otherwise the list alone would say that it has moved on, and is not concerned.
            Err(failure) => return Err(failure),
        };
        if pull.state != "open" || found == Some(pull.head.sha) {
            return Ok(listed);
        }
        if !client.wait_for_record(attempt).await {
            let why = format!(
                "GitHub's list of open pull requests lacks {number} at {}",
                pull.head.sha.short_hex()
            );
            return Err(GitHubFailure::contradiction(why));
        }
        attempt += 1;
    }
}

/// Puts revisions into the order in which a run judges them that may not get to the end: those first that were judged
/// longest ago, by their check runs of this name.
///
/// Without check runs nothing says when that was, and each run begins at another place.
pub(crate) async fn order_by_last_judgement(
    client: &GitHubClient,
    repo: &RepositoryName,
    check_name: Option<&str>,
    targets: &mut [PullsOfRevision],
) {
    let Some(name) = check_name else {
        let minutes = usize::try_from(client.now().as_second() / 60).unwrap_or(0);
        if !targets.is_empty() {
            targets.rotate_left(minutes % targets.len());
        }
        return;
    };
    let mut judged_at: HashMap<Oid, Option<Timestamp>> = HashMap::new();
    for some in targets.chunks(MAX_CONCURRENT_LOOKUPS) {
        let heads: Vec<Oid> = some.iter().filter_map(|target| target.head).collect();
        let asked = heads.iter().map(|head| find_last_judgement(client, repo, *head, name));
        judged_at.extend(heads.iter().copied().zip(join_all(asked).await));
    }
    // Those of which nothing is known come first.
    targets.sort_by_key(|target| target.head.and_then(|head| judged_at.get(&head).copied().flatten()));
}

/// Judges pull requests, a few at a time.
pub(crate) async fn judge_numbered_pulls(
    client: &GitHubClient,
    repo: &RepositoryName,
    numbers: &[u64],
    options: &GitHubJudgeOptions,
    context: GitHubRunContext<'_>,
) -> Vec<JudgedGroup> {
    let mut all = Vec::new();
    for some in numbers.chunks(MAX_CONCURRENT_PULL_REQUESTS) {
        let judged = some.iter().map(|number| async move {
            let name = PullRequestName { repo: repo.clone(), number: *number };
            judge_or_keep_failure(client, &name, options, context).await
        });
        all.extend(join_all(judged).await);
    }
    all
}

/// Lists the open pull requests. Those of one commit are looked for in it, because GitHub's own list of a
/// commit's pull requests may leave out those from forks.
pub(crate) async fn list_open_pulls(
    client: &GitHubClient,
    repo: &RepositoryName,
    is_enough: impl Fn(&[OpenPullRequest]) -> bool,
) -> Result<Vec<OpenPullRequest>, GitHubFailure> {
    let path = format!("{}/pulls?state=open&per_page=100", repo.rest_path());
    let take_pulls = |page: Vec<RestOpenPullRequest>| {
        page.into_iter().map(|pull| OpenPullRequest { number: pull.number, head: pull.head.sha }).collect()
    };
    client.fetch_list(path, take_pulls, is_enough).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_run_judges_the_first_of_many_pull_requests_and_names_the_others() {
        let target =
            |numbers: std::ops::Range<u64>| PullsOfRevision { head: None, numbers: numbers.collect() };
        let split = |mut targets: Vec<PullsOfRevision>| {
            let unswept = PullsOfRevision::split_off_unswept(&mut targets);
            (targets.len(), unswept)
        };
        let singles = |count: u64| (0..count).map(|number| target(number..number + 1)).collect();
        assert_eq!(split(singles(0)), (0, vec![]));
        assert_eq!(split(singles(200)), (200, vec![]));
        assert_eq!(split(singles(205)), (200, vec![200, 201, 202, 203, 204]));
        // Those of one revision are judged together, whatever their number.
        assert_eq!(split(vec![target(0..300), target(300..301)]), (1, vec![300]));
        assert_eq!(
            split(vec![target(0..150), target(150..202), target(202..203)]),
            (1, (150..203).collect())
        );
        assert!(describe_unswept(5).why.contains("5 are left"));
    }
}
