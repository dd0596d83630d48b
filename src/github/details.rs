//! What only GraphQL tells about a pull request, in one question: who may approve, who wrote with
//! whom, conversations, edits of the description, who set a label, commit statuses.
//!
//! Each part is asked for only if it is wanted, followed to its end, and is a fact of its own: what
//! could not be read is an error in its place, whatever became of the others.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::ask::Failure;
use super::client::Client;
use super::graphql::{Actor, Connection, Id, Partial};
use super::place::PullName;
use crate::change::Oid;

const DETAILS: &str = include_str!("queries/details.graphql");

/// How many further questions are asked for what did not fit into the first.
const MOST_PAGES: usize = 40;

/// A part of the answer.
pub(super) type Part<T> = Result<T, Failure>;

/// Which parts are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) reviews: bool,
    pub(super) authors: bool,
    pub(super) threads: bool,
    pub(super) edits: bool,
    pub(super) timeline: bool,
    pub(super) comments: bool,
    pub(super) statuses: bool,
}

/// The parts.
pub(super) struct Details {
    /// The final revision when this was answered.
    pub(super) head: Oid,
    pub(super) last_edited_at: Option<Timestamp>,
    pub(super) includes_created_edit: bool,
    pub(super) reviews: Part<Vec<ReviewNode>>,
    pub(super) authors: Part<HashMap<Oid, Vec<GitActor>>>,
    pub(super) threads: Part<Vec<Thread>>,
    pub(super) edits: Part<Vec<EditNode>>,
    pub(super) timeline: Part<Vec<TimelineItem>>,
    pub(super) comments: Part<Vec<CommentNode>>,
    pub(super) statuses: Part<Vec<StatusContext>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReviewNode {
    pub(super) id: Option<String>,
    pub(super) database_id: Option<u64>,
    pub(super) author_can_push_to_repository: Option<bool>,
    pub(super) commit: Option<ReviewedCommit>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct ReviewedCommit {
    pub(super) oid: Oid,
    pub(super) message: String,
    pub(super) tree: Id,
    pub(super) parents: Connection<Id>,
}

#[derive(Clone, Debug, Deserialize)]
struct CommitNode {
    commit: CommitAuthors,
}

#[derive(Clone, Debug, Deserialize)]
struct CommitAuthors {
    oid: Oid,
    authors: Connection<GitActor>,
}

/// Somebody whom a commit names.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct GitActor {
    pub(super) name: Option<String>,
    pub(super) email: Option<String>,
    pub(super) user: Option<Login>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Login {
    pub(super) login: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Thread {
    pub(super) is_resolved: bool,
    pub(super) path: String,
    pub(super) comments: Connection<ThreadComment>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct ThreadComment {
    pub(super) url: Option<String>,
    pub(super) author: Option<Actor>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EditNode {
    pub(super) edited_at: Timestamp,
    pub(super) deleted_at: Option<Timestamp>,
    pub(super) diff: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "__typename")]
pub(super) enum TimelineItem {
    #[serde(rename_all = "camelCase", rename = "LabeledEvent")]
    Labeled { created_at: Timestamp, label: LabelName, actor: Option<Actor> },
    #[serde(rename_all = "camelCase", rename = "BaseRefChangedEvent")]
    BaseRefChanged { created_at: Timestamp },
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct LabelName {
    pub(super) name: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CommentNode {
    pub(super) created_at: Timestamp,
    pub(super) last_edited_at: Option<Timestamp>,
    pub(super) body: String,
    pub(super) author: Option<Actor>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StatusContext {
    pub(super) context: String,
    pub(super) state: String,
    pub(super) target_url: Option<String>,
    pub(super) creator: Option<Actor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    repository: Option<Repository>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Repository {
    object: Option<StatusCommit>,
    pull_request: Option<PullRequest>,
}

#[derive(Deserialize)]
struct StatusCommit {
    oid: Option<Oid>,
    status: Option<Status>,
}

#[derive(Deserialize)]
struct Status {
    contexts: Vec<StatusContext>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PullRequest {
    head_ref_oid: Oid,
    last_edited_at: Option<Timestamp>,
    #[serde(default)]
    includes_created_edit: bool,
    reviews: Option<Connection<ReviewNode>>,
    commits: Option<Connection<CommitNode>>,
    review_threads: Option<Connection<Thread>>,
    user_content_edits: Option<Connection<EditNode>>,
    timeline_items: Option<Connection<TimelineItem>>,
    comments: Option<Connection<CommentNode>>,
}

/// One part while it is being read.
struct Reading<T> {
    is_wanted: bool,
    name: &'static str,
    nodes: Vec<T>,
    total: Option<usize>,
    cursor: Option<String>,
    failed: Option<Failure>,
}

impl<T> Reading<T> {
    fn new(is_wanted: bool, name: &'static str) -> Self {
        Reading { is_wanted, name, nodes: Vec::new(), total: None, cursor: None, failed: None }
    }

    /// Takes a page; if this part has no more to come, it is not asked for again.
    fn take(&mut self, page: Option<Connection<T>>, error: Option<&str>) {
        if !self.is_wanted {
            return;
        }
        self.is_wanted = false;
        if let Some(why) = error {
            self.failed = Some(Failure::new(why));
            return;
        }
        let Some(page) = page else {
            self.failed = Some(Failure::new(format!("GitHub's answer has no `{}`", self.name)));
            return;
        };
        self.nodes.extend(page.nodes);
        self.total = page.total_count.or(self.total);
        match page.page_info {
            Some(info)
                if info.has_next_page && info.end_cursor.is_some() && info.end_cursor != self.cursor =>
            {
                self.cursor = info.end_cursor;
                self.is_wanted = true;
            }
            Some(info) if !info.has_next_page => {}
            _ => self.failed = Some(Failure::new(format!("GitHub does not say how `{}` goes on", self.name))),
        }
    }

    fn part(self) -> Part<Vec<T>> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        if self.is_wanted {
            return Err(Failure::new(format!("`{}` has more than {MOST_PAGES} pages", self.name)));
        }
        match self.total {
            Some(total) if total != self.nodes.len() => Err(Failure::new(format!(
                "GitHub says that `{}` has {total} entries, and lists {}",
                self.name,
                self.nodes.len()
            ))),
            _ => Ok(self.nodes),
        }
    }
}

/// Reads what is wanted about a pull request, and the statuses of the commit `checks_of`.
///
/// # Errors
///
/// Fails if nothing at all could be read.
pub(super) async fn details(
    client: &Client,
    pull: &PullName,
    checks_of: Oid,
    wanted: Wanted,
) -> Result<Details, Failure> {
    let mut reviews = Reading::new(wanted.reviews, "reviews");
    let mut authors = Reading::new(wanted.authors, "commits");
    let mut threads = Reading::new(wanted.threads, "reviewThreads");
    let mut edits = Reading::new(wanted.edits, "userContentEdits");
    let mut timeline = Reading::new(wanted.timeline, "timelineItems");
    let mut comments = Reading::new(wanted.comments, "comments");
    let mut statuses = Err(Failure::new("nobody asked for it"));
    let mut first: Option<(Oid, Option<Timestamp>, bool)> = None;
    for page in 0..MOST_PAGES {
        let variables = json!({
            "owner": pull.repo.owner, "name": pull.repo.name, "number": pull.number,
            "checksOf": checks_of.to_string(), "statuses": wanted.statuses && page == 0,
            "reviews": reviews.is_wanted, "reviewsAfter": reviews.cursor,
            "authors": authors.is_wanted, "authorsAfter": authors.cursor,
            "threads": threads.is_wanted, "threadsAfter": threads.cursor,
            "edits": edits.is_wanted, "editsAfter": edits.cursor,
            "timeline": timeline.is_wanted, "timelineAfter": timeline.cursor,
            "comments": comments.is_wanted, "commentsAfter": comments.cursor,
        });
        let answer: Partial<Data> = client.query_partial(DETAILS, variables).await?;
        let error = |part: &str| answer.error_in(part).map(str::to_owned);
        let errors = ["reviews", "commits", "reviewThreads", "userContentEdits", "timelineItems", "comments"]
            .map(error);
        let object_error = error("object");
        let repository =
            answer.data.repository.ok_or_else(|| Failure::new(format!("GitHub knows no {}", pull.repo)))?;
        let found = repository
            .pull_request
            .ok_or_else(|| Failure::new(format!("GitHub knows no pull request {pull}")))?;
        if first.is_some_and(|(head, ..)| head != found.head_ref_oid) {
            return Err(Failure::new("somebody pushed while the pull request was being read"));
        }
        if wanted.statuses && page == 0 {
            statuses = match (object_error, repository.object) {
                (Some(why), _) => Err(Failure::new(why)),
                (None, Some(commit)) if commit.oid == Some(checks_of) => {
                    Ok(commit.status.map(|status| status.contexts).unwrap_or_default())
                }
                _ => Err(Failure::new(format!("GitHub knows no commit {}", checks_of.short()))),
            };
        }
        first = first.or(Some((found.head_ref_oid, found.last_edited_at, found.includes_created_edit)));
        let [in_reviews, in_commits, in_threads, in_edits, in_timeline, in_comments] = errors;
        reviews.take(found.reviews, in_reviews.as_deref());
        authors.take(found.commits, in_commits.as_deref());
        threads.take(found.review_threads, in_threads.as_deref());
        // There is no such list where nothing was ever edited.
        match (found.user_content_edits, found.last_edited_at) {
            (None, None) if in_edits.is_none() => edits.is_wanted = false,
            (page, _) => edits.take(page, in_edits.as_deref()),
        }
        timeline.take(found.timeline_items, in_timeline.as_deref());
        comments.take(found.comments, in_comments.as_deref());
        let more = [
            reviews.is_wanted,
            authors.is_wanted,
            threads.is_wanted,
            edits.is_wanted,
            timeline.is_wanted,
            comments.is_wanted,
        ];
        if !more.contains(&true) {
            break;
        }
    }
    let (head, last_edited_at, includes_created_edit) =
        first.ok_or_else(|| Failure::new("nothing was asked"))?;
    Ok(Details {
        head,
        last_edited_at,
        includes_created_edit,
        reviews: reviews.part(),
        authors: authors.part().and_then(by_commit),
        threads: threads.part(),
        edits: edits.part(),
        timeline: timeline.part(),
        comments: comments.part(),
        statuses,
    })
}

fn by_commit(nodes: Vec<CommitNode>) -> Part<HashMap<Oid, Vec<GitActor>>> {
    let mut all = HashMap::new();
    for CommitNode { commit } in nodes {
        if commit.authors.total_count.is_some_and(|total| total != commit.authors.nodes.len()) {
            let why = format!("GitHub does not list all authors of {}", commit.oid.short());
            return Err(Failure::new(why));
        }
        all.insert(commit.oid, commit.authors.nodes);
    }
    Ok(all)
}
