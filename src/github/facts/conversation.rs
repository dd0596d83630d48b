//! What people say about a pull request: reviews, comments, labels, edits, conversations.

use std::collections::HashMap;

use futures_util::future::join_all;

use crate::change::description;
use crate::change::pull_request::{
    DescriptionEdit, PullComment, PullLabel, PullReview, PullRevision, ReviewConversation, ReviewState,
};
use crate::change::{Fact, FactKind, Missing, Text};
use crate::github::api::GitHubClient;
use crate::github::api::names::{PullRequestName, RepositoryName, escape_path};
use crate::github::api::request::GitHubFailure;
use crate::github::api::rest::{self, RestPermission};
use crate::github::facts::accounts::{account_of_actor, account_of_user};
use crate::github::facts::details::{PullRequestDetails, ReviewNode, TimelineItem};

/// Of how many people who comment it is asked what they may do.
const MAX_CHECKED_COMMENTERS: usize = 50;

/// What only GraphQL tells, if it could be read.
type DetailsResult<'details> = Result<&'details PullRequestDetails, &'details GitHubFailure>;

/// Reads every review, oldest first.
pub(crate) async fn list_reviews(
    client: &GitHubClient,
    name: &PullRequestName,
) -> Result<Vec<rest::RestReview>, GitHubFailure> {
    let path = format!("{}/pulls/{}/reviews?per_page=100", name.repo.rest_path(), name.number);
    client.fetch_list(path, |page: Vec<rest::RestReview>| page, |_| false).await
}

/// Returns the reviews, each with what GraphQL adds.
pub(crate) fn combine_reviews(listed: &[rest::RestReview], told: DetailsResult<'_>) -> Vec<PullReview> {
    let nodes = told.and_then(|details| details.reviews.as_ref().map(Vec::as_slice));
    listed.iter().map(|listed| combine_review(listed, nodes)).collect()
}

fn combine_review(listed: &rest::RestReview, nodes: Result<&[ReviewNode], &GitHubFailure>) -> PullReview {
    let same = |node: &&ReviewNode| {
        node.database_id == Some(listed.id) || (node.id.is_some() && node.id == listed.node_id)
    };
    let node = nodes.map(|nodes| nodes.iter().find(same));
    let may_approve = match node {
        Ok(Some(ReviewNode { author_can_push_to_repository: Some(may), .. })) => Ok(*may),
        Ok(_) => Err("GitHub does not tell whether this account may write".to_owned()),
        Err(failure) => Err(failure.why.clone()),
    };
    // Tree and parents count only if they are of the revision that the review names.
    let commit = node.ok().flatten().and_then(|node| node.commit.as_ref());
    let commit = commit.filter(|commit| Some(commit.oid) == listed.commit_id);
    let of = listed.commit_id.map(|id| match commit {
        Some(commit)
            if commit.parents.total_count.is_none_or(|total| total == commit.parents.nodes.len()) =>
        {
            PullRevision {
                id,
                tree: Some(commit.tree.oid),
                parents: commit.parents.nodes.iter().map(|parent| parent.oid).collect(),
                message: Text::from(commit.message.as_str()),
            }
        }
        _ => PullRevision { id, tree: None, parents: Vec::new(), message: Text::default() },
    });
    PullReview {
        by: account_of_user(listed.user.as_ref()),
        state: parse_review_state(&listed.state),
        revision: of,
        at: listed.submitted_at,
        may_approve: may_approve.map_err(|why| Missing::Unavailable(FactKind::Reviews, why)),
        url: Text::from(listed.html_url.as_deref().unwrap_or_default()),
    }
}

/// Reads a state: the API writes it in capitals, events do not.
fn parse_review_state(written: &str) -> ReviewState {
    match written.to_ascii_uppercase().as_str() {
        "APPROVED" => ReviewState::Approved,
        "CHANGES_REQUESTED" => ReviewState::ChangesRequested,
        "COMMENTED" => ReviewState::Commented,
        "DISMISSED" => ReviewState::Dismissed,
        "PENDING" => ReviewState::Pending,
        _ => ReviewState::Other(crate::github::api::request::printable_line(written, 40)),
    }
}

/// Returns the comments, with what each account may do in the repository now.
pub(crate) async fn collect_comments(
    client: &GitHubClient,
    name: &PullRequestName,
    told: DetailsResult<'_>,
) -> Fact<Vec<PullComment>> {
    let gap = |failure: &GitHubFailure| Missing::Unavailable(FactKind::Comments, failure.why.clone());
    let nodes = told.and_then(|details| details.comments.as_ref()).map_err(gap)?;
    let mut logins: Vec<&str> =
        nodes.iter().filter_map(|node| node.author.as_ref()).map(|author| author.login.as_str()).collect();
    logins.sort_unstable();
    logins.dedup();
    let asked = logins.iter().take(MAX_CHECKED_COMMENTERS);
    let rights = join_all(asked.clone().map(|login| may_write_repository(client, &name.repo, login))).await;
    let rights: HashMap<&str, Result<bool, GitHubFailure>> = asked.copied().zip(rights).collect();
    let comment = |node: &crate::github::facts::details::CommentNode| {
        let may = match node.author.as_ref().and_then(|author| rights.get(author.login.as_str())) {
            Some(Ok(may)) => Ok(*may),
            Some(Err(failure)) => Err(gap(failure)),
            None => Err(gap(&GitHubFailure::new("it is not known what this account may do"))),
        };
        PullComment {
            by: account_of_actor(node.author.as_ref()),
            at: node.created_at,
            text: Text::from(node.body.as_str()),
            is_edited: node.last_edited_at.is_some(),
            may_approve: may,
        }
    };
    let mut comments: Vec<PullComment> = nodes.iter().map(comment).collect();
    comments.sort_by_key(|comment| comment.at);
    Ok(comments)
}

async fn may_write_repository(
    client: &GitHubClient,
    repo: &RepositoryName,
    login: &str,
) -> Result<bool, GitHubFailure> {
    let path =
        format!("{}/collaborators/{}/permission", repo.rest_path(), escape_path(login).replace('/', "%2F"));
    match client.fetch_json::<RestPermission>(path).await {
        Ok(found) => Ok(matches!(found.permission.as_str(), "admin" | "write" | "maintain")),
        // Whoever is no user at all, as an app, has no rights here.
        Err(GitHubFailure { status: Some(404), .. }) => Ok(false),
        Err(failure) => Err(failure),
    }
}

/// Returns the labels, each with who put it there last.
pub(crate) fn collect_labels(pull: &rest::RestPullRequest, told: DetailsResult<'_>) -> Fact<Vec<PullLabel>> {
    let gap = |why: &str| Missing::Unavailable(FactKind::Pull, why.to_owned());
    let timeline = told.and_then(|details| details.timeline.as_ref()).map_err(|failure| gap(&failure.why));
    let set_by = |name: &str| {
        let items = timeline.clone()?;
        let set = items.iter().filter_map(|item| match item {
            TimelineItem::Labeled { created_at, label, actor } if label.name == name => {
                Some((created_at, actor))
            }
            _ => None,
        });
        let (at, actor) =
            set.max_by_key(|(at, _)| **at).ok_or_else(|| gap("GitHub does not tell who set this label"))?;
        Ok((account_of_actor(actor.as_ref()), *at))
    };
    let label = |label: &rest::RestLabel| {
        let (by, at) = match set_by(&label.name) {
            Ok((by, at)) => (Ok(by), Some(at)),
            Err(gap) => (Err(gap), None),
        };
        PullLabel { name: Text::from(label.name.as_str()), by, at }
    };
    Ok(pull.labels.iter().map(label).collect())
}

/// Returns what the description said after each edit, oldest first.
pub(crate) fn collect_edits(
    pull: &rest::RestPullRequest,
    told: DetailsResult<'_>,
) -> Fact<Vec<DescriptionEdit>> {
    let gap = |failure: &GitHubFailure| Missing::Unavailable(FactKind::Reviews, failure.why.clone());
    let details = told.map_err(gap)?;
    let nodes = details.edits.as_ref().map_err(gap)?;
    if details.last_edited_at.is_none() && nodes.is_empty() {
        return Ok(Vec::new());
    }
    let mut edits: Vec<DescriptionEdit> = nodes
        .iter()
        .map(|node| {
            // GitHub's `diff` is the text after the edit; of one that was taken away nothing is left.
            let text = node.diff.as_deref().filter(|_| node.deleted_at.is_none());
            DescriptionEdit { at: node.edited_at, statements: text.map(description::read_statements) }
        })
        .collect();
    edits.sort_by_key(|edit| edit.at);
    if !details.includes_created_edit {
        // What it said when it was opened is not told.
        edits.insert(0, DescriptionEdit { at: pull.created_at, statements: None });
    }
    Ok(edits)
}

/// Returns when the pull request was last pointed at another branch.
pub(crate) fn find_retarget_time(told: DetailsResult<'_>) -> Fact<Option<jiff::Timestamp>> {
    let gap = |failure: &GitHubFailure| Missing::Unavailable(FactKind::Reviews, failure.why.clone());
    let items = told.and_then(|details| details.timeline.as_ref()).map_err(gap)?;
    Ok(items
        .iter()
        .filter_map(|item| match item {
            TimelineItem::BaseRefChanged { created_at } => Some(*created_at),
            TimelineItem::Labeled { .. } => None,
        })
        .max())
}

/// Returns the conversations about lines.
pub(crate) fn collect_conversations(told: DetailsResult<'_>) -> Fact<Vec<ReviewConversation>> {
    let gap = |failure: &GitHubFailure| Missing::Unavailable(FactKind::Conversations, failure.why.clone());
    let threads = told.and_then(|details| details.threads.as_ref()).map_err(gap)?;
    Ok(threads
        .iter()
        .map(|thread| {
            let first = thread.comments.nodes.first();
            ReviewConversation {
                is_resolved: thread.is_resolved,
                by: account_of_actor(first.and_then(|comment| comment.author.as_ref())),
                path: Text::from(thread.path.as_str()),
                url: Text::from(first.and_then(|comment| comment.url.as_deref()).unwrap_or_default()),
            }
        })
        .collect())
}
