//! What a merge queue is about to merge: every pull request of the group, each judged by itself, with
//! the checks of what would land.
//!
//! The name of the group's branch holds a number that anybody could have written. Which pull requests
//! are in it, the queue itself is asked.

use futures_util::future::join_all;
use serde::Deserialize;
use serde_json::json;

use super::ask::Failure;
use super::client::Client;
use super::graphql::{Connection, Id};
use super::judge::{Done, Options, Told, judge_pull, refuse_pull};
use super::place::{PullName, RepoName};
use crate::change::{Oid, Text};
use crate::report::{Of, Update};
use crate::verdict::{Finding, Line};

const QUEUE: &str = include_str!("queries/queue.graphql");

/// How many pages of a queue are read.
const MOST_PAGES: usize = 10;

/// A group of a merge queue.
#[derive(Clone, Debug)]
pub(super) struct Queued<'event> {
    pub(super) repo: &'event RepoName,
    pub(super) base_ref: &'event str,
    pub(super) base: Oid,
    pub(super) head: Oid,
}

#[derive(Deserialize)]
struct QueueAnswer {
    repository: Option<QueueRepository>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct QueueRepository {
    merge_queue: Option<MergeQueue>,
}

#[derive(Deserialize)]
struct MergeQueue {
    entries: Option<Connection<Entry>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    position: i64,
    base_commit: Option<Id>,
    head_commit: Option<Id>,
    pull_request: Option<EntryPull>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct EntryPull {
    number: u64,
    head_ref_oid: Oid,
    base_ref_name: String,
}

/// Judges every pull request of a group.
///
/// # Errors
///
/// Fails if one of them cannot be read at all.
pub(super) async fn judge_group(
    client: &Client,
    queued: &Queued<'_>,
    options: &Options,
) -> Result<Vec<Done>, Failure> {
    let of = || Of::Ref {
        name: Text::from(queued.base_ref),
        update: Update::Move { old: queued.base, new: queued.head },
    };
    let pulls = match entries(client, queued).await.and_then(|entries| in_group(&entries, queued)) {
        Ok(pulls) => pulls,
        Err(failure) => {
            let finding = Finding::new(Line::say(failure.why)).by("whoever runs the gate");
            return Ok(vec![Done::refused(of(), refuse_pull("pull-queued", finding))]);
        }
    };
    let judged = pulls.iter().map(|pull| async move {
        let name = PullName { repo: queued.repo.clone(), number: pull.number };
        let told = Told { expected: Some(pull.head_ref_oid), checks_of: Some(queued.head), landed_at: None };
        judge_pull(client, &name, options, told).await
    });
    join_all(judged).await.into_iter().collect()
}

async fn entries(client: &Client, queued: &Queued<'_>) -> Result<Vec<Entry>, Failure> {
    let branch = branch(queued.base_ref);
    let mut entries = Vec::new();
    let mut after: Option<String> = None;
    for _ in 0..MOST_PAGES {
        let variables = json!({
            "owner": queued.repo.owner, "name": queued.repo.name, "branch": branch, "after": after,
        });
        let answer: QueueAnswer = client.query(QUEUE, variables).await?;
        let queue = answer.repository.and_then(|repository| repository.merge_queue);
        let found = queue.and_then(|queue| queue.entries);
        let found =
            found.ok_or_else(|| Failure::new(format!("GitHub tells of no merge queue for {branch}")))?;
        entries.extend(found.nodes);
        match found.page_info {
            Some(info) if info.has_next_page => after = info.end_cursor,
            _ => return Ok(entries),
        }
    }
    Err(Failure::new("the merge queue is too long to be read"))
}

/// Returns the name of a branch without what stands before it.
fn branch(full: &str) -> &str {
    full.strip_prefix("refs/heads/").unwrap_or(full)
}

/// Returns the pull requests of a group: from the entry that ends where the group ends, back to the
/// one that starts where the group starts.
///
/// Where GitHub does not tell how entries follow each other, everything before the last one counts:
/// that can judge too much, and never too little.
fn in_group(entries: &[Entry], queued: &Queued<'_>) -> Result<Vec<EntryPull>, Failure> {
    let ends_at =
        |id: Oid| entries.iter().find(move |entry| entry.head_commit.is_some_and(|head| head.oid == id));
    let last = ends_at(queued.head).ok_or_else(|| {
        Failure::new(format!(
            "no entry of the merge queue ends at {}; it may have moved on",
            queued.head.short()
        ))
    })?;
    let mut chain: Vec<&Entry> = Vec::new();
    let mut at = Some(last);
    while let Some(entry) = at.filter(|_| chain.len() <= entries.len()) {
        chain.push(entry);
        match entry.base_commit {
            Some(base) if base.oid == queued.base => break,
            Some(base) => at = ends_at(base.oid),
            None => at = None,
        }
    }
    let leads_back =
        chain.last().and_then(|entry| entry.base_commit).is_some_and(|base| base.oid == queued.base);
    if !leads_back {
        chain = entries.iter().filter(|entry| entry.position <= last.position).collect();
    }
    chain.sort_by_key(|entry| entry.position);
    chain
        .into_iter()
        .map(|entry| match &entry.pull_request {
            Some(pull) if pull.base_ref_name == branch(queued.base_ref) => Ok(pull.clone()),
            Some(pull) => {
                Err(Failure::new(format!("the pull request {} is queued for another branch", pull.number)))
            }
            None => Err(Failure::new("an entry of the merge queue has no pull request")),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(byte: u8) -> Oid {
        Oid::from_bytes(&[byte; 20]).unwrap()
    }

    fn entry(position: i64, base: Option<u8>, head: u8, number: u64) -> Entry {
        Entry {
            position,
            base_commit: base.map(|base| Id { oid: id(base) }),
            head_commit: Some(Id { oid: id(head) }),
            pull_request: Some(EntryPull { number, head_ref_oid: id(99), base_ref_name: "main".into() }),
        }
    }

    fn numbers(entries: &[Entry], base: u8, head: u8) -> Result<Vec<u64>, Failure> {
        let repo = RepoName::read("acme/shop").unwrap();
        let queued = Queued { repo: &repo, base_ref: "refs/heads/main", base: id(base), head: id(head) };
        in_group(entries, &queued).map(|pulls| pulls.iter().map(|pull| pull.number).collect())
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
