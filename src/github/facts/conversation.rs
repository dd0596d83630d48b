//! What people say about a pull request: reviews, comments, labels, edits, conversations.

use std::collections::{HashMap, HashSet};

use futures_util::future::join_all;
use jiff::Timestamp;

use crate::change::description::{self, TemplateText};
use crate::change::pull_request::{
    DescriptionEdit, ForgeAccount, PullComment, PullLabel, PullReview, PullRevision, ReviewConversation,
    ReviewDismissal, ReviewState,
};
use crate::change::{Fact, FactKind, Missing, Oid, Person, Text};
use crate::github::api::GitHubClient;
use crate::github::api::graphql::GraphqlSignature;
use crate::github::api::names::{PullRequestName, RepositoryName, escape_path};
use crate::github::api::request::{GitHubFailure, printable_line};
use crate::github::api::rest::{RestPermission, RestPullRequest, RestReview};
use crate::github::facts::accounts::{account_of_actor, account_of_user};
use crate::github::facts::details::{
    CommentNode, DescriptionEditNode, PullRequestDetails, ReviewNode, ReviewedCommit,
};
use crate::github::facts::timeline::TimelineItem;

/// For how many people who comment GitHub is asked whether they may write.
const MAX_CHECKED_COMMENTERS: usize = 200;

/// How many of them are looked up at the same time; GitHub turns away a client that asks for too much at once.
const MAX_CONCURRENT_LOOKUPS: usize = 20;

/// The facts that only GraphQL tells, or why none of them could be read.
type DetailsResult<'details> = Result<&'details PullRequestDetails, &'details GitHubFailure>;

/// Reads every review, oldest first.
pub(crate) async fn list_reviews(
    client: &GitHubClient,
    name: &PullRequestName,
) -> Result<Vec<RestReview>, GitHubFailure> {
    let path = format!("{}/pulls/{}/reviews?per_page=100", name.repo.rest_path(), name.number);
    let reviews: Vec<RestReview> = client.fetch_whole_list(path).await?;
    let mut ids = HashSet::new();
    if reviews.iter().any(|review| !ids.insert(review.id)) {
        return Err(GitHubFailure::contradiction("GitHub lists a review twice"));
    }
    Ok(reviews)
}

/// Checks that GraphQL tells of the same reviews as the list: one that only one of them has came, or went, while the
/// pull request was being read.
///
/// # Errors
///
/// Fails if there is one.
pub(crate) fn check_same_reviews(
    listed: &[RestReview],
    details: DetailsResult<'_>,
) -> Result<(), GitHubFailure> {
    // Where GraphQL tells nothing, the parts of it are gaps by themselves.
    let Ok(nodes) = details.and_then(|details| details.reviews.as_ref()) else { return Ok(()) };
    for listed in listed {
        let is_handed_in = parse_review_state(&listed.state) != ReviewState::Pending;
        if is_handed_in && !nodes.iter().any(|node| is_same_review(node, listed)) {
            return Err(GitHubFailure::contradiction(format!(
                "GitHub lists the review {} and does not tell the rest of it",
                listed.id
            )));
        }
    }
    for node in nodes {
        let is_handed_in = node.state.as_deref() != Some("PENDING");
        if is_handed_in && !listed.iter().any(|listed| is_same_review(node, listed)) {
            return Err(GitHubFailure::contradiction("a review came while the pull request was being read"));
        }
    }
    Ok(())
}

/// Returns the gap of a fact that GitHub failed to tell.
pub(crate) fn missing_fact(kind: FactKind, failure: &GitHubFailure) -> Missing {
    Missing::Unavailable(kind, failure.why.clone())
}

/// Returns the reviews, each with what GraphQL adds.
pub(crate) fn combine_reviews(listed: &[RestReview], details: DetailsResult<'_>) -> Vec<PullReview> {
    let nodes = details.and_then(|details| details.reviews.as_ref().map(Vec::as_slice));
    let timeline = match details.and_then(|details| details.timeline.as_ref()) {
        Ok(items) => items.as_slice(),
        // A dismissed review without its event stays undecided.
        Err(_) => &[],
    };
    let mut reviews = Vec::with_capacity(listed.len());
    for review in listed {
        let dismissal = find_dismissal(timeline, review.id);
        reviews.push(PullReview { dismissal, ..combine_review(review, nodes) });
    }
    reviews
}

/// Returns who last dismissed the review with this id, and what it said before.
fn find_dismissal(timeline: &[TimelineItem], id: u64) -> Option<ReviewDismissal> {
    let mut last: Option<(Timestamp, ReviewDismissal)> = None;
    for item in timeline {
        let TimelineItem::ReviewDismissed { created_at, previous_review_state, review, actor } = item else {
            continue;
        };
        if review.as_ref().and_then(|review| review.database_id) != Some(id)
            || last.as_ref().is_some_and(|(at, _)| at > created_at)
        {
            continue;
        }
        let dismissal = ReviewDismissal {
            by: account_of_actor(actor.as_ref()),
            dismissed_state: parse_review_state(previous_review_state),
            at: *created_at,
        };
        last = Some((*created_at, dismissal));
    }
    last.map(|(_, dismissal)| dismissal)
}

fn combine_review(listed: &RestReview, nodes: Result<&[ReviewNode], &GitHubFailure>) -> PullReview {
    let node = nodes.map(|nodes| nodes.iter().find(|node| is_same_review(node, listed)));
    let may_approve = match node {
        Ok(Some(ReviewNode { author_can_push_to_repository: Some(may), .. })) => Ok(*may),
        Ok(_) => {
            let why = "GitHub does not tell whether this account may write".to_owned();
            Err(Missing::Unavailable(FactKind::Reviews, why))
        }
        Err(failure) => Err(missing_fact(FactKind::Reviews, failure)),
    };
    let commit = match node {
        Ok(Some(node)) => node.commit.as_ref(),
        _ => None,
    };
    PullReview {
        by: account_of_user(listed.user.as_ref()),
        state: parse_review_state(&listed.state),
        revision: listed.commit_id.map(|id| reviewed_revision(id, commit)),
        at: listed.submitted_at,
        may_approve,
        dismissal: None,
        url: Text::from(listed.html_url.as_deref().unwrap_or_default()),
    }
}

fn is_same_review(node: &ReviewNode, listed: &RestReview) -> bool {
    node.database_id == Some(listed.id) || (node.id.is_some() && node.id == listed.node_id)
}

/// Returns the revision that a review is about. Tree and parents count only if they are of the revision that
/// the review names.
fn reviewed_revision(id: Oid, commit: Option<&ReviewedCommit>) -> PullRevision {
    match commit {
        Some(commit) if commit.oid == id && commit.parents.is_complete() => PullRevision {
            id,
            tree: Some(commit.tree.oid),
            parents: commit.parents.nodes.iter().map(|parent| parent.oid).collect(),
            message: Text::from(commit.message.as_str()),
            author: read_signature(commit.author.as_ref()),
            committer: read_signature(commit.committer.as_ref()),
            replaced_messages: None,
        },
        _ => PullRevision {
            id,
            tree: None,
            parents: Vec::new(),
            message: Text::default(),
            author: None,
            committer: None,
            replaced_messages: None,
        },
    }
}

/// Returns the person whom a commit names; `None` if GitHub does not tell, in whole.
fn read_signature(signature: Option<&GraphqlSignature>) -> Option<Person> {
    let signature = signature?;
    let (name, email) = (signature.name.as_deref()?, signature.email.as_deref()?);
    Some(Person { name: Text::from(name), email: Text::from(email) })
}

/// Reads the state of a review: the API writes it in capitals, events do not.
pub(crate) fn parse_review_state(written: &str) -> ReviewState {
    match written.to_ascii_uppercase().as_str() {
        "APPROVED" => ReviewState::Approved,
        "CHANGES_REQUESTED" => ReviewState::ChangesRequested,
        "COMMENTED" => ReviewState::Commented,
        "DISMISSED" => ReviewState::Dismissed,
        "PENDING" => ReviewState::Pending,
        _ => ReviewState::Other(printable_line(written, 40)),
    }
}

/// Returns the comments, each with whether its author may write to the repository now.
pub(crate) async fn collect_comments(
    client: &GitHubClient,
    name: &PullRequestName,
    details: DetailsResult<'_>,
) -> Fact<Vec<PullComment>> {
    // Each author is looked up once.
    let nodes = match details.and_then(|details| details.comments.as_ref()) {
        Ok(nodes) => nodes,
        Err(failure) => return Err(missing_fact(FactKind::Comments, failure)),
    };
    let mut logins: Vec<&str> = Vec::new();
    for node in nodes {
        if let Some(author) = &node.author {
            logins.push(&author.login);
        }
    }
    logins.sort_unstable();
    logins.dedup();
    logins.truncate(MAX_CHECKED_COMMENTERS);
    let mut rights = Vec::with_capacity(logins.len());
    for some in logins.chunks(MAX_CONCURRENT_LOOKUPS) {
        rights
            .extend(join_all(some.iter().map(|login| may_write_repository(client, &name.repo, login))).await);
    }
    let rights: HashMap<&str, Result<bool, GitHubFailure>> = logins.into_iter().zip(rights).collect();
    let mut comments = Vec::with_capacity(nodes.len());
    for node in nodes {
        comments.push(PullComment {
            by: account_of_actor(node.author.as_ref()),
            at: node.created_at,
            text: Text::from(node.body.as_str()),
            is_edited: node.last_edited_at.is_some(),
            may_approve: find_commenter_rights(node, &rights),
        });
    }
    comments.sort_by_key(|comment| comment.at);
    Ok(comments)
}

fn find_commenter_rights(
    node: &CommentNode,
    rights: &HashMap<&str, Result<bool, GitHubFailure>>,
) -> Fact<bool> {
    let found = node.author.as_ref().and_then(|author| rights.get(author.login.as_str()));
    match found {
        Some(Ok(may)) => Ok(*may),
        Some(Err(failure)) => Err(missing_fact(FactKind::Comments, failure)),
        None => {
            let why = format!(
                "it is not known whether this account may write; \
                 GitHub is asked about {MAX_CHECKED_COMMENTERS} accounts that comment"
            );
            Err(Missing::Unavailable(FactKind::Comments, why))
        }
    }
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
        // An account that is no user, such as an app, has no rights here.
        Err(GitHubFailure { status: Some(404), .. }) => Ok(false),
        Err(failure) => Err(failure),
    }
}

/// Returns the labels, each with the account that set it last.
pub(crate) fn collect_labels(pull: &RestPullRequest, details: DetailsResult<'_>) -> Fact<Vec<PullLabel>> {
    let timeline = details.and_then(|details| details.timeline.as_ref());
    let mut labels = Vec::with_capacity(pull.labels.len());
    for label in &pull.labels {
        let found = match timeline {
            Ok(items) => find_label_event(items, &label.name),
            Err(failure) => Err(missing_fact(FactKind::Pull, failure)),
        };
        let (by, at) = match found {
            Ok((by, at)) => (Ok(by), Some(at)),
            Err(missing) => (Err(missing), None),
        };
        labels.push(PullLabel { name: Text::from(label.name.as_str()), by, at });
    }
    Ok(labels)
}

/// Returns which account set a label last, and when.
fn find_label_event(items: &[TimelineItem], name: &str) -> Fact<(Option<ForgeAccount>, Timestamp)> {
    let mut last = None;
    for item in items {
        if let TimelineItem::Labeled { created_at, label, actor } = item
            && label.name == name
            && last.is_none_or(|(at, _)| at <= *created_at)
        {
            last = Some((*created_at, actor));
        }
    }
    match last {
        Some((at, actor)) => Ok((account_of_actor(actor.as_ref()), at)),
        None => {
            let why = "GitHub does not tell who set this label".to_owned();
            Err(Missing::Unavailable(FactKind::Pull, why))
        }
    }
}

/// Returns what the description said after each edit, oldest first.
pub(crate) fn collect_edits(
    pull: &RestPullRequest,
    details: DetailsResult<'_>,
    template: &TemplateText,
) -> Fact<Vec<DescriptionEdit>> {
    let details = details.map_err(|failure| missing_fact(FactKind::Reviews, failure))?;
    let nodes = details.edits.as_ref().map_err(|failure| missing_fact(FactKind::Reviews, failure))?;
    if details.last_edited_at.is_none() && nodes.is_empty() {
        return Ok(Vec::new());
    }
    let mut edits: Vec<DescriptionEdit> = nodes.iter().map(|node| convert_edit(node, template)).collect();
    edits.sort_by_key(|edit| edit.at);
    if !details.includes_created_edit {
        // GitHub does not tell what it said when it was opened.
        edits.insert(0, DescriptionEdit { at: pull.created_at, statements: None });
    }
    Ok(edits)
}

fn convert_edit(node: &DescriptionEditNode, template: &TemplateText) -> DescriptionEdit {
    // GitHub's `diff` is the text after the edit; of an edit that was deleted nothing is left.
    let text = if node.deleted_at.is_none() { node.diff.as_deref() } else { None };
    let statements = text.map(|text| description::read_description(text, template).statements);
    DescriptionEdit { at: node.edited_at, statements }
}

/// Returns when the base of the pull request was last changed, replaced or deleted; `None` if it never was.
/// What happened after `merged_at` concerns no approval: a merge often ends with the deletion of branches.
pub(crate) fn find_retarget_time(
    details: DetailsResult<'_>,
    merged_at: Option<Timestamp>,
) -> Fact<Option<Timestamp>> {
    let items = match details.and_then(|details| details.timeline.as_ref()) {
        Ok(items) => items,
        Err(failure) => return Err(missing_fact(FactKind::Reviews, failure)),
    };
    let mut last = None;
    for item in items {
        if let TimelineItem::BaseChanged { created_at } = item
            && merged_at.is_none_or(|merged| *created_at <= merged)
        {
            last = last.max(Some(*created_at));
        }
    }
    Ok(last)
}

/// Returns the conversations about lines of the change.
pub(crate) fn collect_conversations(details: DetailsResult<'_>) -> Fact<Vec<ReviewConversation>> {
    let threads = match details.and_then(|details| details.threads.as_ref()) {
        Ok(threads) => threads,
        Err(failure) => return Err(missing_fact(FactKind::Conversations, failure)),
    };
    let mut conversations = Vec::with_capacity(threads.len());
    for thread in threads {
        let first = thread.comments.nodes.first();
        conversations.push(ReviewConversation {
            is_resolved: thread.is_resolved,
            by: account_of_actor(first.and_then(|comment| comment.author.as_ref())),
            path: Text::from(thread.path.as_str()),
            url: Text::from(first.and_then(|comment| comment.url.as_deref()).unwrap_or_default()),
        });
    }
    Ok(conversations)
}
