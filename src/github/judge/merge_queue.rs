//! The pull requests that a merge queue is about to merge, each judged by itself with the checks of the commit
//! that would land.
//!
//! The name of the group's branch contains a number that any pusher could have written, so the queue
//! itself is asked for the pull requests in it.

use std::collections::HashSet;

use futures_util::future::join_all;
use serde::Deserialize;
use serde_json::json;

use crate::change::{Oid, Text};
use crate::github::api::graphql::{GraphqlConnection, GraphqlObjectId, PartialResponse, RepositoryResponse};
use crate::github::api::request::GitHubFailure;
use crate::github::api::{GitHubClient, MAX_PAGE_ENTRIES};
use crate::github::judge::GitHubJudgeOptions;
use crate::github::judge::branch_tips::short_branch_name;
use crate::github::judge::group_base::GroupBase;
use crate::github::judge::judged_group::JudgedGroup;
use crate::github::judge::queued_pull::{MergeGroup, QueuedPullRequest, judge_queued_pull};
use crate::push::{GateRule, refuse_by_rule};
use crate::verdict::{Finding, Fixer, Message, MessageValue, messages};

messages! {
    QUEUE_UNREADABLE = "pull-queued.unreadable": "cannot read the merge queue: {detail}";
    NO_ENTRY = "pull-queued.no-entry": "no entry of the merge queue ends at {head}; the queue may have moved on";
    OTHER_BRANCH = "pull-queued.other-branch": "pull request {number} is queued for {branch}, not for {target}";
    NO_PULL_REQUEST = "pull-queued.no-pull-request": "an entry of the merge queue has no pull request";
}

const QUEUE_QUERY: &str = include_str!("../api/queries/queue.graphql");

/// How many pages of a queue are read.
const MAX_QUEUE_PAGES: usize = 20;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct QueueRepository {
    merge_queue: Option<MergeQueue>,
}

#[derive(Deserialize)]
struct MergeQueue {
    configuration: Option<QueueConfiguration>,
    entries: Option<GraphqlConnection<QueueEntry>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct QueueConfiguration {
    merging_strategy: Option<String>,
}

/// The strategy of a queue in which the check of each entry has to pass before it lands.
const EVERY_ENTRY_PASSES: &str = "ALLGREEN";

/// A merge queue, as far as it says what a group of it lands.
struct QueueContent {
    entries: Vec<QueueEntry>,
    /// True if the check of every entry has to pass. Otherwise that of the last one is enough, and what comes
    /// before it in the queue lands with it.
    needs_every_check: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct QueueEntry {
    position: i64,
    base_commit: Option<GraphqlObjectId>,
    head_commit: Option<GraphqlObjectId>,
    pull_request: Option<QueuedPullRequest>,
}

impl QueueEntry {
    fn ends_at(&self, id: Oid) -> bool {
        matches!(self.head_commit, Some(head) if head.oid == id)
    }

    fn starts_at(&self, id: Oid) -> bool {
        matches!(self.base_commit, Some(base) if base.oid == id)
    }
}

/// Judges every pull request of a group as it is now; one that cannot be read is a failure in its place.
pub(crate) async fn judge_group_now(
    client: &GitHubClient,
    queued: &MergeGroup<'_>,
    options: &GitHubJudgeOptions,
) -> Vec<JudgedGroup> {
    // The queue can lag behind the event that tells of its group, so it is read again for as long as it does.
    let mut attempt = 1;
    let (selected, failure) = loop {
        let (found, failure) = match read_queue_entries(client, queued).await {
            Ok(queue) => (select_group_pulls(&queue, queued), None),
            Err(failure) => {
                let detail = MessageValue::unrecorded(Text::from(failure.why.as_str()));
                (Err(QUEUE_UNREADABLE.with("detail", detail)), Some(failure))
            }
        };
        // A queue that moves between two pages contradicts itself for that moment.
        let is_final = failure.as_ref().is_some_and(|failure| !failure.is_contradiction);
        if found.is_ok() || is_final || !client.wait_for_record(attempt).await {
            break (found, failure);
        }
        attempt += 1;
    };
    let pulls = match selected {
        Ok(pulls) => pulls,
        Err(message) => {
            let finding = Finding::new(message).fixed_by(Fixer::GateAdministrator);
            let refusal = refuse_by_rule(GateRule::PullQueued, finding);
            let is_error = |failure: &GitHubFailure| failure.is_contradiction || client.outage().is_some();
            let failure = failure.filter(is_error);
            return vec![JudgedGroup {
                failure,
                ..JudgedGroup::from_refusal(queued.report_scope(), refusal)
            }];
        }
    };
    let base = match GroupBase::read_group_base(client, queued, options, pulls.ahead).await {
        Ok(base) => base,
        Err(refused) => return vec![refused],
    };
    let policy = base.policy.as_ref();
    let judged = pulls.of_group.iter().map(|pull| judge_queued_pull(client, queued, options, pull, policy));
    let mut groups = join_all(judged).await;
    let whole = base.judge_group_files(client, queued, options, &mut groups).await;
    groups.extend(whole);
    groups
}

async fn read_queue_entries(
    client: &GitHubClient,
    queued: &MergeGroup<'_>,
) -> Result<QueueContent, GitHubFailure> {
    let branch = short_branch_name(queued.base_ref);
    let mut all = Vec::new();
    let mut needs_every_check = true;
    let mut after: Option<String> = None;
    for _ in 0..MAX_QUEUE_PAGES {
        let variables = json!({
            "owner": queued.repo.owner, "name": queued.repo.name, "branch": branch, "after": after,
        });
        let answer: PartialResponse<RepositoryResponse<QueueRepository>> =
            client.run_partial_query(QUEUE_QUERY, variables).await?;
        // A token that may not read the configuration still reads the entries.
        let is_about_strategy = |path: &[String]| path.iter().any(|step| step == "configuration");
        if let Some((_, why)) = answer.errors.iter().find(|(path, _)| !is_about_strategy(path)) {
            return Err(GitHubFailure::new(why.clone()));
        }
        let queue = answer.data.repository.and_then(|repository| repository.merge_queue);
        let Some(MergeQueue { configuration, entries: Some(page) }) = queue else {
            return Err(GitHubFailure::new(format!("GitHub shows no merge queue for {branch}")));
        };
        let strategy = configuration.and_then(|configuration| configuration.merging_strategy);
        needs_every_check &= strategy.as_deref() == Some(EVERY_ENTRY_PASSES);
        all.extend(page.nodes);
        match page.page_info {
            Some(info) if info.has_next_page => after = info.end_cursor,
            _ => {
                check_queue_entries(&all, page.total_count)?;
                return Ok(QueueContent { entries: all, needs_every_check });
            }
        }
    }
    let most = MAX_QUEUE_PAGES * MAX_PAGE_ENTRIES;
    Err(GitHubFailure::new(format!(
        "the merge queue has more than {most} entries, and no more than that are read"
    )))
}

/// Checks that the entries of a queue are as many as GitHub counts, and each of them another one.
fn check_queue_entries(entries: &[QueueEntry], total: Option<usize>) -> Result<(), GitHubFailure> {
    if let Some(total) = total
        && total != entries.len()
    {
        let why = format!("GitHub counts {total} entries of the merge queue, and lists {}", entries.len());
        return Err(GitHubFailure::contradiction(why));
    }
    let mut positions = HashSet::new();
    let mut numbers = HashSet::new();
    for entry in entries {
        let number = entry.pull_request.as_ref().map(|pull| pull.number);
        if !positions.insert(entry.position) || number.is_some_and(|number| !numbers.insert(number)) {
            let why = format!("GitHub lists an entry of the merge queue twice, at {}", entry.position);
            return Err(GitHubFailure::contradiction(why));
        }
    }
    Ok(())
}

/// The pull requests of a merge queue, as far as a group of it stands for them.
struct GroupPulls {
    /// Those of the group, oldest first.
    of_group: Vec<QueuedPullRequest>,
    /// Those before the group; `None` in the place of one that the queue does not name.
    ahead: Vec<Option<QueuedPullRequest>>,
}

/// Returns the pull requests of a group: from the entry that ends where the group ends, back to the
/// one that starts where the group starts.
///
/// Every entry before the last one counts where GitHub does not tell how entries follow each other, and where
/// it is not certain that each of them has to pass by itself: what was denied lands together with the last
/// one there. That can judge too much, and never too little.
fn select_group_pulls(queue: &QueueContent, queued: &MergeGroup<'_>) -> Result<GroupPulls, Message> {
    let entries = queue.entries.as_slice();
    let Some(last) = entries.iter().find(|entry| entry.ends_at(queued.group_head)) else {
        return Err(NO_ENTRY.with("head", queued.group_head.short_hex()));
    };
    let mut chosen = follow_chain(entries, last, queued.base_tip);
    let is_whole = chosen.last().is_some_and(|first| first.starts_at(queued.base_tip));
    if !is_whole || !queue.needs_every_check {
        chosen = entries.iter().filter(|entry| entry.position <= last.position).collect();
    }
    chosen.sort_by_key(|entry| entry.position);
    let first = chosen.first().map_or(last.position, |entry| entry.position);
    let mut before: Vec<&QueueEntry> = entries.iter().filter(|entry| entry.position < first).collect();
    before.sort_by_key(|entry| entry.position);
    let ahead = before.into_iter().map(|entry| entry.pull_request.clone()).collect();
    let target = short_branch_name(queued.base_ref);
    let mut of_group = Vec::new();
    for entry in chosen {
        let Some(pull) = &entry.pull_request else { return Err(Message::from(&NO_PULL_REQUEST)) };
        if pull.base_ref_name != target {
            let branch = Text::from(pull.base_ref_name.as_str());
            return Err(OTHER_BRANCH
                .with("number", pull.number)
                .with("branch", branch)
                .with("target", Text::from(target)));
        }
        of_group.push(pull.clone());
    }
    Ok(GroupPulls { of_group, ahead })
}

/// Returns the entries that lead from `last` back to the one that starts at `base`, or as far as GitHub tells.
fn follow_chain<'queue>(
    entries: &'queue [QueueEntry],
    last: &'queue QueueEntry,
    base: Oid,
) -> Vec<&'queue QueueEntry> {
    let mut chain = vec![last];
    let mut entry = last;
    // The chain cannot be longer than the queue, unless it runs in a circle.
    while chain.len() <= entries.len() && !entry.starts_at(base) {
        let Some(start) = entry.base_commit else { break };
        let Some(before) = entries.iter().find(|other| other.ends_at(start.oid)) else { break };
        chain.push(before);
        entry = before;
    }
    chain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::github::api::names::RepositoryName;

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

    fn numbers(entries: &[QueueEntry], base: u8, head: u8) -> Result<Vec<u64>, Message> {
        select_numbers(entries, base, head, true)
    }

    fn select_numbers(
        entries: &[QueueEntry],
        base: u8,
        head: u8,
        needs_every_check: bool,
    ) -> Result<Vec<u64>, Message> {
        let repo = RepositoryName::parse_name("acme/shop").unwrap();
        let queued =
            MergeGroup { repo: &repo, base_ref: "refs/heads/main", base_tip: id(base), group_head: id(head) };
        let queue = QueueContent { entries: entries.to_vec(), needs_every_check };
        select_group_pulls(&queue, &queued)
            .map(|pulls| pulls.of_group.iter().map(|pull| pull.number).collect())
    }

    #[test]
    fn where_one_check_is_enough_everything_before_it_lands_too() {
        let entries = [entry(1, Some(0), 1, 11), entry(2, Some(1), 2, 12), entry(3, Some(2), 3, 13)];
        assert_eq!(select_numbers(&entries, 1, 2, true), Ok(vec![12]));
        assert_eq!(select_numbers(&entries, 1, 2, false), Ok(vec![11, 12]));
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
