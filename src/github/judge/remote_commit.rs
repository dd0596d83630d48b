//! The commit that a policy of another repository is read at.

use serde::Deserialize;
use serde_json::json;

use crate::change::Oid;
use crate::github::api::GitHubClient;
use crate::github::api::graphql::{GraphqlObjectId, RepositoryResponse};
use crate::github::api::names::RepositoryName;
use crate::github::api::request::GitHubFailure;
use crate::policy::{RemotePolicyFile, RemoteRevision};

const COMMIT_QUERY: &str = include_str!("../api/queries/remote_commit.graphql");

#[derive(Deserialize)]
struct RemoteRepository {
    branch: Option<RemoteObject>,
    tag: Option<RemoteObject>,
}

#[derive(Deserialize)]
struct RemoteObject {
    oid: Oid,
    /// What an annotated tag leads to.
    target: Option<GraphqlObjectId>,
}

impl RemoteObject {
    fn commit_id(&self) -> Oid {
        self.target.as_ref().map_or(self.oid, |target| target.oid)
    }
}

/// Returns the repository and the commit of a policy of another repository; or, in words, why there is none.
///
/// # Errors
///
/// Fails if GitHub does not answer.
pub(crate) async fn find_remote_commit(
    client: &GitHubClient,
    remote: &RemotePolicyFile,
) -> Result<Result<(RepositoryName, Oid), String>, GitHubFailure> {
    let name = &remote.repository;
    let Some(repo) = RepositoryName::parse_name(name) else {
        return Ok(Err(format!("`{name}` is no repository on GitHub, which is named OWNER/REPO")));
    };
    let mut names = match &remote.revision {
        RemoteRevision::Commit(id) => vec![id.to_string()],
        RemoteRevision::Ref(_) => remote.revision.list_ref_names(),
    };
    // A branch comes before a tag; one name stands for both.
    let tag = names.pop().unwrap_or_default();
    let branch = names.pop().unwrap_or_else(|| tag.clone());
    let is_one = branch == tag;
    let variables = json!({ "owner": repo.owner, "name": repo.name, "branch": branch, "tag": tag });
    let answer = client.run_partial_query(COMMIT_QUERY, variables).await?;
    let data: RepositoryResponse<RemoteRepository> = answer.data;
    // To a token that may not see it, GitHub answers that it does not exist.
    let Some(found) = data.repository else {
        return Ok(Err(format!(
            "GitHub has no repository {name}, or does not show it to this token; give the token `contents: read` there"
        )));
    };
    if let Some((_, why)) = answer.errors.into_iter().next() {
        return Err(GitHubFailure::new(why));
    }
    let revision = remote.revision.as_text();
    Ok(match (found.branch, found.tag) {
        (Some(only), Some(_)) if is_one => Ok((repo, only.commit_id())),
        (Some(_), Some(_)) => Err(format!(
            "{name} has a branch and a tag `{revision}`; write refs/heads/{revision} or refs/tags/{revision}"
        )),
        (Some(only), None) | (None, Some(only)) => Ok((repo, only.commit_id())),
        (None, None) => Err(match remote.revision {
            RemoteRevision::Commit(_) => format!("{name} has no commit {revision}"),
            RemoteRevision::Ref(_) => format!("{name} has no branch or tag `{revision}`"),
        }),
    })
}
