//! What a merge queue is about to merge: every pull request of the group, each judged by itself, with
//! the checks of what would land.
//!
//! The name of the group's branch holds a number that anybody could have written. Which pull requests
//! are in it, the queue itself is asked.

use futures_util::future::join_all;
use serde::Deserialize;
use serde_json::json;

use crate::change::{Oid, Text};
use crate::github::api::GitHubClient;
use crate::github::api::graphql::{GraphqlConnection, GraphqlObjectId};
use crate::github::api::names::{PullRequestName, RepositoryName};
use crate::github::api::request::GitHubFailure;
use crate::github::judge::{
    GitHubJudgeOptions, GitHubRunContext, JudgedGroup, judge_pull_request, refuse_pull_request,
};
use crate::report::{GroupScope, RefUpdateKind};
use crate::verdict::{Finding, Sentence};

const QUEUE_QUERY: &str = include_str!("../api/queries/queue.graphql");

/// How many pages of a queue are read.
const MAX_QUEUE_PAGES: usize = 10;

/// A group of a merge queue.
#[derive(Clone, Debug)]
pub(crate) struct MergeGroup<'event> {
    pub(crate) repo: &'event RepositoryName,
    pub(crate) base_ref: &'event str,
    pub(crate) base_tip: Oid,
    pub(crate) group_head: Oid,
}

#[derive(Deserialize)]
struct QueueResponse {
    repository: Option<QueueRepository>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct QueueRepository {
    merge_queue: Option<MergeQueue>,
}

#[derive(Deserialize)]
struct MergeQueue {
    entries: Option<GraphqlConnection<QueueEntry>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct QueueEntry {
    position: i64,
    base_commit: Option<GraphqlObjectId>,
    head_commit: Option<GraphqlObjectId>,
    pull_request: Option<QueuedPullRequest>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct QueuedPullRequest {
    number: u64,
    head_ref_oid: Oid,
    base_ref_name: String,
}

/// Judges every pull request of a group.
///
/// # Errors
///
/// Fails if one of them cannot be read at all.
pub(crate) async fn judge_merge_group(
    client: &GitHubClient,
    queued: &MergeGroup<'_>,
    options: &GitHubJudgeOptions,
) -> Result<Vec<JudgedGroup>, GitHubFailure> {
    let of = || GroupScope::Ref {
        name: Text::from(queued.base_ref),
        update: RefUpdateKind::Move { old: queued.base_tip, new: queued.group_head },
    };
    let pulls = match read_queue_entries(client, queued)
        .await
        .and_then(|entries| select_group_pulls(&entries, queued))
    {
        Ok(pulls) => pulls,
        Err(failure) => {
            let finding = Finding::new(Sentence::from_words(failure.why)).fixed_by("whoever runs the gate");
            return Ok(vec![JudgedGroup::from_refusal(of(), refuse_pull_request("pull-queued", finding))]);
        }
    };
    let judged = pulls.iter().map(|pull| async move {
        let name = PullRequestName { repo: queued.repo.clone(), number: pull.number };
        let told = GitHubRunContext {
            expected_head: Some(pull.head_ref_oid),
            checks_revision: Some(queued.group_head),
            landed_at: None,
        };
        judge_pull_request(client, &name, options, told).await
    });
    join_all(judged).await.into_iter().collect()
}

async fn read_queue_entries(
    client: &GitHubClient,
    queued: &MergeGroup<'_>,
) -> Result<Vec<QueueEntry>, GitHubFailure> {
    let branch = short_branch_name(queued.base_ref);
    let mut entries = Vec::new();
    let mut after: Option<String> = None;
    for _ in 0..MAX_QUEUE_PAGES {
        let variables = json!({
            "owner": queued.repo.owner, "name": queued.repo.name, "branch": branch, "after": after,
        });
        let answer: QueueResponse = client.run_query(QUEUE_QUERY, variables).await?;
        let queue = answer.repository.and_then(|repository| repository.merge_queue);
        let found = queue.and_then(|queue| queue.entries);
        let found = found
            .ok_or_else(|| GitHubFailure::new(format!("GitHub tells of no merge queue for {branch}")))?;
        entries.extend(found.nodes);
        match found.page_info {
            Some(info) if info.has_next_page => after = info.end_cursor,
            _ => return Ok(entries),
        }
    }
    Err(GitHubFailure::new("the merge queue is too long to be read"))
}

/// Returns the name of a branch without what stands before it.
fn short_branch_name(full: &str) -> &str {
    full.strip_prefix("refs/heads/").unwrap_or(full)
}

/// Returns the pull requests of a group: from the entry that ends where the group ends, back to the
/// one that starts where the group starts.
///
/// Where GitHub does not tell how entries follow each other, everything before the last one counts:
/// that can judge too much, and never too little.
fn select_group_pulls(
    entries: &[QueueEntry],
    queued: &MergeGroup<'_>,
) -> Result<Vec<QueuedPullRequest>, GitHubFailure> {
    let ends_at =
        |id: Oid| entries.iter().find(move |entry| entry.head_commit.is_some_and(|head| head.oid == id));
    let last = ends_at(queued.group_head).ok_or_else(|| {
        GitHubFailure::new(format!(
            "no entry of the merge queue ends at {}; it may have moved on",
            queued.group_head.short_hex()
        ))
    })?;
    let mut chain: Vec<&QueueEntry> = Vec::new();
    let mut at = Some(last);
    while let Some(entry) = at.filter(|_| chain.len() <= entries.len()) {
        chain.push(entry);
        match entry.base_commit {
            Some(base) if base.oid == queued.base_tip => break,
            Some(base) => at = ends_at(base.oid),
            None => at = None,
        }
    }
    let leads_back =
        chain.last().and_then(|entry| entry.base_commit).is_some_and(|base| base.oid == queued.base_tip);
    if !leads_back {
        chain = entries.iter().filter(|entry| entry.position <= last.position).collect();
    }
    chain.sort_by_key(|entry| entry.position);
    chain
        .into_iter()
        .map(|entry| match &entry.pull_request {
            Some(pull) if pull.base_ref_name == short_branch_name(queued.base_ref) => Ok(pull.clone()),
            Some(pull) => Err(GitHubFailure::new(format!(
                "the pull request {} is queued for another branch",
                pull.number
            ))),
            None => Err(GitHubFailure::new("an entry of the merge queue has no pull request")),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(byte: u8) -> Oid {
        Oid::from_bytes(&[byte; 20]).unwrap()
    }

    fn entry(position: i64, base: Option<u8>, head: u8, number: u64) -> QueueEntry {
        QueueEntry {
            position,
            base_commit: base.map(|base| GraphqlObjectId { oid: id(base) }),
            head_commit: Some(GraphqlObjectId { oid: id(head) }),
            pull_request: Some(QueuedPullRequest {
                number,
                head_ref_oid: id(99),
                base_ref_name: "main".into(),
            }),
        }
    }

    fn numbers(entries: &[QueueEntry], base: u8, head: u8) -> Result<Vec<u64>, GitHubFailure> {
        let repo = RepositoryName::parse_name("acme/shop").unwrap();
        let queued =
            MergeGroup { repo: &repo, base_ref: "refs/heads/main", base_tip: id(base), group_head: id(head) };
        select_group_pulls(entries, &queued).map(|pulls| pulls.iter().map(|pull| pull.number).collect())
    }

    #[test]
    fn a_group_goes_from_its_start_to_its_end() {
        let entries = [entry(1, Some(0), 1, 11), entry(2, Some(1), 2, 12), entry(3, Some(2), 3, 13)];
        assert_eq!(numbers(&entries, 0, 3), Ok(vec![11, 12, 13]));
        assert_eq!(numbers(&entries, 1, 3), Ok(vec![12, 13]));
        assert_eq!(numbers(&entries, 0, 1), Ok(vec![11]));
        assert!(numbers(&entries, 0, 9).is_err());
    }

    #[test]
    fn without_a_chain_everything_before_counts() {
        let entries = [entry(1, None, 1, 11), entry(2, None, 2, 12), entry(3, Some(2), 3, 13)];
        assert_eq!(numbers(&entries, 1, 2), Ok(vec![11, 12]));
        assert_eq!(numbers(&entries, 7, 3), Ok(vec![11, 12, 13]));
        // A circle ends.
        let circle = [entry(1, Some(2), 1, 11), entry(2, Some(1), 2, 12)];
        assert_eq!(numbers(&circle, 0, 2), Ok(vec![11, 12]));
    }

    #[test]
    fn a_queue_for_another_branch_is_refused() {
        let mut other = entry(1, Some(0), 1, 11);
        other.pull_request.as_mut().unwrap().base_ref_name = "release".into();
        assert!(numbers(&[other], 0, 1).is_err());
        let mut none = entry(1, Some(0), 1, 11);
        none.pull_request = None;
        assert!(numbers(&[none], 0, 1).is_err());
    }
}
