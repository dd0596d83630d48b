//! The facts about a pull request that only GraphQL tells, in one query: who may approve, who are the co-authors,
//! conversations, edits of the description, who set a label, commit statuses.
//!
//! Each part is requested only if it is wanted, read to its end, and a fact of its own: what could not
//! be read is an error in its place, whatever became of the others.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use crate::change::Oid;
use crate::github::api::GitHubClient;
use crate::github::api::graphql::{
    GraphqlActor, GraphqlConnection, GraphqlObjectId, GraphqlSignature, PartialResponse, RepositoryResponse,
};
use crate::github::api::names::PullRequestName;
use crate::github::api::request::{GitHubFailure, printable_line};
use crate::github::facts::paged_part::{DetailPart, MAX_DETAIL_PAGES, NOT_REQUESTED, PagedPart};
use crate::github::facts::timeline::TimelineItem;

const DETAILS_QUERY: &str = include_str!("../api/queries/details.graphql");

/// The parts that a policy needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct WantedDetails {
    pub(crate) reviews: bool,
    pub(crate) authors: bool,
    pub(crate) threads: bool,
    pub(crate) edits: bool,
    pub(crate) timeline: bool,
    pub(crate) comments: bool,
    pub(crate) statuses: bool,
    pub(crate) files: bool,
}

/// The parts that were wanted, and what always comes with them.
pub(crate) struct PullRequestDetails {
    /// The final revision when GitHub answered.
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
    /// The changed files; `None` if an older recording has no list of them.
    pub(crate) files: DetailPart<Option<Vec<PullRequestFile>>>,
}

/// A changed file, as the answer names it that also tells the final revision.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct PullRequestFile {
    pub(crate) path: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReviewNode {
    pub(crate) id: Option<String>,
    pub(crate) database_id: Option<u64>,
    /// `PENDING` for one that is not handed in, which only its author sees.
    pub(crate) state: Option<String>,
    pub(crate) author_can_push_to_repository: Option<bool>,
    pub(crate) commit: Option<ReviewedCommit>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ReviewedCommit {
    pub(crate) oid: Oid,
    pub(crate) message: String,
    pub(crate) author: Option<GraphqlSignature>,
    pub(crate) committer: Option<GraphqlSignature>,
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

/// A person whom a commit names.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct GitActor {
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) user: Option<UserLogin>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserLogin {
    pub(crate) login: String,
    pub(crate) database_id: Option<u64>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReviewThread {
    pub(crate) is_resolved: bool,
    pub(crate) path: String,
    pub(crate) comments: GraphqlConnection<ThreadComment>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ThreadComment {
    pub(crate) url: Option<String>,
    pub(crate) created_at: Option<Timestamp>,
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
    pub(crate) created_at: Option<Timestamp>,
    pub(crate) creator: Option<GraphqlActor>,
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
    files: Option<GraphqlConnection<PullRequestFile>>,
}

/// The state of a pull request in the first answer; a later one with another head is not mixed with it.
#[derive(Clone, Copy)]
struct FirstAnswer {
    head: Oid,
    last_edited_at: Option<Timestamp>,
    includes_created_edit: bool,
}

/// Reads the wanted parts of a pull request, and the statuses of the commit `checks_of`.
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
    // Each query asks for the next page of every part that is not at its end yet.
    let mut reviews = PagedPart::new(wanted.reviews, "reviews");
    let mut authors = PagedPart::new(wanted.authors, "commits");
    let mut threads = PagedPart::new(wanted.threads, "reviewThreads");
    let mut edits = PagedPart::new(wanted.edits, "userContentEdits");
    let mut timeline = PagedPart::new(wanted.timeline, "timelineItems");
    let mut comments = PagedPart::new(wanted.comments, "comments");
    let mut files = PagedPart::new(wanted.files, "files");
    let mut has_files = true;
    let mut statuses = Err(GitHubFailure::new(NOT_REQUESTED));
    let mut first: Option<FirstAnswer> = None;
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
            "files": files.is_wanted, "filesAfter": files.cursor,
        });
        let answer: PartialResponse<RepositoryResponse<DetailsRepository>> =
            client.run_partial_query(DETAILS_QUERY, variables).await?;
        let PartialResponse { data, errors } = answer;
        let Some(repository) = data.repository else {
            return Err(GitHubFailure::new(format!("GitHub has no repository {}", pull.repo)));
        };
        let Some(found) = repository.pull_request else {
            return Err(GitHubFailure::new(format!("GitHub has no pull request {pull}")));
        };
        let errors = PartialResponse { data: (), errors };
        let answered = first.get_or_insert(FirstAnswer {
            head: found.head_ref_oid,
            last_edited_at: found.last_edited_at,
            includes_created_edit: found.includes_created_edit,
        });
        if answered.head != found.head_ref_oid {
            return Err(GitHubFailure::new("a push came while the pull request was being read"));
        }
        if wanted.statuses && page == 0 {
            statuses = read_statuses(repository.object, errors.error_in_part("object"), checks_of);
        }
        reviews.add_page(found.reviews, errors.error_in_part("reviews"));
        authors.add_page(found.commits, errors.error_in_part("commits"));
        threads.add_page(found.review_threads, errors.error_in_part("reviewThreads"));
        // A description that was never edited has no such list.
        match (found.user_content_edits, errors.error_in_part("userContentEdits")) {
            (None, None) if found.last_edited_at.is_none() => edits.is_wanted = false,
            (page, error) => edits.add_page(page, error),
        }
        timeline.add_page(found.timeline_items, errors.error_in_part("timelineItems"));
        comments.add_page(found.comments, errors.error_in_part("comments"));
        match (found.files, errors.error_in_part("files")) {
            // Answers that were recorded before it was asked for have no such list. A server that leaves it out gives
            // nothing to hold the other list against.
            (None, None) if page == 0 && client.is_recording() => {
                (files.is_wanted, has_files) = (false, false);
            }
            (page, error) => files.add_page(page, error),
        }
        let more = [
            reviews.is_wanted,
            authors.is_wanted,
            threads.is_wanted,
            edits.is_wanted,
            timeline.is_wanted,
            comments.is_wanted,
            files.is_wanted,
        ];
        if !more.contains(&true) {
            break;
        }
    }
    let Some(FirstAnswer { head, last_edited_at, includes_created_edit }) = first else {
        return Err(GitHubFailure::new(NOT_REQUESTED));
    };
    Ok(PullRequestDetails {
        head_revision: head,
        last_edited_at,
        includes_created_edit,
        reviews: reviews.finish_part().and_then(check_reviews),
        authors: authors.finish_part().and_then(group_authors_by_commit),
        threads: threads.finish_part(),
        edits: edits.finish_part(),
        timeline: timeline.finish_part(),
        comments: comments.finish_part(),
        statuses,
        files: files.finish_part().map(|files| has_files.then_some(files)),
    })
}

impl PullRequestDetails {
    /// Has the client note which parts contradict themselves.
    pub(crate) fn note_contradictions(&self, client: &GitHubClient) {
        note_contradiction(client, &self.reviews);
        note_contradiction(client, &self.authors);
        note_contradiction(client, &self.threads);
        note_contradiction(client, &self.edits);
        note_contradiction(client, &self.timeline);
        note_contradiction(client, &self.comments);
        note_contradiction(client, &self.statuses);
        note_contradiction(client, &self.files);
    }
}

/// Has the client note that a part contradicts itself or another one, if it does.
pub(crate) fn note_contradiction<T>(client: &GitHubClient, part: &DetailPart<T>) {
    if let Err(failure) = part {
        client.note_contradiction(failure);
    }
}

fn read_statuses(
    commit: Option<StatusCommit>,
    error: Option<&str>,
    checks_of: Oid,
) -> DetailPart<Vec<StatusContext>> {
    match (error, commit) {
        (Some(why), _) => Err(GitHubFailure::new(why)),
        (None, Some(StatusCommit { oid, status })) if oid == Some(checks_of) => match status {
            Some(status) => check_statuses(status.contexts),
            None => Ok(Vec::new()),
        },
        _ => Err(GitHubFailure::new(format!("GitHub has no commit {}", checks_of.short_hex()))),
    }
}

fn group_authors_by_commit(nodes: Vec<CommitNode>) -> DetailPart<HashMap<Oid, Vec<GitActor>>> {
    let mut all = HashMap::new();
    for CommitNode { commit } in nodes {
        if !commit.authors.is_complete() {
            let why = format!(
                "GitHub is asked for 100 authors of a commit, and {} has more",
                commit.oid.short_hex()
            );
            return Err(GitHubFailure::new(why));
        }
        if all.insert(commit.oid, commit.authors.nodes).is_some() {
            return Err(GitHubFailure::contradiction(format!(
                "GitHub lists {} twice",
                commit.oid.short_hex()
            )));
        }
    }
    Ok(all)
}

/// Checks that no status is listed twice: GitHub tells the newest one of each name, and two contradict each other.
fn check_statuses(contexts: Vec<StatusContext>) -> DetailPart<Vec<StatusContext>> {
    let mut names = HashSet::new();
    for context in &contexts {
        if !names.insert(context.context.as_str()) {
            let name = printable_line(&context.context, 80);
            return Err(GitHubFailure::contradiction(format!("GitHub lists the status {name} twice")));
        }
    }
    Ok(contexts)
}

/// Checks that no review is listed twice.
fn check_reviews(nodes: Vec<ReviewNode>) -> DetailPart<Vec<ReviewNode>> {
    let mut ids = HashSet::new();
    for node in &nodes {
        if node.database_id.is_some_and(|id| !ids.insert(id)) {
            return Err(GitHubFailure::contradiction("GitHub lists a review twice"));
        }
    }
    Ok(nodes)
}
