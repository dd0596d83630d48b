//! What only GraphQL tells about a pull request, in one question: who may approve, who wrote with
//! whom, conversations, edits of the description, who set a label, commit statuses.
//!
//! Each part is asked for only if it is wanted, followed to its end, and is a fact of its own: what
//! could not be read is an error in its place, whatever became of the others.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use crate::change::Oid;
use crate::github::api::GitHubClient;
use crate::github::api::graphql::{GraphqlActor, GraphqlConnection, GraphqlObjectId, PartialResponse};
use crate::github::api::names::PullRequestName;
use crate::github::api::request::GitHubFailure;

const DETAILS_QUERY: &str = include_str!("../api/queries/details.graphql");

/// How many further questions are asked for what did not fit into the first.
const MAX_DETAIL_PAGES: usize = 40;

/// A part of the answer.
pub(crate) type DetailPart<T> = Result<T, GitHubFailure>;

/// Which parts are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct WantedDetails {
    pub(crate) reviews: bool,
    pub(crate) authors: bool,
    pub(crate) threads: bool,
    pub(crate) edits: bool,
    pub(crate) timeline: bool,
    pub(crate) comments: bool,
    pub(crate) statuses: bool,
}

/// The parts.
pub(crate) struct PullRequestDetails {
    /// The final revision when this was answered.
    pub(crate) head_revision: Oid,
    pub(crate) last_edited_at: Option<Timestamp>,
    pub(crate) includes_created_edit: bool,
    pub(crate) reviews: DetailPart<Vec<ReviewNode>>,
    pub(crate) authors: DetailPart<HashMap<Oid, Vec<GitActor>>>,
    pub(crate) threads: DetailPart<Vec<ReviewThread>>,
    pub(crate) edits: DetailPart<Vec<DescriptionEditNode>>,
    pub(crate) timeline: DetailPart<Vec<TimelineItem>>,
    pub(crate) comments: DetailPart<Vec<CommentNode>>,
    pub(crate) statuses: DetailPart<Vec<StatusContext>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReviewNode {
    pub(crate) id: Option<String>,
    pub(crate) database_id: Option<u64>,
    pub(crate) author_can_push_to_repository: Option<bool>,
    pub(crate) commit: Option<ReviewedCommit>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ReviewedCommit {
    pub(crate) oid: Oid,
    pub(crate) message: String,
    pub(crate) tree: GraphqlObjectId,
    pub(crate) parents: GraphqlConnection<GraphqlObjectId>,
}

#[derive(Clone, Debug, Deserialize)]
struct CommitNode {
    commit: CommitAuthors,
}

#[derive(Clone, Debug, Deserialize)]
struct CommitAuthors {
    oid: Oid,
    authors: GraphqlConnection<GitActor>,
}

/// Somebody whom a commit names.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct GitActor {
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) user: Option<UserLogin>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct UserLogin {
    pub(crate) login: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReviewThread {
    pub(crate) is_resolved: bool,
    pub(crate) path: String,
    pub(crate) comments: GraphqlConnection<ThreadComment>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ThreadComment {
    pub(crate) url: Option<String>,
    pub(crate) author: Option<GraphqlActor>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DescriptionEditNode {
    pub(crate) edited_at: Timestamp,
    pub(crate) deleted_at: Option<Timestamp>,
    pub(crate) diff: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "__typename")]
pub(crate) enum TimelineItem {
    #[serde(rename_all = "camelCase", rename = "LabeledEvent")]
    Labeled { created_at: Timestamp, label: LabelName, actor: Option<GraphqlActor> },
    #[serde(rename_all = "camelCase", rename = "BaseRefChangedEvent")]
    BaseRefChanged { created_at: Timestamp },
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct LabelName {
    pub(crate) name: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CommentNode {
    pub(crate) created_at: Timestamp,
    pub(crate) last_edited_at: Option<Timestamp>,
    pub(crate) body: String,
    pub(crate) author: Option<GraphqlActor>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StatusContext {
    pub(crate) context: String,
    pub(crate) state: String,
    pub(crate) target_url: Option<String>,
    pub(crate) creator: Option<GraphqlActor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DetailsResponse {
    repository: Option<DetailsRepository>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DetailsRepository {
    object: Option<StatusCommit>,
    pull_request: Option<DetailsPullRequest>,
}

#[derive(Deserialize)]
struct StatusCommit {
    oid: Option<Oid>,
    status: Option<CommitStatus>,
}

#[derive(Deserialize)]
struct CommitStatus {
    contexts: Vec<StatusContext>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DetailsPullRequest {
    head_ref_oid: Oid,
    last_edited_at: Option<Timestamp>,
    #[serde(default)]
    includes_created_edit: bool,
    reviews: Option<GraphqlConnection<ReviewNode>>,
    commits: Option<GraphqlConnection<CommitNode>>,
    review_threads: Option<GraphqlConnection<ReviewThread>>,
    user_content_edits: Option<GraphqlConnection<DescriptionEditNode>>,
    timeline_items: Option<GraphqlConnection<TimelineItem>>,
    comments: Option<GraphqlConnection<CommentNode>>,
}

/// One part while it is being read.
struct PagedPart<T> {
    is_wanted: bool,
    list_name: &'static str,
    nodes: Vec<T>,
    total: Option<usize>,
    cursor: Option<String>,
    failure: Option<GitHubFailure>,
}

impl<T> PagedPart<T> {
    fn new(is_wanted: bool, name: &'static str) -> Self {
        PagedPart { is_wanted, list_name: name, nodes: Vec::new(), total: None, cursor: None, failure: None }
    }

    /// Takes a page; if this part has no more to come, it is not asked for again.
    fn add_page(&mut self, page: Option<GraphqlConnection<T>>, error: Option<&str>) {
        if !self.is_wanted {
            return;
        }
        self.is_wanted = false;
        if let Some(why) = error {
            self.failure = Some(GitHubFailure::new(why));
            return;
        }
        let Some(page) = page else {
            self.failure = Some(GitHubFailure::new(format!("GitHub's answer has no `{}`", self.list_name)));
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
            _ => {
                self.failure =
                    Some(GitHubFailure::new(format!("GitHub does not say how `{}` goes on", self.list_name)))
            }
        }
    }

    fn finish_part(self) -> DetailPart<Vec<T>> {
        if let Some(failed) = self.failure {
            return Err(failed);
        }
        if self.is_wanted {
            return Err(GitHubFailure::new(format!(
                "`{}` has more than {MAX_DETAIL_PAGES} pages",
                self.list_name
            )));
        }
        match self.total {
            Some(total) if total != self.nodes.len() => Err(GitHubFailure::new(format!(
                "GitHub says that `{}` has {total} entries, and lists {}",
                self.list_name,
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
pub(crate) async fn read_details(
    client: &GitHubClient,
    pull: &PullRequestName,
    checks_of: Oid,
    wanted: WantedDetails,
) -> Result<PullRequestDetails, GitHubFailure> {
    let mut reviews = PagedPart::new(wanted.reviews, "reviews");
    let mut authors = PagedPart::new(wanted.authors, "commits");
    let mut threads = PagedPart::new(wanted.threads, "reviewThreads");
    let mut edits = PagedPart::new(wanted.edits, "userContentEdits");
    let mut timeline = PagedPart::new(wanted.timeline, "timelineItems");
    let mut comments = PagedPart::new(wanted.comments, "comments");
    let mut statuses = Err(GitHubFailure::new("nobody asked for it"));
    let mut first: Option<(Oid, Option<Timestamp>, bool)> = None;
    for page in 0..MAX_DETAIL_PAGES {
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
        let answer: PartialResponse<DetailsResponse> =
            client.run_partial_query(DETAILS_QUERY, variables).await?;
        let error = |part: &str| answer.error_in_part(part).map(str::to_owned);
        let errors = ["reviews", "commits", "reviewThreads", "userContentEdits", "timelineItems", "comments"]
            .map(error);
        let object_error = error("object");
        let repository = answer
            .data
            .repository
            .ok_or_else(|| GitHubFailure::new(format!("GitHub knows no {}", pull.repo)))?;
        let found = repository
            .pull_request
            .ok_or_else(|| GitHubFailure::new(format!("GitHub knows no pull request {pull}")))?;
        if first.is_some_and(|(head, ..)| head != found.head_ref_oid) {
            return Err(GitHubFailure::new("somebody pushed while the pull request was being read"));
        }
        if wanted.statuses && page == 0 {
            statuses = match (object_error, repository.object) {
                (Some(why), _) => Err(GitHubFailure::new(why)),
                (None, Some(commit)) if commit.oid == Some(checks_of) => {
                    Ok(commit.status.map(|status| status.contexts).unwrap_or_default())
                }
                _ => Err(GitHubFailure::new(format!("GitHub knows no commit {}", checks_of.short_hex()))),
            };
        }
        first = first.or(Some((found.head_ref_oid, found.last_edited_at, found.includes_created_edit)));
        let [in_reviews, in_commits, in_threads, in_edits, in_timeline, in_comments] = errors;
        reviews.add_page(found.reviews, in_reviews.as_deref());
        authors.add_page(found.commits, in_commits.as_deref());
        threads.add_page(found.review_threads, in_threads.as_deref());
        // There is no such list where nothing was ever edited.
        match (found.user_content_edits, found.last_edited_at) {
            (None, None) if in_edits.is_none() => edits.is_wanted = false,
            (page, _) => edits.add_page(page, in_edits.as_deref()),
        }
        timeline.add_page(found.timeline_items, in_timeline.as_deref());
        comments.add_page(found.comments, in_comments.as_deref());
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
        first.ok_or_else(|| GitHubFailure::new("nothing was asked"))?;
    Ok(PullRequestDetails {
        head_revision: head,
        last_edited_at,
        includes_created_edit,
        reviews: reviews.finish_part(),
        authors: authors.finish_part().and_then(group_authors_by_commit),
        threads: threads.finish_part(),
        edits: edits.finish_part(),
        timeline: timeline.finish_part(),
        comments: comments.finish_part(),
        statuses,
    })
}

fn group_authors_by_commit(nodes: Vec<CommitNode>) -> DetailPart<HashMap<Oid, Vec<GitActor>>> {
    let mut all = HashMap::new();
    for CommitNode { commit } in nodes {
        if commit.authors.total_count.is_some_and(|total| total != commit.authors.nodes.len()) {
            let why = format!("GitHub does not list all authors of {}", commit.oid.short_hex());
            return Err(GitHubFailure::new(why));
        }
        all.insert(commit.oid, commit.authors.nodes);
    }
    Ok(all)
}
